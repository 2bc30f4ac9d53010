//! The turns that a node can take, and their effects.

use std::net::IpAddr;

use crate::rollout::step::VipMove;
use crate::state::elect::NodeIndex;

/// The change of a node between **from** and **to**.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its keepalived runs the same.
    Same,
    /// The node runs another configuration.
    Change,
    /// The node is new.
    Join,
    /// The node goes.
    Leave,
}

/// Something that is done to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// The node comes to run **to**: reloads, starts or stops.
    Next(NodeIndex),
    /// The node's VIPs go; without a drain file its keepalived stops.
    Drain(NodeIndex),
    /// The node's VIPs may come back.
    Undrain(NodeIndex),
}

impl Turn {
    pub fn node(self) -> NodeIndex {
        match self {
            Self::Next(node) | Self::Drain(node) | Self::Undrain(node) => node,
        }
    }
}

/// The effects that a turn would have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Verdict {
    /// VIPs with several holders, or with none, or with none for longer than a handover.
    pub broken: Vec<IpAddr>,
    /// VIPs that move.
    pub moves: usize,
    /// Those that move to a node that is not their last.
    pub detours: usize,
}

impl Verdict {
    pub fn is_safe(&self) -> bool {
        self.broken.is_empty()
    }
}

/// A move, and whether it is not to the VIP's last holder.
pub struct Moved {
    pub moved: VipMove,
    pub is_detour: bool,
}
