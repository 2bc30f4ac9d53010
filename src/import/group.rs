//! Sync groups: instances that move together become one, which brings the addresses of all of them.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::codes;
use super::finding::Findings;
use super::reply_routing::ReplyRouting;
use crate::model::Transition;
use crate::state::{Configuration, Instance, Statement, SyncGroup};

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
    let is_routed =
        |member: &&&Instance| member.holds().any(|address| routing.way(address).is_some());
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
        findings.add(
            &codes::OTHERWISE,
            line.at,
            format!("`{}` is called for an instance, no longer for the group", line.text()),
            "its arguments are INSTANCE, the instance's name, the state and the priority: of a group, the first is GROUP",
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
                    format!("`{}` is left behind", line.text()),
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
        one.excluded.extend(member.addresses.iter().chain(&member.excluded).cloned());
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
    one.others.retain(|line| transition(line).is_none());
    one.others.extend(notify);
    one
}

fn transition(line: &Statement) -> Option<Transition> {
    Transition::ALL.into_iter().find(|one| one.keyword() == line.key())
}
