//! VIPs that somebody has to ask from outside: no check on a node tells whether the right network is behind an interface.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::impact::Comparison;
use crate::language::name::Subdomain;
use crate::state::{NodeState, State};

/// A VIP that is on an interface for the first time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Probe {
    /// The first of those that come to the interface.
    pub vip: IpAddr,
    /// The interface that holds it.
    pub interface: String,
    /// The nodes that have the interface.
    pub nodes: Vec<Subdomain>,
}

/// One VIP for each interface that gets some and that could be mistaken for another one of the same node.
pub(super) fn probes(change: Comparison<'_>) -> Vec<Probe> {
    let (before, after) = (held(change.from), held(change.to));
    let mut found: BTreeMap<&str, Probe> = BTreeMap::new();
    for (node, vips) in &after {
        let interfaces: BTreeSet<&str> = vips.values().copied().collect();
        let known = before.get(node);
        let new = vips
            .iter()
            .filter(|(vip, interface)| known.and_then(|known| known.get(*vip)) != Some(*interface));
        for (vip, interface) in new.filter(|_| interfaces.len() > 1) {
            let probe = found.entry(interface).or_insert_with(|| Probe {
                vip: *vip,
                interface: (*interface).to_owned(),
                nodes: Vec::new(),
            });
            if probe.nodes.last() != Some(*node) {
                probe.nodes.push((*node).clone());
            }
        }
    }
    found.into_values().collect()
}

/// The interface of each VIP, on each node that may hold it.
fn held(state: &State) -> BTreeMap<&Subdomain, BTreeMap<IpAddr, &str>> {
    state.nodes.iter().map(|(name, node)| (name, of_node(node))).collect()
}

fn of_node(node: &NodeState) -> BTreeMap<IpAddr, &str> {
    let instances = node.keepalived.iter().flat_map(|found| &found.instances);
    let addresses = instances.flat_map(|instance| &instance.addresses);
    addresses.map(|held| (held.address.addr(), held.interface.as_str())).collect()
}
