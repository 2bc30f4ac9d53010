//! Random inventories of components: every controller, both APIs, wildcards, regular expressions, canaries, fallbacks.

use std::collections::BTreeSet;

use proptest::prelude::*;

/// The port of a component that the fallback serves.
const LEGACY: u16 = 8083;
/// The port of a component that machines outside of the cluster serve.
const MACHINES: u16 = 8082;

pub const HOSTS: [&str; 4] = ["www.example.com", "a.example.com", "*.example.com", "b.example.org"];
const PATHS: [&str; 6] = ["/", "/a", "/a/b", "/a/", "/ab", "/c"];
const REGEXES: [&str; 3] = ["/a.+", "/(?!c).+", "/[a-c]/b"];

/// A component of a random inventory.
#[derive(Debug, Clone)]
struct Component {
    hosts: BTreeSet<usize>,
    /// Paths with their types; those of regular expressions come after the others.
    paths: BTreeSet<(usize, usize)>,
    port: u16,
    annotation: usize,
    /// True for the second entrypoint.
    is_apart: bool,
}

/// Paths to ask for.
pub const ASKED: [&str; 24] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/a/b/c",
    "/a/bx",
    "/ab",
    "/ab/",
    "/abx",
    "/ab/x",
    "/c",
    "/c/",
    "/c/d",
    "/cx",
    "/x",
    "/A",
    "/AB",
    "/A/B",
    "/C",
    "/b/b",
    "/a.+",
    "/[a-c]/b",
    "/(%3F!c).+",
];

const TYPES: [&str; 3] = ["Prefix", "Exact", "ImplementationSpecific"];
const ANNOTATIONS: [&str; 4] = [
    "",
    "nginx.ingress.kubernetes.io/use-regex: \"true\"",
    "nginx.ingress.kubernetes.io/rewrite-target: /",
    "nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-by-header: X-Canary",
];

/// The program that chooses a component: an Ingress controller, or an implementation of Gateway API.
#[derive(Debug, Clone, Copy)]
enum Chooser {
    Controller(&'static str),
    /// That of the edge, where no second tier is behind it.
    OneTier(&'static str),
    Implementation(&'static str),
}

const CHOOSERS: [Chooser; 12] = [
    Chooser::Controller("controller: ingress-nginx"),
    Chooser::Controller("controller: traefik"),
    Chooser::Controller("controller: traefik, strict_prefix: true"),
    Chooser::Controller("controller: traefik, strict_prefix: true, controller_version: \"3.6\""),
    Chooser::Controller("controller: other"),
    Chooser::OneTier("controller: ingress-nginx"),
    Chooser::OneTier("controller: traefik, selector: { app: x }"),
    Chooser::OneTier("controller: other, selector: { app: x }"),
    Chooser::Implementation("envoy-gateway"),
    Chooser::Implementation("traefik"),
    Chooser::Implementation("istio"),
    Chooser::Implementation("other"),
];

/// An inventory of components, for one of the programs that choose between them.
#[derive(Debug, Clone)]
pub struct Served {
    chooser: Chooser,
    /// None, machines outside of the cluster, or a Service.
    fallback: usize,
    /// True where the edge says so, with annotations of ingress-nginx: plain http is answered.
    plain_http: bool,
    /// Those of the hosts that are domains: the last one always. Components name no other.
    domains: [bool; HOSTS.len()],
    /// Those of the hosts whose domains are of the second entrypoint.
    apart: [bool; HOSTS.len()],
    /// Those of the hosts whose domains have no certificate.
    plain: [bool; HOSTS.len()],
    /// The name of the first entrypoint, and a part of its classes.
    entrypoint: &'static str,
    class: &'static str,
    components: Vec<Option<Component>>,
}

impl Served {
    /// The inventory.
    pub fn text(&self) -> String {
        let fallback = match self.fallback {
            1 => "    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }\n",
            2 => "    fallback: { service: old-shop, name: rest, namespace: shop, port: 8080 }\n",
            _ => "",
        };
        let plain_http = match self.plain_http {
            true => ", annotations: { nginx.ingress.kubernetes.io/ssl-redirect: \"false\" }",
            false => "",
        };
        let is_domain = |host: &usize| self.domains[*host];
        let domains = (0..HOSTS.len()).filter(is_domain);
        let domains: Vec<String> = domains
            .map(|host| {
                // In one tier such a domain is in no object, and nothing can say where its requests come.
                let is_plain = self.plain[host] && !matches!(self.chooser, Chooser::OneTier(_));
                let tls = if is_plain { ", tls_secret: false" } else { "" };
                format!("\"{}\": {{ entrypoint: {}{tls} }}", HOSTS[host], self.of(self.apart[host]))
            })
            .collect();
        let domains = domains.join(", ");
        let tiers = |class: &str, port: u16| match self.chooser {
            Chooser::Controller(keys) => format!(
                "    edge: {{ class: edge{class}, health_check_node_port: {port}{plain_http} }}\n    routing: {{ class: routing{class}, {keys} }}"
            ),
            Chooser::OneTier(keys) => format!(
                "    edge: {{ class: edge{class}, {keys}, health_check_node_port: {port}{plain_http} }}"
            ),
            Chooser::Implementation(name) => format!(
                "    edge: {{ api: gateway, implementation: {name}, class: edge, selector: {{ app: x }}, health_check_node_port: {port} }}"
            ),
        };
        let (entrypoint, first, second) =
            (self.entrypoint, tiers(self.class, 32100), tiers("-apart", 32101));
        let mut text = format!(
            "datacenter: x
gateways: {{ public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }} }}
nodes: {{ lb-1: {{ address: 10.0.0.11, interface: eth0 }}, lb-2: {{ address: 10.0.0.12, interface: eth0 }} }}
vips: [ {{ address: 192.0.2.10, entrypoint: {entrypoint} }}, {{ address: 192.0.2.11, entrypoint: apart }} ]
entrypoints:
  {entrypoint}:
{first}
{fallback}  apart:
{second}
domains: {{ one.example.net: {{ entrypoint: {entrypoint} }}, two.example.net: {{ entrypoint: apart }}, {domains} }}
components:
"
        );
        for (index, found) in self.components.iter().enumerate() {
            let Some(found) = found else { continue };
            let paths = found.paths.iter().map(|(path, kind)| {
                let all: Vec<&str> = PATHS.iter().chain(&REGEXES).copied().collect();
                let kind = if *path < PATHS.len() { TYPES[*kind] } else { TYPES[2] };
                format!("{{ path: '{}', type: {kind} }}", all[*path])
            });
            let hosts: Vec<String> = found
                .hosts
                .iter()
                .filter(|host| is_domain(host) && self.apart[**host] == found.is_apart)
                .map(|host| format!("\"{}\"", HOSTS[*host]))
                .collect();
            // Without hosts it would be for any.
            if hosts.is_empty() && !found.hosts.is_empty() {
                continue;
            }
            let entrypoint = self.of(found.is_apart);
            let served = match found.port {
                LEGACY if found.is_apart => continue,
                LEGACY => "state: legacy".to_owned(),
                MACHINES => format!("backend: {{ port: {MACHINES}, addresses: [10.0.9.7] }}"),
                port => format!("backend: {{ port: {port} }}"),
            };
            text += &format!(
                "  c{index}: {{ entrypoint: {entrypoint}, {served}, paths: [{}], hosts: [{}], annotations: {{ {} }} }}\n",
                paths.collect::<Vec<_>>().join(", "),
                hosts.join(", "),
                ANNOTATIONS[found.annotation],
            )
            .replace(", hosts: []", "")
            .replace(", annotations: {  }", "");
        }
        text
    }

    fn of(&self, is_apart: bool) -> &'static str {
        if is_apart { "apart" } else { self.entrypoint }
    }
}

fn component() -> impl Strategy<Value = Component> {
    let path = prop_oneof![6 => 0..PATHS.len(), 1 => PATHS.len()..PATHS.len() + REGEXES.len()];
    (
        prop::collection::btree_set(0..HOSTS.len(), 0..3),
        prop::collection::btree_set((path, 0..TYPES.len()), 1..3),
        prop_oneof![5 => 8080..LEGACY, 1 => Just(LEGACY)],
        prop_oneof![5 => Just(0usize), 1 => 1..ANNOTATIONS.len()],
        prop::bool::weighted(0.15),
    )
        .prop_map(|(hosts, paths, port, annotation, is_apart)| Component {
            hosts,
            paths,
            port,
            annotation,
            is_apart,
        })
}

/// An inventory, and the same after an edit of a component, of the fallback, of plain http, of a domain, of the program
/// that chooses, of where a domain and its components are, or of the names of an entrypoint and its classes.
pub fn edits() -> impl Strategy<Value = (Served, Served)> {
    let components = prop::collection::vec(prop::option::weighted(0.8, component()), 4);
    (
        prop::sample::select(CHOOSERS.to_vec()),
        0..3usize,
        components,
        (
            prop::bool::weighted(0.2),
            prop::array::uniform3(prop::bool::weighted(0.8)),
            prop::array::uniform4(prop::bool::weighted(0.15)),
            prop::array::uniform4(prop::bool::weighted(0.15)),
        ),
        (0..11usize, prop::sample::select(CHOOSERS.to_vec())),
        prop::option::weighted(0.7, component()),
    )
        .prop_map(
            |(
                chooser,
                fallback,
                components,
                (plain_http, domains, apart, plain),
                (at, other),
                edited,
            )| {
                let domains = [domains[0], domains[1], domains[2], true];
                let (entrypoint, class) = ("web", "");
                let before = Served {
                    chooser,
                    fallback,
                    plain_http,
                    domains,
                    apart,
                    plain,
                    entrypoint,
                    class,
                    components,
                };
                let any =
                    |most: usize| edited.as_ref().map_or(0, |found| usize::from(found.port) % most);
                let mut after = before.clone();
                match (after.components.get_mut(at), at) {
                    (Some(slot), _) => slot.clone_from(&edited),
                    (None, 4) => after.fallback = (fallback + 1 + any(2)) % 3,
                    (None, 5) => after.plain_http = !plain_http,
                    (None, 6) => after.chooser = other,
                    (None, 7) => {
                        let host = any(3);
                        after.apart[host] = !apart[host];
                        // With its components, or without.
                        for found in after.components.iter_mut().flatten().filter(|_| any(2) == 0) {
                            found.is_apart ^= found.hosts.contains(&host);
                        }
                    }
                    (None, 8) if any(2) == 0 => after.entrypoint = "front",
                    (None, 8) => after.class = "-new",
                    (None, 9) => {
                        let host = any(4);
                        after.plain[host] = !plain[host];
                    }
                    (None, _) => {
                        let host = any(3);
                        after.domains[host] = !domains[host];
                    }
                }
                (before, after)
            },
        )
}
