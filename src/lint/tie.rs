//! Rules of equal rank: nothing says which of them answers.

use std::collections::{BTreeMap, BTreeSet};

use super::answer;
use crate::diag::{Code, Diagnostic, Report, code};
use crate::language::word::ImplementationName;
use crate::model::{Controller, Datacenter, Host, HostOrder, Implementation, Label, RegexOrder};
use crate::route::{
    Answer, Asked, Considered, Found, PathMatch, RoutingTable, Rule, Tier, TraefikRouter, witnesses,
};
use crate::source::Span;

/// Traefik's choice between them is random.
const EQUAL_TEXTS: Code = code!(Warning "LB234", "two rules that Traefik ranks alike");
/// Traefik's choice between them is random.
const EQUAL_ROUTES: Code = code!(Warning "LB326", "two routes that Traefik's Gateway ranks alike");
/// The order is the implementation's.
const OVERLAP: Code = code!(Warning "LB325", "a regular expression that overlaps another path");

/// The specification compares paths first.
const OUTRANKS: Code = code!(Warning "LB331", "a match that Traefik ranks above a longer path");

/// The codes of this family.
pub const CODES: &[&Code] = &[&EQUAL_TEXTS, &OVERLAP, &EQUAL_ROUTES, &OUTRANKS];

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
        let gateway = entrypoint.tiers().and_then(|tiers| tiers.gateway.as_ref());
        if let (Some(gateway), Some(tier)) = (gateway, routes.gateway(name)) {
            if gateway.implementation.host_order() == HostOrder::PathFirst {
                equal_routes(tier, gateway.implementation, &mut ties);
                outranking(tier, gateway.implementation, &mut ties);
                plain_wildcards(datacenter, name, &mut ties);
            }
            overlaps(tier, gateway.implementation, &mut ties);
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

/// Routes of one path are ranked by the length of their hosts: `*.example.com` is as long as `a.example.com`.
fn equal_routes(tier: &Tier, implementation: Implementation, ties: &mut Ties) {
    for found in tier.all().filter(|found| tier.is_contested(found.rule)) {
        let Some(host) = found.host.filter(|host| !host.as_str().starts_with('*')) else {
            continue;
        };
        let path = found.rule.found.value();
        if let Found::Undecided(equal) =
            tier.lookup_gateway(implementation, None, Asked::plain(host, path)).found
            && let [first, second, ..] = equal.as_slice()
            && first.rule.found == second.rule.found
        {
            ties.add(&EQUAL_ROUTES, [first.rule, second.rule], |span| {
                let title = format!("`{path}` on {host} has two routes of equal rank");
                Diagnostic::new(&EQUAL_ROUTES, span, title, "its host is as long as the other's")
                    .note("of routes with one path Traefik takes the one whose host is the longest text; which of two equal ones answers changes from run to run")
                    .help("give the path to one component on both hosts")
            });
        }
    }
}

/// Traefik adds up to 16 for the place of a rule in its route, more than a wildcard is shorter than a host below it: over
/// plain HTTP the redirect of a host may be equal to a route of the wildcard.
fn plain_wildcards(datacenter: &Datacenter, entrypoint: &Label, ties: &mut Ties) {
    let own = || datacenter.domains.iter().filter(|(_, found)| found.entrypoint == *entrypoint);
    let plain =
        own().filter(|(host, found)| found.tls_secret.is_none() && host.as_str().starts_with("*."));
    for (wildcard, found) in plain {
        let below = |host: &Host| {
            !host.as_str().starts_with('*') && host.as_str().ends_with(&wildcard.as_str()[1..])
        };
        let hosts = own().filter(|(host, found)| found.tls_secret.is_some() && below(host));
        let Some((host, other)) = hosts.min_by_key(|(_, found)| found.span) else { continue };
        let title = format!("over plain http, {wildcard} may answer for {host}");
        ties.found.push(
            Diagnostic::new(&EQUAL_ROUTES, found.span, title, "without TLS")
                .also(other.span, "its redirect to https may rank alike")
                .note("Traefik adds up to 16 to a route's rank for the place of its rule, and a wildcard is a few letters shorter than a host below it")
                .help("give the wildcard a certificate too, or an entrypoint of its own"),
        );
    }
}

/// Traefik adds up a path's length and its conditions: a method is worth ten letters.
fn outranking(tier: &Tier, implementation: Implementation, ties: &mut Ties) {
    let letter = Implementation { name: ImplementationName::Other, ..implementation };
    // The rules of a component are alike on all of its hosts: one of each kind is enough.
    let mut seen = BTreeSet::new();
    for found in tier.all().filter(|found| !found.rule.path.condition.is_none()) {
        let Some((method, headers)) = found.rule.path.condition.example() else { continue };
        let others = tier.all().filter(|other| other.rule.answer != found.rule.answer);
        for other in others.filter(|other| may_meet(found.rule, other.rule)) {
            let Some(host) = shared_host(found.host, other.host) else { continue };
            let places = [found, other].map(|one| {
                let is_wild = one.host.map(|host| host.as_str().starts_with('*'));
                (one.rule.path.path.span, is_wild)
            });
            if !seen.insert(places) {
                continue;
            }
            let answer = |implementation, path: &str| {
                let asked = Asked { host: &host, path, method, headers: &headers };
                match tier.lookup_gateway(implementation, None, asked).found {
                    Found::Rule(rule) => Some(rule.rule.answer.clone()),
                    _ => None,
                }
            };
            let wrong = paths(found.rule, other.rule).into_iter().find(|path| {
                answer(letter, path).as_ref() == Some(&other.rule.answer)
                    && answer(implementation, path).as_ref() != Some(&other.rule.answer)
            });
            let Some(path) = wrong else { continue };
            ties.add(&OUTRANKS, [found.rule, other.rule], |span| {
                let with = &found.rule.path.condition;
                let title = format!("Traefik gives `{path}` with {with} to the shorter path");
                Diagnostic::new(&OUTRANKS, span, title, "Gateway API gives it to the longer one")
                    .note("Traefik's priority is 100 for each letter of a path, 1,000 for a method and 100 for a header")
                    .help("give the longer path to the same component, or write a path with the same `match` for it")
            });
        }
    }
}

/// Returns true if some request could have both paths.
fn may_meet(one: &Rule, other: &Rule) -> bool {
    match (&one.found, &other.found) {
        (PathMatch::Regex(_), _) | (_, PathMatch::Regex(_)) => true,
        (one, other) => {
            let (one, other) = (one.value(), other.value());
            one.starts_with(other) || other.starts_with(one)
        }
    }
}

fn overlaps(tier: &Tier, implementation: Implementation, ties: &mut Ties) {
    let (name, order) = (implementation.name, implementation.regex_order());
    let who = match order {
        RegexOrder::BeforePrefixes => format!("in {name} the regular expression answers"),
        RegexOrder::ByLength => format!("in {name} the longer text answers"),
        RegexOrder::AfterPrefixes => format!("in {name} the prefix answers"),
        RegexOrder::Unknown => "which one answers is the implementation's choice".to_owned(),
    };
    for (host, rules) in tier.hosts() {
        let regexes = rules.iter().filter(|rule| matches!(rule.found, PathMatch::Regex(_)));
        for rule in regexes {
            // The root is the last of the prefixes, but not everywhere after the expressions.
            let spares_root = matches!(order, RegexOrder::BeforePrefixes | RegexOrder::ByLength);
            let meets = |other: &&Rule| match &other.found {
                PathMatch::Prefix(value) if value != "/" || !spares_root => paths(rule, other)
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
                    Diagnostic::new(&OVERLAP, span, title, who.clone())
                        .note("Gateway API leaves the precedence of a RegularExpression to the implementation (HTTPRouteRule, \"matches\")")
                        .help("write both as prefixes, or give them to one component")
                });
            }
        }
    }
}
