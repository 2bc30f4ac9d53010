//! The listeners of a Gateway, and those that a route is attached to (HTTPRoute, `parentRefs`).

use std::collections::{BTreeMap, BTreeSet};

use crate::language::name::{Host, Name};
use crate::state::{Object, State};

/// The listeners for domains with TLS of one Gateway, by the object that has them.
#[derive(Default)]
pub(super) struct Listeners<'a>(BTreeMap<Set<'a>, Vec<(&'a str, Host)>>);

/// A kind and a name.
type Set<'a> = (&'a str, &'a str);

impl<'a> Listeners<'a> {
    pub fn of(state: &'a State, gateway: &str) -> Self {
        let mut all = Self::default();
        for object in state.objects.values() {
            if object.gateway() != Some(gateway) {
                continue;
            }
            for listener in object.listeners().into_iter().filter(|found| found.secret.is_some()) {
                let set = (object.key.kind.as_str(), object.key.name.as_str());
                let host = Host::parse(listener.host);
                all.0.entry(set).or_default().extend(host.map(|host| (listener.name, host)));
            }
        }
        all
    }

    /// Their hosts.
    pub fn hosts(&self) -> Vec<Host> {
        self.0.values().flatten().map(|(_, host)| host.clone()).collect()
    }

    /// The hosts of those that a route is not attached to.
    pub fn beside(&self, route: &Object) -> BTreeSet<Host> {
        let Some(route) = route.http_route() else { return BTreeSet::new() };
        let mut parents: BTreeMap<Set<'_>, Vec<Option<&str>>> = BTreeMap::new();
        for parent in &route.parent_refs {
            let set = (parent.kind.unwrap_or("Gateway"), parent.name);
            parents.entry(set).or_default().push(parent.section_name);
        }
        let mut beside = BTreeSet::new();
        for (set, listeners) in &self.0 {
            let sections = parents.get(set).map_or(&[][..], Vec::as_slice);
            if sections.contains(&None) {
                continue;
            }
            let others = listeners.iter().filter(|(name, _)| !sections.contains(&Some(name)));
            beside.extend(others.map(|(_, host)| host.clone()));
        }
        beside
    }
}
