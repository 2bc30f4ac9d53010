//! How even a placement is, and the worst of many.

use std::collections::BTreeMap;

use super::{Scenario, System};
use crate::plan::{NodePlan, Plan, bound};

/// Who holds what in a scenario.
#[derive(Debug, Clone)]
pub struct Placement {
    /// What is wrong.
    pub scenario: Scenario,
    /// The holder of each VIP, in the order of the plan.
    pub holders: Vec<Option<String>>,
    /// How many VIPs each node holds, every node of the plan.
    pub loads: BTreeMap<String, usize>,
    /// The most VIPs on one node.
    pub load: usize,
    /// The most that a node would hold if VIPs were spread in shares of weight, the largest over all groups.
    pub bound: usize,
    /// By how much the node furthest over its own share exceeds it.
    pub over: usize,
    /// VIPs that nobody holds.
    pub unheld: usize,
}

impl Placement {
    /// What a system makes of a scenario.
    pub fn of(plan: &Plan, scenario: &Scenario, system: System) -> Self {
        let holders = system.elect(plan, scenario);
        let mut loads: BTreeMap<String, usize> =
            plan.nodes.iter().map(|node| (node.node.clone(), 0)).collect();
        for holder in holders.iter().flatten() {
            *loads.entry(holder.clone()).or_default() += 1;
        }
        // A node belongs to the group of the VIPs that it may hold; one that is out or takes none has no share.
        let group_of = |node: &NodePlan| {
            let vip = node.instances.first()?.vip;
            let index = plan.vips.binary_search_by_key(&vip, |vip| vip.address).ok()?;
            Some(plan.vips[index].group)
        };
        let mut groups: BTreeMap<usize, (usize, Vec<&NodePlan>)> = BTreeMap::new();
        for vip in &plan.vips {
            groups.entry(vip.group).or_default().0 += 1;
        }
        for node in plan.nodes.iter().filter(|node| node.weight > 0 && !scenario.is_out(&node.node))
        {
            if let Some(group) = group_of(node) {
                groups.entry(group).or_default().1.push(node);
            }
        }
        let (mut largest, mut over) = (0, 0);
        for (vips, members) in groups.into_values() {
            let alive: u32 = members.iter().map(|node| node.weight).sum();
            for node in members {
                let share = bound(vips, node.weight, alive);
                largest = largest.max(share);
                over = over.max(loads[&node.node].saturating_sub(share));
            }
        }
        Self {
            scenario: scenario.clone(),
            load: loads.values().copied().max().unwrap_or(0),
            bound: largest,
            over,
            unheld: holders.iter().filter(|holder| holder.is_none()).count(),
            holders,
            loads,
        }
    }

    /// VIPs that are held by another node than in `before`, by index.
    pub fn moved(&self, before: &Placement) -> Vec<usize> {
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
pub fn worst<'a>(placements: impl IntoIterator<Item = &'a Placement>) -> Option<&'a Placement> {
    let mut worst: Option<&Placement> = None;
    for placement in placements {
        let key = |placement: &Placement| (placement.unheld, placement.over, placement.load);
        if worst.is_none_or(|worst| key(placement) > key(worst)) {
            worst = Some(placement);
        }
    }
    worst
}
