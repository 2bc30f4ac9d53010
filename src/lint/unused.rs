//! What is defined and has no effect.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report};
use crate::model::{Datacenter, Label, NodeState};

/// Nothing refers to it.
const UNUSED: Code = Code::warning("LB210", "something that nothing uses");
/// A pin that changes nothing.
const IDLE_PIN: Code = Code::warning("LB211", "a pin that has no effect");

/// The codes of this family.
pub const CODES: &[&Code] = &[&UNUSED, &IDLE_PIN];

/// Reports what could be left out.
pub fn check(datacenter: &Datacenter, report: &mut Report) {
    let exposed: BTreeSet<&Label> = datacenter.vips.iter().map(|vip| &vip.entrypoint).collect();
    let routed: BTreeSet<&Label> =
        datacenter.domains.values().map(|domain| &domain.entrypoint).collect();
    for (name, entrypoint) in &datacenter.entrypoints {
        if !exposed.contains(name) {
            let title = format!("no VIP is for the entrypoint `{name}`");
            report.push(
                Diagnostic::new(&UNUSED, entrypoint.span, title, "no request reaches it")
                    .help("add a VIP with this `entrypoint`, or remove the entrypoint"),
            );
        } else if !routed.contains(name) {
            let title = format!("no domain is for the entrypoint `{name}`");
            report.push(
                Diagnostic::new(&UNUSED, entrypoint.span, title, "its VIPs answer for no host")
                    .help("add a domain with this `entrypoint`, or remove its VIPs"),
            );
        }
    }
    let gateways: BTreeSet<&Label> = datacenter
        .vips
        .iter()
        .flat_map(|vip| vip.addresses().map(|(_, gateway)| gateway))
        .collect();
    for (name, gateway) in &datacenter.gateways {
        if !gateways.contains(name) {
            let title = format!("no VIP lies in the network of the gateway `{name}`");
            report.push(Diagnostic::new(&UNUSED, gateway.span, title, "nothing leaves by it"));
        }
    }
    for (name, node) in &datacenter.nodes {
        if !datacenter.vips.iter().any(|vip| vip.nodes.contains(name)) {
            let title = format!("the node `{name}` may hold no VIP");
            report.push(Diagnostic::new(
                &UNUSED,
                node.span,
                title,
                "its `gateways` and the VIPs' `nodes` leave it idle",
            ));
        }
    }
    for vip in datacenter.vips.iter().filter(|vip| vip.priorities.is_some()) {
        let draining =
            vip.nodes.iter().filter_map(|name| Some((name, datacenter.nodes.get(name)?)));
        for (name, node) in draining.filter(|(_, node)| node.state == NodeState::Draining) {
            let title = format!(
                "`{name}` is draining, but the priorities of {} are pinned",
                vip.address.value
            );
            report.push(
                Diagnostic::new(
                    &IDLE_PIN,
                    node.span,
                    title,
                    "`state: draining` changes nothing for that VIP",
                )
                .also(vip.address.span, "its `priorities` say the order")
                .help("give it the lowest of the priorities, or `state: maintenance`"),
            );
        }
    }
    if datacenter.kubernetes.kube_proxy.needs_marks() {
        return;
    }
    for vip in &datacenter.vips {
        if let Some(mark) = &vip.pins.mark {
            report.push(
                Diagnostic::new(
                    &IDLE_PIN,
                    mark.span,
                    "this mark is never set",
                    "kube-proxy in ipvs mode needs no marks",
                )
                .help("remove the pin, or change `kubernetes.kube_proxy`"),
            );
        }
    }
}
