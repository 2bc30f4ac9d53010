//! Machines outside of the cluster: addresses behind a Service that selects no pods.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Families, Family, Object, ObjectMeta, Planner, ServicePlan, ServicePort};
use crate::model::{EndpointsForm, Label, PortName, Protocol, ServiceName, Subdomain};

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

/// Machines outside of the cluster, and the Service that leads to them.
pub(super) struct Outside<'a> {
    /// The name of the Service.
    pub service: &'a ServiceName,
    /// Its namespace.
    pub namespace: &'a Label,
    /// The port of the Service.
    pub port: u16,
    /// Sorted; not empty.
    pub addresses: Vec<IpAddr>,
    /// The port that the machines listen on.
    pub target: u16,
}

impl Planner<'_> {
    /// The Service, and its addresses in the form of this cluster.
    pub(super) fn outside(&self, outside: &Outside<'_>) -> Vec<Object> {
        let meta = |name: Subdomain| ObjectMeta {
            namespace: outside.namespace.clone(),
            ..self.meta(name)
        };
        let families = Families::of(&outside.addresses);
        let mut objects = vec![Object::Service(ServicePlan {
            meta: meta(outside.service.into()),
            exposure: None,
            selector: BTreeMap::new(),
            ports: vec![ServicePort {
                name: PortName::http(),
                port: outside.port,
                protocol: Protocol::Tcp,
                target: None,
            }],
            families,
        })];
        let form = self.datacenter.kubernetes.endpoints;
        if form != EndpointsForm::Slices {
            objects.push(Object::Endpoints(EndpointsPlan {
                meta: meta(outside.service.into()),
                addresses: outside.addresses.clone(),
                port_name: PortName::http(),
                port: outside.target,
                mirrored: form == EndpointsForm::Endpoints,
            }));
        }
        if form != EndpointsForm::Endpoints {
            objects.extend(families.each().into_iter().map(|family| {
                let all = outside.addresses.iter();
                let of_family = all.filter(|address| Family::of(**address) == family);
                let suffix = family.word().to_ascii_lowercase();
                Object::Slice(SlicePlan {
                    meta: meta(Subdomain::from(outside.service).with_suffix(&suffix)),
                    service: outside.service.clone(),
                    family,
                    addresses: of_family.copied().collect(),
                    port_name: PortName::http(),
                    port: outside.target,
                })
            }));
        }
        objects
    }
}
