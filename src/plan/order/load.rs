//! The number of VIPs that a node holds, and the most that it may hold.

use super::part::Part;

/// The most VIPs that a node of this weight may hold, `alive` being the sum of all weights that are left: its share,
/// rounded up.
pub fn bound(vips: usize, weight: u32, alive: u32) -> usize {
    (vips * weight as usize).div_ceil((alive as usize).max(1))
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
