//! Definitions that do not survive the failures that they are there for.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, NodeState, OnUnhealthy, Traffic};
use crate::route::RoutingTable;

/// Nothing takes over.
const ONE_NODE: Code = code!(Warning "LB201", "a VIP that only one node can hold");
/// Nothing sees that an ingress controller is gone.
const NO_HEALTH: Code = code!(Warning "LB202", "an entrypoint whose health nothing can track");

/// The codes of this family.
pub const CODES: &[&Code] = &[&ONE_NODE, &NO_HEALTH];

/// Reports VIPs and entrypoints without cover.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for vip in &datacenter.vips {
        let holders: Vec<&str> = vip
            .nodes
            .iter()
            .filter(|name| {
                datacenter.nodes.get(*name).is_some_and(|node| node.state != NodeState::Maintenance)
            })
            .map(AsRef::as_ref)
            .collect();
        if let [only] = holders.as_slice() {
            report.push(
                Diagnostic::new(
                    &ONE_NODE,
                    vip.address.span,
                    format!("only `{only}` can hold {}", vip.address.value),
                    "nothing takes over from it",
                )
                .note("when that node fails, the VIP is gone until it is back")
                .help("let a second node hold it: its `nodes`, the nodes' `gateways` and their `state` decide"),
            );
        }
    }
    for (name, entrypoint) in &datacenter.entrypoints {
        if !datacenter.is_checked(entrypoint) && entrypoint.on_unhealthy != OnUnhealthy::Ignore {
            let title = format!("nothing can track the health of `{name}`");
            let no_health = |label| Diagnostic::new(&NO_HEALTH, entrypoint.span, title, label);
            report.push(match entrypoint.traffic {
                Traffic::Cluster(_) => no_health("no `health_check_node_port`")
                    .note("a node without a ready ingress controller keeps its VIPs and drops their requests")
                    .help("choose a `health_check_node_port` from 30000 to 32767, or write `on_unhealthy: ignore`"),
                Traffic::Host(_) => no_health("no `check`")
                    .note("a node whose service has died keeps its VIPs and refuses their connections")
                    .help("write `host: { check: COMMAND }`, or `on_unhealthy: ignore`"),
            });
        }
    }
}
