//! The MASTER of each VIP, from the configurations that run: keepalived's model of VRRP, for mixed fleets too, in which
//! some nodes run one state and some another.
//!
//! Per VRID and family, the instances that are able to go from the highest priority down; of equals first the one that
//! holds it now. Each is MASTER unless it hears one that was chosen before it. An address is held by every MASTER whose
//! instance lists it. This predicted 100 of 100 measured states of keepalived 2.2.7 and 2.3.3; it says nothing of the
//! seconds until it is settled (3 adverts and the skew).

mod change;
mod doubt;
mod hearing;
mod sync;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rayon::prelude::*;

use super::{Configuration, Effect, Instance, NodeState, Preemption, State, Tracked};
use crate::language::name::Subdomain;
use crate::language::version::KeepalivedVersion;
pub use change::Change;
pub use doubt::{Doubt, Outcome};
use hearing::{Hearing, Links};
use sync::Groups;

/// A node's place in [`Electorate::nodes`].
pub type NodeIndex = usize;

/// The state that a node runs, as an index into the list that [`Electorate::of`] took.
pub type Phase = usize;

/// Several states of one fleet, prepared for many elections.
#[derive(Debug)]
pub struct Electorate {
    nodes: Vec<Subdomain>,
    /// By node, then by phase.
    running: Vec<Vec<Option<Arc<NodeState>>>>,
    routers: Vec<Router>,
    /// The instances that may hold each address, as indices of router and candidate.
    addresses: BTreeMap<IpAddr, Vec<(usize, usize)>>,
}

/// The instances of all nodes and phases that share a VRID and a family.
#[derive(Debug)]
struct Router {
    /// The best first, while all is healthy.
    candidates: Vec<Candidate>,
    hearing: Hearing,
    /// The hearing with networks of which nothing is known taken to be separate, or `None` if nothing was assumed.
    apart: Option<Hearing>,
}

/// An instance of a node in a phase.
#[derive(Debug)]
struct Candidate {
    node: NodeIndex,
    phase: Phase,
    index: usize,
    state: Arc<NodeState>,
}

impl Candidate {
    fn configuration(&self) -> Option<&Configuration> {
        self.state.keepalived.as_ref()
    }

    fn instance(&self) -> Option<&Instance> {
        self.configuration()?.instances.get(self.index)
    }
}

/// The phase that each node runs, and everything that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Situation {
    /// By node; `None` where no keepalived runs.
    pub running: Vec<Option<Phase>>,
    /// Nodes with a number in their drain file.
    pub drained: BTreeSet<NodeIndex>,
    /// Nodes that do not run.
    pub down: BTreeSet<NodeIndex>,
    /// Tracked things that are not well, by node: scripts, processes, interfaces, BFD sessions.
    pub failing: BTreeSet<(NodeIndex, String)>,
}

/// The MASTERs of every router.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Masters {
    /// By router: candidates.
    chosen: Vec<Vec<usize>>,
}

impl Electorate {
    /// Prepares states; nodes run this version of keepalived.
    pub fn of(states: &[&State], version: KeepalivedVersion) -> Self {
        let names: BTreeSet<&Subdomain> =
            states.iter().flat_map(|state| state.nodes.keys()).collect();
        let nodes: Vec<Subdomain> = names.into_iter().cloned().collect();
        let running: Vec<Vec<Option<Arc<NodeState>>>> = nodes
            .iter()
            .map(|name| states.iter().map(|state| state.nodes.get(name).cloned()).collect())
            .collect();
        let mut by_key: BTreeMap<(u8, bool), Vec<Candidate>> = BTreeMap::new();
        for (node, phases) in running.iter().enumerate() {
            for (phase, state) in phases.iter().enumerate() {
                let Some(state) = state else { continue };
                let instances = state.keepalived.iter().flat_map(Configuration::running);
                for (index, instance) in instances.enumerate() {
                    let key = (instance.vrid, instance.advert.ipv6);
                    let candidate = Candidate { node, phase, index, state: state.clone() };
                    by_key.entry(key).or_default().push(candidate);
                }
            }
        }
        let mut groups: Vec<Vec<Candidate>> = by_key.into_values().collect();
        for group in &mut groups {
            group.sort_by_key(|candidate| Reverse(rank(candidate, 0)));
        }
        let links = Links::of(&groups);
        let routers: Vec<Router> = groups
            .into_par_iter()
            .map(|candidates| {
                let hearing = Hearing::of(&candidates, &links, version);
                let apart = links
                    .are_assumed(&candidates)
                    .then(|| Hearing::of(&candidates, &links.known(), version));
                Router { candidates, hearing, apart }
            })
            .collect();
        let mut addresses: BTreeMap<IpAddr, Vec<(usize, usize)>> = BTreeMap::new();
        for (router, found) in routers.iter().enumerate() {
            for (candidate, instance) in
                found.candidates.iter().map(Candidate::instance).enumerate()
            {
                for address in instance.into_iter().flat_map(Instance::holds) {
                    addresses.entry(address).or_default().push((router, candidate));
                }
            }
        }
        Self { nodes, running, routers, addresses }
    }

    /// Every node of any phase, by name.
    pub fn nodes(&self) -> &[Subdomain] {
        &self.nodes
    }

    /// Returns the state that a node runs in a phase, or `None` if it has none.
    pub fn state(&self, node: NodeIndex, phase: Phase) -> Option<&Arc<NodeState>> {
        self.running.get(node)?.get(phase)?.as_ref()
    }

    /// Returns the names of everything that can fail: all that an instance of any phase tracks, files aside, and every
    /// check, also those that no instance follows.
    pub fn checks(&self) -> BTreeSet<&String> {
        let states = self.running.iter().flatten().flatten();
        let found: Vec<&Configuration> =
            states.filter_map(|state| state.keepalived.as_ref()).collect();
        let tracks = found.iter().flat_map(|found| &found.instances).flat_map(|one| &one.tracks);
        let tracks = tracks.filter(|track| track.kind != Tracked::File).map(|track| &track.name);
        let defined =
            found.iter().flat_map(|found| found.scripts.keys().chain(found.processes.keys()));
        tracks.chain(defined).collect()
    }

    /// Every address that any phase has.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.keys().copied()
    }

    /// Every node runs this phase, and nothing is wrong.
    pub fn all(&self, phase: Phase) -> Situation {
        let running = (0..self.nodes.len())
            .map(|node| self.state(node, phase)?.keepalived.as_ref().map(|_| phase))
            .collect();
        Situation {
            running,
            drained: BTreeSet::new(),
            down: BTreeSet::new(),
            failing: BTreeSet::new(),
        }
    }

    /// Returns the MASTERs once the election has settled, starting from `before`.
    pub fn elect(&self, situation: &Situation, before: &Masters) -> Masters {
        self.settle(situation, before, |router| &router.hearing)
    }

    fn settle(
        &self,
        situation: &Situation,
        before: &Masters,
        hearing: for<'r> fn(&'r Router) -> &'r Hearing,
    ) -> Masters {
        let mut groups = Groups::default();
        loop {
            let chosen: Vec<Vec<usize>> = (0..self.routers.len())
                .map(|router| self.router(router, situation, before, &groups, hearing))
                .collect();
            let masters = Masters { chosen };
            let barred = groups.barred.len();
            groups.barred.extend(self.torn_groups(situation, &masters));
            if groups.barred.len() > barred {
                continue;
            }
            // Groups that keep each other from office: the first that is ready with all of its members has it.
            match self.first_group(situation, &masters, before, &groups) {
                Some(members) => {
                    groups.barred.retain(|instance| !members.contains(instance));
                    groups.granted.extend(members);
                }
                None => return masters,
            }
        }
    }

    fn router(
        &self,
        index: usize,
        situation: &Situation,
        before: &Masters,
        groups: &Groups,
        hearing: for<'r> fn(&'r Router) -> &'r Hearing,
    ) -> Vec<usize> {
        let router = &self.routers[index];
        let hearing = hearing(router);
        let held = before.chosen.get(index).map(Vec::as_slice).unwrap_or_default();
        let holds = |node: NodeIndex| held.iter().any(|at| router.candidates[*at].node == node);
        let able = router.candidates.iter().enumerate().filter_map(|(at, candidate)| {
            let change = able(candidate, situation)?;
            (!groups.barred.contains(&(index, at))).then_some((at, candidate, change))
        });
        let mut order: Vec<(usize, &Candidate, i32)> = able.collect();
        // Holders that hear an equal with a greater address, which does not hear them: they step down for it
        // (RFC 9568, 6.4.3).
        let mut yielding: BTreeSet<usize> = BTreeSet::new();
        loop {
            // In a cold start of all, `state MASTER` is the first of equals.
            let first = |at: usize, candidate: &Candidate| {
                let asks = candidate.instance().is_some_and(|found| found.starts_as_master);
                !yielding.contains(&at) && (holds(candidate.node) || held.is_empty() && asks)
            };
            order.sort_by_key(|(at, candidate, change)| {
                let (priority, source) = rank(candidate, *change);
                let is_granted = groups.granted.contains(&(index, *at));
                Reverse((is_granted, priority, first(*at, candidate), source))
            });
            let mut masters: Vec<usize> = Vec::new();
            // A node that must not preempt leaves the VIP to a holder that it hears.
            let is_first = |(at, found, _): &&(usize, &Candidate, i32)| first(*at, found);
            let holders: Vec<usize> = order.iter().filter(is_first).map(|(at, ..)| *at).collect();
            let leaves = |at: usize, candidate: &Candidate| {
                let never = |instance: &Instance| instance.preempt == Preemption::Never;
                candidate.instance().is_some_and(never)
                    && !first(at, candidate)
                    && hearing.hears_any(at, &holders)
            };
            for (at, candidate, _) in &order {
                if !leaves(*at, candidate) && !hearing.hears_any(*at, &masters) {
                    masters.push(*at);
                }
            }
            // Masters stand in their order: one that hears a later one is its equal, or weaker.
            let rank_of = |wanted: usize| {
                let found = order.iter().find(|(at, ..)| *at == wanted);
                found.map(|(_, candidate, change)| rank(candidate, *change))
            };
            let yields = masters.iter().enumerate().find_map(|(place, at)| {
                let mut later = masters[place + 1..].iter();
                let is_stronger = |other: &usize| {
                    rank_of(*other) > rank_of(*at) && hearing.hears_any(*at, &[*other])
                };
                later.any(is_stronger).then_some(*at)
            });
            match yields {
                Some(at) if yielding.insert(at) => {}
                _ => return masters,
            }
        }
    }

    /// Returns the nodes that hold an address.
    pub fn holders(&self, masters: &Masters, address: IpAddr) -> Vec<NodeIndex> {
        let instances = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        let mut holders: Vec<NodeIndex> = instances
            .iter()
            .filter(|(router, at)| {
                masters.chosen.get(*router).is_some_and(|chosen| chosen.contains(at))
            })
            .map(|(router, at)| self.routers[*router].candidates[*at].node)
            .collect();
        holders.sort_unstable();
        holders.dedup();
        holders
    }

    /// Returns the nodes that would hold an address in a situation; sync groups do not count.
    pub fn holders_in(
        &self,
        situation: &Situation,
        before: &Masters,
        address: IpAddr,
    ) -> Vec<NodeIndex> {
        let instances = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        let routers: BTreeSet<usize> = instances.iter().map(|(router, _)| *router).collect();
        let mut masters = Masters { chosen: vec![Vec::new(); self.routers.len()] };
        for router in routers {
            masters.chosen[router] =
                self.router(router, situation, before, &Groups::default(), |found| &found.hearing);
        }
        self.holders(&masters, address)
    }

    /// The nodes that would hold an address one after the other, the best first, as they are all able to.
    pub fn order(&self, address: IpAddr, phase: Phase) -> Vec<NodeIndex> {
        let instances = self.addresses.get(&address).map(Vec::as_slice).unwrap_or_default();
        let mut found: Vec<&Candidate> = instances
            .iter()
            .map(|(router, at)| &self.routers[*router].candidates[*at])
            .filter(|candidate| candidate.phase == phase)
            .collect();
        // Of equals the one that is first in a cold start.
        found.sort_by_key(|candidate| {
            let asks = candidate.instance().is_some_and(|found| found.starts_as_master);
            let (priority, source) = rank(candidate, 0);
            Reverse((priority, asks, source))
        });
        found.into_iter().map(|candidate| candidate.node).collect()
    }

    /// The instance of an address on a node in a phase; the first, where several list it.
    pub fn instance(&self, address: IpAddr, node: NodeIndex, phase: Phase) -> Option<&Instance> {
        let instances = self.addresses.get(&address)?;
        let found = instances.iter().find_map(|(router, at)| {
            let candidate = &self.routers[*router].candidates[*at];
            (candidate.node == node && candidate.phase == phase).then_some(candidate)
        });
        found.and_then(Candidate::instance)
    }
}

impl Electorate {
    /// The least that one of these nodes, in a phase, waits for a MASTER of these addresses that says nothing.
    pub fn down_time(&self, nodes: &[NodeIndex], addresses: &[IpAddr], phase: Phase) -> Duration {
        let pairs = nodes.iter().flat_map(|node| addresses.iter().map(move |vip| (*node, *vip)));
        let instances = pairs.filter_map(|(node, vip)| self.instance(vip, node, phase));
        instances.map(Instance::down_time).min().unwrap_or_default()
    }
}

/// Returns by how much a candidate's priority changes, or `None` if it takes no part.
fn able(candidate: &Candidate, situation: &Situation) -> Option<i32> {
    let node = candidate.node;
    if situation.running.get(node).copied().flatten() != Some(candidate.phase)
        || situation.down.contains(&node)
    {
        return None;
    }
    let (found, instance) = (candidate.configuration()?, candidate.instance()?);
    if situation.drained.contains(&node) && found.drain_file(instance).is_some() {
        return None;
    }
    if instance.is_faulty {
        return None;
    }
    let mut change = 0;
    for track in &instance.tracks {
        let fails = !situation.failing.is_empty()
            && track.kind != Tracked::File
            && situation.failing.contains(&(node, track.name.clone()));
        match track.effect(!fails) {
            Effect::Fault => return None,
            Effect::Change(by) => change += by,
        }
    }
    Some(change)
}

/// Effective priority, then address (RFC 9568, 6.4.3). keepalived keeps effective priorities from 1 to 254; the owner
/// of an address has 255 whatever its weights say.
fn rank(candidate: &Candidate, change: i32) -> (u8, Option<IpAddr>) {
    let Some(instance) = candidate.instance() else { return (0, None) };
    let priority = match instance.priority {
        255 => 255,
        priority => u8::try_from((i32::from(priority) + change).clamp(1, 254)).unwrap_or(254),
    };
    (priority, instance.advert.source)
}
