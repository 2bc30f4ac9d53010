//! The cluster's side of entrypoints, domains and components, as an inventory would say it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::component::Component;
use super::edge::{Edge, Fallback, SecondTier, strings};
use crate::bundle::Place;
use crate::state::{Object, ObjectKey, PathRule};

/// The parts of an inventory that the objects give.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Home of Services and edge Ingresses.
    pub namespace: Option<String>,
    /// True if Ingresses name their class by the annotation.
    pub by_annotation: bool,
    /// True if VIPs stand in the status of Services.
    pub by_status: bool,
    /// `endpoints`, `endpointslice` or `both`, where fallbacks have any.
    pub endpoints: Option<&'static str>,
    /// By name.
    pub edges: BTreeMap<String, Edge>,
    /// By host.
    pub domains: BTreeMap<String, Domain>,
    /// By name.
    pub components: BTreeMap<String, Component>,
}

/// A host at the edge.
#[derive(Debug)]
pub struct Domain {
    pub edge: String,
    /// `None` is plain HTTP.
    pub secret: Option<String>,
    /// The namespace of its Ingress.
    pub namespace: String,
    /// Beside those of the edge.
    pub annotations: BTreeMap<String, String>,
}

pub fn annotations(object: &Object) -> BTreeMap<String, String> {
    let mut found = strings(object.field("/metadata/annotations"));
    found.retain(|key, _| {
        key != "kubernetes.io/ingress.class" && !key.starts_with("kubectl.kubernetes.io/")
    });
    found
}

impl Cluster {
    /// The hosts of an Ingress that leads from an edge to its second tier; those that another edge has are returned.
    pub fn domain(&mut self, ingress: &Object, edge: &str) -> Vec<String> {
        let mut refused = Vec::new();
        for host in ingress.hosts().into_iter().flatten() {
            if self.domains.get(host).is_some_and(|known| known.edge != edge) {
                refused.push(host.to_owned());
                continue;
            }
            let secret = ingress.certificate_of(host).map(str::to_owned);
            let namespace = ingress.key.namespace.clone();
            let domain =
                Domain { edge: edge.to_owned(), secret, namespace, annotations: BTreeMap::new() };
            self.domains.insert(host.to_owned(), domain);
        }
        let Some(edge) = self.edges.get_mut(edge) else { return refused };
        if let (None, Some(path)) = (&edge.routing, ingress.paths().first()) {
            let (service, port) = (path.service(), path.port());
            edge.routing = Some(SecondTier {
                service: service.to_owned(),
                port: port.parse().unwrap_or(80),
                ..SecondTier::default()
            });
        }
        refused
    }

    /// Finds the class of each second tier: by its folder, its Service's name, or because no other is left.
    pub fn pair(&mut self, routed: &[&Object]) {
        let mut classes: BTreeSet<&str> = routed.iter().filter_map(|found| found.class()).collect();
        let two_tiers =
            |(_, edge): &(&String, &mut Edge)| !edge.is_gateway_alone() && !edge.is_one_tier;
        for (name, edge) in self.edges.iter_mut().filter(two_tiers) {
            let mut by_folder =
                routed.iter().filter(|found| Place::of(&found.file).entrypoint() == Some(name));
            let by_folder = by_folder.find_map(|found| found.class());
            let routing = edge.routing.get_or_insert_default();
            let class = by_folder.or_else(|| classes.get(routing.service.as_str()).copied());
            if let Some(class) = class {
                classes.remove(class);
                class.clone_into(&mut routing.class);
            }
        }
        for (name, edge) in self.edges.iter_mut().filter(two_tiers) {
            let routing = edge.routing.get_or_insert_default();
            if routing.class.is_empty() {
                let left = classes.pop_first().map(str::to_owned);
                let service = Some(routing.service.clone()).filter(|service| !service.is_empty());
                routing.class = left.or(service).unwrap_or_else(|| format!("{name}-routing"));
            }
            if routing.service.is_empty() {
                routing.service.clone_from(&routing.class);
                routing.port = 80;
            }
        }
    }

    /// Finds the Services of addresses outside that everything else is sent to, and their Ingresses. One is a fallback where
    /// it is beside the edge and answers everything that no component does; others are components.
    pub fn fallbacks(
        &mut self,
        objects: &[Object],
        routed: &[&Object],
        edge_of: &dyn Fn(&Object) -> Option<String>,
    ) -> BTreeSet<ObjectKey> {
        let mut names = BTreeSet::new();
        for ingress in routed {
            let paths = ingress.paths();
            let Some(first) = paths.first() else { continue };
            let (service, port) = (first.service(), first.port());
            let is_everything =
                paths.iter().all(|path| path.path == "/" && path.backend == first.backend);
            let Some(name) = edge_of(ingress) else { continue };
            let home = self.namespace.as_ref().is_none_or(|home| *home == ingress.key.namespace);
            let own: BTreeSet<Option<&str>> = ingress.hosts().into_iter().collect();
            let is_one_tier = self.edges.get(&name).is_some_and(|edge| edge.is_one_tier);
            let is_outside = is_outside(objects, &ingress.key.namespace, service);
            // lbgen names the port of machines, and numbers that of a component. In one tier only a catch-all has any host
            // beside others.
            let is_machines = is_outside
                && home
                && !(ingress.is_ours() && first.backend.ends_with(|c: char| c.is_ascii_digit()));
            let is_own = ingress.is_ours()
                && !is_outside
                && (matches!(Place::of(&ingress.file), Place::Fallback(_))
                    || is_one_tier && own.len() > 1 && own.contains(&None));
            if !is_everything || !is_machines && !is_own {
                continue;
            }
            let others = routed
                .iter()
                .filter(|other| other.key != ingress.key && other.class() == ingress.class());
            // A host that somebody serves as a whole needs no fallback.
            let paths: Vec<PathRule<'_>> = others.flat_map(|other| other.paths()).collect();
            let of_all = |host: &str| {
                let mut own = paths.iter().filter(|path| path.host == Some(host));
                own.any(|path| path.path == "/" && path.kind != Some("Exact"))
            };
            let named = paths.iter().filter_map(|path| path.host).filter(|host| !of_all(host));
            let named: BTreeSet<&str> = named.collect();
            // A single tier answers hosts of nobody too.
            let is_any = own.contains(&None)
                || !is_one_tier
                    && self
                        .domains
                        .iter()
                        .filter(|(_, domain)| domain.edge == name)
                        .all(|(host, _)| own.contains(&Some(host.as_str())));
            if !is_any || !named.iter().all(|host| own.contains(&Some(*host))) {
                continue;
            }
            let Some(edge) = self.edges.get_mut(&name).filter(|edge| edge.fallback.is_none())
            else {
                continue;
            };
            let namespace = &ingress.key.namespace;
            edge.fallback = Some(if is_own {
                let (name, namespace) = (service.to_owned(), namespace.clone());
                let other = (ingress.key.name != name).then(|| ingress.key.name.clone());
                let (addresses, port) = (Vec::new(), port.to_owned());
                Fallback { name, ingress: other, namespace, addresses, port }
            } else {
                let Some((endpoints, fallback)) = outside(objects, namespace, service) else {
                    continue;
                };
                self.endpoints = Some(endpoints);
                self.namespace.get_or_insert_with(|| namespace.clone());
                fallback
            });
            if let Some(routing) = &mut edge.routing {
                routing.annotations = annotations(ingress);
            }
            names.insert(ingress.key.clone());
        }
        names
    }
}

/// Returns true if a Service has no pods, but addresses that somebody gives it.
fn is_outside(objects: &[Object], namespace: &str, service: &str) -> bool {
    objects.iter().any(|found| {
        found.key.kind == "Service"
            && found.key.name == service
            && found.key.namespace == namespace
            && found.field("/spec/selector").is_none()
            && found.field("/spec/type").and_then(Value::as_str) != Some("ExternalName")
    })
}

/// The addresses of a Service without pods, and the form in which they are given: `endpoints`, `endpointslice` or `both`.
pub fn outside(
    objects: &[Object],
    namespace: &str,
    service: &str,
) -> Option<(&'static str, Fallback)> {
    if !is_outside(objects, namespace, service) {
        return None;
    }
    let mut kinds = BTreeSet::new();
    let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
    let mut port = 0;
    for object in objects.iter().filter(|found| found.key.namespace == namespace) {
        let (lists, ports) = match object.key.kind.as_str() {
            _ if object.service() != Some(service) => continue,
            "Endpoints" => ("/subsets/0/addresses", "/subsets/0/ports/0/port"),
            _ => ("/endpoints", "/ports/0/port"),
        };
        kinds.insert(object.key.kind.as_str());
        port = object.field(ports).and_then(Value::as_u64).unwrap_or(port);
        let list = object.field(lists).and_then(Value::as_array).into_iter().flatten();
        for entry in list {
            let of_slice = entry["addresses"].as_array().into_iter().flatten();
            let all = of_slice.chain([&entry["ip"]]).filter_map(Value::as_str);
            addresses.extend(all.filter_map(|text| text.parse::<IpAddr>().ok()));
        }
    }
    if addresses.is_empty() || port == 0 {
        return None;
    }
    let form = match (kinds.contains("Endpoints"), kinds.contains("EndpointSlice")) {
        (true, true) => "both",
        (false, true) => "endpointslice",
        _ => "endpoints",
    };
    let addresses = addresses.into_iter().collect();
    let (name, namespace) = (service.to_owned(), namespace.to_owned());
    Some((form, Fallback { name, ingress: None, addresses, namespace, port: port.to_string() }))
}
