//! The effects that a change is said to have, held against the election and against the files.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::IpAddr;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use lbgen::bundle::Controllers;
use lbgen::impact::{Class, Comparison, Daemon, Impact, Subject};
use lbgen::model::Entry;
use lbgen::plan::VipPlan;
use lbgen::plan::simulate::{Scenario, Simulator};
use lbgen::state::elect::{Electorate, Masters};
use proptest::prelude::*;
use support::compare::{VERSION, changed, state_of};
use support::random::{pair, rendered};

/// Pairs of inventories that were compared.
static COMPARED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn no_move_is_hidden_or_made_up_and_every_file_has_a_reason() {
    honesty();
    let compared = COMPARED.load(Ordering::Relaxed);
    println!("{compared} pairs were compared");
    assert!(compared >= 1000, "only {compared} pairs could be rendered");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1400, failure_persistence: None, ..ProptestConfig::default() })]

    fn honesty((before, after) in pair()) {
        let Some((old_plan, lock, old)) = rendered(&before, "") else { return Ok(()) };
        let Some((new_plan, _, new)) = rendered(&after, &lock) else { return Ok(()) };
        COMPARED.fetch_add(1, Ordering::Relaxed);
        let changed = changed(&old, &new);
        let (from, to) = (state_of(&old), state_of(&new));
        let comparison = Comparison { from: &from, to: &to, changed: &changed, version: VERSION, controllers: &Controllers::default() };
        let impact = Impact::of(comparison);
        // Moves: by the simulator over the plans, which knows nothing of files.
        let holders = |plan: &lbgen::plan::Plan, held: Option<&BTreeMap<IpAddr, String>>| {
            let simulator = Simulator::of(plan);
            let before: Vec<_> = plan.vips.iter().map(|vip| {
                // An instance goes on by its VRID, whatever its VIP was (facts R18): of several that are MASTER, the
                // better one stays. With another VRID it is another one, and nobody held its VIP.
                let same = |old: &&VipPlan| old.numbers.vrid == vip.numbers.vrid && old.address.is_ipv4() == vip.address.is_ipv4();
                let going_on = old_plan.vips.iter().filter(same).filter_map(|old| held?.get(&old.address));
                let going_on: BTreeSet<&String> = going_on.collect();
                vip.order.iter().map(|standing| &standing.node).find(|node| going_on.contains(&node.to_string())).cloned()
            }).collect();
            let elected = simulator.elect_after(&before, &Scenario::default());
            plan.vips.iter().zip(elected).filter_map(|(vip, node)| Some((vip.address, node?.to_string()))).collect::<BTreeMap<IpAddr, String>>()
        };
        let first = holders(&old_plan, None);
        let second = holders(&new_plan, Some(&first));
        let moved: BTreeSet<IpAddr> = first.iter().filter(|(vip, node)| second.get(*vip).is_some_and(|now| now != *node)).map(|(vip, _)| *vip).collect();
        let said: BTreeSet<IpAddr> = impact.findings.iter().filter(|finding| finding.class == Class::Moves).filter_map(|finding| match &finding.subject {
            // Without preemption it may be elsewhere now, and move from there.
            Subject::Entry(Entry::Vip(vip)) => (finding.from.as_ref() == first.get(vip)).then_some(*vip),
            _ => None,
        }).collect();
        prop_assert_eq!(&said, &moved, "{}\nthen\n{}\n{:#?}", before.text(), after.text(), impact.findings);
        // Files: each is named by a finding.
        let named: BTreeSet<&str> = impact.findings.iter().flat_map(|finding| &finding.files).map(String::as_str).collect();
        for file in &changed {
            prop_assert!(named.contains(file.path), "{} has no reason", file.path);
        }
        // And none is named that does not differ; a text change says nothing else.
        let differ: BTreeSet<&str> = changed.iter().map(|file| file.path).collect();
        for finding in &impact.findings {
            prop_assert!(!finding.files.is_empty(), "{:?}", finding);
            prop_assert!(finding.files.iter().all(|path| differ.contains(path.as_str())), "{:?}", finding);
            // Comments name the legacy components that a fallback serves; nothing else here is only text.
            let comment = finding.files.iter().all(|path| path.ends_with("/fallback.yaml"));
            prop_assert!(finding.class != Class::Text || comment, "{:?}", finding);
        }
        // What is the same does nothing.
        if changed.is_empty() {
            prop_assert!(impact.findings.is_empty() && impact.nodes.iter().all(|node| node.daemon == Daemon::Untouched));
        }
        // No mixture of reloaded nodes splits a VIP that is not said to split.
        let electorate = Electorate::of(&[&from, &to], VERSION);
        let held = electorate.elect(&electorate.all(0), &Masters::default());
        let target = electorate.all(1);
        let torn: BTreeSet<IpAddr> = impact.findings.iter().filter(|finding| matches!(finding.class, Class::Split | Class::Gap | Class::Unreachable)).filter_map(|finding| match &finding.subject {
            Subject::Entry(Entry::Vip(vip)) => Some(*vip),
            _ => None,
        }).collect();
        for bits in 1..(1usize << electorate.nodes().len()) {
            let mut mixed = electorate.all(0);
            for node in (0..electorate.nodes().len()).filter(|node| bits & (1 << node) != 0) {
                mixed.running[node] = target.running[node];
            }
            let masters = electorate.elect(&mixed, &held);
            for vip in first.keys().filter(|vip| second.contains_key(*vip)) {
                let count = electorate.holders(&masters, *vip).len();
                prop_assert!(count == 1 || torn.contains(vip), "{vip} has {count} holders once {:?} run the new files", mixed.running);
            }
        }
    }
}

/// The cases of `tests/impact/`: an inventory before and after, and what is said of it.
#[test]
fn cases() {
    let mut names: Vec<String> = fs::read_dir(support::root().join("tests/impact"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    for name in &names {
        let said = case(name);
        let classes: BTreeSet<&str> = said
            .lines()
            .skip(1)
            .take_while(|line| !line.is_empty())
            .filter_map(|line| line.split(' ').next().filter(|word| !word.is_empty()))
            .collect();
        for class in classes {
            *seen.entry(class.to_owned()).or_default() += 1;
        }
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(support::root().join("snapshots/impact"));
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name.as_str(), said));
    }
    assert!(names.len() >= 40, "{} cases", names.len());
    for class in Class::ALL {
        let count = seen.get(class.word()).copied().unwrap_or(0);
        assert!(count >= 2, "`{}` is in {count} cases", class.word());
    }
}

/// Returns the output of `diff`: `from` is rendered with its lock and then edited by hand, or a folder of files that
/// lbgen never wrote.
fn case(name: &str) -> String {
    let here = support::root().join("tests/impact").join(name);
    let work = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(work.path(), arguments);
    let inventory = work.path().join("inventory.yaml");
    let foreign = here.join("from").join("nodes");
    let mut arguments = vec!["diff", "--impact-only"];
    let foreign_path = here.join("from").display().to_string();
    if foreign.exists() {
        arguments.extend(["--from", &foreign_path]);
    } else {
        fs::copy(here.join("from/inventory.yaml"), &inventory).unwrap();
        let done = run(&["render", "-q"]);
        assert_eq!(support::code(&done), 0, "{name}: {}", support::stderr(&done));
        let by_hand = here.join("from/by-hand");
        if by_hand.exists() {
            let done = Command::new("sh").arg(by_hand).current_dir(work.path()).status();
            assert!(done.unwrap().success(), "{name}");
        }
    }
    fs::copy(here.join("to/inventory.yaml"), &inventory).unwrap();
    let done = run(&arguments);
    assert!(support::code(&done) < 2, "{name}: {}", support::stderr(&done));
    support::stdout(&done)
}

/// What a node that only stands by would do is not what happens to the VIP; a header is no change; a fallback that goes
/// with the Ingresses leaves its components where they are.
#[test]
fn rows_are_about_what_happens() {
    let work = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(work.path(), arguments);
    let inventory = work.path().join("inventory.yaml");
    let base = "datacenter: eu1\ngateways:\n  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }\n\
        nodes:\n  lb-1: { address: 10.0.0.11, interface: eth0 }\n  lb-2: { address: 10.0.0.12, interface: eth0 }\n  \
        lb-3: { address: 10.0.0.13, interface: eth0 }\nentrypoints:\n  web:\n    \
        edge: { api: both, expose: gateway, service_namespace: ingress, gateway: { class: envoy }, class: a, health_check_node_port: 32100 }\n    \
        routing: { class: b }\n    fallback: { name: legacy, addresses: [10.1.1.1], port: 80 }\n\
        vips: [{ address: 192.0.2.10 }]\ndomains: { www.example.com: }\ncomponents:\n  cart: { backend: { port: 8080 }, paths: [/cart] }\n";
    fs::write(&inventory, base).unwrap();
    let done = run(&["render", "-q"]);
    assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
    let diff = |text: &str| {
        fs::write(&inventory, text).unwrap();
        support::stdout(&run(&["diff", "-q", "--impact-only"]))
    };
    let said = diff(
        &base.replace("13, interface: eth0", "13, interface: eth0, interfaces: { public: eth9 }"),
    );
    assert!(
        !said.contains("reroutes") && said.contains("on lb-3, which does not hold it"),
        "{said}"
    );
    let said = diff(
        &base
            .replace("12, interface: eth0", "12, interface: bond0")
            .replace("10.0.0.11", "10.0.0.99"),
    );
    let gap = &said[said.find("\ngap").unwrap()..];
    // In the table's lines.
    let gap = gap.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(gap.contains("another address of the node: keepalived recreates"), "{said}");
    let only_gateway = base
        .replace("api: both, expose: gateway, ", "api: gateway, ")
        .replace("    routing: { class: b }\n", "");
    let said = diff(&only_gateway);
    assert!(!said.contains("unreachable"), "{said}");
    // Under another name the headers say another one.
    fs::copy(work.path().join("inventory.lock"), work.path().join("other.lock")).unwrap();
    fs::write(work.path().join("other.yaml"), base).unwrap();
    let said = support::stdout(&run(&["diff", "-q", "--impact-only", "other.yaml"]));
    let classes: BTreeSet<&str> = said
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|word| !word.is_empty())
        .collect();
    assert_eq!(classes, BTreeSet::from(["IMPACT", "text", "3"]), "{said}");
}

/// Machines behind a component's Service, and a fallback in the cluster: what happens to requests, in words.
#[test]
fn machines_and_fallbacks_say_who_answers() {
    let work = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(work.path(), arguments);
    let text = |fallback: &str, backend: &str| {
        format!(
            "datacenter: eu1\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n\
             nodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\n\
             entrypoints:\n  web: {{ edge: {{ class: a, health_check_node_port: 32100 }}, routing: {{ class: b }}, fallback: {{ {fallback} }} }}\n\
             vips: [{{ address: 192.0.2.10 }}]\ndomains: {{ www.example.com: }}\n\
             components:\n  erp: {{ namespace: office, backend: {{ {backend} }}, paths: [/erp] }}\n  \
             admin: {{ namespace: office, backend: {{ service: erp, port: 8080 }}, paths: [/admin] }}\n"
        )
    };
    let machines = "addresses: [10.9.0.1, 10.9.0.2], port: 8080";
    let old = "name: old, addresses: [10.1.1.1], port: 80";
    // From, to, and what is said; `-` is nothing.
    let cases = [
        [
            old,
            machines,
            old,
            "addresses: [10.9.0.1, 10.9.0.3], port: 8080",
            "switches components.erp other addresses or ports behind Endpoints office/erp",
        ],
        [
            old,
            machines,
            old,
            "port: 8080",
            "unreachable components.erp Service office/erp is deleted, and requests lead to it",
        ],
        [
            old,
            "port: 8080",
            old,
            machines,
            "switches components.erp machines outside of the cluster answer behind Service office/erp",
        ],
        [
            old,
            machines,
            "service: old, namespace: shop, port: 80",
            machines,
            "switches entrypoints.web ingress/old -> shop/old another fallback answers",
        ],
        [
            "service: old, port: 80",
            machines,
            "service: old, port: web",
            machines,
            "switches entrypoints.web ingress/old:80 -> ingress/old:web another fallback answers",
        ],
        [
            old,
            machines,
            "name: old, addresses: [10.1.1.2], port: 80",
            machines,
            "switches entrypoints.web other addresses or ports behind Endpoints ingress/old",
        ],
    ];
    for [fallback, backend, new_fallback, new_backend, said] in cases {
        fs::write(work.path().join("inventory.yaml"), text(fallback, backend)).unwrap();
        let done = run(&["render", "-q"]);
        assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
        fs::write(work.path().join("inventory.yaml"), text(new_fallback, new_backend)).unwrap();
        let shown = support::stdout(&run(&["diff", "-q", "--impact-only"]));
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(shown.contains(said), "{said}\n{shown}");
    }
}

/// The nodes of a fleet that lbgen runs, gathered, have no difference; a file that somebody edited has.
#[test]
fn a_gathered_fleet_of_ours_has_no_difference() {
    for example in support::examples_of_one_file() {
        let work = tempfile::tempdir().unwrap();
        let inventory = support::inventory(&example);
        let bundle = support::render(&inventory, &work.path().join("out"));
        let gathered = work.path().join("gathered");
        for (path, body) in support::files(&bundle.join("nodes")) {
            let path = gathered.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        for node in fs::read_dir(&gathered).unwrap() {
            let node = node.unwrap().path();
            for name in ["ip-addr.json", "ip-rule.json", "ip-route.json"] {
                fs::write(node.join(name), "[]").unwrap();
            }
            fs::create_dir_all(node.join("etc/default")).unwrap();
            fs::write(node.join("etc/default/keepalived"), "DAEMON_ARGS=\"\"\n").unwrap();
        }
        let diff = |more: &[&str]| {
            let (inventory, out) = (inventory.to_str().unwrap(), work.path().join("out"));
            let from = gathered.to_str().unwrap();
            let own = ["diff", inventory, "-o", out.to_str().unwrap(), "--from", from];
            support::lbgen(&[&own, more].concat())
        };
        let done = diff(&[]);
        let said = support::stdout(&done) + &support::stderr(&done);
        assert_eq!(support::code(&done), 0, "{example}: {said}");
        assert!(said.contains("--objects has the rest"), "{example}: {said}");
        for format in ["json", "markdown"] {
            let said = support::stdout(&diff(&["--format", format]));
            assert!(said.contains("--objects has the rest"), "{example}: {said}");
        }
        let conf = fs::read_dir(&gathered).unwrap().next().unwrap().unwrap().path();
        let conf = conf.join("etc/keepalived/keepalived.conf");
        let text = fs::read_to_string(&conf).unwrap();
        fs::write(&conf, text.replace("priority ", "priority 1")).unwrap();
        assert_eq!(support::code(&diff(&[])), 1, "{example}");
    }
}
