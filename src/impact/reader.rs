//! The effects of another controller: it may answer the same objects in another way.

use super::{Class, Comparison, Finding};
use crate::bundle::{Change, Controllers, Place};
use crate::emit::BundleFile;
use crate::language::name::{Label, Name};
use crate::model::Entry;

/// The entrypoints that other programs read; whom they answer is said of each component.
pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let [before, after] = comparison.readers();
    let replaced = before.replaced(after).into_iter();
    replaced
        .filter_map(|(entrypoint, from, to)| {
            let entry = Entry::Entrypoint(Label::parse(entrypoint)?);
            let mut finding = Finding::new(Class::Switches, entry, "another controller serves it");
            (finding.from, finding.to) = (Some(from), Some(to));
            Some(finding.in_files([Place::List.to_string().as_str()]))
        })
        .collect()
}

/// Returns true if objects that stay as they are may be answered in another way: their controller changes.
pub(super) fn are_replaced(changes: &[Change<'_>]) -> bool {
    let list = changes.iter().find(|change| Place::of(change.path) == Place::List);
    let sides = list.and_then(|list| Some((list.old.as_ref()?, list.new?)));
    let sides = sides.map(|(old, new)| [&old.body, &new.body].map(|body| Controllers::read(body)));
    match sides {
        Some([Some(old), Some(new)]) => !old.replaced(&new).is_empty(),
        _ => false,
    }
}

/// Returns true if the edge of some entrypoint routes requests by itself, before or after.
pub(super) fn is_one_tier(changes: &[Change<'_>], files: &[BundleFile]) -> bool {
    let is_list = |path: &str| Place::of(path) == Place::List;
    let list = changes.iter().find(|change| is_list(change.path));
    let old = list.and_then(|list| Some(&*list.old.as_ref()?.body));
    let new = files.iter().find(|file| is_list(&file.path)).map(|file| &*file.body);
    let mut sides = old.into_iter().chain(new).filter_map(Controllers::read);
    sides.any(|controllers| controllers.has_one_tier())
}
