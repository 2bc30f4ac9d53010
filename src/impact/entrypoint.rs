//! The effects of a change on entrypoints: their edge Services and their fallbacks.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, fields, words};
use super::{Class, Finding};
use crate::bundle::{ChangeKind, Place};
use crate::language::name::{Label, Name};
use crate::model::Entry;
use crate::state::{Object, ObjectKey, State};

/// An object on both sides.
type Pair<'a> = (&'a ObjectKey, Option<&'a Object>, Option<&'a Object>);

impl<'a> Cluster<'a> {
    /// The findings for a change of one of its files.
    pub(super) fn entrypoint(&self, name: &str, path: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(name) else { return Vec::new() };
        let entry = Entry::Entrypoint(label);
        let kind =
            self.comparison.changed.iter().find(|file| file.path == path).map(|file| file.kind);
        let what = if let Place::Fallback(_) = Place::of(path) {
            "the fallback"
        } else {
            "the entrypoint"
        };
        match kind {
            // The files of an entrypoint are called as it is, and its objects are not.
            Some(ChangeKind::Added | ChangeKind::Removed)
                if let Some(other) = self.namesake(path) =>
            {
                let words = match kind {
                    Some(ChangeKind::Added) => "was called",
                    _ => "is now called",
                };
                let reason = format!("{words} `{other}`; its objects stay");
                return vec![Finding::new(Class::Tuned, entry, reason)];
            }
            Some(ChangeKind::Added) => {
                return vec![Finding::new(Class::New, entry, format!("{what} is new"))];
            }
            Some(ChangeKind::Removed) => {
                let lost = self.lost(path);
                if !lost.is_empty() {
                    let reason = format!(
                        "{what} is removed: {}",
                        words(Class::Unreachable, None, &lost.join(", "))
                    );
                    return vec![Finding::new(Class::Unreachable, entry, reason)];
                }
                return vec![Finding::new(Class::Removed, entry, format!("{what} is removed"))];
            }
            _ => {}
        }
        let mut found = Vec::new();
        let pairs = self.pairs(path);
        if let (Place::Fallback(_), Some(replaced)) = (Place::of(path), self.replaced(&entry, path))
        {
            return vec![replaced];
        }
        let service = |side: Option<&'a Object>| side.filter(|object| object.key.kind == "Service");
        let gone = pairs.iter().find_map(|(_, from, to)| service(*from).filter(|_| to.is_none()));
        let new = pairs.iter().find_map(|(_, from, to)| service(*to).filter(|_| from.is_none()));
        if let (Some(gone), Some(new), Place::Service(_)) = (gone, new, Place::of(path)) {
            let reason = format!(
                "{} is deleted and {} made in its place, with other pods behind it: the VIPs are not answered in between",
                gone.key, new.key
            );
            return vec![Finding::new(Class::Recreate, entry, reason)];
        }
        for (key, from, to) in pairs {
            found.extend(service_findings(&entry, key, from, to));
        }
        found
    }

    /// The finding for a fallback whose requests go to another Service, or to another port of it.
    fn replaced(&self, entry: &Entry, path: &str) -> Option<Finding> {
        let service = |state: &'a State| {
            let own = state.objects.values().filter(|object| object.file == path);
            let mut leading = own.filter_map(|object| Some((object, object.paths().pop()?)));
            let (object, rule) = leading.next()?;
            let name = format!("{}/{}", rule.namespace, rule.service());
            Some((name, object.key.kind.as_str(), format!("{}/{}", rule.namespace, rule.backend)))
        };
        let (from, from_kind, from_port) = service(self.comparison.from)?;
        let (to, to_kind, to_port) = service(self.comparison.to)?;
        let (from, to) = match from == to {
            false => (from, to),
            // An Ingress may have the port's name, and a route its number.
            true if from_kind != to_kind || from_port == to_port => return None,
            true => (from_port, to_port),
        };
        let mut finding = Finding::new(Class::Switches, entry.clone(), "another fallback answers");
        (finding.from, finding.to) = (Some(from), Some(to));
        Some(finding)
    }

    /// The entrypoint whose file has the objects of a file on the other side: it has another name.
    fn namesake(&self, path: &str) -> Option<&'a str> {
        let (from, to) = (&self.comparison.from.objects, &self.comparison.to.objects);
        let other = |own: &'a BTreeMap<ObjectKey, Object>,
                     other: &'a BTreeMap<ObjectKey, Object>| {
            let mut all = own.values().filter(|object| object.file == path);
            let first = other.get(&all.next()?.key)?;
            let stay =
                all.all(|object| other.get(&object.key).is_some_and(|now| now.file == first.file));
            Place::of(&first.file).entrypoint().filter(|_| stay && first.file != path)
        };
        other(from, to).or_else(|| other(to, from))
    }

    /// The URLs that a Service of a removed file answered, and that nothing answers any more.
    fn lost(&self, path: &str) -> Vec<&str> {
        let gone: BTreeSet<&str> =
            self.pairs(path).iter().map(|(key, ..)| key.name.as_str()).collect();
        let lost = self.changes.iter().filter(|change| {
            change.class == Class::Unreachable && gone.contains(change.owner.as_str())
        });
        lost.flat_map(|change| change.urls.iter().map(String::as_str)).collect()
    }

    /// The objects of a file of an entrypoint on both sides that differ.
    pub(super) fn pairs(&self, path: &str) -> Vec<Pair<'a>> {
        let (from, to) = (self.comparison.from, self.comparison.to);
        let keys: BTreeSet<&ObjectKey> = from.objects.keys().chain(to.objects.keys()).collect();
        keys.into_iter()
            .map(|key| (key, from.objects.get(key), to.objects.get(key)))
            .filter(|(_, from, to)| from != to)
            .filter(|(_, from, to)| from.or(*to).is_some_and(|object| object.file == path))
            .collect()
    }
}

/// Returns the findings for a change of an object of an entrypoint.
pub(super) fn service_findings(
    entry: &Entry,
    key: &ObjectKey,
    from: Option<&Object>,
    to: Option<&Object>,
) -> Vec<Finding> {
    let finding = |class, reason: String| Finding::new(class, entry.clone(), reason);
    let (Some(from), Some(to)) = (from, to) else {
        let class = if to.is_some() { Class::New } else { Class::Removed };
        let reason = format!("{key} {}", if to.is_some() { "is new" } else { "is removed" });
        return vec![finding(class, reason)];
    };
    let differs = |path: &str| from.field(path) != to.field(path);
    let mut found = Vec::new();
    if key.kind == "Service" && differs("/spec/selector") {
        let reason = match to.field("/spec/selector") {
            Some(_) => format!("other pods answer behind {key}"),
            None => format!(
                "machines outside of the cluster answer behind {key}, once its selector is gone: `kubectl apply` leaves one that it did not write"
            ),
        };
        found.push(finding(Class::Switches, reason));
    }
    // facts K21, K26
    if differs("/spec/healthCheckNodePort") {
        found.push(finding(
            Class::Recreate,
            "the health port changes only through `externalTrafficPolicy: Cluster`: clients' addresses are lost and no node is healthy meanwhile".to_owned(),
        ));
    }
    if let Place::Service(_) = Place::of(&to.file) {
        let (before, after) = (from.ports(), to.ports());
        let gone = before.difference(&after).map(|port| {
            finding(Class::Unreachable, format!("port {port} of its VIPs is not served any more"))
        });
        let new = after.difference(&before).map(|port| {
            finding(Class::Tuned, format!("port {port} of its VIPs is served from now on"))
        });
        found.extend(gone.chain(new));
    }
    for field in from.unchangeable(to) {
        let reason = format!("`{field}` cannot change: {key} must be deleted and created");
        found.push(finding(Class::Recreate, reason));
    }
    let addresses = ["/subsets", "/endpoints", "/ports"];
    if addresses.iter().any(|path| differs(path)) {
        found.push(finding(Class::Switches, format!("other addresses or ports behind {key}")));
    }
    if found.is_empty() {
        found.push(finding(Class::Tuned, format!("{key}: {}", fields(from, to))));
    }
    found
}
