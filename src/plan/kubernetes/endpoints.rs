//! Addresses behind a Service that selects no pods.

use std::net::IpAddr;

use super::{Family, ObjectMeta};
use crate::model::{PortName, ServiceName};

/// v1 Endpoints; named as their Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointsPlan {
    /// Their name and place.
    pub meta: ObjectMeta,
    /// Sorted; of one family or both.
    pub addresses: Vec<IpAddr>,
    /// The name of the Service's port.
    pub port_name: PortName,
    /// The port that the addresses listen on.
    pub port: u16,
    /// True if the cluster may copy them to EndpointSlices; false where those are written too.
    pub mirrored: bool,
}

/// An EndpointSlice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlicePlan {
    /// The metadata of the EndpointSlice.
    pub meta: ObjectMeta,
    /// The Service that it is for.
    pub service: ServiceName,
    /// The family of its addresses.
    pub family: Family,
    /// Sorted.
    pub addresses: Vec<IpAddr>,
    /// The name of the Service's port.
    pub port_name: PortName,
    /// The port that the addresses listen on.
    pub port: u16,
}
