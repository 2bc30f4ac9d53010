//! The differences between the bundle on disk and the one that a render would give.

use std::collections::BTreeSet;
use std::sync::Arc;

use rayon::prelude::*;

use super::disk::Found;
use super::{BundleFile, Disk, list};
use crate::emit::is_generated;

/// One file that differs.
#[derive(Debug, Clone)]
pub struct Change<'a> {
    /// Below the bundle's folder.
    pub path: &'a str,
    /// The kind of change.
    pub kind: ChangeKind,
    /// As it lies there, where it does.
    pub old: Option<OldFile>,
    /// As it would be, where it would.
    pub new: Option<&'a BundleFile>,
    /// The path that it had before, or `None` if that is the same.
    pub renamed_from: Option<&'a str>,
}

/// A file as it lies there.
#[derive(Debug, Clone)]
pub struct OldFile {
    /// Its text.
    pub body: Arc<str>,
    /// Permission bits, as git keeps them: 0644 or 0755.
    pub mode: u32,
}

/// The kind of change to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The file is new.
    Added,
    /// Its text changes.
    Changed,
    /// Only its permissions change.
    Mode,
    /// The file is ours and no longer produced.
    Removed,
    /// The file is about something that has another name now.
    Renamed,
}

impl ChangeKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Changed => "changed",
            ChangeKind::Mode => "mode",
            ChangeKind::Removed => "removed",
            ChangeKind::Renamed => "renamed",
        }
    }
}

/// Every difference, by path, `bundle.json` last. A file that is not ours in the place of one of ours is an error.
pub fn changes<'a>(disk: &'a Disk, files: &'a [BundleFile]) -> anyhow::Result<Vec<Change<'a>>> {
    // Compared by many threads; what is in the way first is what is said, on every run.
    let compared: Vec<anyhow::Result<Option<Change<'a>>>> =
        files.par_iter().map(|file| compare(disk, file)).collect();
    let mut changes: Vec<Change<'a>> = Vec::new();
    for change in compared {
        changes.extend(change?);
    }
    let wanted: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for path in disk.files().filter(|path| !wanted.contains(path)) {
        let Some(found) = disk.read(path)? else { continue };
        let old = OldFile::from(found);
        // After a merge a file may lie there that one side had removed from the list.
        if disk.owns(path) || is_generated(&old.body) {
            changes.push(Change {
                path,
                kind: ChangeKind::Removed,
                old: Some(old),
                new: None,
                renamed_from: None,
            });
        }
    }
    changes.sort_by_key(|change| (change.path == list::PATH, change.path));
    Ok(changes)
}

/// Compares a file with what lies in its place; `None` if they do not differ.
fn compare<'a>(disk: &Disk, file: &'a BundleFile) -> anyhow::Result<Option<Change<'a>>> {
    let found = disk.read(&file.path)?;
    let kind = match &found {
        None => ChangeKind::Added,
        Some(found) if found.body != file.body.as_bytes() => ChangeKind::Changed,
        Some(found) if found.executable != (file.mode & 0o100 != 0) => ChangeKind::Mode,
        Some(_) => return Ok(None),
    };
    let old = found.map(OldFile::from);
    let generated = || old.as_ref().is_some_and(|old| is_generated(&old.body));
    if kind == ChangeKind::Changed && !disk.owns(&file.path) && !generated() {
        anyhow::bail!(
            "{} was not written by lbgen; move it away. Nothing was written",
            disk.path(&file.path).display()
        );
    }
    Ok(Some(Change { path: &file.path, kind, old, new: Some(file), renamed_from: None }))
}

impl From<Found> for OldFile {
    fn from(found: Found) -> Self {
        Self {
            body: String::from_utf8_lossy(&found.body).into(),
            mode: if found.executable { 0o755 } else { 0o644 },
        }
    }
}
