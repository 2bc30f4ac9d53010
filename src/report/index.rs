//! The page of a fleet: its datacenters, and what differs between them.

use std::collections::BTreeMap;

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
    pub rows: Vec<Difference>,
}

/// Entry, key, and what each datacenter says there; empty where nothing has to be said.
pub type Difference = (String, String, Vec<String>);

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

/// Entries that differ in one way.
#[derive(Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Row<'a> {
    /// Their kind, such as `domains`.
    kind: &'a str,
    key: &'a str,
    /// Each value, and the datacenters that say it.
    values: Vec<(&'a str, String)>,
}

/// A row, and the names of its entries.
#[derive(Serialize)]
struct Entries<'a> {
    row: Row<'a>,
    names: Vec<&'a str>,
}

/// More names in a cell tell a person nothing.
const NAMES: usize = 8;

/// Differences of one kind are one row: 50 datacenters of 200 domains each have 10,000 of them.
fn entries<'a>(pages: &'a [IndexRow], rows: &'a [Difference]) -> Vec<Entries<'a>> {
    let mut grouped: BTreeMap<Row<'a>, Vec<&'a str>> = BTreeMap::new();
    for (entry, key, said) in rows {
        let kind = entry.split(['[', '.']).next().unwrap_or(entry);
        let mut values: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (value, page) in said.iter().zip(pages).filter(|(value, _)| !value.is_empty()) {
            values.entry(value).or_default().push(&page.name);
        }
        let names = |names: Vec<&str>| match names.split_at_checked(NAMES) {
            Some((shown, more)) if !more.is_empty() => {
                format!("{} and {} more", shown.join(", "), more.len())
            }
            _ => names.join(", "),
        };
        let values = values.into_iter().map(|(value, said)| (value, names(said))).collect();
        grouped.entry(Row { kind, key, values }).or_default().push(entry);
    }
    grouped.into_iter().map(|(row, names)| Entries { row, names }).collect()
}

#[derive(Serialize)]
struct Context<'a> {
    title: &'a str,
    pages: &'a [IndexRow],
    rows: Vec<Entries<'a>>,
    version: &'a str,
    style: &'a str,
    style_hash: String,
}

impl Index {
    /// The page.
    pub fn html(&self) -> anyhow::Result<String> {
        let environment = environment()?;
        let template = environment.get_template("index")?;
        let context = Context {
            title: &self.title,
            pages: &self.pages,
            rows: entries(&self.pages, &self.rows),
            version: env!("CARGO_PKG_VERSION"),
            style: STYLE,
            style_hash: hash(STYLE),
        };
        Ok(template.render(Value::from(Serde(context)))?)
    }
}
