//! The files to read before anything can be said.

use std::collections::BTreeSet;

use crate::bundle::{Change, Place};

/// The files that say what a change does: all of the nodes, of the cluster those that differ, and every path where one
/// does.
pub fn wanted(changes: &[Change<'_>]) -> impl Fn(&str) -> bool {
    let differ: BTreeSet<String> = changes.iter().map(|change| change.path.to_owned()).collect();
    // Where listeners change, Ingresses may stand beside them, and the Service says which of the two answer.
    let places = || differ.iter().map(|path| Place::of(path));
    let cluster = places().any(Place::is_cluster);
    let listeners = places().any(|place| matches!(place, Place::Listeners { .. }));
    let domains = places().any(|place| matches!(place, Place::Domain(_)));
    // A rule for any host is for the domains that no other rule names.
    let every_domain = listeners || places().any(Place::is_routing);
    move |path: &str| {
        let is_beside = match Place::of(path) {
            Place::Node { .. } => true,
            Place::Component(_)
            | Place::Fallback(_)
            | Place::Service(_)
            | Place::Gateway(_)
            | Place::Listeners { .. } => cluster,
            // A wildcard answers for a host that has no domain of its own any more.
            Place::Domain(name) => every_domain || domains && name.starts_with("wildcard."),
            Place::Kustomization | Place::StatusScript | Place::List | Place::Foreign(_) => false,
        };
        is_beside || differ.contains(path)
    }
}
