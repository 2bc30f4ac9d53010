//! VRRP priorities that follow a failover order, and what is left of them while a node is unhealthy.

use super::codes;
use crate::diag::{Diagnostic, Report};
use crate::model::{Datacenter, Subdomain, Vip};

/// The best node's priority; 255 is for address owners (RFC 9568, 5.2.4).
const HIGHEST: u8 = 254;
/// Healthy nodes have 128 to 254, unhealthy ones that yield have 127 less: 1 to 127.
pub const HEALTHY: u8 = 127;

/// Reports VIPs with more nodes than there are priorities for healthy ones.
pub(super) fn refuse_too_many(datacenter: &Datacenter, report: &mut Report) -> Option<()> {
    let mut fits = Some(());
    for vip in datacenter.vips.iter().filter(|vip| vip.nodes.len() > usize::from(HEALTHY)) {
        fits = None;
        let (address, count) = (vip.address.value, vip.nodes.len());
        report.push(
            Diagnostic::new(&codes::POOL, vip.address.span, format!("{count} nodes can hold {address}"), format!("at most {HEALTHY}"))
                .note("VRRP priorities go from 1 to 254, and every unhealthy node needs a priority below all healthy ones")
                .help("list at most 127 of them in the VIP's `nodes`"),
        );
    }
    fits
}

/// A node that may hold a VIP, in the VIP's standby order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The node.
    pub node: Subdomain,
    /// Its VRRP priority; 1 to 254.
    pub priority: u8,
    /// The amount of priority that it loses while it is unhealthy: it ranks below every healthy node then, and unhealthy
    /// nodes keep their order among themselves.
    pub loss: u8,
}

/// The standings of an order, priorities falling. Pinned priorities are what they are.
///
/// The step is the same for every VIP of a datacenter, and wide where there are few nodes: a backup's skew time
/// ((256 - priority) / 256 of a second in VRRPv2) then tells the next one from the one after it.
pub(super) fn standings(vip: &Vip, order: Vec<Subdomain>, nodes: usize) -> Vec<Standing> {
    let Some(pinned) = &vip.priorities else {
        let ranked = order.into_iter().zip(falling(nodes));
        return ranked.map(|(node, priority)| Standing { node, priority, loss: HEALTHY }).collect();
    };
    let pinned: Vec<(Subdomain, u8)> = order
        .into_iter()
        .filter_map(|node| pinned.get(&node).copied().map(|priority| (node, priority)))
        .collect();
    // Pinned priorities may be any: the last one falls to 1, the one before it to 2, and so on. The model sees to it
    // that all of these are free.
    let mut left = 0_u8;
    let mut standings: Vec<Standing> = pinned
        .into_iter()
        .rev()
        .map(|(node, priority)| {
            left = left.saturating_add(1);
            Standing { node, priority, loss: priority.saturating_sub(left) }
        })
        .collect();
    standings.reverse();
    standings
}

/// The priorities of an order in a datacenter of so many nodes.
pub fn falling(nodes: usize) -> impl Iterator<Item = u8> {
    let step = match nodes {
        0..=13 => 10,
        14..=26 => 5,
        27..=64 => 2,
        _ => 1,
    };
    (0..)
        .step_by(step)
        .map(|fallen| HIGHEST - u8::try_from(fallen).unwrap_or(HEALTHY).min(HEALTHY - 1))
}
