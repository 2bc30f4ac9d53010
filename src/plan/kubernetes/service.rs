//! Services.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::ObjectMeta;
use crate::model::{LabelValue, PortName, Protocol, QualifiedName, VipsForm};

/// A Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// The metadata of the Service.
    pub meta: ObjectMeta,
    /// The exposure to clients outside the cluster, or `None` if there is none.
    pub exposure: Option<Exposure>,
    /// The labels of its pods; empty where its endpoints are written by hand.
    pub selector: BTreeMap<QualifiedName, LabelValue>,
    /// Its ports, by name.
    pub ports: Vec<ServicePort>,
    /// The families of its addresses.
    pub families: Families,
}

/// The exposure of a Service to clients outside the cluster: type LoadBalancer, traffic to pods of the same node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exposure {
    /// Its VIPs, sorted.
    pub vips: Vec<IpAddr>,
    /// The way the cluster learns them.
    pub form: VipsForm,
    /// True if a status can say that an address is a VIP (`ipMode`, KEP-1860: from 1.30).
    pub has_ip_mode: bool,
    /// The node port where health is asked, or `None` without one.
    pub health_check_node_port: Option<u16>,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// The name of the port.
    pub name: PortName,
    /// Its number.
    pub port: u16,
    /// The protocol that it carries.
    pub protocol: Protocol,
    /// The container's port; `None` is the one of this name.
    pub target: Option<u16>,
}

/// An address family.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(address: IpAddr) -> Self {
        if address.is_ipv4() { Family::V4 } else { Family::V6 }
    }

    /// As Kubernetes calls it.
    pub fn word(self) -> &'static str {
        match self {
            Family::V4 => "IPv4",
            Family::V6 => "IPv6",
        }
    }
}

/// The address families of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Families {
    /// Those that the cluster prefers.
    Default,
    /// One alone.
    Single(Family),
    /// Both, IPv4 first.
    Both,
}

impl Families {
    /// The families of some addresses.
    pub fn of<'a>(addresses: impl IntoIterator<Item = &'a IpAddr>) -> Self {
        let families: BTreeSet<Family> =
            addresses.into_iter().map(|address| Family::of(*address)).collect();
        match families.iter().collect::<Vec<_>>().as_slice() {
            [] => Self::Default,
            [one] => Self::Single(**one),
            _ => Self::Both,
        }
    }

    /// Each of them; none for the cluster's choice.
    pub fn each(self) -> Vec<Family> {
        match self {
            Self::Default => Vec::new(),
            Self::Single(family) => vec![family],
            Self::Both => vec![Family::V4, Family::V6],
        }
    }
}
