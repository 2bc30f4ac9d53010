//! Sets of failures, by the simulator: who holds each VIP in them, and which alerts that must raise.

use std::collections::{BTreeMap, BTreeSet};

use super::{MonitoringPlan, Raised, Severity};
use crate::model::Subdomain;
use crate::plan::Plan;
use crate::plan::simulate::{Scenario, Simulator};

/// A set of failures.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Case {
    /// The failures.
    pub scenario: Scenario,
    /// The holder of each VIP, in the order of the plan.
    pub holders: Vec<Option<Subdomain>>,
    /// Alerts that fire, once their time is over and before a slow one's is.
    pub raised: BTreeSet<Raised>,
}

impl Case {
    /// Each node dead, the two best of each VIP dead, each entrypoint unhealthy everywhere, all drained.
    pub(in crate::plan) fn all(plan: &Plan, monitoring: &MonitoringPlan) -> Vec<Self> {
        let simulator = Simulator::of(plan);
        let nodes = monitoring.nodes.iter();
        let mut scenarios: Vec<Scenario> = nodes.map(|node| Scenario::failed([node])).collect();
        let pairs: BTreeSet<[&Subdomain; 2]> = monitoring
            .vips
            .iter()
            .filter_map(|vip| {
                let mut pair = [vip.order.first()?, vip.order.get(1)?];
                pair.sort_unstable();
                Some(pair)
            })
            .collect();
        scenarios.extend(pairs.into_iter().map(Scenario::failed));
        for entrypoint in monitoring.checked() {
            let on = monitoring.checks.iter().filter(|(_, other)| other == entrypoint);
            let unhealthy = on.map(|(node, _)| (entrypoint.clone(), node.clone())).collect();
            scenarios.push(Scenario { unhealthy, ..Scenario::default() });
        }
        let drained = monitoring.nodes.iter().cloned().collect();
        scenarios.push(Scenario { drained, ..Scenario::default() });
        scenarios
            .into_iter()
            .map(|scenario| {
                let holders = simulator.elect(&scenario);
                let holders: Vec<Option<Subdomain>> =
                    holders.into_iter().map(Option::<&Subdomain>::cloned).collect();
                let raised = raised(monitoring, &scenario, &holders);
                Self { scenario, holders, raised }
            })
            .collect()
    }

    /// Returns true if a node reports.
    pub fn is_up(&self, node: &Subdomain) -> bool {
        !self.scenario.failed.contains(node)
    }
}

/// The alerts that are right.
fn raised(
    monitoring: &MonitoringPlan,
    scenario: &Scenario,
    holders: &[Option<Subdomain>],
) -> BTreeSet<Raised> {
    let mut found = BTreeSet::new();
    let mut add = |alert, severity: Severity, labels: &[(&'static str, &str)]| {
        let own = [("datacenter", monitoring.datacenter.as_str()), ("severity", severity.word())];
        let all = labels.iter().copied().chain(own);
        let labels: BTreeMap<&'static str, String> =
            all.map(|(name, value)| (name, value.to_owned())).collect();
        found.insert(Raised { alert, labels });
    };
    for (vip, holder) in monitoring.vips.iter().zip(holders) {
        if holder.is_none() {
            let address = vip.vip.to_string();
            let labels = [("vip", address.as_str()), ("entrypoint", vip.entrypoint.as_str())];
            add("LbgenVipUnheld", Severity::Critical, &labels);
        }
    }
    for node in &scenario.failed {
        add("LbgenNodeSilent", Severity::Warning, &[("node", node.as_str())]);
    }
    let unhealthy = scenario.unhealthy.iter();
    for (entrypoint, node) in unhealthy.filter(|(_, node)| !scenario.failed.contains(node)) {
        let labels = [("entrypoint", entrypoint.as_str()), ("node", node.as_str())];
        add("LbgenEntrypointUnhealthy", Severity::Warning, &labels);
    }
    for entrypoint in monitoring.checked() {
        let mut reporting = monitoring
            .checks
            .iter()
            .filter(|(node, other)| other == entrypoint && !scenario.failed.contains(node))
            .peekable();
        let is_reported = reporting.peek().is_some();
        if is_reported && reporting.all(|(node, _)| scenario.is_unhealthy(entrypoint, node)) {
            let labels = [("entrypoint", entrypoint.as_str())];
            add("LbgenEntrypointUnhealthy", Severity::Critical, &labels);
        }
    }
    found
}
