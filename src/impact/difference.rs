//! In which words two configurations of a VIP on a node differ.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::state::elect::NodeIndex;
use crate::state::{Advert, Instance, NodeState};

/// The change of a VIP's instance on a node.
pub struct Edit<'a> {
    pub node: NodeIndex,
    pub from: Option<&'a Instance>,
    pub to: Option<&'a Instance>,
}

/// Returns why adverts are not understood meanwhile, or `None` if nothing explains it.
pub fn why_torn(changed: &[&Edit<'_>]) -> Option<String> {
    let mut why: BTreeSet<&str> = BTreeSet::new();
    for edit in changed {
        match (edit.from, edit.to) {
            (None, Some(_)) => drop(why.insert("a node joins")),
            (Some(_), None) => drop(why.insert("a node leaves")),
            (Some(from), Some(to)) => why.extend(misunderstood(from, to)),
            (None, None) => {}
        }
    }
    let words: Vec<&str> = why.into_iter().collect();
    (!words.is_empty()).then(|| format!("{}: ", words.join(", ")))
}

/// Returns the differences that make the adverts of one configuration count for nothing in the other (facts
/// R19).
pub fn misunderstood(from: &Instance, to: &Instance) -> Vec<&'static str> {
    let mut why = Vec::new();
    if from.vrid != to.vrid {
        why.push("another VRID");
    }
    if from.interface != to.interface {
        why.push("another interface");
    }
    if from.vmac != to.vmac {
        why.push("another virtual MAC interface");
    }
    let (old, new): (&Advert, &Advert) = (&from.advert, &to.advert);
    if old.version != new.version {
        why.push("another VRRP version");
    }
    if old.peers.is_empty() != new.peers.is_empty() {
        why.push("multicast and unicast");
    } else if old.source != new.source {
        why.push("another address of the node");
    } else if old.group != new.group {
        why.push("another multicast group");
    }
    if old.authentication != new.authentication {
        why.push("another authentication");
    }
    if old.interval != new.interval {
        why.push("another advert interval");
    }
    if from.advertised() != to.advertised() {
        why.push("another list of addresses");
    }
    why
}

pub fn identity_words(changed: &[&Edit<'_>]) -> String {
    let why: BTreeSet<&str> = changed
        .iter()
        .filter_map(|edit| Some(misunderstood(edit.from?, edit.to?)))
        .flatten()
        .collect();
    why.into_iter().collect::<Vec<_>>().join(", ")
}

/// Returns the settings that change in place.
pub fn tuned(edit: &Edit<'_>) -> Vec<&'static str> {
    let (from, to) = match (edit.from, edit.to) {
        (Some(from), Some(to)) => (from, to),
        (None, _) => return vec!["a node that can hold it"],
        (_, None) => return vec!["a node that can no longer hold it"],
    };
    let mut what = misunderstood(from, to);
    let mut check = |differs: bool, word: &'static str| {
        if differs {
            what.push(word);
        }
    };
    check(from.priority != to.priority, "priorities");
    check(from.advert.peers != to.advert.peers, "peers");
    check(from.preempt != to.preempt, "preemption");
    check(from.tracks != to.tracks, "tracking");
    check(from.excluded != to.excluded, "extra addresses");
    check(from.addresses != to.addresses, "addresses");
    check(from.name != to.name, "the instance's name");
    check(from.starts_as_master != to.starts_as_master, "the state at start");
    check(from.others != to.others, "notify and other settings");
    check(from.routes != to.routes || from.rules != to.rules, "routing");
    what
}

pub fn rules(state: &NodeState, vip: IpAddr) -> Vec<(u32, &str, bool)> {
    let rules = state.routing.rules.iter().filter(|rule| rule.vip == vip);
    rules.map(|rule| (rule.priority, rule.words.as_str(), rule.ipv6)).collect()
}

pub fn routes(state: &NodeState, vip: IpAddr) -> Vec<(u32, IpAddr, &str, Option<&str>)> {
    let routes = state.routing.routes.iter().filter(|route| route.vip == vip);
    routes
        .map(|route| (route.table, route.gateway, route.interface.as_str(), route.to.as_deref()))
        .collect()
}

pub fn marks(state: &NodeState, vip: IpAddr) -> Vec<(IpAddr, u32, u32, &str)> {
    let marks = state.routing.marks.iter().filter(|mark| mark.vip == vip);
    marks.map(|mark| (mark.address, mark.value, mark.mask, mark.interface.as_str())).collect()
}
