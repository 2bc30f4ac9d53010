//! What the manifests say: every object, in its file.

mod endpoints;
mod entrypoint;
mod ingress;
mod service;

pub use endpoints::{EndpointsPlan, SlicePlan};
pub use entrypoint::Legacy;
pub use ingress::{IngressBackend, IngressPath, IngressPlan, IngressRule, Tls};
pub use service::{Exposure, Families, Family, ServicePlan, ServicePort};

use rayon::prelude::*;

use crate::model::{Annotations, ClassForm, Datacenter, Entry, Host, Label, Subdomain};
use crate::route::RoutingTable;

/// Every manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesPlan {
    /// How Ingresses name their class.
    pub ingress_class: ClassForm,
    /// By entrypoint, domain, component.
    pub manifests: Vec<Manifest>,
}

/// A file of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// Which file.
    pub file: ManifestFile,
    /// Legacy components that its objects serve.
    pub legacy: Vec<Legacy>,
    /// In the order of the file; not empty.
    pub objects: Vec<Object>,
    /// Inventory entries that it comes from.
    pub from: Vec<Entry>,
}

/// What a file of objects is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestFile {
    /// The Service of an entrypoint's edge controller.
    Service(Label),
    /// The fallback of an entrypoint.
    Fallback(Label),
    /// A branded host.
    Domain(Host),
    /// A component.
    Component(Label),
}

/// A Kubernetes object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Object {
    /// v1 Service
    Service(ServicePlan),
    /// v1 Endpoints
    Endpoints(EndpointsPlan),
    /// discovery.k8s.io/v1 EndpointSlice
    Slice(SlicePlan),
    /// networking.k8s.io/v1 Ingress
    Ingress(IngressPlan),
}

/// Where an object lives and what it carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Its name.
    pub name: Subdomain,
    /// Its namespace.
    pub namespace: Label,
    /// The datacenter, for its labels.
    pub part_of: Label,
    /// Its annotations.
    pub annotations: Annotations,
}

pub(super) fn plan(datacenter: &Datacenter, routes: &RoutingTable) -> KubernetesPlan {
    let planner = Planner { datacenter, routes };
    let mut manifests: Vec<Manifest> = datacenter
        .entrypoints
        .iter()
        .flat_map(|(name, entrypoint)| planner.entrypoint(name, entrypoint))
        .collect();
    manifests.par_extend(
        datacenter.domains.par_iter().filter_map(|(host, domain)| planner.domain(host, domain)),
    );
    let components = datacenter.components.par_iter();
    manifests.par_extend(components.filter_map(|(name, found)| planner.component(name, found)));
    KubernetesPlan { ingress_class: datacenter.kubernetes.ingress_class, manifests }
}

/// What objects are planned from.
struct Planner<'a> {
    datacenter: &'a Datacenter,
    routes: &'a RoutingTable,
}

impl Planner<'_> {
    /// An object at the home of Services, edge Ingresses and fallbacks.
    fn meta(&self, name: Subdomain) -> ObjectMeta {
        ObjectMeta {
            name,
            namespace: self.datacenter.kubernetes.namespace.clone(),
            part_of: self.datacenter.name.clone(),
            annotations: Annotations::new(),
        }
    }
}
