//! The monitoring of the front end: who writes metrics, and what becomes of them.

use std::collections::BTreeMap;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{AlertLabel, AlertLabelValue, Directory, Name};
use crate::language::word::{MetricsForm, RulesForm, Switch};
use crate::source::Span;

/// `monitoring:`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Monitoring {
    /// The source of the metrics of a node.
    pub metrics: MetricsForm,
    /// The place of `metrics`, or `None` if it is not written.
    pub metrics_span: Option<Span>,
    /// The directory of the node exporter's textfile collector.
    pub directory: Directory,
    /// The place of `directory`, or `None` if it is not written.
    pub directory_span: Option<Span>,
    /// The form of the rules.
    pub rules: RulesForm,
    /// The labels that every alert has beside ours.
    pub labels: BTreeMap<AlertLabel, AlertLabelValue>,
    /// The place of the first label.
    pub labels_span: Option<Span>,
    /// True if there is a dashboard.
    pub has_dashboard: bool,
}

/// Labels that the rules set themselves.
const OURS: [&str; 9] = [
    "alertname",
    "alertstate",
    "datacenter",
    "during",
    "entrypoint",
    "node",
    "preempt_delay",
    "severity",
    "vip",
];

/// The directory of Debian's node exporter (prometheus-node-exporter, `--collector.textfile.directory`).
const DIRECTORY: &str = "/var/lib/prometheus/node-exporter";

pub(super) fn build(
    raw: Option<&raw::Monitoring>,
    report: &mut Report,
) -> Option<Option<Monitoring>> {
    let Some(raw) = raw else { return Some(None) };
    let metrics = raw.metrics.as_ref();
    let metrics =
        metrics.map_or(Some(MetricsForm::Textfile), |raw| value::word(raw, "metrics", report));
    let directory = match &raw.directory {
        Some(raw) => value::name_of(raw, "a directory", report),
        None => Directory::parse(DIRECTORY),
    };
    let rules = raw.rules.as_ref();
    let rules = rules.map_or(Some(RulesForm::File), |raw| value::word(raw, "rules", report));
    let dashboard = raw.dashboard.as_ref();
    let dashboard = dashboard.map_or(Some(Switch::On), |raw| value::word(raw, "dashboard", report));
    let mut labels = BTreeMap::new();
    let mut are_right = true;
    for (name, entry) in raw.labels.iter().flatten() {
        let key: Option<AlertLabel> = value::name(name, entry.key, "a label of an alert", report);
        let key = key.filter(|_| {
            let is_ours = OURS.contains(&name.as_str());
            if is_ours {
                let title = format!("every alert has the label `{name}` from its rule");
                let listed = OURS.join("`, `");
                report.push(
                    Diagnostic::new(&codes::NAME, entry.key, title, "set twice")
                        .help(format!("choose another name than `{listed}`")),
                );
            }
            !is_ours
        });
        let written = entry.value.as_ref();
        let value = written.and_then(|raw| value::name_of(raw, "the value of a label", report));
        match key.zip(value) {
            Some((key, value)) => _ = labels.insert(key, value),
            None => are_right = false,
        }
    }
    let (metrics, directory, rules) = (metrics?, directory?, rules?);
    let has_dashboard = dashboard? == Switch::On;
    are_right.then_some(Some(Monitoring {
        metrics,
        metrics_span: raw.metrics.as_ref().map(|raw| raw.span),
        directory,
        directory_span: raw.directory.as_ref().map(|raw| raw.span),
        rules,
        labels,
        labels_span: raw.labels.iter().flatten().next().map(|(_, entry)| entry.key),
        has_dashboard,
    }))
}
