//! The gateways by which replies of VIPs leave.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;

use super::finding::Findings;
use super::fleet::most;
use super::yaml::Yaml;
use super::{Found, codes};
use crate::source::Span;

/// A gateway of VIPs.
#[derive(Debug)]
pub struct NextHop {
    address: IpAddr,
    pub network: IpNet,
    pub interface: String,
    /// Interface by node, where VIPs of it are.
    pub interfaces: BTreeMap<String, String>,
}

impl Found {
    /// The gateways of all addresses, by name.
    pub fn gateways(&self, findings: &mut Findings) -> BTreeMap<String, NextHop> {
        let mut gateways: Vec<NextHop> = Vec::new();
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
                            gateways.push(NextHop {
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
        at: Span,
        findings: &mut Findings,
    ) -> Option<IpNet> {
        let own = net.trunc();
        if own.prefix_len() < own.max_prefix_len() && own.contains(&gateway) {
            return Some(own);
        }
        let address = net.addr();
        let known =
            self.fleet.nodes.get(node).and_then(|node| node.routing.interfaces.network_of(gateway));
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
}

/// `gateways:`
pub fn written(gateways: &BTreeMap<String, NextHop>) -> Yaml {
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
