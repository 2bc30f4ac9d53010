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
use support::served::{ASKED, Served, edits};

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

fn obeys(before: &Served, after: &Served) -> Result<usize, TestCaseError> {
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
    let (mut differing, mut differing_with_header) = (0, 0);
    for host in ["www.example.com", "a.example.com", "any.example.com", "b.example.org"] {
        // The texts of the rules too: who compares letters does not know regular expressions.
        let schemes = ["https", "http"];
        for (path, scheme) in
            ASKED.into_iter().flat_map(|path| schemes.map(|scheme| (path, scheme)))
        {
            let request = Request::parse(&format!("{scheme}://{host}{path}")).unwrap();
            let [one, other] = sides.each_ref().map(|side| answer(&side.trace(&request).answer));
            // Of a Gateway `diff` names requests with a header too.
            let with = request.clone().with_header("X-Canary: always").unwrap();
            let [with_one, with_other] =
                sides.each_ref().map(|side| answer(&side.trace(&with).answer));
            differing_with_header += usize::from(with_one.0 != with_other.0);
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
            differing + differing_with_header > 0,
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
