//! Entries that two datacenters of a fleet both have: VIPs, and the machines that hold them.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::codes;
use super::raw::Inventory;
use crate::diag::{Code, Diagnostic, Report, count};
use crate::source::Span;

/// Something that belongs to one datacenter, by what it is.
struct Own<K> {
    key: K,
    span: Span,
}

/// Entries that two datacenters share: the first of them in each, and their number.
struct Shared<K> {
    /// The datacenters.
    pair: [usize; 2],
    key: K,
    /// Its place in each.
    spans: [Span; 2],
    count: usize,
}

/// Warns once of each two datacenters that have the same VIPs or the same machines, and do not have them from one file.
pub fn warn_of_shared(inventories: &[&Inventory], report: &mut Report) {
    let name = |index: usize| {
        inventories[index].datacenter.as_ref().map_or("", |name| name.value.text.as_str())
    };
    for shared in shared(inventories, &codes::SHARED_VIP, vips) {
        let [one, other] = shared.pair.map(name);
        if one == other {
            continue;
        }
        let address = shared.key;
        let mut diagnostic = Diagnostic::new(
            &codes::SHARED_VIP,
            shared.spans[1],
            format!("{address} is a VIP of `{one}` and of `{other}`"),
            format!("of `{other}`"),
        )
        .also(shared.spans[0], format!("of `{one}`"));
        if shared.count > 1 {
            diagnostic = diagnostic.note(format!("they share {} VIPs", shared.count));
        }
        report.push(
            diagnostic
                .note("one of the two may be a copy of the other: its rollout would change the other's nodes")
                .help("give each datacenter addresses of its own; where both announce the VIP on purpose, write `allow: [LB229]` at it"),
        );
    }
    for shared in shared(inventories, &codes::SHARED_NODE, machines) {
        let [one, other] = shared.pair.map(name);
        // Two of one name have an error of their own.
        if one == other {
            continue;
        }
        let mut diagnostic = Diagnostic::new(
            &codes::SHARED_NODE,
            shared.spans[1],
            format!("{} is a node of `{one}` and of `{other}`", shared.key),
            format!("of `{other}`"),
        )
        .also(shared.spans[0], format!("of `{one}`"));
        if shared.count > 1 {
            diagnostic = diagnostic.note(format!("they share {}", count(shared.count, "node")));
        }
        report.push(
            diagnostic
                .note("one of the two may be a copy of the other: its rollout would reach the other's machines")
                .help("give each datacenter the addresses and hosts of its own nodes; where two networks use the same ones, write `allow: [LB242]` at the node"),
        );
    }
}

/// Entries that pairs of datacenters share, except those from one file and those that are waived.
fn shared<K: Ord + Clone>(
    inventories: &[&Inventory],
    code: &Code,
    all: impl Fn(&Inventory) -> Vec<Own<K>>,
) -> Vec<Shared<K>> {
    let is_waived = |inventory: &Inventory, span: Span| {
        inventory.waivers().iter().any(|waiver| waiver.covers(code.id, span))
    };
    let mut owners: BTreeMap<K, (usize, Span)> = BTreeMap::new();
    let mut pairs: BTreeMap<[usize; 2], Shared<K>> = BTreeMap::new();
    for (index, inventory) in inventories.iter().enumerate() {
        for Own { key, span } in all(inventory) {
            let (owner, first) = *owners.entry(key.clone()).or_insert((index, span));
            let is_own = owner == index || first == span;
            if is_own || is_waived(inventories[owner], first) || is_waived(inventory, span) {
                continue;
            }
            let pair = [owner, index];
            let new = Shared { pair, key, spans: [first, span], count: 0 };
            pairs.entry(pair).or_insert(new).count += 1;
        }
    }
    pairs.into_values().collect()
}

fn vips(inventory: &Inventory) -> Vec<Own<IpAddr>> {
    let written = inventory.vips.iter().flatten().filter_map(|vip| vip.address.as_ref());
    written
        .filter_map(|raw| Some(Own { key: raw.value.text.parse().ok()?, span: raw.span }))
        .collect()
}

/// Nodes, by the host that is connected to, and by their addresses. A name alone may be that of another machine.
fn machines(inventory: &Inventory) -> Vec<Own<String>> {
    let nodes = inventory
        .nodes
        .iter()
        .flat_map(|map| map.values())
        .filter_map(|entry| entry.value.as_ref());
    let by = |node: &super::raw::Node| {
        let host = node.host.as_ref().map(|host| (host.value.text.clone(), host.span));
        let address = node.address.as_ref().map(|raw| (raw.value.text.clone(), raw.span));
        let address6 = node.address6.as_ref().map(|raw| (raw.value.text.clone(), raw.span));
        // One of them is enough to be the same machine.
        [host, address, address6].into_iter().flatten().next()
    };
    nodes.filter_map(by).map(|(key, span)| Own { key, span }).collect()
}
