//! What can be done to a node, and what comes of it.

use std::net::IpAddr;

use crate::rollout::step::VipMove;
use crate::state::elect::NodeIndex;

/// What becomes of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Its keepalived runs the same.
    Same,
    /// It runs another configuration.
    Change,
    /// It is new.
    Join,
    /// It goes.
    Leave,
}

/// Something that is done to one node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It comes to run **to**: reloads, starts or stops.
    Next(NodeIndex),
    /// Its VIPs go; without a drain file its keepalived stops.
    Drain(NodeIndex),
    /// They may come back.
    Undrain(NodeIndex),
}

impl Turn {
    pub fn node(self) -> NodeIndex {
        match self {
            Self::Next(node) | Self::Drain(node) | Self::Undrain(node) => node,
        }
    }
}

/// What a turn would do.
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
