//! The machines that hold VIPs.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::next_hop::NextHop;
use super::{Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Set, Text, raw};
use crate::language::form::Free;
use crate::language::name::{Interface, Label, Subdomain};
use crate::language::word::NodeState;
use crate::source::{Loc, Span};

/// A machine that holds VIPs.
#[derive(Debug)]
pub struct Node {
    /// The place of the node's name.
    pub span: Span,
    /// IPv4 source of its adverts.
    pub address: Option<Loc<Ipv4Addr>>,
    /// IPv6 source of its adverts.
    pub address6: Option<Loc<Ipv6Addr>>,
    /// The interface that holds them, on which adverts travel.
    pub interface: Interface,
    /// The cluster's name for it, in the label `kubernetes.io/hostname`, or `None` if it is the node's name.
    pub hostname: Option<Loc<Subdomain>>,
    /// The host that a rollout connects to, or `None` if it is the node's name.
    pub host: Option<String>,
    /// Failure domain.
    pub zone: Option<Label>,
    /// Share of VIPs, 1 to 100.
    pub weight: u32,
    /// The state, which says how far the node takes VIPs.
    pub state: NodeState,
    /// The gateways it has, with its interface in each one's network.
    pub gateways: BTreeMap<Label, Interface>,
    /// Interfaces without which it holds no VIP, beside those of its VIPs; sorted.
    pub track_interfaces: Vec<Interface>,
    /// Gateways that it does not have, but states an interface for.
    pub idle_interfaces: Vec<Loc<String>>,
}

impl Node {
    /// Its source address of a family.
    pub fn source(&self, of_family: IpAddr) -> Option<IpAddr> {
        match of_family {
            IpAddr::V4(_) => self.address.map(|address| address.value.into()),
            IpAddr::V6(_) => self.address6.map(|address| address.value.into()),
        }
    }
}

pub(super) fn build(
    raw: &raw::Inventory,
    gateways: &Names<Label, NextHop>,
    report: &mut Report,
) -> Names<Subdomain, Node> {
    let map = raw.nodes.as_ref();
    Names::build(raw.given.contains(&"nodes"), map, "a node's name", report, |_, _, raw, report| {
        node(raw, gateways, report)
    })
}

fn node(raw: &raw::Node, gateways: &Names<Label, NextHop>, report: &mut Report) -> Option<Node> {
    let host = raw.host.as_ref().map(|raw| host(raw, report));
    let hostname = raw.hostname.as_ref();
    let hostname = hostname.map(|raw| {
        let name = value::name_of(raw, "a node's name in the cluster", report)?;
        Some(raw.with(name))
    });
    let address = raw.address.as_ref().map(|raw| {
        let address = value::address(raw, "a node's `address`", report)?;
        match address.value {
            IpAddr::V4(v4) => Some(address.with(v4)),
            IpAddr::V6(_) => {
                report.push(
                    Diagnostic::new(
                        &codes::FORM,
                        raw.span,
                        "a node's `address` is its IPv4 address",
                        "this is IPv6",
                    )
                    .help("write it as `address6`"),
                );
                None
            }
        }
    });
    let address6 = raw.address6.as_ref().map(|raw| {
        let address = value::address(raw, "a node's `address6`", report)?;
        match address.value {
            IpAddr::V6(v6) => Some(address.with(v6)),
            IpAddr::V4(_) => {
                report.push(
                    Diagnostic::new(
                        &codes::FORM,
                        raw.span,
                        "a node's `address6` is its IPv6 address",
                        "this is IPv4",
                    )
                    .help("write it as `address`"),
                );
                None
            }
        }
    });
    let interface: Option<Interface> =
        raw.interface.as_ref().and_then(|raw| value::name_of(raw, "an interface", report));
    let zone = raw.zone.as_ref().map(|raw| value::name_of(raw, "a zone", report));
    let weight = raw
        .weight
        .as_ref()
        .map_or(Some(1), |raw| value::number(raw, "weight", report).map(|weight| weight.value));
    let state =
        raw.state.as_ref().map_or(Some(NodeState::Active), |raw| value::word(raw, "state", report));
    let track_interfaces = interfaces(raw.track_interfaces.as_ref(), report);
    let own_gateways = gateways_of(raw, gateways, report);
    let has = |name: &str| own_gateways.as_ref().is_none_or(|own| own.contains_key(name));
    let idle_interfaces = raw.interfaces.iter().flatten().filter(|(gateway, _)| !has(gateway));
    let idle_interfaces = idle_interfaces
        .map(|(gateway, entry)| Loc { value: gateway.clone(), span: entry.key })
        .collect();
    Some(Node {
        span: raw.span,
        address: address.map_or(Some(None), |address| address.map(Some))?,
        address6: address6.map_or(Some(None), |address| address.map(Some))?,
        interface: interface?,
        hostname: hostname.map_or(Some(None), |name| name.map(Some))?,
        host: host.map_or(Some(None), |host| host.map(Some))?,
        zone: zone.map_or(Some(None), |zone| zone.map(Some))?,
        weight: weight?,
        state: state?,
        gateways: own_gateways?,
        track_interfaces: track_interfaces?,
        idle_interfaces,
    })
}

/// `track_interfaces`, sorted.
pub(super) fn interfaces(
    raw: Option<&Set<Loc<Text<Interface>>>>,
    report: &mut Report,
) -> Option<Vec<Interface>> {
    let Some(raw) = raw else { return Some(Vec::new()) };
    value::refuse_repeats(raw, "track_interfaces", report);
    let named = raw.iter().map(|raw| value::name_of(raw, "an interface", report));
    // All of them are looked at, so that each mistake is told.
    let found: Vec<Option<Interface>> = named.collect();
    let mut found: Vec<Interface> = found.into_iter().collect::<Option<_>>()?;
    found.sort();
    Some(found)
}

fn gateways_of(
    raw: &raw::Node,
    gateways: &Names<Label, NextHop>,
    report: &mut Report,
) -> Option<BTreeMap<Label, Interface>> {
    let mut interfaces: BTreeMap<&str, Interface> = BTreeMap::new();
    for (gateway, entry) in raw.interfaces.iter().flatten() {
        gateways.knows(Loc { value: gateway, span: entry.key }, "gateway", report);
        if let Some(raw) = &entry.value
            && let Some(interface) = value::name_of(raw, "an interface", report)
        {
            interfaces.insert(gateway, interface);
        }
    }
    let listed: Option<Vec<&str>> = raw.gateways.as_ref().map(|list| {
        value::refuse_repeats(&list.value, "gateways", report);
        list.value
            .iter()
            .filter(|name| gateways.knows(name.as_str(), "gateway", report))
            .map(|name| name.value.text.as_str())
            .collect()
    });
    // Without a gateway that is misspelt, VIPs would seem to have no node.
    let written = raw.gateways.as_ref().map_or(0, |list| list.value.len());
    (listed.as_ref().map_or(0, Vec::len) == written).then_some(())?;
    let own = gateways
        .iter()
        .filter(|(name, _)| listed.as_ref().is_none_or(|listed| listed.contains(&name.as_str())))
        .map(|(name, gateway)| {
            let interface = interfaces.get(name.as_str()).unwrap_or(&gateway.interface);
            (name.clone(), interface.clone())
        })
        .collect();
    Some(own)
}

/// An argument of ssh: `host`, `user@host`, an address. Never an option.
fn host(raw: &Loc<Text<Free>>, report: &mut Report) -> Option<String> {
    let text = raw.value.text.as_str();
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._:-[]%".contains(c);
    if text.is_empty() || text.starts_with('-') || !text.chars().all(plain) {
        let title = format!("`host` cannot be `{text}`");
        report.push(
            Diagnostic::new(
                &codes::NAME,
                raw.span,
                title,
                "a host name, an address, or `user@host`",
            )
            .help("a rollout calls `ssh` (or LBGEN_ON) with it"),
        );
        return None;
    }
    Some(text.to_owned())
}
