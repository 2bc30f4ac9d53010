//! The effects that a change is said to have.

use std::collections::BTreeMap;

use lbgen::bundle::Controllers;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::impact::{Class, Comparison, Impact};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::inventory::{ALONE, BOTH, files, inventory, numbered, random};
use crate::support;
use crate::support::random::plan as planned;

fn impact(before: &[BundleFile], after: &[BundleFile]) -> Impact {
    let (from, to) = (support::compare::state_of(before), support::compare::state_of(after));
    let changed = support::compare::changed(before, after);
    let version = support::compare::VERSION;
    Impact::of(Comparison {
        from: &from,
        to: &to,
        changed: &changed,
        version,
        controllers: &Controllers::default(),
    })
}

/// Each file that differs has a finding that says more than "text", whatever changes, from one API to the other too.
#[test]
fn every_change_is_explained() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut pairs = 0;
    while pairs < 25 {
        let mut draw = || random().new_tree(&mut runner).unwrap().current();
        let texts = [draw(), draw()];
        if texts.iter().any(|text| text.len() > 30_000) {
            continue;
        }
        let [Some(old), Some(new)] = texts.each_ref().map(|text| planned(text, "")) else {
            continue;
        };
        pairs += 1;
        let bundle = |plan| emit::emit(plan, &Templates::load(None).unwrap()).unwrap();
        let (before, after) = (bundle(&old), bundle(&new));
        let impact = impact(&before, &after);
        for finding in &impact.findings {
            *seen.entry(finding.class.word()).or_default() += 1;
            let is_list = finding.files.iter().all(|file| file.ends_with("kustomization.yaml"));
            assert!(
                finding.class != Class::Text || is_list,
                "{finding:?}\n{}\n{}",
                texts[0],
                texts[1]
            );
        }
    }
    println!("{seen:?}");
}

/// The effects of an edit on a domain are reported for that domain.
#[test]
fn a_domains_fate_is_told() {
    let components = "  shop: { backend: { port: 80 }, paths: [/shop] }\n";
    let told = |old: &str, new: &str, edges: [&str; 2]| {
        let (before, lock) = files(&inventory(edges[0], old, components), "");
        let (after, _) = files(&inventory(edges[1], new, components), &lock);
        let impact = impact(&before, &after);
        let mut found: Vec<(String, Class)> =
            impact.findings.iter().map(|found| (found.subject.to_string(), found.class)).collect();
        found.sort();
        found.dedup();
        found
    };
    let a = "  a.example.com:\n";
    let ab = "  a.example.com:\n  b.example.com:\n";
    let b = |class| vec![("domains.b.example.com".to_owned(), class)];
    assert_eq!(told(a, ab, [ALONE; 2]), b(Class::New));
    assert_eq!(told(ab, a, [ALONE; 2]), b(Class::Unreachable));
    let other = "  a.example.com:\n  b.example.com: { tls_secret: other }\n";
    assert_eq!(told(ab, other, [ALONE; 2]), b(Class::Tls));
    let exposed = BOTH.replace("api: both", "api: both, expose: gateway");
    let entrypoint = vec![("entrypoints.web".to_owned(), Class::Switches)];
    assert_eq!(told(a, a, [BOTH, &exposed]), entrypoint);
    assert_eq!(told(a, a, [&exposed, BOTH]), entrypoint);
}

/// Paths that no longer fit into one route: the component is told of, and nobody else.
#[test]
fn a_route_that_splits_is_told() {
    let component = |count: usize| {
        let paths: Vec<String> = (0..count).map(|index| format!("/p{index}")).collect();
        format!("  shop: {{ backend: {{ port: 80 }}, paths: [{}] }}\n", paths.join(", "))
    };
    let (before, lock) = files(&inventory(ALONE, &numbered(1_984), &component(1)), "");
    let (after, _) = files(&inventory(ALONE, &numbered(1_985), &component(1)), &lock);
    let impact = impact(&before, &after);
    let shop = impact
        .findings
        .iter()
        .find(|found| found.subject.to_string() == "components.shop")
        .unwrap();
    assert_eq!(shop.class, Class::Tuned);
    assert!(
        shop.reason.contains("by HTTPRoute shop-1, HTTPRoute shop-2 instead of HTTPRoute shop"),
        "{}",
        shop.reason
    );
}
