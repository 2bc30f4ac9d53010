//! Ingresses: of domains at the edge, of components at the tier that routes.

use super::endpoints::Outside;
use super::{Manifest, ManifestFile, Object, ObjectMeta, Planner, written};
use crate::model::{
    BackendPort, Component, Controller, Domain, Entry, Fallback, Host, Label, Path, PathType,
    RoutingTier, ServiceName, Subdomain, TierService, UrlPath,
};
use crate::route::Answer;

/// An Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressPlan {
    /// The metadata of the Ingress.
    pub meta: ObjectMeta,
    /// The class of the controller that serves it.
    pub class: Subdomain,
    /// In the order of the file.
    pub rules: Vec<IngressRule>,
    /// The hosts and their certificate, or `None` if TLS does not end here.
    pub tls: Option<Tls>,
}

/// The paths of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IngressRule {
    /// `None` is any host.
    pub host: Option<Host>,
    /// In the order of the inventory; none where only the host's certificate is said.
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

/// The certificate of some hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tls {
    /// The hosts; not empty.
    pub hosts: Vec<Host>,
    /// The Secret of the certificate; `None` for the controller's own, or where other Ingresses name those of the hosts.
    pub secret: Option<Subdomain>,
}

impl Planner<'_> {
    /// The Ingress of a branded host at the edge. A second tier gets everything from it; where there is none, it has the
    /// certificate of its host, and the rest for the fallback.
    pub(super) fn domain(&self, host: &Host, domain: &Domain) -> Option<Manifest> {
        let tiers = self.datacenter.tiers(&domain.entrypoint)?;
        let tls = domain
            .tls_secret
            .as_ref()
            .map(|found| Tls { hosts: vec![host.clone()], secret: found.secret().cloned() });
        let path = match (&tiers.routing.as_ref()?.behind, &tiers.fallback) {
            (Some(second), _) => Some(to_second_tier(second)),
            (None, _) if tls.is_none() => return None,
            (None, Some(fallback)) if self.has_fallback(host, domain) => {
                Some(to_fallback(fallback))
            }
            (None, _) => None,
        };
        let mut meta = self.meta(host.object_name());
        meta.namespace = domain.namespace.clone();
        meta.annotations = written(&domain.annotations);
        let paths = path.into_iter().collect();
        let ingress = IngressPlan {
            meta,
            class: tiers.edge.class.value.clone(),
            rules: vec![IngressRule { host: Some(host.clone()), paths }],
            tls,
        };
        Some(Manifest {
            file: ManifestFile::Domain(host.clone()),
            legacy: Vec::new(),
            objects: vec![Object::Ingress(ingress)],
            from: vec![Entry::Domain(host.clone())],
        })
    }

    /// Returns true if the Ingress of a domain leads to the fallback, in one tier: it has to stand beside it, and no
    /// component may serve every path of the host.
    pub(super) fn has_fallback(&self, host: &Host, domain: &Domain) -> bool {
        let tier = self.routes.tier(&domain.entrypoint);
        let mut rules = tier.into_iter().flat_map(|tier| tier.rules(Some(host)));
        domain.tls_secret.is_some()
            && self.datacenter.is_beside_fallback(domain)
            && rules.any(|rule| rule.answer == Answer::Fallback)
    }

    /// The Ingress of a component at the routing tier, its HTTPRoutes, or both; a legacy one has none.
    pub(super) fn component(&self, name: &Label, component: &Component) -> Option<Manifest> {
        let tiers = self.datacenter.tiers(&component.entrypoint)?;
        let routing = tiers.routing.as_ref();
        let ingress = routing.and_then(|routing| self.routing_ingress(name, component, routing));
        let machines = component.backend.as_ref().and_then(|backend| {
            Some(Outside {
                service: &backend.service,
                namespace: &component.namespace,
                port: backend.port.number()?,
                addresses: backend.addresses.iter().map(|found| found.value).collect(),
                target: backend.port.number()?,
            })
        });
        let machines = machines.filter(|machines| !machines.addresses.is_empty());
        let mut objects = machines.map(|machines| self.outside(&machines)).unwrap_or_default();
        objects.extend(ingress.map(Object::Ingress));
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
        routing: &RoutingTier,
    ) -> Option<IngressPlan> {
        let backend = component.backend.as_ref()?;
        let tier = self.routes.tier(&component.entrypoint)?;
        let path = |path: &Path| IngressPath {
            path: path.path.value.clone(),
            kind: path.kind,
            backend: IngressBackend {
                service: backend.service.clone(),
                port: backend.port.clone(),
            },
        };
        // In one tier a component for every domain leaves those paths out that another one has on a domain.
        let is_given =
            |host, path: &&Path| routing.behind.is_some() || tier.gives(name, host, path);
        let rules: Vec<IngressRule> = tier
            .hosts_of(component)
            .map(|host| IngressRule {
                host: host.cloned(),
                paths: component
                    .paths
                    .iter()
                    .filter(|path| is_given(host, path))
                    .map(path)
                    .collect(),
            })
            .filter(|rule| !rule.paths.is_empty())
            .collect();
        if rules.is_empty() {
            return None;
        }
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
            tls: self.tls_of(routing, rules.iter().filter_map(|rule| rule.host.as_ref())),
            rules,
        })
    }

    /// In one tier Traefik's ingress-nginx provider answers TLS only by routers of Ingresses with `tls`; where the Secrets are
    /// is said of the domains.
    fn tls_of<'h>(
        &self,
        routing: &RoutingTier,
        hosts: impl Iterator<Item = &'h Host>,
    ) -> Option<Tls> {
        let has_tls = |host: &&Host| {
            self.datacenter.domain(host).is_some_and(|domain| domain.tls_secret.is_some())
        };
        let hosts: Vec<Host> = hosts.filter(has_tls).cloned().collect();
        let is_traefik = routing.controller == Controller::TraefikNginx;
        let is_wanted = is_traefik && routing.behind.is_none() && !hosts.is_empty();
        is_wanted.then_some(Tls { hosts, secret: None })
    }
}

fn to_second_tier(second: &TierService) -> IngressPath {
    IngressPath {
        path: UrlPath::root(),
        kind: PathType::ImplementationSpecific,
        backend: IngressBackend {
            service: second.name.value.clone(),
            port: BackendPort::Number(second.port),
        },
    }
}

pub(super) fn to_fallback(fallback: &Fallback) -> IngressPath {
    IngressPath {
        path: UrlPath::root(),
        kind: PathType::Prefix,
        backend: IngressBackend { service: fallback.service().clone(), port: fallback.port() },
    }
}
