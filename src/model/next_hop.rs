//! The next hops of replies: one gateway per public network and family.

use std::net::IpAddr;

use ipnet::IpNet;

use super::route::{self, Route};
use super::{Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{Interface, Label};
use crate::source::{Loc, Span};

/// A gateway of a public network.
#[derive(Debug)]
pub struct NextHop {
    /// The place of the gateway's name.
    pub span: Span,
    /// The next hop; inside the network.
    pub address: Loc<IpAddr>,
    /// Its network, without host bits; overlaps no other gateway's.
    pub network: Loc<IpNet>,
    /// The nodes' interface in that network, where a node does not say otherwise.
    pub interface: Interface,
    /// Routes beside the default route, by network.
    pub routes: Vec<Loc<Route>>,
}

pub(super) fn build(raw: &raw::Inventory, report: &mut Report) -> Names<Label, NextHop> {
    let given = raw.given.contains(&"gateways");
    let gateways = Names::build(
        given,
        raw.gateways.as_ref(),
        "a gateway's name",
        report,
        |_, _, raw, report| gateway(raw, report),
    );
    refuse_overlaps(&gateways, report);
    gateways
}

fn gateway(raw: &raw::Gateway, report: &mut Report) -> Option<NextHop> {
    let address =
        raw.address.as_ref().and_then(|raw| value::address(raw, "a gateway's address", report));
    let network =
        raw.network.as_ref().and_then(|raw| value::network(raw, "a gateway's network", report));
    let interface =
        raw.interface.as_ref().and_then(|raw| value::name_of(raw, "an interface", report));
    let (address, network) = (address?, network?);
    if !network.value.contains(&address.value) {
        let same_family = address.value.is_ipv4() == network.value.addr().is_ipv4();
        let outside = Diagnostic::new(
            &codes::GATEWAY_NETWORK,
            address.span,
            format!("the gateway {} is outside its network", address.value),
            "this address",
        )
        .also(network.span, "is not in this network");
        report.push(match same_family {
            true => outside.note("a next hop that is not on the link cannot be reached"),
            false => {
                outside.help("a gateway has one family; give the other family a gateway of its own")
            }
        });
        return None;
    }
    if let Some(edge) = value::edge_of(network.value, address.value) {
        report.push(
            Diagnostic::new(
                &codes::UNUSABLE_ADDRESS,
                address.span,
                format!("the gateway {} is the {edge} of its network", address.value),
                "no host can have it",
            )
            .also(network.span, "of this network"),
        );
        return None;
    }
    let routes = route::build(raw.routes.as_deref(), Some(&network), report);
    Some(NextHop { span: raw.span, address, network, interface: interface?, routes: routes? })
}

fn refuse_overlaps(gateways: &Names<Label, NextHop>, report: &mut Report) {
    let mut all: Vec<(&Label, &NextHop)> = gateways.iter().collect();
    all.sort_by_key(|(_, gateway)| gateway.network.value);
    // Networks contain each other or have nothing in common, and one that contains others comes before them.
    let mut outer: Option<(&Label, &NextHop)> = None;
    for (name, gateway) in all {
        let Some((other_name, other)) =
            outer.filter(|(_, outer)| outer.network.value.contains(&gateway.network.value))
        else {
            outer = Some((name, gateway));
            continue;
        };
        let (first, second) =
            if other.span < gateway.span { (other, gateway) } else { (gateway, other) };
        report.push(
            Diagnostic::new(
                &codes::OVERLAP,
                second.network.span,
                format!("the networks of `{other_name}` and `{name}` overlap"),
                "this network",
            )
            .also(first.network.span, "overlaps this one")
            .note("a VIP belongs to the gateway whose network contains it, so exactly one gateway may contain it"),
        );
    }
}
