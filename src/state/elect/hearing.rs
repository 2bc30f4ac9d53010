//! The adverts that reach a node and count there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Candidate, NodeIndex, Phase};
use crate::language::version::KeepalivedVersion;
use crate::state::Instance;

/// From this release on an advert with another list of addresses counts.
const LISTS_MAY_DIFFER: KeepalivedVersion = KeepalivedVersion(2, 3, 3);

/// For each candidate of a router, those that it hears.
#[derive(Debug)]
pub struct Hearing {
    /// A bit per sender.
    heard: Vec<Vec<u64>>,
}

impl Hearing {
    /// Nodes that do not say otherwise run this release.
    pub fn of(candidates: &[Candidate], links: &Links, version: KeepalivedVersion) -> Self {
        let voters: Vec<Voter<'_>> = candidates
            .iter()
            .filter_map(|candidate| {
                let instance = candidate.instance()?;
                let version = candidate.state.version.unwrap_or(version);
                Some(Voter {
                    link: links.number(candidate.node, &instance.interface),
                    advertised: instance.advertised(),
                    compares_lists: version < LISTS_MAY_DIFFER,
                    is_deaf: is_deaf(candidate, candidates),
                    instance,
                })
            })
            .collect();
        let words = voters.len().div_ceil(64);
        let heard = voters
            .iter()
            .map(|receiver| {
                let mut bits = vec![0; words];
                for (at, sender) in voters.iter().enumerate() {
                    if receiver.hears(sender) {
                        bits[at / 64] |= 1 << (at % 64);
                    }
                }
                bits
            })
            .collect();
        Self { heard }
    }

    pub fn hears_any(&self, receiver: usize, senders: &[usize]) -> bool {
        let heard = self.heard.get(receiver);
        let hears = |bits: &Vec<u64>, sender: usize| bits[sender / 64] & (1 << (sender % 64)) != 0;
        heard.is_some_and(|bits| senders.iter().any(|sender| hears(bits, *sender)))
    }
}

/// A candidate as others see it.
struct Voter<'a> {
    instance: &'a Instance,
    link: Option<usize>,
    advertised: BTreeSet<IpAddr>,
    /// True if an advert has to list the same addresses.
    compares_lists: bool,
    /// True if another instance of its node takes every advert.
    is_deaf: bool,
}

/// Returns true if an earlier instance of the node has the same VRID on the same socket: keepalived gives every advert to
/// that one (facts D50).
fn is_deaf(own: &Candidate, all: &[Candidate]) -> bool {
    fn socket(candidate: &Candidate) -> Option<(&str, Option<IpAddr>)> {
        let instance = candidate.instance()?;
        let source = instance.advert.is_unicast().then_some(instance.advert.source)?;
        Some((instance.interface.as_str(), source))
    }
    let Some(shared) = socket(own) else { return false };
    all.iter().any(|other| {
        (other.node, other.phase) == (own.node, own.phase)
            && other.index < own.index
            && socket(other) == Some(shared)
    })
}

impl Voter<'_> {
    /// Returns true if an advert of `sender` counts here (facts R19, R20, D40).
    fn hears(&self, sender: &Self) -> bool {
        let (mine, theirs) = (&self.instance.advert, &sender.instance.advert);
        let reaches = self.link == sender.link
            && match (mine.is_unicast(), theirs.is_unicast()) {
                (false, false) => mine.group == theirs.group,
                // An address that nobody wrote down is the interface's own.
                (true, true) => mine.source.is_none_or(|source| theirs.peers.contains(&source)),
                _ => false,
            };
        let known =
            !mine.checks_sender || theirs.source.is_none_or(|source| mine.peers.contains(&source));
        let understood = mine.version == theirs.version
            && (mine.version != 2
                || mine.authentication == theirs.authentication
                    && mine.interval == theirs.interval);
        let listed = !self.compares_lists || self.advertised == sender.advertised;
        !self.is_deaf && reaches && known && understood && listed
    }
}

/// Which interfaces of which nodes are on one network: those in which addresses of one network are (`ip-addr.json`), and
/// those between which a state sends adverts. Of interfaces of which nothing is known, those of one name are; others that
/// share a VIP are taken to be, and that is an assumption.
#[derive(Debug, Default)]
pub struct Links {
    numbers: BTreeMap<(NodeIndex, String), usize>,
    /// Each link's representative.
    joined: Vec<usize>,
    /// The same without what is assumed.
    known: Vec<usize>,
}

impl Links {
    pub fn of(groups: &[Vec<Candidate>]) -> Self {
        let mut links = Self::default();
        let mut networks: Vec<BTreeSet<IpNet>> = Vec::new();
        let mut names: Vec<&str> = Vec::new();
        for candidate in groups.iter().flatten() {
            let Some(instance) = candidate.instance() else { continue };
            let interface = &instance.interface;
            let number =
                *links.numbers.entry((candidate.node, interface.clone())).or_insert_with(|| {
                    links.joined.push(networks.len());
                    networks.push(BTreeSet::new());
                    names.push(interface);
                    networks.len() - 1
                });
            // All phases of a node have its interfaces.
            if networks[number].is_empty() {
                networks[number].extend(candidate.state.interfaces.networks(interface));
            }
        }
        links.join_networks(&networks, &names);
        for group in groups {
            links.join_peers(group);
        }
        links.known = links.joined.clone();
        for group in groups {
            links.assume(group, &networks);
        }
        links
    }

    fn join_networks(&mut self, networks: &[BTreeSet<IpNet>], names: &[&str]) {
        let mut by_network: BTreeMap<IpNet, usize> = BTreeMap::new();
        let mut by_name: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (number, own) in networks.iter().enumerate() {
            for network in own {
                let first = *by_network.entry(*network).or_insert(number);
                self.join(first, number);
            }
            by_name.entry(names[number]).or_default().push(number);
        }
        for same in by_name.values() {
            let (unknown, known): (Vec<usize>, Vec<usize>) =
                same.iter().partition(|number| networks[**number].is_empty());
            for pair in unknown.windows(2) {
                self.join(pair[0], pair[1]);
            }
            // Where those that are known are on one network, the others of that name are too.
            let roots: BTreeSet<usize> = known.iter().map(|number| self.root(*number)).collect();
            if let (Some(first), 1, Some(root)) = (unknown.first(), roots.len(), roots.first()) {
                self.join(*first, *root);
            }
        }
    }

    /// Interfaces between which a state sends adverts to an address.
    fn join_peers(&mut self, group: &[Candidate]) {
        // Who listens at which address in which phase.
        let mut listening: BTreeMap<(Phase, IpAddr), usize> = BTreeMap::new();
        let numbered = |links: &Self, candidate: &Candidate| {
            links.numbers.get(&(candidate.node, candidate.instance()?.interface.clone())).copied()
        };
        for candidate in group {
            let Some(instance) = candidate.instance() else { continue };
            if let (Some(source), Some(number)) =
                (instance.advert.source, numbered(self, candidate))
            {
                listening.insert((candidate.phase, source), number);
            }
        }
        for candidate in group {
            let (Some(instance), Some(number)) = (candidate.instance(), numbered(self, candidate))
            else {
                continue;
            };
            for peer in instance.advert.peers.iter() {
                if let Some(other) = listening.get(&(candidate.phase, *peer)) {
                    self.join(number, *other);
                }
            }
        }
    }

    /// Interfaces of two nodes that may hold one VIP, where nothing is known of one of them.
    fn assume(&mut self, group: &[Candidate], networks: &[BTreeSet<IpNet>]) {
        for (index, one) in group.iter().enumerate() {
            for other in &group[index + 1..] {
                let (Some(mine), Some(theirs)) = (one.instance(), other.instance()) else {
                    continue;
                };
                if one.node == other.node
                    || one.phase != other.phase
                    || mine.interface == theirs.interface
                    || !mine.holds().any(|address| theirs.holds().any(|own| own == address))
                {
                    continue;
                }
                let number = |node, interface: &String| {
                    self.numbers.get(&(node, interface.clone())).copied()
                };
                let pair =
                    number(one.node, &mine.interface).zip(number(other.node, &theirs.interface));
                let Some((a, b)) = pair else { continue };
                if networks[a].is_empty() || networks[b].is_empty() {
                    self.join(a, b);
                }
            }
        }
    }

    /// Returns true if an assumption puts candidates on one network.
    pub fn are_assumed(&self, candidates: &[Candidate]) -> bool {
        let mut roots: BTreeMap<usize, usize> = BTreeMap::new();
        candidates.iter().any(|candidate| {
            let Some(instance) = candidate.instance() else { return false };
            let key = (candidate.node, instance.interface.clone());
            let Some(number) = self.numbers.get(&key) else { return false };
            let known = root(&self.known, *number);
            *roots.entry(self.root(*number)).or_insert(known) != known
        })
    }

    /// The same without what is assumed.
    pub fn known(&self) -> Self {
        let (numbers, known) = (self.numbers.clone(), self.known.clone());
        Self { numbers, joined: known.clone(), known }
    }

    /// The number of an interface's link.
    pub fn number(&self, node: NodeIndex, interface: &str) -> Option<usize> {
        let key = (node, interface.to_owned());
        self.numbers.get(&key).map(|number| self.root(*number))
    }

    fn root(&self, at: usize) -> usize {
        root(&self.joined, at)
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.joined[a.max(b)] = a.min(b);
        }
    }
}

fn root(joined: &[usize], mut at: usize) -> usize {
    while joined[at] != at {
        at = joined[at];
    }
    at
}
