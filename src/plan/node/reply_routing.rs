//! The routing of replies to their gateway: rules, routes and marks of each VIP.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;

use super::{Held, Planner};
use crate::model::Interface;

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

/// A default route of a VIP's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Next hop.
    pub gateway: IpAddr,
    /// The interface that packets leave by.
    pub interface: Interface,
    /// The table that it is in.
    pub table: u32,
    /// The address that it is for.
    pub source: IpAddr,
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
        let numbers = plan.numbers.routing?;
        let mask = self.datacenter.policy_routing.mark_mask;
        let entrypoint = self.datacenter.entrypoints.get(&vip.entrypoint)?;
        let in_cluster = entrypoint.tiers().is_some();
        let mut routing = ReplyRouting {
            vip: vip.address.value,
            interface: self.interface(vip.gateway.as_ref())?.clone(),
            rules: Vec::new(),
            routes: Vec::new(),
            marks: Vec::new(),
        };
        for (address, gateway) in vip.addresses() {
            if in_cluster {
                routing.rules.extend(self.to_pods(address));
            }
            let interface = self.interface(gateway)?;
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
            // A table has one default route per family: the address that comes first is its source.
            let is_there =
                routing.routes.iter().any(|route| route.source.is_ipv4() == address.is_ipv4());
            if !is_there {
                routing.routes.push(Route {
                    gateway: self.datacenter.gateways.get(gateway?)?.address.value,
                    interface: interface.clone(),
                    table: numbers.table,
                    source: address,
                });
            }
        }
        if let Some(mark) = numbers.mark {
            let families: BTreeSet<bool> =
                vip.addresses().map(|(address, _)| address.is_ipv6()).collect();
            routing.rules.extend(families.into_iter().map(|ipv6| IpRule {
                selector: Selector::Mark { value: mark.value, mask },
                ipv6,
                table: numbers.table,
                priority: mark.rule_priority,
            }));
        }
        Some(routing)
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
