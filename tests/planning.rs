//! Numbers and failover orders: even, stable, deterministic, and what the simulator says is what VRRP would do.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::process::Command;

use lbgen::diag::Report;
use lbgen::emit::{self, Templates};
use lbgen::plan::simulate::{Placement, Scenario, Simulator, System, sets, worst};
use lbgen::plan::{Keep, Lock, Plan};
use lbgen::source::Sources;
use lbgen::{inventory, model, plan};
use proptest::prelude::*;

/// Plans a text with the text of a lock; warnings do not matter here.
fn plan_with(text: &str, lock: &str, keep: Keep) -> Plan {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse(
        "inventory.yaml".to_owned(),
        text.as_bytes().to_vec(),
        &mut sources,
        &mut report,
    );
    let lock = if lock.is_empty() {
        Lock::default()
    } else {
        let raw = inventory::lock::parse(
            "inventory.lock".to_owned(),
            lock.into(),
            &mut sources,
            &mut report,
        );
        Lock::build(&raw.unwrap(), &mut report)
    };
    let planned = raw
        .and_then(|raw| model::build(&raw, "inventory.yaml", &mut report))
        .and_then(|datacenter| plan::plan(&datacenter, &lock, keep, &mut report));
    planned.unwrap_or_else(|| {
        panic!("{}\n{text}", lbgen::diag::render_human(&report, &sources, false))
    })
}

fn plan_of(text: &str) -> Plan {
    plan_with(text, "", Keep::Locked)
}

fn lock_of(plan: &Plan) -> String {
    plan::lock::text(&plan.vips)
}

/// Nodes by number with weight and zone, VIPs by number with their kind of traffic.
#[derive(Debug, Clone, Default)]
struct Fleet {
    nodes: BTreeMap<u32, (u32, Option<u32>)>,
    vips: BTreeMap<u32, u32>,
}

impl Fleet {
    fn even(nodes: u32, vips: u32) -> Self {
        Self {
            nodes: (0..nodes).map(|node| (node, (1, None))).collect(),
            vips: (0..vips).map(|vip| (vip, 0)).collect(),
        }
    }

    fn text(&self) -> String {
        let mut text = String::from(
            "datacenter: x\ngateways:\n  public: { address: 10.34.0.1, network: 10.34.0.0/16, interface: eth1 }\n\
             entrypoints:\n",
        );
        for entrypoint in 0..3 {
            let port = 32000 + entrypoint;
            writeln!(text, "  e{entrypoint}: {{ edge: {{ class: edge-{entrypoint}, health_check_node_port: {port} }}, routing: {{ class: routing-{entrypoint} }} }}").unwrap();
        }
        text.push_str("nodes:\n");
        for (node, (weight, zone)) in &self.nodes {
            let zone = zone.map_or(String::new(), |zone| format!(", zone: z{zone}"));
            let address = format!("10.40.{}.{}", node / 250, node % 250 + 1);
            writeln!(
                text,
                "  lb-{node:03}: {{ address: {address}, interface: eth0, weight: {weight}{zone} }}"
            )
            .unwrap();
        }
        text.push_str("vips:\n");
        for (vip, entrypoint) in &self.vips {
            writeln!(
                text,
                "  - {{ address: 10.34.{}.{}, entrypoint: e{entrypoint} }}",
                1 + vip / 250,
                vip % 250 + 1
            )
            .unwrap();
        }
        text
    }
}

/// The order of each VIP, by address.
fn orders(plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let names = |vip: &plan::VipPlan| vip.order.iter().map(ToString::to_string).collect();
    plan.vips.iter().map(|vip| (vip.address.to_string(), names(vip))).collect()
}

/// By how much the worst set of exactly `failures` has a node over its share.
fn over(plan: &Plan, failures: usize) -> usize {
    let simulator = Simulator::of(plan);
    let placements: Vec<Placement<'_>> = sets(plan, &Scenario::default(), failures)
        .iter()
        .map(|set| Placement::of(&simulator, set, System::Lbgen))
        .collect();
    worst(&placements).unwrap().over
}

/// Who holds each VIP in a scenario.
fn holders(plan: &Plan, scenario: &Scenario) -> Vec<Option<String>> {
    let holders = Simulator::of(plan).elect(scenario);
    holders.into_iter().map(|holder| holder.map(str::to_owned)).collect()
}

prop_compose! {
    fn fleets()(
        nodes in prop::collection::btree_map(0..40u32, (1..6u32, prop::option::of(0..3u32)), 1..9),
        vips in prop::collection::btree_map(0..60u32, 0..3u32, 1..20),
    ) -> Fleet {
        Fleet { nodes, vips }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn priorities_fall_and_leave_room_for_unhealthy_nodes(fleet in fleets()) {
        for vip in plan_of(&fleet.text()).vips {
            prop_assert_eq!(vip.order.len(), fleet.nodes.len());
            prop_assert!(vip.priorities.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", vip.priorities);
            let effective: BTreeSet<i16> = vip
                .priorities
                .iter()
                .flat_map(|priority| [i16::from(*priority), i16::from(*priority) + vip.yield_weight])
                .collect();
            prop_assert_eq!(effective.len(), 2 * vip.order.len());
            prop_assert!(effective.iter().all(|priority| (1..=254).contains(priority)), "{:?}", effective);
            let lowest = i16::from(*vip.priorities.last().unwrap());
            prop_assert!(i16::from(vip.priorities[0]) + vip.yield_weight < lowest, "unhealthy above healthy");
        }
    }

    #[test]
    fn shares_of_weight_hold_at_no_and_one_failure_and_within_one_at_two(fleet in fleets()) {
        let plan = plan_of(&fleet.text());
        for failures in 0..fleet.nodes.len().min(3) {
            let over = over(&plan, failures);
            prop_assert!(over <= usize::from(failures == 2), "{failures} failures: {over} over");
        }
    }

    #[test]
    fn the_same_inventory_gives_the_same_plan_through_its_lock(fleet in fleets()) {
        let text = fleet.text();
        let first = plan_of(&text);
        let lock = lock_of(&first);
        prop_assert_eq!(&lock, &lock_of(&plan_of(&text)));
        let again = plan_with(&text, &lock, Keep::Locked);
        prop_assert_eq!(lock, lock_of(&again));
    }

    #[test]
    fn numbers_that_meet_differ(fleet in fleets()) {
        let plan = plan_of(&fleet.text());
        let vrids: BTreeSet<u8> = plan.vips.iter().map(|vip| vip.numbers.vrid).collect();
        let tables: BTreeSet<u32> = plan.vips.iter().map(|vip| vip.numbers.table).collect();
        let marks: BTreeSet<u32> = plan.vips.iter().map(|vip| vip.numbers.mark.unwrap().value).collect();
        let rules: BTreeSet<u32> =
            plan.vips.iter().flat_map(|vip| [vip.numbers.rule_priority, vip.numbers.mark.unwrap().rule_priority]).collect();
        let count = plan.vips.len();
        prop_assert_eq!((vrids.len(), tables.len(), marks.len(), rules.len()), (count, count, count, 2 * count));
    }

    #[test]
    fn a_new_vip_leaves_all_others(fleet in fleets(), vip in 60..80u32) {
        let before = plan_of(&fleet.text());
        let mut more = fleet.clone();
        more.vips.insert(vip, 1);
        let after = plan_with(&more.text(), &lock_of(&before), Keep::Locked);
        let (old, new) = (lock_of(&before), lock_of(&after));
        for line in old.lines() {
            prop_assert!(new.lines().any(|other| other == line), "{line} is gone");
        }
        // And taking it out again brings the lock back.
        prop_assert_eq!(old, lock_of(&plan_with(&fleet.text(), &new, Keep::Locked)));
    }

    #[test]
    fn a_new_node_takes_its_share_and_nothing_else_moves(fleet in fleets(), node in 40..60u32) {
        let before = plan_of(&fleet.text());
        let mut more = fleet.clone();
        more.nodes.insert(node, (1, None));
        let after = plan_with(&more.text(), &lock_of(&before), Keep::Locked);
        let (old, new) = (orders(&before), orders(&after));
        let moved: Vec<&String> = old.keys().filter(|vip| old[*vip][0] != new[*vip][0]).collect();
        let share = fleet.vips.len().div_ceil(more.nodes.len());
        prop_assert!(moved.len() <= share, "{} moved, the share is {share}", moved.len());
        let name = format!("lb-{node:03}");
        for vip in moved {
            prop_assert_eq!(&new[vip][0], &name);
        }
        for (vip, order) in &old {
            let rest: Vec<&String> = new[vip].iter().filter(|other| **other != name).collect();
            prop_assert_eq!(rest, order.iter().collect::<Vec<_>>(), "the others keep their order");
        }
    }

    #[test]
    fn a_node_that_goes_moves_only_its_own(fleet in fleets()) {
        prop_assume!(fleet.nodes.len() > 1);
        let before = plan_of(&fleet.text());
        let mut less = fleet.clone();
        let (node, _) = less.nodes.pop_first().unwrap();
        let after = plan_with(&less.text(), &lock_of(&before), Keep::Locked);
        let name = format!("lb-{node:03}");
        let new = orders(&after);
        for (vip, order) in orders(&before) {
            let rest: Vec<String> = order.into_iter().filter(|other| *other != name).collect();
            prop_assert_eq!(&rest, &new[&vip]);
        }
    }

    #[test]
    fn the_simulator_is_a_naive_election_on_the_rendered_files(
        fleet in fleets(),
        out in prop::collection::btree_set(0..40u32, 0..4),
        unhealthy in prop::collection::btree_set((0..3u32, 0..40u32), 0..8),
    ) {
        let name = |node: &u32| format!("lb-{node:03}");
        let plan = plan_of(&fleet.text());
        let scenario = Scenario {
            failed: out.iter().map(name).collect(),
            unhealthy: unhealthy.iter().map(|(entrypoint, node)| (format!("e{entrypoint}"), name(node))).collect(),
            ..Scenario::default()
        };
        let files = emit::emit(&plan, &Templates::load(None).unwrap()).unwrap();
        let said = holders(&plan, &scenario);
        prop_assert_eq!(said, elected(&plan, &files, &scenario));
    }
}

/// VRRP by hand, from the text of the configuration files: every node that is up and is not beaten by another one
/// that is up is MASTER.
fn elected(plan: &Plan, files: &[emit::BundleFile], scenario: &Scenario) -> Vec<Option<String>> {
    let word = |block: &str, key: &str| {
        let line = block
            .lines()
            .find(|line| line.trim().starts_with(&format!("{key} ")))
            .unwrap_or_default();
        line.trim().strip_prefix(key).unwrap_or_default().trim().to_owned()
    };
    plan.vips
        .iter()
        .map(|vip| {
            let mut running: Vec<(i32, std::net::Ipv4Addr, String)> = Vec::new();
            for file in files.iter().filter(|file| file.path.ends_with("keepalived.conf")) {
                let node = file.path.split('/').nth(1).unwrap().to_owned();
                let header = format!("vrrp_instance load-balancer-{} {{", vip.address);
                let Some((_, block)) = file.body.split_once(&header) else { continue };
                let block = block.split("\n}").next().unwrap();
                let mut priority: i32 = word(block, "priority").parse().unwrap();
                let (_, track) = block.split_once("track_script {").unwrap();
                let track: Vec<&str> = track.lines().nth(1).unwrap().split_whitespace().collect();
                let entrypoint = track[0].strip_prefix("entrypoint-").unwrap().to_owned();
                if scenario.unhealthy.contains(&(entrypoint, node.clone())) {
                    priority += track[2].parse::<i32>().unwrap();
                }
                if !scenario.failed.contains(&node) {
                    running.push((priority, word(block, "unicast_src_ip").parse().unwrap(), node));
                }
            }
            let masters: Vec<&(i32, std::net::Ipv4Addr, String)> = running
                .iter()
                .filter(|one| !running.iter().any(|other| (other.0, other.1) > (one.0, one.1)))
                .collect();
            assert!(masters.len() <= 1, "{masters:?}");
            masters.first().map(|master| master.2.clone())
        })
        .collect()
}

#[test]
fn with_all_nodes_unhealthy_the_order_stays_and_other_entrypoints_do_not_move() {
    let mut fleet = Fleet::even(6, 18);
    fleet.vips.iter_mut().for_each(|(vip, entrypoint)| *entrypoint = vip % 3);
    let plan = plan_of(&fleet.text());
    let simulator = Simulator::of(&plan);
    let healthy = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
    let every_node = (0..6).map(|node| ("e1".to_owned(), format!("lb-{node:03}"))).collect();
    let all = Scenario { unhealthy: every_node, ..Scenario::default() };
    assert_eq!(
        Placement::of(&simulator, &all, System::Lbgen).holders,
        healthy.holders,
        "nobody moves"
    );
    for node in 0..6 {
        let one = Scenario {
            unhealthy: BTreeSet::from([("e1".to_owned(), format!("lb-{node:03}"))]),
            ..Scenario::default()
        };
        let placement = Placement::of(&simulator, &one, System::Lbgen);
        for vip in placement.moved(&healthy) {
            assert_eq!(plan.vips[vip].entrypoint, "e1");
            assert_eq!(healthy.holders[vip], Some(format!("lb-{node:03}").as_str()));
        }
        assert_eq!(placement.unheld, 0);
    }
}

#[test]
fn an_unhealthy_or_draining_node_has_no_share_while_there_are_others() {
    let fleet = Fleet::even(4, 8);
    let plan = plan_of(&fleet.text());
    let simulator = Simulator::of(&plan);
    let unhealthy = |nodes: &[&str]| Scenario {
        unhealthy: nodes.iter().map(|node| ("e0".to_owned(), (*node).to_owned())).collect(),
        ..Scenario::default()
    };
    let place = |scenario: &Scenario| Placement::of(&simulator, scenario, System::Lbgen);
    let one = place(&unhealthy(&["lb-000"]));
    assert_eq!((one.load, one.bound, one.over), (3, 3, 0), "eight VIPs on three nodes");
    let all = place(&unhealthy(&["lb-000", "lb-001", "lb-002", "lb-003"]));
    assert_eq!((all.load, all.bound, all.over), (2, 2, 0), "all unhealthy is as all healthy");
    let draining = plan_of(&fleet.text().replace("weight: 1", "state: draining"));
    let placement = Placement::of(&Simulator::of(&draining), &Scenario::default(), System::Lbgen);
    assert_eq!((placement.load, placement.bound, placement.over), (2, 2, 0), "all draining");
}

#[test]
fn the_second_node_is_in_another_zone() {
    for (nodes, zones) in [(6u32, 3u32), (12, 3), (9, 3), (6, 2)] {
        let mut fleet = Fleet::even(nodes, nodes * 4);
        fleet.nodes.iter_mut().for_each(|(node, (_, zone))| *zone = Some(node % zones));
        let plan = plan_of(&fleet.text());
        let zone = |name: &str| name.trim_start_matches("lb-").parse::<u32>().unwrap() % zones;
        let within =
            orders(&plan).values().filter(|order| zone(&order[0]) == zone(&order[1])).count();
        // In two zones of three, four VIPs of a node cannot go to three nodes without one of them getting two, which
        // is over the bound: there the bound wins, once for each node.
        assert_eq!(within, if zones == 2 { 6 } else { 0 }, "{nodes} nodes, {zones} zones");
        for failures in 0..2 {
            assert_eq!(over(&plan, failures), 0, "{nodes} nodes, {zones} zones, {failures}");
        }
    }
}

#[test]
fn each_entrypoint_is_spread_for_itself() {
    for nodes in 2..9u32 {
        let mut fleet = Fleet::even(nodes, 3 * nodes + 2);
        fleet.vips.iter_mut().for_each(|(vip, entrypoint)| *entrypoint = u32::from(*vip > nodes));
        let plan = plan_of(&fleet.text());
        for entrypoint in ["e0", "e1"] {
            let mut held: BTreeMap<String, usize> = BTreeMap::new();
            let of: Vec<&plan::VipPlan> =
                plan.vips.iter().filter(|vip| vip.entrypoint == entrypoint).collect();
            for vip in &of {
                *held.entry(vip.order[0].to_string()).or_default() += 1;
            }
            assert!(
                *held.values().max().unwrap() <= of.len().div_ceil(nodes as usize),
                "{nodes}: {held:?}"
            );
        }
    }
}

/// A sequence that is the same on every machine (splitmix64): edits must not depend on a random seed.
struct Sequence(u64);

impl Sequence {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }
}

#[test]
fn a_hundred_edits_through_the_lock_stay_even() {
    let mut furthest = [0usize; 2];
    for run in 0..6u64 {
        let mut sequence = Sequence(run);
        let mut fleet = Fleet::even(6, 20);
        let mut lock = lock_of(&plan_of(&fleet.text()));
        let mut next = 100;
        for edit in 0..100 {
            next += 1;
            match sequence.below(10) {
                0 if fleet.nodes.len() < 12 => _ = fleet.nodes.insert(next, (1, None)),
                1 if fleet.nodes.len() > 4 => {
                    let place = usize::try_from(sequence.below(fleet.nodes.len() as u64)).unwrap();
                    let node = *fleet.nodes.keys().nth(place).unwrap();
                    fleet.nodes.remove(&node);
                }
                2..=5 if fleet.vips.len() > 8 => {
                    let place = usize::try_from(sequence.below(fleet.vips.len() as u64)).unwrap();
                    let vip = *fleet.vips.keys().nth(place).unwrap();
                    fleet.vips.remove(&vip);
                }
                _ if fleet.vips.len() < 60 => _ = fleet.vips.insert(next, 0),
                _ => {}
            }
            let plan = plan_with(&fleet.text(), &lock, Keep::Locked);
            lock = lock_of(&plan);
            if edit == 99 {
                for (failures, furthest) in furthest.iter_mut().enumerate() {
                    *furthest = (*furthest).max(over(&plan, failures));
                }
                let balanced = plan_with(&fleet.text(), &lock, Keep::Masters);
                for failures in 0..2 {
                    assert_eq!(over(&balanced, failures), 0, "rebalanced, run {run}, {failures}");
                }
            }
        }
    }
    println!("furthest over the bound after 100 edits, at 0 and 1 failures: {furthest:?}");
    assert!(furthest.iter().all(|over| *over <= 1), "{furthest:?}");
}

#[test]
fn rebalance_moves_no_more_than_it_must() {
    let fleet = Fleet::even(5, 23);
    let plan = plan_of(&fleet.text());
    // Five VIPs leave: those of one node, as far as they go.
    let mut less = fleet.clone();
    let first = plan.vips[0].order[0].clone();
    let gone: Vec<String> = plan
        .vips
        .iter()
        .filter(|vip| vip.order[0] == first)
        .map(|vip| vip.address.to_string())
        .collect();
    less.vips
        .retain(|vip, _| !gone.contains(&format!("10.34.{}.{}", 1 + vip / 250, vip % 250 + 1)));
    let lock = lock_of(&plan);
    let (kept, balanced) = (
        plan_with(&less.text(), &lock, Keep::Locked),
        plan_with(&less.text(), &lock, Keep::Masters),
    );
    let simulator = Simulator::of(&kept);
    let loads = Placement::of(&simulator, &Scenario::default(), System::Lbgen).loads;
    let share = less.vips.len().div_ceil(5);
    let must: usize = loads.values().map(|load| load.saturating_sub(share)).sum();
    let (old, new) = (orders(&kept), orders(&balanced));
    assert!(must > 0);
    assert_eq!(old.keys().filter(|vip| old[*vip][0] != new[*vip][0]).count(), must);
    assert_eq!(over(&balanced, 0), 0);
}

#[test]
fn a_merge_of_two_branches_is_named_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args([
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.com",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{arguments:?}: {}{}",
            support::stdout(&done),
            support::stderr(&done)
        );
    };
    let lbgen = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    let inventory = folder.path().join("inventory.yaml");
    let base = fs::read_to_string(support::inventory("minimal")).unwrap();
    let add = |text: &str, vip: &str, before: &str| {
        text.replace(before, &format!("  - address: {vip}\n{before}"))
    };
    fs::write(folder.path().join(".gitattributes"), "*.lock merge=union\n").unwrap();
    fs::write(folder.path().join(".gitignore"), "out\n").unwrap();
    fs::write(&inventory, &base).unwrap();
    git(&["init", "-q", "-b", "main"]);
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    // Each branch adds a VIP at another place of the inventory, and both take the next VRID.
    git(&["checkout", "-qb", "theirs"]);
    fs::write(&inventory, add(&base, "192.0.2.9", "  - address: 192.0.2.10")).unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["commit", "-qam", "theirs"]);
    git(&["checkout", "-q", "main"]);
    fs::write(&inventory, add(&base, "192.0.2.77", "\n# Hosts with")).unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["commit", "-qam", "ours"]);
    git(&["merge", "-q", "--no-edit", "theirs"]);
    let merged = fs::read_to_string(folder.path().join("inventory.lock")).unwrap();
    assert!(merged.contains("192.0.2.9\"") && merged.contains("192.0.2.77\""), "{merged}");

    let done = lbgen(&["render"]);
    assert_eq!(support::code(&done), 2);
    assert!(
        support::stderr(&done).contains("error[LB022]: the lock gives VRID 2 to two VIPs"),
        "{}",
        support::stderr(&done)
    );
    assert!(
        support::stderr(&done).contains("to 192.0.2.9")
            && support::stderr(&done).contains("to 192.0.2.77")
    );
    // What the message says: the one that does not run yet gets another VRID. Tables, rules and marks are mended.
    let line = merged.lines().find(|line| line.contains("192.0.2.9\"")).unwrap();
    fs::write(
        folder.path().join("inventory.lock"),
        merged.replace(line, &line.replace("vrid: 2, ", "")),
    )
    .unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q", "--locked"])), 2, "the lock has to change");
    let done = lbgen(&["render"]);
    assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
    assert!(support::stderr(&done).contains("warning[LB220]"), "{}", support::stderr(&done));
    let mended = fs::read_to_string(folder.path().join("inventory.lock")).unwrap();
    assert!(mended.contains("\"192.0.2.77\": { vrid: 2, "), "{mended}");
    assert!(mended.contains("\"192.0.2.9\": { vrid: 3, "), "{mended}");
    assert_eq!(support::code(&lbgen(&["render", "--locked"])), 0);
    assert_eq!(support::code(&lbgen(&["render", "--check"])), 0);
}

#[test]
fn the_locks_of_the_examples_are_current() {
    for example in support::examples() {
        let out = tempfile::tempdir().unwrap();
        let path = support::inventory(&example);
        let out = out.path().to_str().unwrap().to_owned();
        let done =
            support::lbgen(&["render", "-q", "--locked", path.to_str().unwrap(), "-o", &out]);
        assert_eq!(support::code(&done), 0, "{example}: {}", support::stderr(&done));
    }
}

#[test]
fn the_table_of_the_docs_is_what_is_measured() {
    let mut text = String::from(
        "# How even it stays\n\n\
         N nodes of one weight, V VIPs of one entrypoint, planned without a lock. For every set of 0, 1, 2 and 3 failed nodes: the most VIPs on one\n\
         node in the worst set. *Bound* is ceil(V / (N - failed)), which nothing can beat; a number in bold misses it. The other columns are the\n\
         elections of MetalLB (layer 2) and PureLB (the same hash), kube-vip (one lease) and keepalived-operator for the same VIPs and nodes.\n\n\
         Written by `UPDATE_DOCS=1 cargo test --test planning docs`, and compared by `cargo test`.\n\n\
         | N | V | bound 0 1 2 3 | lbgen | metallb, purelb | kube-vip | keepalived-operator |\n\
         | --: | --: | --- | --- | --- | --- | --- |\n",
    );
    let mut missed = [0usize; 4];
    let mut furthest = [0usize; 4];
    let mut sizes = 0;
    for nodes in 2..=16u32 {
        for vips in [nodes, 2 * nodes, 3 * nodes + 1, 5 * nodes] {
            let plan = plan_of(&Fleet::even(nodes, vips).text());
            let simulator = Simulator::of(&plan);
            let most = 4.min(nodes as usize);
            let bound: Vec<usize> =
                (0..most).map(|failed| (vips as usize).div_ceil(nodes as usize - failed)).collect();
            let loads = |system: System| -> Vec<usize> {
                (0..most)
                    .map(|failures| {
                        let all = sets(&plan, &Scenario::default(), failures);
                        all.iter()
                            .map(|set| Placement::of(&simulator, set, system).load)
                            .max()
                            .unwrap()
                    })
                    .collect()
            };
            let ours = loads(System::Lbgen);
            sizes += 1;
            if ours.get(2) > bound.get(2) {
                // With one VIP of room on each node, a node can take over behind one MASTER only: behind two of
                // them it would get two when both fail. N nodes can then stand second for N VIPs.
                let now = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
                let room = now.loads.values().map(|load| bound[2] - load).max().unwrap();
                assert!(
                    room <= 1 && vips > nodes,
                    "missed without need: {nodes} nodes, {vips} VIPs"
                );
            }
            for failures in 0..most {
                let over = ours[failures].saturating_sub(bound[failures]);
                missed[failures] += usize::from(over > 0);
                furthest[failures] = furthest[failures].max(over);
            }
            assert_eq!(ours[0], bound[0], "{nodes} nodes, {vips} VIPs");
            assert_eq!(ours.get(1), bound.get(1), "{nodes} nodes, {vips} VIPs");
            let cell = |loads: &[usize]| {
                let cell = loads.iter().zip(&bound).map(|(load, bound)| match load > bound {
                    true => format!("**{load}**"),
                    false => load.to_string(),
                });
                cell.collect::<Vec<_>>().join(" ")
            };
            assert_eq!(loads(System::MetalLb), loads(System::PureLb));
            let others = [System::MetalLb, System::KubeVip, System::KeepalivedOperator]
                .map(|system| cell(&loads(system)));
            let bound = bound.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
            writeln!(
                text,
                "| {nodes} | {vips} | {bound} | {} | {} |",
                cell(&ours),
                others.join(" | ")
            )
            .unwrap();
        }
    }
    writeln!(
        text,
        "\nOf these {sizes} sizes lbgen misses the bound at 0, 1, 2 and 3 failures {missed:?} times, by at most {furthest:?} VIPs. Wherever it misses it at\n\
         two failures, each node has room for one more VIP at most: then a node can stand second behind one MASTER only, or it would get two VIPs\n\
         when two of them fail, and N nodes cannot stand second for more than N VIPs. No orders reach the bound there, with the VIPs spread evenly now."
    )
    .unwrap();
    assert!(furthest[2] <= 1, "{furthest:?}");
    let path = support::root().join("docs/evenness.md");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &text).unwrap();
    }
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        text,
        "stale: UPDATE_DOCS=1 cargo test --test planning docs"
    );
}
