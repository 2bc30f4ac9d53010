//! The difference between what lies on disk and what a render would give.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use rayon::prelude::*;
use similar::{ChangeTag, TextDiff};

use super::{BundleFile, Disk, manifest};
use crate::emit::is_generated;

/// One file that differs.
#[derive(Debug)]
pub struct Change<'a> {
    /// Below the bundle's folder.
    pub path: &'a str,
    /// What happens to it.
    pub kind: ChangeKind,
    /// As it lies there, where it does.
    old: Option<String>,
    /// As it would be, where it would.
    pub new: Option<&'a BundleFile>,
}

/// What happens to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// It is new.
    Added,
    /// Its text changes.
    Changed,
    /// Only its permissions change.
    Mode,
    /// It is ours and no longer produced.
    Removed,
}

impl ChangeKind {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            ChangeKind::Added => "added",
            ChangeKind::Changed => "changed",
            ChangeKind::Mode => "mode",
            ChangeKind::Removed => "removed",
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
    for path in disk.owned().iter().filter(|path| !wanted.contains(path.as_str())) {
        if let Some(found) = disk.read(path)? {
            let old = Some(String::from_utf8_lossy(&found.body).into_owned());
            changes.push(Change { path, kind: ChangeKind::Removed, old, new: None });
        }
    }
    changes.sort_by_key(|change| (change.path == manifest::PATH, change.path));
    Ok(changes)
}

/// How a file differs from what lies in its place.
fn compare<'a>(disk: &Disk, file: &'a BundleFile) -> anyhow::Result<Option<Change<'a>>> {
    let found = disk.read(&file.path)?;
    let kind = match &found {
        None => ChangeKind::Added,
        Some(found) if found.body != file.body.as_bytes() => ChangeKind::Changed,
        Some(found) if found.executable != (file.mode & 0o100 != 0) => ChangeKind::Mode,
        Some(_) => return Ok(None),
    };
    let old = found.map(|found| String::from_utf8_lossy(&found.body).into_owned());
    let ours = file.path == manifest::PATH || disk.owned().binary_search(&file.path).is_ok();
    if kind == ChangeKind::Changed && !ours && !old.as_deref().is_some_and(is_generated) {
        anyhow::bail!(
            "{} is not lbgen's; move it away: nothing was written",
            disk.path(&file.path).display()
        );
    }
    Ok(Some(Change { path: &file.path, kind, old, new: Some(file) }))
}

/// What a person wants to see: `bundle.json` repeats the others, and is shown only where it stands alone.
fn shown<'a, 'b>(changes: &'b [Change<'a>]) -> impl Iterator<Item = &'b Change<'a>> {
    let alone = changes.len() == 1;
    changes.iter().filter(move |change| alone || change.path != manifest::PATH)
}

/// A unified diff as `git apply` and `patch -p1` take it, coloured by ANSI codes.
pub fn unified(datacenter: &str, changes: &[Change<'_>]) -> String {
    const BOLD: &str = "\x1b[1m";
    const CYAN: &str = "\x1b[36m";
    const RED: &str = "\x1b[31m";
    const GREEN: &str = "\x1b[32m";
    const RESET: &str = "\x1b[0m";
    let mut out = String::new();
    let mut line = |colour: &str, text: &str| {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "{colour}{text}{}", if colour.is_empty() { "" } else { RESET });
    };
    for change in shown(changes) {
        let path = format!("{datacenter}/{}", change.path);
        line(BOLD, &format!("diff --git a/{path} b/{path}"));
        match (change.kind, change.new) {
            (ChangeKind::Mode, Some(new)) => {
                let old = if new.mode & 0o100 != 0 { 0o644 } else { 0o755 };
                line(BOLD, &format!("old mode 100{old:o}"));
                line(BOLD, &format!("new mode 100{:o}", new.mode));
                continue;
            }
            (ChangeKind::Added, Some(new)) => {
                line(BOLD, &format!("new file mode 100{:o}", new.mode))
            }
            (ChangeKind::Removed, _) => line(BOLD, "deleted file mode 100644"),
            _ => {}
        }
        let old_name = change.old.as_ref().map_or("/dev/null".to_owned(), |_| format!("a/{path}"));
        let new_name = change.new.map_or("/dev/null".to_owned(), |_| format!("b/{path}"));
        line(BOLD, &format!("--- {old_name}"));
        line(BOLD, &format!("+++ {new_name}"));
        let (old, new) =
            (change.old.as_deref().unwrap_or(""), change.new.map_or("", |file| file.body.as_str()));
        let diff = TextDiff::from_lines(old, new);
        for hunk in diff.unified_diff().context_radius(3).iter_hunks() {
            line(CYAN, hunk.header().to_string().trim_end());
            for change in hunk.iter_changes() {
                let (colour, sign) = match change.tag() {
                    ChangeTag::Delete => (RED, '-'),
                    ChangeTag::Insert => (GREEN, '+'),
                    ChangeTag::Equal => ("", ' '),
                };
                line(colour, &format!("{sign}{}", change.value().trim_end_matches('\n')));
                if change.missing_newline() {
                    line("", "\\ No newline at end of file");
                }
            }
        }
    }
    out
}

/// One line per file and one that counts.
pub fn stat(datacenter: &str, changes: &[Change<'_>]) -> String {
    let mut out = String::new();
    let (mut files, mut added, mut removed) = (0, 0, 0);
    for change in shown(changes) {
        let (plus, minus) = change.lines();
        files += 1;
        added += plus;
        removed += minus;
        let _ = writeln!(
            out,
            "{:<8} +{plus:<5} -{minus:<5} {datacenter}/{}",
            change.kind.word(),
            change.path
        );
    }
    if files > 0 {
        let s = if files == 1 { "" } else { "s" };
        let _ = writeln!(out, "{files} file{s}, {added} lines added, {removed} removed");
    }
    out
}

impl Change<'_> {
    /// How many lines are added and removed.
    pub fn lines(&self) -> (usize, usize) {
        let (old, new) =
            (self.old.as_deref().unwrap_or(""), self.new.map_or("", |file| file.body.as_str()));
        let diff = TextDiff::from_lines(old, new);
        diff.iter_all_changes().fold((0, 0), |(plus, minus), change| match change.tag() {
            ChangeTag::Insert => (plus + 1, minus),
            ChangeTag::Delete => (plus, minus + 1),
            ChangeTag::Equal => (plus, minus),
        })
    }
}
