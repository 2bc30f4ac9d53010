//! The VIPs that meet on a node.

use crate::model::{Datacenter, Subdomain, Vip};

/// The nodes that may hold each VIP, to tell which VIPs meet on one.
pub(super) struct Meet {
    nodes: Vec<Vec<u64>>,
}

impl Meet {
    pub fn of(datacenter: &Datacenter) -> Self {
        let names: Vec<&Subdomain> = datacenter.nodes.keys().collect();
        let words = names.len().div_ceil(64);
        let bits = |vip: &Vip| {
            let mut bits = vec![0u64; words];
            for node in &vip.nodes {
                if let Ok(index) = names.binary_search(&node) {
                    bits[index / 64] |= 1 << (index % 64);
                }
            }
            bits
        };
        Self { nodes: datacenter.vips.iter().map(bits).collect() }
    }

    /// Returns true if some node may hold both VIPs.
    pub fn on_a_node(&self, a: usize, b: usize) -> bool {
        self.nodes[a].iter().zip(&self.nodes[b]).any(|(a, b)| a & b != 0)
    }
}
