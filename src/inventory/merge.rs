//! Merging an inventory with the files that it includes.
//!
//! Maps merge key by key and lists append. The including file wins; two included files must not say different things,
//! and an entry of a naming map has one of them as its owner.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::codes;
use super::library::Library;
use super::node::{Entries, Kind, Node};
use crate::diag::{Diagnostic, Report};
use crate::source::Span;

/// Maps whose keys are names that the user chose.
const NAMING: &[&str] = &["gateways", "nodes", "entrypoints", "domains", "components"];

/// One inventory on its way together.
pub(super) struct Merge<'a, 'r> {
    library: &'a Library,
    report: &'r mut Report,
    /// From the inventory to the file that is being read.
    way: Vec<(PathBuf, Span)>,
    /// Files whose own problems are in the report.
    told: BTreeSet<PathBuf>,
    /// Circles of files that are in the report.
    cycles: BTreeSet<BTreeSet<PathBuf>>,
}

impl<'a, 'r> Merge<'a, 'r> {
    pub fn of(library: &'a Library, report: &'r mut Report) -> Self {
        Self { library, report, way: Vec::new(), told: BTreeSet::new(), cycles: BTreeSet::new() }
    }

    /// The tree of a file, with what it includes; that of the library where there is nothing to merge.
    pub fn whole(&mut self, path: &Path) -> Option<Cow<'a, Node>> {
        let (path, file) = self.library.file(path)?;
        if self.told.insert(path.to_owned()) {
            self.report.extend(&file.report);
        }
        let mut root = file.root.as_ref().filter(|root| !root.is_null()).map(Cow::Borrowed);
        let mut included: Option<Node> = None;
        for link in &file.links {
            self.way.push((path.to_owned(), link.at));
            if self.way.iter().any(|(above, _)| *above == link.path) {
                self.refuse_cycle(&link.path);
            } else if let Some(part) = self.included(&link.path) {
                match &mut included {
                    None => included = Some(part),
                    Some(included) => self.beside(included, part, ""),
                }
            }
            self.way.pop();
        }
        if let (Some(root), Some(included)) = (&mut root, included) {
            over(root.to_mut(), included);
        }
        root
    }

    /// A file that is included: the keys that only an inventory has are not its own.
    fn included(&mut self, path: &Path) -> Option<Node> {
        let mut part = self.whole(path)?.into_owned();
        let Kind::Map(entries) = &mut part.kind else {
            if !matches!(part.kind, Kind::Refused) {
                let title =
                    format!("an included file must be a map of keys, not {}", part.describe());
                let label = "expected keys of an inventory";
                self.report.push(Diagnostic::new(&codes::WRONG_TYPE, part.head, title, label));
            }
            return None;
        };
        entries.shift_remove("include");
        if let Some((key, _)) = entries.shift_remove("datacenter") {
            let including = self.way.last().map(|(_, at)| *at);
            let title = "an included file names a datacenter";
            let mut diagnostic = Diagnostic::new(&codes::INCLUDE, key, title, "not here")
                .help("remove `datacenter:`; the file that includes this one has it");
            if let Some(at) = including {
                diagnostic = diagnostic.also(at, "included here");
            }
            self.report.push(diagnostic);
        }
        Some(part)
    }

    fn refuse_cycle(&mut self, path: &Path) {
        let from = self.way.iter().position(|(above, _)| above == path).unwrap_or(0);
        let way = &self.way[from..];
        let Some((_, at)) = way.last() else { return };
        if !self.cycles.insert(way.iter().map(|(path, _)| path.clone()).collect()) {
            return;
        }
        let name = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            format!("`{}`", name.to_string_lossy())
        };
        let mut names: Vec<String> = way.iter().map(|(path, _)| name(path)).collect();
        names.push(name(path));
        let title = match way.len() {
            1 => format!("{} includes itself", names[0]),
            _ => format!("files include each other: {}", names.join(" -> ")),
        };
        let mut diagnostic = Diagnostic::new(&codes::INCLUDE, *at, title, "back to the first");
        for (_, at) in &way[..way.len() - 1] {
            diagnostic = diagnostic.also(*at, "leads there");
        }
        self.report.push(diagnostic.help("remove one of these includes"));
    }

    /// Puts what an included file says to what those before it say.
    fn beside(&mut self, one: &mut Node, other: Node, path: &str) {
        let same_place = one.span == other.span;
        match (&mut one.kind, other.kind) {
            (Kind::Refused, _) | (_, Kind::Refused) => {}
            (_, Kind::Scalar(other_scalar)) if other_scalar.is_null() => {
                self.refuse_no_value(path, other.head);
            }
            (Kind::Scalar(scalar), _) if scalar.is_null() => {
                self.refuse_no_value(path, one.head);
                one.kind = Kind::Refused;
            }
            // One file that two others include.
            _ if same_place => {}
            (Kind::Map(one), Kind::Map(other)) => {
                for (name, (key, node)) in other {
                    let Some((first, there)) = one.get_mut(&name) else {
                        one.insert(name, (key, node));
                        continue;
                    };
                    if NAMING.contains(&path) {
                        if *first != key {
                            self.refuse_second_owner(path, &name, *first, key);
                        }
                        continue;
                    }
                    let path = if path.is_empty() { name } else { format!("{path}.{name}") };
                    self.beside(there, node, &path);
                }
            }
            (Kind::List(one), Kind::List(other)) => one.extend(other),
            (Kind::Scalar(one), Kind::Scalar(other)) if *one == other => {}
            (Kind::Map(_), Kind::List(_)) => self.refuse_mixture(path, one.head, other.head),
            (Kind::List(_), Kind::Map(_)) => self.refuse_mixture(path, other.head, one.head),
            _ => {
                let title = format!("two included files say different things of `{path}`");
                let diagnostic =
                    Diagnostic::new(&codes::INCLUDE, other.head, title, "second value");
                self.report.push(diagnostic.also(one.head, "first value").help(
                    "remove one of them, or set it in the file that includes both: that one wins",
                ));
            }
        }
    }

    /// One file has a map where another has a list.
    fn refuse_mixture(&mut self, path: &str, map: Span, list: Span) {
        let diagnostic = if NAMING.contains(&path) {
            let title = format!("`{path}` must be a map of names, not a list");
            Diagnostic::new(&codes::WRONG_TYPE, list, title, "a list")
                .also(map, "a map here")
                .help("write the name as the key: `shop: { ... }`, not `- name: shop`")
        } else {
            let title = format!("`{path}` is a list in another file, not a map");
            Diagnostic::new(&codes::WRONG_TYPE, map, title, "a map").also(list, "a list here")
        };
        self.report.push(diagnostic);
    }

    fn refuse_no_value(&mut self, path: &str, at: Span) {
        let title = format!("`{path}` has no value");
        self.report.push(
            Diagnostic::new(&codes::NO_VALUE, at, title, "nothing here")
                .help("write the value, or remove the key"),
        );
    }

    fn refuse_second_owner(&mut self, map: &str, name: &str, first: Span, second: Span) {
        let what = map.trim_end_matches('s');
        let title = format!("the {what} `{name}` is in two included files");
        self.report.push(
            Diagnostic::new(&codes::DUPLICATE_KEY, second, title, "second time")
                .also(first, "first time")
                .note("an entry has one owner")
                .help("remove one of them, or give it another name"),
        );
    }
}

/// Puts what is included below what the including file says, which wins.
fn over(root: &mut Node, included: Node) {
    match (&mut root.kind, included.kind) {
        (Kind::Map(root), Kind::Map(included)) => over_entries(root, included),
        (Kind::List(root), Kind::List(included)) => root.extend(included),
        _ => {}
    }
}

fn over_entries(root: &mut Entries, included: Entries) {
    for (name, (key, node)) in included {
        match root.get_mut(&name) {
            // A key without a value is refused where the whole is read.
            Some((_, there)) => over(there, node),
            None => {
                root.insert(name, (key, node));
            }
        }
    }
}
