//! The first node of each VIP's order: spread evenly over the nodes and over the zones, the VIPs of each entrypoint as
//! well as all of them.
//!
//! VIPs of one entrypoint that may be on the same nodes are a class. Each is a unit that flows from its class to a zone,
//! to a node of it, and through that node and its zone to the end: so every count that has a bound is the flow over
//! one arc, and whole VIPs fit wherever fractions of them do.

use std::collections::{BTreeMap, BTreeSet};

use super::Keep;
use super::flow::{Cost, Network};
use super::load::{bound, bound_of_groups};
use super::part::{Candidate, Part};

/// The measures of a cost, the gravest first.
mod measure {
    /// VIPs above the share of a node.
    pub const NODE: usize = 0;
    /// VIPs above the share of a zone.
    pub const ZONE: usize = 1;
    /// VIPs of a class above the share of a zone,
    pub const ZONE_OF_CLASS: usize = 2;
    /// and of a node.
    pub const NODE_OF_CLASS: usize = 3;
    /// VIPs that leave their MASTER.
    pub const MOVES: usize = 4;
    /// Unevenness below the bounds: sums of squares, by weight.
    pub const ROUGH_NODE_OF_CLASS: usize = 5;
    pub const ROUGH_NODE: usize = 6;
    pub const ROUGH_ZONE_OF_CLASS: usize = 7;
    pub const ROUGH_ZONE: usize = 8;
    /// The place of the node, so that equal ways have an order.
    pub const PLACE: usize = 9;
}

/// A place with a share of VIPs.
#[derive(Clone, Copy)]
struct Share {
    /// The most VIPs that it may hold.
    bound: usize,
    weight: u32,
    /// The measures of what is above the bound, and of unevenness below it.
    measures: (usize, usize),
}

impl Share {
    /// The cost of one VIP more, the `count`th.
    fn toll(self, count: usize) -> Cost {
        let mut cost = Cost::default();
        cost[self.measures.0] = i64::from(count > self.bound);
        cost[self.measures.1] = squares(count, self.weight);
        cost
    }
}

/// The growth of a sum of squares with the `count`th VIP, for a weight.
fn squares(count: usize, weight: u32) -> i64 {
    (2 * count as i64 - 1) * (1 << 20) / i64::from(weight.max(1))
}

/// VIPs of one entrypoint in one part of the datacenter that may be on the same nodes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Class {
    part: usize,
    entrypoint: usize,
    nodes: Vec<usize>,
}

/// The VIPs of a class.
#[derive(Default)]
struct Members {
    /// By node: VIPs that stay on it whatever is best.
    fixed: BTreeMap<usize, usize>,
    /// By node: VIPs that are on it, and may move.
    held: BTreeMap<usize, Vec<usize>>,
    /// VIPs without a node.
    new: Vec<usize>,
}

impl Members {
    fn count(&self) -> usize {
        self.fixed.values().sum::<usize>() + self.free()
    }

    fn free(&self) -> usize {
        self.new.len() + self.held.values().map(Vec::len).sum::<usize>()
    }
}

/// Gives every VIP its first node: those that are new, and with [`Keep::Masters`] as few others as the bounds ask for.
pub fn choose(parts: &mut [Part], keep: Keep) {
    let mut classes: BTreeMap<Class, Members> = BTreeMap::new();
    for (index, part) in parts.iter_mut().enumerate() {
        for (vip, (candidate, order)) in part.vips.iter().zip(&mut part.orders).enumerate() {
            let Candidate { entrypoint, nodes, .. } = candidate;
            let class = Class { part: index, entrypoint: *entrypoint, nodes: nodes.clone() };
            let members = classes.entry(class).or_default();
            let is_fixed = candidate.pinned || !candidate.prefer.is_empty();
            if order.is_empty() {
                order.extend(candidate.prefer.first());
            }
            match order.first() {
                Some(node) if is_fixed || keep == Keep::Locked => {
                    *members.fixed.entry(*node).or_default() += 1;
                }
                Some(node) => members.held.entry(*node).or_default().push(vip),
                None => members.new.push(vip),
            }
        }
    }
    if classes.values().all(|members| members.free() == 0) {
        return;
    }
    let chosen = spread(parts, &classes);
    for ((class, members), counts) in classes.iter().zip(chosen) {
        let part = &mut parts[class.part];
        for (vip, node) in members.assign(counts) {
            let order = &mut part.orders[vip];
            order.retain(|other| *other != node);
            order.insert(0, node);
        }
    }
}

/// The free VIPs that each node gets, by class.
fn spread(parts: &[Part], classes: &BTreeMap<Class, Members>) -> Vec<BTreeMap<usize, usize>> {
    let mut network = Network::default();
    let end = network.point();
    let zones = zones(parts);
    // The arcs of nodes and zones, which VIPs of all classes take.
    let zone_points: BTreeMap<usize, usize> = zones
        .iter()
        .map(|(zone, share)| {
            let fixed = classes.iter().map(|(class, members)| {
                let inside = |node: &usize| parts[class.part].zones[*node] == *zone;
                members
                    .fixed
                    .iter()
                    .filter(|(node, _)| inside(node))
                    .map(|(_, fixed)| fixed)
                    .sum::<usize>()
            });
            let point = network.point();
            let share = *share;
            network.arc((point, end), fixed.sum(), move |count| share.toll(count));
            (*zone, point)
        })
        .collect();
    let node_points: Vec<Vec<usize>> = parts
        .iter()
        .enumerate()
        .map(|(index, part)| {
            let points = (0..part.nodes()).map(|node| {
                let of_part = classes.iter().filter(|(class, _)| class.part == index);
                let fixed = of_part.filter_map(|(_, members)| members.fixed.get(&node)).sum();
                let share = Share {
                    bound: part.bound(node, &[]),
                    weight: part.weights[node],
                    measures: (measure::NODE, measure::ROUGH_NODE),
                };
                let point = network.point();
                network.arc((point, zone_points[&part.zones[node]]), fixed, move |count| {
                    share.toll(count)
                });
                point
            });
            points.collect()
        })
        .collect();
    let mut arcs: Vec<BTreeMap<usize, usize>> = Vec::new();
    for (class, members) in classes {
        let part = &parts[class.part];
        let start = network.point();
        let weight = |nodes: &[usize]| nodes.iter().map(|node| part.weights[*node]).sum::<u32>();
        let share = |weight_here: u32, measures: (usize, usize)| Share {
            bound: bound(members.count(), weight_here, weight(&class.nodes)),
            weight: weight_here,
            measures,
        };
        let mut by_zone: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for node in &class.nodes {
            by_zone.entry(part.zones[*node]).or_default().push(*node);
        }
        let mut over_node = BTreeMap::new();
        for nodes in by_zone.values() {
            let point = network.point();
            let fixed = |node: &usize| members.fixed.get(node).copied().unwrap_or(0);
            let in_zone =
                share(weight(nodes), (measure::ZONE_OF_CLASS, measure::ROUGH_ZONE_OF_CLASS));
            let sum = nodes.iter().map(fixed).sum();
            network.arc((start, point), sum, move |count| in_zone.toll(count));
            for node in nodes {
                let on_node = share(
                    part.weights[*node],
                    (measure::NODE_OF_CLASS, measure::ROUGH_NODE_OF_CLASS),
                );
                let (fixed, place) = (fixed(node), *node as i64);
                let stays = fixed + members.held.get(node).map_or(0, Vec::len);
                let arc =
                    network.arc((point, node_points[class.part][*node]), fixed, move |count| {
                        let mut cost = on_node.toll(count);
                        cost[measure::MOVES] = i64::from(count > stays);
                        cost[measure::PLACE] = place;
                        cost
                    });
                over_node.insert(*node, arc);
            }
        }
        for _ in 0..members.free() {
            network.send(start, end);
        }
        arcs.push(over_node);
    }
    let free = |members: &Members, arcs: &BTreeMap<usize, usize>| {
        let fixed = |node| members.fixed.get(node).copied().unwrap_or(0);
        arcs.iter().map(|(node, arc)| (*node, network.flow(*arc) - fixed(node))).collect()
    };
    classes.values().zip(&arcs).map(|(members, arcs)| free(members, arcs)).collect()
}

/// The share of each zone of the VIPs of all parts.
fn zones(parts: &[Part]) -> BTreeMap<usize, Share> {
    let all: BTreeSet<usize> = parts.iter().flat_map(|part| part.zones.iter().copied()).collect();
    let share = |zone: usize| {
        let shares = parts.iter().map(|part| {
            let inside = (0..part.nodes()).filter(|node| part.zones[*node] == zone);
            let weight = inside.map(|node| part.weights[node]).sum();
            (part.vips.len(), weight, part.weights.iter().sum())
        });
        Share {
            bound: bound_of_groups(shares.clone()),
            weight: shares.map(|(_, weight, _)| weight).sum(),
            measures: (measure::ZONE, measure::ROUGH_ZONE),
        }
    };
    all.into_iter().map(|zone| (zone, share(zone))).collect()
}

impl Members {
    /// The VIPs that go to a node on which they are not, with it, so that each node gets as many as it should have.
    fn assign(&self, counts: BTreeMap<usize, usize>) -> Vec<(usize, usize)> {
        let mut leaving = self.new.clone();
        let mut wanted: Vec<(usize, usize)> = Vec::new();
        for (node, count) in counts {
            let held = self.held.get(&node).map_or(&[][..], Vec::as_slice);
            leaving.extend(&held[..held.len().saturating_sub(count)]);
            wanted.push((node, count.saturating_sub(held.len())));
        }
        leaving.sort_unstable();
        // In turns: VIPs with neighbouring addresses are on different nodes.
        let most = wanted.iter().map(|(_, count)| *count).max().unwrap_or(0);
        let turns = (0..most).flat_map(|turn| {
            wanted.iter().filter(move |(_, count)| *count > turn).map(|(node, _)| *node)
        });
        leaving.into_iter().zip(turns).collect()
    }
}
