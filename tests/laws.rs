//! The law of `diff`: every URL that somebody else answers after an edit, by `trace`, is one of a finding; and a finding that
//! says so names URLs whose answers differ.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use lbgen::bundle::{self, Controllers};
use lbgen::diag::Report;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::impact::{Class, Comparison, Impact};
use lbgen::inventory;
use lbgen::model::{Host, Label, Name, Tiers};
use lbgen::pipeline::{self, Options, Planned};
use lbgen::plan::Keep;
use lbgen::plan::simulate::Scenario;
use lbgen::source::Sources;
use lbgen::state::{State, Tree};
use lbgen::trace::{Outcome, Request, Tracer};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use support::served::{ASKED, Served, edits};

fn planned(text: &str) -> Option<Planned> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    pipeline::run(raw.as_ref(), None, options, &mut report)
}

/// The component that answers, with its port, or `fallback`, or `none`, or where it sends; and those that may.
fn answer(tracer: &Tracer<'_>, entrypoint: Option<&Label>, request: &Request) -> Answer {
    let ask = |request: &Request| {
        words(&match entrypoint {
            Some(entrypoint) => tracer.trace_in(entrypoint, request).answer,
            None => tracer.trace(request).answer,
        })
    };
    let answer = ask(request);
    // A redirect does not say whose rule it is of. One to http leads on to https.
    let location = answer.0.strip_prefix("to ").map(|url| url.replacen("http:", "https:", 1));
    match location.and_then(|url| Request::parse(&url).ok()) {
        Some(next) => (answer.0, ask(&next).1),
        None => answer,
    }
}

type Answer = (String, BTreeSet<String>);

/// The entrypoint in which to ask for a host that only the other side has a domain for: nothing in front of a single tier
/// of Ingresses keeps requests for it back.
fn open<'a>(side: &'a Planned, other: &'a Planned, host: &Host) -> Option<&'a Label> {
    let domain = |side: &'a Planned| {
        let domains = &side.datacenter.domains;
        domains.get(host).or_else(|| domains.get(&host.wildcard()?))
    };
    let entrypoint = &domain(other).filter(|_| domain(side).is_none())?.entrypoint;
    let tiers = side.datacenter.entrypoints.get(entrypoint)?.tiers();
    tiers.is_some_and(Tiers::is_one_tier).then_some(entrypoint)
}

fn words(outcome: &Outcome<'_>) -> Answer {
    let (text, name) = match outcome {
        Outcome::Component { name, port, .. } => (format!("{name}:{port}"), name.to_string()),
        Outcome::Fallback { name, .. } => (format!("fallback {name}"), String::new()),
        Outcome::Redirect { location, .. } => (format!("to {location}"), String::new()),
        Outcome::Undecided { candidates } => {
            let all: Vec<_> = candidates.iter().map(words).collect();
            let names = all.iter().flat_map(|(_, names)| names.clone()).collect();
            let texts: BTreeSet<String> = all.into_iter().map(|(text, _)| text).collect();
            return (texts.into_iter().collect::<Vec<_>>().join(" or "), names);
        }
        Outcome::Nothing { .. } => ("none".to_owned(), String::new()),
    };
    (text, Some(name).into_iter().filter(|name| !name.is_empty()).collect())
}

/// Hosts to ask for, and the domain of each.
const ASKED_HOSTS: [(&str, &str); 7] = [
    ("one.example.net", "one.example.net"),
    ("two.example.net", "two.example.net"),
    ("www.example.com", "www.example.com"),
    ("a.example.com", "a.example.com"),
    ("any.example.com", "*.example.com"),
    ("b.example.org", "b.example.org"),
    ("nobody.invalid", ""),
];

/// The paths of the URLs that a reason lists: `words: HOST/PATH, HOST/PATH with ...`.
fn urls(reason: &str) -> Vec<String> {
    let Some((_, list)) = reason.rsplit_once(": ") else { return Vec::new() };
    let paths = list.split(", ").filter_map(|url| url.find('/').map(|at| &url[at..]));
    paths.filter_map(|path| path.split(' ').next().map(str::to_owned)).collect()
}

/// Whom a difference concerns, and how.
fn effects(before: &Answer, after: &Answer) -> Vec<(String, &'static str)> {
    if before.0 == after.0 {
        return Vec::new();
    }
    let names = |side: &Answer| -> Vec<String> { side.1.iter().cloned().collect() };
    let (old, new) = (names(before), names(after));
    let all = |names: Vec<String>, class| names.into_iter().map(|name| (name, class)).collect();
    match (old.is_empty(), new.is_empty()) {
        (true, true) => Vec::new(),
        (false, true) if after.0 == "none" => all(old, "unreachable"),
        (false, true) if after.0.starts_with("fallback") => all(old, "to-fallback"),
        (true, false) if before.0 == "none" => all(new, "new"),
        (true, false) if before.0.starts_with("fallback") => all(new, "from-fallback"),
        _ => all(old.into_iter().chain(new).collect(), "switches"),
    }
}

fn obeys(before: &Served, after: &Served) -> Result<usize, TestCaseError> {
    let texts = [before.text(), after.text()];
    let [Some(old), Some(new)] = texts.each_ref().map(|text| planned(text)) else { return Ok(0) };
    let bundle = |planned: &Planned| -> Vec<BundleFile> {
        let mut files = emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap();
        files.push(bundle::list_of(&files, &Controllers::of(&planned.datacenter)).unwrap());
        files
    };
    let (from, to) = (bundle(&old), bundle(&new));
    let changed = support::compare::changed(&from, &to);
    let controllers = Controllers::of(&new.datacenter);
    // As the commands read them: no more than what can say something.
    let tree = Tree::of_files("", from.iter());
    let changes = tree.changes(&to);
    let wanted = lbgen::impact::wanted(&changes, &to);
    let read = |tree: &Tree| State::read(&tree.only(&wanted), &mut Sources::default()).0;
    let (old_state, new_state) = (read(&tree), read(&Tree::of_files("", to.iter())));
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
    let mut seen: BTreeSet<(String, &str)> = BTreeSet::new();
    // The paths that `diff` names are asked too.
    let named = impact.findings.iter().flat_map(|finding| urls(&finding.reason));
    let asked: BTreeSet<String> = ASKED.into_iter().map(str::to_owned).chain(named).collect();
    for (host, domain) in ASKED_HOSTS {
        let of_domain = said.get(&format!("domains.{domain}"));
        let of_wildcard = said.get("domains.*.example.com");
        let of_wildcard = of_wildcard.filter(|_| host.ends_with(".example.com"));
        let mut served = [false, false];
        let schemes = ["https", "http"];
        let asked_host = Host::parse(host).unwrap();
        let is_plain = [&old, &new].into_iter().all(|side| {
            let domain = side.datacenter.domain(&asked_host);
            domain.is_none_or(|domain| domain.tls_secret.is_none())
        });
        let within = [open(&old, &new, &asked_host), open(&new, &old, &asked_host)];
        for (path, scheme) in asked.iter().flat_map(|path| schemes.map(|scheme| (path, scheme))) {
            let request = Request::parse(&format!("{scheme}://{host}{path}")).unwrap();
            let ask =
                |request: &Request| [0, 1].map(|side| answer(&sides[side], within[side], request));
            let [one, other] = ask(&request);
            // Of a Gateway `diff` names requests with a header too.
            let with = request.clone().with_header("X-Canary: always").unwrap();
            let [with_one, with_other] = ask(&with);
            seen.extend(effects(&one, &other));
            seen.extend(effects(&with_one, &with_other));
            // A Gateway answers plain http for any host.
            served[0] |= scheme == "https" && one.0 != "none";
            served[1] |= scheme == "https" && other.0 != "none";
            if one.0 == other.0 {
                continue;
            }
            differing += 1;
            // A redirect to https takes off a slash, and what it does for that is the domain's.
            let by_route = effects(&one, &other).into_iter().filter(|(_, class)| {
                // Of a switch one of the two is told, below.
                scheme == "https" && *class != "switches"
            });
            for (name, class) in by_route {
                // A domain that moves speaks for the components, but for what it loses.
                let moves = class != "unreachable"
                    && [of_domain, of_wildcard]
                        .into_iter()
                        .flatten()
                        .any(|told| told.contains("switches"));
                let told = [said.get(&format!("components.{name}")), of_domain, of_wildcard];
                // A controller that is replaced may have no https for hosts without a certificate: told of the entrypoint.
                let told_of_edge = is_plain
                    && said.iter().any(|(subject, classes)| {
                        subject.starts_with("entrypoints.") && classes.contains("switches")
                    });
                prop_assert!(
                    moves
                        || told_of_edge
                        || told.into_iter().flatten().any(|told| told.contains(class)),
                    "{scheme}://{host}{path}: {} -> {} {class}, and diff says {said:?}\n{}\nthen\n{}",
                    one.0,
                    other.0,
                    texts[0],
                    texts[1]
                );
            }
            let names: BTreeSet<&String> = one.1.union(&other.1).collect();
            let is_told = |classes: &BTreeSet<&str>| {
                classes.iter().any(|class| !["tuned", "text", "gap"].contains(class))
            };
            let is_named = names
                .iter()
                .any(|name| said.get(&format!("components.{name}")).is_some_and(is_told));
            let is_named =
                is_named || of_domain.is_some_and(is_told) || of_wildcard.is_some_and(is_told);
            // A change of a fallback, or of plain http, is told of the entrypoint.
            let of_entrypoint = || {
                let told = said.keys().any(|subject| subject.starts_with("entrypoints."));
                told && (names.is_empty() || scheme == "http")
            };
            prop_assert!(
                is_named || of_entrypoint(),
                "{scheme}://{host}{path}: {} -> {}, and diff says {said:?}\n{}\nthen\n{}",
                one.0,
                other.0,
                texts[0],
                texts[1]
            );
        }
        // Of a domain as a whole, and not of some of its URLs.
        let of_host = impact.findings.iter().filter(|finding| {
            finding.subject.to_string() == format!("domains.{domain}")
                && urls(&finding.reason).is_empty()
        });
        let whole: BTreeSet<&str> = of_host.map(|finding| finding.class.word()).collect();
        let says = |class| whole.contains(class);
        prop_assert!(
            !(says("unreachable") && served[1] || says("new") && served[0]),
            "{host}: {said:?}, and it is served before and after: {served:?}\n{}\nthen\n{}",
            texts[0],
            texts[1]
        );
    }
    // Classes that say that somebody else answers.
    let moving = [Class::Unreachable, Class::Switches, Class::ToFallback, Class::FromFallback];
    let moved = impact.findings.iter().filter(|found| moving.contains(&found.class));
    // Its annotations say so, whether or not another rule has all of its requests. Who is behind a Service, trace does not say.
    let is_elsewhere =
        |reason: &str| reason.starts_with("plain http") || reason.contains("Service ");
    for finding in moved.filter(|found| !is_elsewhere(&found.reason)) {
        let subject = finding.subject.to_string();
        let Some(name) = subject.strip_prefix("components.") else { continue };
        // The component that a canary takes requests from may be new or gone with it.
        let classes = match finding.reason.contains("canary") {
            true => &[finding.class.word(), "new", "unreachable"][..],
            false => &[finding.class.word()],
        };
        prop_assert!(
            classes.iter().any(|class| seen.contains(&(name.to_owned(), *class))),
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
