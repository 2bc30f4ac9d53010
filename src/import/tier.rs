//! The cluster's side of an inventory: tiers, fallbacks, domains and components.

use std::collections::BTreeMap;

use super::cluster::Cluster;
use super::component::Component;
use super::edge::Edge;
use super::yaml::Yaml;
use crate::language::name::{Host, Name as _};

fn strings(map: &BTreeMap<String, String>) -> Option<Yaml> {
    let mut found = Yaml::map();
    for (key, value) in map {
        found.put(key, Yaml::text(value));
    }
    (!map.is_empty()).then_some(found)
}

pub fn tiers(edge: &Edge, port: Option<u16>) -> (Yaml, Yaml) {
    let mut first = Yaml::map();
    first.put("class", Yaml::text(&edge.class));
    first.put_some("service", (edge.service != edge.class).then(|| Yaml::text(&edge.service)));
    let labels =
        [("name", "ingress-nginx"), ("instance", edge.class.as_str()), ("component", "controller")];
    let default: BTreeMap<String, String> = labels
        .into_iter()
        .map(|(key, value)| (format!("app.kubernetes.io/{key}"), value.to_owned()))
        .collect();
    first.put_some("selector", strings(&edge.selector).filter(|_| edge.selector != default));
    let usual = [("http", 80), ("https", 443)]
        .map(|(name, port)| (name.to_owned(), (port, "TCP".to_owned())));
    if edge.ports != BTreeMap::from(usual) {
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
    let mut second = Yaml::map();
    if let Some(routing) = &edge.routing {
        second.put("class", Yaml::text(&routing.class));
        second.put_some(
            "service",
            (routing.service != routing.class).then(|| Yaml::text(&routing.service)),
        );
        second.put_some("port", (routing.port != 80).then(|| Yaml::plain(routing.port)));
        second.put_some("annotations", strings(&routing.annotations));
    }
    (first, second)
}

/// Returns the likely tiers of an entrypoint whose cluster was not asked.
pub fn guessed(name: &str, port: Option<u16>) -> (Yaml, Yaml) {
    let mut first = Yaml::map();
    first.put("class", Yaml::text(name));
    first.put_some("health_check_node_port", port.map(Yaml::plain));
    let mut second = Yaml::map();
    second.put("class", Yaml::text(format!("{name}-routing")));
    (first, second)
}

pub fn fallback(edge: &Edge) -> Option<Yaml> {
    let found = edge.fallback.as_ref()?;
    let mut map = Yaml::map();
    map.put("name", Yaml::text(&found.name));
    map.put("addresses", Yaml::texts(&found.addresses));
    map.put("port", Yaml::plain(found.port));
    Some(map)
}

pub fn domains(cluster: &Cluster, many: bool) -> Yaml {
    let mut all = Yaml::map();
    for (host, domain) in &cluster.domains {
        let mut map = Yaml::map();
        map.put_some("entrypoint", many.then(|| Yaml::text(&domain.edge)));
        let default = Host::parse(host).map(|host| host.object_name().to_string());
        match &domain.secret {
            None => map.put("tls_secret", Yaml::plain("false")),
            Some(secret) if Some(secret) != default.as_ref() => {
                map.put("tls_secret", Yaml::text(secret))
            }
            Some(_) => {}
        }
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

fn component(name: &str, found: &Component, home: &str, many: bool) -> Yaml {
    let mut map = Yaml::map();
    map.put_some("entrypoint", many.then(|| Yaml::text(&found.edge)));
    map.put_some("namespace", (found.namespace != home).then(|| Yaml::text(&found.namespace)));
    let mut backend = Yaml::map();
    backend.put_some("service", (found.service != name).then(|| Yaml::text(&found.service)));
    let is_number = found.port.parse::<u16>().is_ok();
    backend.put("port", if is_number { Yaml::plain(&found.port) } else { Yaml::text(&found.port) });
    map.put("backend", backend);
    let paths = found.paths.iter().map(|(path, kind)| match kind.as_str() {
        "Prefix" => Yaml::text(path),
        kind => {
            let mut long = Yaml::map();
            long.put("path", Yaml::text(path));
            long.put("type", Yaml::text(kind));
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
