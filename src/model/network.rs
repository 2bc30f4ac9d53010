//! The networks of a VIP: its addresses by the table that their replies take.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::holder::Known;
use super::placement::{Placement, RoutingPins, Written};
use super::{NextHop, Route, RoutingMode, Vip, codes};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{Label, Subdomain};
use crate::source::{Loc, Span};

/// Addresses of a VIP whose replies take one routing table: it has one default route per family.
#[derive(Debug)]
pub struct Network<'a> {
    /// Not empty.
    pub addresses: Vec<(&'a Loc<IpAddr>, &'a Placement)>,
}

impl<'a> Network<'a> {
    /// The first of its addresses.
    pub fn address(&self) -> IpAddr {
        self.addresses[0].0.value
    }

    /// The gateway of that address: the lock keeps the numbers under it.
    pub fn gateway(&self) -> Option<&'a Label> {
        self.addresses[0].1.gateway.as_ref()
    }

    /// Numbers that the inventory fixes, at whichever of its addresses.
    pub fn pins(&self) -> RoutingPins {
        let pinned = |of: fn(&RoutingPins) -> Option<Loc<u32>>| {
            self.addresses.iter().find_map(|(_, placement)| of(&placement.pins))
        };
        RoutingPins {
            table: pinned(|pins| pins.table),
            rule_priority: pinned(|pins| pins.rule_priority),
            mark: pinned(|pins| pins.mark),
            mark_rule_priority: pinned(|pins| pins.mark_rule_priority),
        }
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
    sound &= refuse_own(vip, known, report);
    sound &= refuse_long_labels(vip, known, report);
    for network in vip.networks() {
        sound &= refuse_pinned_twice(&network, raw, report);
        sound &= refuse_two_ways(&network, report);
    }
    sound
}

/// The addresses of a network have one table: each number is pinned at one of them.
fn refuse_pinned_twice(network: &Network<'_>, raw: &raw::Vip, report: &mut Report) -> bool {
    let mut sound = true;
    let mut seen: BTreeMap<&str, Span> = BTreeMap::new();
    let written = || {
        let extra = raw.extra_addresses.iter().flatten();
        std::iter::once(Written::of_vip(raw))
            .chain(extra.map(|extra| Written::of_extra(extra, raw)))
    };
    for (address, _) in &network.addresses {
        let mut own = written();
        let own = own.find(|own| own.address.is_some_and(|raw| raw.span == address.span));
        for (key, span) in own.iter().flat_map(Written::pinned) {
            let first = *seen.entry(key).or_insert(span);
            if first != span {
                sound = false;
                report.push(
                    Diagnostic::new(
                        &codes::WORD,
                        span,
                        format!("`{key}` is pinned twice for one network of the VIP"),
                        "second time",
                    )
                    .also(first, "first time")
                    .note("addresses of a VIP whose replies leave by one gateway have one table, and the rules and marks of it")
                    .help("remove one of them"),
                );
            }
        }
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
    let is_static = known.routing.is_some_and(|routing| routing.mode == RoutingMode::Static);
    let Some(route) = routes.next().filter(|_| is_static) else { return true };
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

/// Reports routes of `main` that would lead the nodes' own adverts away, and next hops that are the VIP itself.
fn refuse_own(vip: &Vip, known: &Known<'_>, report: &mut Report) -> bool {
    let mut sound = true;
    let own: Vec<IpAddr> = vip.addresses().map(|(address, _)| address).collect();
    let sources = vip.nodes.iter().filter_map(|name| {
        let (_, node) = known.nodes.find(name.as_str())?;
        Some((name, node))
    });
    let sources: Vec<(&Subdomain, IpAddr)> = sources
        .flat_map(|(name, node)| {
            own.iter().filter_map(|vip| node.source(*vip)).map(move |one| (name, one))
        })
        .collect();
    for (_, placement) in vip.addresses() {
        for route in &placement.routes {
            let local = placement.gateway.is_none();
            let found = sources.iter().find(|(_, source)| {
                local && route.value.to.contains(source) || route.value.via == *source
            });
            let (title, label) = match found {
                Some((node, source)) if route.value.via == *source => (
                    format!("the next hop {source} is `{node}` itself"),
                    "a route of that node too",
                ),
                Some((node, source)) => (
                    format!(
                        "the route to {} leads adverts to {source} of `{node}` away",
                        route.value.to
                    ),
                    "in the table `main`, while the VIP is here",
                ),
                None if own.contains(&route.value.via) => (
                    format!("the next hop {} is an address of the VIP itself", route.value.via),
                    "on the node that has the route",
                ),
                None => continue,
            };
            sound = false;
            report.push(Diagnostic::new(&codes::GATEWAY_NETWORK, route.span, title, label));
        }
    }
    sound
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
