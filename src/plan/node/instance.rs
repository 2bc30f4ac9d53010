//! VRRP instances: who advertises what, to whom, with which priority.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ptr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::{Held, IpRule, Planner, ReplyRouting, Route};
use crate::model::{Garp, Interface, Label, Notify, OnUnhealthy, Placement, Preempt, RoutingMode};

/// A `vrrp_instance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The VIP.
    pub vip: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: Label,
    /// The interface on which adverts travel.
    pub interface: Interface,
    /// Virtual router id.
    pub vrid: u8,
    /// 1 to 254.
    pub priority: u8,
    /// Time between adverts.
    pub advert_interval: Duration,
    /// The behaviour of the node when it comes back.
    pub preempt: Preempt,
    /// Source of its adverts.
    pub source: IpAddr,
    /// The addresses that adverts go to; never empty. The loopback address, where no other node may hold the VIP.
    pub peers: Arc<[IpAddr]>,
    /// The advertised address.
    pub address: VirtualAddress,
    /// Addresses that come with it.
    pub excluded: Vec<VirtualAddress>,
    /// Empty where the script holds them.
    pub routes: Vec<Route>,
    /// Empty where the script holds them.
    pub rules: Vec<IpRule>,
    /// The reaction while its entrypoint is unhealthy on the node, or `None` if nothing tracks that.
    pub track: Option<Unhealthy>,
    /// Interfaces without which it is FAULT, beside its own.
    pub track_interfaces: BTreeSet<Interface>,
    /// Commands that it calls on transitions.
    pub notify: Option<Notify>,
    /// Gratuitous ARP, where it is its own.
    pub garp: Garp,
    /// True if the script has to put rules and routes back on transitions.
    pub restore_routing: bool,
}

impl Instance {
    /// The prefix of the names that keepalived has for instances.
    pub const PREFIX: &str = "load-balancer-";

    /// Returns the name that keepalived has for that of a VIP.
    pub fn name_of(vip: IpAddr) -> String {
        format!("{}{vip}", Self::PREFIX)
    }

    /// Returns the name that keepalived has for it.
    pub fn name(&self) -> String {
        Self::name_of(self.vip)
    }

    /// Returns true if no other node may hold the VIP.
    pub fn is_alone(&self) -> bool {
        self.peers.iter().all(IpAddr::is_loopback)
    }
}

/// An address that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddress {
    /// With the prefix length of its gateway's network.
    pub address: IpNet,
    /// The interface that it is on.
    pub interface: Interface,
    /// Its label, with the interface in front.
    pub label: Option<String>,
}

/// The reaction of an instance while its entrypoint is unhealthy on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unhealthy {
    /// Gives the VIP up (FAULT).
    Fault,
    /// Loses this much of its priority.
    Lose(u8),
}

/// The file that drains a node, its directory, and its name in the configuration.
pub struct Drain;

impl Drain {
    /// Made by tmpfiles at boot.
    pub const DIRECTORY: &str = "/run/lbgen";
    /// 1 in it moves every VIP away.
    pub const FILE: &str = "/run/lbgen/drain";
}

impl Planner<'_> {
    pub(super) fn instance(
        &self,
        held: &Held<'_>,
        routing: Option<&ReplyRouting>,
        known: &mut Arc<[IpAddr]>,
    ) -> Option<Instance> {
        let Held { vip, plan, standing, sources } = held;
        let address = vip.address.value;
        // Without peers keepalived would fall back to multicast; adverts to loopback reach nobody.
        let loopback: IpAddr = match address {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        };
        let others =
            plan.order.iter().zip(*sources).filter(|(other, _)| !ptr::eq(*other, *standing));
        let mut peers: Vec<IpAddr> = others.filter_map(|(_, source)| *source).collect();
        peers.sort_unstable();
        peers.dedup();
        if peers.is_empty() {
            peers.push(loopback);
        }
        // The VIPs of a node mostly have the same ones, and a list for each would be a third of the plan.
        if **known != *peers {
            *known = peers.into();
        }
        let is_virtual = self.datacenter.policy_routing.mode == RoutingMode::Virtual;
        let virtual_routing = routing.filter(|_| is_virtual);
        Some(Instance {
            vip: address,
            entrypoint: vip.entrypoint.clone(),
            interface: self.node.interface.clone(),
            vrid: plan.numbers.vrid,
            priority: standing.priority,
            advert_interval: self.datacenter.keepalived.advert_interval,
            preempt: vip.preempt.value,
            // The model refuses a node that may hold a VIP without an address of its family.
            source: self.node.source(address).unwrap_or(loopback),
            peers: Arc::clone(known),
            address: self.virtual_address(address, &vip.placement)?,
            excluded: vip
                .extra
                .iter()
                .filter_map(|(extra, placement)| self.virtual_address(extra.value, placement))
                .collect(),
            routes: virtual_routing
                .into_iter()
                .flat_map(|routing| routing.routes.clone())
                .chain(self.local_routes(vip))
                .collect(),
            rules: virtual_routing.map(|routing| routing.rules.clone()).unwrap_or_default(),
            track: self.track(held),
            track_interfaces: vip
                .track_interfaces
                .iter()
                .chain(&self.node.track_interfaces)
                // Which keepalived tracks of its own accord, and then takes the line for a mistake.
                .filter(|interface| **interface != self.node.interface)
                .cloned()
                .collect(),
            notify: vip.notify.clone(),
            garp: vip.garp,
            restore_routing: !is_virtual,
        })
    }

    fn virtual_address(&self, address: IpAddr, placement: &Placement) -> Option<VirtualAddress> {
        // Without a gateway it is a host's address: its network is that of the node's own.
        let length = match &placement.gateway {
            Some(name) => self.datacenter.gateways.get(name)?.network.value.prefix_len(),
            None => IpNet::from(address).prefix_len(),
        };
        Some(VirtualAddress {
            // A network's prefix length fits every address in it.
            address: IpNet::new(address, length).unwrap_or(address.into()),
            interface: placement.interface_on(self.node)?.clone(),
            label: placement.label_on(self.node),
        })
    }

    /// Returns the reaction of an instance while its entrypoint is unhealthy, or `None` if nothing tracks that.
    pub(super) fn track(&self, held: &Held<'_>) -> Option<Unhealthy> {
        let entrypoint = self.datacenter.entrypoints.get(&held.vip.entrypoint)?;
        self.datacenter.is_checked(entrypoint).then_some(())?;
        match (entrypoint.on_unhealthy, held.vip.preempt.value) {
            (OnUnhealthy::Ignore, _) => None,
            // Nobody would take the VIP from a MASTER whose priority falls: only FAULT lets it go.
            (OnUnhealthy::Fault, _) | (OnUnhealthy::Yield, Preempt::Never) => {
                Some(Unhealthy::Fault)
            }
            (OnUnhealthy::Yield, Preempt::AtOnce | Preempt::After(_)) => {
                Some(Unhealthy::Lose(held.standing.loss))
            }
        }
    }
}
