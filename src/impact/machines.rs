//! The effects of a change on Services of machines outside of the cluster: those that serve a component, and fallbacks.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::Cluster;
use super::entrypoint::service_findings;
use super::request_routing::RequestRouting;
use super::{Class, Finding};
use crate::bundle::{ChangeKind, Place};
use crate::language::name::{Label, Name};
use crate::model::Entry;
use crate::state::{Object, ObjectKey, State};

impl Cluster<'_> {
    /// The findings for the Service and the addresses in a component's file, where they change in place.
    pub(super) fn machines(&self, path: &str, entry: &Entry) -> Vec<Finding> {
        let mut changed = self.comparison.changed.iter();
        if !changed.any(|file| file.path == path && file.kind == ChangeKind::Changed) {
            return Vec::new();
        }
        let pairs = self.pairs(path).into_iter().filter(|(key, ..)| key.is_of_service());
        let (both, one): (Vec<_>, Vec<_>) =
            pairs.partition(|(_, from, to)| from.is_some() && to.is_some());
        let mut found: Vec<Finding> = Vec::new();
        for (key, from, to) in both {
            found.extend(service_findings(entry, key, from, to));
        }
        let forms = |is_new: bool| -> BTreeSet<&str> {
            let own = one.iter().filter(|(_, from, _)| from.is_none() == is_new);
            own.map(|(key, ..)| key.kind.as_str()).collect()
        };
        let (old, new) = (forms(false), forms(true));
        if !old.is_empty() && !new.is_empty() && !old.contains("Service") {
            let list = |kinds: BTreeSet<&str>| kinds.into_iter().collect::<Vec<_>>().join(", ");
            let reason = format!("its addresses stand in {} instead of {}", list(new), list(old));
            found.push(Finding::new(Class::Tuned, entry.clone(), reason));
        }
        found
    }
}

/// Those whose Service comes, goes, or gets other addresses, in their own file or in another's, while their rules lead to
/// it; a change in its own file is told of that.
pub(super) fn moved_services(from: &State, to: &State) -> Vec<Finding> {
    let owners = |state, service: &Object| -> BTreeSet<Entry> {
        let all = RequestRouting::all(state).into_iter();
        let leading = all.filter(|(_, routing)| routing.leads_to(&service.key));
        leading.filter_map(|(owner, routing)| entry(owner, &routing)).collect()
    };
    let mut found = Vec::new();
    let mut say = |service: &Object, class, reason: &str, owners: BTreeSet<Entry>| {
        found.extend(
            owners
                .into_iter()
                .map(|owner| Finding::new(class, owner, reason).in_files([service.file.as_str()])),
        );
    };
    let (before, after) = (services(from), services(to));
    for (key, service) in before.iter().filter(|(key, _)| !to.objects.contains_key(key)) {
        let reason = format!(
            "{key} is deleted, and requests lead to it: nothing answers until it is made again"
        );
        say(service, Class::Unreachable, &reason, owners(to, service));
    }
    for (key, service) in &after {
        let both = || &owners(from, service) & &owners(to, service);
        if !from.objects.contains_key(key) {
            let reason = format!("machines outside of the cluster answer behind {key} from now on");
            say(service, Class::Switches, &reason, both());
        } else if before.contains_key(key) && is_moved(from, to, key) {
            let own = Place::of(&service.file).component().and_then(Label::parse);
            let mut others = both();
            others.retain(|entry| match entry {
                Entry::Component(name) => own.as_ref() != Some(name),
                entry => own.is_some() && matches!(entry, Entry::Entrypoint(_)),
            });
            let reason = format!("other addresses or ports behind {key}");
            say(service, Class::Switches, &reason, others);
        }
    }
    found
}

/// The component, or the entrypoint of a fallback, that rules are of.
fn entry(owner: &str, routing: &RequestRouting<'_>) -> Option<Entry> {
    let mut places = routing.objects.iter().map(|object| Place::of(&object.file));
    match places.next()? {
        Place::Fallback(entrypoint) => Label::parse(entrypoint).map(Entry::Entrypoint),
        // In one tier it leads to the fallback, of which the entrypoint tells.
        Place::Domain(_) => None,
        Place::Component(_)
        | Place::Service(_)
        | Place::Gateway(_)
        | Place::Listeners { .. }
        | Place::Kustomization
        | Place::StatusScript
        | Place::PodNamespace
        | Place::Pod(_)
        | Place::PrometheusRule
        | Place::Monitoring(_)
        | Place::Node { .. }
        | Place::List
        | Place::Foreign(_) => Label::parse(owner).map(Entry::Component),
    }
}

/// The Services of machines.
fn services(state: &State) -> BTreeMap<&ObjectKey, &Object> {
    let all = state.objects.iter().filter(|(key, object)| {
        key.kind == "Service"
            && matches!(Place::of(&object.file), Place::Component(_) | Place::Fallback(_))
    });
    all.collect()
}

/// Returns true if addresses behind a Service change; in another form they may be the same.
fn is_moved(from: &State, to: &State, service: &ObjectKey) -> bool {
    from.objects.iter().any(|(key, object)| {
        key.namespace == service.namespace
            && object.service() == Some(&service.name)
            && to.objects.get(key).is_some_and(|new| new != object)
    })
}
