//! Recording and alerting rules (Prometheus, "Alerting rules").

use std::collections::BTreeMap;

use serde::Serialize;

use crate::plan::{Alert, MonitoringPlan, Recording};

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

/// The label of an alert that waits longer while a rollout is under way: of two rules with one name, promtool wants their
/// labels to differ.
pub(super) const DURING_ROLLOUT: (&str, &str) = ("during", "rollout");

/// The rules of a datacenter; `digests` are those of the nodes' configuration.
pub(super) fn rules(plan: &MonitoringPlan, digests: &BTreeMap<&str, String>) -> Rules {
    let configured = digests.iter().map(|(node, digest)| {
        let datacenter = plan.datacenter.as_str();
        let labels = [("datacenter", datacenter), ("digest", digest), ("node", node)];
        Recording::constant("lbgen:config_planned", labels)
    });
    let recorded = plan.recordings.iter().cloned().chain(configured).map(record);
    let rules = recorded.chain(plan.alerts.iter().map(|found| alert(plan, found))).collect();
    Rules { groups: vec![Group { name: format!("lbgen-{}", plan.datacenter), rules }] }
}

fn record(recording: Recording) -> Rule {
    let labels = recording.labels.into_iter();
    Rule {
        record: Some(recording.name),
        alert: None,
        expr: recording.expr,
        after: None,
        labels: labels.map(|(name, value)| (name.to_owned(), value)).collect(),
        annotations: BTreeMap::new(),
    }
}

fn alert(plan: &MonitoringPlan, alert: &Alert) -> Rule {
    Rule {
        record: None,
        alert: Some(alert.name),
        expr: alert.expr.clone(),
        after: alert.time(),
        labels: labels(plan, alert),
        annotations: annotations(alert),
    }
}

/// The labels of a rule: its severity, the rollout that it waits for, and those of the inventory.
pub(super) fn labels(plan: &MonitoringPlan, alert: &Alert) -> BTreeMap<String, String> {
    let own = plan.settings.labels.iter();
    let mut labels: BTreeMap<String, String> =
        own.map(|(name, value)| (name.to_string(), value.to_string())).collect();
    labels.insert("severity".to_owned(), alert.severity.word().to_owned());
    if let Some(delay) = alert.preempt_delay {
        labels.insert("preempt_delay".to_owned(), delay.as_secs().to_string());
    }
    if alert.during_rollout {
        let (name, value) = DURING_ROLLOUT;
        labels.insert(name.to_owned(), value.to_owned());
    }
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
