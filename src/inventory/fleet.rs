//! A directory of inventories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::codes;
use super::library::Library;
use crate::diag::{Diagnostic, Report};
use crate::source::{Sources, Span};

/// The inventories of a directory: every `*.yaml` in it, and every `inventory.yaml` in a folder of it, that names a
/// datacenter.
#[derive(Debug)]
pub struct Fleet {
    /// Every file that was read.
    pub library: Library,
    /// The inventories, by the order of their paths.
    pub members: Vec<PathBuf>,
}

impl Fleet {
    /// An inventory alone.
    pub fn of_one(inventory: &Path, sources: &mut Sources) -> anyhow::Result<Self> {
        let members = vec![inventory.to_owned()];
        Ok(Self { library: Library::read(&members, sources)?, members })
    }

    /// Reads a directory. What is wrong with the fleet as a whole is in the report; without any datacenter it is no fleet.
    pub fn read(folder: &Path, sources: &mut Sources, report: &mut Report) -> anyhow::Result<Self> {
        let Candidates { inventories: candidates, unread } = Candidates::of(folder)?;
        let read: Vec<PathBuf> = candidates.iter().chain(&unread).cloned().collect();
        let library = Library::read(&read, sources)?;
        let canonical: BTreeMap<PathBuf, &PathBuf> =
            candidates.iter().filter_map(|path| Some((path.canonicalize().ok()?, path))).collect();
        let named = |path: &&Path| library.datacenter(path).is_some();
        let mut owned: BTreeSet<&Path> = BTreeSet::new();
        for path in canonical.keys().map(PathBuf::as_path).filter(named) {
            owned.extend(library.reached(path));
        }
        let mut members = Vec::new();
        for (path, given) in &canonical {
            // What cannot be read may be an inventory, and so may what has a mistyped key: their mistakes are told.
            let doubtful = library.is_broken(path) || library.is_mistyped(path);
            let broken = doubtful && !owned.contains(path.as_path());
            if library.datacenter(path).is_some() || broken {
                members.push((*given).clone());
            } else if !owned.contains(path.as_path())
                && let Some(start) = library.start(path)
            {
                report.push(unowned(start));
            }
        }
        for path in &unread {
            let Ok(whole) = path.canonicalize() else { continue };
            if let Some(start) = library.start(&whole).filter(|_| !owned.contains(whole.as_path()))
            {
                report.push(
                    Diagnostic::new(
                        &codes::UNREAD,
                        start,
                        "this file is not read",
                        "ends in `.yml`",
                    )
                    .help("rename it to end in `.yaml`, or move it out of the fleet's directory"),
                );
            }
        }
        if members.is_empty() {
            bail!(
                "no datacenter in {0}: neither {0}/*.yaml nor {0}/*/inventory.yaml has the key `datacenter`",
                folder.display()
            );
        }
        refuse_shared_names(&library, &members, report);
        Ok(Self { library, members })
    }
}

/// The files of a folder that may be inventories, sorted.
struct Candidates {
    inventories: Vec<PathBuf>,
    /// Those that would be, if they ended in `.yaml`.
    unread: Vec<PathBuf>,
}

impl Candidates {
    fn of(folder: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read {}", folder.display());
        let (mut inventories, mut unread) = (Vec::new(), Vec::new());
        for entry in std::fs::read_dir(folder).with_context(cannot)? {
            let path = entry.with_context(cannot)?.path();
            let path = path.strip_prefix("./").map(Path::to_owned).unwrap_or(path);
            let hidden =
                path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
            if hidden {
                continue;
            }
            let ends = |end: &str| path.extension().is_some_and(|found| found == end);
            if path.is_dir() {
                let nested = |name: &str| Some(path.join(name)).filter(|path| path.is_file());
                inventories.extend(nested("inventory.yaml"));
                unread.extend(nested("inventory.yml"));
            } else if path.is_file() && ends("yaml") {
                inventories.push(path);
            } else if path.is_file() && ends("yml") {
                unread.push(path);
            }
        }
        inventories.sort();
        unread.sort();
        Ok(Self { inventories, unread })
    }
}

fn unowned(start: Span) -> Diagnostic {
    let title = "this file belongs to no datacenter";
    Diagnostic::new(&codes::UNOWNED, start, title, "no `datacenter`, and nothing includes it")
        .note("what it says is in no bundle")
        .help("include it, or move it out of the fleet's directory")
}

/// Two datacenters of one name would be one bundle.
fn refuse_shared_names(library: &Library, members: &[PathBuf], report: &mut Report) {
    let mut first: BTreeMap<String, Span> = BTreeMap::new();
    for member in members {
        let Ok(path) = member.canonicalize() else { continue };
        let Some(name) = library.datacenter(&path) else { continue };
        match first.get(name.value) {
            Some(earlier) => report.push(
                Diagnostic::new(
                    &codes::DUPLICATE_KEY,
                    name.span,
                    format!("two inventories of the fleet are called `{}`", name.value),
                    "second time",
                )
                .also(*earlier, "first time")
                .help("each datacenter has a name of its own: its bundle's folder"),
            ),
            None => drop(first.insert(name.value.to_owned(), name.span)),
        }
    }
}
