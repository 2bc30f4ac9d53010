//! The failover order of every VIP: chosen together, so that load stays even now and after failures.

use std::cmp::Reverse;

use crate::model::{Datacenter, NodeState, Subdomain, Vip};

/// The order of each VIP, as in `datacenter.vips`: preferred nodes, the others, draining ones.
///
/// Level by level: every VIP gets its first node, then every VIP its second, and so on. A level takes the node
/// that would carry the least if exactly the VIP's earlier nodes had failed.
pub(super) fn choose(datacenter: &Datacenter) -> Vec<Vec<Subdomain>> {
    let nodes: Vec<(&Subdomain, u32, NodeState)> =
        datacenter.nodes.iter().map(|(name, node)| (name, node.weight, node.state)).collect();
    let index = |name: &Subdomain| nodes.iter().position(|(node, ..)| *node == name);
    let vips: Vec<Candidates> =
        datacenter.vips.iter().map(|vip| Candidates::of(vip, datacenter, index)).collect();
    let mut orders: Vec<Vec<usize>> = vec![Vec::new(); vips.len()];
    for level in 0..nodes.len() {
        for (vip, candidates) in vips.iter().enumerate() {
            let open: Vec<usize> = candidates
                .at(level)
                .iter()
                .copied()
                .filter(|node| !orders[vip].contains(node))
                .collect();
            let load = |node: usize| load_after(&orders, &orders[vip], node);
            let same = |node: usize| {
                let siblings = vips.iter().zip(&orders);
                siblings
                    .filter(|(other, order)| {
                        other.entrypoint == candidates.entrypoint && order.get(level) == Some(&node)
                    })
                    .count()
            };
            let best = open.iter().copied().min_by_key(|node| {
                // Load per weight after taking this VIP, as a fraction over a common denominator.
                let share = (load(*node) + 1) as u64 * (1 << 32) / u64::from(nodes[*node].1);
                (share, same(*node), Reverse(nodes[*node].1), *node)
            });
            orders[vip].extend(best);
        }
    }
    orders
        .into_iter()
        .map(|order| order.into_iter().map(|node| nodes[node].0.clone()).collect())
        .collect()
}

/// How many VIPs a node holds when all of `failed` have failed, as far as the orders say already.
fn load_after(orders: &[Vec<usize>], failed: &[usize], node: usize) -> usize {
    orders
        .iter()
        .filter(|order| order.iter().find(|holder| !failed.contains(holder)) == Some(&node))
        .count()
}

/// The nodes that a VIP may have, by index, in the groups that come one after the other.
struct Candidates<'a> {
    entrypoint: &'a str,
    preferred: Vec<usize>,
    active: Vec<usize>,
    draining: Vec<usize>,
}

impl<'a> Candidates<'a> {
    fn of(
        vip: &'a Vip,
        datacenter: &Datacenter,
        index: impl Fn(&Subdomain) -> Option<usize>,
    ) -> Self {
        let state = |name: &Subdomain| datacenter.nodes.get(name).map(|node| node.state);
        let with = |wanted: NodeState| {
            vip.nodes
                .iter()
                .filter(move |name| state(name) == Some(wanted))
                .filter_map(&index)
                .collect::<Vec<_>>()
        };
        let active = with(NodeState::Active);
        let preferred = vip
            .prefer
            .iter()
            .filter_map(|name| index(&name.value))
            .filter(|node| active.contains(node))
            .collect();
        Self {
            entrypoint: vip.entrypoint.as_str(),
            preferred,
            active,
            draining: with(NodeState::Draining),
        }
    }

    /// Among which nodes the one at `level` of the order is chosen.
    fn at(&self, level: usize) -> &[usize] {
        match self.preferred.get(level..=level) {
            Some(node) => node,
            None if level < self.active.len() => &self.active,
            None => &self.draining,
        }
    }
}
