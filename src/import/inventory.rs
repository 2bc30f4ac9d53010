//! The facts that were found -> the inventory as a person would write it: defaults left out, what runs pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use ipnet::IpNet;

use super::check::Asked;
use super::entrypoint::Entrypoints;
use super::finding::Findings;
use super::fleet::{Vip, most, preempt};
use super::garp::Garp;
use super::next_hop::{self, NextHop};
use super::notify::Notify;
use super::table::Table;
use super::yaml::Yaml;
use super::{Found, codes, number, tier};
use crate::language::form::in_words;
use crate::model::Timing;
use crate::state::{Pod, Preemption, Statement};

/// The settings that all VIPs have in common.
pub struct Common {
    /// 2 or 3.
    vrrp_version: u8,
    /// Between adverts.
    interval: Duration,
    /// The behaviour of a better node when it comes back.
    pub preempt: Preemption,
    /// The commands that all of them call on transitions.
    pub notify: Option<Notify>,
    /// Gratuitous ARP, where a VIP says nothing else.
    garp: Garp,
}

impl Found {
    /// The inventory.
    pub fn inventory(&self, findings: &mut Findings) -> Yaml {
        let entrypoints = Entrypoints::of(&self.fleet.vips, &self.cluster, findings);
        let common = self.common(findings);
        let gateways = self.gateways(findings);
        let in_cluster = |vip: &Vip| {
            let name = entrypoints.of.get(&vip.address);
            name.and_then(|name| entrypoints.all.get(name)).is_some_and(|found| found.in_cluster)
        };
        let (pins, mask) = number::pins(&self.fleet.vips, &gateways, in_cluster, findings);
        let mut top = Yaml::map();
        top.put("datacenter", Yaml::text(&self.name));
        for (key, value) in [
            ("kubernetes", self.kubernetes()),
            ("keepalived", self.keepalived(&common)),
            ("policy_routing", self.policy_routing(mask)),
            ("gateways", next_hop::written(&gateways)),
            ("nodes", self.nodes(&gateways, findings)),
        ] {
            if !value.is_empty() {
                top.put(key, value);
            }
        }
        top.put("entrypoints", self.entrypoints(&entrypoints, findings));
        top.put("vips", self.vips(&entrypoints, &common, &gateways, &pins, findings));
        let many = entrypoints.all.len() > 1;
        if !self.cluster.domains.is_empty() {
            top.put("domains", tier::domains(&self.cluster, many));
        }
        if !self.cluster.components.is_empty() {
            top.put("components", tier::components(&self.cluster, many));
        }
        top
    }

    fn common(&self, findings: &mut Findings) -> Common {
        let members = || self.fleet.vips.iter().flat_map(|vip| vip.members.values());
        let version = most(
            members()
                .filter(|member| !member.instance.advert.ipv6)
                .map(|member| member.instance.advert.version),
        );
        let global = self.global("vrrp_version").and_then(|version| version.parse().ok());
        let interval = most(members().map(|member| member.instance.advert.interval));
        let interval = interval.unwrap_or(Duration::from_secs(1));
        let version = version.or(global).unwrap_or(2);
        // VRRPv2 has whole seconds, and keepalived rounds.
        let interval = match version {
            2 => Duration::from_secs_f64(interval.as_secs_f64().round().max(1.0)),
            _ => interval,
        };
        for member in members().filter(|member| {
            !member.instance.advert.ipv6 && member.instance.advert.version != version
        }) {
            findings.add(
                &codes::OTHERWISE,
                member.at,
                format!("VRRPv{} becomes VRRPv{version}", member.instance.advert.version),
                "a datacenter has one `vrrp_version`",
            );
        }
        let preempt = most(members().map(|member| super::fleet::preempt(member.instance.preempt)));
        let found = members().map(|member| member.instance.preempt);
        let preempt = found
            .into_iter()
            .find(|found| Some(super::fleet::preempt(*found)) == preempt)
            .unwrap_or(Preemption::AtOnce);
        for member in members().filter(|member| member.instance.advert.interval != interval) {
            findings.add(
                &codes::OTHERWISE,
                member.at,
                format!(
                    "adverts every {} become one every {}",
                    in_words(member.instance.advert.interval),
                    in_words(interval)
                ),
                "a datacenter has one `advert_interval`",
            );
        }
        let all = members().count();
        let notify = most(members().filter_map(|member| member.notify.clone()));
        // The global one is for all of them.
        let is_common = members().filter(|member| member.notify == notify).count() == all;
        let globals = self.written.iter().filter_map(|node| node.state.keepalived.as_ref());
        let garps: Vec<_> = globals.map(|found| Garp::read(&found.global, findings)).collect();
        Common {
            vrrp_version: version,
            interval,
            preempt,
            notify: notify.filter(|_| is_common),
            garp: most(garps).unwrap_or_default(),
        }
    }

    /// A setting of `global_defs` as most nodes have it.
    fn global(&self, key: &str) -> Option<String> {
        let all = self.written.iter().filter_map(|node| node.state.keepalived.as_ref());
        most(all.filter_map(|found| {
            let statement: Option<&Statement> =
                found.global.iter().find(|found| found.key() == key);
            statement?.value().map(str::to_owned)
        }))
    }

    fn kubernetes(&self) -> Yaml {
        let mut map = Yaml::map();
        let cluster = &self.cluster;
        let namespace = cluster.namespace.as_ref().filter(|name| *name != "ingress");
        map.put_some("namespace", namespace.map(Yaml::text));
        let edges = !cluster.edges.is_empty();
        let has_marks = self
            .fleet
            .vips
            .iter()
            .any(|vip| vip.way(vip.address).is_some_and(|way| way.mark.is_some()));
        if edges && !has_marks && self.fleet.vips.iter().any(|vip| vip.way(vip.address).is_some()) {
            let why = "No rule for a mark was found, which only this mode does without. Correct it where that is wrong.";
            map.comment("kube_proxy", Yaml::text("ipvs"), vec![why.to_owned()]);
        }
        map.put_some("ingress_class", cluster.by_annotation.then(|| Yaml::text("annotation")));
        map.put_some("vips", cluster.by_status.then(|| Yaml::text("status")));
        let endpoints = cluster.endpoints.filter(|form| *form != "endpoints");
        map.put_some("endpoints", endpoints.map(Yaml::text));
        let pods: BTreeSet<IpNet> = self.to_pods().map(|(network, _)| network).collect();
        if !pods.is_empty() {
            map.put("pod_networks", Yaml::texts(pods));
        }
        map
    }

    /// Rules from a VIP to a network in the main table that come before the VIP's own, with their priorities.
    fn to_pods(&self) -> impl Iterator<Item = (IpNet, Option<u32>)> {
        let before = |network: IpNet, to: IpNet, priority: Option<u32>| {
            let mut vips = self.fleet.vips.iter().filter(|vip| network.contains(&vip.address));
            vips.any(|vip| {
                let own = vip.way(vip.address).and_then(|way| way.rule_priority);
                to.addr().is_ipv4() == vip.address.is_ipv4() && priority < own
            })
        };
        let rules = self.fleet.nodes.values().flat_map(|node| &node.routing.rules);
        rules.filter(|rule| rule.table == Table::MAIN).filter_map(move |rule| {
            let (from, to) = (rule.from?, rule.to?);
            before(from, to, rule.priority).then_some((to, rule.priority))
        })
    }

    fn keepalived(&self, common: &Common) -> Yaml {
        let mut map = Yaml::map();
        map.put_some("version", self.version.as_ref().map(Yaml::text));
        // Half of a fleet in pods is the middle of a move.
        let pods = self.written.iter().filter_map(|node| node.state.pod.as_ref());
        if let Some(pod) = pods.clone().next().filter(|_| pods.count() == self.written.len()) {
            map.put("run", Yaml::text(pod.form.word()));
            map.put_some("image", pod.image().map(Yaml::text));
        }
        map.put_some(
            "vrrp_version",
            (common.vrrp_version != 2).then(|| Yaml::plain(common.vrrp_version)),
        );
        let interval = (common.interval != Duration::from_secs(1))
            .then(|| Yaml::text(in_words(common.interval)));
        map.put_some("advert_interval", interval);
        let preempts = common.preempt != Preemption::AtOnce;
        map.put_some("preempt", preempts.then(|| Yaml::plain(preempt(common.preempt))));
        map.put_some("notify", common.notify.as_ref().map(Notify::yaml));
        map.put_some("garp", common.garp.yaml());
        let priority = self.global("vrrp_rt_priority").and_then(|value| value.parse::<u8>().ok());
        map.put_some(
            "rt_priority",
            priority.filter(|value| (1..=99).contains(value)).map(Yaml::plain),
        );
        map
    }

    fn policy_routing(&self, mask: u32) -> Yaml {
        let mut map = Yaml::map();
        let is_static = self.written.iter().any(|node| node.state.routing.is_static);
        map.put_some("mode", is_static.then(|| Yaml::text("static")));
        let priority = self.to_pods().find_map(|(_, priority)| priority);
        map.put_some("pod_rule_priority", priority.filter(|found| *found != 999).map(Yaml::plain));
        map.put_some("mark_mask", (mask != 0xff).then(|| Yaml::plain(format!("{mask:#x}"))));
        map
    }

    fn nodes(&self, gateways: &BTreeMap<String, NextHop>, findings: &mut Findings) -> Yaml {
        let mut nodes = Yaml::map();
        for (name, node) in &self.fleet.nodes {
            let mut map = Yaml::map();
            let host = self.hosts.get(name);
            map.put_some("address", node.address.map(Yaml::text));
            map.put_some("address6", node.address6.map(Yaml::text));
            let common =
                || most(self.fleet.nodes.values().filter_map(|node| node.interface.clone()));
            map.put_some("interface", node.interface.clone().or_else(common).map(Yaml::text));
            let pod = self.written.iter().find(|found| found.name == *name);
            let pod = pod.and_then(|found| found.state.pod.as_ref());
            let hostname = pod.and_then(Pod::hostname).filter(|hostname| hostname != name);
            map.put_some("hostname", hostname.map(Yaml::text));
            map.put_some("host", host.and_then(|host| host.address.as_ref()).map(Yaml::text));
            map.put_some("zone", host.and_then(|host| host.zone.as_ref()).map(Yaml::text));
            let mut comments = Vec::new();
            if !node.is_used {
                comments.push("Holds no VIP.".to_owned());
                map.put("state", Yaml::text("maintenance"));
                if node.address.is_none() {
                    // Without an address it could hold none.
                    map.put("gateways", Yaml::List(Vec::new()));
                }
            }
            let mut interfaces = Yaml::map();
            for (gateway, found) in gateways {
                let own = found.interfaces.get(name).filter(|own| **own != found.interface);
                interfaces.put_some(gateway, own.map(Yaml::text));
            }
            map.put_some("interfaces", Some(interfaces).filter(|map| !map.is_empty()));
            let tracked = self.tracked_by_all(name);
            map.put_some("track_interfaces", (!tracked.is_empty()).then(|| Yaml::texts(&tracked)));
            for vip in &self.fleet.vips {
                let Some(member) = vip.members.get(name) else { continue };
                if Some(&member.instance.interface) != node.interface.as_ref() {
                    findings.add(
                        &codes::OTHERWISE,
                        member.at,
                        format!(
                            "adverts of {} travel on another interface of `{name}`",
                            vip.address
                        ),
                        "a node has one interface for its adverts: that of most of its instances",
                    );
                }
            }
            nodes.comment(name, map, comments);
        }
        nodes
    }

    /// Interfaces that all instances of a node track.
    pub fn tracked_by_all(&self, node: &str) -> BTreeSet<String> {
        let mut own = self.fleet.vips.iter().filter_map(|vip| vip.members.get(node));
        let Some(first) = own.next() else { return BTreeSet::new() };
        own.fold(first.track_interfaces.clone(), |all, member| {
            all.intersection(&member.track_interfaces).cloned().collect()
        })
    }

    fn entrypoints(&self, entrypoints: &Entrypoints, findings: &mut Findings) -> Yaml {
        let mut all = Yaml::map();
        for (name, found) in &entrypoints.all {
            let edge = self.cluster.edges.get(name);
            let mut map = Yaml::map();
            let mut commands = found.commands.iter();
            if found.in_cluster {
                let (edge, routing) = match edge {
                    Some(edge) => tier::tiers(edge, found.port),
                    None => tier::guessed(name, found.port),
                };
                map.put("edge", edge);
                map.put_some("routing", routing);
            } else {
                map.put(
                    "host",
                    commands.next().map_or_else(Yaml::map, |one| check(one, found.timing)),
                );
            }
            map.put_some("node_check", commands.next().map(|one| check(one, found.timing)));
            for command in commands {
                let at = self
                    .fleet
                    .vips
                    .iter()
                    .flat_map(|vip| vip.members.values())
                    .map(|member| member.at);
                if let Some(at) = at.min() {
                    findings.add(
                        &codes::UNSAYABLE,
                        at,
                        format!("`{}` is one check too many for `{name}`", command.command),
                        "put several into one script on the nodes",
                    );
                }
            }
            let home = self.cluster.namespace.as_deref().unwrap_or("ingress");
            map.put_some("fallback", edge.and_then(|edge| tier::fallback(edge, home)));
            let default = "yield";
            map.put_some(
                "on_unhealthy",
                (found.on_unhealthy != default).then(|| Yaml::text(found.on_unhealthy)),
            );
            all.put(name, map);
        }
        all
    }
}

fn check(asked: &Asked, timing: Timing) -> Yaml {
    let mut map = Yaml::map();
    let ours = Timing::DEFAULT;
    map.put("check", Yaml::text(&asked.command));
    map.put_some("user", (asked.user != "nobody").then(|| Yaml::text(&asked.user)));
    for (key, value, default) in
        [("interval", timing.interval, ours.interval), ("timeout", timing.timeout, ours.timeout)]
    {
        map.put_some(key, (value != default).then(|| Yaml::text(format!("{value}s"))));
    }
    for (key, value, default) in
        [("fall", timing.fall, ours.fall), ("rise", timing.rise, ours.rise)]
    {
        map.put_some(key, (value != default).then(|| Yaml::plain(value)));
    }
    map
}
