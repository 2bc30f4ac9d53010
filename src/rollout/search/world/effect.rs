//! Effects of a node's change: VIPs that it loses or keeps on the way, and restarts.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{FROM, TO, World};
use crate::rollout::search::turn::Turn;
use crate::state::Configuration;
use crate::state::elect::{Change, NodeIndex, Phase};

impl World<'_> {
    /// VIPs that a node holds and loses on the way: its instance is made anew, or its keepalived stops and starts. They are
    /// silent for as long as a MASTER that died, or lost for good (facts R8, R14).
    pub(super) fn made_anew(&self, turn: Turn) -> Vec<IpAddr> {
        let Turn::Next(node) = turn else { return Vec::new() };
        if self.is_drained(node) || !self.is_running(node) {
            return Vec::new();
        }
        let restarts = self.restarts(node);
        let held = |at: &usize| self.holders[*at].contains(&node);
        let loses = |address: &IpAddr| match self.electorate.change(*address, node) {
            Change::MadeAnew => true,
            Change::None | Change::InPlace => restarts,
            Change::Appears | Change::Goes => false,
        };
        let held = (0..self.addresses.len()).filter(held).map(|at| self.addresses[at]);
        held.filter(loses).collect()
    }

    /// Returns true if a node holds VIPs that it loses for a while because of its change.
    pub fn loses_on_the_way(&self, node: NodeIndex) -> bool {
        !self.made_anew(Turn::Next(node)).is_empty()
    }

    /// Returns true if keepalived has to stop and start on a node that changes.
    pub fn restarts(&self, node: NodeIndex) -> bool {
        let version = self.electorate.state(node, FROM).and_then(|state| state.version);
        let version = version.unwrap_or(self.request.change.version);
        match (self.configuration(node, FROM), self.configuration(node, TO)) {
            (Some(from), Some(to)) => {
                self.changes_form(node) || from.restarts(to, version).is_some()
            }
            _ => false,
        }
    }

    /// Returns true if keepalived has to stop and start on the way back: 2.2.7 does not survive the second reload of
    /// files that it includes.
    pub fn restarts_back(&self, node: NodeIndex) -> bool {
        let has_includes = self.configuration(node, FROM).is_some_and(|from| from.has_includes);
        has_includes || self.restarts(node)
    }

    fn configuration(&self, node: NodeIndex, phase: Phase) -> Option<&Configuration> {
        self.electorate.state(node, phase)?.keepalived.as_ref()
    }

    /// Returns true if all of these nodes may be reloaded at one moment: keepalived keeps every instance, and no holder
    /// gets or loses one (facts R28).
    pub fn may_close(&self, nodes: &[NodeIndex]) -> bool {
        nodes.iter().all(|node| {
            !self.restarts(*node)
                && (0..self.addresses.len()).all(|at| {
                    match self.electorate.change(self.addresses[at], *node) {
                        Change::None | Change::InPlace => true,
                        Change::MadeAnew => false,
                        Change::Appears => !self.last[at].contains(node),
                        Change::Goes => !self.holders[at].contains(node),
                    }
                })
        })
    }

    /// Returns true if a node keeps a VIP across its reload.
    pub fn keeps(&self, node: NodeIndex, address: IpAddr) -> bool {
        let kept = matches!(self.electorate.change(address, node), Change::None | Change::InPlace);
        kept && !self.restarts(node) && self.may_hold(node, address, FROM)
    }

    /// VIPs of which something changes on a node that has still to change.
    pub fn affected(&self) -> Vec<IpAddr> {
        let open = self.open();
        let changes = |address: &IpAddr| {
            open.iter().any(|node| self.electorate.change(*address, *node) != Change::None)
        };
        self.lasting().into_iter().filter(changes).collect()
    }

    /// Returns true if an address of the node would go from one instance to another that runs beside it (facts
    /// R14).
    pub fn has_trap(&self, node: NodeIndex) -> bool {
        let vrids = |phase: Phase| -> BTreeSet<(u8, bool)> {
            self.configuration(node, phase)
                .into_iter()
                .flat_map(|found| &found.instances)
                .map(|instance| (instance.vrid, instance.advert.ipv6))
                .collect()
        };
        let both: BTreeSet<(u8, bool)> = vrids(FROM).intersection(&vrids(TO)).copied().collect();
        self.addresses.iter().any(|address| {
            let key = |phase| {
                let instance = self.electorate.instance(*address, node, phase)?;
                Some((instance.vrid, instance.advert.ipv6))
            };
            match (key(FROM), key(TO)) {
                (Some(from), Some(to)) => {
                    from != to && (both.contains(&to) || both.contains(&from))
                }
                _ => false,
            }
        })
    }

    /// Returns true if the node's own address changes.
    pub fn is_renumbered(&self, node: NodeIndex) -> bool {
        self.addresses.iter().any(|address| {
            let source = |phase| self.electorate.instance(*address, node, phase)?.advert.source;
            source(FROM).is_some() && source(TO).is_some() && source(FROM) != source(TO)
        })
    }
}
