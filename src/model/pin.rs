//! Pinned numbers of VIPs that share a node must differ.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{RoutingPins, Vip, codes};
use crate::diag::{Code, Diagnostic, Report};
use crate::source::{Loc, Span};

/// A number that the inventory fixes, and the VIP that it is for.
type Pin<'a> = (&'a Vip, Loc<u32>);

/// Reports every pin that two VIPs on one node share.
pub(super) fn refuse_shared(vips: &[Vip], report: &mut Report) {
    let vrids = vips.iter().filter_map(|vip| {
        let vrid = vip.vrid?;
        Some((vip, vrid.with(u32::from(vrid.value))))
    });
    compare(
        vrids.collect(),
        &codes::VRID_TWICE,
        "VRID",
        "VRRP routers that share a VRID on one link answer each other's adverts",
        report,
        |a, b| a.address.value.is_ipv4() == b.address.value.is_ipv4(),
    );
    let pinned = |pin: fn(&RoutingPins) -> Option<Loc<u32>>| -> Vec<Pin<'_>> {
        let all = vips.iter().flat_map(|vip| vip.addresses().map(move |found| (vip, found.1)));
        all.filter_map(|(vip, placement)| Some((vip, pin(&placement.pins)?))).collect()
    };
    let any = |_: &Vip, _: &Vip| true;
    let note = "the routes of one VIP would carry the replies of the other";
    compare(pinned(|pins| pins.table), &codes::NUMBER_TWICE, "table", note, report, any);
    let apart = "the kernel tells the rules of the two apart by their addresses, but a person who reads `ip rule` may not";
    let code = &codes::PRIORITY_SHARED;
    // Rules of one VIP may well share it.
    let others = |a: &Vip, b: &Vip| !std::ptr::eq(a, b);
    compare(pinned(|pins| pins.rule_priority), code, "rule priority", apart, report, others);
    let apart = "the kernel tells the rules of the two apart by their marks, but a person who reads `ip rule` may not";
    let priorities = pinned(|pins| pins.mark_rule_priority);
    compare(priorities, code, "mark rule priority", apart, report, others);
    compare(pinned(|pins| pins.mark), &codes::NUMBER_TWICE, "mark", note, report, any);
    refuse_one_route(vips, report);
}

/// Routes of addresses without a gateway are of one table, `main`: the VIP that leaves would take the route of the other
/// along.
fn refuse_one_route(vips: &[Vip], report: &mut Report) {
    let mut seen: BTreeMap<IpNet, (&Vip, IpAddr, Span)> = BTreeMap::new();
    for vip in vips {
        let local = vip.addresses().filter(|(_, placement)| placement.gateway.is_none());
        let routes = local.flat_map(|(address, placement)| {
            placement.routes.iter().map(move |route| (address, route))
        });
        for (address, route) in routes {
            let own = (vip, address, route.span);
            let (first, other, span) = *seen.entry(route.value.to).or_insert(own);
            let shared = vip.nodes.iter().find(|node| first.nodes.contains(node));
            if span != route.span
                && let Some(node) = shared
            {
                report.push(
                    Diagnostic::new(
                        &codes::NUMBER_TWICE,
                        route.span,
                        format!("two routes to {} in `main`, which `{node}` can hold", route.value.to),
                        format!("of {address}"),
                    )
                    .also(span, format!("of {other}"))
                    .note("an address without a gateway has its routes in the table `main`, and takes them along when it leaves")
                    .help("remove one of them, or give the node that route for good, outside of lbgen"),
                );
            }
        }
    }
}

fn compare(
    mut pinned: Vec<Pin<'_>>,
    code: &'static Code,
    what: &str,
    note: &str,
    report: &mut Report,
    meet: impl Fn(&Vip, &Vip) -> bool,
) {
    pinned.sort_by_key(|(_, pin)| (pin.value, pin.span));
    for (index, (vip, pin)) in pinned.iter().enumerate() {
        let same = pinned[..index].iter().rev().take_while(|(_, other)| other.value == pin.value);
        let clash = same.filter(|(other, _)| meet(vip, other)).find_map(|(other, first)| {
            let shared = vip.nodes.iter().find(|node| other.nodes.contains(node))?;
            Some((other, first, shared))
        });
        if let Some((other, first, node)) = clash {
            let users = match std::ptr::eq(*other, *vip) {
                true => format!("for two gateways of {}", vip.address.value),
                false => format!("by two VIPs that `{node}` can hold"),
            };
            report.push(
                Diagnostic::new(
                    code,
                    pin.span,
                    format!("{what} {} is used {users}", pin.value),
                    format!("second use, by VIP {}", vip.address.value),
                )
                .also(first.span, format!("first use, by VIP {}", other.address.value))
                .note(note)
                .help("remove one of the pins and a free number is allocated"),
            );
        }
    }
}
