//! Steps of the cluster: new objects before the nodes, deletions after them.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use super::step::{Command, Do, Exception, Promise, Step};
use super::{Rollout, switch};
use crate::bundle::{ChangeKind, Place};
use crate::impact::{Comparison, Obsolete};
use crate::state::{Object, ObjectKey};

/// Adds the steps around those of the nodes.
pub(super) fn add(comparison: Comparison<'_>, rollout: &mut Rollout) {
    let (from, to) = (&comparison.from.objects, &comparison.to.objects);
    let changed = comparison.changed.iter().any(|file| Place::of(file.path).is_cluster());
    if !changed {
        return;
    }
    let Obsolete { first, moving, giving, later } = Obsolete::of(comparison);
    let mut before = Vec::new();
    if !first.is_empty() {
        before.push(delete(
            "delete objects whose hosts or paths get another owner; until the next step other rules answer them, or 404",
            &first,
        ));
    }
    before.extend(switch::apply(
        "apply objects that give up hosts or paths which others take; until the next step other rules answer them, or 404",
        &giving,
    ));
    before.extend(switch::before(comparison));
    before.extend(free_health_ports(comparison));
    let unchangeable: Vec<(&Object, &Object)> = pairs(comparison).filter(cannot_change).collect();
    let again: Vec<&Object> =
        unchangeable.iter().map(|(old, _)| *old).chain(moving.iter().copied()).collect();
    let mut apply = Step::on(Do::Apply, apply_title(&again), Vec::new());
    apply.commands = switch::awaited(comparison);
    apply.commands.extend(again.iter().map(|old| delete_command(&old.key)));
    apply.commands.push(Command::of("apply", [""; 0]));
    for (old, new) in unchangeable {
        rollout.exceptions.extend(exceptions(old, new));
    }
    for old in moving {
        rollout.exceptions.extend(exceptions(old, old));
    }
    // The script that puts VIPs into the status of Services runs after every apply, and a VIP may change nothing else.
    let status = comparison.changed.iter().any(|file| {
        Place::of(file.path) == Place::StatusScript && file.kind != ChangeKind::Removed
    });
    apply.objects = to
        .values()
        .filter(|object| from.get(&object.key) != Some(object))
        .map(|object| object.key.to_string())
        .collect();
    if !apply.objects.is_empty() || status {
        before.push(apply);
    }
    // Nothing changes before every node was asked.
    let asks = |step: &Step| matches!(step.does, Do::Verify | Do::Apply);
    let asked = rollout.steps.iter().take_while(|step| asks(step)).count();
    rollout.steps.splice(asked..asked, before);
    if !later.is_empty() {
        let clean = rollout.steps.iter().position(|step| step.does == Do::Clean);
        let at = clean.unwrap_or(rollout.steps.len());
        rollout.steps.insert(at, delete("delete objects that are no longer produced", &later));
    }
}

fn delete(title: &str, objects: &[&Object]) -> Step {
    let mut step = Step::on(Do::Delete, title, Vec::new());
    step.objects = objects.iter().map(|object| object.key.to_string()).collect();
    step.commands = objects.iter().map(|object| delete_command(&object.key)).collect();
    step
}

fn delete_command(key: &ObjectKey) -> Command {
    let mut kind = key.kind.to_lowercase();
    // Other groups have Gateways too.
    if matches!(key.kind.as_str(), "Gateway" | "ListenerSet" | "HTTPRoute") {
        kind += "s.gateway.networking.k8s.io";
    }
    if key.kind == "PrometheusRule" {
        kind += "s.monitoring.coreos.com";
    }
    Command::of("delete", [&kind, &key.namespace, &key.name])
}

/// Objects of both sides.
pub(super) fn pairs(comparison: Comparison<'_>) -> impl Iterator<Item = (&Object, &Object)> {
    let to = comparison.to.objects.values();
    to.filter_map(move |new| Some((comparison.from.objects.get(&new.key)?, new)))
}

fn differs(old: &Object, new: &Object, path: &str) -> bool {
    old.field(path) != new.field(path)
}

/// Returns true if the object is deleted and made anew.
fn cannot_change((old, new): &(&Object, &Object)) -> bool {
    !old.unchangeable(new).is_empty()
}

/// In one step, so that nobody is asked anything while nothing answers.
fn apply_title(again: &[&Object]) -> String {
    let names: Vec<String> = again.iter().map(|old| old.key.to_string()).collect();
    match names.is_empty() {
        true => "apply the manifests".to_owned(),
        false => format!(
            "delete what cannot change in place ({}) and apply the manifests at once",
            names.join(", ")
        ),
    }
}

/// The VIPs that nothing answers on while their Service is not there.
fn exceptions(old: &Object, new: &Object) -> Vec<Exception> {
    let vips: BTreeSet<IpAddr> = old.external_ips().into_iter().chain(new.external_ips()).collect();
    let why = format!("nothing answers while {} is deleted and made anew, some seconds", old.key);
    vips.into_iter()
        .map(|vip| Exception {
            promise: Promise::OneHolder,
            vip,
            silent: Duration::ZERO,
            why: why.clone(),
        })
        .collect()
}

/// The health port changes through `externalTrafficPolicy: Cluster` (facts K21).
fn free_health_ports(comparison: Comparison<'_>) -> Vec<Step> {
    let changed = pairs(comparison)
        .filter(|pair| !cannot_change(pair))
        .filter(|(old, new)| differs(old, new, "/spec/healthCheckNodePort"));
    changed
        .map(|(old, _)| {
            let key = &old.key;
            let title = format!(
                "free the health port of {key}: clients' addresses are lost until the manifests are applied"
            );
            let mut step = Step::on(Do::Patch, title, Vec::new());
            step.objects = vec![key.to_string()];
            step.commands = vec![Command::of("free_health_port", [&key.namespace, &key.name])];
            step
        })
        .collect()
}
