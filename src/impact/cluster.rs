//! What happens to domains, components and entrypoints.

use std::collections::BTreeSet;

use serde_json::Value;

use super::answer::{Answers, Tier};
use super::gateway::{GIVES_BACK, Gateways, TAKES_OVER};
use super::routing::Routing;
use super::{Class, Comparison, Finding, Subject};
use crate::bundle::ChangeKind;
use crate::language::name::{Host, Label, Name};
use crate::model::Entry;
use crate::state::{Object, ObjectKey, PathRule, State};

const KUSTOMIZATION: &str = "kubernetes/kustomization.yaml";

/// What happens in the cluster.
pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let cluster = Cluster {
        comparison,
        before: Answers::of(comparison.from),
        after: Answers::of(comparison.to),
        gateways: Gateways::of(comparison),
    };
    let mut found = Vec::new();
    for file in comparison.changed {
        let Some(path) = file.path.strip_prefix("kubernetes/") else { continue };
        let parts: Vec<&str> = path.split('/').collect();
        let findings = match parts.as_slice() {
            ["domains", name] => cluster.domain(stem(name)),
            ["components", name] => cluster.component(stem(name)),
            ["entrypoints", name, "gateway.yaml"] => cluster.gateways.gateway(name),
            ["entrypoints", name, listeners] if listeners.starts_with("listeners-") => {
                cluster.gateways.listeners(name, file.path)
            }
            ["entrypoints", name, _] => cluster.entrypoint(name, file.path),
            ["load-balancer-status"] => vec![Finding::new(
                Class::Tuned,
                Subject::File(file.path.to_owned()),
                "the VIPs in the status of the edge Services",
            )],
            _ => Vec::new(),
        };
        let listed = (file.kind != ChangeKind::Changed).then_some(KUSTOMIZATION);
        let listed = listed.filter(|path| comparison.changed.iter().any(|file| file.path == *path));
        found.extend(
            findings.into_iter().map(|finding| finding.in_files([file.path]).in_files(listed)),
        );
    }
    found.extend(cluster.bystanders());
    found
}

fn stem(name: &str) -> &str {
    name.strip_suffix(".yaml").unwrap_or(name)
}

struct Cluster<'a> {
    comparison: Comparison<'a>,
    before: Answers<'a>,
    after: Answers<'a>,
    gateways: Gateways<'a>,
}

fn ingress<'a>(state: &'a State, name: &str) -> Option<&'a Object> {
    let mut found = state.objects.values();
    found.find(|object| object.key.kind == "Ingress" && object.key.name == name)
}

impl<'a> Cluster<'a> {
    fn domain(&self, name: &str) -> Vec<Finding> {
        let (from, to) = (ingress(self.comparison.from, name), ingress(self.comparison.to, name));
        let hosts = |object: Option<&'a Object>| object.map(Object::hosts).unwrap_or_default();
        let host = hosts(from).into_iter().chain(hosts(to)).flatten().find_map(Host::parse);
        let Some(host) = host else { return Vec::new() };
        let finding =
            |class, reason: String| Finding::new(class, Entry::Domain(host.clone()), reason);
        match (from, to) {
            (None, Some(_)) if self.gateways.takes_over(host.as_str()) => {
                vec![finding(Class::New, "an Ingress beside the Gateway's listener".to_owned())]
            }
            (Some(_), None) if self.gateways.had(host.as_str()) => vec![finding(
                Class::Removed,
                "its Ingress; the Gateway's listener answers as before".to_owned(),
            )],
            (None, Some(_)) if self.gateways.had(host.as_str()) => {
                vec![finding(Class::Switches, GIVES_BACK.to_owned())]
            }
            (None, Some(_)) => vec![finding(Class::New, "a new host".to_owned())],
            (Some(_), None) if self.gateways.takes_over(host.as_str()) => {
                vec![finding(Class::Switches, TAKES_OVER.to_owned())]
            }
            (Some(_), None) => {
                vec![finding(Class::Unreachable, "no Ingress has this host any more".to_owned())]
            }
            (Some(from), Some(to)) => {
                let mut found = Vec::new();
                if from.key != to.key {
                    found.push(finding(Class::Switches, moved(from, to)));
                }
                if from.class() != to.class() {
                    let class = |object: &Object| object.class().unwrap_or("none").to_owned();
                    let mut switches = finding(
                        Class::Switches,
                        "another controller answers, on the VIPs of its entrypoint".to_owned(),
                    );
                    (switches.from, switches.to) = (Some(class(from)), Some(class(to)));
                    found.push(switches);
                }
                if from.field("/spec/rules") != to.field("/spec/rules") {
                    let mut switches =
                        finding(Class::Switches, "another backend answers".to_owned());
                    (switches.from, switches.to) = (backends(from), backends(to));
                    found.push(switches);
                }
                if from.field("/spec/tls") != to.field("/spec/tls") {
                    let mut tls = finding(Class::Tls, tls_words(from, to));
                    (tls.from, tls.to) = (secret(from), secret(to));
                    found.push(tls);
                }
                if found.is_empty() && from.value != to.value {
                    found.push(finding(Class::Tuned, fields(from, to)));
                }
                found
            }
            (None, None) => Vec::new(),
        }
    }

    /// Components whose own lines stay as they are, and whose paths others answer on a host: who names a host hides there
    /// the paths for any host.
    fn bystanders(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = Vec::new();
        let owns = |rule: &PathRule<'_>, host: &str, path: &str| {
            rule.host == Some(host) && rule.path == path
        };
        for (class, host, paths) in self.before.changed_hosts(&self.after) {
            for path in paths {
                let before = self.before.answer(class, Some(host), path);
                let after = self.after.answer(class, Some(host), path);
                let Some(loser) = before.filter(|before| before.path == path) else { continue };
                let is_same = after.is_some_and(|after| after.backend == loser.backend);
                // What a changed component claims itself has its own line.
                if is_same
                    || [before, after].into_iter().flatten().any(|rule| owns(rule, host, path))
                {
                    continue;
                }
                let Some(label) =
                    Label::parse(loser.owner).filter(|_| self.is_component(loser.owner))
                else {
                    continue;
                };
                let class = match after {
                    None => Class::Unreachable,
                    Some(after) if !self.is_component(after.owner) => Class::ToFallback,
                    Some(_) => Class::Switches,
                };
                let shown = format!("{host}{path}");
                let entry = Entry::Component(label);
                let known = found.iter_mut().find(|finding| {
                    finding.class == class && finding.subject == Subject::Entry(entry.clone())
                });
                match known {
                    Some(finding) => {
                        finding.reason = format!("{}, {shown}", finding.reason);
                        let files = self.files_naming(host).into_iter().map(str::to_owned);
                        finding.files.extend(files);
                    }
                    None => {
                        let mut finding = Finding::new(class, entry, words(class, &shown));
                        finding.from = Some(loser.backend.clone());
                        finding.to = after.map(|after| after.backend.clone());
                        found.push(finding.in_files(self.files_naming(host)));
                    }
                }
            }
        }
        found
    }

    /// The changed files in which an Ingress names a host.
    fn files_naming(&self, host: &str) -> BTreeSet<&'a str> {
        let states = [self.comparison.from, self.comparison.to];
        let objects = states.into_iter().flat_map(|state| state.objects.values());
        let naming = objects.filter(|object| object.hosts().contains(&Some(host)));
        let differs = |path: &&str| self.comparison.changed.iter().any(|file| file.path == *path);
        naming.map(|object| object.file.as_str()).filter(differs).collect()
    }

    fn component(&self, name: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(name) else { return Vec::new() };
        let (from, to) =
            (Routing::of(self.comparison.from, name), Routing::of(self.comparison.to, name));
        let entry = Entry::Component(label);
        let mut found: Vec<Finding> = Vec::new();
        let mut paths: BTreeSet<([Tier<'a>; 2], Option<&str>, &str)> = BTreeSet::new();
        for (own, other) in [(&from, &to), (&to, &from)] {
            for object in &own.objects {
                let Some(tier) = Tier::of(object).filter(|tier| own.tier == Some(*tier)) else {
                    continue;
                };
                // What goes from Ingresses to a Gateway, or back, is looked for where it is then.
                let there = other.tier.filter(|there| tier.is_other_api(*there)).unwrap_or(tier);
                let tiers = if std::ptr::eq(own, &from) { [tier, there] } else { [there, tier] };
                paths.extend(object.paths().into_iter().map(|rule| (tiers, rule.host, rule.path)));
            }
        }
        for ([here, there], host, path) in &paths {
            let before = self.before.answer(*here, *host, path);
            let after = self.after.answer(*there, *host, path);
            let shown = format!("{}{path}", host.unwrap_or_default());
            let is_fallback = |owner: &str| owner != name && !self.is_component(owner);
            let class = match (before, after) {
                (None, None) => continue,
                (Some(before), Some(after)) if before == after => continue,
                (Some(before), Some(after)) if here != there && before.owner == after.owner => {
                    continue;
                }
                (Some(_), None) => Class::Unreachable,
                (None, Some(_)) => Class::New,
                (Some(before), Some(after))
                    if is_fallback(before.owner) && !is_fallback(after.owner) =>
                {
                    Class::FromFallback
                }
                (Some(before), Some(after))
                    if !is_fallback(before.owner) && is_fallback(after.owner) =>
                {
                    Class::ToFallback
                }
                (Some(before), Some(after)) if before.backend == after.backend => continue,
                _ => Class::Switches,
            };
            let answer = |claim: Option<&PathRule<'_>>| claim.map(|claim| claim.backend.clone());
            // One line per class; it names every path.
            match found.iter_mut().find(|finding| finding.class == class) {
                Some(finding) => finding.reason = format!("{}, {shown}", finding.reason),
                None => {
                    let mut finding = Finding::new(class, entry.clone(), words(class, &shown));
                    (finding.from, finding.to) = (answer(before), answer(after));
                    found.push(finding);
                }
            }
        }
        found.extend(from.difference(&to, &entry, found.is_empty()));
        found
    }

    /// Whether an Ingress of the routing tier is a component's: fallbacks have a Service of their name beside them.
    fn is_component(&self, owner: &str) -> bool {
        let states = [self.comparison.from, self.comparison.to];
        !states
            .iter()
            .any(|state| state.objects.keys().any(|key| key.kind == "Service" && key.name == owner))
    }

    fn entrypoint(&self, name: &str, path: &str) -> Vec<Finding> {
        let Some(label) = Label::parse(name) else { return Vec::new() };
        let entry = Entry::Entrypoint(label);
        let kind =
            self.comparison.changed.iter().find(|file| file.path == path).map(|file| file.kind);
        let what = if path.ends_with("fallback.yaml") { "the fallback" } else { "the entrypoint" };
        match kind {
            Some(ChangeKind::Added) => {
                return vec![Finding::new(Class::New, entry, format!("{what} is new"))];
            }
            Some(ChangeKind::Removed) => {
                return vec![Finding::new(Class::Removed, entry, format!("{what} is removed"))];
            }
            _ => {}
        }
        let mut found = Vec::new();
        for (key, from, to) in self.pairs(path) {
            found.extend(service_findings(&entry, key, from, to));
        }
        found
    }

    /// The objects of a file of an entrypoint on both sides that differ.
    fn pairs(&self, path: &str) -> Vec<(&'a ObjectKey, Option<&'a Object>, Option<&'a Object>)> {
        let (from, to) = (self.comparison.from, self.comparison.to);
        let keys: BTreeSet<&ObjectKey> = from.objects.keys().chain(to.objects.keys()).collect();
        keys.into_iter()
            .map(|key| (key, from.objects.get(key), to.objects.get(key)))
            .filter(|(_, from, to)| from != to)
            .filter(|(_, from, to)| from.or(*to).is_some_and(|object| object.file == path))
            .collect()
    }
}

/// What a change of an object of an entrypoint does.
fn service_findings(
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
        found.push(finding(Class::Switches, format!("other pods answer behind {key}")));
    }
    // facts-kubernetes 21, 26
    if differs("/spec/healthCheckNodePort") {
        found.push(finding(
            Class::Recreate,
            "the health port changes only through `externalTrafficPolicy: Cluster`: clients' addresses are lost and no node is healthy meanwhile".to_owned(),
        ));
    }
    for (path, field) in [
        ("/spec/loadBalancerClass", "loadBalancerClass"),
        ("/spec/ipFamilies/0", "ipFamilies[0]"),
        ("/addressType", "addressType"),
    ] {
        // What neither manifest says the API server fills in.
        let filled_in = path == "/spec/ipFamilies/0"
            && (from.field(path).is_none() || to.field(path).is_none());
        if differs(path) && !filled_in {
            let reason = format!("`{field}` cannot change: {key} must be deleted and created");
            found.push(finding(Class::Recreate, reason));
        }
    }
    let addresses = ["/subsets", "/endpoints"];
    if addresses.iter().any(|path| differs(path)) {
        found.push(finding(Class::Switches, format!("other addresses behind {key}")));
    }
    if found.is_empty() {
        found.push(finding(Class::Tuned, format!("{key}: {}", fields(from, to))));
    }
    found
}

fn words(class: Class, path: &str) -> String {
    match class {
        Class::Unreachable => format!("nothing answers any more: {path}"),
        Class::New => format!("answered from now on: {path}"),
        Class::FromFallback => format!("leaves the fallback: {path}"),
        Class::ToFallback => format!("goes to the fallback: {path}"),
        _ => format!("another backend answers: {path}"),
    }
}

/// Two Ingresses of one host cannot stand beside each other in ingress-nginx.
pub(super) fn moved(from: &Object, to: &Object) -> String {
    let (old, new) = (&from.key.namespace, &to.key.namespace);
    format!("its Ingress moves from the namespace {old} to {new}: the old one is deleted first")
}

fn backends(object: &Object) -> Option<String> {
    let found: BTreeSet<String> = object.paths().into_iter().map(|rule| rule.backend).collect();
    (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(", "))
}

fn secret(object: &Object) -> Option<String> {
    object.field("/spec/tls/0/secretName").and_then(Value::as_str).map(str::to_owned)
}

fn tls_words(from: &Object, to: &Object) -> String {
    match (from.field("/spec/tls"), to.field("/spec/tls")) {
        (None, Some(_)) => "TLS from now on".to_owned(),
        (Some(_), None) => "no TLS any more".to_owned(),
        _ => "another Secret".to_owned(),
    }
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
