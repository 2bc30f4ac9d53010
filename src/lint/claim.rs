//! Which component answers for a host and path, where two of them say something about it.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Controller, Datacenter, Entrypoint, PathType};
use crate::route::{Answer, RoutingTable, Rule};

/// A legacy component's record of what a migrated one serves.
const TAKEN: Code =
    code!(Warning "LB207", "a path of a legacy component that a migrated one serves");
/// A canary that shares no path with a component.
const NO_MAIN: Code =
    code!(Warning "LB208", "a canary without a component that it is the canary of");
/// Two rules that differ in nothing but the type.
const TYPES: Code = code!(Warning "LB227", "one path with two types, of two components");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TAKEN, &NO_MAIN, &TYPES];

/// Reports records that are out of date, canaries that get no request, and paths that only their types tell apart.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (name, tier) in routes.tiers() {
        let found = datacenter.entrypoints.get(name);
        if let Some(controller) = found.and_then(Entrypoint::ingress_controller) {
            let has_webhook = controller == Controller::IngressNginx;
            for (_, rules) in tier.hosts() {
                types(rules, has_webhook, report);
            }
        }
        for (host, record) in tier.records() {
            let Some(first) = tier.claimed(host, &record.path) else { continue };
            let (Answer::Component(name), Answer::Component(other)) =
                (&record.answer, &first.answer)
            else {
                continue;
            };
            let shown = &record.path.path.value;
            report.push(
                Diagnostic::new(
                    &TAKEN,
                    record.path.path.span,
                    format!("`{shown}` of the legacy component `{name}` is served by `{other}`"),
                    "on record as legacy",
                )
                .also(first.path.path.span, format!("`{other}` is migrated"))
                .note("the catch-all gets only what no migrated component claims")
                .help("remove the path from the legacy component, or remove the component if nothing is left"),
            );
        }
        for (host, canary) in tier.canaries() {
            let Answer::Component(name) = &canary.answer else { continue };
            let main = tier.claimed(host, &canary.path);
            if main.is_some_and(|main| main.answer != Answer::Fallback) {
                continue;
            }
            let shown = &canary.path.path.value;
            report.push(
                Diagnostic::new(
                    &NO_MAIN,
                    canary.path.path.span,
                    format!("`{name}` is a canary on `{shown}`, but no component serves that path"),
                    "gets no request",
                )
                .note("ingress-nginx accepts a canary only if another Ingress has the same host and path")
                .help("give both the same `hosts` and `paths`"),
            );
        }
    }
}

/// Reports paths of one host that two components have, with different types. An `Exact` beside a longer match is what people
/// mean, but the webhook of ingress-nginx compares nothing but the texts (its issue 10090).
fn types(rules: &[Rule], has_webhook: bool, report: &mut Report) {
    let mut by_text: BTreeMap<&str, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        by_text.entry(rule.path.path.value.as_str()).or_default().push(rule);
    }
    for (text, mut rules) in by_text {
        rules.retain(|rule| has_webhook || rule.path.kind != PathType::Exact);
        rules.sort_by_key(|rule| rule.path.path.span);
        let Some((first, rest)) = rules.split_first() else { continue };
        for rule in rest.iter().filter(|rule| rule.answer != first.answer) {
            // A fallback says nothing of paths: the component's line can be changed.
            let (rule, other) = match rule.answer {
                Answer::Fallback => (first, rule),
                Answer::Component(_) => (rule, first),
            };
            let note = match has_webhook {
                true => {
                    "the webhook of ingress-nginx refuses the second Ingress that has a host and path, whatever the type"
                }
                false => "which of the two answers is the routing controller's affair",
            };
            report.push(
                Diagnostic::new(
                    &TYPES,
                    rule.path.path.span,
                    format!("`{text}` has two types"),
                    format!("`{}` here", rule.path.kind.word()),
                )
                .also(other.path.path.span, format!("`{}` here", other.path.kind.word()))
                .note(note)
                .help("give both paths to one component, or separate the two by `hosts`"),
            );
        }
    }
}
