//! The addresses of a node's interfaces, as `ip -j addr` prints them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

/// Interfaces and their addresses, in the kernel's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interfaces(Vec<(String, IpNet)>);

impl Interfaces {
    /// Reads what `ip -j addr` prints; `None` where it is something else.
    pub fn read(json: &str) -> Option<Self> {
        // `ip -4` and `ip -6` one after the other are two documents.
        let documents: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(json).into_iter().collect();
        let mut found = Self::default();
        for entry in documents.ok()?.iter().filter_map(Value::as_array).flatten() {
            let Some(name) = entry["ifname"].as_str() else { continue };
            for info in entry["addr_info"].as_array().into_iter().flatten() {
                let address = info["local"].as_str().and_then(|text| text.parse::<IpAddr>().ok());
                let length =
                    info["prefixlen"].as_u64().and_then(|length| u8::try_from(length).ok());
                let net = address.zip(length).and_then(|(a, l)| IpNet::new(a, l).ok());
                found.0.extend(net.map(|net| (name.to_owned(), net)));
            }
        }
        Some(found)
    }

    /// Adds what another document says.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Returns true if nothing is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The addresses of all interfaces.
    pub fn all(&self) -> impl Iterator<Item = IpNet> {
        self.0.iter().map(|(_, net)| *net)
    }

    /// The addresses of an interface, with their networks.
    pub fn of<'a>(&'a self, interface: &'a str) -> impl Iterator<Item = IpNet> + 'a {
        self.0.iter().filter(move |(name, _)| name == interface).map(|(_, net)| *net)
    }

    /// The first address of an interface, link-local ones aside.
    pub fn address_of(&self, interface: &str, ipv6: bool) -> Option<IpAddr> {
        let all = self.of(interface).map(|net| net.addr());
        all.filter(|address| !is_link_local(address)).find(|address| address.is_ipv6() == ipv6)
    }

    /// The networks that an interface is in.
    pub fn networks<'a>(&'a self, interface: &'a str) -> impl Iterator<Item = IpNet> + 'a {
        let shared = |net: &IpNet| net.prefix_len() < net.max_prefix_len();
        self.of(interface)
            .filter(move |net| shared(net) && !is_link_local(&net.addr()))
            .map(|net| net.trunc())
    }

    /// The interface and the network that an address lies in.
    pub fn network_of(&self, address: IpAddr) -> Option<(&str, IpNet)> {
        let holds = |net: &IpNet| net.prefix_len() < net.max_prefix_len() && net.contains(&address);
        let found = self.0.iter().find(|(_, net)| holds(net))?;
        Some((&found.0, found.1.trunc()))
    }
}

fn is_link_local(address: &IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => v4.is_link_local(),
        IpAddr::V6(v6) => v6.is_unicast_link_local(),
    }
}
