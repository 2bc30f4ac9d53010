//! The files of a comparison that differ.

use super::{ChangedFile, is_same_but_comments};
use crate::bundle::{Change, ChangeKind};

/// Which files differ, and how.
pub fn changed_files<'a>(changes: &[Change<'a>]) -> Vec<ChangedFile<'a>> {
    let is_text = |change: &Change<'_>| match (&change.old, change.new) {
        (Some(old), Some(new)) => {
            change.kind == ChangeKind::Changed && is_same_but_comments(&old.body, &new.body)
        }
        _ => false,
    };
    changes
        .iter()
        .map(|change| ChangedFile {
            path: change.path,
            kind: change.kind,
            is_text: is_text(change),
        })
        .collect()
}
