//! Sync groups: instances that move together become one, which brings the addresses of all of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::codes;
use super::finding::Findings;
use super::reply_routing::ReplyRouting;
use crate::model::Transition;
use crate::source::Span;
use crate::state::{Configuration, Instance, Statement, SyncGroup, Track, Tracked, Weight};

/// The instances of a node, one for each sync group; `known` are the VIPs of the nodes before, whose instances lead there
/// too.
pub fn merged(
    configuration: &Configuration,
    routing: &ReplyRouting,
    known: &BTreeSet<IpAddr>,
    findings: &mut Findings,
) -> Vec<Instance> {
    let mut merged = Vec::new();
    for instance in &configuration.instances {
        let group =
            configuration.groups.iter().find(|group| group.members.contains(&instance.name));
        let Some(group) = group else {
            merged.push(instance.clone());
            continue;
        };
        let members = configuration.instances.iter();
        let members: Vec<&Instance> =
            members.filter(|found| group.members.contains(&found.name)).collect();
        let lead = lead(&members, routing, known);
        if lead.is_some_and(|lead| lead.name == instance.name) {
            merged.push(joined(group, instance, &members, findings));
        }
    }
    merged
}

/// The member that the others join: that of a VIP which other nodes have, else one with a gateway, else the first.
fn lead<'a>(
    members: &[&'a Instance],
    routing: &ReplyRouting,
    known: &BTreeSet<IpAddr>,
) -> Option<&'a Instance> {
    let brings = |member: &&&Instance| member.holds().any(|address| known.contains(&address));
    let is_routed = |member: &&&Instance| {
        let mut all = member.places();
        all.any(|found| routing.way_of(found.address).is_some())
    };
    let found = members.iter().find(brings).or_else(|| members.iter().find(is_routed));
    found.or(members.first()).copied()
}

fn joined(
    group: &SyncGroup,
    lead: &Instance,
    members: &[&Instance],
    findings: &mut Findings,
) -> Instance {
    let mut one = lead.clone();
    // keepalived calls the group's commands beside those of the members.
    let mut notify: Vec<Statement> =
        group.others.iter().filter(|line| transition(line).is_some()).cloned().collect();
    for line in &notify {
        let help = match transition(line) {
            Some(Transition::Any) => {
                "its arguments are INSTANCE, the instance's name, the state and the priority: of a group, the first is GROUP"
            }
            _ => "it gets no arguments, as before",
        };
        findings.add(
            &codes::OTHERWISE,
            line.at,
            format!(
                "`{}` is called for the VIP, no longer for a group",
                line.value().unwrap_or_default()
            ),
            help,
        );
    }
    let vip = lead.vip().map_or(lead.name.clone(), |vip| vip.to_string());
    for member in
        std::iter::once(lead).chain(members.iter().copied().filter(|one| one.name != lead.name))
    {
        for line in member.others.iter().filter(|line| transition(line).is_some()) {
            match notify.iter().find(|other| transition(other) == transition(line)) {
                Some(other) if other.words == line.words => {}
                Some(other) => findings.add(
                    &codes::LOST,
                    line.at,
                    format!("`{}` is left behind", line.value().unwrap_or_default()),
                    format!("a VIP calls one command on a transition, and {vip} calls `{}`: let a script call both", other.value().unwrap_or_default()),
                ),
                None => notify.push(line.clone()),
            }
        }
        if member.name == lead.name {
            continue;
        }
        findings.add(
            &codes::OTHERWISE,
            member.at,
            format!("the instance `{}` becomes a part of that of {vip}", member.name),
            "instances of a sync group are one VIP, whose other addresses come with it (`extra_addresses`): it has one VRID, and one interface for its adverts",
        );
        tell_differences(lead, member, findings);
        one.excluded.extend(member.places().cloned());
        one.routes.extend(member.routes.iter().cloned());
        one.rules.extend(member.rules.iter().cloned());
        for track in &member.tracks {
            let is_known =
                one.tracks.iter().any(|own| own.kind == track.kind && own.name == track.name);
            if !is_known {
                one.tracks.push(track.clone());
            }
        }
    }
    // keepalived tracks the interface of an instance, and those of addresses.
    for member in members {
        let is_placed = one.places().any(|found| found.interface == member.interface);
        if member.interface != lead.interface && !is_placed {
            one.tracks.push(Track {
                kind: Tracked::Interface,
                name: member.interface.clone(),
                weight: Weight { value: 0, is_reversed: false },
                at: member.at,
            });
        }
    }
    one.others.retain(|line| transition(line).is_none());
    one.others.extend(notify);
    one
}

/// An address that one node has by itself, and others with another one.
pub fn tell_parted(address: IpAddr, vip: IpAddr, node: &str, at: Span, findings: &mut Findings) {
    findings.add(
        &codes::UNSAYABLE,
        at,
        format!("{address} comes with {vip} on other nodes, and by itself on `{node}`"),
        "a VIP has the same addresses on all nodes: give them the same sync groups, or none",
    );
}

/// Settings of a member that give way to those of the lead.
fn tell_differences(lead: &Instance, member: &Instance, findings: &mut Findings) {
    let garp = |one: &Instance| -> Vec<String> {
        let lines = one.others.iter().filter(|line| line.key().starts_with("garp_"));
        lines.map(Statement::text).collect()
    };
    let found = [
        ("priority", lead.priority != member.priority),
        ("advert interval", lead.advert.interval != member.advert.interval),
        ("preemption", lead.preempt != member.preempt),
        ("gratuitous ARP", garp(lead) != garp(member)),
    ];
    for (what, _) in found.into_iter().filter(|(_, differs)| *differs) {
        findings.add(
            &codes::OTHERWISE,
            member.at,
            format!("the {what} of `{}` is left behind", member.name),
            format!("the VIP has that of `{}`: it comes with one instance", lead.name),
        );
    }
}

fn transition(line: &Statement) -> Option<Transition> {
    Transition::ALL.into_iter().find(|one| one.keyword() == line.key())
}
