//! The place of a VIP's addresses: with a gateway, or on an interface for neighbours only; label and routes.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::finding::Findings;
use super::fleet::{Node, Vip};
use super::member::Member;
use super::next_hop::NextHop;
use super::number::Pins;
use super::yaml::Yaml;
use super::{Found, codes};

/// The keys that place an address.
#[derive(Debug, PartialEq, Eq)]
pub struct Placement {
    gateway: Gateway,
    label: Option<String>,
    /// Networks and next hops.
    routes: Vec<(IpNet, IpAddr)>,
}

/// The way of an address's replies.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Gateway {
    /// Of the network that it lies in.
    Network,
    /// `gateway: none`, on this interface where it is not the nodes' own.
    None(Option<String>),
    /// Nothing tells, and that was said: `check` asks for the gateway of a VIP. On this interface.
    Unknown(Option<String>),
}

impl Placement {
    /// Adds its keys to an entry.
    pub fn put(&self, map: &mut Yaml) {
        if let Gateway::None(interface) = &self.gateway {
            map.put("gateway", Yaml::text("none"));
            map.put_some("interface", interface.as_ref().map(Yaml::text));
        }
        self.put_beside(map);
    }

    fn put_beside(&self, map: &mut Yaml) {
        map.put_some("label", self.label.as_ref().map(Yaml::text));
        let routes = self.routes.iter().map(|(to, via)| {
            let mut route = Yaml::map();
            route.put("to", Yaml::text(to));
            route.put("via", Yaml::text(via));
            route
        });
        let routes: Vec<Yaml> = routes.collect();
        map.put_some("routes", (!routes.is_empty()).then_some(Yaml::List(routes)));
    }
}

/// Returns true if an address lies in the network of a gateway.
pub fn is_routed(address: IpAddr, gateways: &BTreeMap<String, NextHop>) -> bool {
    gateways.values().any(|found| found.network.contains(&address))
}

impl Found {
    /// The place of an address of a VIP.
    pub fn place(
        &self,
        vip: &Vip,
        address: IpAddr,
        gateways: &BTreeMap<String, NextHop>,
        findings: &mut Findings,
    ) -> Placement {
        let gateway = match is_routed(address, gateways) {
            true => Gateway::Network,
            false => self.local(vip, address, findings),
        };
        let of_address = |member: &Member| {
            let own = member.routes.iter().filter(|route| route.address == address);
            own.map(|route| (route.to, route.via)).collect::<Vec<_>>()
        };
        Placement {
            gateway,
            label: vip.most(|member| member.labels.get(&address).cloned()).flatten(),
            routes: vip.most(of_address).unwrap_or_default(),
        }
    }

    /// The extra addresses of a VIP: in the short form where they are placed as it is.
    pub fn extra(
        &self,
        vip: &Vip,
        own: &Placement,
        gateways: &BTreeMap<String, NextHop>,
        pins: &BTreeMap<IpAddr, Pins>,
        findings: &mut Findings,
    ) -> Vec<Yaml> {
        let mut list = Vec::new();
        for address in &vip.extra {
            let placed = self.place(vip, *address, gateways, findings);
            let is_parted = own.gateway != Gateway::Network && placed.gateway == Gateway::Network;
            if is_parted {
                for member in vip.members.values() {
                    findings.add(
                        &codes::UNSAYABLE,
                        member.at,
                        format!(
                            "{address} cannot come with {}: it leaves by another way",
                            vip.address
                        ),
                        "make it a VIP of its own, with another `vrid`",
                    );
                }
                continue;
            }
            let mut map = Yaml::map();
            map.put("address", Yaml::text(address));
            match &placed.gateway {
                gateway if *gateway == own.gateway => placed.put_beside(&mut map),
                // Beside a VIP with `none` nobody would ask for it: it stays where it is.
                Gateway::Unknown(interface) if matches!(own.gateway, Gateway::None(_)) => {
                    let gateway = Gateway::None(interface.clone());
                    Placement { gateway, ..placed }.put(&mut map);
                }
                _ => placed.put(&mut map),
            }
            if let Some(pins) = pins.get(address) {
                pins.put_routing(&mut map);
            }
            list.push(match &map {
                Yaml::Map(entries) if entries.len() == 1 => Yaml::text(address),
                _ => map,
            });
        }
        list
    }

    /// The place of an address without a gateway, where `gateway: none` leaves it where it is.
    fn local(&self, vip: &Vip, address: IpAddr, findings: &mut Findings) -> Gateway {
        let mut found: Option<Option<String>> = None;
        let mut is_local = true;
        for (name, member) in &vip.members {
            let Some((net, interface)) = member.places.get(&address) else { continue };
            let Some(node) = self.fleet.nodes.get(name) else { continue };
            let own = (node.interface.as_ref() != Some(interface)).then(|| interface.clone());
            let against = match &found {
                Some(first) if *first != own => {
                    Some("it stands on interfaces of different names".to_owned())
                }
                _ => node.why_not_local(*net, interface),
            };
            found.get_or_insert(own);
            if let Some(why) = against {
                is_local = false;
                let gateway = member.gateway_of(address);
                let gateway = gateway.map_or("its gateway".to_owned(), |found| found.to_string());
                findings.add(
                    &codes::UNSAYABLE,
                    member.at,
                    format!("nothing tells the gateway of {address}"),
                    format!("{why}; write {gateway} under `gateways`, with its network"),
                );
            } else if net.prefix_len() < net.max_prefix_len() {
                findings.add(
                    &codes::OTHERWISE,
                    member.at,
                    format!("{address} gets the prefix length /{}", net.max_prefix_len()),
                    "`gateway: none`: it has no rules and routes of its own, and stands beside the node's own address",
                );
            }
        }
        match is_local {
            true => found.map_or(Gateway::Unknown(None), Gateway::None),
            false => Gateway::Unknown(found.flatten()),
        }
    }
}

impl Node {
    /// Returns why an address on an interface needs a gateway, or `None` if nothing speaks against a place beside the
    /// node's own address.
    fn why_not_local(&self, net: IpNet, interface: &str) -> Option<String> {
        let address = net.addr();
        let is_known = !self.routing.interfaces.is_empty();
        let is_own = self.interface.as_deref() == Some(interface);
        if self.routing.is_ours {
            return None;
        }
        if !is_known && !is_own && !self.sources.contains_key(interface) {
            return Some("no rule from it leads to a table with a default route".to_owned());
        }
        let sources = self.sources.get(interface).into_iter().flatten().copied();
        let told = [self.address, self.address6].into_iter().flatten().filter(|_| is_own);
        let own: Vec<IpNet> = match is_known {
            true => {
                let all = self.routing.interfaces.of(interface);
                all.filter(|own| own.addr() != address).collect()
            }
            // Of addresses alone the length is not known.
            false => sources.chain(told).map(IpNet::from).collect(),
        };
        let own: Vec<IpNet> =
            own.into_iter().filter(|own| own.addr().is_ipv4() == address.is_ipv4()).collect();
        let is_shared = net.prefix_len() < net.max_prefix_len();
        if own.is_empty() && !(is_known && is_shared) {
            return None;
        }
        let near = |own: &IpNet| own.contains(&address) || is_shared && net.contains(&own.addr());
        let unsaid = !is_known && !is_shared;
        (!unsaid && !own.iter().any(near)).then(|| {
            format!("no other address of {interface} is in the network of {}", net.trunc())
        })
    }
}
