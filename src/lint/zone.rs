//! Failure domains that are not what they seem.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report, code, count};
use crate::model::{Datacenter, Label, Node};
use crate::route::RoutingTable;

/// Each of the others counts as a zone of its own.
const HALF_SET: Code = code!(Warning "LB237", "a `zone` that only some nodes have");
/// The zone takes the VIP with it.
const ONE_ZONE: Code = code!(Warning "LB238", "a VIP whose nodes are all in one zone");

/// The codes of this family.
pub const CODES: &[&Code] = &[&HALF_SET, &ONE_ZONE];

/// Nodes that a message points at, beside the first.
const SHOWN: usize = 4;

/// Reports nodes without a zone beside nodes with one, and VIPs that one zone holds.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let zones: BTreeSet<&Label> =
        datacenter.nodes.values().filter_map(|node| node.zone.as_ref()).collect();
    if zones.is_empty() {
        return;
    }
    half_set(datacenter, report);
    if zones.len() > 1 {
        one_zone(datacenter, report);
    }
}

fn half_set(datacenter: &Datacenter, report: &mut Report) {
    let mut without = datacenter.nodes.iter().filter(|(_, node)| node.zone.is_none());
    let Some((name, first)) = without.next() else { return };
    let rest: Vec<&Node> = without.map(|(_, node)| node).collect();
    let title = match rest.len() {
        0 => format!("`{name}` has no `zone`, and other nodes have one"),
        more => {
            format!("`{name}` and {} have no `zone`, and others have one", count(more, "more node"))
        }
    };
    let mut diagnostic = Diagnostic::new(&HALF_SET, first.span, title, "no `zone`");
    for node in rest.iter().take(SHOWN) {
        diagnostic = diagnostic.also(node.span, "nor here");
    }
    report.push(
        diagnostic
            .note("a node without a zone counts as a zone of its own: VIPs are spread, and take over, as if it stood in no rack")
            .help("write the `zone` of every node, or of none"),
    );
}

fn one_zone(datacenter: &Datacenter, report: &mut Report) {
    for vip in &datacenter.vips {
        let zone = |name| datacenter.nodes.get(name).and_then(|node: &Node| node.zone.as_ref());
        let mut zones = vip.nodes.iter().map(zone);
        let Some(Some(first)) = zones.next() else { continue };
        // One node alone has a message of its own.
        if vip.nodes.len() < 2 || zones.any(|zone| zone != Some(first)) {
            continue;
        }
        let address = vip.address.value;
        report.push(
            Diagnostic::new(
                &ONE_ZONE,
                vip.limit.unwrap_or(vip.address.span),
                format!("every node that can hold {address} is in the zone `{first}`"),
                "one zone",
            )
            .note("when that zone fails, the VIP is gone until it is back")
            .help("let a node of another zone hold it: its `nodes`, and the nodes' `gateways`, decide"),
        );
    }
}
