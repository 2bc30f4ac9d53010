//! The steps before an edge Service selects other pods: what these will answer with is there first, a Gateway and its
//! listeners before the routes that attach to them.

use std::collections::BTreeSet;

use super::step::{Command, Do, Step};
use crate::bundle::{ChangeKind, Place};
use crate::impact::Comparison;
use crate::state::Object;

/// The steps; none where no Service switches.
pub(super) fn before(comparison: Comparison<'_>) -> Vec<Step> {
    let switching: BTreeSet<&str> =
        switched(comparison).map(|(_, new)| new.file.as_str()).collect();
    if switching.is_empty() {
        return Vec::new();
    }
    let is_parent =
        |object: &&Object| matches!(object.key.kind.as_str(), "Gateway" | "ListenerSet");
    let (from, to) = (&comparison.from.objects, &comparison.to.objects);
    let changed: Vec<&Object> = to
        .values()
        .filter(|object| from.get(&object.key) != Some(*object))
        .filter(|object| {
            !switching.contains(object.file.as_str()) && is_written(comparison, object)
        })
        .collect();
    let (parents, others): (Vec<&Object>, Vec<&Object>) = changed.into_iter().partition(is_parent);
    // A Gateway's file has the redirect of plain HTTP too.
    let files: BTreeSet<&str> = parents.iter().map(|object| object.file.as_str()).collect();
    let others: Vec<&Object> =
        others.into_iter().filter(|object| !files.contains(object.file.as_str())).collect();
    let parents = apply("apply the Gateway and its listeners", &parents);
    let others = apply("apply what the other pods answer with", &others);
    parents.into_iter().chain(others).collect()
}

/// Returns the waits before a Service selects the pods of a Gateway: for the Gateway, its listeners, and every route.
pub(super) fn awaited(comparison: Comparison<'_>) -> Vec<Command> {
    let leads = switched(comparison).map(|(_, new)| new).filter(|new| new.exposes_gateway());
    let names: BTreeSet<&str> =
        leads.filter_map(|service| Place::of(&service.file).entrypoint()).collect();
    let wait = |name: &str| {
        let all = comparison.to.objects.values();
        let own = all.filter(|object| object.gateway() == Some(name));
        let word = |object: &Object| {
            let kind = object.key.kind.to_lowercase();
            let (namespace, name) = (&object.key.namespace, &object.key.name);
            format!("{kind}s.gateway.networking.k8s.io/{namespace}/{name}")
        };
        // Routes attach to what is there.
        let mut words: Vec<(bool, String)> =
            own.map(|object| (object.key.kind == "HTTPRoute", word(object))).collect();
        words.sort();
        Command::of("await_gateway", words.into_iter().map(|(_, word)| word))
    };
    names.into_iter().map(wait).collect()
}

/// The edge Services that select other pods, or that move to another name or namespace.
fn switched(comparison: Comparison<'_>) -> impl Iterator<Item = (&Object, &Object)> {
    let is_edge = |object: &&Object| {
        object.key.kind == "Service" && matches!(Place::of(&object.file), Place::Service(_))
    };
    let news = comparison.to.objects.values().filter(is_edge);
    let pairs = news.filter_map(move |new| {
        let mut olds = comparison.from.objects.values().filter(is_edge);
        olds.find(|old| old.file == new.file).map(|old| (old, new))
    });
    pairs.filter(|(old, new)| {
        let selector = "/spec/selector";
        old.key != new.key || old.field(selector) != new.field(selector)
    })
}

fn is_written(comparison: Comparison<'_>, object: &Object) -> bool {
    let mut files = comparison.changed.iter();
    files.any(|file| file.path == object.file && file.kind != ChangeKind::Removed)
}

/// A step that applies the files of some objects; `None` without any.
pub(super) fn apply(title: &str, objects: &[&Object]) -> Option<Step> {
    let files: BTreeSet<&str> = objects.iter().map(|object| object.file.as_str()).collect();
    if files.is_empty() {
        return None;
    }
    let mut step = Step::on(Do::Apply, title, Vec::new());
    step.objects = objects.iter().map(|object| object.key.to_string()).collect();
    step.commands = vec![Command::of("apply_files", files)];
    Some(step)
}
