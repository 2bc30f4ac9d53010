//! The requests that canaries of ingress-nginx take from other components. A Gateway's routes say so themselves.

use std::collections::BTreeSet;

use super::answer::Tier;
use super::{Class, Comparison, Finding};
use crate::bundle::Controllers;
use crate::model::{Entry, is_canary};
use crate::route::Canary;
use crate::state::State;

/// The requests that a canary takes.
#[derive(PartialEq)]
struct Share {
    /// The Services that it takes them from, with their ports.
    from: BTreeSet<String>,
    /// Its own.
    to: BTreeSet<String>,
    canary: Canary,
}

/// The finding for a component that takes other requests as a canary than before.
pub(super) fn finding(
    comparison: Comparison<'_>,
    name: &str,
    entry: &Entry,
    is_component: impl Fn(&str) -> bool,
) -> Option<Finding> {
    let [first, second] = comparison.readers();
    let before = Share::of(comparison.from, name, first, &is_component);
    let after = Share::of(comparison.to, name, second, &is_component);
    if before == after {
        return None;
    }
    let (from, to) = (before.as_ref(), after.as_ref());
    let reason = match (from, to) {
        (None, Some(share)) => format!("a canary takes {} from now on", share.words()),
        (Some(share), None) => format!("no canary takes {} any more", share.words()),
        (Some(from), Some(to)) if from.words() != to.words() => {
            format!("the canary takes {} instead of {}", to.words(), from.words())
        }
        _ => format!("the canary that takes {} is another one", to.or(from)?.words()),
    };
    let mut finding = Finding::new(Class::Switches, entry.clone(), reason);
    let taken = |share: &Share| list(&share.from);
    let own = |share: &Share| list(&share.to);
    (finding.from, finding.to) = match (from, to) {
        (Some(from), None) => (Some(own(from)), Some(taken(from))),
        (None, Some(to)) => (Some(taken(to)), Some(own(to))),
        (from, to) => (from.map(own), to.map(own)),
    };
    Some(finding)
}

impl Share {
    /// That of a component, where it is a canary that has an effect: another component has its host, path and type, and its
    /// own Service answers nowhere else (facts K29).
    fn of(
        state: &State,
        name: &str,
        controllers: &Controllers,
        is_component: &impl Fn(&str) -> bool,
    ) -> Option<Self> {
        let ingresses = || state.objects.values().filter(|object| object.key.kind == "Ingress");
        let own = ingresses()
            .find(|object| object.key.name == name && is_canary(&object.annotations()))?;
        let reads = controllers.of_class(own.class()?).reads_nginx();
        let beside = ingresses().filter(|object| Tier::of(object) == Tier::of(own));
        let (mains, fallbacks): (Vec<_>, Vec<_>) = beside
            .filter(|object| !is_canary(&object.annotations()))
            .partition(|object| is_component(&object.key.name));
        let mains = || mains.iter().flat_map(|object| object.paths());
        let paths = own.paths();
        let from: BTreeSet<String> = mains()
            .filter(|main| {
                paths.iter().any(|path| {
                    (path.host, path.path, path.kind) == (main.host, main.path, main.kind)
                })
            })
            .map(|main| main.backend)
            .collect();
        let to: BTreeSet<String> = paths.iter().map(|path| path.backend.clone()).collect();
        let mut all = mains().chain(fallbacks.iter().flat_map(|object| object.paths()));
        let is_used = all.any(|main| to.contains(&main.backend));
        let share = Self { from, to, canary: Canary::of(&own.annotations()) };
        (reads && !is_used && !share.from.is_empty() && share.takes()).then_some(share)
    }

    fn takes(&self) -> bool {
        self.canary.weight > 0 || self.canary.header.is_some()
    }

    fn words(&self) -> String {
        let Canary { weight, total, header, .. } = &self.canary;
        let part = match total {
            _ if *weight == 0 => None,
            100 => Some(format!("{weight} % of the requests")),
            total => Some(format!("{weight} of {total} requests")),
        };
        match (part, header) {
            (Some(part), Some(header)) => format!("{part} and those with {header}"),
            (Some(part), None) => part,
            (None, Some(header)) => format!("requests with {header}"),
            (None, None) => "nothing".to_owned(),
        }
    }
}

fn list(backends: &BTreeSet<String>) -> String {
    backends.iter().cloned().collect::<Vec<_>>().join(", ")
}
