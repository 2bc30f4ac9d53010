//! `virtual_routes` beside the default route of a gateway.

use std::net::IpAddr;

use ipnet::IpNet;

use super::reply_routing::ReplyRouting;
use super::table::Table;
use crate::plan::Route;
use crate::state::Instance;

/// A route that comes with an address, as an inventory says it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct VirtualRoute {
    /// An address of whose table it is a part, or, of the table `main`, one without a gateway.
    pub address: IpAddr,
    pub to: IpNet,
    pub via: IpAddr,
}

/// The routes of an instance, and of our script for it.
pub fn all(instance: &Instance, routing: &ReplyRouting) -> Vec<VirtualRoute> {
    let own = instance.routes.iter().filter_map(|line| read(&line.words, instance, routing));
    let scripted = routing.further.iter().filter_map(|written| {
        let table = Table::Number(written.table);
        let address = instance.holds().find(|address| {
            let way = routing.way(*address).filter(|way| way.table == table);
            way.is_some() && address.is_ipv4() == written.gateway.is_ipv4()
        })?;
        Some(VirtualRoute { address, to: network(written.to.as_deref()?)?, via: written.gateway })
    });
    // A table has one route to a network.
    let mut all: Vec<VirtualRoute> = Vec::new();
    for route in own.chain(scripted) {
        let is_there = |other: &VirtualRoute| {
            let same_table = routing.way(other.address) == routing.way(route.address);
            other.to == route.to && same_table
        };
        if !all.iter().any(is_there) {
            all.push(route);
        }
    }
    all.sort();
    all
}

/// A network, or an address as one.
fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| Some(text.parse::<IpAddr>().ok()?.into()))
}

/// The route in the words of keepalived.conf(5); `None` where an inventory cannot say it.
pub fn read(words: &str, instance: &Instance, routing: &ReplyRouting) -> Option<VirtualRoute> {
    let (mut to, mut via, mut device, mut table) = (None, None, None, None);
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            "to" | "inet" | "inet6" => {}
            "via" => via = Some(words.next()?),
            "dev" => device = Some(words.next()?),
            "table" => table = Some(routing.names.table(words.next()?)?),
            // Of IPv6 it is what the kernel takes without one.
            "metric" => (words.next()?.parse::<u32>().ok()? == Route::METRIC6).then_some(())?,
            text => to = Some(network(text).filter(|_| to.is_none())?),
        }
    }
    let to = to?;
    let via: IpAddr = via?.parse().ok()?;
    let all = instance.places();
    // Without `dev` the kernel takes the interface in whose network the next hop is.
    let of_family = all.filter(|found| match device {
        Some(device) => {
            found.address.addr().is_ipv4() == via.is_ipv4() && found.interface == device
        }
        None => found.address.contains(&via),
    });
    let address = of_family
        .filter(|found| routing.way_of(found.address).map(|way| way.table) == table)
        .map(|found| found.address.addr())
        .next()?;
    let is_link_local = matches!(via, IpAddr::V6(v6) if v6.is_unicast_link_local());
    let fits = to.prefix_len() > 0 && to.addr().is_ipv4() == via.is_ipv4() && !is_link_local;
    fits.then_some(VirtualRoute { address, to: to.trunc(), via })
}
