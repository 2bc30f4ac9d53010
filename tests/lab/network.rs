//! The networks between the hosts: one bridge on the gateway for each link that nodes share.

use std::collections::BTreeSet;
use std::net::IpAddr;

use lbgen::model::{Datacenter, Interface, Label, Subdomain};

use super::host::Host;

/// The client's addresses, and the gateway's towards it.
pub const CLIENT: [&str; 2] = ["100.64.254.2", "fd64:254::2"];
const TOWARDS_CLIENT: [&str; 2] = ["100.64.254.1", "fd64:254::1"];
/// The gateway's addresses on the nodes' internal network: where their default routes lead.
pub const INTERNAL: [&str; 2] = ["100.64.255.254", "fd64:255::254"];

/// A link that nodes share; the first of them is the internal one, where adverts travel.
pub struct Link {
    /// Its bridge on the gateway.
    pub bridge: String,
    /// The gateways of the inventory that are on it.
    pub gateways: Vec<Label>,
    /// Node and interface.
    pub ports: BTreeSet<(String, String)>,
}

/// The links of a datacenter: interfaces of a node that have one name are one port.
pub fn links(datacenter: &Datacenter) -> Vec<Link> {
    let ports = datacenter
        .nodes
        .iter()
        .map(|(name, node)| (name.to_string(), node.interface.to_string()))
        .collect();
    let mut links = vec![Link { bridge: "br0".into(), gateways: Vec::new(), ports }];
    let nodes = || datacenter.nodes.iter();
    let of_gateways = datacenter.gateways.keys().map(|name| {
        let own = nodes().filter_map(|(node, found)| Some((node, found.gateways.get(name)?)));
        (vec![name.clone()], own.map(port).collect())
    });
    // Addresses for neighbours only may have an interface of their own.
    let placements = datacenter.vips.iter().flat_map(|vip| vip.addresses());
    let local = placements.filter_map(|(_, placement)| placement.interface.as_ref());
    let local = local
        .map(|interface| (Vec::new(), nodes().map(|(node, _)| port((node, interface))).collect()));
    for (gateways, ports) in of_gateways.chain(local) {
        let ports: BTreeSet<(String, String)> = ports;
        match links.iter_mut().find(|link| !link.ports.is_disjoint(&ports)) {
            Some(link) => {
                link.ports.extend(ports);
                link.gateways.extend(gateways);
            }
            None => {
                let bridge = format!("br{}", links.len());
                links.push(Link { bridge, gateways, ports });
            }
        }
    }
    links
}

fn port((node, interface): (&Subdomain, &Interface)) -> (String, String) {
    (node.to_string(), interface.to_string())
}

/// The gateway of every network: routes between them and the client, and drops packets from a VIP that come from the
/// internal side, as a stateful one does.
pub fn start_gateway(datacenter: &Datacenter, links: &[Link]) -> Host {
    let gateway = Host::start("gateway");
    let mut script = String::from(
        "set -e\nsysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0\n",
    );
    for (number, link) in links.iter().enumerate() {
        let bridge = &link.bridge;
        // Without an address of its own a bridge changes it with its ports, and the nodes' neighbours are stale.
        script += &format!(
            "ip link add {bridge} address 02:00:00:00:00:{number:02x} type bridge\nip link set {bridge} up\n"
        );
        for gateway in &link.gateways {
            let gateway = &datacenter.gateways[gateway];
            let (address, prefix) = (gateway.address.value, gateway.network.value.prefix_len());
            script += &format!("ip addr add {address}/{prefix} dev {bridge}{}\n", nodad(address));
        }
    }
    for address in INTERNAL {
        script += &format!(
            "ip addr add {address} dev br0{}\n",
            nodad(address.parse().expect("an address"))
        );
    }
    for node in datacenter.nodes.values() {
        for address in sources(node) {
            script += &format!("ip route add {address} dev br0\n");
        }
    }
    let own = datacenter.vips.iter().flat_map(|vip| vip.addresses());
    for (address, _) in own.filter(|(_, placement)| placement.gateway.is_none()) {
        script += &format!("ip route add {address} dev br0\n");
    }
    script += "nft add table inet lab\n";
    script += "nft add counter inet lab leaked\n";
    script += "nft add chain inet lab forward '{ type filter hook forward priority 0; }'\n";
    script += "nft add rule inet lab forward ct state invalid drop\n";
    for vip in &datacenter.vips {
        for (address, placement) in vip.addresses() {
            // Nothing tells them apart where the public network is the internal one.
            if placement.gateway.as_ref().is_some_and(|name| !links[0].gateways.contains(name)) {
                let family = if address.is_ipv6() { "ip6" } else { "ip" };
                script += &format!(
                    "nft add rule inet lab forward iifname br0 {family} saddr {address} counter name leaked drop\n"
                );
            }
        }
    }
    gateway.run(&script);
    gateway
}

/// A client behind the gateway.
pub fn start_client(gateway: &Host) -> Host {
    let client = Host::start("client");
    gateway.connect("client", &client, "eth0");
    gateway.run(&format!(
        "set -e; ip link set client up; ip addr add {}/30 dev client; ip addr add {}/64 dev client nodad",
        TOWARDS_CLIENT[0], TOWARDS_CLIENT[1]
    ));
    client.run(&format!(
        "set -e; ip link set eth0 up; ip addr add {}/30 dev eth0; ip addr add {}/64 dev eth0 nodad
         ip route add default via {}; ip -6 route add default via {}",
        CLIENT[0], CLIENT[1], TOWARDS_CLIENT[0], TOWARDS_CLIENT[1]
    ));
    client
}

/// A node's own addresses.
pub fn sources(node: &lbgen::model::Node) -> Vec<IpAddr> {
    let v4 = node.address.map(|address| IpAddr::from(address.value));
    let v6 = node.address6.map(|address| IpAddr::from(address.value));
    v4.into_iter().chain(v6).collect()
}

/// IPv6 addresses are there at once.
pub fn nodad(address: IpAddr) -> &'static str {
    if address.is_ipv6() { " nodad" } else { "" }
}
