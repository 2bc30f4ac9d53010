//! Numbers and failover orders: stable, deterministic, and what the simulator says is what VRRP would do.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use lbgen::emit::{self, Templates};
use lbgen::model::{Label, Name};
use lbgen::plan::simulate::{Placement, Scenario, Simulator, System};
use lbgen::plan::{Keep, Plan, VipPlan};
use proptest::prelude::*;
use support::fleet::{
    self, Fleet, fleets, holders, lock_of, node, orders, over, plan_of, plan_with,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn priorities_fall_and_leave_room_for_unhealthy_nodes(fleet in fleets()) {
        for vip in plan_of(&fleet.text()).vips {
            prop_assert_eq!(vip.order.len(), fleet.nodes.len());
            prop_assert!(vip.order.windows(2).all(|pair| pair[0].priority > pair[1].priority), "{:?}", vip.order);
            let left: Vec<u8> = vip.order.iter().map(|standing| standing.priority - standing.loss).collect();
            let effective: BTreeSet<u8> = vip.order.iter().map(|standing| standing.priority).chain(left.iter().copied()).collect();
            prop_assert_eq!(effective.len(), 2 * vip.order.len());
            prop_assert!(effective.iter().all(|priority| (1..=254).contains(priority)), "{:?}", effective);
            prop_assert!(left.windows(2).all(|pair| pair[0] > pair[1]), "{:?}", left);
            prop_assert!(left[0] < vip.order.last().unwrap().priority, "unhealthy above healthy");
        }
    }

    #[test]
    fn shares_of_weight_hold_at_no_and_one_failure_and_within_one_at_two(fleet in fleets()) {
        let plan = plan_of(&fleet.text());
        for failures in 0..fleet.nodes.len().min(3) {
            let over = over(&plan, failures);
            prop_assert!(over <= usize::from(failures == 2), "{failures} failures: {over} over");
        }
        prop_assert_eq!(fleet::over_in_zones(&fleet, &plan), 0);
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
        let routing: Vec<_> = plan.vips.iter().filter_map(|vip| vip.numbers.routing().cloned()).collect();
        let tables: BTreeSet<u32> = routing.iter().map(|numbers| numbers.table).collect();
        let marks: BTreeSet<u32> = routing.iter().map(|numbers| numbers.mark.unwrap().value).collect();
        let rules: BTreeSet<u32> = routing
            .iter()
            .flat_map(|numbers| [numbers.rule_priority, numbers.mark.unwrap().rule_priority])
            .collect();
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
        let pairs: Vec<(String, String)> =
            unhealthy.iter().map(|(entrypoint, node)| (format!("e{entrypoint}"), name(node))).collect();
        let scenario = Scenario {
            failed: out.iter().map(|number| node(&name(number))).collect(),
            ..fleet::unhealthy(pairs.iter().map(|(entrypoint, node)| (entrypoint.as_str(), node.as_str())))
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
                let entrypoint = Label::parse(&entrypoint).unwrap();
                if scenario.is_unhealthy(&entrypoint, &fleet::node(&node)) {
                    priority += track[2].parse::<i32>().unwrap();
                }
                if !scenario.failed.contains(node.as_str()) {
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
    let names: Vec<String> = (0..6).map(|node| format!("lb-{node:03}")).collect();
    let all = fleet::unhealthy(names.iter().map(|name| ("e1", name.as_str())));
    assert_eq!(
        Placement::of(&simulator, &all, System::Lbgen).holders,
        healthy.holders,
        "nobody moves"
    );
    for name in &names {
        let one = fleet::unhealthy([("e1", name.as_str())]);
        let placement = Placement::of(&simulator, &one, System::Lbgen);
        for vip in placement.moved(&healthy) {
            assert_eq!(plan.vips[vip].entrypoint.as_str(), "e1");
            assert_eq!(healthy.holders[vip], Some(&node(name)));
        }
        assert_eq!(placement.unheld, 0);
    }
}

#[test]
fn an_unhealthy_or_draining_node_has_no_share_while_there_are_others() {
    let fleet = Fleet::even(4, 8);
    let plan = plan_of(&fleet.text());
    let simulator = Simulator::of(&plan);
    let unhealthy =
        |nodes: &[&'static str]| fleet::unhealthy(nodes.iter().map(|node| ("e0", *node)));
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
            let of: Vec<&VipPlan> =
                plan.vips.iter().filter(|vip| vip.entrypoint.as_str() == entrypoint).collect();
            for vip in &of {
                *held.entry(vip.order[0].node.to_string()).or_default() += 1;
            }
            assert!(
                *held.values().max().unwrap() <= of.len().div_ceil(nodes as usize),
                "{nodes}: {held:?}"
            );
        }
    }
}

/// Priorities of a fleet that runs need only be distinct: unhealthy nodes rank below every healthy one, and keep their
/// order among themselves.
#[test]
fn any_pinned_priorities_rank_as_they_should_whoever_is_unhealthy() {
    for pinned in [[200, 150, 100], [150, 100, 50], [100, 99, 98], [254, 253, 4], [6, 5, 4]] {
        let text = Fleet::even(3, 1).text();
        let priorities: Vec<String> = pinned
            .iter()
            .enumerate()
            .map(|(node, priority)| format!("lb-{node:03}: {priority}"))
            .collect();
        let text = text.replace(
            "entrypoint: e0 }",
            &format!("entrypoint: e0, priorities: {{ {} }} }}", priorities.join(", ")),
        );
        let plan = plan_of(&text);
        let simulator = Simulator::of(&plan);
        for sick in 0..8u32 {
            let names: Vec<String> = (0..3)
                .filter(|node| sick & (1 << node) != 0)
                .map(|node| format!("lb-{node:03}"))
                .collect();
            let scenario = fleet::unhealthy(names.iter().map(|name| ("e0", name.as_str())));
            // The best of the healthy ones; of all, where none is.
            let best = (0..3).find(|node| sick & (1 << node) == 0).unwrap_or(0);
            let holder = simulator.elect(&scenario)[0].unwrap();
            assert_eq!(
                holder.as_str(),
                format!("lb-{best:03}"),
                "{pinned:?}, unhealthy: {names:?}"
            );
        }
    }
}

/// In nftables mode a health port listens on the families of its Service only.
#[test]
fn an_entrypoint_is_checked_over_the_families_of_its_vips() {
    let text = |vips: &str| {
        format!(
            "datacenter: x\nkubernetes: {{ version: \"1.31\", kube_proxy: nftables }}\n\
             gateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n  \
             public6: {{ address: \"2001:db8:8::1\", network: \"2001:db8:8::/64\", interface: eth1 }}\n\
             entrypoints:\n  web: {{ edge: {{ class: a, health_check_node_port: 32100 }}, routing: {{ class: b }} }}\n\
             nodes:\n  lb-1: {{ address: 10.0.0.1, address6: \"fd00::1\", interface: eth0 }}\nvips: [{vips}]\n"
        )
    };
    for (vips, address) in [
        ("{ address: 192.0.2.10 }", "10.0.0.1"),
        ("{ address: \"2001:db8:8::10\" }", "fd00::1"),
        ("{ address: \"2001:db8:8::10\", extra_addresses: [192.0.2.10] }", "10.0.0.1"),
        ("{ address: \"2001:db8:8::10\" }, { address: 192.0.2.10 }", "10.0.0.1"),
    ] {
        let plan = plan_of(&text(vips));
        assert_eq!(plan.nodes[0].checks[0].health.unwrap().address.to_string(), address, "{vips}");
    }
}

/// A VIP that waits before it preempts stays on an unhealthy node that long, and leaves a node that is gone at once.
#[test]
fn a_delayed_preemption_is_part_of_the_answer() {
    let text =
        Fleet::even(3, 1).text().replace("entrypoint: e0 }", "entrypoint: e0, preempt: 30s }");
    let plan = plan_of(&text);
    let simulator = Simulator::of(&plan);
    let (first, second) = (&plan.vips[0].order[0].node, &plan.vips[0].order[1].node);
    let sick = fleet::unhealthy([("e0", first.as_str())]);
    let wait = |scenario: &Scenario| simulator.wait(0, scenario, first, second);
    assert_eq!(wait(&sick), Some(std::time::Duration::from_secs(30)));
    assert_eq!(wait(&fleet::failed(&[first.as_str()])), None);
    let never = plan_of(&text.replace("30s", "false"));
    let instance = &never.nodes[0].instances[0];
    assert_eq!(
        instance.track,
        Some(lbgen::plan::Unhealthy::Fault),
        "its priority alone moves nothing"
    );
}
