//! The holder of each VIP in a scenario, and the one before.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use super::orders::ZoneRow;
use crate::model::Subdomain;
use crate::plan::Plan;
use crate::plan::simulate::{Placement, Scenario, Simulator};

/// A scenario and what it does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlacementRow<'a> {
    /// Nodes that are gone.
    pub failed: Vec<&'a Subdomain>,
    /// Nodes that are drained.
    pub drained: Vec<&'a Subdomain>,
    /// `entrypoint@node`
    pub unhealthy: Vec<String>,
    /// The most VIPs on one node.
    pub load: usize,
    /// The most that a node would hold, were they spread evenly.
    pub bound: usize,
    /// The excess of the node furthest over its share.
    pub over: usize,
    /// VIPs that nobody holds.
    pub unheld: usize,
    /// By node.
    pub loads: &'a BTreeMap<&'a Subdomain, usize>,
    /// By name, where nodes have zones.
    pub zones: Vec<ZoneRow<'a>>,
    /// By address.
    pub vips: Vec<VipPlacement<'a>>,
}

/// A VIP in a scenario.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VipPlacement<'a> {
    /// The VIP.
    pub address: IpAddr,
    /// The holder, or null if nobody holds it.
    pub holder: Option<&'a Subdomain>,
    /// The holder before, or null if nobody held it.
    pub before: Option<&'a Subdomain>,
    /// True if the holder is another one than before.
    pub moved: bool,
    /// The seconds that it stays where it was, before it moves (`preempt`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after: Option<u64>,
}

/// A VIP that moves.
#[derive(Debug)]
pub struct Move<'a> {
    /// Its index in the plan.
    pub vip: usize,
    /// The node that held it, or null if nobody did.
    pub from: Option<&'a Subdomain>,
    /// The time that it stays there before it moves.
    pub after: Option<Duration>,
}

impl<'a> Move<'a> {
    /// Returns the VIPs that move between two placements of one election.
    pub fn all(
        simulator: &Simulator<'a>,
        before: &Placement<'a>,
        now: &Placement<'a>,
    ) -> Vec<Move<'a>> {
        now.moved(before)
            .into_iter()
            .map(|vip| {
                let (from, to) = (before.holders[vip], now.holders[vip]);
                let after = from
                    .zip(to)
                    .and_then(|(from, to)| simulator.wait(vip, &now.scenario, from, to));
                Move { vip, from, after }
            })
            .collect()
    }
}

impl<'a> PlacementRow<'a> {
    /// A placement beside the one before it.
    pub fn of(
        plan: &'a Plan,
        simulator: &Simulator<'a>,
        before: &'a Placement<'a>,
        now: &'a Placement<'a>,
    ) -> Self {
        let moves = Move::all(simulator, before, now);
        let vips = plan.vips.iter().enumerate().map(|(index, vip)| {
            let moved = moves.iter().find(|moved| moved.vip == index);
            VipPlacement {
                address: vip.address,
                holder: now.holders[index],
                before: before.holders[index],
                moved: moved.is_some(),
                after: moved.and_then(|moved| moved.after).map(|after| after.as_secs()),
            }
        });
        Self {
            failed: now.scenario.failed.iter().collect(),
            drained: now.scenario.drained.iter().collect(),
            unhealthy: unhealthy(&now.scenario),
            load: now.load,
            bound: now.bound,
            over: now.over,
            unheld: now.unheld,
            loads: &now.loads,
            zones: ZoneRow::of(plan, simulator, now),
            vips: vips.collect(),
        }
    }
}

fn unhealthy(scenario: &Scenario) -> Vec<String> {
    scenario.unhealthy.iter().map(|(entrypoint, node)| format!("{entrypoint}@{node}")).collect()
}

/// Describes what is wrong in a scenario, for a person.
pub fn scenario_name(scenario: &Scenario) -> String {
    let mut parts: Vec<String> = scenario.failed.iter().map(ToString::to_string).collect();
    parts.extend(scenario.drained.iter().map(|node| format!("{node} (drained)")));
    parts.extend(unhealthy(scenario));
    if parts.is_empty() { "-".to_owned() } else { parts.join(" ") }
}
