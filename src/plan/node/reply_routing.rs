//! The routing of replies to their gateway: rules, routes and marks of each VIP.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Held, Planner};
use crate::model::{Interface, Vip};

/// The table `main` (rt_tables).
const MAIN: u32 = 254;

/// Rules, routes and marks of a VIP on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRouting {
    /// The VIP.
    pub vip: IpAddr,
    /// The interface that the VIP is on while it is here.
    pub interface: Interface,
    /// Its rules.
    pub rules: Vec<IpRule>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its marks, one per address.
    pub marks: Vec<Mark>,
}

/// A route that comes with a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// The network that it leads to; `None` is the default route.
    pub to: Option<IpNet>,
    /// Next hop.
    pub gateway: IpAddr,
    /// The interface that packets leave by.
    pub interface: Interface,
    /// The table that it is in; `None` is the node's own, `main`.
    pub table: Option<u32>,
    /// The address that a default route is for.
    pub source: Option<IpAddr>,
}

impl Route {
    /// The metric that the kernel gives an IPv6 route without one. Written out, keepalived 2.3 finds the route again when
    /// it has to go.
    pub const METRIC6: u32 = 1024;
}

/// A policy routing rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRule {
    /// The packets that it is for.
    pub selector: Selector,
    /// True if it is an IPv6 rule.
    pub ipv6: bool,
    /// The table that it leads to.
    pub table: u32,
    /// `ip rule` priority.
    pub priority: u32,
}

/// The packets that a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// Those from an address.
    From(IpAddr),
    /// Those from an address to pods.
    ToPods(IpAddr, IpNet),
    /// Those with a mark.
    Mark {
        /// Compared after the mask.
        value: u32,
        /// Bits that count.
        mask: u32,
    },
}

/// The mark that connections to a VIP's address get where they enter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The interface that they enter by.
    pub interface: Interface,
    /// The address that they go to.
    pub address: IpAddr,
    /// Value of the packet mark.
    pub value: u32,
    /// Bits that are ours.
    pub mask: u32,
}

impl Planner<'_> {
    pub(super) fn routing(&self, held: &Held<'_>) -> Option<ReplyRouting> {
        let Held { vip, plan, .. } = held;
        plan.numbers.routing()?;
        let mask = self.datacenter.policy_routing.mark_mask;
        let entrypoint = self.datacenter.entrypoints.get(&vip.entrypoint)?;
        let in_cluster = entrypoint.tiers().is_some();
        let mut routing = ReplyRouting {
            vip: vip.address.value,
            interface: vip.placement.interface_on(self.node)?.clone(),
            rules: Vec::new(),
            routes: Vec::new(),
            marks: Vec::new(),
        };
        for (network, numbers) in vip.networks().iter().zip(&plan.numbers.networks) {
            // A table has one default route per family: the address that comes first is its source.
            let mut families: BTreeSet<bool> = BTreeSet::new();
            for (address, placement) in &network.addresses {
                let address = address.value;
                if in_cluster {
                    routing.rules.extend(self.to_pods(address));
                }
                let interface = placement.interface_on(self.node)?;
                routing.rules.push(IpRule {
                    selector: Selector::From(address),
                    ipv6: address.is_ipv6(),
                    table: numbers.table,
                    priority: numbers.rule_priority,
                });
                routing.marks.extend(numbers.mark.map(|mark| Mark {
                    interface: interface.clone(),
                    address,
                    value: mark.value,
                    mask,
                }));
                if families.insert(address.is_ipv6()) {
                    let gateway = placement.gateway.as_ref()?;
                    routing.routes.push(Route {
                        to: None,
                        gateway: self.datacenter.gateways.get(gateway)?.address.value,
                        interface: interface.clone(),
                        table: Some(numbers.table),
                        source: Some(address),
                    });
                }
            }
            for (gateway, route) in network.routes(&self.datacenter.gateways) {
                routing.routes.push(Route {
                    to: Some(route.to),
                    gateway: route.via,
                    interface: self.node.gateways.get(gateway)?.clone(),
                    table: Some(numbers.table),
                    source: None,
                });
            }
            routing.rules.extend(numbers.mark.iter().flat_map(|mark| {
                families.iter().map(move |ipv6| IpRule {
                    selector: Selector::Mark { value: mark.value, mask },
                    ipv6: *ipv6,
                    table: numbers.table,
                    priority: mark.rule_priority,
                })
            }));
        }
        Some(routing)
    }

    /// The routes of addresses without a gateway: in the table `main`, where only keepalived holds them.
    pub(super) fn local_routes(&self, vip: &Vip) -> Vec<Route> {
        let local = vip.addresses().filter(|(_, placement)| placement.gateway.is_none());
        local
            .flat_map(|(_, placement)| {
                let interface = placement.interface_on(self.node);
                placement.routes.iter().filter_map(move |route| {
                    Some(Route {
                        to: Some(route.value.to),
                        gateway: route.value.via,
                        interface: interface?.clone(),
                        table: None,
                        source: None,
                    })
                })
            })
            .collect()
    }

    /// The rules that come before an address's own: what the node itself asks it goes from the address to a pod, once
    /// kube-proxy has translated it.
    fn to_pods(&self, address: IpAddr) -> impl Iterator<Item = IpRule> {
        let networks = self.datacenter.kubernetes.pod_networks.iter();
        let priority = self.datacenter.policy_routing.pod_rule_priority;
        networks
            .map(|network| network.value)
            .filter(move |network| network.addr().is_ipv4() == address.is_ipv4())
            .map(move |network| IpRule {
                selector: Selector::ToPods(address, network),
                ipv6: address.is_ipv6(),
                table: MAIN,
                priority,
            })
    }
}
