//! Instances of many nodes -> nodes and VIPs.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::check::{self, Health};
use super::codes;
use super::finding::Findings;
use super::group;
use super::member::Member;
use super::reply_routing::{ReplyRouting, Way};
use crate::language::form::in_words;
use crate::language::name::{Name as _, Subdomain};
use crate::source::{Sources, Span};
use crate::state::{Configuration, Instance, Preemption, Statement, Tree, Written};

/// The nodes and the VIPs that they hold.
#[derive(Debug, Default)]
pub struct Fleet {
    /// By name.
    pub nodes: BTreeMap<String, Node>,
    /// In the order in which they were met.
    pub vips: Vec<Vip>,
}

/// A node.
#[derive(Debug, Default)]
pub struct Node {
    /// The interface on which its adverts travel.
    pub interface: Option<String>,
    /// IPv4 source of its adverts.
    pub address: Option<IpAddr>,
    /// IPv6 source of its adverts.
    pub address6: Option<IpAddr>,
    /// True if it may hold any VIP.
    pub is_used: bool,
    /// The addresses that its instances send adverts from, as far as they are known, by the interface of the instance.
    pub sources: BTreeMap<String, BTreeSet<IpAddr>>,
    /// The rules, routes and addresses that are known of it.
    pub routing: ReplyRouting,
    /// Checks of its scripts and processes, by name.
    pub checks: BTreeMap<String, Health>,
}

/// A VIP.
#[derive(Debug)]
pub struct Vip {
    /// The address that it is known by.
    pub address: IpAddr,
    /// Addresses that come with it.
    pub extra: BTreeSet<IpAddr>,
    /// The nodes that may hold it.
    pub members: BTreeMap<String, Member>,
}

impl Fleet {
    /// The nodes of a tree.
    pub fn of(
        tree: &Tree,
        written: &[Written],
        sources: &mut Sources,
        findings: &mut Findings,
    ) -> Self {
        let mut fleet = Self::default();
        for read in written {
            let Some(configuration) = &read.state.keepalived else { continue };
            let name = read.name.to_ascii_lowercase().replace('_', "-");
            let at = read.statements.first().map(|first| first.at);
            if Subdomain::parse(&name).is_none() {
                if let Some(at) = at {
                    let title = format!("`{}` cannot be a node's name", read.name);
                    findings.add(
                        &codes::UNSAYABLE,
                        at,
                        title,
                        "rename its folder: a-z, 0-9, `-` and dots",
                    );
                }
                continue;
            }
            let routing = ReplyRouting::read(tree, &read.name, &read.state, sources, findings);
            let mut node = Node {
                checks: check::read(
                    tree,
                    &read.name,
                    &configuration.scripts,
                    configuration.script_user(),
                    findings,
                ),
                routing,
                ..Node::default()
            };
            for (name, process) in &configuration.processes {
                let health = check::of_process(&process.all, findings);
                node.checks.extend(health.map(|health| (name.clone(), health)));
            }
            for instance in &configuration.instances {
                let sources = node.sources.entry(instance.interface.clone()).or_default();
                sources.extend(instance.advert.source);
            }
            let known: BTreeSet<IpAddr> = fleet.vips.iter().map(|vip| vip.address).collect();
            let instances = group::merged(configuration, &node.routing, &known, findings);
            node.interface = most(instances.iter().map(|found| found.interface.clone()));
            node.is_used = !instances.is_empty();
            for instance in &instances {
                fleet.add(&name, &node, configuration, instance, findings);
            }
            fleet.nodes.insert(name, node);
        }
        fleet.vips.sort_by_key(|vip| vip.address);
        fleet.find_sources(findings);
        for (name, node) in &fleet.nodes {
            let mine = fleet.vips.iter().filter_map(|vip| vip.members.get(name));
            let vips: Vec<IpAddr> = mine.flat_map(|member| member.places.keys().copied()).collect();
            node.routing.tell_unused(&vips, findings);
        }
        fleet.tell_added(findings);
        fleet.tell_strangers(written, findings);
        fleet
    }

    /// Addresses that come with a VIP on nodes that did not have them.
    fn tell_added(&self, findings: &mut Findings) {
        for vip in &self.vips {
            for (name, member) in &vip.members {
                let lacks = |address: &&IpAddr| !member.places.contains_key(*address);
                for address in vip.extra.iter().chain([&vip.address]).filter(lacks) {
                    findings.add(
                        &codes::OTHERWISE,
                        member.at,
                        format!("`{name}` gets {address} too, which it did not have"),
                        format!("it comes with {} on the other nodes: a VIP has the same addresses on all", vip.address),
                    );
                }
            }
        }
    }

    /// Peers that are no node here: one was forgotten, and would hold the VIPs beside those that are.
    fn tell_strangers(&self, written: &[Written], findings: &mut Findings) {
        let own = |node: &Node| {
            let interfaces = node.routing.interfaces.all().map(|net| net.addr());
            interfaces.chain(node.address).chain(node.address6).collect::<Vec<_>>()
        };
        let instances = written.iter().filter_map(|read| read.state.keepalived.as_ref());
        let sources = instances.flat_map(|found| &found.instances);
        let sources = sources.filter_map(|instance| instance.advert.source);
        let known: BTreeSet<IpAddr> = self.nodes.values().flat_map(own).chain(sources).collect();
        let is_known = |address: &IpAddr| known.contains(address) || address.is_loopback();
        let peers = |read: &Written| -> Vec<(IpAddr, Span)> {
            let instances = read.statements.iter().filter(|found| found.key() == "vrrp_instance");
            let lists = instances.flat_map(Statement::inner);
            let lists =
                lists.filter(|list| list.key() == "unicast_peer").flat_map(Statement::inner);
            let address = |line: &Statement| line.key().split(['/', '-']).next()?.parse().ok();
            lists.filter_map(|line| Some((address(line)?, line.at))).collect()
        };
        let all: Vec<(IpAddr, Span)> = written.iter().flat_map(peers).collect();
        let strangers: BTreeSet<IpAddr> =
            all.iter().map(|(address, _)| *address).filter(|address| !is_known(address)).collect();
        // A node of which nothing tells where it sends from may be one of them.
        let nameless = self.nodes.values().filter(|node| node.is_used && own(node).is_empty());
        if strangers.len() <= nameless.count() {
            return;
        }
        for (address, at) in all.into_iter().filter(|(address, _)| strangers.contains(address)) {
            findings.add(
                &codes::UNSAYABLE,
                at,
                format!("the peer {address} is none of these nodes"),
                "collect its files too: left out, it would hear nobody and hold the VIPs beside these nodes",
            );
        }
    }

    fn add(
        &mut self,
        name: &str,
        node: &Node,
        configuration: &Configuration,
        instance: &Instance,
        findings: &mut Findings,
    ) {
        let at = instance.at;
        // RFC 9568 puts the link-local address of IPv6 first; what clients know is the next.
        let is_known =
            |address: &IpAddr| !matches!(address, IpAddr::V6(v6) if v6.is_unicast_link_local());
        for address in instance.holds().filter(|address| !is_known(address)) {
            let title = format!("{address} is left behind");
            findings.add(
                &codes::LOST,
                at,
                title,
                "a VIP is an address that clients know; link-local ones stay the nodes' own",
            );
        }
        let first = instance.holds().find(is_known);
        let is_routed = |address: &IpAddr| {
            let same_family = first.is_some_and(|first| first.is_ipv4() == address.is_ipv4());
            same_family && is_known(address) && node.routing.way(*address).is_some()
        };
        // An inventory has an address without a gateway beside one that has one, and not the other way round.
        let Some(address) = instance.holds().find(is_routed).or(first) else {
            let title = format!("the instance `{}` has no address", instance.name);
            findings.add(&codes::LOST, at, title, "a VIP is what moves between nodes");
            return;
        };
        let all: BTreeSet<IpAddr> = instance.holds().filter(is_known).collect();
        let known = self.vips.iter().position(|vip| {
            vip.address.is_ipv6() == address.is_ipv6()
                && (all.contains(&vip.address) || vip.extra.contains(&address))
        });
        let index = known.unwrap_or_else(|| {
            self.vips.push(Vip { address, extra: BTreeSet::new(), members: BTreeMap::new() });
            self.vips.len() - 1
        });
        let vip = &mut self.vips[index];
        let is_led = !all.contains(&vip.address)
            && configuration
                .instances
                .iter()
                .any(|other| other.holds().any(|one| one == vip.address));
        if is_led {
            return group::tell_parted(address, vip.address, name, at, findings);
        }
        vip.extra.extend(all.iter().filter(|one| **one != vip.address));
        let (main, extra) = (vip.address, vip.extra.clone());
        self.vips.retain(|other| {
            let is_parted = extra.contains(&other.address);
            for (node, member) in other.members.iter().filter(|_| is_parted) {
                group::tell_parted(other.address, main, node, member.at, findings);
            }
            !is_parted
        });
        let Some(vip) = self.vips.iter_mut().find(|vip| vip.address == main) else { return };
        if instance.advertised().len() > 1 {
            findings.add(
                &codes::OTHERWISE,
                at,
                "several addresses are advertised",
                "lbgen advertises the first; the others come with it (`virtual_ipaddress_excluded`)",
            );
        }
        if instance.advert.peers.is_empty() {
            findings.add(
                &codes::OTHERWISE,
                at,
                "adverts are sent by multicast",
                "lbgen sends them to the other nodes one by one (unicast)",
            );
        }
        let member = Member::of(node, configuration, instance, findings);
        if vip.members.insert(name.to_owned(), member).is_some() {
            let title = format!("{address} stands in two instances of one node");
            findings.add(&codes::UNSAYABLE, at, title, "the last one was taken; remove the other");
        }
    }

    /// The addresses that adverts are sent from: as written, as the node has them, or as the others send to it.
    fn find_sources(&mut self, findings: &mut Findings) {
        for ipv6 in [false, true] {
            let of_family = |vip: &&Vip| vip.address.is_ipv6() == ipv6;
            let mut found: BTreeMap<String, IpAddr> = BTreeMap::new();
            for (name, node) in &self.nodes {
                let members = self.vips.iter().filter(of_family);
                let members: Vec<&Member> =
                    members.filter_map(|vip| vip.members.get(name)).collect();
                if members.is_empty() {
                    continue;
                }
                let written =
                    most(members.iter().filter_map(|member| member.instance.advert.source));
                let own = || node.routing.interfaces.address_of(node.interface.as_deref()?, ipv6);
                found.extend(written.or_else(own).map(|address| (name.clone(), address)));
            }
            let needing: BTreeSet<(String, Span)> = self
                .vips
                .iter()
                .filter(of_family)
                .flat_map(|vip| &vip.members)
                .filter(|(name, _)| !found.contains_key(*name))
                .map(|(name, member)| (name.clone(), member.at))
                .collect();
            let mut told: BTreeSet<String> = BTreeSet::new();
            for (name, at) in needing {
                if !told.insert(name.clone()) {
                    continue;
                }
                match self.told_by_peers(&name, ipv6, &found) {
                    Some(address) => drop(found.insert(name, address)),
                    None => findings.add(
                        &codes::UNSAYABLE,
                        at,
                        format!("nothing tells where `{name}` sends its adverts from"),
                        "collect its `ip-addr.json` (`lbgen import --collect`), or write its `address`",
                    ),
                }
            }
            for (name, address) in found {
                if let Some(node) = self.nodes.get_mut(&name) {
                    let place = if ipv6 { &mut node.address6 } else { &mut node.address };
                    *place = Some(address);
                }
            }
        }
    }

    /// The one address that all others send to and nobody else has.
    fn told_by_peers(
        &self,
        name: &str,
        ipv6: bool,
        found: &BTreeMap<String, IpAddr>,
    ) -> Option<IpAddr> {
        let taken: BTreeSet<IpAddr> = found.values().copied().collect();
        let mut common: Option<BTreeSet<IpAddr>> = None;
        for vip in self.vips.iter().filter(|vip| vip.address.is_ipv6() == ipv6) {
            let own = vip.members.get(name).map(|member| &member.instance.advert.peers)?;
            for (other, member) in &vip.members {
                if other == name {
                    continue;
                }
                let peers: BTreeSet<IpAddr> =
                    member.instance.advert.peers.difference(own).copied().collect();
                common = Some(match common {
                    Some(common) => common.intersection(&peers).copied().collect(),
                    None => peers,
                });
            }
        }
        let mut left = common?.into_iter().filter(|address| !taken.contains(address));
        left.next().filter(|_| left.next().is_none())
    }
}

/// Returns the most frequent value; of several, the least.
pub fn most<T: Ord + Clone>(all: impl IntoIterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    let best = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == best).map(|(one, _)| one)
}

impl Vip {
    /// Returns the value that its instances have most often; of several, that of the node which comes first.
    pub fn most<T: Ord + Clone>(&self, of: impl Fn(&Member) -> T) -> Option<T> {
        let mut counts: BTreeMap<T, (usize, i32)> = BTreeMap::new();
        for member in self.members.values() {
            let (count, priority) = counts.entry(of(member)).or_insert((0, member.priority));
            (*count, *priority) = (*count + 1, member.priority.max(*priority));
        }
        // `max_by_key` takes the last of equals, and the least value is first.
        counts.into_iter().rev().max_by_key(|(_, found)| *found).map(|(one, _)| one)
    }

    /// Returns the way of replies from one of its addresses, or `None` if no node has one.
    pub fn way(&self, address: IpAddr) -> Option<&Way> {
        self.members.values().find_map(|member| member.ways.get(&address))
    }

    /// The nodes in the order in which they take it, with the priority that each gets: distinct, 1 to 254.
    pub fn order(&self, findings: &mut Findings) -> Vec<(&str, u8)> {
        let mut order: Vec<(&str, &Member)> =
            self.members.iter().map(|(name, member)| (name.as_str(), member)).collect();
        order.sort_by_key(|(name, member)| {
            let source = member.instance.advert.source;
            let first = (member.priority, member.instance.starts_as_master, source);
            (std::cmp::Reverse(first), *name)
        });
        let mut last = 255;
        let mut ranked = Vec::new();
        // Each leaves room for those below it.
        let room = (1..=254).rev().skip(254_usize.saturating_sub(order.len()));
        for ((name, member), lowest) in order.into_iter().zip(room) {
            let given = member.priority.min(last - 1).max(lowest);
            if given != member.priority {
                findings.add(
                    &codes::OTHERWISE,
                    member.at,
                    format!("the priority {} becomes {given} on `{name}`", member.priority),
                    "priorities of a VIP are distinct, 1 to 254: two nodes of one priority can both become MASTER",
                );
            }
            last = given;
            ranked.push((name, u8::try_from(given).unwrap_or(1)));
        }
        ranked
    }
}

/// Returns the inventory's word for a preemption.
pub fn preempt(found: Preemption) -> String {
    match found {
        Preemption::AtOnce => "true".to_owned(),
        Preemption::Never => "false".to_owned(),
        Preemption::After(delay) => in_words(delay),
    }
}
