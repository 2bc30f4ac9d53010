//! VRRP priorities that follow a failover order.

use super::codes;
use crate::diag::{Diagnostic, Report};
use crate::model::{Datacenter, Subdomain, Vip};

/// The best node's priority; 255 is for address owners (RFC 9568, 5.2.4).
const HIGHEST: u8 = 254;
/// Healthy nodes have 128 to 254, unhealthy ones that yield have 127 less: 1 to 127.
const HEALTHY: u8 = 127;

/// Reports VIPs with more nodes than there are priorities for healthy ones.
pub(super) fn refuse_too_many(datacenter: &Datacenter, report: &mut Report) -> Option<()> {
    let mut fits = Some(());
    for vip in datacenter.vips.iter().filter(|vip| vip.nodes.len() > usize::from(HEALTHY)) {
        fits = None;
        let (address, count) = (vip.address.value, vip.nodes.len());
        report.push(
            Diagnostic::new(&codes::POOL, vip.address.span, format!("{count} nodes may hold {address}"), format!("at most {HEALTHY}"))
                .note("VRRP priorities go from 1 to 254, and an unhealthy node needs one of its own below every healthy one")
                .help("name at most 127 of them in the VIP's `nodes`"),
        );
    }
    fits
}

/// The priority of each node of an order, falling. Pinned priorities are what they are.
///
/// The step is the same for every VIP of a datacenter, and wide where there are few nodes: a backup's skew time
/// ((256 - priority) / 256 of a second in VRRPv2) then tells the next one from the one after it.
pub(super) fn assign(vip: &Vip, order: &[Subdomain], nodes: usize) -> Vec<u8> {
    if let Some(pinned) = &vip.priorities {
        return order.iter().filter_map(|node| pinned.get(node).copied()).collect();
    }
    let step = match nodes {
        0..=13 => 10,
        14..=26 => 5,
        27..=64 => 2,
        _ => 1,
    };
    (0..order.len())
        .map(|rank| HIGHEST - u8::try_from(rank * step).unwrap_or(HEALTHY).min(HEALTHY - 1))
        .collect()
}

/// What an unhealthy node loses: enough to rank below every healthy one.
pub(super) fn yield_weight(priorities: &[u8]) -> i16 {
    let highest = priorities.iter().copied().max().unwrap_or(HIGHEST);
    let lowest = priorities.iter().copied().min().unwrap_or(HIGHEST);
    let spread = i16::from(highest - lowest);
    // Allocated priorities all lose the same; pinned ones may stand too low for that, and lose what they must.
    match lowest > HEALTHY {
        true => -i16::from(HEALTHY),
        false => -(spread + 1),
    }
}
