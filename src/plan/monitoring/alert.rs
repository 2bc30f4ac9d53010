//! The alerts: what each asks of the metrics, and for how long.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::Watched;
use super::recording::with_vip;
use crate::language::word::MetricsForm;
use crate::model::Label;

/// The attention that an alert asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Somebody must look now.
    Critical,
    /// Somebody must look today.
    Warning,
}

impl Severity {
    /// The value of the label `severity`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
        }
    }
}

/// An alerting rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alert {
    /// `LbgenVipUnheld`
    pub name: &'static str,
    /// The value of its label `severity`.
    pub severity: Severity,
    /// The labels beside `datacenter` that one which fires is known by, where a rollout may cause it and it waits for that.
    pub waits: Option<&'static str>,
    /// The time that a better node waits by itself before it takes its VIPs, where that tells rules of one name apart.
    pub preempt_delay: Option<Duration>,
    /// True if it is the one that waits longer, while a rollout is under way.
    pub during_rollout: bool,
    /// PromQL.
    pub expr: String,
    /// The time for which the expression must hold.
    pub after: Duration,
    /// One line, with `{{ $labels.vip }}` for a label.
    pub summary: &'static str,
    /// Its meaning, for whom it wakes.
    pub description: &'static str,
    /// The command to type next.
    pub next: &'static str,
}

/// An alert that fires.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Raised {
    /// Its name.
    pub alert: &'static str,
    /// The labels that the expression leaves, and `severity`.
    pub labels: BTreeMap<&'static str, String>,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);

impl Alert {
    /// Those that a rollout does not cause.
    const BASE: Self = Self {
        name: "",
        severity: Severity::Warning,
        waits: None,
        preempt_delay: None,
        during_rollout: false,
        expr: String::new(),
        after: Duration::ZERO,
        summary: "",
        description: "",
        next: "",
    };

    /// The time that an alert waits at least while a rollout is under way.
    pub const DURING_ROLLOUT: Duration = Duration::from_secs(10 * 60);

    /// The time that a VIP may be elsewhere, beside the one that its first node waits by itself.
    pub const NOT_WHERE_PLANNED: Duration = Duration::from_secs(10 * 60);

    /// The time for which it must hold, as Prometheus writes it: `24h10m`; `None` where it fires at once.
    pub fn time(&self) -> Option<String> {
        let seconds = self.after.as_secs();
        let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let text: String = parts.map(|(number, unit)| format!("{number}{unit}")).collect();
        (!text.is_empty()).then_some(text)
    }

    /// Every alert that the metrics of a form can raise; twice where a rollout may cause it, and the metrics tell of one.
    pub(super) fn all(form: MetricsForm, datacenter: &Label, vips: &[Watched]) -> Vec<Self> {
        if form == MetricsForm::None {
            return Vec::new();
        }
        let own = format!("datacenter=\"{datacenter}\"");
        let planned = format!(
            "max by (datacenter, entrypoint, vip) (lbgen:vip_planned{{{own}, rank=\"1\"}})"
        );
        let held = held(&own);
        let up = format!("lbgen:keepalived_up{{{own}}}");
        let healthy = format!("lbgen:check_healthy{{{own}}}");
        let mut all = vec![
            Self {
                name: "LbgenVipUnheld",
                severity: Severity::Critical,
                expr: format!("{planned} unless on (datacenter, vip) {held}"),
                after: MINUTE,
                waits: Some("vip"),
                summary: "nobody holds {{ $labels.vip }}",
                description: "No node reports {{ $labels.vip }} of {{ $labels.entrypoint }}: clients do not reach it.",
                next: "lbgen status",
                ..Self::BASE
            },
            Self {
                name: "LbgenVipHeldTwice",
                severity: Severity::Critical,
                expr: format!(
                    "(count by (datacenter, vip) {held} > 1) * on (datacenter, vip) group_left (entrypoint) {planned}"
                ),
                after: MINUTE,
                waits: Some("vip"),
                summary: "more than one node holds {{ $labels.vip }}",
                description: "Two nodes have {{ $labels.vip }} of {{ $labels.entrypoint }}: they do not hear each other's adverts, and connections break at random.",
                next: "lbgen status",
                ..Self::BASE
            },
            Self {
                name: "LbgenEntrypointUnhealthy",
                severity: Severity::Critical,
                expr: format!("max by (datacenter, entrypoint) ({healthy}) == 0"),
                after: MINUTE,
                summary: "no node is healthy for {{ $labels.entrypoint }}",
                description: "The check of {{ $labels.entrypoint }} fails on every node that reports: nothing answers behind its VIPs.",
                next: "lbgen status --kubectl",
                ..Self::BASE
            },
            Self {
                name: "LbgenEntrypointUnhealthy",
                severity: Severity::Warning,
                expr: format!("{healthy} == 0"),
                after: MINUTE,
                summary: "{{ $labels.entrypoint }} is unhealthy on {{ $labels.node }}",
                description: "The check of {{ $labels.entrypoint }} fails on {{ $labels.node }}: its VIPs are on another node, where one can have them.",
                next: "lbgen status --kubectl",
                ..Self::BASE
            },
            Self {
                name: "LbgenKeepalivedDown",
                severity: Severity::Critical,
                expr: format!("{up} == 0"),
                after: MINUTE,
                waits: Some("node"),
                summary: "keepalived is down on {{ $labels.node }}",
                description: "{{ $labels.node }} reports, and its keepalived does not run: one failure less is covered.",
                next: "systemctl status keepalived",
                ..Self::BASE
            },
            Self {
                name: "LbgenNodeSilent",
                severity: Severity::Warning,
                expr: format!(
                    "lbgen:node_planned{{{own}}} unless on (datacenter, node) {}",
                    match form {
                        MetricsForm::Textfile => format!("lbgen:node_reports{{{own}}}"),
                        MetricsForm::KeepalivedExporter | MetricsForm::None => up,
                    }
                ),
                after: MINUTE * 2,
                summary: "{{ $labels.node }} does not report",
                description: "{{ $labels.node }} is in the plan, and its metrics are missing or old.",
                next: "lbgen status",
                ..Self::BASE
            },
            Self {
                name: "LbgenVipFlapping",
                severity: Severity::Warning,
                // Both nodes report a move; what is recorded may miss some.
                expr: format!(
                    "sum by (datacenter, vip) (max by (datacenter, node, vip) ({})) >= 6",
                    changes(form, &own)
                ),
                after: Duration::ZERO,
                waits: Some("vip"),
                summary: "{{ $labels.vip }} moves to and fro",
                description: "{{ $labels.vip }} moved at least three times in ten minutes.",
                next: "journalctl -u keepalived",
                ..Self::BASE
            },
        ];
        all.extend(Self::elsewhere(form, &own, vips));
        if form != MetricsForm::Textfile {
            return all;
        }
        all.extend(Self::of_our_metrics(&own));
        all.into_iter().flat_map(|alert| alert.by_rollout(&own)).collect()
    }

    /// VIPs that another node holds although their first one could: one alert for each time that this one waits by itself.
    fn elsewhere(form: MetricsForm, own: &str, vips: &[Watched]) -> Vec<Self> {
        // The exporter tells no drain from another fault.
        let faulty = match form {
            MetricsForm::KeepalivedExporter => format!(
                " unless on (datacenter, node, vip) ({} == 3)",
                with_vip(&format!("keepalived_vrrp_state{{{own}}}"))
            ),
            MetricsForm::Textfile | MetricsForm::None => String::new(),
        };
        let delays: BTreeSet<Duration> = vips.iter().map(|vip| vip.delay).collect();
        let of_delay = |delay: Duration| Self {
            name: "LbgenVipNotWherePlanned",
            severity: Severity::Warning,
            expr: format!(
                "max by (datacenter, entrypoint, node, vip) (lbgen:vip_planned{{{own}, rank=\"1\", preempt_delay=\"{}\"}} unless on (datacenter, node, vip) {held} and on (datacenter, vip) {held} and on (datacenter, node) (lbgen:keepalived_up{{{own}}} == 1) unless on (datacenter, node) (lbgen:drained{{{own}}} == 1) unless on (datacenter, entrypoint, node) (lbgen:check_healthy{{{own}}} == 0){faulty})",
                delay.as_secs(),
                held = held(own),
            ),
            after: Self::NOT_WHERE_PLANNED + delay,
            waits: Some("node, vip"),
            preempt_delay: Some(delay),
            summary: "{{ $labels.vip }} is not on {{ $labels.node }}",
            description: "{{ $labels.node }} is up, healthy and not drained, and another node holds {{ $labels.vip }} of {{ $labels.entrypoint }}.",
            next: "lbgen status",
            ..Self::BASE
        };
        delays.into_iter().map(of_delay).collect()
    }

    /// The alert alone, or for when no rollout is under way and for when one is. One that fires already goes on when a rollout
    /// begins: that may be the repair.
    fn by_rollout(self, own: &str) -> Vec<Self> {
        let Some(labels) = self.waits else { return vec![self] };
        let claimed = format!("on (datacenter) lbgen:rollout_claimed{{{own}}}");
        let firing = format!(
            "on (datacenter, {labels}) ALERTS{{{own}, alertname=\"{}\", alertstate=\"firing\", during=\"\"}}",
            self.name
        );
        let expr = format!("({})", self.expr);
        vec![
            Self {
                expr: format!("({expr} unless {claimed}) or ({expr} and {firing})"),
                ..self.clone()
            },
            Self {
                expr: format!("({expr} and {claimed}) unless {firing}"),
                after: self.after.max(Self::DURING_ROLLOUT),
                during_rollout: true,
                ..self
            },
        ]
    }

    /// Those that only our script can raise.
    fn of_our_metrics(own: &str) -> [Self; 6] {
        // A node that is silent says nothing of today.
        let reports = format!("on (datacenter, node) lbgen:node_reports{{{own}}}");
        let config = format!("lbgen_config_info{{{own}}}");
        let routing = |state: &str| {
            format!(
                "max by (datacenter, node) (lbgen_policy_routing_entries{{{own}, state=\"{state}\"}}) > 0 and {reports}"
            )
        };
        [
            Self {
                name: "LbgenPolicyRoutingMissing",
                severity: Severity::Critical,
                expr: routing("missing"),
                after: MINUTE * 2,
                waits: Some("node"),
                summary: "rules, routes or marks are missing on {{ $labels.node }}",
                description: "Replies of VIPs on {{ $labels.node }} may leave by the wrong gateway, or not at all.",
                next: "lbgen-policy-routing status",
                ..Self::BASE
            },
            Self {
                name: "LbgenPolicyRoutingForeign",
                severity: Severity::Warning,
                expr: routing("foreign"),
                after: MINUTE * 2,
                waits: Some("node"),
                summary: "rules, routes or marks of others are on {{ $labels.node }}",
                description: "Something beside lbgen wrote into its tables, priorities or marks on {{ $labels.node }}.",
                next: "lbgen-policy-routing status",
                ..Self::BASE
            },
            Self {
                name: "LbgenConfigNotLoaded",
                severity: Severity::Warning,
                expr: format!(
                    "max by (datacenter, node) (lbgen_config_info{{{own}, loaded!=\"\"}} unless on (datacenter, node, digest) label_replace({config}, \"digest\", \"$1\", \"loaded\", \"(.*)\")) and {reports}"
                ),
                after: MINUTE * 2,
                waits: Some("node"),
                summary: "keepalived on {{ $labels.node }} runs another configuration than its file",
                description: "A reload was refused or forgotten on {{ $labels.node }}: the next start changes what it does.",
                next: "/usr/local/libexec/lbgen/loaded --check",
                ..Self::BASE
            },
            Self {
                name: "LbgenConfigDrift",
                severity: Severity::Warning,
                expr: format!(
                    "max by (datacenter, node) ({config} unless on (datacenter, node, digest) lbgen:config_planned{{{own}}}) and {reports}"
                ),
                after: MINUTE * 15,
                waits: Some("node"),
                summary: "keepalived.conf on {{ $labels.node }} is not the plan's",
                description: "Somebody edited it by hand, or a rollout did not reach {{ $labels.node }}.",
                next: "lbgen status",
                ..Self::BASE
            },
            Self {
                name: "LbgenDrainedTooLong",
                severity: Severity::Warning,
                expr: format!("lbgen:drained{{{own}}} == 1"),
                after: HOUR * 24,
                summary: "{{ $labels.node }} has been drained for a day",
                description: "{{ $labels.node }} takes no VIP; one failure less is covered.",
                next: "rm /run/lbgen/drain",
                ..Self::BASE
            },
            Self {
                name: "LbgenRolloutStuck",
                severity: Severity::Warning,
                expr: format!(
                    "time() - (max by (datacenter, node) (lbgen_rollout_claimed_timestamp_seconds{{{own}}}) > 0) > 3600 and {reports}"
                ),
                after: Duration::ZERO,
                summary: "a rollout has claimed {{ $labels.node }} for over an hour",
                description: "It was left, or its driver died: nobody else can change {{ $labels.node }}.",
                next: "lbgen rollout --resume",
                ..Self::BASE
            },
        ]
    }
}

/// The VIPs that a node has.
fn held(own: &str) -> String {
    format!("(lbgen:vip_held{{{own}}} == 1)")
}

/// The changes of each node that holds a VIP or not.
fn changes(form: MetricsForm, own: &str) -> String {
    match form {
        MetricsForm::KeepalivedExporter => {
            with_vip(&format!("changes((keepalived_vrrp_state{{{own}}} == bool 2)[10m:15s])"))
        }
        MetricsForm::Textfile | MetricsForm::None => {
            format!("changes(lbgen_vip_held{{{own}}}[10m])")
        }
    }
}
