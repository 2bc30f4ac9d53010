//! What each node runs: VRRP instances, health checks, rules, routes, marks and kernel settings.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::VipPlan;
use super::instance::{
    Check, Instance, Mark, Route, Rule, Selector, Sysctl, Track, VipRouting, VirtualAddress,
};
use crate::model::{
    Datacenter, KubeProxy, Label, Node, NodeState, OnUnhealthy, RoutingMode, Subdomain, Vip,
    VrrpVersion,
};

/// One node.
#[derive(Debug)]
pub struct NodePlan {
    /// Its name.
    pub node: String,
    /// Failure domain.
    pub zone: Option<String>,
    /// Share of VIPs; 0 while it takes none.
    pub weight: u32,
    /// VRRPv2 or VRRPv3.
    pub vrrp_version: u8,
    /// Called on every transition.
    pub notify: Option<String>,
    /// One per VIP that it holds in some order, by address.
    pub instances: Vec<Instance>,
    /// One per entrypoint that its instances track.
    pub checks: Vec<Check>,
    /// Rules, routes and marks of each of those VIPs, whoever holds them.
    pub routing: Vec<VipRouting>,
    /// Kernel settings, by reason; each key once.
    pub sysctls: Vec<Sysctl>,
    /// Whether replies need marks,
    pub marked: bool,
    /// and kube-proxy's mode, which is why.
    pub kube_proxy: &'static str,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

pub(super) fn plan(datacenter: &Datacenter, vips: &[VipPlan]) -> Vec<NodePlan> {
    datacenter
        .nodes
        .iter()
        .map(|(name, node)| Planner { datacenter, name, node }.plan(vips))
        .collect()
}

/// One node in its datacenter.
struct Planner<'a> {
    datacenter: &'a Datacenter,
    name: &'a Subdomain,
    node: &'a Node,
}

impl Planner<'_> {
    fn plan(&self, vips: &[VipPlan]) -> NodePlan {
        let held: Vec<(&Vip, &VipPlan, usize)> = self
            .datacenter
            .vips
            .iter()
            .zip(vips)
            .filter_map(|(vip, plan)| {
                Some((vip, plan, plan.order.iter().position(|node| node == self.name)?))
            })
            .collect();
        let keepalived = &self.datacenter.keepalived;
        let routing: Vec<VipRouting> =
            held.iter().map(|(vip, plan, _)| self.routing(vip, plan)).collect();
        NodePlan {
            node: self.name.to_string(),
            zone: self.node.zone.as_ref().map(ToString::to_string),
            weight: if self.node.state == NodeState::Active { self.node.weight } else { 0 },
            vrrp_version: match keepalived.vrrp_version {
                VrrpVersion::V2 => 2,
                VrrpVersion::V3 => 3,
            },
            notify: keepalived.notify.as_ref().map(ToString::to_string),
            instances: held
                .iter()
                .zip(&routing)
                .map(|((vip, plan, rank), routing)| self.instance(vip, plan, *rank, routing))
                .collect(),
            checks: self.checks(&held),
            sysctls: self.sysctls(&held),
            routing,
            marked: self.datacenter.kubernetes.kube_proxy.needs_marks(),
            kube_proxy: match self.datacenter.kubernetes.kube_proxy {
                KubeProxy::Ipvs => "ipvs",
                KubeProxy::Iptables => "iptables",
                KubeProxy::Nftables => "nftables",
            },
            from: vec![format!("nodes.{}", self.name)],
        }
    }

    fn instance(&self, vip: &Vip, plan: &VipPlan, rank: usize, routing: &VipRouting) -> Instance {
        let address = vip.address.value;
        let peers: Vec<IpAddr> = plan
            .order
            .iter()
            .filter(|node| *node != self.name)
            .filter_map(|node| self.datacenter.nodes.get(node)?.source(address))
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        let alone = peers.is_empty();
        // Without peers keepalived would fall back to multicast; adverts to loopback reach nobody.
        let loopback: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let virtual_mode = self.datacenter.policy_routing.mode == RoutingMode::Virtual;
        Instance {
            name: format!("load-balancer-{address}"),
            vip: address,
            entrypoint: vip.entrypoint.to_string(),
            interface: self.node.interface.to_string(),
            vrid: plan.numbers.vrid,
            priority: plan.priorities[rank],
            advert_interval: self.datacenter.keepalived.advert_interval,
            preempt: vip.preempt,
            // The model refuses a node that may hold a VIP without an address of its family.
            source: self.node.source(address).unwrap_or(loopback),
            peers: if alone { vec![loopback] } else { peers },
            alone,
            address: self.virtual_address(address, &vip.gateway),
            excluded: vip
                .extra
                .iter()
                .map(|(extra, gateway)| self.virtual_address(extra.value, gateway))
                .collect(),
            routes: if virtual_mode { routing.routes.clone() } else { Vec::new() },
            rules: if virtual_mode { routing.rules.clone() } else { Vec::new() },
            track: self.track(vip, plan),
            restore_routing: !virtual_mode,
            from: vec![format!("vips[{address}]")],
        }
    }

    fn virtual_address(&self, address: IpAddr, gateway: &Label) -> VirtualAddress {
        let length =
            self.datacenter.gateways.get(gateway).map(|gateway| gateway.network.value.prefix_len());
        let host = if address.is_ipv4() { 32 } else { 128 };
        VirtualAddress {
            // A network's prefix length fits every address in it.
            address: IpNet::new(address, length.unwrap_or(host)).unwrap_or(address.into()),
            interface: self.interface(gateway),
        }
    }

    fn interface(&self, gateway: &Label) -> String {
        self.node.gateways.get(gateway).map(ToString::to_string).unwrap_or_default()
    }

    fn routing(&self, vip: &Vip, plan: &VipPlan) -> VipRouting {
        let numbers = &plan.numbers;
        let mask = self.datacenter.policy_routing.mark_mask;
        let mut routing = VipRouting {
            vip: vip.address.value,
            interface: self.interface(&vip.gateway),
            rules: Vec::new(),
            routes: Vec::new(),
            marks: Vec::new(),
        };
        for (address, gateway) in vip.addresses() {
            routing.rules.push(Rule {
                selector: Selector::From(address),
                ipv6: address.is_ipv6(),
                table: numbers.table,
                priority: numbers.rule_priority,
            });
            if let Some(mark) = numbers.mark {
                routing.marks.push(Mark {
                    interface: self.interface(gateway),
                    address,
                    value: mark.value,
                    mask,
                });
            }
            // A table has one default route per family: the address that comes first is its source.
            let known =
                routing.routes.iter().any(|route| route.source.is_ipv4() == address.is_ipv4());
            if let (false, Some(found)) = (known, self.datacenter.gateways.get(gateway)) {
                routing.routes.push(Route {
                    gateway: found.address.value,
                    interface: self.interface(gateway),
                    table: numbers.table,
                    source: address,
                });
            }
        }
        if let Some(mark) = numbers.mark {
            let families: BTreeSet<bool> =
                vip.addresses().map(|(address, _)| address.is_ipv6()).collect();
            routing.rules.extend(families.into_iter().map(|ipv6| Rule {
                selector: Selector::Mark { value: mark.value, mask },
                ipv6,
                table: numbers.table,
                priority: mark.rule_priority,
            }));
        }
        routing
    }

    fn track(&self, vip: &Vip, plan: &VipPlan) -> Option<Track> {
        let entrypoint = self.datacenter.entrypoints.get(&vip.entrypoint)?;
        entrypoint.edge.health_check_node_port.as_ref()?;
        let weight = match entrypoint.on_unhealthy {
            OnUnhealthy::Ignore => return None,
            OnUnhealthy::Fault => 0,
            OnUnhealthy::Yield => plan.yield_weight,
        };
        Some(Track { check: check_name(&vip.entrypoint), weight })
    }

    fn checks(&self, held: &[(&Vip, &VipPlan, usize)]) -> Vec<Check> {
        let tracked: BTreeSet<&Label> = held
            .iter()
            .filter(|(vip, plan, _)| self.track(vip, plan).is_some())
            .map(|(vip, ..)| &vip.entrypoint)
            .collect();
        tracked
            .into_iter()
            .filter_map(|name| {
                let port = self
                    .datacenter
                    .entrypoints
                    .get(name)?
                    .edge
                    .health_check_node_port
                    .as_ref()?
                    .value;
                let v4 = self.node.address.map(|address| IpAddr::from(address.value));
                let v6 = self.node.address6.map(|address| IpAddr::from(address.value));
                Some(Check {
                    name: check_name(name),
                    address: v4.or(v6)?,
                    port,
                    from: vec![format!("entrypoints.{name}")],
                })
            })
            .collect()
    }

    fn sysctls(&self, held: &[(&Vip, &VipPlan, usize)]) -> Vec<Sysctl> {
        let public = |v6: bool| -> BTreeSet<String> {
            held.iter()
                .flat_map(|(vip, ..)| vip.addresses())
                .filter(|(address, _)| address.is_ipv6() == v6)
                .map(|(_, gateway)| self.interface(gateway))
                .collect()
        };
        let (public4, public6) = (public(false), public(true));
        let mut answering = public4.clone();
        if !public4.is_empty() {
            answering.insert(self.node.interface.to_string());
        }
        let settings = |interfaces: &BTreeSet<String>,
                        family: &str,
                        name: &str,
                        value: u8,
                        why: &'static str| Sysctl {
            // A dot in an interface's name is written as a slash (sysctl.d(5)).
            keys: interfaces
                .iter()
                .map(|interface| {
                    format!("net.{family}.conf.{}.{name}", interface.replace('.', "/"))
                })
                .collect(),
            value,
            why,
        };
        let mut all = vec![
            settings(&answering, "ipv4", "arp_ignore", 1, sysctl::ARP_IGNORE),
            settings(&answering, "ipv4", "arp_announce", 2, sysctl::ARP_ANNOUNCE),
            settings(&public4, "ipv4", "promote_secondaries", 1, sysctl::PROMOTE_SECONDARIES),
            settings(&public6, "ipv6", "accept_ra", 0, sysctl::ACCEPT_RA),
        ];
        if self.datacenter.kubernetes.kube_proxy.needs_marks() {
            all.push(settings(&public4, "ipv4", "rp_filter", 2, sysctl::RP_FILTER));
        }
        all.retain(|setting| !setting.keys.is_empty());
        all
    }
}

fn check_name(entrypoint: &Label) -> String {
    format!("entrypoint-{entrypoint}")
}

/// Why kernel settings are as they are, in lines of a comment.
mod sysctl {
    pub const ARP_IGNORE: &str = "Answer ARP only on the interface that has the address.
# kube-proxy with strictARP writes the same into net.ipv4.conf.all.arp_ignore.";
    pub const ARP_ANNOUNCE: &str = "Ask with an address of the asked subnet.
# kube-proxy with strictARP writes the same into net.ipv4.conf.all.arp_announce.";
    pub const PROMOTE_SECONDARIES: &str =
        "A VIP that leaves must not take the other VIPs of its subnet with it.
# systemd sets this on most hosts, not on all.";
    pub const ACCEPT_RA: &str =
        "Router advertisements must not bring a second default route on a public interface.";
    pub const RP_FILTER: &str = "Requests come in where the main table would not send their replies: strict (1) drops them.
# The kernel uses the larger of this and net.ipv4.conf.all.rp_filter, and distributions set that one.";
}
