//! Recording rules: the plan as series, and the metrics in one form, whoever exports them.

use std::collections::BTreeMap;

use super::Watched;
use crate::language::word::MetricsForm;
use crate::model::{Label, Subdomain};
use crate::plan::{Check, Instance};

/// A recording rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recording {
    /// `lbgen:vip_held`
    pub name: &'static str,
    /// PromQL.
    pub expr: String,
    /// Those that the series gets beside the expression's.
    pub labels: BTreeMap<&'static str, String>,
}

/// Standby orders are recorded to this rank.
const RANKS: usize = 2;

impl Recording {
    /// A series of the plan, whose value is 1.
    pub fn constant<'a>(
        name: &'static str,
        labels: impl IntoIterator<Item = (&'static str, &'a str)>,
    ) -> Self {
        let labels = labels.into_iter().map(|(name, value)| (name, value.to_owned()));
        Self { name, expr: "vector(1)".to_owned(), labels: labels.collect() }
    }

    fn of(name: &'static str, expr: String) -> Self {
        Self { name, expr, labels: BTreeMap::new() }
    }

    /// The VIPs at their nodes, and the nodes.
    pub(super) fn planned(datacenter: &Label, vips: &[Watched], nodes: &[Subdomain]) -> Vec<Self> {
        let datacenter = datacenter.as_str();
        let mut all = Vec::new();
        for watched in vips {
            let vip = watched.vip.to_string();
            let delay = watched.delay.as_secs().to_string();
            for (index, node) in watched.order.iter().take(RANKS).enumerate() {
                let rank = (index + 1).to_string();
                let labels = [
                    ("datacenter", datacenter),
                    ("entrypoint", watched.entrypoint.as_str()),
                    ("node", node.as_str()),
                    ("preempt_delay", delay.as_str()),
                    ("rank", rank.as_str()),
                    ("vip", vip.as_str()),
                ];
                all.push(Self::constant("lbgen:vip_planned", labels));
            }
        }
        all.extend(nodes.iter().map(|node| {
            let labels = [("datacenter", datacenter), ("node", node.as_str())];
            Self::constant("lbgen:node_planned", labels)
        }));
        all
    }

    /// The metrics of a form as the alerts read them.
    pub(super) fn seen(form: MetricsForm, datacenter: &Label) -> Vec<Self> {
        let own = format!("datacenter=\"{datacenter}\"");
        let planned = format!("on (datacenter, node) lbgen:node_planned{{{own}}}");
        match form {
            MetricsForm::Textfile => {
                // The textfile collector serves a file for ever, and a node in maintenance wakes nobody.
                let reports = format!("on (datacenter, node) lbgen:node_reports{{{own}}}");
                vec![
                    Self::of(
                        "lbgen:node_reports",
                        format!(
                            "time() - max by (datacenter, node) (lbgen_report_timestamp_seconds{{{own}}}) < 120"
                        ),
                    ),
                    Self::of(
                        "lbgen:vip_held",
                        format!(
                            "max by (datacenter, node, vip) (lbgen_vip_held{{{own}}}) and {reports}"
                        ),
                    ),
                    Self::of(
                        "lbgen:check_healthy",
                        format!(
                            "max by (datacenter, entrypoint, node) (lbgen_check_healthy{{{own}}}) and {reports} and {planned}"
                        ),
                    ),
                    Self::of(
                        "lbgen:keepalived_up",
                        format!(
                            "max by (datacenter, node) (lbgen_keepalived_up{{{own}}}) and {reports} and {planned}"
                        ),
                    ),
                    Self::of(
                        "lbgen:drained",
                        format!(
                            "max by (datacenter, node) (lbgen_drained{{{own}}}) and {reports} and {planned}"
                        ),
                    ),
                    Self::of(
                        "lbgen:rollout_claimed",
                        format!(
                            "max by (datacenter) ((lbgen_rollout_claimed_timestamp_seconds{{{own}}} > 0) and {reports})"
                        ),
                    ),
                ]
            }
            MetricsForm::KeepalivedExporter => vec![
                Self::of(
                    "lbgen:vip_held",
                    format!(
                        "max by (datacenter, node, vip) ({} == bool 2)",
                        with_vip(&format!("keepalived_vrrp_state{{{own}}}"))
                    ),
                ),
                Self::of(
                    "lbgen:check_healthy",
                    format!(
                        "max by (datacenter, entrypoint, node) (label_replace(keepalived_script_status{{{own}, name=~\"{prefix}.+\"}}, \"entrypoint\", \"$1\", \"name\", \"{prefix}(.+)\")) and {planned}",
                        prefix = Check::PREFIX,
                    ),
                ),
                Self::of(
                    "lbgen:keepalived_up",
                    format!("max by (datacenter, node) (keepalived_up{{{own}}}) and {planned}"),
                ),
            ],
            MetricsForm::None => Vec::new(),
        }
    }
}

/// A metric of keepalived_exporter with the VIP that its instance is called after.
pub(super) fn with_vip(metric: &str) -> String {
    let prefix = Instance::PREFIX;
    format!("label_replace({metric}, \"vip\", \"$1\", \"iname\", \"{prefix}(.+)\")")
}
