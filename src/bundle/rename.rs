//! Files that go and files that come with nearly the same text: what they are about was renamed.

use std::collections::BTreeSet;

use similar::TextDiff;

use super::{Change, ChangeKind};

/// The share of lines that stays, above which a file was renamed (git's default).
const ALIKE: f32 = 0.5;

/// More pairs than this are not looked at: that many renames at once are no rename.
const PAIRS: usize = 4_000;

/// The changes with renamed files as one change each.
pub fn with_renames(mut changes: Vec<Change<'_>>) -> Vec<Change<'_>> {
    let of = |kind: ChangeKind| {
        let found = changes.iter().enumerate().filter(|(_, change)| change.kind == kind);
        found.map(|(at, _)| at).collect::<Vec<usize>>()
    };
    let (removed, added) = (of(ChangeKind::Removed), of(ChangeKind::Added));
    if removed.len() * added.len() > PAIRS {
        return changes;
    }
    let mut alike: Vec<(f32, usize, usize)> = Vec::new();
    for gone in &removed {
        for new in &added {
            let (old, fresh) = (&changes[*gone], &changes[*new]);
            if !is_sibling(old.path, fresh.path) {
                continue;
            }
            let body = fresh.new.map_or("", |file| &*file.body);
            let share = TextDiff::from_lines(old.old_body(), body).ratio();
            if share > ALIKE {
                alike.push((share, *gone, *new));
            }
        }
    }
    alike.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)).then(a.2.cmp(&b.2)));
    let mut taken: BTreeSet<usize> = BTreeSet::new();
    for (_, gone, new) in alike {
        if taken.contains(&gone) || taken.contains(&new) {
            continue;
        }
        taken.extend([gone, new]);
        let (path, old) = (changes[gone].path, changes[gone].old.take());
        changes[new].kind = ChangeKind::Renamed;
        changes[new].old = old;
        changes[new].renamed_from = Some(path);
        changes[gone].kind = ChangeKind::Renamed;
    }
    changes.retain(|change| change.kind != ChangeKind::Renamed || change.renamed_from.is_some());
    changes
}

/// Returns true if two paths differ in one name: another domain, another node's file.
fn is_sibling(a: &str, b: &str) -> bool {
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split('/').collect(), b.split('/').collect());
    a.len() == b.len() && a.iter().zip(&b).filter(|(a, b)| a != b).count() == 1
}
