//! Unit tests of the rules (`promtool test rules`): every set of failures one after the other, and each alert by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde::Serialize;

use super::rule::{DURING_ROLLOUT, annotations, labels};
use crate::language::word::MetricsForm;
use crate::model::{Label, Subdomain};
use crate::plan::{Case, Check, Instance, MonitoringPlan, Watched};

#[derive(Serialize)]
pub(super) struct Tests {
    rule_files: [&'static str; 1],
    evaluation_interval: &'static str,
    tests: Vec<Test>,
}

/// The input of some time, and the alerts that it must raise.
#[derive(Serialize)]
pub(super) struct Test {
    name: String,
    interval: &'static str,
    input_series: Vec<Series>,
    alert_rule_test: Vec<Expected>,
}

#[derive(Serialize)]
struct Series {
    series: String,
    values: String,
}

/// The alerts of one name that fire at a time.
#[derive(Serialize)]
struct Expected {
    eval_time: String,
    alertname: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    exp_alerts: Vec<Fired>,
}

#[derive(Serialize)]
struct Fired {
    exp_labels: BTreeMap<String, String>,
    exp_annotations: BTreeMap<&'static str, String>,
}

/// Minutes between two samples, and between two evaluations: a simulated day takes promtool seconds.
pub(super) const STEP: usize = 5;
const INTERVAL: &str = "5m";
/// Samples of each set of failures: all is well, the failures begin, alerts are looked at.
const WINDOW: usize = 3;
const LOOKED_AT: usize = 2;

pub(super) fn tests(plan: &MonitoringPlan, digests: &BTreeMap<&str, String>) -> Tests {
    let mut tests = Vec::new();
    if plan.settings.metrics != MetricsForm::None {
        tests.push(failures(plan));
        tests.extend(super::single_test::tests(plan, digests));
    }
    Tests { rule_files: ["rules.yaml"], evaluation_interval: INTERVAL, tests }
}

/// Every set of failures, with all well between two of them.
fn failures(plan: &MonitoringPlan) -> Test {
    let end = plan.cases.len() * WINDOW * STEP;
    let mut input = Input::of(plan);
    for (index, watched) in plan.vips.iter().enumerate() {
        let first = watched.order.first();
        let holders = plan.cases.iter().filter_map(|case| case.holders[index].as_ref());
        let seen: BTreeSet<&Subdomain> = holders.chain(first).chain(watched.order.get(1)).collect();
        for node in seen {
            let samples = samples(plan, node, |case| match case {
                Some(case) => case.holders[index].as_ref() == Some(node),
                None => first == Some(node),
            });
            input.held(watched, node, &samples);
        }
    }
    for node in &plan.nodes {
        input.up(node, &samples(plan, node, |_| true));
        let is_drained =
            |case: Option<&Case>| case.is_some_and(|case| case.scenario.drained.contains(node));
        input.drained(node, &samples(plan, node, is_drained));
    }
    for (node, entrypoint) in &plan.checks {
        let is_healthy = |case: Option<&Case>| {
            case.is_none_or(|case| !case.scenario.is_unhealthy(entrypoint, node))
        };
        input.healthy(node, entrypoint, &samples(plan, node, is_healthy));
    }
    // Those that no set of failures raises must not fire either.
    let names: BTreeSet<&'static str> = plan.alerts.iter().map(|alert| alert.name).collect();
    let mut expected = Vec::new();
    for (index, case) in plan.cases.iter().enumerate() {
        let at = (index * WINDOW + LOOKED_AT) * STEP;
        expected.extend(names.iter().copied().map(|name| {
            let own = case.raised.iter().filter(|raised| raised.alert == name);
            let fired = own.map(|raised| {
                let labels = raised.labels.iter();
                fired(plan, name, labels.map(|(name, value)| (*name, value.as_str())))
            });
            Expected { eval_time: format!("{at}m"), alertname: name, exp_alerts: fired.collect() }
        }));
    }
    expected.extend(names.into_iter().map(|name| Expected {
        eval_time: format!("{end}m"),
        alertname: name,
        exp_alerts: Vec::new(),
    }));
    let name = "every set of failures".to_owned();
    Test { name, interval: INTERVAL, input_series: input.series, alert_rule_test: expected }
}

/// The values of a node, one a step; `None` while it is dead.
fn samples(
    plan: &MonitoringPlan,
    node: &Subdomain,
    value: impl Fn(Option<&Case>) -> bool,
) -> Vec<Option<bool>> {
    let mut all = Vec::new();
    for case in &plan.cases {
        for sample in 0..WINDOW {
            let case = Some(case).filter(|_| sample > 0);
            let is_up = case.is_none_or(|case| case.is_up(node));
            all.push(is_up.then(|| value(case)));
        }
    }
    all.push(Some(value(None)));
    all
}

/// The alert of a name that has these labels: all of them, `severity` among them.
fn fired<'a>(
    plan: &MonitoringPlan,
    name: &str,
    own: impl Iterator<Item = (&'a str, &'a str)>,
) -> Fired {
    let own: BTreeMap<&str, &str> = own.collect();
    let is_during = own.contains_key(DURING_ROLLOUT.0);
    let alert = plan.alerts.iter().find(|alert| {
        alert.name == name
            && alert.during_rollout == is_during
            && own.get("severity") == Some(&alert.severity.word())
            && own.get("preempt_delay").is_none_or(|delay| {
                alert.preempt_delay.is_some_and(|own| own.as_secs().to_string() == **delay)
            })
    });
    let mut all = alert.map(|alert| labels(plan, alert)).unwrap_or_default();
    all.extend(own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let expand = |text: String| {
        own.iter().fold(text, |text, (name, value)| {
            text.replace(&format!("{{{{ $labels.{name} }}}}"), value)
        })
    };
    let texts = alert.map(annotations).unwrap_or_default();
    let texts = texts.into_iter().map(|(name, text)| (name, expand(text))).collect();
    Fired { exp_labels: all, exp_annotations: texts }
}

/// A minute, and the labels of each alert that fires then.
pub(super) type Look<'a> = (usize, Vec<Vec<(&'a str, &'a str)>>);

/// Series in the form that the rules read.
pub(super) struct Input<'a> {
    plan: &'a MonitoringPlan,
    interval: &'static str,
    series: Vec<Series>,
    /// The nodes whose reports have a time.
    reporting: BTreeSet<String>,
}

impl<'a> Input<'a> {
    pub fn of(plan: &'a MonitoringPlan) -> Self {
        Self { plan, interval: INTERVAL, series: Vec::new(), reporting: BTreeSet::new() }
    }

    /// With a sample a minute.
    pub fn by_minute(plan: &'a MonitoringPlan) -> Self {
        Self { interval: "1m", ..Self::of(plan) }
    }

    /// A series by its name and labels; the datacenter and the node are added.
    pub fn add(&mut self, metric: &str, node: &str, labels: &[(&str, &str)], values: String) {
        let common = [("datacenter", self.plan.datacenter.as_str()), ("node", node)];
        let all = labels.iter().copied().chain(common);
        let all: BTreeMap<&str, &str> = all.collect();
        let all: Vec<String> =
            all.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        self.series.push(Series { series: format!("{metric}{{{}}}", all.join(",")), values });
    }

    /// A series of keepalived_exporter.
    fn export(&mut self, metric: &str, node: &Subdomain, vip: IpAddr, values: String) {
        let length = if vip.is_ipv4() { 32 } else { 128 };
        let (name, address) = (Instance::name_of(vip), format!("{vip}/{length}"));
        let labels =
            [("iname", name.as_str()), ("intf", "eth0"), ("vrid", "1"), ("ip_address", &address)];
        self.add(metric, node.as_str(), &labels, values);
    }

    fn is_exported(&self) -> bool {
        self.plan.settings.metrics == MetricsForm::KeepalivedExporter
    }

    pub fn held(&mut self, watched: &Watched, node: &Subdomain, samples: &[Option<bool>]) {
        let vip = watched.vip.to_string();
        if self.is_exported() {
            // 1 is BACKUP, 2 is MASTER.
            return self.export("keepalived_vrrp_state", node, watched.vip, runs(samples, 1));
        }
        let labels = [("entrypoint", watched.entrypoint.as_str()), ("vip", vip.as_str())];
        self.report(node, samples);
        self.add("lbgen_vip_held", node.as_str(), &labels, runs(samples, 0));
    }

    pub fn up(&mut self, node: &Subdomain, samples: &[Option<bool>]) {
        self.report(node, samples);
        let metric = if self.is_exported() { "keepalived_up" } else { "lbgen_keepalived_up" };
        self.add(metric, node.as_str(), &[], runs(samples, 0));
    }

    /// The time of each report, while there is one.
    fn report(&mut self, node: &Subdomain, samples: &[Option<bool>]) {
        if self.is_exported() || !self.reporting.insert(node.to_string()) {
            return;
        }
        let seconds = if self.interval == INTERVAL { STEP * 60 } else { 60 };
        let mut at = 0;
        let runs = samples.chunk_by(|one, other| one.is_some() == other.is_some()).map(|run| {
            let begin = at * seconds;
            at += run.len();
            match (run[0], run.len()) {
                (Some(_), length) => format!("{begin}+{seconds}x{}", length - 1),
                (None, 1) => "stale".to_owned(),
                (None, length) => format!("stale _x{}", length - 1),
            }
        });
        let values = runs.collect::<Vec<_>>().join(" ");
        self.add("lbgen_report_timestamp_seconds", node.as_str(), &[], values);
    }

    pub fn drained(&mut self, node: &Subdomain, samples: &[Option<bool>]) {
        if !self.is_exported() {
            self.report(node, samples);
            self.add("lbgen_drained", node.as_str(), &[], runs(samples, 0));
        }
    }

    pub fn healthy(&mut self, node: &Subdomain, entrypoint: &Label, samples: &[Option<bool>]) {
        if !self.is_exported() {
            self.report(node, samples);
            let labels = [("entrypoint", entrypoint.as_str())];
            return self.add("lbgen_check_healthy", node.as_str(), &labels, runs(samples, 0));
        }
        let name = format!("{}{entrypoint}", Check::PREFIX);
        self.add("keepalived_script_status", node.as_str(), &[("name", &name)], runs(samples, 0));
    }

    /// The test of one alert: when it fires, by its labels, and when it does not.
    pub fn test(self, alert: &'static str, looks: &[Look<'_>]) -> Test {
        let expected = looks.iter().map(|(minute, all)| {
            let fired = all.iter().map(|labels| fired(self.plan, alert, labels.iter().copied()));
            Expected {
                eval_time: format!("{minute}m"),
                alertname: alert,
                exp_alerts: fired.collect(),
            }
        });
        let expected = expected.collect();
        Test {
            name: alert.to_owned(),
            interval: self.interval,
            input_series: self.series,
            alert_rule_test: expected,
        }
    }
}

/// Runs of samples as promtool reads them: `1x4 stale _x3`. `off` is the number that says no; yes is one more.
fn runs(samples: &[Option<bool>], off: u8) -> String {
    let mut all: Vec<String> = Vec::new();
    for run in samples.chunk_by(|one, other| one == other) {
        match run[0] {
            Some(value) => all.push(format!("{}x{}", off + u8::from(value), run.len() - 1)),
            // The target is down: its series end at once.
            None if run.len() == 1 => all.push("stale".to_owned()),
            None => all.push(format!("stale _x{}", run.len() - 1)),
        }
    }
    all.join(" ")
}
