//! `bundle.json`: what lbgen owns in a bundle's folder.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, bail};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::{BundleFile, Controllers, sha256};
use crate::model::Entry;

/// Its path in the bundle.
pub const PATH: &str = "bundle.json";

/// One line of it.
#[derive(Serialize)]
struct Owned<'a> {
    path: &'a str,
    /// Octal digits.
    mode: String,
    /// Hexadecimal digits.
    sha256: String,
}

/// The part of the list that is read back.
#[derive(Deserialize)]
struct List {
    version: u32,
    #[serde(default)]
    lbgen: String,
    files: Vec<Listed>,
}

/// The part of the list that says who wrote it.
#[derive(Deserialize)]
struct Head {
    #[serde(default)]
    lbgen: String,
}

#[derive(Deserialize)]
struct Listed {
    path: String,
}

/// `bundle.json` of these files, and of the programs that read their objects: one per line, so that git merges it.
pub fn of(files: &[BundleFile], controllers: &Controllers) -> anyhow::Result<BundleFile> {
    let mut body = format!(
        "{{\n\"version\": 1,\n\"lbgen\": {:?},\n{}\"files\": [",
        env!("CARGO_PKG_VERSION"),
        controllers.lines()?
    );
    let line = |file: &BundleFile| {
        let (mode, sha256) = (format!("{:04o}", file.mode), sha256(file.body.as_bytes()));
        serde_json::to_string(&Owned { path: &file.path, mode, sha256 })
    };
    let lines: Vec<String> = files.par_iter().map(line).collect::<Result<_, _>>()?;
    write!(body, "\n{}\n]\n}}\n", lines.join(",\n"))?;
    Ok(BundleFile {
        path: PATH.to_owned(),
        mode: 0o644,
        body: body.into(),
        from: vec![Entry::Datacenter],
    })
}

/// The version of the lbgen that wrote a `bundle.json`, and the paths that it names. One that reaches outside the bundle
/// is an error.
pub fn read(text: &str) -> anyhow::Result<(String, Vec<String>)> {
    if text.lines().any(|line| line.starts_with("<<<<<<< ") || line.starts_with(">>>>>>> ")) {
        bail!(
            "it holds the marks of a merge conflict; remove the file and render, which writes it anew"
        );
    }
    let list: List = serde_json::from_str(text).context(
        "it is not a bundle.json of lbgen; remove the file and render, which writes it anew",
    )?;
    if list.version != 1 {
        bail!("it has version {}, which this lbgen does not know", list.version);
    }
    for listed in &list.files {
        let inside = listed.path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !listed.path.contains('\0');
        if !inside {
            bail!("it names {:?}, which is not inside the bundle", listed.path);
        }
    }
    Ok((list.lbgen, list.files.into_iter().map(|listed| listed.path).collect()))
}

/// The version of the lbgen that rendered a bundle, where that is a later one than this.
pub fn newer_writer(bundle: &Path) -> Option<String> {
    let text = std::fs::read_to_string(bundle.join(PATH)).ok()?;
    let Head { lbgen: writer } = serde_json::from_str(&text).ok()?;
    let numbers = |version: &str| -> Option<Vec<u64>> {
        let release = version.split(['-', '+']).next()?;
        release.split('.').map(|number| number.parse().ok()).collect()
    };
    (numbers(&writer)? > numbers(env!("CARGO_PKG_VERSION"))?).then_some(writer)
}
