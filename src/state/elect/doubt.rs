//! VIPs whose holder the files do not decide: it depends on who was first, or on networks of which nothing is known.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Candidate, Electorate, Masters, NodeIndex, Situation, able, rank};
use crate::state::Preemption;

/// The reason why a VIP may have another holder than the election says.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doubt {
    /// `nopreempt`: whoever holds it keeps it.
    NeverPreempts,
    /// Equal priorities: whoever holds it keeps it.
    EqualPriorities,
    /// Sync groups that keep each other from office.
    SyncGroups,
    /// Nothing says whether these interfaces are on one network.
    Network(BTreeSet<(NodeIndex, String)>),
}

/// Holders that are possible too, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The nodes that hold the VIP then.
    pub holders: Vec<NodeIndex>,
    /// The reason why the outcome is in doubt.
    pub doubt: Doubt,
}

impl Electorate {
    /// Every other outcome of an election for an address: each node may have been the first, and networks of which
    /// nothing is known may be apart.
    pub fn others(&self, situation: &Situation, address: IpAddr) -> Vec<Outcome> {
        let usual = self.elect(situation, &Masters::default());
        let usual = self.holders(&usual, address);
        let mut found: Vec<Outcome> = Vec::new();
        let mut add = |holders: Vec<NodeIndex>, doubt: Doubt| {
            let is_new = holders != usual && found.iter().all(|known| known.holders != holders);
            if is_new {
                found.push(Outcome { holders, doubt });
            }
        };
        let alternatives = self.histories(situation);
        for masters in &alternatives {
            add(self.holders(masters, address), self.why_by_history(situation, address));
        }
        if self.routers.iter().any(|router| router.apart.is_some()) {
            let masters = self.settle(situation, &Masters::default(), |router| {
                router.apart.as_ref().unwrap_or(&router.hearing)
            });
            add(self.holders(&masters, address), Doubt::Network(self.unknown_links(address)));
        }
        found
    }

    /// Returns the MASTERs that result from every start in which one node was first; those of the usual start are not
    /// among them.
    pub fn histories(&self, situation: &Situation) -> Vec<Masters> {
        let usual = self.elect(situation, &Masters::default());
        let mut all: Vec<Masters> = Vec::new();
        if !self.depends_on_history(situation) {
            return all;
        }
        for first in 0..self.nodes.len() {
            let mut alone = situation.clone();
            alone.down.extend((0..self.nodes.len()).filter(|node| *node != first));
            let before = self.elect(&alone, &Masters::default());
            let masters = self.elect(situation, &before);
            if masters != usual && !all.contains(&masters) {
                all.push(masters);
            }
        }
        all
    }

    /// Returns true if the holder of some address may depend on which node was first.
    fn depends_on_history(&self, situation: &Situation) -> bool {
        self.addresses.keys().any(|address| self.reason(situation, *address).is_some())
    }

    fn why_by_history(&self, situation: &Situation, address: IpAddr) -> Doubt {
        self.reason(situation, address).unwrap_or(Doubt::SyncGroups)
    }

    fn reason(&self, situation: &Situation, address: IpAddr) -> Option<Doubt> {
        let running = self.running(situation, address);
        let never = running.iter().any(|found| {
            found.instance().is_some_and(|instance| instance.preempt == Preemption::Never)
        });
        // With what the tracked things add and take away now.
        let ranked = |found: &&Candidate| Some(rank(found, able(found, situation)?).0);
        let mut priorities: Vec<u8> = running.iter().filter_map(ranked).collect();
        priorities.sort_unstable();
        let equal = priorities.windows(2).any(|pair| pair[0] == pair[1]);
        let is_grouped =
            running.len() > 1 && self.groups(situation).iter().any(|all| !all.is_empty());
        match (never && running.len() > 1, equal) {
            (true, _) => Some(Doubt::NeverPreempts),
            (_, true) => Some(Doubt::EqualPriorities),
            _ => is_grouped.then_some(Doubt::SyncGroups),
        }
    }

    /// The instances of an address that run.
    fn running(&self, situation: &Situation, address: IpAddr) -> Vec<&Candidate> {
        let all = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .map(|(router, at)| &self.routers[*router].candidates[*at])
            .filter(|found| situation.running[found.node] == Some(found.phase))
            .filter(|found| found.instance().is_some())
            .collect()
    }

    /// The interfaces of the routers of an address that an assumption puts on one network.
    fn unknown_links(&self, address: IpAddr) -> BTreeSet<(NodeIndex, String)> {
        let all = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        all.iter()
            .filter(|(router, _)| self.routers[*router].apart.is_some())
            .map(|(router, at)| &self.routers[*router].candidates[*at])
            .filter_map(|found| Some((found.node, found.instance()?.interface.clone())))
            .collect()
    }
}
