//! The page of a fleet: its datacenters, and what differs between them.

use minijinja::Value;
use minijinja::value::Serde;
use serde::Serialize;

use super::{STYLE, environment, hash};

/// The datacenters of a fleet.
#[derive(Debug)]
pub struct Index {
    /// The title of the page: the folder that was asked for.
    pub title: String,
    /// In the order of their files.
    pub pages: Vec<IndexRow>,
    /// Entry, key, and what each datacenter says there.
    pub rows: Vec<(String, String, Vec<String>)>,
}

/// A datacenter and its page.
#[derive(Debug, Serialize)]
pub struct IndexRow {
    /// The name of the datacenter.
    pub name: String,
    /// Its page, beside the index.
    pub file: String,
    /// The counts of its nodes, VIPs and so on, in a line.
    pub counts: String,
}

/// A row of the comparison.
#[derive(Serialize)]
struct Row<'a> {
    entry: &'a str,
    key: &'a str,
    values: &'a [String],
}

#[derive(Serialize)]
struct Context<'a> {
    title: &'a str,
    pages: &'a [IndexRow],
    rows: Vec<Row<'a>>,
    version: &'a str,
    style: &'a str,
    style_hash: String,
}

impl Index {
    /// The page.
    pub fn html(&self) -> anyhow::Result<String> {
        let rows = self.rows.iter().map(|(entry, key, values)| Row { entry, key, values });
        let environment = environment()?;
        let template = environment.get_template("index")?;
        let context = Context {
            title: &self.title,
            pages: &self.pages,
            rows: rows.collect(),
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            style_hash: hash(STYLE),
        };
        Ok(template.render(Value::from(Serde(context)))?)
    }
}
