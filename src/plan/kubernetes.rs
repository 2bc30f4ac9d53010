//! What the manifests say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::model::{
    Annotations, Backend, ClassForm, Component, Datacenter, EndpointsForm, Entrypoint, Host, Label,
    PathType,
};

/// Every manifest.
#[derive(Debug)]
pub struct KubernetesPlan {
    /// How Ingresses name their class.
    pub ingress_class: ClassForm,
    /// By name.
    pub entrypoints: Vec<EntrypointPlan>,
    /// By host.
    pub domains: Vec<DomainPlan>,
    /// By name; without legacy ones.
    pub components: Vec<ComponentPlan>,
}

/// Where an object lives and what it carries.
#[derive(Debug, Clone)]
pub struct ObjectMeta {
    /// Its name.
    pub name: String,
    /// Its namespace.
    pub namespace: String,
    /// The datacenter, for its labels.
    pub part_of: String,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// The Service of an edge controller, and the fallback.
#[derive(Debug)]
pub struct EntrypointPlan {
    /// The entrypoint.
    pub name: String,
    /// Of the Service.
    pub meta: ObjectMeta,
    /// Its pods.
    pub selector: BTreeMap<String, String>,
    /// Name and port.
    pub ports: Vec<(String, u16)>,
    /// Its VIPs, sorted.
    pub external_ips: Vec<IpAddr>,
    /// Families of the VIPs.
    pub families: Vec<Family>,
    /// Where health is asked.
    pub health_check_node_port: Option<u16>,
    /// What serves the rest.
    pub fallback: Option<FallbackPlan>,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

/// A selector-less Service, its endpoints and the catch-all.
#[derive(Debug)]
pub struct FallbackPlan {
    /// Of the Service and its Endpoints.
    pub meta: ObjectMeta,
    /// Where they listen.
    pub port: u16,
    /// How the addresses are written.
    pub form: EndpointsForm,
    /// Sorted; of one family or both.
    pub addresses: Vec<IpAddr>,
    /// Families of the addresses.
    pub families: Vec<Family>,
    /// What routes requests to it.
    pub catch_all: CatchAllPlan,
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

    /// The families of some addresses, IPv4 first.
    fn of_all(addresses: &[IpAddr]) -> Vec<Self> {
        let families: BTreeSet<Self> = addresses.iter().copied().map(Self::of).collect();
        families.into_iter().collect()
    }
}

/// The Ingress that catches what no component claims.
#[derive(Debug)]
pub struct CatchAllPlan {
    /// Legacy components that it serves, each with its paths.
    pub legacy: Vec<(String, Vec<String>)>,
    /// Of the Ingress.
    pub meta: ObjectMeta,
    /// Of the routing tier.
    pub class: String,
    /// Hosts that some component names: ingress-nginx hides paths without a host from them, so they are named here too.
    pub hosts: Vec<String>,
}

/// The edge Ingress of a branded host.
#[derive(Debug)]
pub struct DomainPlan {
    /// Of the Ingress.
    pub meta: ObjectMeta,
    /// Of the edge tier.
    pub class: String,
    /// The host.
    pub host: String,
    /// Its certificate.
    pub tls_secret: Option<String>,
    /// The routing tier's Service,
    pub service: String,
    /// and its port.
    pub port: u16,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

/// The routing Ingress of a component.
#[derive(Debug)]
pub struct ComponentPlan {
    /// Of the Ingress.
    pub meta: ObjectMeta,
    /// Of the routing tier.
    pub class: String,
    /// Empty is any.
    pub hosts: Vec<String>,
    /// In the order of the inventory.
    pub paths: Vec<(String, PathType)>,
    /// What serves it.
    pub backend: Backend,
    /// Inventory entries that it comes from.
    pub from: Vec<String>,
}

pub(super) fn plan(datacenter: &Datacenter) -> KubernetesPlan {
    KubernetesPlan {
        ingress_class: datacenter.kubernetes.ingress_class,
        entrypoints: datacenter
            .entrypoints
            .iter()
            .map(|(name, entry)| entrypoint(datacenter, name, entry))
            .collect(),
        domains: domains(datacenter),
        components: components(datacenter),
    }
}

fn meta(datacenter: &Datacenter, name: impl Into<String>) -> ObjectMeta {
    ObjectMeta {
        name: name.into(),
        namespace: datacenter.kubernetes.namespace.to_string(),
        part_of: datacenter.name.to_string(),
        annotations: BTreeMap::new(),
    }
}

fn strings(annotations: &Annotations) -> BTreeMap<String, String> {
    annotations.iter().map(|(key, value)| (key.to_string(), value.clone())).collect()
}

fn entrypoint(datacenter: &Datacenter, name: &Label, entrypoint: &Entrypoint) -> EntrypointPlan {
    let edge = &entrypoint.edge;
    let vips = datacenter.vips.iter().filter(|vip| vip.entrypoint == *name);
    let mut external_ips: Vec<IpAddr> =
        vips.clone().flat_map(|vip| vip.addresses().map(|(address, _)| address)).collect();
    external_ips.sort();
    let mut from = vec![format!("entrypoints.{name}")];
    from.extend(vips.map(|vip| format!("vips[{}]", vip.address.value)));
    EntrypointPlan {
        name: name.to_string(),
        meta: meta(datacenter, edge.service.value.as_str()),
        selector: edge
            .selector
            .iter()
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        ports: edge.ports.iter().map(|(name, port)| (name.to_string(), *port)).collect(),
        families: Family::of_all(&external_ips),
        external_ips,
        health_check_node_port: edge.health_check_node_port.as_ref().map(|port| port.value),
        fallback: fallback(datacenter, name, entrypoint),
        from,
    }
}

fn fallback(
    datacenter: &Datacenter,
    name: &Label,
    entrypoint: &Entrypoint,
) -> Option<FallbackPlan> {
    let fallback = entrypoint.fallback.as_ref()?;
    let meta = meta(datacenter, fallback.name.value.as_str());
    let addresses: Vec<IpAddr> = fallback.addresses.iter().map(|address| address.value).collect();
    Some(FallbackPlan {
        catch_all: CatchAllPlan {
            legacy: legacy(datacenter, name),
            hosts: named_hosts(datacenter, name),
            meta: ObjectMeta {
                annotations: strings(&entrypoint.routing.annotations),
                ..meta.clone()
            },
            class: entrypoint.routing.class.value.to_string(),
        },
        meta,
        port: fallback.port,
        form: datacenter.kubernetes.endpoints,
        families: Family::of_all(&addresses),
        addresses,
    })
}

/// The hosts that components of an entrypoint name, without those that a component serves as a whole.
fn named_hosts(datacenter: &Datacenter, entrypoint: &Label) -> Vec<String> {
    let live = || {
        let components = datacenter.components.values();
        components
            .filter(|component| component.backend.is_some() && component.entrypoint == *entrypoint)
    };
    let whole = |component: &&Component| {
        component.paths.iter().any(|path| path.claim() == ("", PathType::Prefix))
    };
    let served: BTreeSet<&Host> = live()
        .filter(whole)
        .flat_map(|component| &component.hosts)
        .map(|host| &host.value)
        .collect();
    let named: BTreeSet<&Host> =
        live().flat_map(|component| &component.hosts).map(|host| &host.value).collect();
    named.difference(&served).map(ToString::to_string).collect()
}

/// The components of an entrypoint that only the fallback serves.
fn legacy(datacenter: &Datacenter, entrypoint: &Label) -> Vec<(String, Vec<String>)> {
    datacenter
        .components
        .iter()
        .filter(|(_, component)| component.backend.is_none() && component.entrypoint == *entrypoint)
        .map(|(name, component)| {
            let paths = component.paths.iter().map(|path| path.path.value.to_string()).collect();
            (name.to_string(), paths)
        })
        .collect()
}

fn domains(datacenter: &Datacenter) -> Vec<DomainPlan> {
    datacenter
        .domains
        .iter()
        .filter_map(|(host, domain)| {
            let entrypoint = datacenter.entrypoints.get(&domain.entrypoint)?;
            Some(DomainPlan {
                meta: ObjectMeta {
                    annotations: strings(&entrypoint.edge.annotations),
                    ..meta(datacenter, host.object_name())
                },
                class: entrypoint.edge.class.value.to_string(),
                host: host.to_string(),
                tls_secret: domain.tls_secret.as_ref().map(ToString::to_string),
                service: entrypoint.routing.service.value.to_string(),
                port: entrypoint.routing.port,
                from: vec![format!("domains.{host}")],
            })
        })
        .collect()
}

fn components(datacenter: &Datacenter) -> Vec<ComponentPlan> {
    datacenter
        .components
        .iter()
        .filter_map(|(name, component)| {
            let entrypoint = datacenter.entrypoints.get(&component.entrypoint)?;
            let mut annotations = strings(&entrypoint.routing.annotations);
            annotations.extend(strings(&component.annotations));
            Some(ComponentPlan {
                meta: ObjectMeta {
                    namespace: component.namespace.to_string(),
                    annotations,
                    ..meta(datacenter, name.as_str())
                },
                class: entrypoint.routing.class.value.to_string(),
                hosts: component
                    .hosts
                    .iter()
                    .map(|host: &crate::source::Loc<Host>| host.value.to_string())
                    .collect(),
                paths: component
                    .paths
                    .iter()
                    .map(|path| (path.path.value.to_string(), path.kind))
                    .collect(),
                backend: component.backend.clone()?,
                from: vec![format!("components.{name}")],
            })
        })
        .collect()
}
