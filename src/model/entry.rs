//! The names of inventory entries, in messages and in JSON.

use std::fmt;
use std::net::IpAddr;

use crate::language::name::{Host, Label, Subdomain};

/// An entry of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Entry {
    /// The inventory itself.
    Datacenter,
    /// `nodes.NAME`
    Node(Subdomain),
    /// `entrypoints.NAME`
    Entrypoint(Label),
    /// `vips[ADDRESS]`
    Vip(IpAddr),
    /// `domains.HOST`
    Domain(Host),
    /// `components.NAME`
    Component(Label),
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Datacenter => f.write_str("datacenter"),
            Self::Node(name) => write!(f, "nodes.{name}"),
            Self::Entrypoint(name) => write!(f, "entrypoints.{name}"),
            Self::Vip(address) => write!(f, "vips[{address}]"),
            Self::Domain(host) => write!(f, "domains.{host}"),
            Self::Component(name) => write!(f, "components.{name}"),
        }
    }
}
