//! The number of VIPs that a node holds, and the most that it may hold.

use super::part::Part;

/// The most VIPs that a node of this weight may hold, `alive` being the sum of all weights that are left: its share,
/// rounded up.
pub fn bound(vips: usize, weight: u32, alive: u32) -> usize {
    (vips * weight as usize).div_ceil((alive as usize).max(1))
}

/// The most VIPs that a zone may hold: the sum of its shares of several groups of VIPs, rounded up. A share is a number
/// of VIPs, the weight of the zone's nodes among those that hold them, and the weight of all of those.
pub fn bound_of_groups(shares: impl Iterator<Item = (usize, u32, u32)>) -> usize {
    /// Binary places: the sum of what is cut off stays far below one VIP.
    const FRACTION: u32 = 32;
    let share = |(vips, weight, alive): (usize, u32, u32)| {
        ((vips as u128 * u128::from(weight)) << FRACTION) / u128::from(alive.max(1))
    };
    let sum: u128 = shares.map(share).sum();
    usize::try_from(sum.div_ceil(1 << FRACTION)).unwrap_or(usize::MAX)
}

impl Part {
    /// Returns the number of VIPs on each node when exactly `failed` have failed, as far as the orders say already.
    pub fn loads(&self, failed: &[usize]) -> Vec<usize> {
        let mut out = vec![false; self.nodes()];
        for node in failed {
            out[*node] = true;
        }
        let mut loads = vec![0; self.nodes()];
        for order in &self.orders {
            if let Some(holder) = order.iter().find(|node| !out[**node]) {
                loads[*holder] += 1;
            }
        }
        loads
    }

    /// The most VIPs that a node may hold when some have failed.
    pub fn bound(&self, node: usize, failed: &[usize]) -> usize {
        let left = (0..self.nodes()).filter(|node| !failed.contains(node));
        bound(self.vips.len(), self.weights[node], left.map(|node| self.weights[node]).sum())
    }

    /// `count` VIPs in shares of the node's weight, comparable between nodes.
    pub fn share(&self, node: usize, count: usize) -> u64 {
        count as u64 * (1 << 32) / u64::from(self.weights[node])
    }
}
