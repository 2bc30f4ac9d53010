//! The files of the nodes on the way: which change, and the commands that bring them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::turn::Kind;
use super::world::{FROM, World};
use crate::bundle::{ChangeKind, NodeFile, Place};
use crate::language::name::Subdomain;
use crate::rollout::step::{Command, Expectation};
use crate::state::elect::NodeIndex;

impl<'a> World<'a> {
    /// The changed files of a node, by their paths on it.
    fn files(&self, node: NodeIndex) -> Vec<(NodeFile<'a>, ChangeKind)> {
        let here = self.name(node).as_str();
        let changed = self.request.change.changed.iter();
        let on_it = changed.filter_map(|changed| match Place::of(changed.path) {
            Place::Node { node, file } if node == here => Some((file, changed.kind)),
            _ => None,
        });
        // The host's own files are brought by whoever reaches the host.
        let by_pod = self.is_reached_by_pod(node);
        on_it.filter(|(file, _)| !by_pod || file.is_in_pod()).collect()
    }

    /// Nodes on which a file changes.
    pub fn touched(&self) -> Vec<NodeIndex> {
        let some = |node: &NodeIndex| !self.files(*node).is_empty() && !self.is_down(*node);
        self.nodes().filter(some).collect()
    }

    /// Dead nodes on which one would.
    pub fn left_out(&self) -> Vec<Subdomain> {
        let some = |node: &NodeIndex| !self.files(*node).is_empty() && self.is_down(*node);
        self.nodes().filter(some).map(|node| self.name(node).clone()).collect()
    }

    /// Those on which keepalived's files do not.
    pub fn only_other_files(&self) -> Vec<NodeIndex> {
        let same = |node: &NodeIndex| self.kind(*node) == Kind::Same;
        self.touched().into_iter().filter(same).collect()
    }

    /// The changed files of a node in words, each kind once.
    pub fn words(&self, node: NodeIndex) -> String {
        let mut words: Vec<&str> = Vec::new();
        for (file, _) in self.files(node) {
            if !words.contains(&file.noun()) {
                words.push(file.noun());
            }
        }
        words.join(", ")
    }

    pub fn routing_changes(&self, node: NodeIndex) -> bool {
        self.files(node).iter().any(|(file, _)| matches!(file, NodeFile::PolicyRouting(_)))
    }

    /// Asks whether a node's files are those of **from**.
    pub fn verify(&self, node: NodeIndex) -> Command {
        let name = self.name(node);
        // A DaemonSet has never brought the host's own files.
        let by_pod = self.has_daemon_set(node, FROM);
        let digests = self.request.digests.get(name).into_iter().flatten();
        let digests = digests.filter(|(path, _)| !by_pod || NodeFile::of(path).is_in_pod());
        let words = digests.map(|(path, digest)| format!("{digest}:{path}"));
        Command::of("verify", [name.to_string()].into_iter().chain(words))
    }

    /// Installs a node's files, and removes those that are no longer produced.
    pub fn install(&self, node: NodeIndex) -> Command {
        let gone = self.files(node).into_iter().filter(|(_, kind)| *kind == ChangeKind::Removed);
        let words =
            [self.name(node).to_string()].into_iter().chain(gone.map(|(file, _)| file.installed()));
        Command::of("install", words)
    }

    /// Removes every file of ours from a node that leaves.
    pub fn remove_all(&self, node: NodeIndex) -> Command {
        let gone = self.files(node).into_iter().map(|(file, _)| file.installed());
        Command::of("leave", [self.name(node).to_string()].into_iter().chain(gone))
    }

    /// Rules for VIPs on a node that nothing of **to** holds: `-4,192.0.2.10,100,500`.
    pub fn old_rules(&self, node: NodeIndex) -> Vec<String> {
        let name = self.name(node);
        let change = &self.request.change;
        let (Some(from), Some(to)) = (change.from.nodes.get(name), change.to.nodes.get(name))
        else {
            return Vec::new();
        };
        let family = |address: IpAddr| if address.is_ipv4() { "-4" } else { "-6" };
        let outdated = from.outdated(to, &self.addresses);
        outdated
            .map(|rule| {
                format!("{},{},{},{}", family(rule.from), rule.from, rule.table, rule.priority)
            })
            .collect()
    }

    /// The nodes to ask about nodes that something was done to, `left` that VIPs left, and addresses that moved; and
    /// everything that those nodes must hold. What they hold besides must not be there.
    pub fn expectations(
        &self,
        nodes: &[NodeIndex],
        left: &[NodeIndex],
        moved: &BTreeSet<IpAddr>,
    ) -> (Vec<Subdomain>, Vec<Expectation>) {
        let outcomes = self.outcomes();
        let holds = |at: usize, node: &NodeIndex| outcomes[at].iter().any(|now| now.contains(node));
        let mut asked: BTreeSet<NodeIndex> = nodes.iter().chain(left).copied().collect();
        for (at, address) in self.addresses.iter().enumerate() {
            let is_of_nodes = nodes.iter().any(|node| holds(at, node));
            if is_of_nodes || moved.contains(address) {
                asked.extend(outcomes[at].iter().flatten().copied());
            }
        }
        asked.retain(|node| !self.is_down(*node));
        let expected = (0..self.addresses.len())
            .filter(|at| {
                moved.contains(&self.addresses[*at]) || asked.iter().any(|node| holds(*at, node))
            })
            .map(|at| self.expectation(at, &outcomes[at]))
            .collect();
        (asked.into_iter().map(|node| self.name(node).clone()).collect(), expected)
    }

    fn expectation(&self, at: usize, outcomes: &[Vec<NodeIndex>]) -> Expectation {
        let vip = self.addresses[at];
        // Several at one time are an exception, and nobody by one history but somebody by another a new address whose
        // holder is not known: nothing can wait for these.
        let is_said =
            outcomes.iter().all(|now| now.len() == 1) || outcomes.iter().all(Vec::is_empty);
        if !is_said {
            return Expectation { vip, holders: None };
        }
        let holders: BTreeSet<NodeIndex> = outcomes.iter().flatten().copied().collect();
        Expectation {
            vip,
            holders: Some(holders.into_iter().map(|node| self.name(node).clone()).collect()),
        }
    }
}
