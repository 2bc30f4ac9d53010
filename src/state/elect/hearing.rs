//! Who hears whom: which adverts reach a node and count there.

use std::collections::{BTreeMap, BTreeSet};

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
    pub fn of(candidates: &[Candidate], links: &Links, version: KeepalivedVersion) -> Self {
        let voters: Vec<Voter<'_>> = candidates
            .iter()
            .filter_map(|candidate| {
                let instance = candidate.instance()?;
                Some(Voter {
                    link: links.number(candidate.node, &instance.interface),
                    lists: (version < LISTS_MAY_DIFFER).then(|| instance.advertised()),
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
    /// What it advertises, where that has to be the same.
    lists: Option<BTreeSet<std::net::IpAddr>>,
}

impl Voter<'_> {
    /// Whether an advert of `sender` counts here (facts-rollout 19, 20).
    fn hears(&self, sender: &Self) -> bool {
        let (mine, theirs) = (&self.instance.advert, &sender.instance.advert);
        let reaches = match (mine.peers.is_empty(), theirs.peers.is_empty()) {
            (true, true) => self.link == sender.link,
            // An address that nobody wrote down is the interface's own.
            (false, false) => {
                self.link == sender.link
                    && mine.source.is_none_or(|source| theirs.peers.contains(&source))
            }
            _ => false,
        };
        let known =
            !mine.checks_sender || theirs.source.is_some_and(|source| mine.peers.contains(&source));
        let understood = mine.version == theirs.version
            && (mine.version != 2
                || mine.authentication == theirs.authentication
                    && mine.interval == theirs.interval);
        reaches && known && understood && self.lists == sender.lists
    }
}

/// Which interfaces of which nodes are on one network: those of one name, and those between which a state sends adverts.
#[derive(Debug, Default)]
pub struct Links {
    numbers: BTreeMap<(NodeIndex, String), usize>,
    /// Each link's representative.
    joined: Vec<usize>,
}

impl Links {
    pub fn of(groups: &[Vec<Candidate>]) -> Self {
        let mut links = Self::default();
        let mut by_name: BTreeMap<&str, usize> = BTreeMap::new();
        for candidate in groups.iter().flatten() {
            let Some(instance) = candidate.instance() else { continue };
            let key = (candidate.node, instance.interface.clone());
            if links.numbers.contains_key(&key) {
                continue;
            }
            let number = links.joined.len();
            links.joined.push(number);
            links.numbers.insert(key, number);
            let first = *by_name.entry(&instance.interface).or_insert(number);
            links.join(first, number);
        }
        for group in groups {
            // Who listens at which address in which phase.
            let mut listening: BTreeMap<(Phase, std::net::IpAddr), usize> = BTreeMap::new();
            for candidate in group {
                let Some(instance) = candidate.instance() else { continue };
                let number = links.number(candidate.node, &instance.interface);
                if let (Some(source), Some(number)) = (instance.advert.source, number) {
                    listening.insert((candidate.phase, source), number);
                }
            }
            for candidate in group {
                let Some(instance) = candidate.instance() else { continue };
                let Some(number) = links.number(candidate.node, &instance.interface) else {
                    continue;
                };
                for peer in &instance.advert.peers {
                    if let Some(other) = listening.get(&(candidate.phase, *peer)) {
                        links.join(number, *other);
                    }
                }
            }
        }
        links
    }

    /// The number of an interface's link.
    pub fn number(&self, node: NodeIndex, interface: &str) -> Option<usize> {
        let key = (node, interface.to_owned());
        self.numbers.get(&key).map(|number| self.root(*number))
    }

    fn root(&self, mut at: usize) -> usize {
        while self.joined[at] != at {
            at = self.joined[at];
        }
        at
    }

    fn join(&mut self, a: usize, b: usize) {
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.joined[a.max(b)] = a.min(b);
        }
    }
}
