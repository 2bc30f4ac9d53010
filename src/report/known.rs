//! The data that every part of a page is made from, and its names for things: nodes and entrypoints by number, places
//! by file and line.

use std::collections::BTreeMap;

use crate::emit::BundleFile;
use crate::model::{Entry, Label, Subdomain};
use crate::pipeline::Planned;
use crate::source::{Sources, Span};

/// A datacenter, its bundle and its inventory's text.
pub(super) struct Known<'a> {
    pub planned: &'a Planned,
    sources: &'a Sources,
    /// Of the file that names the datacenter; with a slash at its end.
    folder: &'a str,
    /// The first file of the bundle that comes from an entry.
    files: BTreeMap<&'a Entry, &'a str>,
}

impl<'a> Known<'a> {
    pub fn of(planned: &'a Planned, files: &'a [BundleFile], sources: &'a Sources) -> Self {
        let path = &sources.get(planned.datacenter.span.file).path;
        let folder = path.rfind('/').map_or("", |slash| &path[..=slash]);
        let mut by_entry = BTreeMap::new();
        for file in files {
            for entry in &file.from {
                by_entry.entry(entry).or_insert(file.path.as_str());
            }
        }
        Self { planned, sources, folder, files: by_entry }
    }

    /// `inventory.yaml:12`, from the folder of the inventory: the page is the same wherever it is made.
    pub fn at(&self, span: Span) -> String {
        let (line, _) = self.sources.line_column(span);
        let path = &self.sources.get(span.file).path;
        format!("{}:{line}", path.strip_prefix(self.folder).unwrap_or(path))
    }

    /// A file of the bundle that comes from an entry; empty where none does.
    pub fn file(&self, entry: &Entry) -> String {
        self.files.get(entry).map_or(String::new(), |path| (*path).to_owned())
    }

    /// The number of a node.
    pub fn node(&self, name: &Subdomain) -> usize {
        let mut nodes = self.planned.plan.nodes.iter();
        nodes.position(|node| node.node == *name).unwrap_or_default()
    }

    /// The number of an entrypoint.
    pub fn entrypoint(&self, name: &Label) -> usize {
        let mut all = self.planned.plan.entrypoints.iter();
        all.position(|known| known == name).unwrap_or_default()
    }
}
