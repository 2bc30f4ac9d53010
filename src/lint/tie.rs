//! Rules of equal rank: nothing says which of them answers.

use std::collections::{BTreeMap, BTreeSet};

use super::answer;
use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Controller, Datacenter, Host, Label};
use crate::route::{
    Answer, Considered, Found, PathMatch, RoutingTable, Rule, Tier, TraefikRouter, witnesses,
};
use crate::source::Span;

/// Traefik's choice between them is random.
const EQUAL_TEXTS: Code = code!(Warning "LB234", "two rules that Traefik ranks alike");
/// Implementations choose by the age of routes, or at random.
const EQUAL_ROUTES: Code = code!(Warning "LB326", "two routes that a listener cannot tell apart");
/// The order is the implementation's.
const OVERLAP: Code = code!(Warning "LB325", "a regular expression that overlaps another path");

/// The codes of this family.
pub const CODES: &[&Code] = &[&EQUAL_TEXTS, &OVERLAP, &EQUAL_ROUTES];

/// Reports rules that tie in an entrypoint's controller, and in its Gateway.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (name, tier) in routes.tiers() {
        let Some(entrypoint) = datacenter.entrypoints.get(name) else { continue };
        let mut ties = Ties::default();
        if let Some(controller) = entrypoint.ingress_controller()
            && matches!(controller, Controller::Traefik { .. } | Controller::TraefikNginx)
        {
            equal_texts(tier, controller, &mut ties);
        }
        if entrypoint.tiers().is_some_and(|tiers| tiers.gateway.is_some()) {
            equal_routes(datacenter, name, tier, &mut ties);
            overlaps(tier, &mut ties);
        }
        ties.found.into_iter().for_each(|diagnostic| report.push(diagnostic));
    }
}

/// Diagnostics, one for each pair of places.
#[derive(Default)]
struct Ties {
    told: BTreeSet<(&'static str, Span, Span)>,
    found: Vec<Diagnostic>,
}

impl Ties {
    /// Adds one at the later of two rules; a fallback's line says nothing of paths.
    fn add(&mut self, code: &'static Code, pair: [&Rule; 2], say: impl Fn(Span) -> Diagnostic) {
        let span = |rule: &Rule| rule.path.path.span;
        let [first, second] = pair;
        let is_first = second.answer == Answer::Fallback
            || first.answer != Answer::Fallback && span(first) > span(second);
        let (at, other) = if is_first { (first, second) } else { (second, first) };
        if self.told.insert((code.id, span(at), span(other))) {
            self.found.push(say(span(at)).also(span(other), by(other)));
        }
    }
}

fn by(rule: &Rule) -> String {
    match &rule.answer {
        Answer::Component(name) => format!("`{name}` here"),
        Answer::Fallback => "the fallback".to_owned(),
    }
}

fn equal_texts(tier: &Tier, controller: Controller, ties: &mut Ties) {
    let mut ranked: BTreeMap<usize, Vec<(Considered<'_>, TraefikRouter<'_>)>> = BTreeMap::new();
    for rule in tier.all() {
        let router = TraefikRouter::of(tier, &rule, controller);
        ranked.entry(router.priority).or_default().push((rule, router));
    }
    for equal in ranked.values() {
        for (at, (first, one)) in equal.iter().enumerate() {
            let others = equal[at + 1..]
                .iter()
                .filter(|(second, _)| second.rule.answer != first.rule.answer);
            for (second, other) in others {
                let Some(host) = shared_host(first.host, second.host) else { continue };
                let tied = paths(first.rule, second.rule).into_iter().find(|path| {
                    one.matches(path)
                        && other.matches(path)
                        && matches!(tier.lookup(controller, &host, path).found, Found::Undecided(_))
                });
                let Some(path) = tied else { continue };
                ties.add(&EQUAL_TEXTS, [first.rule, second.rule], |span| {
                    let title = format!("`{path}` on {host} has two rules of equal rank");
                    Diagnostic::new(&EQUAL_TEXTS, span, title, "its text is as long as the other's")
                        .note("Traefik's priority is the length of a rule's text; which of two equal ones answers changes from run to run")
                        .help("give both paths to one component, or set `traefik.ingress.kubernetes.io/router.priority` on one of them")
                });
            }
        }
    }
}

/// A host that both rules are for.
fn shared_host(one: Option<&Host>, other: Option<&Host>) -> Option<Host> {
    match (one, other) {
        (None, host) | (host, None) => answer::asked(host),
        (Some(one), Some(other)) if one == other || other.wildcard().as_ref() == Some(one) => {
            answer::asked(Some(other))
        }
        (Some(one), Some(other)) if one.wildcard().as_ref() == Some(other) => Some(one.clone()),
        _ => None,
    }
}

/// Paths that could tell two rules apart.
fn paths(one: &Rule, other: &Rule) -> Vec<String> {
    witnesses(&[one, other].map(|rule| rule.path.path.value.as_str()).into())
}

/// A route without hosts has those of the listener that it attaches to.
fn equal_routes(datacenter: &Datacenter, entrypoint: &Label, tier: &Tier, ties: &mut Ties) {
    let has_listener = |host: &Host| {
        let domain = datacenter.domains.get(host);
        domain.is_some_and(|found| found.entrypoint == *entrypoint && found.tls_secret.is_some())
    };
    let any = tier.rules(None);
    for (host, rules) in tier.named_hosts().filter(|(host, _)| has_listener(host)) {
        for rule in rules.iter().filter(|rule| !rule.is_catch_all) {
            let same = any.iter().find(|other| other.found == rule.found);
            let Some(other) = same.filter(|other| other.answer != rule.answer) else { continue };
            ties.add(&EQUAL_ROUTES, [rule, other], |span| {
                let title = format!("at the listener of {host}, two routes have `{}`", rule.path.path.value);
                Diagnostic::new(&EQUAL_ROUTES, span, title, "one of them")
                    .note("a route without `hostnames` has those of the listener; of two that are alike the older one answers, or either (HTTPRouteRule)")
                    .help("let the other name its hosts too, without this one")
            });
        }
    }
}

fn overlaps(tier: &Tier, ties: &mut Ties) {
    for (host, rules) in tier.hosts() {
        let regexes = rules.iter().filter(|rule| matches!(rule.found, PathMatch::Regex(_)));
        for rule in regexes {
            // The root overlaps with everything, and is the shortest everywhere.
            let meets = |other: &&Rule| match &other.found {
                PathMatch::Prefix(value) if value != "/" => paths(rule, other)
                    .iter()
                    .any(|path| rule.found.matches(path) && other.found.matches(path)),
                PathMatch::Prefix(_) | PathMatch::Exact(_) | PathMatch::Regex(_) => false,
            };
            let others = rules.iter().filter(|other| other.answer != rule.answer);
            for other in others.filter(meets) {
                ties.add(&OVERLAP, [rule, other], |span| {
                    let on = host.map_or("any host".to_owned(), ToString::to_string);
                    let title = format!(
                        "`{}` and `{}` overlap on {on}",
                        rule.path.path.value, other.path.path.value
                    );
                    Diagnostic::new(&OVERLAP, span, title, "which one answers is the implementation's choice")
                        .note("Gateway API leaves the precedence of a RegularExpression to the implementation (HTTPRouteRule, \"matches\")")
                        .help("write both as prefixes, or give them to one component")
                });
            }
        }
    }
}
