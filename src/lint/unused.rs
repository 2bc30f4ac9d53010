//! Definitions that nothing uses.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, Label, Subdomain};
use crate::route::RoutingTable;

/// Nothing refers to it.
const UNUSED: Code = code!(Warning "LB210", "something that nothing uses");

/// Nothing is exposed.
const NO_VIPS: Code = code!(Warning "LB217", "an inventory without VIPs");

/// The codes of this family.
pub const CODES: &[&Code] = &[&UNUSED, &NO_VIPS];

/// Reports what could be left out.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    if datacenter.vips.is_empty() {
        report.push(
            Diagnostic::new(
                &NO_VIPS,
                datacenter.span,
                "the inventory has no VIPs",
                "nothing is exposed",
            )
            .note("a render removes what was rendered for VIPs before")
            .help("add an entry under `vips`; if the file was cut off, restore it from git"),
        );
        // What else is unused follows from that.
        return;
    }
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
        } else if entrypoint.tiers().is_some() && !routed.contains(name) {
            let title = format!("the entrypoint `{name}` has no domain");
            report.push(
                Diagnostic::new(&UNUSED, entrypoint.span, title, "its VIPs answer for no host")
                    .help("add a domain with this `entrypoint`, or remove its VIPs"),
            );
        }
    }
    if let Some(span) = datacenter.keepalived.idle_image {
        let title = "nothing uses the `image` of keepalived";
        report.push(
            Diagnostic::new(&UNUSED, span, title, "the host starts keepalived")
                .help("write `run: static_pod` or `run: daemonset`, or remove `image`"),
        );
    }
    let gateways: BTreeSet<&Label> = datacenter
        .vips
        .iter()
        .flat_map(|vip| vip.addresses().filter_map(|(_, placement)| placement.gateway.as_ref()))
        .collect();
    for (name, gateway) in &datacenter.gateways {
        if !gateways.contains(name) {
            let title = format!("the gateway `{name}` has no VIP in its network");
            report.push(
                Diagnostic::new(&UNUSED, gateway.span, title, "no traffic leaves through it")
                    .help("add a VIP in its network, or remove the gateway"),
            );
        }
    }
    let holders: BTreeSet<&Subdomain> = datacenter.vips.iter().flat_map(|vip| &vip.nodes).collect();
    for (name, node) in &datacenter.nodes {
        if !holders.contains(name) {
            let title = format!("no VIP can be placed on `{name}`");
            report.push(
                Diagnostic::new(&UNUSED, node.span, title, "it stays idle")
                    .help("its `gateways` and the VIPs' `nodes` decide; remove the node if it is not meant to hold any"),
            );
        }
    }
}
