//! The evenness of a placement, and the worst of many.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Scenario, Simulator, System};
use crate::model::Subdomain;
use crate::plan::{NodePlan, Plan, bound};

/// The holders of all VIPs in a scenario, and the loads of the nodes.
#[derive(Debug, Clone)]
pub struct Placement<'a> {
    /// The scenario that it is for.
    pub scenario: Scenario,
    /// The holder of each VIP, in the order of the plan.
    pub holders: Vec<Option<&'a Subdomain>>,
    /// The number of VIPs on each node, for every node of the plan.
    pub loads: BTreeMap<&'a Subdomain, usize>,
    /// The most VIPs on one node.
    pub load: usize,
    /// The most that a node would hold if VIPs were spread in shares of weight, the largest over all groups.
    pub bound: usize,
    /// The excess of the node furthest over its own share.
    pub over: usize,
    /// The node furthest over its own share, or `None` if no node is over.
    pub furthest: Option<&'a Subdomain>,
    /// VIPs that nobody holds.
    pub unheld: usize,
}

impl<'a> Placement<'a> {
    /// Returns the placement that a system makes in a scenario.
    pub fn of(simulator: &Simulator<'a>, scenario: &Scenario, system: System) -> Self {
        let holders = system.elect(simulator, scenario);
        let nodes = simulator.plan.nodes.iter();
        let mut loads: BTreeMap<&'a Subdomain, usize> = nodes.map(|node| (&node.node, 0)).collect();
        for holder in holders.iter().flatten() {
            *loads.entry(holder).or_default() += 1;
        }
        let (mut largest, mut over, mut furthest) = (0, 0, None);
        for (node, share) in simulator.shares(scenario) {
            largest = largest.max(share);
            let excess = loads[node].saturating_sub(share);
            if excess > over {
                (over, furthest) = (excess, Some(node));
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

impl<'a> Simulator<'a> {
    /// The nodes that share VIPs in a scenario, each with the most that it would hold if they were spread in shares of
    /// weight.
    pub fn shares(&self, scenario: &Scenario) -> impl Iterator<Item = (&'a Subdomain, usize)> {
        self.groups.iter().flat_map(|(vips, members)| {
            let alive = sharing(members, scenario);
            let weight: u32 = alive.iter().map(|(_, weight)| weight).sum();
            alive.into_iter().map(move |(node, share)| (&node.node, bound(*vips, share, weight)))
        })
    }
}

/// The nodes that share VIPs in a scenario, each with its weight: draining and unhealthy nodes hold something only where
/// there are no others.
pub(super) fn sharing<'a>(
    members: &[&'a NodePlan],
    scenario: &Scenario,
) -> Vec<(&'a NodePlan, u32)> {
    let live = || members.iter().copied().filter(|node| !scenario.is_out(&node.node));
    let shares: Vec<(&NodePlan, u32)> = live()
        .filter(|node| node.weight > 0 && !scenario.has_no_share(node))
        .map(|node| (node, node.weight))
        .collect();
    if shares.is_empty() { live().map(|node| (node, 1)).collect() } else { shares }
}

/// Every set of exactly `failures` of the nodes that take part, on top of `base`, one after the other.
pub fn sets<'a>(
    plan: &'a Plan,
    base: &'a Scenario,
    failures: usize,
) -> impl Iterator<Item = Scenario> + 'a {
    let names: Vec<&Subdomain> = plan
        .nodes
        .iter()
        .filter(|node| !node.instances.is_empty() && !base.is_out(&node.node))
        .map(|node| &node.node)
        .collect();
    let first = (failures <= names.len()).then(|| (0..failures).collect::<Vec<usize>>());
    let combinations = std::iter::successors(first, {
        let count = names.len();
        move |chosen| next_combination(chosen, count)
    });
    combinations.map(move |chosen| {
        let mut set = base.clone();
        set.failed.extend(chosen.into_iter().map(|index| names[index].clone()));
        set
    })
}

/// The combination of indices below `count` that follows, in rising order.
fn next_combination(chosen: &[usize], count: usize) -> Option<Vec<usize>> {
    let last = chosen.len();
    let place = (0..last).rev().find(|place| chosen[*place] < count - (last - place))?;
    let mut next = chosen.to_vec();
    next[place] += 1;
    for after in place + 1..last {
        next[after] = next[after - 1] + 1;
    }
    Some(next)
}

/// The worst of many placements: VIPs that nobody holds first, then the node furthest over its share, then the highest
/// load. Of equal ones the first counts as worse.
#[derive(Debug)]
pub struct Worst<'a> {
    most: usize,
    kept: Vec<(usize, Placement<'a>)>,
    seen: usize,
}

impl<'a> Worst<'a> {
    /// Keeps at most this many.
    pub fn new(most: usize) -> Self {
        Self { most, kept: Vec::new(), seen: 0 }
    }

    /// Looks at one.
    pub fn add(&mut self, placement: Placement<'a>) {
        self.kept.push((self.seen, placement));
        self.seen += 1;
        if self.kept.len() > 2 * self.most {
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.kept.sort_by_key(badness);
        self.kept.truncate(self.most);
    }

    /// Returns the number of placements looked at.
    pub fn seen(&self) -> usize {
        self.seen
    }

    /// The worst of all, where there is one.
    pub fn first(&self) -> Option<&Placement<'a>> {
        self.kept.iter().min_by_key(|entry| badness(entry)).map(|(_, placement)| placement)
    }

    /// All of them in the order in which they came; the worst first, where they are too many to keep.
    pub fn into_placements(mut self) -> Vec<Placement<'a>> {
        if self.seen > self.most {
            self.sort();
        }
        self.kept.into_iter().map(|(_, placement)| placement).collect()
    }
}

fn badness((index, placement): &(usize, Placement<'_>)) -> (Reverse<(usize, usize, usize)>, usize) {
    (Reverse((placement.unheld, placement.over, placement.load)), *index)
}
