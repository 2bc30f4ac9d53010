//! A set of VIPs and nodes that no VIP ties to the rest of the datacenter, by index.

use std::collections::BTreeMap;

use crate::model::{Datacenter, Subdomain, Vip};
use crate::plan::lock::Lock;

/// VIPs and the nodes that may hold them.
pub struct Part {
    /// Index in the datacenter, and name.
    names: Vec<Subdomain>,
    /// Share of each node.
    pub weights: Vec<u32>,
    /// Failure domain of each node, by its first node in the datacenter; a node without one is its own.
    pub zones: Vec<usize>,
    /// The VIPs.
    pub vips: Vec<Candidate>,
    /// The order of each VIP, as far as it is known.
    pub orders: Vec<Vec<usize>>,
}

/// A VIP to be ordered.
pub struct Candidate {
    index: usize,
    /// The traffic it is for.
    pub entrypoint: usize,
    /// Nodes that may hold it, rising.
    pub nodes: Vec<usize>,
    /// Nodes that come first.
    pub prefer: Vec<usize>,
    /// True if its order is given by pinned priorities.
    pub pinned: bool,
    /// True if it had an order in the lock.
    pub locked: bool,
}

impl Part {
    /// The parts of a datacenter, with the orders of the lock.
    pub fn split(datacenter: &Datacenter, lock: &Lock) -> Vec<Part> {
        let names: Vec<&Subdomain> = datacenter.nodes.keys().collect();
        let mut group: Vec<usize> = (0..names.len()).collect();
        fn root(group: &[usize], mut node: usize) -> usize {
            while group[node] != node {
                node = group[node];
            }
            node
        }
        let index = |name: &Subdomain| names.binary_search(&name).ok();
        for vip in &datacenter.vips {
            let nodes: Vec<usize> = vip.nodes.iter().filter_map(index).collect();
            for pair in nodes.windows(2) {
                let (a, b) = (root(&group, pair[0]), root(&group, pair[1]));
                group[a.max(b)] = a.min(b);
            }
        }
        let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (position, vip) in datacenter.vips.iter().enumerate() {
            if let Some(node) = vip.nodes.first().and_then(index) {
                parts.entry(root(&group, node)).or_default().push(position);
            }
        }
        parts
            .into_iter()
            .map(|(root_node, vips)| {
                let nodes = (0..names.len()).filter(|node| root(&group, *node) == root_node);
                Part::of(datacenter, lock, nodes.map(|node| names[node].clone()).collect(), &vips)
            })
            .collect()
    }

    fn of(datacenter: &Datacenter, lock: &Lock, names: Vec<Subdomain>, vips: &[usize]) -> Part {
        let node = |name: &Subdomain| datacenter.nodes.get(name);
        let zone_of = |name: &Subdomain| {
            let zone = node(name).and_then(|node| node.zone.as_ref());
            let first = datacenter.nodes.iter().position(|(other, node)| match zone {
                Some(_) => node.zone.as_ref() == zone,
                None => other == name,
            });
            first.unwrap_or_default()
        };
        let entrypoints: Vec<_> = datacenter.entrypoints.keys().collect();
        let mut part = Part {
            weights: names.iter().map(|name| node(name).map_or(1, |node| node.weight)).collect(),
            zones: names.iter().map(zone_of).collect(),
            vips: Vec::with_capacity(vips.len()),
            orders: Vec::with_capacity(vips.len()),
            names,
        };
        for index in vips {
            let vip = &datacenter.vips[*index];
            let (candidate, order) = part.candidate(*index, vip, lock, |vip| {
                entrypoints.iter().position(|name| **name == vip.entrypoint).unwrap_or(0)
            });
            part.vips.push(candidate);
            part.orders.push(order);
        }
        part
    }

    fn candidate(
        &self,
        index: usize,
        vip: &Vip,
        lock: &Lock,
        entrypoint: impl Fn(&Vip) -> usize,
    ) -> (Candidate, Vec<usize>) {
        let find = |name: &Subdomain| self.names.binary_search(name).ok();
        let nodes: Vec<usize> = vip.nodes.iter().filter_map(find).collect();
        let prefer: Vec<usize> = vip
            .prefer
            .iter()
            .filter_map(|name| find(&name.value))
            .filter(|node| nodes.contains(node))
            .collect();
        let (order, locked) = match &vip.priorities {
            Some(pinned) => {
                let mut order: Vec<usize> = nodes.clone();
                order.sort_by_key(|node| std::cmp::Reverse(pinned.get(&self.names[*node])));
                (order, true)
            }
            None => {
                let known = lock.order(vip.address.value);
                let known = known.iter().filter_map(find).filter(|node| nodes.contains(node));
                let known: Vec<usize> = known.collect();
                match known.is_empty() {
                    true => (Vec::new(), false),
                    false => {
                        // Preferred nodes come first, also those that the lock does not know yet.
                        let rest = known.into_iter().filter(|node| !prefer.contains(node));
                        (prefer.iter().copied().chain(rest).collect(), true)
                    }
                }
            }
        };
        let candidate = Candidate {
            index,
            entrypoint: entrypoint(vip),
            nodes,
            prefer,
            pinned: vip.priorities.is_some(),
            locked,
        };
        (candidate, order)
    }

    pub fn nodes(&self) -> usize {
        self.names.len()
    }

    /// The orders by name, with the index of each VIP in the datacenter.
    pub fn finish(self) -> Vec<(usize, Vec<Subdomain>)> {
        let Part { names, vips, orders, .. } = self;
        vips.into_iter()
            .zip(orders)
            .map(|(vip, order)| {
                (vip.index, order.into_iter().map(|node| names[node].clone()).collect())
            })
            .collect()
    }
}
