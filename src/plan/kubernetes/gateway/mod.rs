//! One tier by Gateway API: a Gateway, ListenerSets with a listener per domain, HTTPRoutes.

mod canary;
mod route;
mod split;

pub use route::{Filter, HttpRoutePlan, Parent, ParentObject, RouteBackend, RouteMatch, RouteRule};

use std::collections::{BTreeMap, BTreeSet};

use super::{Manifest, ManifestFile, Object, ObjectMeta, Planner, written};
use crate::diag::{Diagnostic, Report};
use crate::language::name::Name;
use crate::model::{
    Entry, Exposed, GatewayTier, Host, Label, LabelValue, QualifiedName, Subdomain, Tiers, codes,
};
use crate::plan::listener::Places;
use crate::route::{Redirect, of_other_programs};
use crate::source::Span;

/// A Gateway. The entrypoint's own has a listener for plain HTTP on all hosts; those of domains stand in ListenerSets, or
/// here where the implementation has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayPlan {
    /// The metadata of the Gateway.
    pub meta: ObjectMeta,
    /// Its GatewayClass.
    pub class: Subdomain,
    /// The port of its listener for all hosts; `None` in a Gateway that only has those of domains.
    pub port: Option<u16>,
    /// By host; at most 64 with that one.
    pub listeners: Vec<Listener>,
    /// True if ListenerSets may add to it.
    pub takes_sets: bool,
    /// The name of its EnvoyProxy, which says how its pods run.
    pub proxy: Option<Subdomain>,
    /// The namespaces whose routes may attach; `None` is any.
    pub namespaces: Option<Vec<Label>>,
}

/// A ListenerSet of a Gateway in its namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSetPlan {
    /// The metadata of the ListenerSet.
    pub meta: ObjectMeta,
    /// The Gateway.
    pub gateway: Subdomain,
    /// By host; not empty, at most 64.
    pub listeners: Vec<Listener>,
    /// The namespaces whose routes may attach; `None` is any.
    pub namespaces: Option<Vec<Label>>,
}

/// A listener for a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    /// The domain.
    pub host: Host,
    /// The port that it listens on.
    pub port: u16,
    /// The Secret of its certificate; `None` is plain HTTP.
    pub secret: Option<Subdomain>,
}

/// Namespaces that every listener lists. More of them would make a ListenerSet larger than what `kubectl apply` remembers of
/// an object (256 KiB of annotations).
const MOST_NAMESPACES: usize = 32;

/// The Gateway and ListenerSets that routes of an entrypoint attach to.
pub(super) struct Attachment<'a> {
    /// The entrypoint, and its Gateway's name.
    pub name: &'a Label,
    pub tiers: &'a Tiers,
    pub places: &'a Places,
}

impl Planner<'_> {
    /// The Gateway of an entrypoint and its listeners.
    pub(super) fn gateway(&self, name: &Label, tiers: &Tiers) -> Vec<Manifest> {
        let (Some(gateway), Some(places)) = (&tiers.gateway, self.listener_sets.get(name)) else {
            return Vec::new();
        };
        let namespaces = self.namespaces(name);
        let mut sets: BTreeMap<usize, Vec<&Host>> = BTreeMap::new();
        for (host, set) in places {
            sets.entry(*set).or_default().push(host);
        }
        let takes_sets = gateway.has_listener_sets();
        let first = if takes_sets { None } else { sets.remove(&0) };
        let listeners = |hosts: &[&Host]| -> Vec<Listener> {
            hosts.iter().map(|host| self.listener(host, gateway)).collect()
        };
        // As each edge Ingress has them.
        let of_domains = written(&of_other_programs(&tiers.edge.annotations));
        let mut own = GatewayPlan {
            meta: self.meta(name.into()),
            class: gateway.class.value.clone(),
            port: Some(gateway.http),
            listeners: listeners(&first.unwrap_or_default()),
            takes_sets,
            proxy: gateway.is_managed.then(|| name.into()),
            namespaces: namespaces.clone(),
        };
        if !takes_sets {
            own.meta.annotations.extend(of_domains.clone());
        }
        let class = own.class.clone();
        let proxy = gateway.is_managed.then(|| Object::EnvoyProxy(self.meta(name.into())));
        let mut objects: Vec<Object> = proxy.into_iter().chain([Object::Gateway(own)]).collect();
        if tiers.redirects() {
            objects.push(Object::HttpRoute(self.to_https(name)));
        }
        let mut manifests = vec![Manifest {
            file: ManifestFile::Gateway(name.clone()),
            legacy: Vec::new(),
            objects,
            from: vec![Entry::Entrypoint(name.clone())],
        }];
        for (set, hosts) in sets {
            let listeners = listeners(&hosts);
            let mut meta = self.meta(match takes_sets {
                true => set_name(name, set),
                false => gateway_name(name, set),
            });
            meta.annotations = of_domains.clone();
            let mut from = vec![Entry::Entrypoint(name.clone())];
            from.extend(hosts.into_iter().map(|host| Entry::Domain(host.clone())));
            manifests.push(Manifest {
                file: ManifestFile::Listeners(name.clone(), set),
                legacy: Vec::new(),
                objects: vec![match takes_sets {
                    true => Object::ListenerSet(ListenerSetPlan {
                        meta,
                        gateway: name.into(),
                        listeners,
                        namespaces: namespaces.clone(),
                    }),
                    false => Object::Gateway(GatewayPlan {
                        meta,
                        class: class.clone(),
                        port: None,
                        listeners,
                        takes_sets,
                        proxy: None,
                        namespaces: namespaces.clone(),
                    }),
                }],
                from,
            });
        }
        manifests
    }

    /// Reports two routes of one name: those that a component needs beyond its first have a number behind its name.
    pub(super) fn refuse_shared_routes(&self, manifests: &[Manifest], report: &mut Report) {
        let mut seen: BTreeMap<(&Label, &Subdomain), &Manifest> = BTreeMap::new();
        for manifest in manifests {
            for object in &manifest.objects {
                let Object::HttpRoute(HttpRoutePlan { meta, .. }) = object else { continue };
                let Some(first) = seen.insert((&meta.namespace, &meta.name), manifest) else {
                    continue;
                };
                let (Some(first), Some(second)) = (self.place(first), self.place(manifest)) else {
                    continue;
                };
                let (name, namespace) = (&meta.name, &meta.namespace);
                let title = format!(
                    "two HTTPRoute objects would be called `{name}` in namespace `{namespace}`"
                );
                report.push(
                    Diagnostic::new(&codes::OBJECT_TWICE, second, title, "the second one")
                        .also(first, "the first one")
                        .note("what does not fit into one HTTPRoute goes into several, with a number behind the name")
                        .help("give one of them another name"),
                );
            }
        }
    }

    /// Returns the place of the entry that a manifest comes from.
    fn place(&self, manifest: &Manifest) -> Option<Span> {
        match manifest.from.first()? {
            Entry::Component(name) => Some(self.datacenter.components.get(name)?.span),
            Entry::Entrypoint(name) => Some(self.datacenter.entrypoints.get(name)?.span),
            _ => None,
        }
    }

    fn listener(&self, host: &Host, gateway: &GatewayTier) -> Listener {
        let secret = self
            .datacenter
            .domains
            .get(host)
            .and_then(|found| found.tls_secret.as_ref()?.secret().cloned());
        let port = if secret.is_some() { gateway.https } else { gateway.http };
        Listener { host: host.clone(), port, secret }
    }

    /// The namespaces of what an entrypoint's routes lead to.
    fn namespaces(&self, entrypoint: &Label) -> Option<Vec<Label>> {
        let components = self.datacenter.components.values();
        let own = components
            .filter(|found| found.entrypoint == *entrypoint && found.backend.is_some())
            .map(|found| &found.namespace);
        let home = [&self.datacenter.kubernetes.namespace];
        let all: BTreeSet<&Label> = own.chain(home).collect();
        (all.len() <= MOST_NAMESPACES).then(|| all.into_iter().cloned().collect())
    }

    /// The route that sends plain HTTP on every host to HTTPS.
    fn to_https(&self, name: &Label) -> HttpRoutePlan {
        HttpRoutePlan {
            meta: self.meta(Subdomain::from(name).with_suffix("https")),
            home: self.datacenter.kubernetes.namespace.clone(),
            parents: vec![Parent::listener(ParentObject::Gateway(name.into()), Subdomain::plain())],
            hosts: Vec::new(),
            rules: vec![RouteRule {
                matches: vec![RouteMatch::everything()],
                filters: vec![Filter::Redirect(Redirect::to_https())],
                timeout: None,
                backends: Vec::new(),
            }],
        }
    }
}

impl Planner<'_> {
    /// The namespace of an entrypoint's Service: that of the pods.
    pub(super) fn service_namespace(&self, tiers: &Tiers) -> Label {
        let named = tiers.service_namespace().and_then(Label::parse);
        named.unwrap_or_else(|| self.datacenter.kubernetes.namespace.clone())
    }

    /// The labels that Envoy Gateway gives to the pods of a Gateway.
    pub(super) fn managed_pods(&self, name: &Label) -> BTreeMap<QualifiedName, LabelValue> {
        let home = self.datacenter.kubernetes.namespace.as_str();
        let labels = [("name", name.as_str()), ("namespace", home)];
        let label = |(key, value): (&str, &str)| {
            let key = format!("gateway.envoyproxy.io/owning-gateway-{key}");
            Some((QualifiedName::parse(&key)?, LabelValue::parse(value)?))
        };
        labels.into_iter().filter_map(label).collect()
    }
}

/// Returns the Gateway whose pods the entrypoint's Service selects, by the Gateway's labels, or `None` if it selects
/// others.
pub(super) fn exposed(tiers: &Tiers) -> Option<&GatewayTier> {
    tiers.gateway.as_ref().filter(|_| tiers.exposed == Exposed::Gateway)
}

/// The name of a Gateway that only has listeners of domains. Nothing else ends like it, so that a route that names it says
/// whose it is.
pub(super) fn gateway_name(entrypoint: &Label, set: usize) -> Subdomain {
    Subdomain::from(entrypoint).with_suffix(&format!("listeners-{set:02}"))
}

/// The name of a ListenerSet.
pub(super) fn set_name(entrypoint: &Label, set: usize) -> Subdomain {
    Subdomain::from(entrypoint).with_suffix(&format!("{set:02}"))
}
