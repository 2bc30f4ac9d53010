//! The nodes that hold each VIP, in standby order, with their numbers, and how even that is.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use super::natural;
use crate::model::{Label, Subdomain};
use crate::plan::simulate::{Placement, Scenario, Simulator, System, Worst, ZoneLoad, sets};
use crate::plan::{Plan, RoutingNumbers};

/// All sets of up to this many failures are looked at.
const FAILURES: usize = 2;

/// `plan`: the nodes that hold each VIP, with their numbers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Orders<'a> {
    /// The name of the datacenter.
    pub datacenter: &'a Label,
    /// By address.
    pub vips: Vec<VipRow<'a>>,
    /// By name, numbers in it as numbers.
    pub nodes: Vec<NodeRow<'a>>,
    /// The worst that each number of failures does, beginning with none.
    pub worst: Vec<WorstRow>,
    /// By name, where nodes have zones.
    pub zones: Vec<ZoneRow<'a>>,
    /// VIPs whose first two nodes are in one zone.
    pub within_zone: usize,
}

/// A VIP, its numbers and its failover order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VipRow<'a> {
    /// The VIP.
    pub address: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: &'a Label,
    /// The gateway of its replies, where it has one.
    pub gateway: Option<&'a Label>,
    /// Virtual router id.
    pub vrid: u8,
    /// Routing table, or null without a gateway.
    pub table: Option<u32>,
    /// Priority of its `from` rules, or null without a gateway.
    pub rule_priority: Option<u32>,
    /// Packet mark, or null without one.
    pub mark: Option<u32>,
    /// Priority of its `fwmark` rules, or null without a mark.
    pub mark_rule_priority: Option<u32>,
    /// Extra addresses that have another gateway than the addresses before them, each with the numbers of its network.
    pub networks: Vec<NetworkRow>,
    /// The holder while every node is up, or null if nobody holds it.
    pub master: Option<&'a Subdomain>,
    /// The nodes that hold it, in standby order.
    pub order: Vec<Rank<'a>>,
}

/// A further network of a VIP, and its numbers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NetworkRow {
    /// The first of its extra addresses there.
    pub address: IpAddr,
    /// Routing table.
    pub table: u32,
    /// Priority of its `from` rules.
    pub rule_priority: u32,
    /// Packet mark, or null without one.
    pub mark: Option<u32>,
    /// Priority of its `fwmark` rules, or null without a mark.
    pub mark_rule_priority: Option<u32>,
}

impl NetworkRow {
    fn of(numbers: &RoutingNumbers) -> Self {
        Self {
            address: numbers.address,
            table: numbers.table,
            rule_priority: numbers.rule_priority,
            mark: numbers.mark.map(|mark| mark.value),
            mark_rule_priority: numbers.mark.map(|mark| mark.rule_priority),
        }
    }
}

/// A node's place in a failover order.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rank<'a> {
    /// The name of the node.
    pub node: &'a Subdomain,
    /// Its VRRP priority.
    pub priority: u8,
}

/// A node and what it holds while every node is up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NodeRow<'a> {
    /// The name of the node.
    pub node: &'a Subdomain,
    /// Failure domain.
    pub zone: Option<&'a Label>,
    /// `active`, `draining` or `maintenance`.
    pub state: &'static str,
    /// Share of VIPs; 0 while it takes none.
    pub weight: u32,
    /// The number of VIPs that it holds.
    pub vips: usize,
    /// The most that it would hold, were VIPs spread evenly; null while it takes none.
    pub bound: Option<usize>,
}

/// A zone and what its nodes hold while every node is up.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ZoneRow<'a> {
    /// Its name.
    pub zone: &'a Label,
    /// The VIPs that its nodes hold.
    pub vips: usize,
    /// The most that they would hold, were VIPs spread evenly.
    pub bound: usize,
    /// The excess of the node furthest over its share, once the zone has failed too.
    pub over_without: usize,
    /// The same for the VIPs of each entrypoint.
    pub entrypoints: Vec<EntrypointInZone<'a>>,
}

/// The VIPs of an entrypoint in a zone.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EntrypointInZone<'a> {
    /// The traffic that they are for.
    pub entrypoint: &'a Label,
    /// The VIPs that nodes of the zone hold.
    pub vips: usize,
    /// The most that they would hold, were VIPs spread evenly.
    pub bound: usize,
}

impl<'a> ZoneRow<'a> {
    /// The zones of a placement.
    pub fn of(plan: &'a Plan, simulator: &Simulator<'a>, placement: &Placement<'a>) -> Vec<Self> {
        let with_vips =
            |entrypoint: &&Label| plan.vips.iter().any(|vip| vip.entrypoint == **entrypoint);
        let by_entrypoint: Vec<(&Label, Vec<ZoneLoad<'_>>)> = plan
            .entrypoints
            .iter()
            .filter(with_vips)
            .map(|entrypoint| (entrypoint, simulator.zones(placement, Some(entrypoint))))
            .collect();
        let all = simulator.zones(placement, None).into_iter().enumerate();
        all.map(|(index, ZoneLoad { zone, vips, bound })| Self {
            zone,
            vips,
            bound,
            over_without: {
                let inside = plan.nodes.iter().filter(|node| node.zone.as_ref() == Some(zone));
                let mut without = placement.scenario.clone();
                without.failed.extend(inside.map(|node| node.node.clone()));
                Placement::of(simulator, &without, System::Lbgen).over
            },
            entrypoints: by_entrypoint
                .iter()
                .map(|(entrypoint, loads)| EntrypointInZone {
                    entrypoint,
                    vips: loads[index].vips,
                    bound: loads[index].bound,
                })
                .collect(),
        })
        .collect()
    }
}

/// The worst case of a number of failures.
#[derive(Debug, Serialize, JsonSchema)]
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
    /// The sets of so many nodes whose failure puts a node over its share.
    pub sets_over: usize,
    /// The nodes that failed.
    pub failed: Vec<Subdomain>,
}

impl<'a> Orders<'a> {
    /// Builds the rows of a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let simulator = Simulator::of(plan);
        let now = Placement::of(&simulator, &Scenario::default(), System::Lbgen);
        let shares: BTreeMap<&Subdomain, usize> = simulator.shares(&now.scenario).collect();
        let mut nodes: Vec<NodeRow<'_>> = plan
            .nodes
            .iter()
            .map(|node| NodeRow {
                node: &node.node,
                zone: node.zone.as_ref(),
                state: node.state.word(),
                weight: node.weight,
                vips: now.loads[&node.node],
                bound: shares.get(&node.node).copied(),
            })
            .collect();
        nodes.sort_by(|a, b| natural(a.node.as_str(), b.node.as_str()));
        Self {
            datacenter: &plan.datacenter,
            vips: plan.vips.iter().map(VipRow::of).collect(),
            nodes,
            worst: (0..=FAILURES)
                .filter_map(|count| WorstRow::of(plan, &simulator, count))
                .collect(),
            zones: ZoneRow::of(plan, &simulator, &now),
            within_zone: within_zone(plan),
        }
    }
}

impl<'a> VipRow<'a> {
    fn of(vip: &'a crate::plan::VipPlan) -> Self {
        let routing = vip.numbers.routing();
        let mark = routing.and_then(|routing| routing.mark);
        Self {
            address: vip.address,
            entrypoint: &vip.entrypoint,
            gateway: vip.gateway.as_ref(),
            vrid: vip.numbers.vrid,
            table: routing.map(|routing| routing.table),
            rule_priority: routing.map(|routing| routing.rule_priority),
            mark: mark.map(|mark| mark.value),
            mark_rule_priority: mark.map(|mark| mark.rule_priority),
            networks: vip.numbers.networks.iter().skip(1).map(NetworkRow::of).collect(),
            master: vip.master(),
            order: vip
                .order
                .iter()
                .map(|standing| Rank { node: &standing.node, priority: standing.priority })
                .collect(),
        }
    }
}

impl WorstRow {
    fn of(plan: &Plan, simulator: &Simulator<'_>, failures: usize) -> Option<Self> {
        let mut worst = Worst::new(1);
        let mut sets_over = 0;
        for scenario in sets(plan, &Scenario::default(), failures) {
            let placement = Placement::of(simulator, &scenario, System::Lbgen);
            sets_over += usize::from(placement.over > 0);
            worst.add(placement);
        }
        let worst = worst.first()?;
        Some(Self {
            failures,
            load: worst.load,
            bound: worst.bound,
            over: worst.over,
            unheld: worst.unheld,
            sets_over,
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
        [first, second, ..] => {
            zone(&first.node).is_some_and(|first| zone(&second.node) == Some(first))
        }
        _ => false,
    });
    within.count()
}
