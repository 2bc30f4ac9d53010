//! The component that answers for a host and path, where two of them say something about it.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Controller, Datacenter, Entrypoint, Label, PathType};
use crate::route::{Answer, RoutingTable, Rule, Tier};

/// A legacy component's record of what a migrated one serves.
const TAKEN: Code =
    code!(Warning "LB207", "a path of a legacy component that a migrated one serves");
/// A canary that shares no path with a component.
const NO_MAIN: Code =
    code!(Warning "LB208", "a canary without a component that it is the canary of");
/// Two rules that differ in nothing but the type.
const TYPES: Code = code!(Warning "LB227", "one path with two types, of two components");

/// A canary is one of a Service.
const SHARED_SERVICE: Code =
    code!(Warning "LB233", "a canary of a Service that other rules have too");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TAKEN, &NO_MAIN, &TYPES, &SHARED_SERVICE];

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
        let is_nginx =
            found.and_then(Entrypoint::ingress_controller).is_some_and(Controller::reads_nginx);
        let mut told = BTreeSet::new();
        for (host, canary) in tier.canaries() {
            let Answer::Component(name) = &canary.answer else { continue };
            let main = tier.claimed(host, &canary.path);
            if let Some(main) = main.filter(|main| main.answer != Answer::Fallback) {
                let is_new = told.insert((canary.answer.clone(), main.answer.clone()));
                if is_nginx && is_new {
                    shared_service(datacenter, tier, canary, main, report);
                }
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

/// Reports a canary whose main Service answers elsewhere too, or whose own Service does (facts K29).
fn shared_service(
    datacenter: &Datacenter,
    tier: &Tier,
    canary: &Rule,
    main: &Rule,
    report: &mut Report,
) {
    let upstream = |name: &Label| datacenter.components.get(name)?.upstream();
    let (Some(own), Some(name)) = (canary.component(), main.component()) else { return };
    let plain = || tier.all().filter_map(|found| found.rule.component());
    let beside = plain().find(|other| *other != name && upstream(other) == upstream(name));
    let user = plain().find(|other| upstream(other) == upstream(own));
    let span = canary.path.path.span;
    let (title, other) = match (user, beside) {
        (Some(user), _) => {
            (format!("the canary `{own}` takes no requests: `{user}` has its Service"), user)
        }
        (None, Some(beside)) => {
            (format!("the canary `{own}` takes requests of `{beside}` too"), beside)
        }
        (None, None) => return,
    };
    let Some(other) = datacenter.components.get(other) else { return };
    report.push(
        Diagnostic::new(&SHARED_SERVICE, span, title, "a canary of a Service, not of this path")
            .also(other.span, "leads to the same Service")
            .note("ingress-nginx hangs a canary on the Service and port of the main rule")
            .help("give the canary, and the component whose canary it is, a Service of their own"),
    );
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
