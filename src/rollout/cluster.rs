//! Steps of the cluster: new objects before the nodes, deletions after them.

use std::collections::BTreeSet;

use super::Rollout;
use super::step::{Command, Do, Step};
use crate::impact::Comparison;
use crate::state::{Object, ObjectKey};

/// Adds the steps around those of the nodes.
pub(super) fn add(comparison: Comparison<'_>, rollout: &mut Rollout) {
    let (from, to) = (&comparison.from.objects, &comparison.to.objects);
    let changed = comparison.changed.iter().any(|file| file.path.starts_with("kubernetes/"));
    if !changed {
        return;
    }
    let gone: Vec<&Object> = from.values().filter(|object| !to.contains_key(&object.key)).collect();
    // The webhook of ingress-nginx refuses a path that another Ingress has (facts-kubernetes 14).
    let new: BTreeSet<Claim<'_>> =
        to.values().filter(|object| !from.contains_key(&object.key)).flat_map(claims).collect();
    let (first, later): (Vec<&Object>, Vec<&Object>) =
        gone.into_iter().partition(|object| claims(object).iter().any(|claim| new.contains(claim)));
    let mut before = Vec::new();
    if !first.is_empty() {
        before.push(delete("delete Ingresses whose paths get another owner", &first));
    }
    before.extend(recreate(comparison));
    let mut apply = Step::on(Do::Apply, "apply the manifests", Vec::new());
    apply.commands = vec![Command::of("apply", [""; 0])];
    apply.objects = to
        .values()
        .filter(|object| from.get(&object.key) != Some(object))
        .map(|object| object.key.to_string())
        .collect();
    if !apply.objects.is_empty() {
        before.push(apply);
    }
    // Nothing changes before every node was asked.
    let asked = usize::from(rollout.steps.first().is_some_and(|step| step.does == Do::Verify));
    rollout.steps.splice(asked..asked, before);
    if !later.is_empty() {
        let clean = rollout.steps.iter().position(|step| step.does == Do::Clean);
        let at = clean.unwrap_or(rollout.steps.len());
        rollout.steps.insert(at, delete("delete objects that are no longer produced", &later));
    }
}

/// Class, host and path.
type Claim<'a> = (Option<&'a str>, Option<&'a str>, &'a str);

fn claims(object: &Object) -> Vec<Claim<'_>> {
    match object.key.kind.as_str() {
        "Ingress" => {
            object.paths().into_iter().map(|rule| (object.class(), rule.host, rule.path)).collect()
        }
        _ => Vec::new(),
    }
}

fn delete(title: &str, objects: &[&Object]) -> Step {
    let mut step = Step::on(Do::Delete, title, Vec::new());
    step.objects = objects.iter().map(|object| object.key.to_string()).collect();
    step.commands = objects.iter().map(|object| delete_command(&object.key)).collect();
    step
}

fn delete_command(key: &ObjectKey) -> Command {
    Command::of("delete", [&key.kind.to_lowercase(), &key.namespace, &key.name])
}

/// Fields that the API server refuses to change (facts-kubernetes 21, 26).
fn recreate(comparison: Comparison<'_>) -> Vec<Step> {
    let mut steps = Vec::new();
    for object in comparison.to.objects.values() {
        let Some(old) = comparison.from.objects.get(&object.key) else { continue };
        let differs = |path: &str| old.field(path) != object.field(path);
        let both = |path: &str| old.field(path).is_some() && object.field(path).is_some();
        let key = &object.key;
        if differs("/spec/loadBalancerClass")
            || ["/spec/ipFamilies/0", "/addressType"].iter().any(|path| both(path) && differs(path))
        {
            let mut step = Step::on(
                Do::Delete,
                format!("delete {key}, which cannot change in place"),
                Vec::new(),
            );
            step.objects = vec![key.to_string()];
            step.commands = vec![delete_command(key)];
            steps.push(step);
        } else if differs("/spec/healthCheckNodePort") {
            let title = format!(
                "free the health port of {key}: clients' addresses are lost until the manifests are applied"
            );
            let mut step = Step::on(Do::Patch, title, Vec::new());
            step.objects = vec![key.to_string()];
            step.commands = vec![Command::of("free_health_port", [&key.namespace, &key.name])];
            steps.push(step);
        }
    }
    steps
}
