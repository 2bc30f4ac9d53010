//! The nouns of a node's plan: instances, addresses, routes, rules, marks, checks and kernel settings.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use serde::Serialize;

use crate::model::Preempt;

/// A `vrrp_instance`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// `load-balancer-<address>`
    pub name: String,
    /// The VIP.
    pub vip: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: String,
    /// Where adverts travel.
    pub interface: String,
    /// Virtual router id.
    pub vrid: u8,
    /// 1 to 254.
    pub priority: u8,
    /// Time between adverts.
    pub advert_interval: Duration,
    /// What it does when it comes back.
    pub preempt: Preempt,
    /// Source of its adverts.
    pub source: IpAddr,
    /// Where they go; never empty.
    pub peers: Vec<IpAddr>,
    /// Whether `peers` is the loopback address, because no other node may hold the VIP.
    pub alone: bool,
    /// The advertised address.
    pub address: VirtualAddress,
    /// Addresses that come with it.
    pub excluded: Vec<VirtualAddress>,
    /// Empty where the script holds them.
    pub routes: Vec<Route>,
    /// Empty where the script holds them.
    pub rules: Vec<Rule>,
    /// Health of its entrypoint.
    pub track: Option<Track>,
    /// Whether the script has to put rules and routes back on transitions.
    pub restore_routing: bool,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

/// An address that moves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VirtualAddress {
    /// With the prefix length of its gateway's network.
    pub address: IpNet,
    /// Where it stands.
    pub interface: String,
}

/// A default route of a VIP's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    /// Next hop.
    pub gateway: IpAddr,
    /// Out of which interface.
    pub interface: String,
    /// In which table.
    pub table: u32,
    /// The address that it is for.
    pub source: IpAddr,
}

/// A policy routing rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// Which packets.
    pub selector: Selector,
    /// Whether it is an IPv6 rule.
    pub ipv6: bool,
    /// To which table.
    pub table: u32,
    /// `ip rule` priority.
    pub priority: u32,
}

/// Which packets a rule is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Selector {
    /// Those from an address.
    From(IpAddr),
    /// Those with a mark.
    Mark {
        /// Compared after the mask.
        value: u32,
        /// Bits that count.
        mask: u32,
    },
}

/// How an instance follows the health of its entrypoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// The check's name.
    pub check: String,
    /// Added to the priority while it fails; 0 is FAULT instead.
    pub weight: i16,
}

/// A `vrrp_script` that asks kube-proxy for ready pods on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// `entrypoint-<name>`, and the family where a node asks by both.
    pub name: String,
    /// The node's own address: in nftables mode node ports do not answer on loopback.
    pub address: IpAddr,
    /// `healthCheckNodePort`
    pub port: u16,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

/// Rules, routes and marks of a VIP on a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipRouting {
    /// The VIP.
    pub vip: IpAddr,
    /// Where it stands while it is here.
    pub interface: String,
    /// Its rules.
    pub rules: Vec<Rule>,
    /// Its routes.
    pub routes: Vec<Route>,
    /// Its marks, one per address.
    pub marks: Vec<Mark>,
}

/// Where connections get the mark of their VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// They enter here,
    pub interface: String,
    /// to this address.
    pub address: IpAddr,
    /// Value of the packet mark.
    pub value: u32,
    /// Bits that are ours.
    pub mask: u32,
}

/// Kernel settings that have one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Sysctl {
    /// Why, and who else writes them.
    pub why: &'static str,
    /// Keys as sysctl.d(5) takes them, by name.
    pub keys: Vec<String>,
    /// Their value.
    pub value: u8,
}

/// The file that drains a node, its directory, and its name in the configuration.
pub struct Drain;

impl Drain {
    /// Made by tmpfiles at boot.
    pub const DIRECTORY: &str = "/run/lbgen";
    /// 1 in it moves every VIP away.
    pub const FILE: &str = "/run/lbgen/drain";
}
