//! The networks of a VIP: its addresses by the table that their replies take.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::holder::Known;
use super::placement::{Placement, RoutingPins, Written};
use super::{NextHop, Route, RoutingMode, Vip, codes};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::Label;
use crate::source::Loc;

/// Addresses of a VIP whose replies take one routing table: it has one default route per family.
#[derive(Debug)]
pub struct Network<'a> {
    /// Not empty; the numbers are those of the first.
    pub addresses: Vec<(&'a Loc<IpAddr>, &'a Placement)>,
}

impl<'a> Network<'a> {
    /// The address that the lock keeps its numbers under.
    pub fn address(&self) -> IpAddr {
        self.addresses[0].0.value
    }

    /// Numbers that the inventory fixes.
    pub fn pins(&self) -> &'a RoutingPins {
        &self.addresses[0].1.pins
    }

    /// The routes of its table beside the default routes, each with the gateway in whose network its next hop is: those of
    /// its addresses, then those of their gateways to networks to which none of its own leads.
    pub fn routes(&self, gateways: &BTreeMap<Label, NextHop>) -> Vec<(&'a Label, Route)> {
        let mut routes: BTreeMap<IpNet, (&'a Label, Route)> = BTreeMap::new();
        for (_, placement) in &self.addresses {
            let Some(gateway) = &placement.gateway else { continue };
            routes.extend(
                placement.routes.iter().map(|route| (route.value.to, (gateway, route.value))),
            );
        }
        for gateway in self.addresses.iter().filter_map(|(_, placement)| placement.gateway.as_ref())
        {
            for route in gateways.get(gateway).into_iter().flat_map(|found| &found.routes) {
                routes.entry(route.value.to).or_insert((gateway, route.value));
            }
        }
        routes.into_values().collect()
    }
}

impl Vip {
    /// The networks of its addresses that have a gateway, that of `address` first where it has one.
    pub fn networks(&self) -> Vec<Network<'_>> {
        let all = self.written().filter_map(|(address, placement)| {
            Some((address, placement, placement.gateway.as_ref()?))
        });
        let routed: Vec<_> = all.collect();
        let gateways =
            routed.iter().map(|(address, _, gateway)| (address.value.is_ipv4(), *gateway));
        let of_network = |places: Vec<usize>| Network {
            addresses: places.into_iter().map(|at| (routed[at].0, routed[at].1)).collect(),
        };
        networks_of(gateways).into_iter().map(of_network).collect()
    }
}

/// The places of addresses by network, given the family and the gateway of each: an address joins the first network that
/// has no other gateway of its family.
pub fn networks_of<G: PartialEq>(gateways: impl Iterator<Item = (bool, G)>) -> Vec<Vec<usize>> {
    let all: Vec<(bool, G)> = gateways.collect();
    let mut networks: Vec<Vec<usize>> = Vec::new();
    for (place, (family, gateway)) in all.iter().enumerate() {
        let fits = |network: &&mut Vec<usize>| {
            let mut same = network.iter().map(|at| &all[*at]).filter(|other| other.0 == *family);
            same.all(|other| other.1 == *gateway)
        };
        match networks.iter_mut().find(fits) {
            Some(network) => network.push(place),
            None => networks.push(vec![place]),
        }
    }
    networks
}

/// Returns true if the tables of a VIP can be as they are written.
pub(super) fn check(vip: &Vip, raw: &raw::Vip, known: &Known<'_>, report: &mut Report) -> bool {
    let mut sound = refuse_unheld(vip, known, report);
    sound &= refuse_long_labels(vip, known, report);
    for network in vip.networks() {
        let (first, _) = network.addresses[0];
        for (address, _) in &network.addresses[1..] {
            let mut extra = raw.extra_addresses.iter().flatten();
            let written = extra
                .by_ref()
                .map(|extra| Written::of_extra(extra, raw))
                .find(|written| written.address.is_some_and(|raw| raw.span == address.span));
            for (key, span) in written.iter().flat_map(Written::pinned) {
                sound = false;
                report.push(
                    Diagnostic::new(
                        &codes::WORD,
                        span,
                        format!("`{key}` does nothing here: {} has the table of {}", address.value, first.value),
                        "not used",
                    )
                    .also(first.span, "its table")
                    .note("a VIP has a table for each gateway of a family, with one default route per family")
                    .help(format!("remove `{key}`, or write it at {}", first.value)),
                );
            }
        }
        sound &= refuse_two_ways(&network, report);
    }
    sound
}

/// Two addresses of a table cannot lead to one network by different next hops.
fn refuse_two_ways(network: &Network<'_>, report: &mut Report) -> bool {
    let mut seen: BTreeMap<IpNet, Loc<IpAddr>> = BTreeMap::new();
    let mut sound = true;
    for route in network.addresses.iter().flat_map(|(_, placement)| &placement.routes) {
        let via = route.with(route.value.via);
        let first = *seen.entry(route.value.to).or_insert(via);
        if first.value != via.value {
            sound = false;
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    route.span,
                    format!("two next hops to {}", route.value.to),
                    format!("by {}", via.value),
                )
                .also(first.span, format!("by {}", first.value))
                .note("both addresses have one routing table"),
            );
        }
    }
    sound
}

/// Reports routes that nothing could hold.
fn refuse_unheld(vip: &Vip, known: &Known<'_>, report: &mut Report) -> bool {
    let local = vip.addresses().filter(|(_, placement)| placement.gateway.is_none());
    let mut routes = local.flat_map(|(_, placement)| &placement.routes);
    let Some(route) = routes.next().filter(|_| known.mode == Some(RoutingMode::Static)) else {
        return true;
    };
    report.push(
        Diagnostic::new(
            &codes::WORD,
            route.span,
            format!("nothing holds the route to {}", route.value.to),
            "a route of an address without a gateway",
        )
        .note("with `policy_routing.mode: static` keepalived has no routes, and the script holds those of the VIPs' own tables")
        .help("use `mode: virtual`, or give the address a gateway"),
    );
    false
}

/// Reports labels that are too long with the interface in front of them.
fn refuse_long_labels(vip: &Vip, known: &Known<'_>, report: &mut Report) -> bool {
    let mut sound = true;
    for (address, placement) in vip.written() {
        let Some(label) = &placement.label else { continue };
        let too_long = vip.nodes.iter().find_map(|name| {
            let (_, node) = known.nodes.find(name.as_str())?;
            let whole = placement.label_on(node)?;
            (whole.len() > LONGEST_LABEL).then_some((name, whole))
        });
        if let Some((node, whole)) = too_long {
            sound = false;
            report.push(
                Diagnostic::new(
                    &codes::NAME,
                    label.span,
                    format!("the label of {} is too long on `{node}`: `{whole}`", address.value),
                    format!("at most {LONGEST_LABEL} characters with the interface and the colon"),
                )
                .note("keepalived drops an address whose label is longer (IFNAMSIZ)"),
            );
        }
    }
    sound
}

/// IFNAMSIZ without the final zero.
const LONGEST_LABEL: usize = 15;
