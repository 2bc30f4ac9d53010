//! Recording and alerting rules (Prometheus, "Alerting rules").

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::language::word::MetricsForm;
use crate::plan::{Alert, MonitoringPlan};

/// A file of rules.
#[derive(Serialize)]
pub(super) struct Rules {
    groups: Vec<Group>,
}

/// Rules that are evaluated one after the other: alerts read what was recorded in the same round.
#[derive(Serialize)]
struct Group {
    name: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
struct Rule {
    #[serde(skip_serializing_if = "Option::is_none")]
    record: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    alert: Option<&'static str>,
    expr: String,
    #[serde(rename = "for", skip_serializing_if = "Option::is_none")]
    after: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    labels: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

/// The label of an alert while a rollout is under way.
pub(super) const DURING_ROLLOUT: (&str, &str) = ("during", "rollout");

/// Standby orders are recorded to this rank.
const RANKS: usize = 2;

/// The rules of a datacenter; `digests` are those of the nodes' configuration.
pub(super) fn rules(plan: &MonitoringPlan, digests: &BTreeMap<&str, String>) -> Rules {
    let mut all = planned(plan, digests);
    all.extend(seen(plan));
    all.extend(plan.alerts.iter().flat_map(|alert| alerts(plan, alert)));
    Rules { groups: vec![Group { name: format!("lbgen-{}", plan.datacenter), rules: all }] }
}

fn record(record: &'static str, expr: impl Into<String>, labels: &[(&str, &str)]) -> Rule {
    let labels = labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Rule {
        record: Some(record),
        alert: None,
        expr: expr.into(),
        after: None,
        labels: labels.collect(),
        annotations: BTreeMap::new(),
    }
}

/// The plan as series.
fn planned(plan: &MonitoringPlan, digests: &BTreeMap<&str, String>) -> Vec<Rule> {
    let datacenter = plan.datacenter.as_str();
    let mut all = Vec::new();
    for watched in &plan.vips {
        let vip = watched.vip.to_string();
        for (index, node) in watched.order.iter().take(RANKS).enumerate() {
            let rank = (index + 1).to_string();
            let labels = [
                ("datacenter", datacenter),
                ("entrypoint", watched.entrypoint.as_str()),
                ("node", node.as_str()),
                ("rank", rank.as_str()),
                ("vip", vip.as_str()),
            ];
            all.push(record("lbgen:vip_planned", "vector(1)", &labels));
        }
    }
    for node in &plan.nodes {
        let labels = [("datacenter", datacenter), ("node", node.as_str())];
        all.push(record("lbgen:node_planned", "vector(1)", &labels));
    }
    for (node, digest) in digests.iter().filter(|_| is_ours(plan)) {
        let labels = [("datacenter", datacenter), ("digest", digest.as_str()), ("node", *node)];
        all.push(record("lbgen:config_planned", "vector(1)", &labels));
    }
    all
}

fn is_ours(plan: &MonitoringPlan) -> bool {
    plan.settings.metrics == MetricsForm::Textfile
}

/// The metrics in one form, whoever exports them.
fn seen(plan: &MonitoringPlan) -> Vec<Rule> {
    let own = format!("datacenter=\"{}\"", plan.datacenter);
    match plan.settings.metrics {
        MetricsForm::Textfile => vec![
            record(
                "lbgen:vip_held",
                format!("max by (datacenter, node, vip) (lbgen_vip_held{{{own}}})"),
                &[],
            ),
            record(
                "lbgen:check_healthy",
                format!("max by (datacenter, entrypoint, node) (lbgen_check_healthy{{{own}}})"),
                &[],
            ),
            record(
                "lbgen:keepalived_up",
                format!("max by (datacenter, node) (lbgen_keepalived_up{{{own}}})"),
                &[],
            ),
            record(
                "lbgen:drained",
                format!("max by (datacenter, node) (lbgen_drained{{{own}}})"),
                &[],
            ),
            record(
                "lbgen:rollout_claimed",
                format!(
                    "max by (datacenter) (lbgen_rollout_claimed_timestamp_seconds{{{own}}}) > 0"
                ),
                &[],
            ),
        ],
        MetricsForm::KeepalivedExporter => {
            let vip = |metric: &str| {
                format!(
                    "label_replace({metric}{{{own}}}, \"vip\", \"$1\", \"iname\", \"load-balancer-(.+)\")"
                )
            };
            vec![
                record(
                    "lbgen:vip_held",
                    format!(
                        "max by (datacenter, node, vip) ({} == bool 2)",
                        vip("keepalived_vrrp_state")
                    ),
                    &[],
                ),
                record(
                    "lbgen:check_healthy",
                    format!(
                        "min by (datacenter, entrypoint, node) ({} * on (datacenter, vip) group_left (entrypoint) max by (datacenter, entrypoint, vip) (lbgen:vip_planned{{{own}}}))",
                        vip("keepalived_exporter_check_script_status")
                    ),
                    &[],
                ),
                record(
                    "lbgen:keepalived_up",
                    format!("max by (datacenter, node) (keepalived_up{{{own}}})"),
                    &[],
                ),
            ]
        }
        MetricsForm::None => Vec::new(),
    }
}

/// One rule, or two where a rollout may cause it: the second waits longer while one is under way.
fn alerts(plan: &MonitoringPlan, alert: &Alert) -> Vec<Rule> {
    let rule = |expr: String, after: Duration| Rule {
        record: None,
        alert: Some(alert.name),
        expr,
        after: (!after.is_zero()).then(|| duration(after)),
        labels: labels(plan, alert),
        annotations: annotations(alert),
    };
    let during = |rule: Rule| {
        let (name, value) = DURING_ROLLOUT;
        let labels = rule.labels.into_iter().chain([(name.to_owned(), value.to_owned())]);
        Rule { labels: labels.collect(), ..rule }
    };
    if !alert.waits || !is_ours(plan) {
        return vec![rule(alert.expr.clone(), alert.after)];
    }
    let claimed = format!("lbgen:rollout_claimed{{datacenter=\"{}\"}}", plan.datacenter);
    let (expr, longer) = (&alert.expr, alert.after.max(Alert::DURING_ROLLOUT));
    vec![
        rule(format!("({expr}) unless on (datacenter) {claimed}"), alert.after),
        during(rule(format!("({expr}) and on (datacenter) {claimed}"), longer)),
    ]
}

/// The labels of a rule: its severity, and those of the inventory.
pub(super) fn labels(plan: &MonitoringPlan, alert: &Alert) -> BTreeMap<String, String> {
    let own = plan.settings.labels.iter();
    let mut labels: BTreeMap<String, String> =
        own.map(|(name, value)| (name.to_string(), value.to_string())).collect();
    labels.insert("severity".to_owned(), alert.severity.word().to_owned());
    labels
}

/// The texts for whom it wakes.
pub(super) fn annotations(alert: &Alert) -> BTreeMap<&'static str, String> {
    BTreeMap::from([
        ("summary", alert.summary.to_owned()),
        ("description", alert.description.to_owned()),
        ("next", alert.next.to_owned()),
        ("runbook", format!("docs/alerts.md#{}", alert.name.to_lowercase())),
    ])
}

/// As Prometheus writes durations.
pub(super) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds if seconds % 3600 == 0 => format!("{}h", seconds / 3600),
        seconds if seconds % 60 == 0 => format!("{}m", seconds / 60),
        seconds => format!("{seconds}s"),
    }
}
