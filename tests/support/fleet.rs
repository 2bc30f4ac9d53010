//! Fleets of any shape, planned.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use lbgen::diag::Report;
use lbgen::inventory;
use lbgen::model::{Label, Name, Subdomain};
use lbgen::pipeline::{self, Options};
use lbgen::plan::simulate::{Placement, Scenario, Simulator, System, sets};
use lbgen::plan::{self, Keep, Plan};
use lbgen::source::Sources;
use proptest::prelude::*;

/// Plans a text with the text of a lock; warnings do not matter here.
pub fn plan_with(text: &str, lock: &str, keep: Keep) -> Plan {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse(
        "inventory.yaml".to_owned(),
        text.as_bytes().to_vec(),
        &mut sources,
        &mut report,
    );
    let lock = (!lock.is_empty()).then(|| {
        let name = "inventory.lock".to_owned();
        inventory::lock::parse(name, lock.into(), &mut sources, &mut report).unwrap()
    });
    let options = Options { source: "inventory.yaml", keep, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report);
    let planned = planned.unwrap_or_else(|| {
        panic!("{}\n{text}", lbgen::diag::render_human(&report, &sources, false))
    });
    planned.plan
}

/// A node's name.
pub fn node(name: &str) -> Subdomain {
    Subdomain::parse(name).unwrap()
}

/// Some nodes gone, nothing else.
pub fn failed(nodes: &[&str]) -> Scenario {
    Scenario { failed: nodes.iter().map(|name| node(name)).collect(), ..Scenario::default() }
}

/// Entrypoints without a ready pod on nodes.
pub fn unhealthy<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Scenario {
    let pair = |(entrypoint, name): (&str, &str)| (Label::parse(entrypoint).unwrap(), node(name));
    Scenario { unhealthy: pairs.into_iter().map(pair).collect(), ..Scenario::default() }
}

pub fn plan_of(text: &str) -> Plan {
    plan_with(text, "", Keep::Locked)
}

pub fn lock_of(plan: &Plan) -> String {
    plan::lock::text(plan)
}

/// Nodes by number with weight and zone, VIPs by number with their kind of traffic.
#[derive(Debug, Clone, Default)]
pub struct Fleet {
    pub nodes: BTreeMap<u32, (u32, Option<u32>)>,
    pub vips: BTreeMap<u32, u32>,
}

impl Fleet {
    pub fn even(nodes: u32, vips: u32) -> Self {
        Self {
            nodes: (0..nodes).map(|node| (node, (1, None))).collect(),
            vips: (0..vips).map(|vip| (vip, 0)).collect(),
        }
    }

    pub fn text(&self) -> String {
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
pub fn orders(plan: &Plan) -> BTreeMap<String, Vec<String>> {
    let names =
        |vip: &plan::VipPlan| vip.order.iter().map(|standing| standing.node.to_string()).collect();
    plan.vips.iter().map(|vip| (vip.address.to_string(), names(vip))).collect()
}

/// By how much the worst set of exactly `failures` has a node over its share.
pub fn over(plan: &Plan, failures: usize) -> usize {
    let simulator = Simulator::of(plan);
    let base = Scenario::default();
    let over = sets(plan, &base, failures)
        .map(|set| Placement::of(&simulator, &set, System::Lbgen))
        .max_by_key(|placement| (placement.unheld, placement.over))
        .unwrap();
    over.over
}

pub fn holders(plan: &Plan, scenario: &Scenario) -> Vec<Option<String>> {
    let holders = Simulator::of(plan).elect(scenario);
    holders.into_iter().map(|holder| holder.map(ToString::to_string)).collect()
}

prop_compose! {
    pub fn fleets()(
        nodes in prop::collection::btree_map(0..40u32, (1..6u32, prop::option::of(0..3u32)), 1..9),
        vips in prop::collection::btree_map(0..60u32, 0..3u32, 1..20),
    ) -> Fleet {
        Fleet { nodes, vips }
    }
}

/// The most VIPs above the share of a zone: of all VIPs, or of those of one entrypoint.
pub fn over_in_zones(fleet: &Fleet, plan: &Plan) -> usize {
    let zone = |node: &str| {
        let node: u32 = node.trim_start_matches("lb-").parse().unwrap();
        fleet.nodes[&node].1
    };
    let weight = |of: Option<u32>| -> usize {
        let nodes = fleet.nodes.values().filter(|(_, zone)| of.is_none() || *zone == of);
        nodes.map(|(weight, _)| *weight as usize).sum()
    };
    let entrypoints: BTreeSet<Option<&str>> =
        plan.vips.iter().map(|vip| Some(vip.entrypoint.as_str())).chain([None]).collect();
    let zones: BTreeSet<Option<u32>> = fleet.nodes.values().map(|(_, zone)| *zone).collect();
    let over = entrypoints.iter().flat_map(|entrypoint| {
        let vips = plan.vips.iter().filter(|vip| {
            entrypoint.is_none_or(|entrypoint| vip.entrypoint.as_str() == entrypoint)
        });
        let vips: Vec<&plan::VipPlan> = vips.collect();
        zones.iter().map(move |of| {
            let held = vips.iter().filter(|vip| zone(vip.order[0].node.as_str()) == *of).count();
            held.saturating_sub((vips.len() * weight(*of)).div_ceil(weight(None)))
        })
    });
    over.max().unwrap()
}
