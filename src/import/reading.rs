//! Kubernetes objects -> [`Cluster`]: which of them are the edge, which the second tier, and what an inventory cannot say.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::cluster::{Cluster, annotations, outside};
use super::codes;
use super::component::common_annotations;
use super::edge::{Edge, Fallback, addresses, is_edge};
use super::finding::Findings;
use super::fleet::most;
use super::gateway::home_of;
use super::manifest::line_of;
use super::part::Taken;
use crate::bundle::Place;
use crate::diag::Code;
use crate::emit::{LOAD_BALANCER_CLASS, OF_NODE};
use crate::language::name::{Host, Name as _};
use crate::source::{FileId, Sources};
use crate::state::Object;

/// Objects that say nothing that an inventory could.
const PLAIN: &[&str] = &[
    "Endpoints",
    "EndpointSlice",
    "EnvoyProxy",
    "Gateway",
    "GatewayClass",
    "HTTPRoute",
    "Ingress",
    "ListenerSet",
    "Namespace",
    "Service",
];

/// The class of an Ingress that names none, as ingress-nginx calls its own.
const DEFAULT_CLASS: &str = "nginx";

/// Help for Ingresses that no second tier is behind.
const DIRECT: &str = "lbgen's edge sends whole hosts to a second tier of controllers: give that a class of its own, and let it have these paths as a component";

/// One reading of objects; files are added to the sources where something is said of them.
pub struct Reading<'a, S> {
    objects: &'a [Object],
    shown: S,
    sources: &'a mut Sources,
    findings: &'a mut Findings,
    files: BTreeMap<String, FileId>,
    pub(super) cluster: Cluster,
    /// The Gateway of each entrypoint that has one.
    pub(super) gateways: BTreeMap<String, &'a Object>,
    /// Paths of components.
    pub(super) taken: Taken,
    /// By edge, the hosts of each component that lbgen wrote for every domain, where the paths differ.
    pub(super) spread: BTreeMap<String, Vec<BTreeSet<String>>>,
}

impl<'a, S: Fn(&str) -> (String, String)> Reading<'a, S> {
    /// Of these objects; `shown` gives the path and the text of a file.
    pub fn new(
        objects: &'a [Object],
        shown: S,
        sources: &'a mut Sources,
        findings: &'a mut Findings,
    ) -> Self {
        let (files, cluster) = (BTreeMap::new(), Cluster::default());
        let gateways = BTreeMap::new();
        let (taken, spread) = (Taken::new(), BTreeMap::new());
        Self { objects, shown, sources, findings, files, cluster, gateways, taken, spread }
    }

    /// Returns the cluster of a fleet with these VIPs.
    pub fn of(mut self, vips: &BTreeSet<IpAddr>) -> Cluster {
        let objects = self.objects;
        let is_lost = |found: &&Object| {
            // Those of keepalived's pods come back with the nodes.
            found.label(OF_NODE).is_none() && !PLAIN.contains(&found.key.kind.as_str())
                || found.key.kind == "EnvoyProxy" && !found.is_ours()
        };
        for object in objects.iter().filter(is_lost) {
            let title = format!("{} is left behind", object.key);
            self.say(&codes::LOST, object, title, "an inventory has no word for it");
        }
        for object in objects {
            if let Some(fault) = object.fault() {
                let title = format!("{} cannot be read: {fault}", object.key);
                self.say(&codes::UNREADABLE, object, title, "the API server refuses it too");
            }
        }
        let services: Vec<&Object> =
            self.of_kind("Service").filter(|service| is_edge(service, vips)).collect();
        for service in &services {
            for vip in addresses(service).difference(vips) {
                let title = format!("{vip} of {} is on no node", service.key);
                let help = "no file of a node has the address: give the nodes' files too, or write the nodes, the gateway and the VIP by hand";
                self.say(&codes::LOST, service, title, help);
            }
        }
        let is_made = |found: &&Object| found.field("/metadata/ownerReferences").is_some();
        let (made, ingresses): (Vec<&Object>, Vec<&Object>) =
            self.of_kind("Ingress").partition(is_made);
        for ingress in made {
            let title = format!("{} is another object's, and stays as it is", ingress.key);
            let help = "`ownerReferences` name what makes and deletes it, such as a challenge of cert-manager";
            self.say(&codes::OTHERWISE, ingress, title, help);
        }
        self.home(&services, &ingresses);
        let of_gateways = self.entrypoints_of_gateways(&services);
        self.edges(&services, &of_gateways, &ingresses);
        let classes: BTreeMap<String, String> = self
            .cluster
            .edges
            .iter()
            .filter(|(_, edge)| !edge.class.is_empty())
            .map(|(name, edge)| (edge.class.clone(), name.clone()))
            .collect();
        let only = self.cluster.edges.keys().next().filter(|_| self.cluster.edges.len() == 1);
        let only = only.cloned();
        // One without a class is of the default class.
        let edge_of = |ingress: &Object| match ingress.class() {
            Some(class) => classes.get(class).cloned(),
            None => classes.get(DEFAULT_CLASS).or(only.as_ref()).cloned(),
        };
        let (at_edge, routed): (Vec<&'a Object>, Vec<&'a Object>) =
            ingresses.iter().partition(|found| edge_of(found).is_some());
        let mut by_edge: BTreeMap<String, Vec<&'a Object>> = BTreeMap::new();
        for ingress in at_edge {
            by_edge.entry(edge_of(ingress).unwrap_or_default()).or_default().push(ingress);
        }
        for edge in self.one_tiers(&by_edge, !routed.is_empty()) {
            if let Some(found) = self.cluster.edges.get_mut(&edge) {
                found.is_one_tier = true;
            }
            let own = by_edge.remove(&edge).unwrap_or_default();
            self.one_tier(&edge, own);
        }
        for (edge, own) in by_edge {
            self.at_edge(&edge, &own, !routed.is_empty());
        }
        for ingress in ingresses {
            if ingress.field("/spec/defaultBackend").is_some() {
                let title = format!("`defaultBackend` of {} is left behind", ingress.key);
                let help = "an entrypoint has a `fallback`: addresses outside of the cluster";
                self.say(&codes::LOST, ingress, title, help);
            }
        }
        self.routed(&routed);
        let alone = self.cluster.edges.iter().filter(|(_, edge)| edge.is_gateway_alone());
        let alone: Vec<String> = alone.map(|(name, _)| name.clone()).collect();
        alone.iter().for_each(|entrypoint| self.routes(entrypoint));
        self.tell_loose_routes();
        self.cluster.find_machines(self.objects);
        self.cluster.factor_annotations();
        self.cluster
    }

    pub(super) fn objects(&self) -> &'a [Object] {
        self.objects
    }

    /// The objects of a kind.
    pub(super) fn of_kind(&self, kind: &str) -> impl Iterator<Item = &'a Object> {
        self.objects.iter().filter(move |found| found.key.kind == kind)
    }

    /// The addresses of a Service without pods.
    pub(super) fn outside(&mut self, namespace: &str, service: &str) -> Option<Fallback> {
        let (form, fallback) = outside(self.objects, namespace, service)?;
        self.cluster.endpoints = Some(form);
        Some(fallback)
    }

    /// Says that two edges have one host.
    pub(super) fn say_shared(&mut self, object: &Object, host: &str) {
        let keeps = self.cluster.domains.get(host).map(|domain| domain.edge.as_str());
        let title = format!(
            "{} has {host}, which the entrypoint `{}` keeps",
            object.key,
            keeps.unwrap_or_default()
        );
        let help = "a domain has one entrypoint: give the other side a host of its own, or an inventory of its own";
        self.say(&codes::UNSAYABLE, object, title, help);
    }

    pub(super) fn say(&mut self, code: &'static Code, object: &Object, title: String, help: &str) {
        let file = *self.files.entry(object.file.clone()).or_insert_with(|| {
            let (path, body) = (self.shown)(&object.file);
            self.sources.add(path, body)
        });
        let place = line_of(object, &self.sources.get(file).text, file);
        self.findings.add(code, place, title, help);
    }

    /// The namespace of Gateways and edge Ingresses, and forms that all objects share.
    fn home(&mut self, services: &[&Object], ingresses: &[&Object]) {
        let gateways = self.of_kind("Gateway").map(|found| home_of(found).to_owned());
        let near = || most(services.iter().map(|edge| home_of(edge).to_owned()));
        let namespace = most(gateways).or_else(near);
        let cluster = &mut self.cluster;
        cluster.namespace = namespace;
        let annotated = ingresses.iter().filter(|found| {
            found.field("/metadata/annotations/kubernetes.io~1ingress.class").is_some()
        });
        // As most of them do.
        cluster.by_annotation = 2 * annotated.count() > ingresses.len();
        cluster.by_status = services.iter().any(|edge| {
            let class = edge.field("/spec/loadBalancerClass").and_then(Value::as_str);
            class == Some(LOAD_BALANCER_CLASS)
        });
    }

    /// The Services that hold VIPs, and the class of each.
    fn edges(&mut self, services: &[&Object], of_gateways: &BTreeSet<&str>, ingresses: &[&Object]) {
        let cluster = &mut self.cluster;
        let classes: BTreeSet<&str> = ingresses.iter().filter_map(|found| found.class()).collect();
        let whole = ingresses.iter().filter(|found| is_whole(found));
        let mut free: BTreeSet<&str> = whole.filter_map(|found| found.class()).collect();
        for service in services {
            let name = service.key.name.as_str();
            let class = classes.get(name).map(|class| (*class).to_owned());
            free.remove(name);
            let entrypoint = Place::of(&service.file).entrypoint().unwrap_or(name).to_owned();
            match cluster.edges.get_mut(&entrypoint).filter(|_| of_gateways.contains(name)) {
                // Ingresses stand beside the Gateway.
                Some(edge) => edge.class = class.unwrap_or_default(),
                None if of_gateways.contains(name) => {}
                None => _ = cluster.edges.insert(entrypoint, Edge::of(service, class)),
            }
        }
        // A selector names the release, and most charts call the class as that.
        let is_open = |edge: &&mut Edge| edge.class.is_empty() && !edge.is_gateway_alone();
        for edge in cluster.edges.values_mut().filter(is_open) {
            let named = edge.selected().find(|value| free.contains(value));
            let named = named.or_else(|| edge.selected().find(|value| classes.contains(value)));
            let Some(class) = named else { continue };
            edge.class = class.to_owned();
            free.remove(edge.class.as_str());
        }
        // The classes of whole hosts that are left belong to the edges that have none yet; so does the only class.
        for edge in cluster.edges.values_mut().filter(is_open) {
            let only = classes.first().filter(|_| classes.len() == 1);
            let unnamed =
                Some(DEFAULT_CLASS).filter(|_| classes.is_empty() && !ingresses.is_empty());
            let class = free.pop_first().or(only.copied()).or(unnamed);
            edge.class = class.unwrap_or(&edge.service).to_owned();
        }
        // Without a Service of a controller its class is all that is known of it.
        if cluster.edges.is_empty() {
            let all = ingresses.iter().map(|found| found.class().unwrap_or(DEFAULT_CLASS));
            for class in all.collect::<BTreeSet<&str>>() {
                let (class, service) = (class.to_owned(), class.to_owned());
                let edge = Edge { class, service, ports: Edge::usual_ports(), ..Edge::default() };
                cluster.edges.insert(super::label(&edge.class, "web"), edge);
            }
            for ingress in ingresses {
                let class = ingress.class().unwrap_or(DEFAULT_CLASS);
                let title = format!("no Service of the controller of class {class} was found");
                let help = "give the Services too, or correct `service`, `selector` and `ports` of the edge; clients need a VIP of it";
                self.say(&codes::OTHERWISE, ingress, title, help);
            }
        }
    }

    /// Ingresses of an edge's class. Where a second tier is, they lead to one Service beside the edge.
    fn at_edge(&mut self, edge: &str, ingresses: &[&'a Object], is_any_routed: bool) {
        let (whole, others): (Vec<&Object>, Vec<&Object>) =
            ingresses.iter().copied().partition(|ingress| is_whole(ingress));
        for ingress in others {
            let title = format!("{} has paths of its own at the edge", ingress.key);
            self.say(&codes::UNSAYABLE, ingress, title, DIRECT);
        }
        let home = self.cluster.namespace.clone().unwrap_or_default();
        let near = whole.iter().filter(|ingress| ingress.key.namespace == home);
        let backend = |ingress: &&Object| ingress.paths().first().map(|path| path.backend.clone());
        let routing = most(near.filter_map(backend));
        let has_second = is_any_routed || whole.iter().any(|ingress| ingress.is_ours());
        let (behind, direct): (Vec<&Object>, Vec<&Object>) =
            whole.into_iter().partition(|ingress| {
                has_second && ingress.key.namespace == home && backend(ingress) == routing
            });
        for ingress in direct {
            let title = format!("{} sends its host straight to a Service", ingress.key);
            self.say(&codes::UNSAYABLE, ingress, title, DIRECT);
        }
        self.domains(edge, &behind);
    }

    /// Ingresses that send whole hosts from an edge to its second tier.
    fn domains(&mut self, edge: &str, ingresses: &[&Object]) {
        let common = common_annotations(ingresses);
        for ingress in ingresses {
            let own = annotations(ingress).into_iter();
            for (key, _) in own.filter(|(key, value)| common.get(key) != Some(value)) {
                let title = format!("the annotation `{key}` of {} is left behind", ingress.key);
                self.say(
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
            let shared = self.cluster.domain(ingress, edge);
            if !names.contains(&ingress.key.name) && shared.len() < names.len() {
                let names: Vec<String> = names.into_iter().collect();
                let title = format!("{} becomes {}", ingress.key, names.join(", "));
                self.say(
                    &codes::OTHERWISE,
                    ingress,
                    title,
                    "lbgen names the Ingress of a domain after its host; delete the old one just before the first apply: ingress-nginx refuses a host and path that another Ingress has",
                );
            }
            for host in shared {
                self.say_shared(ingress, &host);
            }
        }
        if let Some(edge) = self.cluster.edges.get_mut(edge) {
            edge.annotations = common;
        }
    }

    /// Ingresses of the second tiers: fallbacks and components.
    fn routed(&mut self, ingresses: &[&'a Object]) {
        self.cluster.pair(ingresses);
        let classes: BTreeMap<String, String> = self
            .cluster
            .edges
            .iter()
            .filter_map(|(name, edge)| Some((edge.routing.as_ref()?.class.clone(), name.clone())))
            .collect();
        let edge_of = |ingress: &Object| classes.get(ingress.class()?).cloned();
        let fallbacks = self.cluster.fallbacks(self.objects, ingresses, &edge_of);
        let components: Vec<&Object> =
            ingresses.iter().copied().filter(|found| !fallbacks.contains(&found.key)).collect();
        let mut named: BTreeMap<&str, usize> = BTreeMap::new();
        for ingress in &components {
            *named.entry(&ingress.key.name).or_default() += 1;
        }
        for ingress in components {
            let Some(edge) = ingress.class().and_then(|class| classes.get(class)) else {
                let class = ingress.class().unwrap_or("no class");
                let title =
                    format!("{} is of {class}, which no edge sends requests to", ingress.key);
                self.say(
                    &codes::LOST,
                    ingress,
                    title,
                    "it stays as it is: lbgen does not touch objects that it did not write",
                );
                continue;
            };
            if ingress.field("/spec/tls").is_some() {
                let title = format!("`tls` of {} is left behind", ingress.key);
                let help = "TLS ends at the edge; with it the routing controller also sent plain http to https";
                self.say(&codes::LOST, ingress, title, help);
            }
            let key = &ingress.key;
            let name = match named.get(key.name.as_str()) {
                Some(1) | None => key.name.clone(),
                Some(_) => format!("{}-{}", key.namespace, key.name),
            };
            self.parts(edge, ingress, &name, &annotations(ingress));
        }
    }
}

/// Returns true if an Ingress sends everything of its hosts to one Service.
pub fn is_whole(ingress: &Object) -> bool {
    let paths = ingress.paths();
    !paths.is_empty()
        && paths.iter().all(|path| path.path == "/" && path.host.is_some())
        && paths.iter().map(|path| &path.backend).collect::<BTreeSet<_>>().len() == 1
}
