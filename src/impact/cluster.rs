//! The effects of a change on domains, components and entrypoints.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::answer::Tier;
use super::gateway::Gateways;
use super::machines::moved_services;
use super::obsolete::Obsolete;
use super::request_routing::RequestRouting;
use super::served::{Change, Served};
use super::{Class, Comparison, Finding, Subject, canary};
use crate::bundle::{ChangeKind, Controllers, Place};
use crate::language::name::{Label, Name};
use crate::model::Entry;
use crate::route::{edge_redirects, forces_https};
use crate::state::{Kustomization, Object, State};

pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let served = Served::of([comparison.from, comparison.to], comparison.readers());
    let gateways = Gateways::of(comparison);
    let services = moved_services(comparison.from, comparison.to);
    let mut cluster = Cluster { comparison, changes: Vec::new(), served, gateways, services };
    cluster.changes = cluster.served.changes(
        &tiers(comparison.from, comparison.to, &cluster.served),
        |owner| cluster.is_component(owner),
        |owner| cluster.is_changed(owner),
    );
    let mut found = Vec::new();
    for file in comparison.changed.iter().filter(|file| !file.is_text) {
        let findings = match Place::of(file.path) {
            Place::Domain(name) => cluster.domain(name),
            Place::Component(name) => cluster.component(name),
            Place::Gateway(name) => cluster.gateways.gateway(name, file.path),
            Place::Listeners { entrypoint, .. } => {
                cluster.gateways.listeners(entrypoint, file.path)
            }
            Place::Service(name) | Place::Fallback(name) => cluster.entrypoint(name, file.path),
            Place::StatusScript => vec![Finding::new(
                Class::Tuned,
                Subject::File(file.path.to_owned()),
                "the VIPs in the status of the edge Services",
            )],
            Place::Kustomization if file.kind == ChangeKind::Changed => {
                kustomization(comparison, file.path)
            }
            // The file itself is told of.
            Place::Kustomization
            // Of pods the nodes are told of.
            | Place::PodNamespace
            | Place::Pod(_)
            | Place::PrometheusRule
            | Place::Monitoring(_)
            | Place::Foreign(_)
            | Place::Node { .. }
            | Place::List => Vec::new(),
        };
        let list = Place::Kustomization.to_string();
        let is_listed = file.kind != ChangeKind::Changed
            && comparison.changed.iter().any(|file| file.path == list);
        let listed = is_listed.then_some(list.as_str());
        found.extend(
            findings.into_iter().map(|finding| finding.in_files([file.path]).in_files(listed)),
        );
    }
    found.extend(cluster.emptied());
    found.extend(cluster.services.iter().cloned());
    found.extend(cluster.bystanders());
    found.extend(cluster.redirected());
    found.extend(Obsolete::findings(comparison, |owner| cluster.is_component(owner)));
    found
}

/// Returns what nobody here understands of a kustomization.yaml: keys beside the list, and files that are listed or not
/// although they are there as before.
fn kustomization(comparison: Comparison<'_>, path: &str) -> Vec<Finding> {
    let (from, to) = (&comparison.from.kustomization, &comparison.to.kustomization);
    let mut differ = Kustomization::differences(from, to);
    let comes_or_goes = |listed: &str| {
        let mut all = comparison.changed.iter().filter(|file| file.kind != ChangeKind::Changed);
        all.any(|file| Place::listed(file.path) == Some(listed))
    };
    let listed = to.resources.difference(&from.resources).map(|file| (file, "is listed"));
    let gone =
        from.resources.difference(&to.resources).map(|file| (file, "is not listed any more"));
    let others = listed.chain(gone).filter(|(file, _)| !comes_or_goes(file));
    differ.extend(others.map(|(file, what)| format!("{file} {what}")));
    let subject = Subject::File(path.to_owned());
    let reason = format!("{}; lbgen cannot say what this does", differ.join(", "));
    match differ.is_empty() {
        true => Vec::new(),
        false => vec![Finding::new(Class::Unknown, subject, reason)],
    }
}

/// The objects of the cluster in two states.
pub(super) struct Cluster<'a> {
    pub(super) comparison: Comparison<'a>,
    pub(super) served: Served<'a>,
    pub(super) changes: Vec<Change>,
    pub(super) gateways: Gateways<'a>,
    /// Components whose Service comes or goes.
    services: Vec<Finding>,
}

/// The tiers that are compared: each with itself, and the one that requests for a domain come to with the one that they
/// came to. Without domains a component that goes from Ingresses to a Gateway, or back, says which.
fn tiers<'a>(from: &'a State, to: &'a State, served: &Served<'a>) -> BTreeSet<[Tier<'a>; 2]> {
    let (before, after) = (RequestRouting::all(from), RequestRouting::all(to));
    let names: BTreeSet<&str> = before.keys().chain(after.keys()).copied().collect();
    let mut pairs = served.moves();
    let has_domains = served.has_domains();
    for name in names {
        let tier = |side: &BTreeMap<&'a str, RequestRouting<'a>>| {
            side.get(name).and_then(|found| found.tier)
        };
        match (tier(&before), tier(&after)) {
            (Some(from), Some(to)) if !has_domains && from.is_other_api(to) => {
                pairs.insert([from, to]);
            }
            (from, to) => pairs.extend(from.into_iter().chain(to).map(|tier| [tier, tier])),
        }
    }
    pairs
}

impl<'a> Cluster<'a> {
    /// Components whose own lines stay as they are, and whose paths others answer from now on.
    fn bystanders(&self) -> Vec<Finding> {
        let others = self
            .changes
            .iter()
            .filter(|change| !self.is_changed(&change.owner) && self.is_component(&change.owner));
        others
            .filter_map(|change| {
                let finding = self.answered(change)?;
                let hosts = change.hosts.iter();
                let files: BTreeSet<&str> =
                    hosts.flat_map(|host| self.files_naming(host)).collect();
                let files = if files.is_empty() { self.changed_routes() } else { files };
                let list = Place::List.to_string();
                let by_controller = files.is_empty().then_some(list.as_str());
                Some(finding.in_files(files).in_files(by_controller))
            })
            .collect()
    }

    /// Files of routes that differ.
    fn changed_routes(&self) -> BTreeSet<&'a str> {
        let all = self.comparison.changed.iter().map(|file| file.path);
        all.filter(|path| Place::of(path).is_routing()).collect()
    }

    /// Returns true if a component's own file differs.
    fn is_changed(&self, name: &str) -> bool {
        let file = Place::Component(name).to_string();
        self.comparison.changed.iter().any(|changed| changed.path == file)
    }

    fn answered(&self, change: &Change) -> Option<Finding> {
        let entry = Entry::Component(Label::parse(&change.owner)?);
        let mut finding = Finding::new(
            change.class,
            entry,
            words(change.class, change.to.as_deref(), &change.urls.join(", ")),
        );
        (finding.from, finding.to) = (change.from.clone(), change.to.clone());
        Some(finding)
    }

    /// The changed files in which an Ingress names a host.
    pub(super) fn files_naming(&self, host: &str) -> BTreeSet<&'a str> {
        let states = [self.comparison.from, self.comparison.to];
        let objects = states.into_iter().flat_map(|state| state.objects.values());
        let has_listener = |object: &Object| object.listeners().iter().any(|own| own.host == host);
        let naming =
            objects.filter(|object| object.hosts().contains(&Some(host)) || has_listener(object));
        let differs = |path: &&str| self.comparison.changed.iter().any(|file| file.path == *path);
        naming.map(|object| object.file.as_str()).filter(differs).collect()
    }

    fn component(&self, name: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(name) else { return Vec::new() };
        let (from, to) = (
            RequestRouting::of(self.comparison.from, name),
            RequestRouting::of(self.comparison.to, name),
        );
        let entry = Entry::Component(label);
        let own = self.changes.iter().filter(|change| change.owner == name);
        let mut found: Vec<Finding> = own.filter_map(|change| self.answered(change)).collect();
        let path = Place::Component(name).to_string();
        found.extend(self.machines(&path, &entry));
        found.extend(self.forced(&from, &to, &entry));
        found.extend(canary::finding(self.comparison, name, &entry, |owner| {
            self.is_component(owner)
        }));
        let subject = Subject::from(entry.clone());
        let is_moved = self.services.iter().any(|own| own.subject == subject);
        let is_alone = found.is_empty() && !is_moved;
        found.extend(from.difference(&to, &entry, is_alone));
        found
    }

    /// The finding for a component whose tier begins or ceases to redirect plain http.
    fn forced(
        &self,
        from: &RequestRouting<'_>,
        to: &RequestRouting<'_>,
        entry: &Entry,
    ) -> Option<Finding> {
        let [first, second] = self.comparison.readers();
        let is_forced = |side: &RequestRouting<'_>, controllers: &Controllers| {
            let ingress = side.objects.iter().find(|object| object.key.kind == "Ingress")?;
            let class = ingress.class().unwrap_or_default();
            let (controller, annotations) = (controllers.of_class(class), ingress.annotations());
            let is_one_tier = controllers.is_one_tier(class);
            let is_forced = match is_one_tier {
                true => edge_redirects(controller, &annotations, true),
                false => forces_https(controller, &annotations),
            };
            Some((is_one_tier, is_forced))
        };
        let reason = match (is_forced(from, first)?, is_forced(to, second)?) {
            ((true, false), (true, true)) => {
                "plain http is sent to https, where the host has a certificate"
            }
            ((false, false), (false, true)) => {
                "plain http is sent to https; https too, in circles, unless the controller has `use-forwarded-headers`"
            }
            ((one, true), (other, false)) if one == other => {
                "plain http is not sent to https any more"
            }
            _ => return None,
        };
        Some(Finding::new(Class::Switches, entry.clone(), reason))
    }

    /// Returns true if an Ingress or a route is a component's, and not of a fallback or, in one tier, of a domain.
    fn is_component(&self, owner: &str) -> bool {
        let states = [self.comparison.from, self.comparison.to];
        let mut all = states.iter().flat_map(|state| state.objects.values());
        !all.any(|object| {
            object.key.name == owner
                && match Place::of(&object.file) {
                    Place::Domain(_) | Place::Fallback(_) => true,
                    // Of machines outside of the cluster that serve it.
                    Place::Component(_) => false,
                    Place::Service(_)
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
                    | Place::Foreign(_) => object.key.kind == "Service",
                }
        })
    }
}

pub(super) fn words(class: Class, to: Option<&str>, path: &str) -> String {
    match class {
        Class::Unreachable => format!("nothing answers any more: {path}"),
        Class::New => format!("answered from now on: {path}"),
        Class::FromFallback => format!("leaves the fallback: {path}"),
        Class::ToFallback => format!("goes to the fallback: {path}"),
        _ if to.is_some_and(|to| to.starts_with("a redirect")) => {
            format!("redirects from now on: {path}")
        }
        _ => format!("another backend answers: {path}"),
    }
}

pub(super) fn moved(from: &Object, to: &Object) -> String {
    let (old, new) = (&from.key.namespace, &to.key.namespace);
    format!("its Ingress moves from the namespace {old} to {new}")
}

/// The words for an object that is changed in place.
pub(super) fn in_place(from: &Object, to: &Object) -> String {
    format!("in place: {}", fields(from, to))
}

/// The fields below `metadata` and `spec` that differ.
pub(super) fn fields(from: &Object, to: &Object) -> String {
    let mut found: BTreeSet<String> = BTreeSet::new();
    for part in ["metadata", "spec"] {
        let map = |object: &Object| object.value.get(part).and_then(Value::as_object).cloned();
        let (from, to) = (map(from).unwrap_or_default(), map(to).unwrap_or_default());
        let keys = from.keys().chain(to.keys());
        found.extend(keys.filter(|key| from.get(*key) != to.get(*key)).cloned());
    }
    found.into_iter().collect::<Vec<_>>().join(", ")
}
