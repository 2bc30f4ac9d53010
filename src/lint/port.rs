//! Ports that clients of the API server mix up.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, Entrypoint};
use crate::route::RoutingTable;

/// `kubectl apply` merges the ports of a Service by their numbers alone (kubernetes/kubernetes#39188).
const TWO_PROTOCOLS: Code =
    code!(Warning "LB228", "a port of TCP and UDP, which a client-side apply mixes up");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TWO_PROTOCOLS];

/// Reports numbers that a Service has twice, with different protocols.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for (name, entrypoint) in &datacenter.entrypoints {
        let ports = entrypoint.tiers().into_iter().flat_map(|tiers| tiers.edge.ports.values());
        let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
        for port in ports {
            *counts.entry(port.number).or_default() += 1;
        }
        let twice = counts.iter().filter(|(_, count)| **count > 1);
        for (number, _) in twice {
            report.push(two_protocols(
                entrypoint,
                format!("`{name}` has the port {number} for TCP and for UDP"),
            ));
        }
    }
}

fn two_protocols(entrypoint: &Entrypoint, title: String) -> Diagnostic {
    Diagnostic::new(&TWO_PROTOCOLS, entrypoint.span, title, "two ports of one number")
        .note("`kubectl apply` tells the ports of a Service apart by their numbers alone: a later change of one of them is lost, or hits the other")
        .help("apply with `--server-side`, as Argo CD and Flux can; then waive this with `allow: [LB228]`")
}
