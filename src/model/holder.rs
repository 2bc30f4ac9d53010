//! The nodes that may hold a VIP, and the priorities that an inventory pins for them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::keepalived::{Keepalived, PolicyRouting};
use super::next_hop::NextHop;
use super::node::Node;
use super::{Entrypoint, Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::Map;
use crate::inventory::raw;
use crate::language::name::{Label, Subdomain};
use crate::language::number::Priority;
use crate::language::word::NodeState;
use crate::source::{Loc, Span};

/// Everything that VIPs refer to, built before them.
pub(super) struct Known<'a> {
    pub gateways: &'a Names<Label, NextHop>,
    pub nodes: &'a Names<Subdomain, Node>,
    pub entrypoints: &'a Names<Label, Entrypoint>,
    /// True if a check of the nodes covers every entrypoint.
    pub has_node_check: bool,
    pub keepalived: Option<&'a Keepalived>,
    pub routing: Option<&'a PolicyRouting>,
}

/// An unhealthy node that yields ranks below every healthy one and keeps a priority of its own: keepalived has none
/// below 1.
pub(super) fn refuse_low_priorities(
    raw: &raw::Vip,
    priorities: &BTreeMap<Subdomain, u8>,
    entrypoint: &Label,
    known: &Known<'_>,
    report: &mut Report,
) {
    let found = known.entrypoints.find(entrypoint.as_str()).map(|(_, entrypoint)| entrypoint);
    let yields = found.is_some_and(|entrypoint| {
        entrypoint.on_unhealthy == super::OnUnhealthy::Yield
            && (entrypoint.is_checked() || known.has_node_check)
    });
    let lowest = priorities.values().copied().min().unwrap_or(u8::MAX);
    let count = priorities.len();
    if yields && usize::from(lowest) <= count {
        let nodes = if count == 1 { "node".to_owned() } else { format!("{count} nodes") };
        report.push(
            Diagnostic::new(
                &codes::PRIORITIES,
                place(raw),
                format!("priority {lowest} leaves no room below it for {nodes} while unhealthy"),
                format!("the lowest must be at least {}", count + 1),
            )
            .note("with `on_unhealthy: yield` an unhealthy node ranks below every healthy one, and priorities end at 1")
            .help("raise the lowest; or write `on_unhealthy: fault` or `ignore`"),
        );
    }
}

/// Returns the place of the first priority, or of the VIP's entry if there is none.
fn place(raw: &raw::Vip) -> Span {
    let first = raw.priorities.iter().flatten().next();
    first.map_or(raw.span, |(_, entry)| entry.key)
}

/// Every node that may hold the VIP: it has the gateways, and `nodes` allows it.
pub(super) fn holders(
    raw: &raw::Vip,
    address: &Loc<IpAddr>,
    gateways: &[&Label],
    limit: Option<&[Loc<&str>]>,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<Vec<Subdomain>> {
    let mut holders: Vec<(&Subdomain, &Node)> = Vec::new();
    let mut complete = true;
    for (name, node) in known.nodes.iter() {
        let listed = limit.map(|limit| limit.iter().find(|listed| listed.value == name.as_str()));
        let lacking = gateways.iter().find(|gateway| !node.gateways.contains_key(gateway.as_str()));
        match (listed, lacking) {
            (Some(None), _) | (None, Some(_)) => continue,
            (Some(Some(listed)), Some(gateway)) => {
                complete = false;
                report.push(
                    Diagnostic::new(
                        &codes::NO_NODE,
                        listed.span,
                        format!(
                            "`{name}` cannot hold {}: it does not have the gateway `{gateway}`",
                            address.value
                        ),
                        "listed here",
                    )
                    .also(node.span, "its `gateways` leave it out"),
                );
            }
            _ => holders.push((name, node)),
        }
    }
    for (name, node) in &holders {
        if node.source(address.value).is_none() {
            complete = false;
            let (key, family) =
                if address.value.is_ipv6() { ("address6", "IPv6") } else { ("address", "IPv4") };
            report.push(
                Diagnostic::new(
                    &codes::NO_SOURCE,
                    node.span,
                    format!("`{name}` has no `{key}`, but can hold {}", address.value),
                    format!("add `{key}:` here"),
                )
                .also(address.span, "this VIP")
                .note(format!(
                    "adverts of an {family} VIP are sent from the node's {family} address"
                )),
            );
        }
    }
    let able = holders.iter().any(|(_, node)| node.state != NodeState::Maintenance);
    if !able && complete && known.nodes.complete && known.gateways.complete {
        let why = match gateways.first().filter(|_| holders.is_empty()) {
            Some(gateway) => format!("no node has the gateway `{gateway}`"),
            None => "every node that can hold it is in maintenance".to_owned(),
        };
        let place = raw.nodes.as_ref().map_or(address.span, |nodes| nodes.span);
        report.push(
            Diagnostic::new(
                &codes::NO_NODE,
                place,
                format!("no node can hold {}", address.value),
                why,
            )
            .help(
                "the nodes' `gateways` and `state`, and the VIP's `nodes` decide which nodes can",
            ),
        );
    }
    (able && complete).then(|| holders.into_iter().map(|(name, _)| name.clone()).collect())
}

/// The pinned priorities, where they order every node that may hold the VIP.
pub(super) fn priorities(
    written: &Map<Subdomain, Loc<Priority>>,
    raw: &raw::Vip,
    nodes: Option<&[Subdomain]>,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<BTreeMap<Subdomain, u8>> {
    let nodes = nodes?;
    let mut priorities = BTreeMap::new();
    let mut taken: BTreeMap<u8, Span> = BTreeMap::new();
    let mut complete = true;
    for (name, entry) in written {
        let priority = entry
            .value
            .as_ref()
            .and_then(|raw| value::number::<u8, _, _>(raw, "priorities", report));
        let node = nodes.iter().find(|node| node.as_str() == name);
        let name_of = Loc { value: name.as_str(), span: entry.key };
        if known.nodes.knows(name_of, "node", report) && node.is_none() && known.nodes.complete {
            report.push(
                Diagnostic::new(
                    &codes::PRIORITIES,
                    entry.key,
                    format!("`{name}` has a priority, but cannot hold the VIP"),
                    "has a priority here",
                )
                .help("remove it, or let the node hold the VIP: its `gateways` and the VIP's `nodes` decide"),
            );
        }
        let Some((node, priority)) = node.zip(priority) else {
            complete = false;
            continue;
        };
        if let Some(first) = taken.insert(priority.value, priority.span) {
            complete = false;
            report.push(
                Diagnostic::new(
                    &codes::PRIORITIES,
                    priority.span,
                    format!("priority {} is given twice", priority.value),
                    "second time",
                )
                .also(first, "first time")
                .note("nodes of equal priority can both become MASTER"),
            );
        }
        priorities.insert(node.clone(), priority.value);
    }
    for node in nodes {
        if !written.contains_key(node.as_str()) {
            complete = false;
            report.push(
                Diagnostic::new(
                    &codes::PRIORITIES,
                    place(raw),
                    format!("`priorities` leaves out `{node}`, which can hold the VIP"),
                    "one for each node that may",
                )
                .help("give a priority for every node that can hold the VIP, or for none"),
            );
        }
    }
    complete.then_some(priorities)
}
