//! The effects of a change on each VIP.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use rayon::prelude::*;

use super::difference::{Edit, identity_words, marks, routes, rules, tuned, why_torn};
use super::{Class, Comparison, Finding};
use crate::bundle::NodeFile;
use crate::model::Entry;
use crate::state::elect::{Electorate, Masters, NodeIndex, Phase, Situation};
use crate::state::pod;
use crate::state::{Instance, NodeState};

/// With more nodes than this not every mixture is tried, only those in which one order of reloads has come to a node.
const MIXED: usize = 6;

pub(super) const FROM: Phase = 0;
pub(super) const TO: Phase = 1;

pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let states = [comparison.from, comparison.to];
    let electorate = Electorate::of(&states, comparison.version);
    let before = electorate.elect(&electorate.all(FROM), &Masters::default());
    let after = electorate.elect(&electorate.all(TO), &before);
    let histories = electorate.histories(&electorate.all(FROM));
    let watch =
        Watch { electorate: &electorate, before: &before, after: &after, histories: &histories };
    let addresses: Vec<IpAddr> = electorate.addresses().collect();
    addresses.par_iter().flat_map_iter(|address| watch.findings(*address)).collect()
}

pub(super) struct Watch<'a> {
    pub(super) electorate: &'a Electorate,
    pub(super) before: &'a Masters,
    pub(super) after: &'a Masters,
    /// Other MASTERs that are possible now: they depend on who was first.
    histories: &'a [Masters],
}

impl<'a> Watch<'a> {
    fn findings(&self, address: IpAddr) -> Vec<Finding> {
        let edits: Vec<Edit<'a>> = (0..self.electorate.nodes().len())
            .map(|node| Edit {
                node,
                from: self.electorate.instance(address, node, FROM),
                to: self.electorate.instance(address, node, TO),
            })
            .filter(|edit| edit.from.is_some() || edit.to.is_some())
            .collect();
        if self.is_led(address, &edits) {
            return Vec::new();
        }
        let mut found = self.classes(address, &edits);
        found.iter_mut().for_each(|finding| finding.files = self.files(address, &edits));
        found
    }

    /// Returns true if the address always comes with one that is advertised: what happens to that one happens to it.
    fn is_led(&self, address: IpAddr, edits: &[Edit<'_>]) -> bool {
        let leads = |phase: for<'b> fn(&Edit<'b>) -> Option<&'b Instance>| -> BTreeSet<IpAddr> {
            edits.iter().filter_map(phase).filter_map(Instance::vip).collect()
        };
        let (from, to) = (leads(|edit| edit.from), leads(|edit| edit.to));
        let all: BTreeSet<IpAddr> = from.union(&to).copied().collect();
        let [lead] = all.into_iter().collect::<Vec<_>>()[..] else { return false };
        let there = |phase| !self.electorate.order(lead, phase).is_empty();
        lead != address && there(FROM) != from.is_empty() && there(TO) != to.is_empty()
    }

    fn classes(&self, address: IpAddr, edits: &[Edit<'_>]) -> Vec<Finding> {
        let subject = Entry::Vip(address);
        let (old, new) = (
            self.electorate.holders(self.before, address),
            self.electorate.holders(self.after, address),
        );
        let was = edits.iter().any(|edit| edit.from.is_some());
        let is = edits.iter().any(|edit| edit.to.is_some());
        let finding = |class: Class, reason: String| {
            let mut finding = Finding::new(class, subject.clone(), reason);
            finding.from = was.then(|| self.names(&old)).flatten();
            finding.to = is.then(|| self.names(&new)).flatten();
            finding
        };
        if !is {
            return vec![finding(Class::Unreachable, "no node has it any more".to_owned())];
        }
        if !was {
            return vec![finding(Class::New, "a new VIP".to_owned())];
        }
        let mut found = Vec::new();
        if new.is_empty() && !old.is_empty() {
            found.push(finding(Class::Unreachable, "no node can hold it any more".to_owned()));
        } else if old != new {
            let mut moves = finding(Class::Moves, self.why_it_moves(&old, &new, edits));
            moves.silent = Some(self.handover(&old, &new, edits));
            found.push(moves);
        }
        found.extend(self.by_history(address, &old).map(|(from, to)| {
            let reason = format!(
                "it moves to {to} if {from} holds it now: whoever was MASTER first keeps it"
            );
            Finding { from: Some(from), to: Some(to), ..finding(Class::Moves, reason) }
        }));
        let changed: Vec<&Edit<'_>> = edits.iter().filter(|edit| edit.from != edit.to).collect();
        if let Some((class, mixture)) = self.torn(address, &changed, &old, &new) {
            let why = why_torn(&changed).unwrap_or_default();
            let mut torn = finding(class, format!("{why}{mixture}"));
            torn.silent = (class == Class::Gap).then(|| down_time(edits));
            found.push(torn);
        }
        let held: Vec<&Edit<'_>> =
            changed.iter().copied().filter(|edit| old.contains(&edit.node)).collect();
        let made_anew = held.iter().any(|edit| match (edit.from, edit.to) {
            (Some(from), Some(to)) => from.identity() != to.identity(),
            _ => false,
        });
        if made_anew && !found.iter().any(|finding| finding.class == Class::Gap) {
            let mut gap = finding(
                Class::Gap,
                format!("{}: keepalived recreates the instance", identity_words(&held)),
            );
            gap.silent = Some(down_time(edits));
            found.push(gap);
        }
        let (before, after) =
            (self.electorate.order(address, FROM), self.electorate.order(address, TO));
        if before != after && old == new {
            let (was, is) = (self.next(&before), self.next(&after));
            let reason = format!("after it came {was}; now {is}");
            found.push(finding(Class::Order, reason));
        }
        // Replies leave by the holder; what a standby node would do is not what happens.
        let holds = |node: NodeIndex| old.contains(&node) || new.contains(&node);
        let (replies, standby): (Vec<_>, Vec<_>) =
            self.reroutes(address, edits).into_iter().partition(|(node, _)| holds(*node));
        if !replies.is_empty() {
            found.push(finding(Class::Reroutes, self.words(&replies, false)));
        } else if !standby.is_empty() {
            found.push(finding(Class::Tuned, self.words(&standby, true)));
        }
        let tuned: Vec<(NodeIndex, BTreeSet<&str>)> =
            changed.iter().map(|edit| (edit.node, tuned(edit).into_iter().collect())).collect();
        let tuned: Vec<_> = tuned.into_iter().filter(|(_, words)| !words.is_empty()).collect();
        if !tuned.is_empty() && found.is_empty() {
            let is_standby = !tuned.iter().any(|(node, _)| holds(*node));
            found.push(finding(
                Class::Tuned,
                format!("in place: {}", self.words(&tuned, is_standby)),
            ));
        }
        found
    }

    /// The changes, with the place of each standby node.
    fn words(&self, by_node: &[(NodeIndex, BTreeSet<&str>)], is_standby: bool) -> String {
        let words: BTreeSet<&str> =
            by_node.iter().flat_map(|(_, words)| words.iter().copied()).collect();
        let words = words.into_iter().collect::<Vec<_>>().join(", ");
        let nodes: Vec<NodeIndex> = by_node.iter().map(|(node, _)| *node).collect();
        match is_standby {
            true => {
                format!("{words}, on {}, which {} not hold it", self.list(&nodes), does(&nodes))
            }
            false => words,
        }
    }

    /// Returns the holders that a VIP would leave if another node had been MASTER first, and those it would move to.
    fn by_history(&self, address: IpAddr, old: &[NodeIndex]) -> Option<(String, String)> {
        let target = self.electorate.all(TO);
        self.histories.iter().find_map(|history| {
            let now = self.electorate.holders(history, address);
            let then = self.electorate.elect(&target, history);
            let then = self.electorate.holders(&then, address);
            (now != old && now != then).then(|| (self.list(&now), self.list(&then)))
        })
    }

    /// A mixture of reloaded nodes in which the VIP has two holders, or none.
    fn torn(
        &self,
        address: IpAddr,
        changed: &[&Edit<'_>],
        old: &[NodeIndex],
        new: &[NodeIndex],
    ) -> Option<(Class, String)> {
        let nodes: Vec<NodeIndex> = changed.iter().map(|edit| edit.node).collect();
        let mut gap = None;
        for reloaded in mixtures(&nodes, &self.electorate.order(address, FROM)) {
            let situation = self.mixed(&reloaded);
            let holders = self.electorate.holders_in(&situation, self.before, address);
            let mixture = || match nodes.len() - reloaded.len() {
                0 => String::new(),
                _ => format!(
                    "once {} changed and others have not",
                    has(&self.list(&reloaded), reloaded.len())
                ),
            };
            if holders.len() > 1 && old.len() < 2 {
                let reason = format!("{}, {} both hold it", mixture(), self.list(&holders));
                return Some((Class::Split, reason));
            }
            if holders.is_empty() && !old.is_empty() && !new.is_empty() {
                gap.get_or_insert_with(|| (Class::Gap, format!("{}, no node holds it", mixture())));
            }
        }
        gap
    }

    fn mixed(&self, reloaded: &[NodeIndex]) -> Situation {
        let mut situation = self.electorate.all(FROM);
        let target = self.electorate.all(TO);
        for node in reloaded {
            situation.running[*node] = target.running[*node];
        }
        situation
    }

    fn why_it_moves(&self, old: &[NodeIndex], new: &[NodeIndex], edits: &[Edit<'_>]) -> String {
        // Of several holders those move that give it up.
        let given_up = old.iter().find(|node| !new.contains(node));
        let (Some(from), Some(to)) = (given_up.or(old.first()), new.first()) else {
            return "nobody held it".to_owned();
        };
        let name = |node: &NodeIndex| &self.electorate.nodes()[*node];
        if old.len() > 1 {
            let list = self.list(old);
            let gives = match old.contains(to) {
                true => format!("{} keeps it, {} gives it up", name(to), name(from)),
                false => format!("{} takes it", name(to)),
            };
            return format!("{list} hold it at the same time now: {gives}");
        }
        let edit = |node: &NodeIndex| edits.iter().find(|edit| edit.node == *node);
        let leaves = edit(from).is_none_or(|edit| edit.to.is_none());
        if leaves {
            let gone = self.electorate.state(*from, TO).is_none();
            return match gone {
                true => format!("{} is removed", name(from)),
                false => format!("{} no longer holds it", name(from)),
            };
        }
        if edit(to).is_some_and(|edit| edit.from.is_none()) {
            return format!("{} is new for it and ranks first", name(to));
        }
        let priority = |node: &NodeIndex| {
            edit(node).and_then(|edit| edit.to).map_or(0, |instance| instance.priority)
        };
        format!("{} ({}) outranks {} ({})", name(to), priority(to), name(from), priority(from))
    }

    /// Returns the time for which nobody answers while a VIP moves: nothing when a better node takes it over, the next
    /// node's skew when the MASTER goes.
    fn handover(&self, old: &[NodeIndex], new: &[NodeIndex], edits: &[Edit<'_>]) -> Duration {
        let stays_able =
            old.iter().all(|node| edits.iter().any(|edit| edit.node == *node && edit.to.is_some()));
        let next = new.first().and_then(|node| edits.iter().find(|edit| edit.node == *node));
        match next.and_then(|edit| edit.to).filter(|_| !stays_able) {
            Some(instance) => instance.skew(),
            None => Duration::ZERO,
        }
    }

    /// The files that say something about the VIP and differ.
    fn files(&self, address: IpAddr, edits: &[Edit<'_>]) -> BTreeSet<String> {
        let mut files = BTreeSet::new();
        for edit in edits {
            let node = &self.electorate.nodes()[edit.node];
            if edit.from != edit.to {
                files.insert(NodeFile::Configuration.on(node.as_str()).to_string());
            }
            let state = |phase| self.electorate.state(edit.node, phase).map(AsRef::as_ref);
            let held = |state: Option<&'a NodeState>| {
                state.map(|state| {
                    (
                        state.routing.is_static,
                        rules(state, address),
                        routes(state, address),
                        marks(state, address),
                    )
                })
            };
            if held(state(FROM)) != held(state(TO)) {
                let home = |phase| pod::home(state(phase).and_then(|state| state.pod.as_ref()));
                files.extend([FROM, TO].map(|phase| {
                    NodeFile::PolicyRouting(home(phase)).on(node.as_str()).to_string()
                }));
            }
        }
        files
    }

    /// The nodes after the MASTER, the first few of them.
    fn next(&self, order: &[NodeIndex]) -> String {
        let names: Vec<&str> =
            order.iter().skip(1).map(|node| self.electorate.nodes()[*node].as_str()).collect();
        match names.as_slice() {
            [] => "no other node".to_owned(),
            few if few.len() <= 4 => few.join(", "),
            many => format!("{}, ...", many[..4].join(", ")),
        }
    }

    fn names(&self, nodes: &[NodeIndex]) -> Option<String> {
        (!nodes.is_empty()).then(|| self.list(nodes))
    }

    fn list(&self, nodes: &[NodeIndex]) -> String {
        let names: Vec<&str> =
            nodes.iter().map(|node| self.electorate.nodes()[*node].as_str()).collect();
        match names.as_slice() {
            [head @ .., last] if !head.is_empty() => format!("{} and {last}", head.join(", ")),
            names => names.join(""),
        }
    }
}

/// Which nodes are reloaded, others not: every mixture of a few, of many those that an order of reloads comes through.
fn mixtures(nodes: &[NodeIndex], order: &[NodeIndex]) -> Vec<Vec<NodeIndex>> {
    let count = nodes.len();
    if count <= MIXED {
        let all = 1..(1usize << count).saturating_sub(1).max(1);
        return all
            .map(|bits| (0..count).filter(|at| bits & (1 << at) != 0).map(|at| nodes[at]).collect())
            .collect();
    }
    let ranked = || order.iter().copied().filter(|node| nodes.contains(node));
    let mut sequence: Vec<NodeIndex> = ranked().collect();
    sequence.extend(nodes.iter().filter(|node| !order.contains(node)));
    let mut found: Vec<Vec<NodeIndex>> = Vec::new();
    for end in 1..count {
        found.push(sequence[..end].to_vec());
        found.push(sequence[end..].to_vec());
    }
    for node in nodes {
        found.push(vec![*node]);
        found.push(nodes.iter().copied().filter(|other| other != node).collect());
    }
    found
}

fn does(nodes: &[NodeIndex]) -> &'static str {
    if nodes.len() == 1 { "does" } else { "do" }
}

fn has(list: &str, count: usize) -> String {
    format!("{list} {}", if count == 1 { "has" } else { "have" })
}

/// The longest that a node of these waits for a MASTER that says nothing.
fn down_time(edits: &[Edit<'_>]) -> Duration {
    let instances = edits.iter().filter_map(|edit| edit.to.or(edit.from));
    instances.map(Instance::down_time).max().unwrap_or_default()
}
