//! Pins, preferences and settings that have no effect.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, MetricsForm, Monitoring, NodeState, RulesForm, Vip};
use crate::route::RoutingTable;

/// A setting that changes nothing.
const IDLE: Code = code!(Warning "LB211", "a setting that has no effect");

/// The codes of this family.
pub const CODES: &[&Code] = &[&IDLE];

/// Reports what reads as if it did something.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for vip in &datacenter.vips {
        if vip.priorities.is_some() {
            beside_priorities(datacenter, vip, report);
        }
        let marks = vip.addresses().filter_map(|(_, placement)| placement.pins.mark);
        for mark in marks.filter(|_| !datacenter.kubernetes.kube_proxy.needs_marks()) {
            let title = "this mark is never set";
            let label = "kube-proxy in ipvs mode needs no marks";
            report.push(
                Diagnostic::new(&IDLE, mark.span, title, label)
                    .help("remove the pin, or change `kubernetes.kube_proxy`"),
            );
        }
    }
    if let Some(span) = datacenter.policy_routing.pod_rule_priority_span
        && datacenter.kubernetes.pod_networks.is_empty()
    {
        let title = "there are no rules to pods";
        report.push(
            Diagnostic::new(&IDLE, span, title, "this priority is not used").help(
                "list the cluster's networks in `kubernetes.pod_networks`, or remove the line",
            ),
        );
    }
    if let Some(monitoring) = &datacenter.monitoring {
        of_monitoring(monitoring, report);
    }
    for (name, node) in &datacenter.nodes {
        for gateway in &node.idle_interfaces {
            let title = format!("`{name}` does not have the gateway `{}`", gateway.value);
            report.push(
                Diagnostic::new(&IDLE, gateway.span, title, "this interface is not used")
                    .help("add the gateway to the node's `gateways`, or remove the line"),
            );
        }
    }
}

/// Exact priorities are the whole order: what else says something about it is not heard.
fn beside_priorities(datacenter: &Datacenter, vip: &Vip, report: &mut Report) {
    let address = vip.address.value;
    if let Some(first) = vip.prefer.first() {
        let title = format!("`prefer` changes nothing: the priorities of {address} are pinned");
        report.push(
            Diagnostic::new(&IDLE, first.span, title, "ignored")
                .also(vip.address.span, "its `priorities` say the order")
                .help("remove `prefer`, or `priorities`"),
        );
    }
    let nodes = vip.nodes.iter().filter_map(|name| Some((name, datacenter.nodes.get(name)?)));
    for (name, node) in nodes.filter(|(_, node)| node.state == NodeState::Draining) {
        let title = format!("`{name}` is draining, but the priorities of {address} are pinned");
        let label = "`state: draining` changes nothing for that VIP";
        report.push(
            Diagnostic::new(&IDLE, node.span, title, label)
                .also(vip.address.span, "its `priorities` say the order")
                .help("give it the lowest of the priorities, or `state: maintenance`"),
        );
    }
}

fn of_monitoring(monitoring: &Monitoring, report: &mut Report) {
    if let Some(span) = monitoring.directory_span
        && monitoring.metrics != MetricsForm::Textfile
    {
        let title = "the nodes write no metrics into a directory";
        report.push(
            Diagnostic::new(&IDLE, span, title, "this directory is not used")
                .help("remove the line, or write `metrics: textfile`"),
        );
    }
    if let Some(span) = monitoring.labels_span
        && monitoring.rules == RulesForm::None
    {
        let title = "there are no alerts to label";
        report.push(
            Diagnostic::new(&IDLE, span, title, "these labels are not used")
                .help("remove `labels`, or write `rules: file`"),
        );
    }
}
