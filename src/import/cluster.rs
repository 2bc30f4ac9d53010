//! Kubernetes objects -> the cluster's side of entrypoints, domains and components.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::codes;
use super::component::{Component, common_annotations};
use super::edge::{Edge, Fallback, Routing, is_edge, of_entrypoint, strings};
use super::finding::Findings;
use super::fleet::most;
use super::manifest::line_of;
use crate::emit::LOAD_BALANCER_CLASS;
use crate::language::name::{Host, Name as _};
use crate::source::{FileId, Sources};
use crate::state::Object;

/// What the objects say.
#[derive(Debug, Default)]
pub struct Cluster {
    /// Home of Services and edge Ingresses.
    pub namespace: Option<String>,
    /// Whether Ingresses name their class by the annotation.
    pub by_annotation: bool,
    /// Whether VIPs stand in the status of Services.
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
}

/// Objects that say nothing that an inventory could.
const PLAIN: &[&str] = &["Endpoints", "EndpointSlice", "Service", "Ingress", "Namespace"];

/// What to do about Ingresses that no second tier is behind.
const DIRECT: &str = "lbgen's edge sends whole hosts to a second tier of controllers: give that a class of its own, and let it have these paths as a component";

/// Reads objects; files are added to the sources where something is said of them.
pub fn read(
    objects: &[Object],
    vips: &BTreeSet<IpAddr>,
    shown: impl Fn(&str) -> (String, String),
    sources: &mut Sources,
    findings: &mut Findings,
) -> Cluster {
    let mut files: BTreeMap<String, FileId> = BTreeMap::new();
    let mut place = |object: &Object| {
        let file = *files.entry(object.file.clone()).or_insert_with(|| {
            let (path, body) = shown(&object.file);
            sources.add(path, body)
        });
        line_of(object, &sources.get(file).text, file)
    };
    let mut say = |code, object: &Object, title: String, help: &str| {
        findings.add(code, place(object), title, help);
    };
    let of_kind = |kind: &'static str| objects.iter().filter(move |found| found.key.kind == kind);
    for object in objects.iter().filter(|found| !PLAIN.contains(&found.key.kind.as_str())) {
        say(
            &codes::LOST,
            object,
            format!("{} is left behind", object.key),
            "an inventory has no word for it",
        );
    }
    let mut cluster = Cluster::default();
    let edges: Vec<&Object> = of_kind("Service").filter(|service| is_edge(service, vips)).collect();
    cluster.namespace = most(edges.iter().map(|edge| edge.key.namespace.clone()));
    let ingresses: Vec<&Object> = of_kind("Ingress").collect();
    let classes: BTreeSet<&str> = ingresses.iter().filter_map(|found| found.class()).collect();
    cluster.by_annotation = ingresses
        .iter()
        .any(|found| found.field("/metadata/annotations/kubernetes.io~1ingress.class").is_some());
    let is_whole = |ingress: &&&Object| {
        let paths = ingress.paths();
        !paths.is_empty()
            && paths.iter().all(|path| path.path == "/" && path.host.is_some())
            && paths.iter().map(|path| &path.backend).collect::<BTreeSet<_>>().len() == 1
    };
    let mut free: BTreeSet<&str> =
        ingresses.iter().filter(is_whole).filter_map(|found| found.class()).collect();
    for service in &edges {
        let name = service.key.name.as_str();
        let class = classes.get(name).copied();
        free.remove(name);
        let entrypoint = of_entrypoint(&service.file).unwrap_or(name).to_owned();
        let class = class.map(str::to_owned);
        cluster.edges.insert(entrypoint, Edge::of(service, class));
    }
    cluster.by_status = edges.iter().any(|edge| {
        edge.field("/spec/loadBalancerClass").and_then(Value::as_str) == Some(LOAD_BALANCER_CLASS)
    });
    // The classes of whole hosts that are left belong to the edges that have none yet.
    for edge in cluster.edges.values_mut().filter(|edge| edge.class.is_empty()) {
        let class = free.pop_first();
        edge.class = class.unwrap_or(&edge.service).to_owned();
    }
    let edge_classes: BTreeMap<String, String> =
        cluster.edges.iter().map(|(name, edge)| (edge.class.clone(), name.clone())).collect();
    let (at_edge, routed): (Vec<&&Object>, Vec<&&Object>) = ingresses
        .iter()
        .partition(|found| found.class().is_some_and(|class| edge_classes.contains_key(class)));
    // Where a second tier is, edge Ingresses of a class lead to one Service beside the edge.
    let mut whole: BTreeMap<&str, Vec<&Object>> = BTreeMap::new();
    for ingress in &at_edge {
        let Some(edge) = ingress.class().and_then(|class| edge_classes.get(class)) else {
            continue;
        };
        match is_whole(ingress) {
            true => whole.entry(edge).or_default().push(ingress),
            false => {
                let title = format!("{} has paths of its own at the edge", ingress.key);
                say(&codes::UNSAYABLE, ingress, title, DIRECT);
            }
        }
    }
    for (edge, all) in whole {
        let home = cluster.namespace.clone().unwrap_or_default();
        let near = all.iter().filter(|ingress| ingress.key.namespace == home);
        let backend = |ingress: &&Object| ingress.paths().first().map(|path| path.backend.clone());
        let routing = most(near.filter_map(backend));
        let has_second = !routed.is_empty() || all.iter().any(|ingress| ingress.is_ours());
        let (behind, direct): (Vec<&Object>, Vec<&Object>) = all.into_iter().partition(|ingress| {
            has_second && ingress.key.namespace == home && backend(ingress) == routing
        });
        for ingress in direct {
            let title = format!("{} sends its host straight to a Service", ingress.key);
            say(&codes::UNSAYABLE, ingress, title, DIRECT);
        }
        let common = common_annotations(&behind);
        for ingress in behind {
            for (key, _) in annotations(ingress)
                .into_iter()
                .filter(|(key, value)| common.get(key) != Some(value))
            {
                let title = format!("the annotation `{key}` of {} is left behind", ingress.key);
                say(
                    &codes::LOST,
                    ingress,
                    title,
                    "annotations of the edge are the same for all domains of an entrypoint; move it to the component",
                );
            }
            let names: BTreeSet<String> = ingress
                .hosts()
                .into_iter()
                .flatten()
                .filter_map(|host| Some(Host::parse(host)?.object_name().to_string()))
                .collect();
            if !names.contains(&ingress.key.name) {
                let names: Vec<String> = names.into_iter().collect();
                let title = format!("{} becomes {}", ingress.key, names.join(", "));
                say(
                    &codes::OTHERWISE,
                    ingress,
                    title,
                    "lbgen names the Ingress of a domain after its host; delete the old one just before the first apply: ingress-nginx refuses a host and path that another Ingress has",
                );
            }
            cluster.domain(ingress, edge);
        }
        if let Some(edge) = cluster.edges.get_mut(edge) {
            edge.annotations = common;
        }
    }
    for ingress in ingresses.iter().filter(|found| found.field("/spec/defaultBackend").is_some()) {
        let title = format!("`defaultBackend` of {} is left behind", ingress.key);
        say(
            &codes::LOST,
            ingress,
            title,
            "an entrypoint has a `fallback`: addresses outside of the cluster",
        );
    }
    cluster.pair(&routed);
    let routing_classes: BTreeMap<String, String> = cluster
        .edges
        .iter()
        .filter_map(|(name, edge)| Some((edge.routing.as_ref()?.class.clone(), name.clone())))
        .collect();
    let fallbacks = cluster.fallbacks(objects, &routed, &routing_classes);
    for ingress in routed {
        if fallbacks.contains(&ingress.key.name) {
            continue;
        }
        let Some(edge) = ingress.class().and_then(|class| routing_classes.get(class)) else {
            let class = ingress.class().unwrap_or("no class");
            let title = format!("{} is of {class}, which no edge sends requests to", ingress.key);
            say(
                &codes::LOST,
                ingress,
                title,
                "it stays as it is: lbgen does not touch objects that it did not write",
            );
            continue;
        };
        match Component::of(ingress, edge) {
            Ok(found) => drop(cluster.components.insert(ingress.key.name.clone(), found)),
            Err(why) => {
                let title = format!("{} {why}", ingress.key);
                say(&codes::UNSAYABLE, ingress, title, "split it into a component each");
            }
        }
    }
    cluster.factor_annotations();
    cluster
}

pub fn annotations(object: &Object) -> BTreeMap<String, String> {
    let mut found = strings(object.field("/metadata/annotations"));
    found.retain(|key, _| {
        key != "kubernetes.io/ingress.class" && !key.starts_with("kubectl.kubernetes.io/")
    });
    found
}

impl Cluster {
    fn domain(&mut self, ingress: &Object, edge: &str) {
        let tls = ingress.field("/spec/tls").and_then(Value::as_array);
        for host in ingress.hosts().into_iter().flatten() {
            let covers = |entry: &&Value| {
                entry["hosts"]
                    .as_array()
                    .is_some_and(|hosts| hosts.iter().any(|found| found == host))
            };
            let entry = tls.and_then(|tls| tls.iter().find(covers));
            let secret = entry.and_then(|entry| entry["secretName"].as_str()).map(str::to_owned);
            self.domains.insert(host.to_owned(), Domain { edge: edge.to_owned(), secret });
        }
        let Some(edge) = self.edges.get_mut(edge) else { return };
        if let (None, Some(path)) = (&edge.routing, ingress.paths().first()) {
            let (service, port) = path.backend.rsplit_once(':').unwrap_or((&path.backend, ""));
            edge.routing = Some(Routing {
                service: service.to_owned(),
                port: port.parse().unwrap_or(80),
                ..Routing::default()
            });
        }
    }

    /// Finds the class of each second tier: by its folder, its Service's name, or because no other is left.
    fn pair(&mut self, routed: &[&&Object]) {
        let mut classes: BTreeSet<&str> = routed.iter().filter_map(|found| found.class()).collect();
        for (name, edge) in &mut self.edges {
            let mut by_folder =
                routed.iter().filter(|found| of_entrypoint(&found.file) == Some(name));
            let by_folder = by_folder.find_map(|found| found.class());
            let routing = edge.routing.get_or_insert_default();
            let class = by_folder.or_else(|| classes.get(routing.service.as_str()).copied());
            if let Some(class) = class {
                classes.remove(class);
                class.clone_into(&mut routing.class);
            }
        }
        for (name, edge) in &mut self.edges {
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

    /// Finds the Services without a selector that the second tier sends everything else to; the names of their Ingresses.
    fn fallbacks(
        &mut self,
        objects: &[Object],
        routed: &[&&Object],
        classes: &BTreeMap<String, String>,
    ) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        for ingress in routed {
            let paths = ingress.paths();
            let Some(first) = paths.first() else { continue };
            let service = first.backend.split(':').next().unwrap_or_default().to_owned();
            let is_fallback =
                paths.iter().all(|path| path.path == "/" && path.backend == first.backend)
                    && objects.iter().any(|found| {
                        found.key.kind == "Service"
                            && found.key.name == service
                            && found.key.namespace == ingress.key.namespace
                            && found.field("/spec/selector").is_none()
                    });
            let edge = ingress.class().and_then(|class| classes.get(class));
            let Some(edge) = edge.and_then(|edge| self.edges.get_mut(edge)) else { continue };
            if !is_fallback {
                continue;
            }
            let mut kinds = BTreeSet::new();
            let mut addresses: BTreeSet<IpAddr> = BTreeSet::new();
            let mut port = 0;
            for object in
                objects.iter().filter(|found| found.key.namespace == ingress.key.namespace)
            {
                let label = object.field("/metadata/labels/kubernetes.io~1service-name");
                let (lists, ports) = match object.key.kind.as_str() {
                    "Endpoints" if object.key.name == service => {
                        ("/subsets/0/addresses", "/subsets/0/ports/0/port")
                    }
                    "EndpointSlice" if label.and_then(Value::as_str) == Some(&service) => {
                        ("/endpoints", "/ports/0/port")
                    }
                    _ => continue,
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
            self.endpoints =
                Some(match (kinds.contains("Endpoints"), kinds.contains("EndpointSlice")) {
                    (true, true) => "both",
                    (false, true) => "endpointslice",
                    _ => "endpoints",
                });
            edge.fallback =
                Some(Fallback { name: service, addresses: addresses.into_iter().collect(), port });
            if let Some(routing) = &mut edge.routing {
                routing.annotations = annotations(ingress);
            }
            names.insert(ingress.key.name.clone());
        }
        names
    }
}
