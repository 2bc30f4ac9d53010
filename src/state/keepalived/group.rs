//! `vrrp_sync_group`: instances that go together, and what all of them track (facts D18, D37).

use super::draft::Reader;
use super::statement::Statement;
use super::track::{Track, Tracked, Weight};

/// `vrrp_sync_group`
#[derive(Debug, Clone, PartialEq)]
pub struct SyncGroup {
    /// The name of the group.
    pub name: String,
    /// Names of instances that are there, and in no group before.
    pub members: Vec<String>,
    /// Things that are tracked for every member; the members list them too.
    pub tracks: Vec<Track>,
    /// True if the members' own weights count (`sync_group_tracking_weight`).
    pub has_weights: bool,
    /// Its other statements.
    pub others: Vec<Statement>,
}

/// Reads a group; its members are not looked for yet.
pub fn read<W: Fn(Tracked, &str) -> Option<Weight>>(
    statement: &Statement,
    reader: &mut Reader<'_, W>,
) -> SyncGroup {
    let mut group = SyncGroup {
        name: statement.value().unwrap_or_default().to_owned(),
        members: Vec::new(),
        tracks: Vec::new(),
        has_weights: false,
        others: Vec::new(),
    };
    for inner in statement.inner() {
        match (inner.key(), Tracked::of(inner.key())) {
            (_, Some(kind)) => group.tracks.extend(reader.tracks(kind, inner.inner())),
            // One on a line, or several.
            ("group", _) => {
                group.members.extend(inner.inner().iter().flat_map(|line| line.words.clone()));
            }
            ("sync_group_tracking_weight" | "global_tracking", _) => group.has_weights = true,
            _ => group.others.push(inner.clone()),
        }
    }
    group
}
