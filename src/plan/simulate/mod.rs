//! Who holds each VIP when nodes fail: the election of VRRP, from the priorities, weights and tracking of the instances
//! as they are rendered.

mod compare;
mod tally;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

pub use compare::System;
pub use tally::{Placement, sets, worst};

use super::{Instance, Plan};

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

    /// Whether a node takes part in no election.
    pub fn is_out(&self, node: &str) -> bool {
        self.failed.contains(node) || self.drained.contains(node)
    }
}

/// The holder of each VIP of the plan, in its order; `None` where nobody holds it. Elections have settled, and every
/// instance that may preempt has.
pub fn elect(plan: &Plan, scenario: &Scenario) -> Vec<Option<String>> {
    let mut best: BTreeMap<IpAddr, (Rank, &str)> = BTreeMap::new();
    for node in plan.nodes.iter().filter(|node| !scenario.is_out(&node.node)) {
        for instance in &node.instances {
            let unhealthy = scenario
                .unhealthy
                .iter()
                .any(|(entrypoint, at)| *entrypoint == instance.entrypoint && *at == node.node);
            let Some(rank) = rank(instance, unhealthy) else { continue };
            if best.get(&instance.vip).is_none_or(|(other, _)| rank > *other) {
                best.insert(instance.vip, (rank, &node.node));
            }
        }
    }
    plan.vips.iter().map(|vip| best.get(&vip.address).map(|(_, node)| (*node).to_owned())).collect()
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
