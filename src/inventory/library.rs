//! The files of inventories, each read and parsed once: those that are asked for, and all that they include.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use super::include::{self, Link};
use super::merge::Merge;
use super::node::{Kind, Node};
use super::{decode, first_line, raw, read_at_most, read_root, shown, yaml};
use crate::diag::{Report, nearest};
use crate::source::{FileId, Loc, Sources, Span};

/// Files that were read.
#[derive(Debug, Default)]
pub struct Library {
    /// By their canonical paths.
    files: BTreeMap<PathBuf, File>,
}

/// A file and what it says.
#[derive(Debug)]
pub(super) struct File {
    /// Its first line.
    pub start: Span,
    /// `None` where it cannot be read; the report says why.
    pub root: Option<Node>,
    /// The files that it includes, in the order of the patterns.
    pub links: Vec<Link>,
    /// The problems found in it.
    pub report: Report,
}

/// The inventories where one is missing: files beside it that may be meant, and folders that have one.
fn beside(missing: &Path) -> Vec<String> {
    /// More names tell a person nothing.
    const SHOWN: usize = 6;
    let folder = missing.parent().filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new("."));
    let names_a_datacenter = |path: &Path| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line.starts_with("datacenter:"))
    };
    let mut found: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let path = if path.is_dir() { path.join("inventory.yaml") } else { path };
            let is_yaml = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
            let shown = path.strip_prefix("./").unwrap_or(&path).display().to_string();
            (is_yaml && names_a_datacenter(&path)).then_some(shown)
        })
        .collect();
    // From a folder of team files, the inventory is one above.
    let above = folder.join("../inventory.yaml");
    if found.is_empty() && names_a_datacenter(&above) {
        found.push(above.strip_prefix("./").unwrap_or(&above).display().to_string());
    }
    found.sort();
    found.truncate(SHOWN);
    found
}

/// A file that is to be read, and the folder above which it must not look.
struct Wanted {
    path: PathBuf,
    repository: PathBuf,
}

impl Library {
    /// Reads inventories and what they include, level by level, so that ids of files do not depend on which is read first.
    /// An inventory that cannot be opened is an error of the world.
    pub fn read(inventories: &[PathBuf], sources: &mut Sources) -> anyhow::Result<Self> {
        let mut library = Self::default();
        let mut level = Vec::new();
        for path in inventories {
            let cannot = || format!("cannot read the inventory {}", path.display());
            let about = std::fs::metadata(path).with_context(|| match beside(path) {
                names if names.is_empty() => cannot(),
                names => format!("{}; there is {}", cannot(), names.join(", ")),
            })?;
            if about.is_dir() {
                bail!("{} is a directory; name the inventory file in it", path.display());
            }
            let path = path.canonicalize().with_context(cannot)?;
            level.push(Wanted { repository: include::repository(&path), path });
        }
        while !level.is_empty() {
            level = library.read_level(level, sources)?;
        }
        Ok(library)
    }

    /// Reads some files, and says what they include that is not there yet.
    fn read_level(
        &mut self,
        level: Vec<Wanted>,
        sources: &mut Sources,
    ) -> anyhow::Result<Vec<Wanted>> {
        let bytes: Vec<_> = level.par_iter().map(|wanted| read_at_most(&wanted.path)).collect();
        let mut read: Vec<(Wanted, Option<FileId>, Report)> = Vec::new();
        for (wanted, bytes) in level.into_iter().zip(bytes) {
            let bytes = bytes.with_context(|| format!("cannot read {}", wanted.path.display()))?;
            let mut report = Report::default();
            let file = decode(shown(&wanted.path), bytes, sources, &mut report);
            read.push((wanted, file, report));
        }
        let sources = &*sources;
        let parsed: Vec<(Wanted, File)> = read
            .into_par_iter()
            .map(|(wanted, file, mut report)| {
                let root =
                    file.and_then(|file| yaml::parse(file, &sources.get(file).text, &mut report));
                let links = root.as_ref().map_or_else(Vec::new, |root| {
                    include::links(root, &wanted.path, &wanted.repository, &mut report)
                });
                if root.is_none() && report.has_errors() {
                    report.set_partial();
                }
                let start =
                    file.map_or(Span::of_file(FileId::default()), |file| first_line(file, sources));
                (wanted, File { start, root, links, report })
            })
            .collect();
        let mut next = BTreeMap::new();
        for (wanted, file) in parsed {
            for link in &file.links {
                next.insert(link.path.clone(), wanted.repository.clone());
            }
            self.files.insert(wanted.path, file);
        }
        next.retain(|path, _| !self.files.contains_key(path));
        Ok(next.into_iter().map(|(path, repository)| Wanted { path, repository }).collect())
    }

    /// The inventory at `path`, with what it includes.
    pub fn inventory(&self, path: &Path, report: &mut Report) -> Option<raw::Inventory> {
        let path = path.canonicalize().ok()?;
        let file = self.files.get(&path)?;
        let root = Merge::of(self, report).whole(&path);
        read_root(root.as_deref(), file.start, report)
    }

    /// The name that the file at `path` gives a datacenter, as it is written there.
    pub fn datacenter(&self, path: &Path) -> Option<Loc<&str>> {
        let root = self.files.get(path)?.root.as_ref()?;
        let Kind::Map(entries) = &root.kind else { return None };
        match &entries.get("datacenter")?.1 {
            Node { kind: Kind::Scalar(scalar), head, .. } => {
                Some(Loc { value: scalar.text.as_str(), span: *head })
            }
            _ => None,
        }
    }

    /// Returns true if the file at `path` has a key that was probably meant to be `datacenter`.
    pub fn is_mistyped(&self, path: &Path) -> bool {
        let root = self.files.get(path).and_then(|file| file.root.as_ref());
        let Some(Kind::Map(entries)) = root.map(|root| &root.kind) else { return false };
        entries.keys().any(|key| nearest(key, &["datacenter"]).is_some())
    }

    /// Returns true if the file at `path` could not be read.
    pub fn is_broken(&self, path: &Path) -> bool {
        self.files.get(path).is_some_and(|file| file.report.is_partial())
    }

    /// The first line of the file at `path`.
    pub fn start(&self, path: &Path) -> Option<Span> {
        Some(self.files.get(path)?.start)
    }

    /// Every file that an inventory leads to, itself too.
    pub fn reached(&self, path: &Path) -> BTreeSet<&Path> {
        let mut found = BTreeSet::new();
        let mut open = vec![path];
        while let Some(next) = open.pop() {
            let Some((path, file)) = self.files.get_key_value(next) else { continue };
            if found.insert(path.as_path()) {
                open.extend(file.links.iter().map(|link| link.path.as_path()));
            }
        }
        found
    }

    pub(super) fn file(&self, path: &Path) -> Option<(&Path, &File)> {
        self.files.get_key_value(path).map(|(path, file)| (path.as_path(), file))
    }
}
