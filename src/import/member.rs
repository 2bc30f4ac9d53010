//! A node's part in a VIP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::check::{self, Health};
use super::codes;
use super::finding::Findings;
use super::fleet::Node;
use super::garp::Garp;
use super::notify::Notify;
use super::reply_routing::{self, Way};
use super::table::Table;
use super::virtual_route::{self, VirtualRoute};
use crate::language::name::{AddressLabel, Name as _};
use crate::plan::{Check, Drain};
use crate::source::Span;
use crate::state::{Address, Configuration, Effect, Instance, Line, Track, Tracked, Weight};

/// A node's part in a VIP.
#[derive(Debug)]
pub struct Member {
    /// The position of its instance.
    pub at: Span,
    /// Its VRRP instance.
    pub instance: Instance,
    /// Its priority while all is well.
    pub priority: i32,
    /// Prefix length and interface of its addresses.
    pub places: BTreeMap<IpAddr, (IpNet, String)>,
    /// The way that replies of each address leave by.
    pub ways: BTreeMap<IpAddr, Way>,
    /// The checks that it tracks, each with its name and weight; a weight of `None` is FAULT.
    pub health: Vec<(String, Health, Option<i32>)>,
    /// Interfaces that it tracks beside its own.
    pub track_interfaces: BTreeSet<String>,
    /// The commands that it calls on transitions.
    pub notify: Option<Notify>,
    /// Gratuitous ARP, where it is its own.
    pub garp: Garp,
    /// Labels of addresses, without the interface in front.
    pub labels: BTreeMap<IpAddr, String>,
    /// Routes beside the default routes of its gateways.
    pub routes: Vec<VirtualRoute>,
}

impl Member {
    /// Reads an instance, and tells what does not come along.
    pub fn of(
        node: &Node,
        configuration: &Configuration,
        instance: &Instance,
        findings: &mut Findings,
    ) -> Self {
        let mut found = Tracks {
            node,
            configuration,
            drain: configuration.drain_file(instance),
            priority: i32::from(instance.priority),
            health: Vec::new(),
            interfaces: BTreeSet::new(),
        };
        for track in &instance.tracks {
            found.take(track, findings);
        }
        leave_behind(node, instance, findings);
        let notify = Notify::read(&instance.others, configuration.script_user(), findings);
        let places = instance.places();
        let places =
            places.map(|found| (found.address.addr(), (found.address, found.interface.clone())));
        Member {
            at: instance.at,
            priority: found.priority,
            places: places.collect(),
            ways: instance
                .places()
                .filter_map(|found| {
                    Some((found.address.addr(), node.routing.way_of(found.address)?))
                })
                .collect(),
            health: found.health,
            track_interfaces: found.interfaces,
            notify,
            garp: Garp::read(&instance.others, findings),
            labels: instance
                .places()
                .filter_map(|found| Some((found.address.addr(), Words::of(found).label?)))
                .collect(),
            routes: virtual_route::all(instance, &node.routing),
            instance: instance.clone(),
        }
    }
}

impl Member {
    /// The gateway of a default route that comes with an address, in whatever table.
    pub fn gateway_of(&self, address: IpAddr) -> Option<IpAddr> {
        let gateways = self.instance.routes.iter().filter_map(|line| {
            let words: Vec<&str> = line.words.split(' ').collect();
            let is_default =
                words.iter().any(|word| matches!(*word, "default" | "0.0.0.0/0" | "::/0"));
            let via = words.iter().position(|word| *word == "via").filter(|_| is_default)?;
            words.get(via + 1)?.parse::<IpAddr>().ok()
        });
        gateways.into_iter().find(|gateway| gateway.is_ipv4() == address.is_ipv4())
    }
}

/// The things that an instance tracks, as far as an inventory can say them.
struct Tracks<'a> {
    node: &'a Node,
    configuration: &'a Configuration,
    /// The file that drains the node.
    drain: Option<&'a str>,
    /// While all of it is well.
    priority: i32,
    health: Vec<(String, Health, Option<i32>)>,
    interfaces: BTreeSet<String>,
}

impl Tracks<'_> {
    fn take(&mut self, track: &Track, findings: &mut Findings) {
        let Weight { value, is_reversed } = track.weight;
        let (name, at) = (&track.name, track.at);
        match track.effect(true) {
            Effect::Change(by) => self.priority += by,
            Effect::Fault => {}
        }
        match track.kind {
            Tracked::Script | Tracked::Process if is_reversed => {
                check::refuse_reversed(name, at, findings);
            }
            Tracked::Script | Tracked::Process => {
                let weight = Some(value).filter(|weight| *weight != 0);
                let check = self.node.checks.get(name).filter(|check| !check.is_empty());
                self.health.extend(check.map(|check| (name.clone(), check.clone(), weight)));
                // A weight of the script's own is told of where it stands.
                let own = self.configuration.scripts.get(name).map(|script| script.weight);
                let is_chosen = weight.is_some() && own != Some(track.weight);
                if is_chosen && !name.starts_with(Check::PREFIX) {
                    findings.add(
                        &codes::OTHERWISE,
                        at,
                        format!("the weight of `{name}` is lbgen's to choose"),
                        "an unhealthy node ranks below every healthy one (`on_unhealthy: yield`)",
                    );
                }
            }
            Tracked::Interface if is_reversed => {
                findings.add(
                    &codes::LOST,
                    at,
                    format!("the interface `{name}` is no longer tracked"),
                    "it counts while it is down (`reverse`), and an inventory has no word for that",
                );
            }
            Tracked::Interface => {
                if value != 0 {
                    findings.add(
                        &codes::OTHERWISE,
                        at,
                        format!("`{name}` is tracked without its weight {value}"),
                        "a node without a tracked interface gives its VIPs up (FAULT)",
                    );
                }
                self.interfaces.insert(name.clone());
            }
            Tracked::File if self.drain == Some(Drain::FILE) => {}
            Tracked::File => findings.add(
                &codes::OTHERWISE,
                at,
                format!("the file `{name}` is no longer tracked"),
                format!("to drain a node of lbgen's, write 1 to {}", Drain::FILE),
            ),
            Tracked::Bfd => findings.add(
                &codes::LOST,
                at,
                format!("the BFD session `{name}` is no longer tracked"),
                "track the interface (`track_interfaces`), or make a check of it (`node_check`)",
            ),
        }
    }
}

/// The words of an address.
struct Words {
    /// Its label, without the interface in front.
    label: Option<String>,
    /// The words that an inventory has no place for.
    rest: String,
}

impl Words {
    fn of(found: &Address) -> Self {
        let mut label = None;
        let mut rest = Vec::new();
        let mut words = found.words.split(' ').filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            let value = if word == "label" { words.next() } else { None };
            let own = value.and_then(|value| {
                let own = value.strip_prefix(&found.interface)?.strip_prefix(':')?;
                AddressLabel::parse(own).filter(|_| found.address.addr().is_ipv4())
            });
            match own {
                Some(own) => label = Some(own.to_string()),
                None => rest.extend([Some(word), value].into_iter().flatten()),
            }
        }
        Self { label, rest: rest.join(" ") }
    }
}

/// Tells of words of addresses, routes and rules that an inventory has no place for.
fn leave_behind(node: &Node, instance: &Instance, findings: &mut Findings) {
    for address in instance.places() {
        let Words { rest, .. } = Words::of(address);
        if !rest.is_empty() {
            let title = format!("`{rest}` of {} is left behind", address.address.addr());
            findings.add(&codes::LOST, address.at, title, "an inventory has no word for it");
        }
    }
    let own: BTreeMap<IpAddr, Option<Way>> = instance
        .places()
        .map(|found| (found.address.addr(), node.routing.way_of(found.address)))
        .collect();
    let ways: Vec<&Way> = own.values().flatten().collect();
    let names = &node.routing.names;
    let carried = virtual_route::all(instance, &node.routing);
    for Line { words, at } in &instance.routes {
        let is_way = reply_routing::route(words, names).is_some_and(|route| {
            ways.iter().any(|way| way.table == route.table && way.gateway == route.gateway)
        });
        let read = virtual_route::read(words, instance, &node.routing);
        if !is_way && !read.is_some_and(|route| carried.contains(&route)) {
            let title = format!("the route `{words}` is left behind");
            findings.add(
                &codes::LOST,
                *at,
                title,
                "a VIP has the default route of its gateway and `routes` by a next hop, in a table of its own, or in `main` without a gateway",
            );
        }
    }
    for Line { words, at } in &instance.rules {
        let read = reply_routing::rule(words, names);
        let is_way = read.as_ref().is_some_and(|rule| {
            let of_table = ways.iter().any(|way| way.table == rule.table);
            match (rule.from, rule.mark) {
                (Some(from), None) => own.iter().any(|(address, way)| {
                    let is_its_way = way.as_ref().is_some_and(|way| way.table == rule.table);
                    let is_exact = from == IpNet::from(*address);
                    match rule.to {
                        None => from.contains(address) && is_its_way,
                        // To the pods.
                        Some(_) => is_exact && rule.table == Table::MAIN,
                    }
                }),
                (None, Some(_)) => of_table,
                _ => false,
            }
        });
        let narrowed = read
            .and_then(|rule| rule.from)
            .filter(|from| is_way && from.prefix_len() < from.max_prefix_len());
        if let Some(from) = narrowed {
            findings.add(
                &codes::OTHERWISE,
                *at,
                format!("the rule from {from} becomes one for each VIP in it"),
                "what else of that network is on the node takes the main table from then on",
            );
        }
        if !is_way {
            let title = format!("the rule `{words}` is left behind");
            findings.add(
                &codes::LOST,
                *at,
                title,
                "a VIP has a rule from its address, and one for its mark",
            );
        }
    }
}
