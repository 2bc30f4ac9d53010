//! The failover order of every VIP: chosen together, so that load stays even now and after failures, and stable
//! through the lock.
//!
//! An order holds every node that may hold the VIP, whatever its state: a node in maintenance keeps its place, and its
//! VIPs go where they would go if it had failed. `effective` takes the state into account.

mod climb;
mod flow;
mod grow;
mod load;
mod master;
mod part;

use crate::model::{Datacenter, NodeState, Subdomain, Vip};

use super::lock::Lock;
pub use load::{bound, bound_of_groups};
use part::Part;

/// The extent to which orders of the lock are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// As they are; what is new finds its place around them.
    Locked,
    /// As far as the bounds allow: as few VIPs as possible change their MASTER, and standby orders are rewritten where that
    /// brings some set of failures nearer to its bound.
    Masters,
}

/// The group of each VIP, and its order over every node that may hold it, as in `datacenter.vips`.
pub(super) fn choose(
    datacenter: &Datacenter,
    lock: &Lock,
    keep: Keep,
) -> Vec<(usize, Vec<Subdomain>)> {
    let mut orders = vec![(0, Vec::new()); datacenter.vips.len()];
    // VIPs that no node ties together concern each other by the zones of their nodes only.
    let mut parts = Part::split(datacenter, lock);
    parts.iter_mut().for_each(grow::insert_new_nodes);
    // The rewritten orders are compared with those that would stand without.
    let stages: &[Keep] = match keep {
        Keep::Locked => &[Keep::Locked],
        Keep::Masters => &[Keep::Locked, Keep::Masters],
    };
    for keep in stages.iter().copied() {
        master::choose(&mut parts, keep);
        parts.iter_mut().for_each(grow::add_standbys);
        parts.iter_mut().for_each(|part| climb::improve(part, keep));
    }
    for (group, part) in parts.into_iter().enumerate() {
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
