//! The addresses that clients know.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::holder::{Known, holders, priorities, refuse_low_priorities};
use super::keepalived::{self, Garp, Preempt};
use super::notify::{self, Notify};
use super::placement::{Placement, Written};
use super::{codes, network, node, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{Interface, Label, Subdomain};
use crate::source::{Loc, Span};

/// A VIP.
#[derive(Debug)]
pub struct Vip {
    /// The start of its entry.
    pub span: Span,
    /// The advertised address.
    pub address: Loc<IpAddr>,
    /// The place of that address on its holder.
    pub placement: Placement,
    /// The traffic it is for.
    pub entrypoint: Label,
    /// Addresses that share its fate, each with its place; by address.
    pub extra: Vec<(Loc<IpAddr>, Placement)>,
    /// Nodes that come first, in this order.
    pub prefer: Vec<Loc<Subdomain>>,
    /// Every node that may hold it, those in maintenance too; sorted, and at least one not in maintenance.
    pub nodes: Vec<Subdomain>,
    /// The place of the inventory's `nodes`, or `None` if it is not written.
    pub limit: Option<Span>,
    /// The VRID, where the inventory fixes it; not yet compared with those of other VIPs.
    pub vrid: Option<Loc<u8>>,
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

impl Vip {
    /// `address` and the extra addresses, each with its place.
    pub fn addresses(&self) -> impl Iterator<Item = (IpAddr, &Placement)> {
        self.written().map(|(address, placement)| (address.value, placement))
    }

    /// `addresses`, and where they are written.
    pub(super) fn written(&self) -> impl Iterator<Item = (&Loc<IpAddr>, &Placement)> {
        let extra = self.extra.iter().map(|(address, placement)| (address, placement));
        std::iter::once((&self.address, &self.placement)).chain(extra)
    }
}

pub(super) fn build(raw: &[raw::Vip], known: &Known<'_>, report: &mut Report) -> Vec<Vip> {
    let mut vips: Vec<Vip> = raw.iter().filter_map(|raw| vip(raw, known, report)).collect();
    vips.sort_by_key(|vip| vip.address.value);
    vips
}

fn vip(raw: &raw::Vip, known: &Known<'_>, report: &mut Report) -> Option<Vip> {
    let own = Written::of_vip(raw).build("a VIP's address", known, report);
    let extra = raw
        .extra_addresses
        .iter()
        .flatten()
        .map(|extra| Written::of_extra(extra, raw).build("an extra address", known, report));
    // All of them are read before one that is missing ends it.
    let extra: Vec<Option<(Loc<IpAddr>, Placement)>> = extra.collect();
    let extra: Option<Vec<(Loc<IpAddr>, Placement)>> = extra.into_iter().collect();
    let entrypoint = super::entrypoint::entrypoint_of(
        raw.entrypoint.as_ref(),
        "the VIP",
        raw.span,
        known.entrypoints,
        |_| true,
        report,
    );
    let prefer = prefer(raw, known, report);
    let vrid = raw.vrid.as_ref().map(|raw| value::number(raw, "vrid", report));
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
    let ((address, placement), mut extra) = (own?, extra?);
    extra.sort_by_key(|(address, _)| *address);
    check_interval(&address, known, report);
    let wanted: Vec<&Label> = std::iter::once(&placement)
        .chain(extra.iter().map(|(_, placement)| placement))
        .filter_map(|placement| placement.gateway.as_ref())
        .collect();
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
    let vip = Vip {
        span: raw.span,
        address,
        placement,
        entrypoint: entrypoint?,
        extra,
        prefer,
        nodes: nodes?,
        limit: raw.nodes.as_ref().map(|nodes| nodes.span),
        vrid: vrid.map_or(Some(None), |vrid| vrid.map(Some))?,
        priorities: priorities.map_or(Some(None), |priorities| priorities.map(Some))?,
        preempt: preempt?,
        notify: notify?,
        garp: garp?,
        track_interfaces: track_interfaces?,
    };
    network::check(&vip, raw, known, report).then_some(vip)
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
