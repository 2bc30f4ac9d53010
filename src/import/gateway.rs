//! Gateways and their listeners -> entrypoints of one tier, and domains.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Domain, annotations};
use super::codes;
use super::edge::Edge;
use super::reading::Reading;
use crate::bundle::Place;
use crate::language::name::{Host, Name as _};
use crate::language::word::ImplementationName;
use crate::model::{ENVOY_NAMESPACE, Feature, Implementation, NGINX};
use crate::state::Object;
use crate::state::http_route::{Parent, RouteRule};
use crate::state::listening::{Listener, Listening};

/// The Gateway of an entrypoint.
#[derive(Debug)]
pub struct GatewaySide {
    pub class: String,
    /// `None` is not known.
    pub implementation: Option<ImplementationName>,
    /// True if its pods are those that Envoy Gateway makes for it.
    pub is_managed: bool,
    /// The ports of its listeners for plain HTTP and with TLS.
    pub ports: [u16; 2],
}

impl GatewaySide {
    /// The ports that its listeners have where an inventory says nothing.
    pub fn usual_ports(&self) -> [u16; 2] {
        match self.implementation {
            Some(ImplementationName::Traefik) => [8000, 8443],
            _ => [80, 443],
        }
    }
}

/// The controllers of GatewayClasses (`spec.controllerName`), as their projects call them.
const CONTROLLERS: &[(&str, ImplementationName)] = &[
    ("gateway.envoyproxy.io/", ImplementationName::EnvoyGateway),
    ("gateway.nginx.org/", ImplementationName::NginxGatewayFabric),
    ("kgateway.dev/", ImplementationName::Kgateway),
    ("io.cilium/", ImplementationName::Cilium),
    ("traefik.io/", ImplementationName::Traefik),
    ("istio.io/", ImplementationName::Istio),
];

/// Envoy Gateway's label for the pods of a Gateway (facts K46).
const ENVOY_OWNER: &str = "gateway.envoyproxy.io/owning-gateway-name";

const ENVOY_OWNER_NAMESPACE: &str = "gateway.envoyproxy.io/owning-gateway-namespace";

/// That of GEP-1762.
const OWNER: &str = "gateway.networking.k8s.io/gateway-name";

impl<'a, S: Fn(&str) -> (String, String)> Reading<'a, S> {
    /// Adds an entrypoint for each Gateway; the Services in front of them are returned.
    pub(super) fn entrypoints_of_gateways(&mut self, services: &[&'a Object]) -> BTreeSet<&'a str> {
        // Those beside it only have listeners of its domains.
        let own = self.of_kind("Gateway");
        let own = own.filter(|found| found.gateway() == Some(&found.key.name));
        let own: Vec<&Object> = own.collect();
        let mut taken = BTreeSet::new();
        for gateway in &own {
            let name = gateway.key.name.as_str();
            let twins = own.iter().filter(|other| other.key.name == name).count();
            let entrypoint = match twins {
                1 => name.to_owned(),
                _ => format!("{}-{name}", home_of(gateway)),
            };
            if entrypoint != name {
                let title = format!("{} becomes the entrypoint {entrypoint}", gateway.key);
                let help = "there are Gateways of that name in several namespaces, and a Gateway is called as its entrypoint";
                self.say(&codes::OTHERWISE, gateway, title, help);
            }
            let leads = |service: &&&Object| {
                let owners = [ENVOY_OWNER, OWNER].map(|key| service.selected(key));
                let is_owned = owners.contains(&Some(name))
                    && service
                        .selected(ENVOY_OWNER_NAMESPACE)
                        .is_none_or(|home| home == home_of(gateway));
                is_owned || Place::of(&service.file).entrypoint() == Some(name)
            };
            let alone = || services.first().filter(|_| services.len() == 1 && own.len() == 1);
            let service = services.iter().find(leads).or_else(alone).copied();
            let mut edge = match service {
                Some(service) => {
                    taken.insert(service.key.name.as_str());
                    Edge::of(service, None)
                }
                None => {
                    let title = format!("no Service with VIPs leads to {}", gateway.key);
                    let help = "give the Service with `externalIPs` in front of its pods too, or correct `service` and `selector`";
                    self.say(&codes::UNSAYABLE, gateway, title, help);
                    let ports = [("http", 80), ("https", 443)];
                    let ports =
                        ports.map(|(name, port)| (name.to_owned(), (port, "TCP".to_owned())));
                    Edge { service: name.to_owned(), ports: ports.into(), ..Edge::default() }
                }
            };
            let side = self.side(gateway, service);
            let usual = if side.is_managed { ENVOY_NAMESPACE } else { home_of(gateway) };
            let home = service.map(home_of);
            edge.service_namespace = home.filter(|home| *home != usual).map(str::to_owned);
            edge.gateway = Some(side);
            let to_https = self.to_https(gateway);
            for route in to_https.iter().filter(|route| !route.is_ours()) {
                let title = format!("{} becomes a redirect of every host", route.key);
                let help = "an entrypoint sends all of its plain http to https, or none";
                self.say(&codes::OTHERWISE, route, title, help);
            }
            if !to_https.is_empty() {
                edge.annotations.insert(format!("{NGINX}ssl-redirect"), "true".to_owned());
            }
            self.cluster.edges.insert(entrypoint.clone(), edge);
            self.listeners(gateway, &entrypoint);
            self.gateways.insert(entrypoint, *gateway);
        }
        taken
    }

    fn side(&mut self, gateway: &Object, service: Option<&Object>) -> GatewaySide {
        let spec = gateway.listening().unwrap_or_default();
        let class = spec.gateway_class_name.unwrap_or_default();
        let controller = {
            let mut classes = self.of_kind("GatewayClass");
            let found = classes.find(|found| found.key.name == class);
            found.and_then(Object::controller_name)
        };
        let known = controller.and_then(|controller| {
            let mut all = CONTROLLERS.iter();
            all.find(|(begin, _)| controller.starts_with(begin)).map(|(_, name)| *name)
        });
        let is_managed = spec.has_envoy_proxy()
            || service.is_some_and(|service| service.selected(ENVOY_OWNER).is_some());
        let of_envoy = is_managed.then_some(ImplementationName::EnvoyGateway);
        let implementation = known.or(of_envoy).or_else(|| called_like(class, spec.takes_sets()));
        if implementation.is_none() {
            let title = format!("no object says which implementation reads {}", gateway.key);
            let help = "it becomes `implementation: other`; name it, or give the GatewayClass too";
            self.say(&codes::OTHERWISE, gateway, title, help);
        }
        let mut side =
            GatewaySide { class: class.to_owned(), implementation, is_managed, ports: [0; 2] };
        let [http, https] = side.usual_ports();
        side.ports = [("HTTP", http), ("HTTPS", https)].map(|(protocol, usual)| {
            let mut all = spec.listeners.iter().filter(|found| found.protocol == protocol);
            all.find_map(|found| found.port).unwrap_or(usual)
        });
        side
    }

    /// The routes of a Gateway that send plain HTTP to HTTPS.
    fn to_https(&self, gateway: &Object) -> Vec<&'a Object> {
        let is_one = |object: &&Object| {
            object.http_route().is_some_and(|route| {
                self.is_attached(object, gateway) && route.rules.iter().any(RouteRule::is_to_https)
            })
        };
        self.of_kind("HTTPRoute").filter(is_one).collect()
    }

    /// Returns true if a route attaches to a Gateway, or to a ListenerSet of it.
    pub(super) fn is_attached(&self, route: &Object, gateway: &Object) -> bool {
        let parents = route.http_route().unwrap_or_default().parent_refs;
        parents.iter().any(|parent| {
            let home = parent.namespace.unwrap_or(home_of(route));
            let found = self.parent(parent, home).filter(|found| self.is_of(found, gateway));
            let listeners = |found: &Object| found.listening().unwrap_or_default().listeners.len();
            found.is_some_and(|found| {
                listeners(found) == 0
                    || self
                        .named(parent, route)
                        .iter()
                        .any(|listener| home_of(route) == home_of(found) || listener.takes_others())
            })
        })
    }

    /// The listeners that a route names by one of its parents.
    pub(super) fn named(&self, parent: &Parent<'_>, route: &Object) -> Vec<Listener<'a>> {
        let home = parent.namespace.unwrap_or(home_of(route));
        let found = self.parent(parent, home).and_then(Object::listening).unwrap_or_default();
        let is_named = |listener: &Listener<'_>| {
            parent.section_name.is_none_or(|section| section == listener.name)
        };
        found.listeners.into_iter().filter(is_named).collect()
    }

    /// The Gateway or ListenerSet that a route names.
    pub(super) fn parent(&self, parent: &Parent<'_>, home: &str) -> Option<&'a Object> {
        let kind = parent.kind.unwrap_or("Gateway");
        let is_it = |object: &&Object| object.key.name == parent.name && home_of(object) == home;
        self.of_kind(kind).find(is_it)
    }

    /// Returns true if an object is a Gateway, one beside it that has listeners of its domains, or a ListenerSet of it.
    fn is_of(&self, object: &Object, gateway: &Object) -> bool {
        let (name, home) = (gateway.key.name.as_str(), home_of(gateway));
        match object.key.kind.as_str() {
            "ListenerSet" => {
                let parent = object.listening().and_then(|spec| spec.parent_ref);
                parent.is_some_and(|parent| {
                    parent.name == name && parent.namespace.unwrap_or(home_of(object)) == home
                })
            }
            _ => object.gateway() == Some(name) && home_of(object) == home,
        }
    }

    /// The domains of a Gateway: hosts of its listeners, and of those in ListenerSets and Gateways beside it.
    fn listeners(&mut self, gateway: &Object, entrypoint: &str) {
        let parents = ["Gateway", "ListenerSet"].into_iter().flat_map(|kind| self.of_kind(kind));
        let own: Vec<&Object> = parents.filter(|found| self.is_of(found, gateway)).collect();
        let side = self.cluster.edges.get(entrypoint).and_then(|edge| edge.gateway.as_ref());
        let ports = side.map_or([80, 443], |side| side.ports);
        let mut shared: BTreeMap<String, String> = BTreeMap::new();
        for object in own {
            if object.key.name != gateway.key.name {
                shared.extend(annotations(object));
            }
            let Some(Listening { listeners, .. }) = object.listening() else { continue };
            for listener in listeners {
                self.tell_lost(object, &listener, ports);
                let named = listener.hostname.filter(|host| Host::parse(host).is_some());
                match (named, listener.protocol) {
                    (Some(host), "HTTP" | "HTTPS") => {
                        self.domain(object, entrypoint, host, listener.secret());
                    }
                    (None, "HTTP") => {}
                    (_, protocol) => {
                        let title = match protocol {
                            "HTTPS" => format!(
                                "the listener `{}` of {} has one certificate for every host",
                                listener.name, object.key
                            ),
                            _ => format!(
                                "the listener `{}` of {} carries {protocol}, and not HTTP",
                                listener.name, object.key
                            ),
                        };
                        let help = "a domain has a host and the Secret of its certificate; list the hosts under `domains` by hand";
                        self.say(&codes::UNSAYABLE, object, title, help);
                    }
                }
            }
        }
        if let Some(edge) = self.cluster.edges.get_mut(entrypoint) {
            edge.annotations.extend(shared);
        }
    }

    /// Names the settings of a listener that no domain has.
    fn tell_lost(&mut self, object: &Object, listener: &Listener<'_>, ports: [u16; 2]) {
        let mut lost = listener.lost();
        let other = listener.port.filter(|port| !ports.contains(port));
        lost.extend(other.map(|port| format!("port {port}")));
        for what in lost {
            let title = format!("{what} of the listener `{}` of {}", listener.name, object.key);
            let help = "a domain has one Secret beside its Gateway, on the entrypoint's ports";
            self.say(&codes::UNSAYABLE, object, title, help);
        }
    }

    fn domain(&mut self, object: &Object, gateway: &str, host: &str, secret: Option<&str>) {
        let known = self.cluster.domains.get(host);
        if known.is_some_and(|known| known.edge != gateway) {
            self.say_shared(object, host);
            return;
        }
        // A host may have one listener for plain HTTP and one with TLS.
        let secret = secret.map(str::to_owned);
        let secret = secret.or_else(|| known.and_then(|known| known.secret.clone()));
        let domain = Domain {
            edge: gateway.to_owned(),
            secret,
            namespace: String::new(),
            annotations: BTreeMap::new(),
        };
        self.cluster.domains.insert(host.to_owned(), domain);
    }
}

/// The implementation that a class is named after, where it has what the Gateway uses.
fn called_like(class: &str, takes_sets: bool) -> Option<ImplementationName> {
    let name = Implementation::called_like(class)?;
    let newest = Implementation { name, ..Implementation::DEFAULT };
    (!takes_sets || newest.can(Feature::ListenerSets)).then_some(name)
}

/// The namespace of an object; one that a manifest does not name is `default` (kubectl).
pub fn home_of(object: &Object) -> &str {
    match object.key.namespace.as_str() {
        "" => "default",
        named => named,
    }
}
