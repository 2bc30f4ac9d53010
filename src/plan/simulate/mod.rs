//! Who holds each VIP when nodes fail: the election of VRRP, from the priorities, weights and tracking of the instances
//! as they are rendered.

mod compare;
mod tally;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;

pub use compare::System;
pub use tally::{Placement, sets, worst};

use super::{Instance, NodePlan, Plan};

/// What is wrong in a datacenter.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Nodes that are gone.
    pub failed: BTreeSet<String>,
    /// Nodes with 1 in their drain file.
    pub drained: BTreeSet<String>,
    /// Entrypoint and node without a ready pod of it.
    pub unhealthy: BTreeSet<(String, String)>,
}

impl Scenario {
    /// Some nodes gone, nothing else.
    pub fn failed<'a>(nodes: impl IntoIterator<Item = &'a str>) -> Self {
        Self { failed: nodes.into_iter().map(str::to_owned).collect(), ..Self::default() }
    }

    /// Whether nothing that the node may hold would be held by it while another node is healthy.
    fn has_no_share(&self, node: &NodePlan) -> bool {
        let unhealthy = |instance: &Instance| {
            instance.track.is_some()
                && self
                    .unhealthy
                    .iter()
                    .any(|(entrypoint, at)| *entrypoint == instance.entrypoint && *at == node.node)
        };
        self.is_out(&node.node) || node.instances.iter().all(unhealthy)
    }

    /// Whether a node takes part in no election.
    pub fn is_out(&self, node: &str) -> bool {
        self.failed.contains(node) || self.drained.contains(node)
    }
}

/// A plan, prepared for many elections.
#[derive(Debug)]
pub struct Simulator<'a> {
    plan: &'a Plan,
    /// For each VIP, the nodes with an instance of it, the best first while all are healthy.
    candidates: Vec<Vec<Candidate<'a>>>,
    /// For each group of VIPs, how many there are, and the nodes that may hold them.
    groups: Vec<(usize, Vec<&'a NodePlan>)>,
}

/// An instance of a VIP.
#[derive(Debug)]
struct Candidate<'a> {
    node: &'a str,
    instance: &'a Instance,
}

impl<'a> Simulator<'a> {
    /// Prepares a plan.
    pub fn of(plan: &'a Plan) -> Self {
        let index = |vip: &IpAddr| plan.vips.binary_search_by_key(vip, |vip| vip.address).ok();
        let mut candidates: Vec<Vec<Candidate<'a>>> =
            plan.vips.iter().map(|_| Vec::new()).collect();
        let last = plan.vips.iter().map(|vip| vip.group).max();
        let mut groups = vec![(0, Vec::new()); last.map_or(0, |last| last + 1)];
        for vip in &plan.vips {
            groups[vip.group].0 += 1;
        }
        for node in &plan.nodes {
            for instance in &node.instances {
                if let Some(index) = index(&instance.vip) {
                    candidates[index].push(Candidate { node: &node.node, instance });
                }
            }
            let first = node.instances.first().and_then(|instance| index(&instance.vip));
            if let Some(vip) = first {
                groups[plan.vips[vip].group].1.push(node);
            }
        }
        for candidates in &mut candidates {
            candidates.sort_by_key(|candidate| Reverse(rank(candidate.instance, false)));
        }
        Self { plan, candidates, groups }
    }

    /// The holder of each VIP of the plan, in its order; `None` where nobody holds it. Elections have settled, and every
    /// instance that may preempt has.
    pub fn elect(&self, scenario: &Scenario) -> Vec<Option<&'a str>> {
        self.candidates.iter().map(|candidates| elected(candidates, scenario)).collect()
    }
}

/// Which of the instances of a VIP is MASTER.
fn elected<'a>(candidates: &[Candidate<'a>], scenario: &Scenario) -> Option<&'a str> {
    let mut live = candidates.iter().filter(|found| !scenario.is_out(found.node));
    if scenario.unhealthy.is_empty() {
        return live.next().map(|found| found.node);
    }
    let ranked = live.filter_map(|found| {
        let at = (found.instance.entrypoint.clone(), found.node.to_owned());
        Some((rank(found.instance, scenario.unhealthy.contains(&at))?, found.node))
    });
    ranked.max().map(|(_, node)| node)
}

/// Effective priority, then address (RFC 9568, 6.4.3).
type Rank = (u8, IpAddr);

/// What an instance brings to the election; `None` is FAULT.
fn rank(instance: &Instance, unhealthy: bool) -> Option<Rank> {
    let weight = match (&instance.track, unhealthy) {
        (Some(track), true) if track.weight == 0 => return None,
        (Some(track), true) => track.weight,
        _ => 0,
    };
    // keepalived keeps effective priorities from 1 to 254.
    let effective = (i16::from(instance.priority) + weight).clamp(1, 254);
    Some((u8::try_from(effective).unwrap_or(1), instance.source))
}
