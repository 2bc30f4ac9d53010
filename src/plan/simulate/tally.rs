//! How even a placement is, and the worst of many.

use std::collections::BTreeMap;

use super::{Scenario, Simulator, System};
use crate::plan::{NodePlan, Plan, bound};

/// Who holds what in a scenario.
#[derive(Debug, Clone)]
pub struct Placement<'a> {
    /// What is wrong.
    pub scenario: Scenario,
    /// The holder of each VIP, in the order of the plan.
    pub holders: Vec<Option<&'a str>>,
    /// How many VIPs each node holds, every node of the plan.
    pub loads: BTreeMap<&'a str, usize>,
    /// The most VIPs on one node.
    pub load: usize,
    /// The most that a node would hold if VIPs were spread in shares of weight, the largest over all groups.
    pub bound: usize,
    /// By how much the node furthest over its own share exceeds it.
    pub over: usize,
    /// That node, where there is one.
    pub furthest: Option<&'a str>,
    /// VIPs that nobody holds.
    pub unheld: usize,
}

impl<'a> Placement<'a> {
    /// What a system makes of a scenario.
    pub fn of(simulator: &Simulator<'a>, scenario: &Scenario, system: System) -> Self {
        let holders = system.elect(simulator, scenario);
        let nodes = simulator.plan.nodes.iter();
        let mut loads: BTreeMap<&'a str, usize> =
            nodes.map(|node| (node.node.as_str(), 0)).collect();
        for holder in holders.iter().flatten() {
            *loads.entry(holder).or_default() += 1;
        }
        let (mut largest, mut over, mut furthest) = (0, 0, None);
        for (vips, members) in &simulator.groups {
            // Draining and unhealthy nodes hold something only where there are no others.
            let live = |node: &&&NodePlan| !scenario.is_out(&node.node);
            let mut alive: Vec<(&NodePlan, u32)> = members
                .iter()
                .filter(live)
                .filter(|node| node.weight > 0 && !scenario.has_no_share(node))
                .map(|node| (*node, node.weight))
                .collect();
            if alive.is_empty() {
                alive = members.iter().filter(live).map(|node| (*node, 1)).collect();
            }
            let weight: u32 = alive.iter().map(|(_, weight)| weight).sum();
            for (node, share) in alive {
                let share = bound(*vips, share, weight);
                largest = largest.max(share);
                let excess = loads[node.node.as_str()].saturating_sub(share);
                if excess > over {
                    (over, furthest) = (excess, Some(node.node.as_str()));
                }
            }
        }
        Self {
            scenario: scenario.clone(),
            load: loads.values().copied().max().unwrap_or(0),
            bound: largest,
            over,
            furthest,
            unheld: holders.iter().filter(|holder| holder.is_none()).count(),
            holders,
            loads,
        }
    }

    /// VIPs that are held by another node than in `before`, by index.
    pub fn moved(&self, before: &Placement<'_>) -> Vec<usize> {
        (0..self.holders.len()).filter(|vip| self.holders[*vip] != before.holders[*vip]).collect()
    }
}

/// Every set of exactly `failures` of the nodes that take part, on top of `base`.
pub fn sets(plan: &Plan, base: &Scenario, failures: usize) -> Vec<Scenario> {
    let names: Vec<&str> = plan
        .nodes
        .iter()
        .filter(|node| !node.instances.is_empty() && !base.is_out(&node.node))
        .map(|node| node.node.as_str())
        .collect();
    let mut found = vec![(0, base.clone())];
    for _ in 0..failures {
        found = found
            .into_iter()
            .flat_map(|(next, set)| {
                names[next..].iter().enumerate().map(move |(offset, name)| {
                    let mut set = set.clone();
                    set.failed.insert((*name).to_owned());
                    (next + offset + 1, set)
                })
            })
            .collect();
    }
    found.into_iter().map(|(_, set)| set).collect()
}

/// The worst of some placements: VIPs that nobody holds, then the node furthest over its share, then the highest load.
pub fn worst<'p, 'a: 'p>(
    placements: impl IntoIterator<Item = &'p Placement<'a>>,
) -> Option<&'p Placement<'a>> {
    let mut worst: Option<&Placement<'a>> = None;
    for placement in placements {
        let key = |placement: &Placement<'_>| (placement.unheld, placement.over, placement.load);
        if worst.is_none_or(|worst| key(placement) > key(worst)) {
            worst = Some(placement);
        }
    }
    worst
}
