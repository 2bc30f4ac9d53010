//! The files to read before anything can be said.

use std::collections::BTreeSet;

use super::reader;
use crate::bundle::{Change, Place};
use crate::emit::BundleFile;
use crate::language::name::Host;

/// The files that say what a change does: all of the nodes, of the cluster those that differ, and every path where one
/// does, or where another controller reads them. `files` are those of the new bundle.
pub fn wanted(changes: &[Change<'_>], files: &[BundleFile]) -> impl Fn(&str) -> bool {
    let differ: BTreeSet<String> = changes.iter().map(|change| change.path.to_owned()).collect();
    // Ingresses may stand beside listeners that change, and the Service says which of the two answer.
    let places = || differ.iter().map(|path| Place::of(path));
    let replaced = reader::are_replaced(changes);
    let cluster = replaced || places().any(Place::is_cluster);
    let listeners = places().any(|place| matches!(place, Place::Listeners { .. }));
    let domains = places().any(|place| matches!(place, Place::Domain(_)));
    let routing = places().any(Place::is_routing);
    // A rule for any host is for the domains that no other rule names, where some do.
    let names_hosts = || {
        let old =
            changes.iter().filter_map(|change| Some((change.path, &*change.old.as_ref()?.body)));
        let mut all = old.chain(files.iter().map(|file| (file.path.as_str(), &*file.body)));
        all.any(|(path, text)| Place::of(path).is_routing() && text.contains("- host:"))
    };
    let every_domain = replaced
        || listeners
        || routing && (domains || names_hosts())
        // In one tier the rules of a domain's Ingress compete with those of others.
        || domains && reader::is_one_tier(changes, files);
    move |path: &str| {
        let is_beside = match Place::of(path) {
            Place::Node { .. } | Place::Pod(_) => true,
            Place::Component(_)
            | Place::Fallback(_)
            | Place::Service(_)
            | Place::Gateway(_)
            | Place::Listeners { .. } => cluster,
            // A wildcard answers for a host that has no domain of its own any more.
            Place::Domain(name) => every_domain || domains && Host::is_of_wildcard(name),
            Place::Kustomization
            | Place::StatusScript
            | Place::PodNamespace
            | Place::PrometheusRule
            | Place::Monitoring(_)
            | Place::List
            | Place::Foreign(_) => false,
        };
        is_beside || differ.contains(path)
    }
}
