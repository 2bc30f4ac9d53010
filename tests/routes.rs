//! The answers are those that a reader of the inventory expects, or `check` warns at a line that has to do with it.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;

use lbgen::diag::Report;
use lbgen::inventory;
use lbgen::language::name::Name;
use lbgen::model::{Controller, Entrypoint, Exposed, Host, Implementation, PathType, Tiers};
use lbgen::pipeline::{self, Options, Planned};
use lbgen::plan::Keep;
use lbgen::plan::simulate::Scenario;
use lbgen::route::{Answer, Asked, Found, PathMatch, Rule, Tier};
use lbgen::source::{Sources, Span};
use lbgen::trace::{Outcome, Request, Tracer};
use proptest::prelude::*;

/// Warnings of a path, and of a whole entrypoint.
const OF_PATHS: [&str; 8] =
    ["LB203", "LB204", "LB205", "LB219", "LB224", "LB226", "LB227", "LB234"];
const OF_ENTRYPOINTS: [&str; 1] = ["LB224"];

/// An inventory that was read, and its plan.
struct Read {
    sources: Sources,
    report: Report,
    planned: Planned,
}

fn read(text: &str) -> Option<Read> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), None, options, &mut report)?;
    Some(Read { sources, report, planned })
}

/// Returns true if an Ingress rule for `rule` serves `host` (Kubernetes API reference, IngressRule: a wildcard is one
/// label).
fn serves(rule: Option<&Host>, host: &Host) -> bool {
    let Some(rule) = rule.map(Host::as_str) else { return true };
    match rule.strip_prefix('*') {
        Some(rest) => host.as_str().split_once('.').is_some_and(|(_, parent)| parent == &rest[1..]),
        None => rule == host.as_str(),
    }
}

/// Returns true if a reader takes a path for one of a rule: part by part, as HTTPIngressPath says of Prefix.
fn covers(rule: &Rule, path: &str) -> bool {
    let own = rule.path.path.value.as_str();
    if rule.path.kind == PathType::Exact {
        return own == path;
    }
    let own = own.trim_end_matches('/');
    path.strip_prefix(own).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The rules that a reader may expect to answer: Exact first, then the longest path, of the most precise host that has one;
/// or of all hosts, where they overlap. That a host which somebody names is closed to the others, a reader does not expect.
fn expected<'a>(tier: &'a Tier, host: &Host, path: &str) -> Vec<Option<&'a Rule>> {
    let rank = |rule: &Rule| {
        let own = rule.path.path.value.as_str();
        let elements = own.trim_end_matches('/').len();
        (rule.path.kind == PathType::Exact, elements)
    };
    let precision = |of: Option<&Host>| of.map(|of| !of.as_str().starts_with('*'));
    let all = || {
        let rules = tier.hosts().flat_map(|(of, rules)| rules.iter().map(move |rule| (of, rule)));
        rules.filter(|(of, rule)| serves(*of, host) && covers(rule, path))
    };
    let by_host = all().map(|(of, rule)| (precision(of), rank(rule))).max();
    let by_path = all().map(|(of, rule)| (rank(rule), precision(of))).max();
    // A Prefix and an ImplementationSpecific of one path are alike to a reader, and `/a/` and `/a` cover the same.
    let best = all().filter(|(of, rule)| {
        let (precision, rank) = (precision(*of), rank(rule));
        by_host == Some((precision, rank)) || by_path == Some((rank, precision))
    });
    let best: Vec<_> = best.map(|(_, rule)| Some(rule)).collect();
    if best.is_empty() { vec![None] } else { best }
}

/// Returns true if `path` is written on two rules of one host, one of them at `place`, which a reader cannot tell
/// apart.
fn is_alike(tier: &Tier, host: &Host, path: &str, place: Span) -> bool {
    let is_of_path =
        |rule: &&Rule| rule.path.kind != PathType::Exact && rule.path.path.value.as_str() == path;
    tier.hosts().filter(|(of, _)| serves(*of, host)).any(|(_, rules)| {
        let rules: Vec<_> = rules.iter().filter(is_of_path).collect();
        let found = rules.iter().find(|rule| rule.path.path.span == place);
        found.is_some_and(|found| rules.iter().any(|rule| rule.answer != found.answer))
    })
}

static SEEN: Mutex<(usize, BTreeMap<&'static str, usize>)> = Mutex::new((0, BTreeMap::new()));

/// A host that no domain has gets a 404 from an edge before a second tier, whatever the path: a wildcard is one label.
fn refuse_foreign(planned: &Planned) {
    let Planned { datacenter, routes, plan } = planned;
    let tracer = Tracer::of(datacenter, routes, plan, &Scenario::default()).by(Exposed::Ingress);
    let mut tiers = datacenter.entrypoints.values().filter_map(Entrypoint::tiers);
    if tiers.any(Tiers::is_one_tier) {
        return;
    }
    for path in datacenter.components.values().flat_map(|component| &component.paths) {
        for host in ["foreign.invalid", "example.invalid.example.org", "a.b.c.d.example.com"] {
            let url = format!("https://{host}{}", path.path.value);
            let Ok(request) = Request::parse(&url) else { continue };
            let answer = tracer.trace(&request).answer;
            assert!(matches!(answer, Outcome::Nothing { status: 404, .. }), "{url}: {answer:?}");
        }
    }
}

/// A Gateway's listener gives every request to a rule that a reader expects: nothing needs a warning there.
fn refuse_surprise(
    [tier, gateway]: [&Tier; 2],
    listener: &Host,
    host: &Host,
    path: &str,
    wanted: &[Option<&Rule>],
    text: &str,
) {
    let lookup =
        gateway.lookup_gateway(Implementation::DEFAULT, Some(listener), Asked::plain(host, path));
    let found = lookup.considered.first();
    let is_regex = |rule: &Rule| matches!(rule.found.clone(), PathMatch::Regex(_));
    let answer = found.map(|found| &found.rule.answer);
    // What nobody claims on a named host the fallback has in an Ingress; a route of any host may have it here.
    let by_host = wanted.iter().any(|rule| {
        rule.is_some_and(|rule| rule.answer == Answer::Fallback && tier.server(host).is_some())
    });
    let expected = wanted.iter().any(|rule| rule.map(|rule| &rule.answer) == answer);
    let place = found.is_some_and(|found| is_alike(tier, host, path, found.place()));
    let is_regex = found.is_some_and(|found| is_regex(found.rule));
    assert!(
        expected || by_host || place || is_regex,
        "{host}{path} at {listener}: expected {wanted:?}, found {answer:?}\n{text}"
    );
}

/// Asks every URL made from every rule of an inventory.
fn ask(text: &str) -> bool {
    let Some(Read { sources, report, planned }) = read(text) else { return false };
    let line = |span: Span| sources.line_column(span).0;
    let mut warned: BTreeSet<usize> = BTreeSet::new();
    let mut whole: BTreeSet<usize> = BTreeSet::new();
    for diagnostic in report.iter() {
        let lines = diagnostic.labels.iter().map(|label| line(label.span));
        if OF_PATHS.contains(&diagnostic.code.id) {
            warned.extend(lines.clone());
        }
        if OF_ENTRYPOINTS.contains(&diagnostic.code.id) {
            whole.extend(lines);
        }
    }
    refuse_foreign(&planned);
    for (name, tier) in planned.routes.tiers() {
        let gateway = planned.routes.gateway(name).unwrap();
        let entrypoint = &planned.datacenter.entrypoints[name];
        let controller = entrypoint.ingress_controller().unwrap_or(Controller::Other);
        let domains = planned.datacenter.domains.iter();
        let hosts: Vec<(&Host, Host)> = domains
            .filter(|(_, domain)| domain.entrypoint == *name)
            .map(|(host, _)| (host, Host::parse(&host.as_str().replace('*', "any")).unwrap()))
            .collect();
        let written: Vec<&Rule> = tier.hosts().flat_map(|(_, rules)| rules).collect();
        for (domain, host) in &hosts {
            for rule in written.iter().filter(|rule| rule.component().is_some()) {
                let own = rule.path.path.value.as_str();
                let bare = own.trim_end_matches('/');
                let urls = [
                    own.to_owned(),
                    bare.to_owned(),
                    format!("{bare}/"),
                    format!("{bare}/child"),
                    format!("{bare}x"),
                ];
                for path in urls.iter().filter(|path| !path.is_empty()) {
                    let wanted = expected(tier, host, path);
                    refuse_surprise([tier, gateway], domain, host, path, &wanted, text);
                    let found = tier.lookup(controller, host, path).found;
                    let (answers, place) = match &found {
                        Found::Rule(found) => {
                            (Some(&found.rule.answer), Some(found.rule.path.path.span))
                        }
                        Found::Redirect(_, rule) => (None, Some(rule.rule.path.path.span)),
                        Found::Undecided(found) => (None, Some(found[0].rule.path.path.span)),
                        Found::Nothing => (None, None),
                    };
                    // What a controller compares by letters, the warning of the entrypoint tells.
                    let by_letters =
                        matches!(&found, Found::Rule(found) if !covers(found.rule, path));
                    let is_redirect = matches!(found, Found::Redirect(..));
                    SEEN.lock().unwrap().0 += 1;
                    // Two of one path, which a reader cannot tell apart.
                    let is_alike = place.is_some_and(|place| is_alike(tier, host, path, place));
                    if !is_redirect
                        && !is_alike
                        && wanted.iter().any(|rule| answers == rule.map(|rule| &rule.answer))
                    {
                        continue;
                    }
                    // A host that somebody names is closed to the others: the line that names it.
                    let naming = tier.server(host);
                    let naming =
                        tier.hosts().filter(|(of, _)| of.is_some() && *of == naming.as_ref());
                    let naming = naming.flat_map(|(_, rules)| rules).map(|rule| rule.host);
                    let near: Vec<usize> = wanted
                        .iter()
                        .flatten()
                        .flat_map(|rule| [rule.path.path.span, rule.host])
                        .chain(place)
                        .chain(naming)
                        .map(line)
                        .collect();
                    let is_warned = near.iter().any(|line| warned.contains(line))
                        || by_letters && whole.contains(&line(entrypoint.span));
                    assert!(
                        is_warned,
                        "{host}{path}: expected {:?}, found {answers:?} (redirect: {is_redirect}), {:?}\n{text}",
                        wanted.iter().map(|rule| rule.map(|rule| &rule.answer)).collect::<Vec<_>>(),
                        controller,
                    );
                    let kind = if is_redirect {
                        "redirect"
                    } else if answers.is_none() {
                        "nothing"
                    } else {
                        "another"
                    };
                    *SEEN.lock().unwrap().1.entry(kind).or_default() += 1;
                }
            }
        }
    }
    true
}

/// Paths with their types, and hosts.
type Line = (Vec<(&'static str, &'static str)>, Vec<&'static str>);

/// A component's line.
fn component() -> impl Strategy<Value = Line> {
    let path = prop::sample::select(vec!["/", "/a", "/a/", "/a/b", "/a/b/", "/ab", "/b", "/c/d"]);
    let kind =
        prop::sample::select(vec!["Prefix", "Prefix", "Prefix", "Exact", "ImplementationSpecific"]);
    let host =
        prop::sample::select(vec!["www.example.com", "shop.example.com", "\"*.example.com\""]);
    (prop::collection::vec((path, kind), 1..4), prop::collection::vec(host, 0..3))
}

fn text(components: &[Line], routing: &str, fallback: bool) -> String {
    let fallback = if fallback {
        "\n    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }"
    } else {
        ""
    };
    let mut text = format!(
        "datacenter: x\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\nnodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\nvips:\n  - address: 192.0.2.10\nentrypoints:\n  web:\n    edge: {{ class: edge, health_check_node_port: 32100 }}\n    routing: {{ class: routing{routing} }}{fallback}\ndomains:\n  www.example.com:\n  shop.example.com:\n  \"*.example.com\":\ncomponents:\n"
    );
    for (index, (paths, hosts)) in components.iter().enumerate() {
        let paths: Vec<String> =
            paths.iter().map(|(path, kind)| format!("{{ path: {path}, type: {kind} }}")).collect();
        let hosts: BTreeSet<&str> = hosts.iter().copied().collect();
        let hosts: Vec<&str> = hosts.into_iter().collect();
        let hosts = if hosts.is_empty() {
            String::new()
        } else {
            format!(", hosts: [{}]", hosts.join(", "))
        };
        writeln!(
            text,
            "  c{index}: {{ backend: {{ port: http }}, paths: [{}]{hosts} }}",
            paths.join(", ")
        )
        .unwrap();
    }
    text
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    fn random_inventories(
        components in prop::collection::vec(component(), 1..5),
        routing in prop::sample::select(vec!["", ", controller: traefik", ", controller: traefik, traefik_provider: nginx", ", controller: other"]),
        fallback in any::<bool>(),
    ) {
        let valid = ask(&text(&components, routing, fallback));
        VALID.fetch_add(usize::from(valid), std::sync::atomic::Ordering::Relaxed);
    }
}

static VALID: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);

#[test]
fn what_a_reader_does_not_expect_is_warned_of() {
    for example in support::examples_of_one_file() {
        let text = fs::read_to_string(support::inventory(&example)).unwrap();
        let unwaived: Vec<&str> = text.lines().filter(|line| !line.contains("allow:")).collect();
        assert!(ask(&unwaived.join("\n")), "{example}");
    }
    random_inventories();
    let valid = VALID.load(std::sync::atomic::Ordering::Relaxed);
    let seen = SEEN.lock().unwrap();
    println!("{valid} random inventories, {} URLs, unexpected and warned of: {:?}", seen.0, seen.1);
    assert!(valid >= 300, "only {valid} were valid");
}
