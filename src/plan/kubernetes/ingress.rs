//! Ingresses: of domains at the edge tier, of components and the catch-all at the routing tier.

use super::{Manifest, ManifestFile, Object, ObjectMeta, Planner, written};
use crate::model::{
    BackendPort, Component, Domain, Entry, Host, Label, PathType, SecondTier, ServiceName,
    Subdomain, Tiers, UrlPath,
};

/// An Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPlan {
    /// The metadata of the Ingress.
    pub meta: ObjectMeta,
    /// The class of the controller that serves it.
    pub class: Subdomain,
    /// In the order of the file.
    pub rules: Vec<IngressRule>,
    /// The host and certificate, or `None` if TLS does not end here.
    pub tls: Option<Tls>,
}

/// The paths of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// `None` is any host.
    pub host: Option<Host>,
    /// In the order of the inventory.
    pub paths: Vec<IngressPath>,
}

/// A path and what serves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPath {
    /// The path that is compared with a request's.
    pub path: UrlPath,
    /// The way it is compared.
    pub kind: PathType,
    /// The backend that serves it.
    pub backend: IngressBackend,
}

/// A Service in the namespace of the Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressBackend {
    /// The name of the Service.
    pub service: ServiceName,
    /// Its port.
    pub port: BackendPort,
}

/// The certificate of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The host.
    pub host: Host,
    /// The Secret of its certificate.
    pub secret: Subdomain,
}

impl Planner<'_> {
    /// The edge Ingress of a branded host: everything goes to the routing tier.
    pub(super) fn domain(&self, host: &Host, domain: &Domain) -> Option<Manifest> {
        let Tiers { edge, routing, .. } =
            self.datacenter.entrypoints.get(&domain.entrypoint)?.tiers()?;
        let routing = routing.as_ref()?;
        let everything = IngressPath {
            path: UrlPath::root(),
            kind: PathType::ImplementationSpecific,
            backend: IngressBackend {
                service: routing.service.value.clone(),
                port: BackendPort::Number(routing.port),
            },
        };
        let mut meta = self.meta(host.object_name());
        meta.annotations = written(&edge.annotations);
        let ingress = IngressPlan {
            meta,
            class: edge.class.value.clone(),
            rules: vec![IngressRule { host: Some(host.clone()), paths: vec![everything] }],
            tls: domain
                .tls_secret
                .as_ref()
                .map(|secret| Tls { host: host.clone(), secret: secret.clone() }),
        };
        Some(Manifest {
            file: ManifestFile::Domain(host.clone()),
            legacy: Vec::new(),
            objects: vec![Object::Ingress(ingress)],
            from: vec![Entry::Domain(host.clone())],
        })
    }

    /// The Ingress of a component at the routing tier, its HTTPRoutes, or both; a legacy one has none.
    pub(super) fn component(&self, name: &Label, component: &Component) -> Option<Manifest> {
        let tiers = self.datacenter.entrypoints.get(&component.entrypoint)?.tiers()?;
        let routing = tiers.routing.as_ref();
        let ingress = routing.and_then(|routing| self.routing_ingress(name, component, routing));
        let mut objects: Vec<Object> = ingress.map(Object::Ingress).into_iter().collect();
        let mut from = vec![Entry::Component(name.clone())];
        if component.backend.is_some() {
            let (routes, canaries) = self.routes(name, component);
            objects.extend(routes.into_iter().map(Object::HttpRoute));
            from.extend(canaries);
        }
        (!objects.is_empty()).then(|| Manifest {
            file: ManifestFile::Component(name.clone()),
            legacy: Vec::new(),
            objects,
            from,
        })
    }

    fn routing_ingress(
        &self,
        name: &Label,
        component: &Component,
        routing: &SecondTier,
    ) -> Option<IngressPlan> {
        let backend = component.backend.as_ref()?;
        let paths: Vec<IngressPath> = component
            .paths
            .iter()
            .map(|path| IngressPath {
                path: path.path.value.clone(),
                kind: path.kind,
                backend: IngressBackend {
                    service: backend.service.clone(),
                    port: backend.port.clone(),
                },
            })
            .collect();
        let mut annotations = written(&routing.annotations);
        annotations.extend(written(&component.annotations));
        Some(IngressPlan {
            meta: ObjectMeta {
                name: name.into(),
                namespace: component.namespace.clone(),
                part_of: self.datacenter.name.clone(),
                annotations,
            },
            class: routing.class.value.clone(),
            rules: component
                .claimed_hosts()
                .map(|host| IngressRule {
                    host: host.map(|host| host.value.clone()),
                    paths: paths.clone(),
                })
                .collect(),
            tls: None,
        })
    }
}
