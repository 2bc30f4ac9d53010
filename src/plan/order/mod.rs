//! The failover order of every VIP: chosen together, so that load stays even now and after failures, and stable
//! through the lock.
//!
//! An order holds every node that may hold the VIP, whatever its state: a node in maintenance keeps its place, and its
//! VIPs go where they would go if it had failed. `effective` takes the state into account.

mod climb;
mod grow;
mod load;
mod part;

use crate::model::{Datacenter, NodeState, Subdomain, Vip};

use super::lock::Lock;
pub use load::bound;
use part::Part;

/// The extent to which orders of the lock are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As they are; what is new finds its place around them.
    Locked,
    /// As far as the bound allows: as few VIPs as possible change their MASTER, the rest is chosen again.
    Masters,
}

/// The group of each VIP, and its order over every node that may hold it, as in `datacenter.vips`.
pub(super) fn choose(
    datacenter: &Datacenter,
    lock: &Lock,
    keep: Keep,
) -> Vec<(usize, Vec<Subdomain>)> {
    let mut orders = vec![(0, Vec::new()); datacenter.vips.len()];
    // VIPs that no node ties together do not concern each other.
    for (group, mut part) in Part::split(datacenter, lock).into_iter().enumerate() {
        grow::insert_new_nodes(&mut part);
        grow::add_new_vips(&mut part);
        if keep == Keep::Masters {
            grow::even_masters(&mut part);
        }
        climb::improve(&mut part, keep);
        for (vip, order) in part.finish() {
            orders[vip] = (group, order);
        }
    }
    orders
}

/// The order that keepalived gets: active nodes, then draining ones, none in maintenance.
pub(super) fn effective(datacenter: &Datacenter, vip: &Vip, order: &[Subdomain]) -> Vec<Subdomain> {
    let with = |state: NodeState| {
        order
            .iter()
            .filter(move |name| datacenter.nodes.get(*name).is_some_and(|node| node.state == state))
    };
    // Pinned priorities say the whole order.
    if vip.priorities.is_some() {
        let out = |name: &&Subdomain| {
            datacenter.nodes.get(*name).is_some_and(|node| node.state != NodeState::Maintenance)
        };
        return order.iter().filter(out).cloned().collect();
    }
    with(NodeState::Active).chain(with(NodeState::Draining)).cloned().collect()
}
