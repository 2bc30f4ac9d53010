//! What was found -> the inventory as a person would write it: defaults left out, what runs pinned.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::check::{Asked, Timing};
use super::cluster::{Cluster, Component, Edge};
use super::entrypoint::Entrypoints;
use super::finding::Findings;
use super::fleet::{Vip, duration, most, preempt};
use super::number::{self, Pins};
use super::yaml::Yaml;
use super::{Found, codes};
use crate::language::name::{Host, Name as _};
use crate::state::{Preemption, Statement};

/// A gateway of VIPs.
#[derive(Debug)]
struct Gateway {
    address: IpAddr,
    network: IpNet,
    interface: String,
    /// Interface by node, where VIPs of it are.
    interfaces: BTreeMap<String, String>,
}

/// What all VIPs have in common.
struct Common {
    vrrp_version: u8,
    interval: Duration,
    preempt: Preemption,
    notify: Option<String>,
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
        let (pins, mask) = number::pins(&self.fleet.vips, in_cluster, findings);
        let mut top = Yaml::map();
        top.put("datacenter", Yaml::text(&self.name));
        for (key, value) in [
            ("kubernetes", self.kubernetes()),
            ("keepalived", self.keepalived(&common)),
            ("policy_routing", self.policy_routing(mask)),
            ("gateways", written_gateways(&gateways)),
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
            top.put("domains", domains(&self.cluster, many));
        }
        if !self.cluster.components.is_empty() {
            top.put("components", components(&self.cluster, many));
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
                    duration(member.instance.advert.interval),
                    duration(interval)
                ),
                "a datacenter has one `advert_interval`",
            );
        }
        let all = members().count();
        let notify = most(members().filter_map(|member| member.notify.clone()));
        // Without the global one, a VIP that has none could not be said.
        let is_common = members().filter(|member| member.notify == notify).count() == all;
        Common {
            vrrp_version: version.or(global).unwrap_or(2),
            interval,
            preempt,
            notify: notify.filter(|_| is_common),
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
            map.put("kube_proxy", Yaml::text("ipvs"));
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

    /// Rules from a VIP to a network in the main table, with their priorities.
    fn to_pods(&self) -> impl Iterator<Item = (IpNet, Option<u32>)> {
        let rules = self.fleet.nodes.values().flat_map(|node| &node.routing.rules);
        let is_vip = |address: IpAddr| self.fleet.vips.iter().any(|vip| vip.address == address);
        rules
            .filter(move |rule| rule.table == 254 && rule.from.is_some_and(is_vip))
            .filter_map(|rule| Some((rule.to?, rule.priority)))
    }

    fn keepalived(&self, common: &Common) -> Yaml {
        let mut map = Yaml::map();
        map.put_some("version", self.version.as_ref().map(Yaml::text));
        map.put_some(
            "vrrp_version",
            (common.vrrp_version != 2).then(|| Yaml::plain(common.vrrp_version)),
        );
        let interval = (common.interval != Duration::from_secs(1))
            .then(|| Yaml::text(duration(common.interval)));
        map.put_some("advert_interval", interval);
        let preempts = common.preempt != Preemption::AtOnce;
        map.put_some("preempt", preempts.then(|| Yaml::plain(preempt(common.preempt))));
        map.put_some("notify", common.notify.as_ref().map(Yaml::text));
        let mut garp = Yaml::map();
        for (key, is_time) in
            [("delay", true), ("repeat", false), ("refresh", true), ("refresh_repeat", false)]
        {
            let value = self.global(&format!("vrrp_garp_master_{key}"));
            let value = value.and_then(|value| value.parse::<u64>().ok());
            garp.put_some(
                key,
                value.map(|value| match is_time {
                    true => Yaml::text(format!("{value}s")),
                    false => Yaml::plain(value),
                }),
            );
        }
        map.put_some("garp", Some(garp).filter(|garp| !garp.is_empty()));
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

    /// The gateways of all addresses, by name.
    fn gateways(&self, findings: &mut Findings) -> BTreeMap<String, Gateway> {
        let mut gateways: Vec<Gateway> = Vec::new();
        for vip in &self.fleet.vips {
            for address in vip.extra.iter().copied().chain([vip.address]) {
                for (node, member) in &vip.members {
                    let Some(way) = member.ways.get(&address).or_else(|| vip.way(address)) else {
                        continue;
                    };
                    let Some((net, place)) = member.places.get(&address) else { continue };
                    let interface = place.clone();
                    let known = gateways.iter().position(|found| found.address == way.gateway);
                    let index = match known {
                        Some(index) => index,
                        None => {
                            let Some(network) =
                                self.network(*net, way.gateway, node, member.at, findings)
                            else {
                                continue;
                            };
                            let interfaces = BTreeMap::new();
                            gateways.push(Gateway {
                                address: way.gateway,
                                network,
                                interface: String::new(),
                                interfaces,
                            });
                            gateways.len() - 1
                        }
                    };
                    gateways[index].interfaces.insert(node.clone(), interface);
                }
            }
        }
        for gateway in &mut gateways {
            gateway.interface = most(gateway.interfaces.values().cloned()).unwrap_or_default();
        }
        gateways.sort_by_key(|gateway| (gateway.address.is_ipv6(), gateway.address));
        let mut counts = [0, 0];
        let names = gateways.into_iter().map(|gateway| {
            let count = &mut counts[usize::from(gateway.address.is_ipv6())];
            *count += 1;
            let stem = if gateway.address.is_ipv6() { "public6" } else { "public" };
            let name = if *count == 1 { stem.to_owned() } else { format!("{stem}-{count}") };
            (name, gateway)
        });
        names.collect()
    }

    /// The network that holds an address and its gateway: as the VIP has it, as the node has it.
    fn network(
        &self,
        net: IpNet,
        gateway: IpAddr,
        node: &str,
        at: crate::source::Span,
        findings: &mut Findings,
    ) -> Option<IpNet> {
        let own = net.trunc();
        if own.prefix_len() < own.max_prefix_len() && own.contains(&gateway) {
            return Some(own);
        }
        let address = net.addr();
        let known = self.fleet.nodes.get(node).and_then(|node| node.routing.network_of(gateway));
        let wider = (8..own.max_prefix_len()).rev().find_map(|length| {
            let net = IpNet::new(address, length).ok()?.trunc();
            net.contains(&gateway).then_some(net)
        });
        let (network, help) = match known
            .map(|(_, network)| network)
            .filter(|net| net.contains(&address))
        {
            Some(network) => (network, "as the node's own interface has it"),
            None => (
                wider?,
                "the smallest that holds both it and its gateway: compare it with the network's",
            ),
        };
        findings.add(
            &codes::OTHERWISE,
            at,
            format!("{address} gets the prefix length /{}", network.prefix_len()),
            help,
        );
        Some(network)
    }

    fn nodes(&self, gateways: &BTreeMap<String, Gateway>, findings: &mut Findings) -> Yaml {
        let mut nodes = Yaml::map();
        for (name, node) in &self.fleet.nodes {
            let mut map = Yaml::map();
            let host = self.hosts.get(name);
            map.put_some("address", node.address.map(Yaml::text));
            map.put_some("address6", node.address6.map(Yaml::text));
            let common =
                || most(self.fleet.nodes.values().filter_map(|node| node.interface.clone()));
            map.put_some("interface", node.interface.clone().or_else(common).map(Yaml::text));
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
    fn tracked_by_all(&self, node: &str) -> BTreeSet<String> {
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
                    Some(edge) => tiers(edge, found.port),
                    None => guessed(name, found.port),
                };
                map.put("edge", edge);
                map.put("routing", routing);
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
            map.put_some("fallback", edge.and_then(fallback));
            let default = "yield";
            map.put_some(
                "on_unhealthy",
                (found.on_unhealthy != default).then(|| Yaml::text(found.on_unhealthy)),
            );
            all.put(name, map);
        }
        all
    }

    fn vips(
        &self,
        entrypoints: &Entrypoints,
        common: &Common,
        gateways: &BTreeMap<String, Gateway>,
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
            let is_routed = gateways.values().any(|found| found.network.contains(&vip.address));
            if !is_routed {
                map.put("gateway", Yaml::text("none"));
                self.tell_gateway(vip, findings);
            }
            if !vip.extra.is_empty() {
                map.put("extra_addresses", Yaml::texts(&vip.extra));
            }
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
                    map.put_some("table", pins.table.map(Yaml::plain));
                    map.put_some("rule_priority", pins.rule_priority.map(Yaml::plain));
                    map.put_some("mark", pins.mark.map(|mark| Yaml::plain(format!("{mark:#x}"))));
                    map.put_some("mark_rule_priority", pins.mark_rule_priority.map(Yaml::plain));
                }
            }
            if preempts != preempt(common.preempt) {
                map.put("preempt", Yaml::plain(preempts));
            }
            let notify = vip.most(|member| member.notify.clone()).flatten();
            map.put_some(
                "notify",
                notify.filter(|one| Some(one) != common.notify.as_ref()).map(Yaml::text),
            );
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

    fn tell_gateway(&self, vip: &Vip, findings: &mut Findings) {
        for (name, member) in &vip.members {
            let Some((net, interface)) = member.places.get(&vip.address) else { continue };
            let own = self.fleet.nodes.get(name).and_then(|node| node.interface.as_ref());
            if own != Some(interface) {
                findings.add(
                    &codes::UNSAYABLE,
                    member.at,
                    format!("nothing tells the gateway of {}", vip.address),
                    "collect the node's rules and routes (`lbgen import --collect`), or write its gateway under `gateways`",
                );
            } else if net.prefix_len() < net.max_prefix_len() {
                findings.add(
                    &codes::OTHERWISE,
                    member.at,
                    format!("{} gets the prefix length /{}", vip.address, net.max_prefix_len()),
                    "`gateway: none`: it has no rules and routes of its own, and stands beside the node's own address",
                );
            }
        }
    }

    /// Whether lbgen would give just these priorities to this order.
    fn is_allocated(&self, order: &[(&str, u8)], vip: &Vip, entrypoints: &Entrypoints) -> bool {
        let given = crate::plan::priorities(order.len(), self.fleet.nodes.len());
        let is_kept = order.iter().map(|(_, priority)| *priority).eq(given);
        let yields = entrypoints
            .of
            .get(&vip.address)
            .and_then(|name| entrypoints.all.get(name))
            .is_some_and(|found| found.on_unhealthy == "yield");
        let by_rank = vip.members.values().flat_map(|member| &member.health);
        let losses: BTreeSet<Option<i32>> = by_rank.map(|(_, _, weight)| *weight).collect();
        is_kept && (!yields || losses.iter().all(|weight| matches!(weight, None | Some(-127))))
    }
}

/// Priorities with room below the lowest for as many unhealthy nodes as there are.
fn raised<'a>(
    order: Vec<(&'a str, u8)>,
    vip: &Vip,
    entrypoints: &Entrypoints,
    findings: &mut Findings,
) -> Vec<(&'a str, u8)> {
    let entrypoint = entrypoints.of.get(&vip.address).and_then(|name| entrypoints.all.get(name));
    let yields = entrypoint.is_some_and(|found| found.on_unhealthy == "yield");
    let lowest = order.iter().map(|(_, priority)| *priority).min().unwrap_or(254);
    let highest = order.iter().map(|(_, priority)| *priority).max().unwrap_or(1);
    let room = u8::try_from(order.len() + 1).unwrap_or(u8::MAX);
    if !yields || lowest >= room {
        return order;
    }
    let lift = room - lowest;
    for member in vip.members.values() {
        findings.add(
            &codes::OTHERWISE,
            member.at,
            format!("priorities of {} are higher by {lift}", vip.address),
            "unhealthy nodes rank below every healthy one, and priorities end at 1",
        );
    }
    match highest.checked_add(lift).filter(|highest| *highest < 255) {
        Some(_) => order.into_iter().map(|(name, priority)| (name, priority + lift)).collect(),
        None => order
            .iter()
            .zip((1..=254u8).rev())
            .map(|((name, _), priority)| (*name, priority))
            .collect(),
    }
}

fn written_gateways(gateways: &BTreeMap<String, Gateway>) -> Yaml {
    let mut all = Yaml::map();
    for (name, gateway) in gateways {
        let mut map = Yaml::map();
        map.put("address", Yaml::text(gateway.address));
        map.put("network", Yaml::text(gateway.network));
        map.put("interface", Yaml::text(&gateway.interface));
        all.put(name, map);
    }
    all
}

fn check(asked: &Asked, timing: Timing) -> Yaml {
    let mut map = Yaml::map();
    let ours = Timing::OURS;
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

fn strings(map: &BTreeMap<String, String>) -> Option<Yaml> {
    let mut found = Yaml::map();
    for (key, value) in map {
        found.put(key, Yaml::text(value));
    }
    (!map.is_empty()).then_some(found)
}

fn tiers(edge: &Edge, port: Option<u16>) -> (Yaml, Yaml) {
    let mut first = Yaml::map();
    first.put("class", Yaml::text(&edge.class));
    first.put_some("service", (edge.service != edge.class).then(|| Yaml::text(&edge.service)));
    let labels =
        [("name", "ingress-nginx"), ("instance", edge.class.as_str()), ("component", "controller")];
    let default: BTreeMap<String, String> = labels
        .into_iter()
        .map(|(key, value)| (format!("app.kubernetes.io/{key}"), value.to_owned()))
        .collect();
    first.put_some("selector", strings(&edge.selector).filter(|_| edge.selector != default));
    let usual = [("http", 80), ("https", 443)]
        .map(|(name, port)| (name.to_owned(), (port, "TCP".to_owned())));
    if edge.ports != BTreeMap::from(usual) {
        let mut ports = Yaml::map();
        for (name, (number, protocol)) in &edge.ports {
            let mut long = Yaml::map();
            long.put("port", Yaml::plain(number));
            long.put("protocol", Yaml::text(protocol));
            ports.put(name, if protocol == "TCP" { Yaml::plain(number) } else { long });
        }
        first.put("ports", ports);
    }
    let port = edge.health_port.or(port.map(u64::from));
    first.put_some("health_check_node_port", port.map(Yaml::plain));
    first.put_some("annotations", strings(&edge.annotations));
    let mut second = Yaml::map();
    if let Some(routing) = &edge.routing {
        second.put("class", Yaml::text(&routing.class));
        second.put_some(
            "service",
            (routing.service != routing.class).then(|| Yaml::text(&routing.service)),
        );
        second.put_some("port", (routing.port != 80).then(|| Yaml::plain(routing.port)));
        second.put_some("annotations", strings(&routing.annotations));
    }
    (first, second)
}

/// What an entrypoint is probably like, where the cluster was not asked.
fn guessed(name: &str, port: Option<u16>) -> (Yaml, Yaml) {
    let mut first = Yaml::map();
    first.put("class", Yaml::text(name));
    first.put_some("health_check_node_port", port.map(Yaml::plain));
    let mut second = Yaml::map();
    second.put("class", Yaml::text(format!("{name}-routing")));
    (first, second)
}

fn fallback(edge: &Edge) -> Option<Yaml> {
    let found = edge.fallback.as_ref()?;
    let mut map = Yaml::map();
    map.put("name", Yaml::text(&found.name));
    map.put("addresses", Yaml::texts(&found.addresses));
    map.put("port", Yaml::plain(found.port));
    Some(map)
}

fn domains(cluster: &Cluster, many: bool) -> Yaml {
    let mut all = Yaml::map();
    for (host, domain) in &cluster.domains {
        let mut map = Yaml::map();
        map.put_some("entrypoint", many.then(|| Yaml::text(&domain.edge)));
        let default = Host::parse(host).map(|host| host.object_name().to_string());
        match &domain.secret {
            None => map.put("tls_secret", Yaml::plain("false")),
            Some(secret) if Some(secret) != default.as_ref() => {
                map.put("tls_secret", Yaml::text(secret))
            }
            Some(_) => {}
        }
        all.put(host, map);
    }
    all
}

fn components(cluster: &Cluster, many: bool) -> Yaml {
    let home = cluster.namespace.as_deref().unwrap_or("ingress");
    let mut all = Yaml::map();
    for (name, found) in &cluster.components {
        all.put(name, component(name, found, home, many));
    }
    all
}

fn component(name: &str, found: &Component, home: &str, many: bool) -> Yaml {
    let mut map = Yaml::map();
    map.put_some("entrypoint", many.then(|| Yaml::text(&found.edge)));
    map.put_some("namespace", (found.namespace != home).then(|| Yaml::text(&found.namespace)));
    let mut backend = Yaml::map();
    backend.put_some("service", (found.service != name).then(|| Yaml::text(&found.service)));
    let is_number = found.port.parse::<u16>().is_ok();
    backend.put("port", if is_number { Yaml::plain(&found.port) } else { Yaml::text(&found.port) });
    map.put("backend", backend);
    let paths = found.paths.iter().map(|(path, kind)| match kind.as_str() {
        "Prefix" => Yaml::text(path),
        kind => {
            let mut long = Yaml::map();
            long.put("path", Yaml::text(path));
            long.put("type", Yaml::text(kind));
            long
        }
    });
    map.put("paths", Yaml::List(paths.collect()));
    if !found.hosts.is_empty() {
        map.put("hosts", Yaml::texts(&found.hosts));
    }
    map.put_some("annotations", strings(&found.annotations));
    map
}
