//! The contents of the manifests: every object, in its file.

mod endpoints;
mod entrypoint;
mod gateway;
mod ingress;
mod service;

pub use endpoints::{EndpointsPlan, SlicePlan};
pub use entrypoint::Legacy;
pub use gateway::{
    Filter, GatewayPlan, HttpRoutePlan, Listener, ListenerSetPlan, Parent, ParentObject,
    RouteBackend, RouteMatch, RouteRule,
};
pub use ingress::{IngressBackend, IngressPath, IngressPlan, IngressRule, Tls};
pub use service::{Exposure, Families, Family, ServicePlan, ServicePort};

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::listener::Places;
use crate::diag::Report;
use crate::model::{
    Annotations, ClassForm, Datacenter, Entry, Host, Label, QualifiedName, Subdomain,
};
use crate::route::RoutingTable;

/// Every manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KubernetesPlan {
    /// The way Ingresses name their class.
    pub ingress_class: ClassForm,
    /// By entrypoint, domain, component.
    pub manifests: Vec<Manifest>,
}

/// A file of objects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The file that it is written to.
    pub file: ManifestFile,
    /// Legacy components that its objects serve.
    pub legacy: Vec<Legacy>,
    /// In the order of the file; not empty.
    pub objects: Vec<Object>,
    /// Inventory entries that it comes from.
    pub from: Vec<Entry>,
}

/// The purpose of a file of objects.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ManifestFile {
    /// The Service of an entrypoint's edge controller.
    Service(Label),
    /// The fallback of an entrypoint.
    Fallback(Label),
    /// The Gateway of an entrypoint.
    Gateway(Label),
    /// Listeners of a Gateway, by the number of their set.
    Listeners(Label, usize),
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
    /// gateway.networking.k8s.io/v1 Gateway
    Gateway(GatewayPlan),
    /// gateway.envoyproxy.io/v1alpha1 EnvoyProxy: a DaemonSet, and no Service for clients.
    EnvoyProxy(ObjectMeta),
    /// gateway.networking.k8s.io/v1 ListenerSet
    ListenerSet(ListenerSetPlan),
    /// gateway.networking.k8s.io/v1 HTTPRoute
    HttpRoute(HttpRoutePlan),
}

/// Annotations as an object has them.
pub type WrittenAnnotations = BTreeMap<QualifiedName, String>;

/// Annotations without their places.
fn written(annotations: &Annotations) -> WrittenAnnotations {
    annotations.iter().map(|(key, value)| (key.clone(), value.value.clone())).collect()
}

/// The metadata of an object: its name and namespace, its labels and annotations.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// The name of the object.
    pub name: Subdomain,
    /// The namespace of the object.
    pub namespace: Label,
    /// The datacenter, for its labels.
    pub part_of: Label,
    /// Its annotations.
    pub annotations: WrittenAnnotations,
}

pub(super) fn plan(
    datacenter: &Datacenter,
    routes: &RoutingTable,
    listener_sets: &BTreeMap<Label, Places>,
    report: &mut Report,
) -> KubernetesPlan {
    let planner = Planner { datacenter, routes, listener_sets };
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
    planner.refuse_shared_routes(&manifests, report);
    KubernetesPlan { ingress_class: datacenter.kubernetes.ingress_class, manifests }
}

struct Planner<'a> {
    datacenter: &'a Datacenter,
    routes: &'a RoutingTable,
    listener_sets: &'a BTreeMap<Label, Places>,
}

impl Planner<'_> {
    /// An object at the home of Services, edge Ingresses and fallbacks.
    fn meta(&self, name: Subdomain) -> ObjectMeta {
        ObjectMeta {
            name,
            namespace: self.datacenter.kubernetes.namespace.clone(),
            part_of: self.datacenter.name.clone(),
            annotations: WrittenAnnotations::new(),
        }
    }
}
