//! The effects of a node's change on its instances.

use std::net::IpAddr;

use super::{Candidate, Electorate, Masters, NodeIndex, Situation};
use crate::state::Instance;

/// The change of an address's instance on a node, from one state to the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// There is no instance in either state, or the same one in both.
    None,
    /// keepalived keeps it.
    InPlace,
    /// keepalived makes it anew.
    MadeAnew,
    /// The instance was not there before.
    Appears,
    /// The instance is not there any more.
    Goes,
}

impl Electorate {
    /// Returns the change of an address's instance on a node, from the first state to the second.
    pub fn change(&self, address: IpAddr, node: NodeIndex) -> Change {
        match (self.instance(address, node, 0), self.instance(address, node, 1)) {
            (None, None) => Change::None,
            (None, Some(_)) => Change::Appears,
            (Some(_), None) => Change::Goes,
            (Some(from), Some(to)) if from == to => Change::None,
            (Some(from), Some(to)) if from.identity() == to.identity() => Change::InPlace,
            (Some(_), Some(_)) => Change::MadeAnew,
        }
    }
    /// The MASTERs that stay in office while nodes go from one situation to another: keepalived keeps an instance whose
    /// identity stays, and none where it restarts.
    pub fn retained(
        &self,
        masters: &Masters,
        from: &Situation,
        to: &Situation,
        restarts: impl Fn(NodeIndex) -> bool,
    ) -> Masters {
        let stays = |router: usize, at: usize| {
            let candidates = &self.routers[router].candidates;
            let found = &candidates[at];
            let next = to.running[found.node];
            if from.running[found.node] == next {
                return true;
            }
            let same = |other: &Candidate| {
                other.node == found.node
                    && Some(other.phase) == next
                    && other.instance().map(Instance::identity)
                        == found.instance().map(Instance::identity)
            };
            !restarts(found.node) && candidates.iter().any(same)
        };
        let chosen = masters.chosen.iter().enumerate().map(|(router, chosen)| {
            chosen.iter().copied().filter(|at| stays(router, *at)).collect()
        });
        Masters { chosen: chosen.collect() }
    }
}
