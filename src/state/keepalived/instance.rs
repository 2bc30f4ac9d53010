//! `vrrp_instance`: who advertises what, to whom, as keepalived takes it: with every default and correction applied.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;

use super::Statement;
use super::track::{Track, Tracked};
use crate::source::Span;

/// A `vrrp_instance`.
#[derive(Debug, Clone)]
pub struct Instance {
    /// The name, which means nothing to other nodes.
    pub name: String,
    /// The position of the block.
    pub at: Span,
    /// `state MASTER`: it starts as MASTER.
    pub starts_as_master: bool,
    /// The interface on which adverts travel.
    pub interface: String,
    /// Virtual router id, 1 to 255.
    pub vrid: u8,
    /// 1 to 255.
    pub priority: u8,
    /// The settings for sending and accepting adverts.
    pub advert: Advert,
    /// The behaviour while a lower instance is MASTER.
    pub preempt: Preemption,
    /// An interface of its own with a virtual MAC address.
    pub vmac: Option<Vmac>,
    /// True if it never leaves FAULT: `unicast_fault_no_peer` and no peer, or a check whose first result it waits for
    /// twice.
    pub is_faulty: bool,
    /// Everything that changes its priority, including what its sync group tracks.
    pub tracks: Vec<Track>,
    /// `virtual_ipaddress`
    pub addresses: Vec<Address>,
    /// `virtual_ipaddress_excluded`
    pub excluded: Vec<Address>,
    /// `virtual_routes`
    pub routes: Vec<Line>,
    /// `virtual_rules`
    pub rules: Vec<Line>,
    /// Everything else, as it stands.
    pub others: Vec<Statement>,
}

/// Two instances that say the same are equal, wherever they stand.
impl PartialEq for Instance {
    fn eq(&self, other: &Self) -> bool {
        // A new field does not compile until it is compared, or left out, here.
        let Self {
            name,
            at: _,
            starts_as_master,
            interface,
            vrid,
            priority,
            advert,
            preempt,
            vmac,
            is_faulty,
            tracks,
            addresses,
            excluded,
            routes,
            rules,
            others,
        } = self;
        *name == other.name
            && *starts_as_master == other.starts_as_master
            && *interface == other.interface
            && *vrid == other.vrid
            && *priority == other.priority
            && *advert == other.advert
            && *preempt == other.preempt
            && *vmac == other.vmac
            && *is_faulty == other.is_faulty
            && *tracks == other.tracks
            && *addresses == other.addresses
            && *excluded == other.excluded
            && *routes == other.routes
            && *rules == other.rules
            && *others == other.others
    }
}

/// The properties that make an advert reach a node and count there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// 2 or 3.
    pub version: u8,
    /// True if the addresses are IPv6.
    pub ipv6: bool,
    /// Time between two of them.
    pub interval: Duration,
    /// `unicast_src_ip` or `mcast_src_ip`; else the interface's own address, where that is known.
    pub source: Option<IpAddr>,
    /// Empty is multicast. Instances of a node mostly have the same.
    pub peers: Arc<BTreeSet<IpAddr>>,
    /// The multicast group, or `None` for keepalived's default (224.0.0.18, ff02::12).
    pub group: Option<IpAddr>,
    /// VRRPv2's password.
    pub authentication: Option<Authentication>,
    /// True if the sender has to be a peer.
    pub checks_sender: bool,
}

impl Advert {
    /// Returns true if adverts go to peers, and not to a multicast group.
    pub fn is_unicast(&self) -> bool {
        !self.peers.is_empty()
    }
}

/// `authentication`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// `PASS` or `AH`.
    pub kind: String,
    /// Its first 8 bytes count.
    pub pass: String,
}

/// The behaviour of an instance while a lower one is MASTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Preemption {
    /// Takes the VIP.
    AtOnce,
    /// Takes it after this time.
    After(Duration),
    /// Leaves it there.
    Never,
}

/// `use_vmac`, `use_ipvlan`
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Vmac(pub String);

/// A virtual address.
#[derive(Debug, Clone)]
pub struct Address {
    /// With its prefix length.
    pub address: IpNet,
    /// The interface that holds the address.
    pub interface: String,
    /// Its other words: `label`, `scope`, `no_track`, ...
    pub words: String,
    /// The position of the line.
    pub at: Span,
}

impl PartialEq for Address {
    fn eq(&self, other: &Self) -> bool {
        let Self { address, interface, words, at: _ } = self;
        *address == other.address && *interface == other.interface && *words == other.words
    }
}

/// A route or a rule.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its words, a space between them.
    pub words: String,
    /// The position of the line.
    pub at: Span,
}

impl PartialEq for Line {
    fn eq(&self, other: &Self) -> bool {
        let Self { words, at: _ } = self;
        *words == other.words
    }
}

/// Across a reload keepalived keeps an instance whose identity stays, and makes another one anew (facts D10, D43, R8).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Identity<'a> {
    /// Virtual router id.
    pub vrid: u8,
    /// Its family.
    pub ipv6: bool,
    /// The interface on which adverts travel.
    pub interface: &'a str,
    /// The interface that holds its addresses, where it is its own.
    pub vmac: Option<&'a Vmac>,
    /// The destination and source of adverts.
    pub transport: Transport,
}

/// The transport of adverts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    /// To the peers, from this address.
    Unicast(Option<IpAddr>),
    /// To this group; `None` is keepalived's own.
    Multicast(Option<IpAddr>),
}

impl Instance {
    /// The address that it is known by: the first that it advertises.
    pub fn vip(&self) -> Option<IpAddr> {
        self.addresses.first().or(self.excluded.first()).map(|address| address.address.addr())
    }

    /// Every address that comes with it, with its place.
    pub fn places(&self) -> impl Iterator<Item = &Address> {
        self.addresses.iter().chain(&self.excluded)
    }

    /// Every address that comes with it.
    pub fn holds(&self) -> impl Iterator<Item = IpAddr> {
        self.places().map(|address| address.address.addr())
    }

    /// The addresses that it advertises, in no order.
    pub fn advertised(&self) -> BTreeSet<IpAddr> {
        self.addresses.iter().map(|address| address.address.addr()).collect()
    }

    /// Everything of a kind that it tracks.
    pub fn tracked(&self, kind: Tracked) -> impl Iterator<Item = &Track> {
        self.tracks.iter().filter(move |track| track.kind == kind)
    }

    /// Returns the identity by which keepalived knows the instance across a reload.
    pub fn identity(&self) -> Identity<'_> {
        let Advert { ipv6, source, group, .. } = &self.advert;
        Identity {
            vrid: self.vrid,
            ipv6: *ipv6,
            interface: &self.interface,
            vmac: self.vmac.as_ref(),
            transport: match self.advert.is_unicast() {
                true => Transport::Unicast(*source),
                false => Transport::Multicast(*group),
            },
        }
    }

    /// Returns the time it waits, beyond 3 adverts, before it takes over from a silent MASTER, and also after one that
    /// says goodbye: (256 - priority)/256 s; in VRRPv3 of the advert interval (RFC 9568, 6.1).
    pub fn skew(&self) -> Duration {
        let whole = match self.advert.version {
            3 => self.advert.interval,
            _ => Duration::from_secs(1),
        };
        whole * (256 - u32::from(self.priority)) / 256
    }

    /// Returns the time it waits for a silent MASTER.
    pub fn down_time(&self) -> Duration {
        3 * self.advert.interval + self.skew()
    }
}
