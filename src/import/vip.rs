//! The VIPs of an inventory: who comes first, with which numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::check::Health;
use super::entrypoint::Entrypoints;
use super::finding::Findings;
use super::fleet::{Vip, preempt};
use super::inventory::Common;
use super::member::Member;
use super::next_hop::NextHop;
use super::number::Pins;
use super::placement::is_routed;
use super::yaml::Yaml;
use super::{Found, codes};
use crate::plan::HEALTHY;

impl Found {
    /// `vips:`, what runs pinned.
    pub fn vips(
        &self,
        entrypoints: &Entrypoints,
        common: &Common,
        gateways: &BTreeMap<String, NextHop>,
        pins: &BTreeMap<IpAddr, Pins>,
        findings: &mut Findings,
    ) -> Yaml {
        let used: BTreeSet<&String> = self
            .fleet
            .nodes
            .iter()
            .filter(|(_, node)| node.is_used)
            .map(|(name, _)| name)
            .collect();
        let mut list = Vec::new();
        for vip in &self.fleet.vips {
            let mut map = Yaml::map();
            map.put("address", Yaml::text(vip.address));
            let many = entrypoints.all.len() > 1;
            let entrypoint = entrypoints.of.get(&vip.address);
            map.put_some("entrypoint", entrypoint.filter(|_| many).map(Yaml::text));
            let is_routed = is_routed(vip.address, gateways);
            let own = self.place(vip, vip.address, gateways, findings);
            own.put(&mut map);
            let extra = self.extra(vip, &own, gateways, pins, findings);
            if !extra.is_empty() {
                map.put("extra_addresses", Yaml::List(extra));
            }
            tell_differences(vip, findings);
            let is_everywhere = match is_routed {
                true => vip.members.keys().eq(used.iter().copied()),
                false => vip.members.keys().eq(self.fleet.nodes.keys()),
            };
            if !is_everywhere {
                map.put("nodes", Yaml::texts(vip.members.keys()));
            }
            let order = vip.order(findings);
            let preempts = vip.most(|member| preempt(member.instance.preempt)).unwrap_or_default();
            match self.is_allocated(&order, vip, entrypoints) {
                true => map.put("prefer", Yaml::texts(order.iter().map(|(name, _)| name))),
                false => {
                    let order = raised(order, vip, entrypoints, findings);
                    let mut priorities = Yaml::map();
                    for (name, priority) in order {
                        priorities.put(name, Yaml::plain(priority));
                    }
                    map.put("priorities", priorities);
                }
            }
            if let Some(pins) = pins.get(&vip.address) {
                map.put_some("vrid", pins.vrid.map(Yaml::plain));
                if is_routed {
                    pins.put_routing(&mut map);
                }
            }
            if preempts != preempt(common.preempt) {
                map.put("preempt", Yaml::plain(preempts));
            }
            let notify = vip.most(|member| member.notify.clone()).flatten();
            map.put_some(
                "notify",
                notify.filter(|one| Some(one) != common.notify.as_ref()).map(|one| one.yaml()),
            );
            map.put_some("garp", vip.most(|member| member.garp).and_then(|garp| garp.yaml()));
            let tracked = self.tracked(vip);
            map.put_some("track_interfaces", (!tracked.is_empty()).then(|| Yaml::texts(&tracked)));
            list.push(map);
        }
        Yaml::List(list)
    }

    /// Interfaces that instances of a VIP track beside what all of their nodes do.
    fn tracked(&self, vip: &Vip) -> BTreeSet<String> {
        let own = vip.members.iter().flat_map(|(name, member)| {
            let by_all = self.tracked_by_all(name);
            member
                .track_interfaces
                .iter()
                .filter(move |one| !by_all.contains(*one))
                .cloned()
                .collect::<Vec<_>>()
        });
        own.collect()
    }

    /// Returns true if lbgen would give just these priorities to this order.
    fn is_allocated(&self, order: &[(&str, u8)], vip: &Vip, entrypoints: &Entrypoints) -> bool {
        let given = crate::plan::priorities(self.fleet.nodes.len());
        let is_kept = order.iter().map(|(_, priority)| *priority).eq(given.take(order.len()));
        let yields = yields(vip, entrypoints);
        let by_rank = vip.members.values().flat_map(|member| &member.health);
        let losses: BTreeSet<Option<i32>> = by_rank.map(|(_, _, weight)| *weight).collect();
        let usual = [None, Some(-i32::from(HEALTHY))];
        is_kept && (!yields || losses.iter().all(|weight| usual.contains(weight)))
    }
}

/// Tells of instances that say something else than most instances of their VIP.
fn tell_differences(vip: &Vip, findings: &mut Findings) {
    let vrid = vip.most(|member| member.instance.vrid);
    let checks = |member: &Member| -> Vec<Health> {
        member.health.iter().map(|(_, health, _)| health.clone()).collect()
    };
    let health = vip.most(checks);
    let notify = vip.most(|member| member.notify.clone());
    let garp = vip.most(|member| member.garp);
    let stays = vip.most(|member| preempt(member.instance.preempt));
    let labels = vip.most(|member| member.labels.clone());
    let routes = vip.most(|member| member.routes.clone());
    for (name, member) in &vip.members {
        let found = [
            ("VRID", Some(member.instance.vrid) == vrid),
            ("check", Some(checks(member)) == health),
            ("`notify`", Some(&member.notify) == notify.as_ref()),
            ("gratuitous ARP", Some(member.garp) == garp),
            ("`label`", Some(&member.labels) == labels.as_ref()),
            ("`routes`", Some(&member.routes) == routes.as_ref()),
            ("preemption", Some(preempt(member.instance.preempt)) == stays),
        ];
        for (what, _) in found.into_iter().filter(|(_, is_same)| !is_same) {
            let title = format!("the {what} of {} is another one on `{name}`", vip.address);
            let help = "a VIP has one for all of its nodes: that of most of them was taken, or of the first";
            let code = if what == "VRID" { &codes::UNSAYABLE } else { &codes::OTHERWISE };
            findings.add(code, member.at, title, help);
        }
    }
}

/// Returns true if an unhealthy node of a VIP ranks below the healthy ones.
fn yields(vip: &Vip, entrypoints: &Entrypoints) -> bool {
    let entrypoint = entrypoints.of.get(&vip.address).and_then(|name| entrypoints.all.get(name));
    entrypoint.is_some_and(|found| found.on_unhealthy == "yield")
}

/// Priorities with room below the lowest for as many unhealthy nodes as there are.
fn raised<'a>(
    order: Vec<(&'a str, u8)>,
    vip: &Vip,
    entrypoints: &Entrypoints,
    findings: &mut Findings,
) -> Vec<(&'a str, u8)> {
    let yields = yields(vip, entrypoints);
    let lowest = order.iter().map(|(_, priority)| *priority).min().unwrap_or(254);
    let highest = order.iter().map(|(_, priority)| *priority).max().unwrap_or(1);
    let room = u8::try_from(order.len() + 1).unwrap_or(u8::MAX);
    if !yields || lowest >= room {
        return order;
    }
    let lift = room - lowest;
    let fits = highest.checked_add(lift).filter(|highest| *highest < 255);
    let title = match fits {
        Some(_) => format!("priorities of {} are higher by {lift}", vip.address),
        None => format!("priorities of {} are 254 and below, in their order", vip.address),
    };
    for member in vip.members.values() {
        findings.add(
            &codes::OTHERWISE,
            member.at,
            title.clone(),
            "unhealthy nodes rank below every healthy one, and priorities end at 1",
        );
    }
    match fits {
        Some(_) => order.into_iter().map(|(name, priority)| (name, priority + lift)).collect(),
        None => order
            .iter()
            .zip((1..=254u8).rev())
            .map(|((name, _), priority)| (*name, priority))
            .collect(),
    }
}
