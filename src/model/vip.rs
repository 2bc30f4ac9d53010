//! The addresses that clients know.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::holder::{Known, holders, priorities, refuse_low_priorities};
use super::keepalived::{self, Garp, Preempt};
use super::next_hop::NextHop;
use super::notify::{self, Notify};
use super::{Names, codes, node, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{Interface, Label, Subdomain};
use crate::language::number::RESERVED_TABLES;
use crate::language::word::GatewayChoice;
use crate::source::{Loc, Span};

/// A VIP.
#[derive(Debug)]
pub struct Vip {
    /// The start of its entry.
    pub span: Span,
    /// The advertised address.
    pub address: Loc<IpAddr>,
    /// The gateway whose network contains it; `None` where it is for neighbours only.
    pub gateway: Option<Label>,
    /// The traffic it is for.
    pub entrypoint: Label,
    /// Addresses that share its fate, each with its gateway; sorted.
    pub extra: Vec<(Loc<IpAddr>, Option<Label>)>,
    /// Nodes that come first, in this order.
    pub prefer: Vec<Loc<Subdomain>>,
    /// Every node that may hold it, those in maintenance too; sorted, and at least one not in maintenance.
    pub nodes: Vec<Subdomain>,
    /// The place of the inventory's `nodes`, or `None` if it is not written.
    pub limit: Option<Span>,
    /// Numbers that the inventory fixes.
    pub pins: Pins,
    /// Exact VRRP priorities: one for every node of `nodes`, distinct.
    pub priorities: Option<BTreeMap<Subdomain, u8>>,
    /// The behaviour of a better node when it comes back, and the place where that is set.
    pub preempt: Loc<Preempt>,
    /// Commands that keepalived calls on its transitions.
    pub notify: Option<Notify>,
    /// Gratuitous ARP; what is `None` is as for all VIPs.
    pub garp: Garp,
    /// Interfaces without which a node does not hold it, beside its own; sorted.
    pub track_interfaces: Vec<Interface>,
}

/// Numbers that the inventory fixes; in range, not yet compared with those of other VIPs.
#[derive(Debug, Default)]
pub struct Pins {
    /// VRID.
    pub vrid: Option<Loc<u8>>,
    /// Routing table.
    pub table: Option<Loc<u32>>,
    /// Priority of the VIP's `from` rules.
    pub rule_priority: Option<Loc<u32>>,
    /// Packet mark.
    pub mark: Option<Loc<u32>>,
    /// Priority of its `fwmark` rules.
    pub mark_rule_priority: Option<Loc<u32>>,
}

impl Vip {
    /// `address` and the extra addresses, each with its gateway.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, Option<&Label>)> {
        let extra = self.extra.iter().map(|(address, gateway)| (address.value, gateway.as_ref()));
        std::iter::once((self.address.value, self.gateway.as_ref())).chain(extra)
    }
}

pub(super) fn build(raw: &[raw::Vip], known: &Known<'_>, report: &mut Report) -> Vec<Vip> {
    let mut vips: Vec<Vip> = raw.iter().filter_map(|raw| vip(raw, known, report)).collect();
    vips.sort_by_key(|vip| vip.address.value);
    vips
}

fn vip(raw: &raw::Vip, known: &Known<'_>, report: &mut Report) -> Option<Vip> {
    let address =
        raw.address.as_ref().and_then(|raw| value::address(raw, "a VIP's address", report));
    let none = raw.gateway.as_ref().map(|raw| value::word(raw, "gateway", report));
    let gateway_of = |address: &Loc<IpAddr>, report: &mut Report| match none {
        Some(none) => none.map(|GatewayChoice::None| None),
        None => gateway_of(address, known.gateways, report).map(Some),
    };
    let gateway = address.and_then(|address| gateway_of(&address, report));
    let mut extra = Some(Vec::new());
    for raw in raw.extra_addresses.iter().flatten() {
        let located = value::address(raw, "an extra address", report)
            .and_then(|address| Some((address, gateway_of(&address, report)?)));
        extra = extra.zip(located).map(|(mut extra, located)| {
            extra.push(located);
            extra
        });
    }
    let entrypoint = super::entrypoint_of(
        raw.entrypoint.as_ref(),
        "the VIP",
        raw.span,
        known.entrypoints,
        |_| true,
        report,
    );
    let prefer = prefer(raw, known, report);
    let pins = pins(raw, known, report);
    let preempt = match &raw.preempt {
        Some(raw) => keepalived::preempt(raw, report).map(|preempt| raw.with(preempt)),
        None => known.keepalived.map(|keepalived| Loc {
            value: keepalived.preempt,
            span: keepalived.preempt_span.unwrap_or(raw.span),
        }),
    };
    let notify = match &raw.notify {
        Some(raw) => notify::build(raw, report),
        None => known.keepalived.map(|keepalived| keepalived.notify.clone()),
    };
    let garp = match &raw.garp {
        Some(raw) => keepalived::garp(raw, report),
        None => Some(Garp::default()),
    };
    let track_interfaces = node::interfaces(raw.track_interfaces.as_ref(), report);
    let limit = raw.nodes.as_ref().map(|list| {
        value::refuse_empty(
            list,
            "nodes",
            "list the nodes that can hold the VIP, or remove `nodes` to allow all",
            report,
        );
        value::refuse_repeats(&list.value, "nodes", report);
        let names = list.value.iter().map(Loc::as_str);
        names.filter(|name| known.nodes.knows(*name, "node", report)).collect::<Vec<_>>()
    });
    let (address, gateway, extra) = (address?, gateway?, extra.map(sorted)?);
    check_interval(&address, known, report);
    refuse_two_gateways(&address, gateway.as_ref(), &extra, report)?;
    refuse_idle_pins(raw, report);
    let wanted: Vec<&Label> =
        gateway.iter().chain(extra.iter().filter_map(|(_, gateway)| gateway.as_ref())).collect();
    if limit.as_ref().is_some_and(Vec::is_empty) {
        return None;
    }
    let nodes = holders(raw, &address, &wanted, limit.as_deref(), known, report);
    let priorities = raw
        .priorities
        .as_ref()
        .map(|written| priorities(written, raw, nodes.as_deref(), known, report));
    if let (Some(Some(priorities)), Some(entrypoint)) = (&priorities, &entrypoint) {
        let stays = preempt.is_some_and(|preempt| preempt.value == Preempt::Never);
        if !stays {
            refuse_low_priorities(raw, priorities, entrypoint, known, report);
        }
    }
    Some(Vip {
        span: raw.span,
        address,
        gateway,
        entrypoint: entrypoint?,
        extra,
        prefer,
        nodes: nodes?,
        limit: raw.nodes.as_ref().map(|nodes| nodes.span),
        pins,
        priorities: priorities.map_or(Some(None), |priorities| priorities.map(Some))?,
        preempt: preempt?,
        notify: notify?,
        garp: garp?,
        track_interfaces: track_interfaces?,
    })
}

fn sorted<T: Ord>(mut extra: Vec<T>) -> Vec<T> {
    extra.sort();
    extra
}

/// Reports numbers of routing for a VIP that has none.
fn refuse_idle_pins(raw: &raw::Vip, report: &mut Report) {
    let Some(gateway) = &raw.gateway else { return };
    let pins = [
        ("table", raw.table.map(|pin| pin.span)),
        ("rule_priority", raw.rule_priority.map(|pin| pin.span)),
        ("mark", raw.mark.map(|pin| pin.span)),
        ("mark_rule_priority", raw.mark_rule_priority.map(|pin| pin.span)),
    ];
    for (key, span) in pins.into_iter().filter_map(|(key, span)| Some((key, span?))) {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                span,
                format!("`{key}` does nothing beside `gateway: none`"),
                "such a VIP has no table, rule or mark",
            )
            .also(gateway.span, "said here")
            .help(format!("remove `{key}`")),
        );
    }
}

/// The gateway whose network contains the address, and can have a host of that address.
fn gateway_of(
    address: &Loc<IpAddr>,
    gateways: &Names<Label, NextHop>,
    report: &mut Report,
) -> Option<Label> {
    let found = gateways.iter().find(|(_, gateway)| gateway.network.value.contains(&address.value));
    let Some((name, gateway)) = found else {
        if gateways.complete {
            let networks: Vec<String> = gateways
                .iter()
                .map(|(name, gateway)| format!("`{name}` {}", gateway.network.value))
                .collect();
            report.push(
                Diagnostic::new(
                    &codes::NO_GATEWAY,
                    address.span,
                    format!("{} is not in any gateway's network", address.value),
                    "no gateway for this address",
                )
                .note("replies of a VIP leave through the gateway of its network")
                .help(match networks.is_empty() {
                    true => "add a gateway with the VIP's network".to_owned(),
                    false => format!("the networks are {}", networks.join(", ")),
                }),
            );
        }
        return None;
    };
    let network = gateway.network.value;
    let edge = value::edge_of(network, address.value);
    if let Some(edge) = edge {
        report.push(
            Diagnostic::new(
                &codes::UNUSABLE_ADDRESS,
                address.span,
                format!("{} is the {edge} of {network}", address.value),
                "no host can have it",
            )
            .also(gateway.network.span, "of this network"),
        );
        return None;
    }
    Some(name.clone())
}

/// A VIP's table has one default route per family, so its addresses of a family share a gateway.
fn refuse_two_gateways(
    address: &Loc<IpAddr>,
    gateway: Option<&Label>,
    extra: &[(Loc<IpAddr>, Option<Label>)],
    report: &mut Report,
) -> Option<()> {
    let mut first: [Option<(Span, &Label)>; 2] = [None, None];
    let own = std::iter::once((address, gateway));
    let extra = extra.iter().map(|(address, gateway)| (address, gateway.as_ref()));
    let routed = own.chain(extra).filter_map(|(address, gateway)| Some((address, gateway?)));
    for (address, gateway) in routed {
        match first[usize::from(address.value.is_ipv6())] {
            Some((span, other)) if other != gateway => {
                report.push(
                    Diagnostic::new(
                        &codes::NO_GATEWAY,
                        address.span,
                        format!("{} needs the gateway `{gateway}`, but its VIP's replies leave by `{other}`", address.value),
                        format!("in the network of `{gateway}`"),
                    )
                    .also(span, format!("in the network of `{other}`"))
                    .note("a VIP has one routing table, with one default route per family")
                    .help("make it a separate VIP"),
                );
                return None;
            }
            Some(_) => {}
            ref mut none => *none = Some((address.span, gateway)),
        }
    }
    Some(())
}

fn prefer(raw: &raw::Vip, known: &Known<'_>, report: &mut Report) -> Vec<Loc<Subdomain>> {
    let Some(list) = &raw.prefer else { return Vec::new() };
    value::refuse_repeats(list, "prefer", report);
    list.iter()
        .filter_map(|name| {
            if !known.nodes.knows(name.as_str(), "node", report) {
                return None;
            }
            let limited = raw.nodes.as_ref().filter(|nodes| !nodes.value.contains(name));
            if let Some(nodes) = limited {
                report.push(
                    Diagnostic::new(
                        &codes::UNKNOWN_NAME,
                        name.span,
                        format!("`prefer` lists `{}`, which cannot hold the VIP", name.value.text),
                        "preferred here",
                    )
                    .also(nodes.span, "but not allowed here"),
                );
            }
            let (node, _) = known.nodes.find(&name.value.text)?;
            Some(name.with(node.clone()))
        })
        .collect()
}

fn pins(raw: &raw::Vip, known: &Known<'_>, report: &mut Report) -> Pins {
    let table = raw.table.as_ref().and_then(|raw| {
        let table = value::number::<u32, _, _>(raw, "table", report)?;
        if RESERVED_TABLES.contains(&table.value) {
            report.push(
                Diagnostic::new(
                    &codes::RANGE,
                    raw.span,
                    format!("table {} is the kernel's own", table.value),
                    "reserved",
                )
                .note("253, 254 and 255 are the tables default, main and local (ip-route(8))"),
            );
            return None;
        }
        Some(table)
    });
    let mark = raw.mark.as_ref().and_then(|raw| {
        let mark = value::number::<u32, _, _>(raw, "mark", report)?;
        if mark.value & !known.mark_mask != 0 {
            report.push(
                Diagnostic::new(
                    &codes::RANGE,
                    raw.span,
                    format!("the mark {:#x} has bits outside `mark_mask`", mark.value),
                    format!("the mask is {:#x}", known.mark_mask),
                )
                .note("bits outside the mask belong to others: kube-proxy has 0x4000 and 0x8000"),
            );
            return None;
        }
        Some(mark)
    });
    Pins {
        vrid: raw.vrid.as_ref().and_then(|raw| value::number(raw, "vrid", report)),
        table,
        rule_priority: raw
            .rule_priority
            .as_ref()
            .and_then(|raw| value::number(raw, "rule_priority", report)),
        mark,
        mark_rule_priority: raw
            .mark_rule_priority
            .as_ref()
            .and_then(|raw| value::number(raw, "mark_rule_priority", report)),
    }
}

/// IPv6 instances are always VRRPv3, whose adverts hold 12 bits of centiseconds.
fn check_interval(address: &Loc<IpAddr>, known: &Known<'_>, report: &mut Report) {
    let interval = known.keepalived.map(|keepalived| keepalived.advert_interval);
    if address.value.is_ipv6()
        && interval.is_some_and(|interval| interval > Duration::from_millis(40_950))
    {
        report.push(
            Diagnostic::new(
                &codes::RANGE,
                address.span,
                "an IPv6 VIP cannot have adverts more than 40.95 s apart",
                "IPv6 is always VRRPv3",
            )
            .help("lower `keepalived.advert_interval`"),
        );
    }
}
