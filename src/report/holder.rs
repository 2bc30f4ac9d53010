//! Nodes and the VIPs that they can hold, with what an election needs to know of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::known::Known;
use crate::model::Preempt;
use crate::plan::{Instance, NodePlan, Unhealthy, VipPlan};

/// A node.
#[derive(Debug, Serialize)]
pub struct NodeData {
    name: String,
    zone: Option<String>,
    weight: u32,
    /// `active`, `draining` or `maintenance`, as the inventory says.
    written: &'static str,
    /// The entrypoints that it holds VIPs of, each with true if its health is tracked there.
    entrypoints: Vec<(usize, bool)>,
}

impl NodeData {
    pub(super) fn of(node: &NodePlan, known: &Known<'_>) -> Self {
        let mut tracked: BTreeMap<usize, bool> = BTreeMap::new();
        for instance in &node.instances {
            let entrypoint = known.entrypoint(&instance.entrypoint);
            *tracked.entry(entrypoint).or_default() |= instance.track.is_some();
        }
        let written = known.planned.datacenter.nodes.get(&node.node);
        Self {
            name: node.node.to_string(),
            zone: node.zone.as_ref().map(ToString::to_string),
            weight: node.weight,
            written: written.map_or("active", |own| own.state.word()),
            entrypoints: tracked.into_iter().collect(),
        }
    }
}

/// VIPs that share nodes.
#[derive(Debug, Serialize)]
pub struct GroupData {
    vips: usize,
    nodes: Vec<usize>,
}

impl GroupData {
    /// Every group, by its number.
    pub(super) fn all(known: &Known<'_>) -> Vec<Self> {
        let plan = &known.planned.plan;
        let count = plan.vips.iter().map(|vip| vip.group).max().map_or(0, |last| last + 1);
        let group = |index: usize| {
            let own: Vec<IpAddr> =
                plan.vips.iter().filter(|vip| vip.group == index).map(|vip| vip.address).collect();
            let members = plan.nodes.iter().enumerate().filter(|(_, node)| {
                node.instances.iter().any(|instance| own.contains(&instance.vip))
            });
            Self { vips: own.len(), nodes: members.map(|(index, _)| index).collect() }
        };
        (0..count).map(group).collect()
    }
}

/// A VIP.
#[derive(Debug, Serialize)]
pub struct VipData {
    address: IpAddr,
    /// Addresses that come with it.
    extra: Vec<IpAddr>,
    entrypoint: usize,
    vrid: u8,
    table: String,
    mark: String,
    /// Nodes and priorities, the MASTER first.
    order: Vec<(usize, u8)>,
    /// By falling address of the node.
    candidates: Vec<Candidate>,
    /// The gateway of its replies; empty if it has none.
    gateway: String,
    at: String,
}

/// An instance of a VIP.
#[derive(Debug, Serialize)]
struct Candidate {
    node: usize,
    priority: u8,
    /// The priority that it loses while unhealthy; -1 is FAULT, `None` where nothing is tracked.
    lost: Option<i16>,
    /// Seconds that a holder keeps the VIP which only lost priority.
    delay: u64,
}

impl VipData {
    pub(super) fn of(vip: &VipPlan, known: &Known<'_>) -> Self {
        let plan = &known.planned.plan;
        let instances = plan.nodes.iter().enumerate().flat_map(|(index, node)| {
            let own = node.instances.iter().filter(|found| found.vip == vip.address);
            own.map(move |instance| (index, instance))
        });
        let mut instances: Vec<(usize, &Instance)> = instances.collect();
        instances.sort_by_key(|(_, instance)| Reverse(instance.source));
        let routing = vip.numbers.routing();
        let mark = routing.and_then(|routing| routing.mark);
        let mut all = known.planned.datacenter.vips.iter();
        let written = all.find(|found| found.address.value == vip.address);
        let extra = written.into_iter().flat_map(|vip| vip.addresses().skip(1));
        Self {
            address: vip.address,
            extra: extra.map(|(address, _)| address).collect(),
            entrypoint: known.entrypoint(&vip.entrypoint),
            vrid: vip.numbers.vrid,
            table: routing.map_or(String::new(), |routing| routing.table.to_string()),
            mark: mark.map_or(String::new(), |mark| format!("{:#x}", mark.value)),
            order: vip
                .order
                .iter()
                .map(|standing| (known.node(&standing.node), standing.priority))
                .collect(),
            candidates: instances
                .into_iter()
                .map(|(node, instance)| Candidate::of(node, instance))
                .collect(),
            gateway: vip.gateway.as_ref().map_or(String::new(), ToString::to_string),
            at: written.map_or(String::new(), |vip| known.at(vip.address.span)),
        }
    }
}

impl Candidate {
    fn of(node: usize, instance: &Instance) -> Self {
        let lost = instance.track.map(|track| match track {
            Unhealthy::Fault => -1,
            Unhealthy::Lose(lost) => i16::from(lost),
        });
        let delay = match instance.preempt {
            Preempt::After(delay) => delay.as_secs(),
            _ => 0,
        };
        Self { node, priority: instance.priority, lost, delay }
    }
}
