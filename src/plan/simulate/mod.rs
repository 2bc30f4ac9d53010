//! The holders of VIPs when nodes fail: the election of VRRP, from the priorities, weights and tracking of the
//! instances as they are rendered.

mod compare;
mod tally;
mod zone;

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

pub use compare::System;
pub use tally::{Placement, Worst, sets};
pub use zone::ZoneLoad;

use super::{Instance, NodePlan, Plan, Unhealthy};
use crate::model::{Label, Preempt, Subdomain};

/// A set of failures in a datacenter: nodes gone, drained or without a ready pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scenario {
    /// Nodes that are gone.
    pub failed: BTreeSet<Subdomain>,
    /// Nodes with 1 in their drain file.
    pub drained: BTreeSet<Subdomain>,
    /// Entrypoint and node without a ready pod of it.
    pub unhealthy: BTreeSet<(Label, Subdomain)>,
}

impl Scenario {
    /// Some nodes gone, nothing else.
    pub fn failed<'a>(nodes: impl IntoIterator<Item = &'a Subdomain>) -> Self {
        Self { failed: nodes.into_iter().cloned().collect(), ..Self::default() }
    }

    /// Returns true if the node would hold none of the VIPs that it may hold while another node is healthy.
    fn has_no_share(&self, node: &NodePlan) -> bool {
        let unhealthy = |instance: &Instance| {
            instance.track.is_some() && self.is_unhealthy(&instance.entrypoint, &node.node)
        };
        self.is_out(&node.node) || node.instances.iter().all(unhealthy)
    }

    /// Returns true if a node takes part in no election.
    pub fn is_out(&self, node: &Subdomain) -> bool {
        self.failed.contains(node) || self.drained.contains(node)
    }

    /// Returns true if an entrypoint has no ready pod on a node.
    pub fn is_unhealthy(&self, entrypoint: &Label, node: &Subdomain) -> bool {
        self.unhealthy.iter().any(|(other, at)| other == entrypoint && at == node)
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
    node: &'a Subdomain,
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
    pub fn elect(&self, scenario: &Scenario) -> Vec<Option<&'a Subdomain>> {
        self.candidates.iter().map(|candidates| elected(candidates, scenario)).collect()
    }

    /// The holders after those of before: a VIP that is not preempted stays where it is while its holder is able to hold it.
    pub fn elect_after(
        &self,
        before: &[Option<Subdomain>],
        scenario: &Scenario,
    ) -> Vec<Option<&'a Subdomain>> {
        let elected = self.elect(scenario);
        self.candidates
            .iter()
            .zip(elected)
            .zip(before)
            .map(|((candidates, elected), before)| {
                let holder = candidates.iter().find(|found| Some(found.node) == before.as_ref());
                let stays = holder.filter(|found| {
                    let unhealthy = scenario.is_unhealthy(&found.instance.entrypoint, found.node);
                    found.instance.preempt == Preempt::Never
                        && !scenario.is_out(found.node)
                        && rank(found.instance, unhealthy).is_some()
                });
                stays.map_or(elected, |found| Some(found.node))
            })
            .collect()
    }

    /// Returns the time that a VIP stays on `from` before `to` takes it in `scenario`, or `None` if it moves at once: a
    /// MASTER that only loses priority is preempted no sooner than the other one's `preempt_delay`.
    pub fn wait(
        &self,
        vip: usize,
        scenario: &Scenario,
        from: &Subdomain,
        to: &Subdomain,
    ) -> Option<Duration> {
        let instance = |node: &Subdomain| {
            self.candidates[vip].iter().find(|found| found.node == node).map(|found| found.instance)
        };
        let (old, new) = (instance(from)?, instance(to)?);
        let holds_on = !scenario.is_out(from)
            && matches!(old.track, Some(Unhealthy::Lose(_)))
            && scenario.is_unhealthy(&old.entrypoint, from);
        match new.preempt {
            Preempt::After(delay) if holds_on => Some(delay),
            _ => None,
        }
    }
}

/// Returns the node whose instance of a VIP is MASTER, or `None` if there is none.
fn elected<'a>(candidates: &[Candidate<'a>], scenario: &Scenario) -> Option<&'a Subdomain> {
    let mut live = candidates.iter().filter(|found| !scenario.is_out(found.node));
    if scenario.unhealthy.is_empty() {
        return live.next().map(|found| found.node);
    }
    let ranked = live.filter_map(|found| {
        let unhealthy = scenario.is_unhealthy(&found.instance.entrypoint, found.node);
        Some((rank(found.instance, unhealthy)?, found.node))
    });
    ranked.max().map(|(_, node)| node)
}

/// Effective priority, then address (RFC 9568, 6.4.3).
type Rank = (u8, IpAddr);

/// Returns the rank of an instance in the election, or `None` in FAULT.
fn rank(instance: &Instance, unhealthy: bool) -> Option<Rank> {
    let lost = match (instance.track, unhealthy) {
        (Some(Unhealthy::Fault), true) => return None,
        (Some(Unhealthy::Lose(lost)), true) => lost,
        _ => 0,
    };
    // keepalived keeps effective priorities from 1 to 254.
    Some((instance.priority.saturating_sub(lost).max(1), instance.source))
}
