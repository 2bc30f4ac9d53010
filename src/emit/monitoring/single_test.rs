//! The unit test of each alert by itself: when it fires, and when it does not yet.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::rule::DURING_ROLLOUT;
use super::unit_test::{Input, STEP, Test};
use crate::language::word::MetricsForm;
use crate::plan::{Alert, MonitoringPlan};

/// One test for each alert that sets of failures do not raise, with the first VIP and its best nodes.
pub(super) fn tests(plan: &MonitoringPlan, digests: &BTreeMap<&str, String>) -> Vec<Test> {
    let mut all = vec![held_twice(plan), flapping(plan), down(plan)];
    let delays: BTreeSet<Duration> = plan.vips.iter().map(|vip| vip.delay).collect();
    all.extend(delays.into_iter().map(|delay| elsewhere(plan, delay)));
    if plan.settings.metrics == MetricsForm::Textfile {
        all.extend([
            routing(plan, "LbgenPolicyRoutingMissing", "missing"),
            routing(plan, "LbgenPolicyRoutingForeign", "foreign"),
            config(plan, digests, "LbgenConfigNotLoaded"),
            config(plan, digests, "LbgenConfigDrift"),
            drained(plan),
            stuck(plan),
            during_rollout(plan),
        ]);
    }
    all.into_iter().flatten().collect()
}

/// The minutes of the last evaluation at which an alert still waits, and of the one at which it fires.
fn waits(plan: &MonitoringPlan, alert: &str) -> [usize; 2] {
    let found = plan.alerts.iter().find(|found| found.name == alert && !found.during_rollout);
    steps(found.map_or(0, |found| found.after.as_secs()))
}

fn steps(seconds: u64) -> [usize; 2] {
    let steps = usize::try_from(seconds.div_ceil(60)).unwrap_or(usize::MAX).div_ceil(STEP).max(1);
    [(steps - 1) * STEP, steps * STEP]
}

/// As long as it takes.
fn always(value: bool, minutes: usize) -> Vec<Option<bool>> {
    vec![Some(value); minutes / STEP + 1]
}

fn number(value: &str, minutes: usize) -> String {
    format!("{value}x{}", minutes / STEP)
}

fn held_twice(plan: &MonitoringPlan) -> Option<Test> {
    let vip = plan.vips.iter().find(|vip| vip.order.len() > 1)?;
    let mut input = Input::of(plan);
    for node in vip.order.iter().take(2) {
        input.held(vip, node, &always(true, 10));
    }
    let address = vip.vip.to_string();
    let fired = vec![
        ("datacenter", plan.datacenter.as_str()),
        ("entrypoint", vip.entrypoint.as_str()),
        ("severity", "critical"),
        ("vip", address.as_str()),
    ];
    Some(input.test("LbgenVipHeldTwice", &[(0, vec![]), (STEP, vec![fired])]))
}

/// The second node holds a VIP, and the first is well.
fn elsewhere(plan: &MonitoringPlan, delay: Duration) -> Option<Test> {
    let alert = "LbgenVipNotWherePlanned";
    let vip = plan.vips.iter().find(|vip| vip.delay == delay && vip.order.len() > 1)?;
    let (first, second) = (vip.order.first()?, vip.order.get(1)?);
    let [before, fires] = steps((Alert::NOT_WHERE_PLANNED + delay).as_secs());
    let mut input = Input::of(plan);
    input.held(vip, first, &always(false, fires));
    input.held(vip, second, &always(true, fires));
    input.up(first, &always(true, fires));
    let (address, seconds) = (vip.vip.to_string(), delay.as_secs().to_string());
    let fired = vec![
        ("datacenter", plan.datacenter.as_str()),
        ("entrypoint", vip.entrypoint.as_str()),
        ("node", first.as_str()),
        ("preempt_delay", seconds.as_str()),
        ("severity", "warning"),
        ("vip", address.as_str()),
    ];
    Some(input.test(alert, &[(before, vec![]), (fires, vec![fired])]))
}

/// Three moves in six minutes.
fn flapping(plan: &MonitoringPlan) -> Option<Test> {
    let vip = plan.vips.iter().find(|vip| vip.order.len() > 1)?;
    let mut input = Input::by_minute(plan);
    for (index, node) in vip.order.iter().take(2).enumerate() {
        let at = |minute: usize| Some(((minute / 2).min(3) + index).is_multiple_of(2));
        let held: Vec<Option<bool>> = (0..=10).map(at).collect();
        input.held(vip, node, &held);
    }
    let address = vip.vip.to_string();
    let fired = vec![
        ("datacenter", plan.datacenter.as_str()),
        ("severity", "warning"),
        ("vip", address.as_str()),
    ];
    Some(input.test("LbgenVipFlapping", &[(5, vec![]), (10, vec![fired])]))
}

fn down(plan: &MonitoringPlan) -> Option<Test> {
    let node = plan.nodes.first()?;
    let mut input = Input::of(plan);
    input.up(node, &always(false, STEP));
    let fired = of_node(plan, node.as_str(), "critical");
    Some(input.test("LbgenKeepalivedDown", &[(0, vec![]), (STEP, vec![fired])]))
}

fn of_node<'a>(
    plan: &'a MonitoringPlan,
    node: &'a str,
    severity: &'a str,
) -> Vec<(&'a str, &'a str)> {
    vec![("datacenter", plan.datacenter.as_str()), ("node", node), ("severity", severity)]
}

fn routing(plan: &MonitoringPlan, alert: &'static str, state: &str) -> Option<Test> {
    let node = plan.nodes.first()?;
    let mut input = Input::of(plan);
    input.up(node, &always(true, STEP));
    let node = node.as_str();
    for known in ["present", "missing", "absent", "foreign"] {
        let found = if known == "absent" || known == state { "3" } else { "0" };
        let values = number(found, STEP);
        input.add("lbgen_policy_routing_entries", node, &[("state", known)], values);
    }
    let severity = if state == "missing" { "critical" } else { "warning" };
    let fired = of_node(plan, node, severity);
    Some(input.test(alert, &[(0, vec![]), (STEP, vec![fired])]))
}

/// The file is the plan's and keepalived has another one loaded, or has loaded the file, which is not the plan's.
fn config(
    plan: &MonitoringPlan,
    digests: &BTreeMap<&str, String>,
    alert: &'static str,
) -> Option<Test> {
    let first = plan.nodes.first()?;
    let node = first.as_str();
    let planned = digests.get(node)?.as_str();
    let (digest, loaded) = match alert {
        "LbgenConfigDrift" => ("another", "another"),
        _ => (planned, "another"),
    };
    let [before, fires] = waits(plan, alert);
    let mut input = Input::of(plan);
    input.up(first, &always(true, fires));
    let labels = [("digest", digest), ("loaded", loaded)];
    input.add("lbgen_config_info", node, &labels, number("1", fires));
    let fired = of_node(plan, node, "warning");
    Some(input.test(alert, &[(before, vec![]), (fires, vec![fired])]))
}

fn drained(plan: &MonitoringPlan) -> Option<Test> {
    let alert = "LbgenDrainedTooLong";
    let node = plan.nodes.first()?;
    let [before, fires] = waits(plan, alert);
    let mut input = Input::of(plan);
    input.drained(node, &always(true, fires));
    let fired = of_node(plan, node.as_str(), "warning");
    Some(input.test(alert, &[(before, vec![]), (fires, vec![fired])]))
}

/// Claimed at the second after the epoch, from which promtool counts.
fn stuck(plan: &MonitoringPlan) -> Option<Test> {
    let node = plan.nodes.first()?;
    let mut input = Input::of(plan);
    input.up(node, &always(true, 65));
    let node = node.as_str();
    input.add("lbgen_rollout_claimed_timestamp_seconds", node, &[], number("1", 65));
    let fired = of_node(plan, node, "warning");
    Some(input.test("LbgenRolloutStuck", &[(60, vec![]), (65, vec![fired])]))
}

/// While a rollout is under way, an alert that it can cause waits.
fn during_rollout(plan: &MonitoringPlan) -> Option<Test> {
    let node = plan.nodes.first()?;
    let [before, fires] = steps(Alert::DURING_ROLLOUT.as_secs());
    let mut input = Input::of(plan);
    input.up(node, &always(false, fires));
    let claimed = "lbgen_rollout_claimed_timestamp_seconds";
    input.add(claimed, node.as_str(), &[], number("1", fires));
    let mut fired = of_node(plan, node.as_str(), "critical");
    fired.push(DURING_ROLLOUT);
    Some(input.test("LbgenKeepalivedDown", &[(before, vec![]), (fires, vec![fired])]))
}
