//! The cluster's side of an inventory: tiers, fallbacks, domains and components.

use std::collections::BTreeMap;

use super::cluster::Cluster;
use super::component::Component;
use super::edge::Edge;
use super::gateway::GatewaySide;
use super::yaml::Yaml;
use crate::language::name::{Host, Name as _};
use crate::language::word::ImplementationName;
use crate::model::{Condition, Controller, Implementation};

fn strings(map: &BTreeMap<String, String>) -> Option<Yaml> {
    let mut found = Yaml::map();
    for (key, value) in map {
        found.put(key, Yaml::text(value));
    }
    (!map.is_empty()).then_some(found)
}

/// The edge, and the second tier where there is one.
pub fn tiers(edge: &Edge, port: Option<u16>) -> (Yaml, Option<Yaml>) {
    let mut first = Yaml::map();
    let alone = edge.gateway.as_ref().filter(|_| edge.class.is_empty());
    if edge.gateway.is_some() {
        first.put("api", Yaml::text(if alone.is_some() { "gateway" } else { "both" }));
    }
    if let Some(side) = alone {
        first.put_some("implementation", implementation(side));
    }
    let class = alone.map_or(&edge.class, |side| &side.class);
    first.put("class", Yaml::text(class));
    if alone.is_none() {
        controller(edge.controller, &mut first);
    }
    first.put_some("service", (edge.service != *class).then(|| Yaml::text(&edge.service)));
    first.put_some("service_namespace", edge.service_namespace.as_ref().map(Yaml::text));
    let labels =
        [("name", "ingress-nginx"), ("instance", edge.class.as_str()), ("component", "controller")];
    let default: BTreeMap<String, String> = labels
        .into_iter()
        .map(|(key, value)| (format!("app.kubernetes.io/{key}"), value.to_owned()))
        .collect();
    let is_unknown = edge.selector.is_empty();
    let is_default = match alone {
        Some(side) => side.is_managed,
        None => is_unknown || edge.selector == default,
    };
    first.put_some("selector", strings(&edge.selector).filter(|_| !is_default));
    if edge.ports != Edge::usual_ports() {
        let mut ports = Yaml::map();
        for (name, (number, protocol)) in &edge.ports {
            let mut long = Yaml::map();
            long.put("port", Yaml::plain(number));
            long.put("protocol", Yaml::text(protocol));
            ports.put(name, if protocol == "TCP" { Yaml::plain(number) } else { long });
        }
        first.put("ports", ports);
    }
    let port = edge.health_port.or(port.map(u64::from));
    first.put_some("health_check_node_port", port.map(Yaml::plain));
    first.put_some("annotations", strings(&edge.annotations));
    if let Some(side) = &edge.gateway {
        let mut own = Yaml::map();
        if alone.is_none() {
            own.put_some("implementation", implementation(side));
            own.put("class", Yaml::text(&side.class));
        }
        if side.ports != side.usual_ports() {
            let [http, https] = side.ports;
            let mut ports = Yaml::map();
            ports.put("http", Yaml::plain(http));
            ports.put("https", Yaml::plain(https));
            own.put("ports", ports);
        }
        first.put_some("gateway", Some(own).filter(|own| !own.is_empty()));
    }
    let second = edge.routing.as_ref().map(|routing| {
        let mut second = Yaml::map();
        second.put("class", Yaml::text(&routing.class));
        controller(routing.controller, &mut second);
        second.put_some(
            "service",
            (routing.service != routing.class).then(|| Yaml::text(&routing.service)),
        );
        second.put_some("port", (routing.port != 80).then(|| Yaml::plain(routing.port)));
        second.put_some("annotations", strings(&routing.annotations));
        second
    });
    (first, second)
}

fn controller(found: Option<Controller>, map: &mut Yaml) {
    for (key, value) in found.into_iter().flat_map(Controller::keys) {
        // A release is no number.
        let value = match key == "strict_prefix" {
            true => Yaml::plain(value),
            false => Yaml::text(value),
        };
        map.put(key, value);
    }
}

/// The implementation, where it is not the default; one that is not known does what the specification says.
fn implementation(side: &GatewaySide) -> Option<Yaml> {
    let name = side.implementation.unwrap_or(ImplementationName::Other);
    (name != Implementation::DEFAULT.name).then(|| Yaml::text(name))
}

/// Returns the likely tiers of an entrypoint whose cluster was not asked.
pub fn guessed(name: &str, port: Option<u16>) -> (Yaml, Option<Yaml>) {
    let mut first = Yaml::map();
    first.put("class", Yaml::text(name));
    first.put_some("health_check_node_port", port.map(Yaml::plain));
    let mut second = Yaml::map();
    second.put("class", Yaml::text(format!("{name}-routing")));
    (first, Some(second))
}

pub fn fallback(edge: &Edge, home: &str) -> Option<Yaml> {
    let found = edge.fallback.as_ref()?;
    let mut map = Yaml::map();
    if found.addresses.is_empty() {
        map.put_some("name", found.ingress.as_ref().map(Yaml::text));
        map.put("service", Yaml::text(&found.name));
        map.put_some("namespace", (found.namespace != home).then(|| Yaml::text(&found.namespace)));
    } else {
        map.put("name", Yaml::text(&found.name));
        map.put("addresses", Yaml::texts(&found.addresses));
    }
    map.put("port", port(&found.port));
    Some(map)
}

pub fn domains(cluster: &Cluster, many: bool) -> Yaml {
    let home = cluster.namespace.as_deref().unwrap_or("ingress");
    let mut all = Yaml::map();
    for (host, domain) in &cluster.domains {
        let mut map = Yaml::map();
        map.put_some("entrypoint", many.then(|| Yaml::text(&domain.edge)));
        let edge = cluster.edges.get(&domain.edge);
        let is_apart = edge.is_some_and(|edge| edge.is_one_tier)
            && domain.secret.is_some()
            && domain.namespace != home;
        map.put_some("namespace", is_apart.then(|| Yaml::text(&domain.namespace)));
        let default = Host::parse(host).map(|host| host.object_name().to_string());
        match &domain.secret {
            None => map.put("tls_secret", Yaml::plain("false")),
            Some(secret) if Some(secret) != default.as_ref() => {
                map.put("tls_secret", Yaml::text(secret))
            }
            Some(_) => {}
        }
        map.put_some("annotations", strings(&domain.annotations));
        all.put(host, map);
    }
    all
}

pub fn components(cluster: &Cluster, many: bool) -> Yaml {
    let home = cluster.namespace.as_deref().unwrap_or("ingress");
    let mut all = Yaml::map();
    for (name, found) in &cluster.components {
        all.put(name, component(name, found, home, many));
    }
    all
}

fn matched(condition: &Condition) -> Yaml {
    let mut map = Yaml::map();
    map.put_some("method", condition.method.map(Yaml::text));
    let headers = condition.headers.iter();
    let headers = headers.map(|header| (header.name.clone(), header.value.clone())).collect();
    map.put_some("headers", strings(&headers));
    map
}

/// A port of a Service, by name or number.
fn port(port: &str) -> Yaml {
    if port.parse::<u16>().is_ok() { Yaml::plain(port) } else { Yaml::text(port) }
}

fn component(name: &str, found: &Component, home: &str, many: bool) -> Yaml {
    let mut map = Yaml::map();
    map.put_some("entrypoint", many.then(|| Yaml::text(&found.edge)));
    map.put_some("namespace", (found.namespace != home).then(|| Yaml::text(&found.namespace)));
    let mut backend = Yaml::map();
    backend.put_some("service", (found.service != name).then(|| Yaml::text(&found.service)));
    backend.put("port", port(&found.port));
    if !found.addresses.is_empty() {
        backend.put("addresses", Yaml::texts(&found.addresses));
    }
    map.put("backend", backend);
    let paths = found.paths.iter().map(|claim| match claim.kind.as_str() {
        "Prefix" if claim.condition.is_none() => Yaml::text(&claim.path),
        kind => {
            let mut long = Yaml::map();
            long.put("path", Yaml::text(&claim.path));
            long.put_some("type", (kind != "Prefix").then(|| Yaml::text(kind)));
            let wanted = (!claim.condition.is_none()).then(|| matched(&claim.condition));
            long.put_some("match", wanted);
            long
        }
    });
    map.put("paths", Yaml::List(paths.collect()));
    if !found.hosts.is_empty() {
        map.put("hosts", Yaml::texts(&found.hosts));
    }
    map.put_some("annotations", strings(&found.annotations));
    map
}
