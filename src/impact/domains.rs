//! The hosts that requests can come for.

use std::collections::BTreeMap;

use crate::bundle::{Controllers, Place};
use crate::language::name::{Host, Name};
use crate::state::{Object, State};

/// The domains of a state.
#[derive(Debug, Default)]
pub(super) struct Domains(BTreeMap<Host, Entry>);

/// An Ingress or a listener that has a host.
#[derive(Debug)]
struct Entry {
    /// `None` where nobody knows whose class it is.
    entrypoint: Option<String>,
    /// True if a wildcard stands for any number of labels.
    is_listener: bool,
}

impl Entry {
    /// Returns true if requests come to an entrypoint, or may.
    fn leads_to(&self, entrypoint: Option<&str>) -> bool {
        let (Some(own), Some(other)) = (self.entrypoint.as_deref(), entrypoint) else {
            return true;
        };
        own == other
    }
}

impl Domains {
    pub fn of(state: &State, controllers: &Controllers) -> Self {
        let objects = state.objects.values();
        let is_domain = |object: &&Object| matches!(Place::of(&object.file), Place::Domain(_));
        let ingresses = objects.clone().filter(is_domain).flat_map(|object| {
            let entrypoint = object.class().and_then(|class| controllers.entrypoint_of(class));
            object.hosts().into_iter().flatten().map(move |host| (host, entrypoint, false))
        });
        let listeners = objects.flat_map(Object::listeners);
        let listeners = listeners.map(|found| (found.host, found.set.gateway(), true));
        let all = ingresses.chain(listeners).filter_map(|(host, entrypoint, is_listener)| {
            let entry = Entry { entrypoint: entrypoint.map(str::to_owned), is_listener };
            Some((Host::parse(host)?, entry))
        });
        Self(all.collect())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A host of each domain whose requests come to an entrypoint, or may. Without domains, one that nobody has.
    pub fn examples(&self, entrypoint: Option<&str>) -> Vec<Host> {
        if self.0.is_empty() {
            return Host::parse("nobody.invalid").into_iter().collect();
        }
        let own = self.0.iter().filter(|(_, entry)| entry.leads_to(entrypoint));
        own.filter_map(|(host, _)| example(host)).collect()
    }

    /// Returns true if requests for a host come to an entrypoint, or may. Without domains any may: somebody else's edge
    /// has them.
    pub fn lead(&self, host: &Host, entrypoint: Option<&str>) -> bool {
        self.0.is_empty() || self.entry(host).is_some_and(|entry| entry.leads_to(entrypoint))
    }

    /// The entrypoint that requests for a host come to.
    pub fn entrypoint(&self, host: &Host) -> Option<&str> {
        self.entry(host)?.entrypoint.as_deref()
    }

    /// Every domain.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.0.keys()
    }

    fn entry(&self, host: &Host) -> Option<&Entry> {
        let above = || {
            let near = host.wildcard();
            host.wildcards().find_map(|wildcard| {
                let entry = self.0.get(&wildcard)?;
                (entry.is_listener || near.as_ref() == Some(&wildcard)).then_some(entry)
            })
        };
        self.0.get(host).or_else(above)
    }
}

/// A host that a rule is for.
pub(super) fn example(rule: &Host) -> Option<Host> {
    Host::parse(&rule.as_str().replacen('*', "any-other", 1))
}
