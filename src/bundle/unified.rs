//! The difference as text, for people and for `git apply`.

use std::fmt::Write as _;

use similar::{ChangeTag, TextDiff};

use super::{Change, ChangeKind, list};
use crate::diag::count;

/// Returns the changes that a person wants to see: `bundle.json` repeats the others, and is shown only where it stands
/// alone.
fn shown<'a, 'b>(changes: &'b [Change<'a>]) -> impl Iterator<Item = &'b Change<'a>> {
    let alone = changes.len() == 1;
    changes.iter().filter(move |change| alone || change.path != list::PATH)
}

const BOLD: &str = "\x1b[1m";
const CYAN: &str = "\x1b[36m";
const RED: &str = "\x1b[31m";
const GREEN: &str = "\x1b[32m";
const RESET: &str = "\x1b[0m";

/// A unified diff as `git apply` and `patch -p1` take it, coloured by ANSI codes.
pub fn unified(datacenter: &str, changes: &[Change<'_>]) -> String {
    let mut out = String::new();
    let mut line = |colour: &str, text: &str| write_line(&mut out, colour, text);
    for change in shown(changes) {
        let path = format!("{datacenter}/{}", change.path);
        let was = format!("{datacenter}/{}", change.renamed_from.unwrap_or(change.path));
        line(BOLD, &format!("diff --git a/{was} b/{path}"));
        if change.renamed_from.is_some() {
            line(BOLD, &format!("rename from {was}"));
            line(BOLD, &format!("rename to {path}"));
        }
        match (change.kind, change.new) {
            (ChangeKind::Mode, Some(new)) => {
                let old = change.old.as_ref().map_or(new.mode, |old| old.mode);
                line(BOLD, &format!("old mode 100{old:o}"));
                line(BOLD, &format!("new mode 100{:o}", new.mode));
                continue;
            }
            (ChangeKind::Added, Some(new)) => {
                line(BOLD, &format!("new file mode 100{:o}", new.mode))
            }
            (ChangeKind::Removed, _) => {
                let mode = change.old.as_ref().map_or(0o644, |old| old.mode);
                line(BOLD, &format!("deleted file mode 100{mode:o}"));
            }
            _ => {}
        }
        let old_name = change.old.as_ref().map_or("/dev/null".to_owned(), |_| format!("a/{was}"));
        let new_name = change.new.map_or("/dev/null".to_owned(), |_| format!("b/{path}"));
        line(BOLD, &format!("--- {old_name}"));
        line(BOLD, &format!("+++ {new_name}"));
        let (old, new) = (change.old_body(), change.new.map_or("", |file| &*file.body));
        hunks(old, new, &mut line);
    }
    out
}

/// The lines of a file beside the bundle that change; indented, so that no patch program takes them for one.
pub fn changed_lines(path: &str, old: &str, new: &str) -> String {
    let mut out = String::new();
    write_line(&mut out, BOLD, path);
    for change in TextDiff::from_lines(old, new).iter_all_changes() {
        let text = change.value().trim_end_matches('\n');
        match change.tag() {
            ChangeTag::Delete => write_line(&mut out, RED, &format!("  - {text}")),
            ChangeTag::Insert => write_line(&mut out, GREEN, &format!("  + {text}")),
            ChangeTag::Equal => {}
        }
    }
    out
}

fn write_line(out: &mut String, colour: &str, text: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "{colour}{text}{}", if colour.is_empty() { "" } else { RESET });
}

fn hunks(old: &str, new: &str, line: &mut impl FnMut(&str, &str)) {
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
        let (files, added) = (count(files, "file"), count(added, "line"));
        let _ = writeln!(out, "{files}, {added} added, {removed} removed");
    }
    out
}

impl Change<'_> {
    /// Returns the text that lies there; empty if there is no file.
    pub(super) fn old_body(&self) -> &str {
        self.old.as_ref().map_or("", |old| &*old.body)
    }

    /// Returns the numbers of lines that are added and removed.
    pub fn lines(&self) -> (usize, usize) {
        let (old, new) = (self.old_body(), self.new.map_or("", |file| &*file.body));
        let diff = TextDiff::from_lines(old, new);
        diff.iter_all_changes().fold((0, 0), |(plus, minus), change| match change.tag() {
            ChangeTag::Insert => (plus + 1, minus),
            ChangeTag::Delete => (plus, minus + 1),
            ChangeTag::Equal => (plus, minus),
        })
    }
}
