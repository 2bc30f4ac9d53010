//! The law of `diff`: every URL that somebody else answers after an edit, by `trace`, is one of a finding; and a finding that
//! says so names URLs whose answers differ.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use lbgen::diag::Report;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::impact::{Class, Comparison, Controllers, Finding, Impact};
use lbgen::inventory;
use lbgen::pipeline::{self, Options, Planned};
use lbgen::plan::Keep;
use lbgen::plan::simulate::Scenario;
use lbgen::source::Sources;
use lbgen::trace::{Outcome, Request, Tracer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// The port of a component that the fallback serves.
const LEGACY: u16 = 8082;

const HOSTS: [&str; 4] = ["www.example.com", "a.example.com", "*.example.com", "b.example.org"];
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/a/", "/ab", "/c"];
const REGEXES: [&str; 3] = ["/a.+", "/(?!c).+", "/[a-c]/b"];

/// A component of a random inventory.
#[derive(Debug, Clone)]
struct Component {
    hosts: BTreeSet<usize>,
    /// Paths with their types; those of regular expressions come after the others.
    paths: BTreeSet<(usize, usize)>,
    port: u16,
    annotation: usize,
}

const ASKED: [&str; 20] = [
    "/", "/a", "/a/", "/a/b", "/a/b/", "/a/b/c", "/a/bx", "/ab", "/ab/", "/abx", "/ab/x", "/c",
    "/c/", "/c/d", "/cx", "/x", "/A", "/b/b", "/a.+", "/[a-c]/b",
];

const TYPES: [&str; 3] = ["Prefix", "Exact", "ImplementationSpecific"];
const ANNOTATIONS: [&str; 4] = [
    "",
    "nginx.ingress.kubernetes.io/use-regex: \"true\"",
    "nginx.ingress.kubernetes.io/rewrite-target: /",
    "nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-by-header: X-Canary",
];

/// The program that chooses a component: an Ingress controller, or an implementation of Gateway API.
#[derive(Debug, Clone, Copy)]
enum Chooser {
    Controller(&'static str),
    Implementation(&'static str),
}

const CHOOSERS: [Chooser; 9] = [
    Chooser::Controller("controller: ingress-nginx"),
    Chooser::Controller("controller: traefik"),
    Chooser::Controller("controller: traefik, strict_prefix: true"),
    Chooser::Controller("controller: traefik, strict_prefix: true, controller_version: \"3.6\""),
    Chooser::Controller("controller: other"),
    Chooser::Implementation("envoy-gateway"),
    Chooser::Implementation("traefik"),
    Chooser::Implementation("istio"),
    Chooser::Implementation("other"),
];

#[derive(Debug, Clone)]
struct Fleet {
    chooser: Chooser,
    fallback: bool,
    components: Vec<Option<Component>>,
}

impl Fleet {
    fn text(&self) -> String {
        let fallback = match self.fallback {
            true => "    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }\n",
            false => "",
        };
        let tiers = match self.chooser {
            Chooser::Controller(keys) => format!(
                "    edge: {{ class: edge, health_check_node_port: 32100 }}\n    routing: {{ class: routing, {keys} }}"
            ),
            Chooser::Implementation(name) => format!(
                "    edge: {{ api: gateway, implementation: {name}, class: edge, selector: {{ app: x }}, health_check_node_port: 32100 }}"
            ),
        };
        let mut text = format!(
            "datacenter: x
gateways: {{ public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }} }}
nodes: {{ lb-1: {{ address: 10.0.0.11, interface: eth0 }}, lb-2: {{ address: 10.0.0.12, interface: eth0 }} }}
vips: [ {{ address: 192.0.2.10 }} ]
entrypoints:
  web:
{tiers}
{fallback}domains: {{ www.example.com: {{}}, a.example.com: {{}}, \"*.example.com\": {{}}, b.example.org: {{}} }}
components:
"
        );
        for (index, found) in self.components.iter().enumerate() {
            let Some(found) = found else { continue };
            let paths = found.paths.iter().map(|(path, kind)| {
                let all: Vec<&str> = PATHS.iter().chain(&REGEXES).copied().collect();
                let kind = if *path < PATHS.len() { TYPES[*kind] } else { TYPES[2] };
                format!("{{ path: '{}', type: {kind} }}", all[*path])
            });
            let hosts: Vec<String> =
                found.hosts.iter().map(|host| format!("\"{}\"", HOSTS[*host])).collect();
            let served = match found.port {
                LEGACY => "state: legacy".to_owned(),
                port => format!("backend: {{ port: {port} }}"),
            };
            text += &format!(
                "  c{index}: {{ {served}, paths: [{}], hosts: [{}], annotations: {{ {} }} }}\n",
                paths.collect::<Vec<_>>().join(", "),
                hosts.join(", "),
                ANNOTATIONS[found.annotation],
            )
            .replace(", hosts: []", "")
            .replace(", annotations: {  }", "");
        }
        text
    }
}

fn component() -> impl Strategy<Value = Component> {
    let path = prop_oneof![6 => 0..PATHS.len(), 1 => PATHS.len()..PATHS.len() + REGEXES.len()];
    (
        prop::collection::btree_set(0..HOSTS.len(), 0..3),
        prop::collection::btree_set((path, 0..TYPES.len()), 1..3),
        prop_oneof![5 => 8080..LEGACY, 1 => Just(LEGACY)],
        prop_oneof![5 => Just(0usize), 1 => 1..ANNOTATIONS.len()],
    )
        .prop_map(|(hosts, paths, port, annotation)| Component {
            hosts,
            paths,
            port,
            annotation,
        })
}

/// A fleet, and the same after an edit of a component or of the fallback.
fn edits() -> impl Strategy<Value = (Fleet, Fleet)> {
    let components = prop::collection::vec(prop::option::weighted(0.8, component()), 4);
    (
        prop::sample::select(CHOOSERS.to_vec()),
        any::<bool>(),
        components,
        0..5usize,
        prop::option::weighted(0.7, component()),
    )
        .prop_map(|(chooser, fallback, components, at, edited)| {
            let before = Fleet { chooser, fallback, components };
            let mut after = before.clone();
            match after.components.get_mut(at) {
                Some(slot) => *slot = edited,
                None => after.fallback = !fallback,
            }
            (before, after)
        })
}

fn planned(text: &str) -> Option<Planned> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    pipeline::run(raw.as_ref(), None, options, &mut report)
}

/// The component that answers, with its port, or `fallback`, or `none`; and those that may.
fn answer(outcome: &Outcome<'_>) -> (String, BTreeSet<String>) {
    let (text, name) = match outcome {
        Outcome::Component { name, port, .. } => (format!("{name}:{port}"), name.to_string()),
        Outcome::Fallback { .. } => ("fallback".to_owned(), String::new()),
        Outcome::Redirect { location, .. } => (format!("to {location}"), String::new()),
        Outcome::Undecided { candidates } => {
            let all: Vec<_> = candidates.iter().map(answer).collect();
            let names = all.iter().flat_map(|(_, names)| names.clone()).collect();
            return (all.into_iter().map(|(text, _)| text).collect::<Vec<_>>().join(" or "), names);
        }
        Outcome::Nothing { .. } => ("none".to_owned(), String::new()),
    };
    (text, BTreeSet::from([name]))
}

fn obeys(before: &Fleet, after: &Fleet) -> Result<usize, TestCaseError> {
    let texts = [before.text(), after.text()];
    let [Some(old), Some(new)] = texts.each_ref().map(|text| planned(text)) else { return Ok(0) };
    let bundle = |planned: &Planned| -> Vec<BundleFile> {
        emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap()
    };
    let (from, to) = (bundle(&old), bundle(&new));
    let changed = support::compare::changed(&from, &to);
    let controllers = Controllers::of(&new.datacenter);
    let (old_state, new_state) =
        (support::compare::state_of(&from), support::compare::state_of(&to));
    let impact = Impact::of(Comparison {
        from: &old_state,
        to: &new_state,
        changed: &changed,
        version: support::compare::VERSION,
        controllers: &controllers,
    });
    let mut said: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for finding in &impact.findings {
        said.entry(finding.subject.to_string()).or_default().insert(finding.class.word());
    }
    let sides = [&old, &new]
        .map(|side| Tracer::of(&side.datacenter, &side.routes, &side.plan, &Scenario::default()));
    let mut differing = 0;
    for host in ["www.example.com", "a.example.com", "any.example.com", "b.example.org"] {
        // The texts of the rules too: who compares letters does not know regular expressions.
        let schemes = ["https", "http"];
        for (path, scheme) in
            ASKED.into_iter().flat_map(|path| schemes.map(|scheme| (path, scheme)))
        {
            let request = Request::parse(&format!("{scheme}://{host}{path}")).unwrap();
            let [one, other] = sides.each_ref().map(|side| answer(&side.trace(&request).answer));
            if one.0 == other.0 {
                continue;
            }
            differing += 1;
            let names: BTreeSet<String> =
                one.1.union(&other.1).filter(|name| !name.is_empty()).cloned().collect();
            let is_told = |classes: &BTreeSet<&str>| {
                classes.iter().any(|class| !["tuned", "text", "gap"].contains(class))
            };
            let is_named = names
                .iter()
                .any(|name| said.get(&format!("components.{name}")).is_some_and(is_told));
            // A redirect does not say whose rule it is of.
            let is_redirect = one.0.starts_with("to ") || other.0.starts_with("to ");
            let is_named = is_named
                || is_redirect
                    && said.iter().any(|(subject, classes)| {
                        subject.starts_with("components.") && is_told(classes)
                    });
            let of_fallback = || names.is_empty() && said.contains_key("entrypoints.web");
            prop_assert!(
                is_named || of_fallback(),
                "{scheme}://{host}{path}: {} -> {}, and diff says {said:?}\n{}\nthen\n{}",
                one.0,
                other.0,
                texts[0],
                texts[1]
            );
        }
    }
    // Classes that say that somebody else answers.
    let moving = [Class::Unreachable, Class::Switches, Class::ToFallback, Class::FromFallback];
    // Of hosts that rules name: that of any other host no domain may have.
    let named =
        |finding: &&Finding| moving.contains(&finding.class) && !finding.reason.contains(": /");
    for finding in impact.findings.iter().filter(named) {
        prop_assert!(
            differing > 0,
            "diff says {finding:?}, and trace nothing\n{}\nthen\n{}",
            texts[0],
            texts[1]
        );
    }
    Ok(differing)
}

#[test]
fn diff_and_trace_agree() {
    let cases = std::env::var("CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let seen = std::sync::Mutex::new(0);
    let done = runner.run(&edits(), |(before, after)| {
        let count = obeys(&before, &after)?;
        *seen.lock().unwrap() += usize::from(count > 0);
        Ok(())
    });
    let seen = seen.into_inner().unwrap();
    println!("{seen} edits changed answers");
    if let Err(error) = done {
        panic!("{error}");
    }
    assert!(seen > cases as usize / 10, "{seen}");
}
