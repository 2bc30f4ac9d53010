//! The nodes that hold each VIP, in standby order, with their numbers, and how even that is.

use std::net::IpAddr;

use serde::Serialize;

use crate::model::{Label, Subdomain};
use crate::plan::Plan;
use crate::plan::simulate::{Placement, Scenario, Simulator, System, Worst, sets};

/// All sets of up to this many failures are looked at.
const FAILURES: usize = 2;

/// A plan.
#[derive(Debug, Serialize)]
pub struct Orders<'a> {
    /// Of this form.
    pub version: u8,
    /// The name of the datacenter.
    pub datacenter: &'a Label,
    /// By address.
    pub vips: Vec<VipRow<'a>>,
    /// By name.
    pub nodes: Vec<NodeRow<'a>>,
    /// The worst that each number of failures does, beginning with none.
    pub worst: Vec<WorstRow>,
    /// VIPs whose first two nodes are in one zone.
    #[serde(skip)]
    pub within_zone: usize,
}

/// A VIP, its numbers and its failover order.
#[derive(Debug, Serialize)]
pub struct VipRow<'a> {
    /// The VIP.
    pub address: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: &'a Label,
    /// Virtual router id.
    pub vrid: u8,
    /// Routing table, where it has a gateway,
    pub table: Option<u32>,
    /// and the priority of its `from` rules.
    pub rule_priority: Option<u32>,
    /// Packet mark,
    pub mark: Option<u32>,
    /// and the priority of its `fwmark` rules.
    pub mark_rule_priority: Option<u32>,
    /// The holder while every node is up, or `None` if nobody holds it.
    pub master: Option<&'a Subdomain>,
    /// The nodes that hold it, in standby order.
    pub order: Vec<Rank<'a>>,
}

/// A node's place in a failover order.
#[derive(Debug, Serialize)]
pub struct Rank<'a> {
    /// The name of the node.
    pub node: &'a Subdomain,
    /// Its VRRP priority.
    pub priority: u8,
}

/// A node and what it holds while every node is up.
#[derive(Debug, Serialize)]
pub struct NodeRow<'a> {
    /// The name of the node.
    pub node: &'a Subdomain,
    /// Failure domain.
    pub zone: Option<&'a Label>,
    /// Share of VIPs; 0 while it takes none.
    pub weight: u32,
    /// The number of VIPs that it holds.
    pub vips: usize,
}

/// The worst case of a number of failures.
#[derive(Debug, Serialize)]
pub struct WorstRow {
    /// The number of nodes that failed.
    pub failures: usize,
    /// The most VIPs on one node.
    pub load: usize,
    /// The most that a node would hold, were they spread evenly.
    pub bound: usize,
    /// The excess of the node furthest over its share.
    pub over: usize,
    /// VIPs that nobody holds.
    pub unheld: usize,
    /// The nodes that failed.
    pub failed: Vec<Subdomain>,
}

impl<'a> Orders<'a> {
    /// Builds the rows of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let simulator = Simulator::of(plan);
        let now = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
        Self {
            version: 1,
            datacenter: &plan.datacenter,
            vips: plan.vips.iter().map(VipRow::of).collect(),
            nodes: plan
                .nodes
                .iter()
                .map(|node| NodeRow {
                    node: &node.node,
                    zone: node.zone.as_ref(),
                    weight: node.weight,
                    vips: now.loads[&node.node],
                })
                .collect(),
            worst: (0..=FAILURES)
                .filter_map(|count| WorstRow::of(plan, &simulator, count))
                .collect(),
            within_zone: within_zone(plan),
        }
    }

    /// Every zone, with the VIPs that its nodes hold.
    pub fn zones(&self) -> Vec<(&'a Label, usize)> {
        let mut zones: Vec<(&'a Label, usize)> = Vec::new();
        for node in &self.nodes {
            let Some(zone) = node.zone else { continue };
            match zones.iter_mut().find(|(other, _)| *other == zone) {
                Some((_, held)) => *held += node.vips,
                None => zones.push((zone, node.vips)),
            }
        }
        zones.sort();
        zones
    }
}

impl<'a> VipRow<'a> {
    fn of(vip: &'a crate::plan::VipPlan) -> Self {
        let ranks = vip.order.iter().zip(&vip.priorities);
        let routing = vip.numbers.routing;
        let mark = routing.and_then(|routing| routing.mark);
        Self {
            address: vip.address,
            entrypoint: &vip.entrypoint,
            vrid: vip.numbers.vrid,
            table: routing.map(|routing| routing.table),
            rule_priority: routing.map(|routing| routing.rule_priority),
            mark: mark.map(|mark| mark.value),
            mark_rule_priority: mark.map(|mark| mark.rule_priority),
            master: vip.order.first(),
            order: ranks.map(|(node, priority)| Rank { node, priority: *priority }).collect(),
        }
    }
}

impl WorstRow {
    fn of(plan: &Plan, simulator: &Simulator<'_>, failures: usize) -> Option<Self> {
        let mut worst = Worst::new(1);
        for scenario in sets(plan, &Scenario::default(), failures) {
            worst.add(Placement::of(simulator, &scenario, System::Lbgen));
        }
        let worst = worst.first()?;
        Some(Self {
            failures,
            load: worst.load,
            bound: worst.bound,
            over: worst.over,
            unheld: worst.unheld,
            failed: worst.scenario.failed.iter().cloned().collect(),
        })
    }
}

/// Returns the number of VIPs that stay in their zone when their MASTER fails.
fn within_zone(plan: &Plan) -> usize {
    let zone = |name: &Subdomain| {
        plan.nodes.iter().find(|node| node.node == *name).and_then(|node| node.zone.as_ref())
    };
    let within = plan.vips.iter().filter(|vip| match vip.order.as_slice() {
        [first, second, ..] => zone(first).is_some_and(|first| zone(second) == Some(first)),
        _ => false,
    });
    within.count()
}
