//! Inventories with Gateways, and what becomes of them.

use std::collections::BTreeMap;

use lbgen::emit::{self, BundleFile, Templates};
use lbgen::plan;
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::Value;

use crate::support::random::plan as planned;

/// Returns an inventory around the domains and components of a test.
pub fn inventory(edge: &str, domains: &str, components: &str) -> String {
    format!(
        "datacenter: x\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n\
         nodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\nvips:\n  - address: 192.0.2.10\n\
         entrypoints:\n  web:\n    fallback: {{ name: old, addresses: [10.0.9.1], port: 8080 }}\n{edge}\
         domains:\n{domains}components:\n{components}"
    )
}

pub const ALONE: &str = "    edge: { api: gateway, implementation: other, class: traefik, selector: { app: traefik } }\n";

pub fn numbered(count: usize) -> String {
    (0..count).map(|index| format!("  d{index}.example.com:\n")).collect()
}

pub fn files(text: &str, lock: &str) -> (Vec<BundleFile>, String) {
    let plan = planned(text, lock).unwrap_or_else(|| panic!("not valid:\n{text}"));
    let files = emit::emit(&plan, &Templates::load(None).unwrap()).unwrap();
    (files, plan::lock::text(&plan))
}

pub fn documents(body: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(body)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

pub fn objects(text: &str) -> Vec<Value> {
    let (files, _) = files(text, "");
    let manifests = files.iter().filter(|file| {
        file.path.starts_with("kubernetes/") && !file.path.ends_with("kustomization.yaml")
    });
    manifests.flat_map(|file| documents(&file.body)).collect()
}

pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

pub fn names(objects: &[&Value]) -> Vec<String> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

pub fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

/// Conditions of a path that no request tells apart in two ways: each has all of the one before it, or is for another method.
const MATCHES: [&str; 3] = [
    ", match: { method: POST }",
    ", match: { method: POST, headers: { X-V: \"1\" } }",
    ", match: { method: GET }",
];

/// Generates the text of a component in an inventory.
pub fn component() -> impl Strategy<Value = String> {
    let path = prop::sample::select(vec![
        "/",
        "/a",
        "/a/",
        "/a/b",
        "/b",
        "/%C3%A4",
        "{ path: /x, type: Exact }",
        "{ path: /a/b, type: Exact }",
        "{ path: \"/r(/|$)(.*)\", type: ImplementationSpecific }",
        "{ path: /i, type: ImplementationSpecific }",
    ]);
    let matched = (
        prop::sample::select(vec!["{ path: /a", "{ path: /a/b", "{ path: /x, type: Exact"]),
        prop::sample::select(MATCHES.to_vec()),
    );
    let path = prop_oneof![
        3 => path.prop_map(str::to_owned),
        1 => matched.prop_map(|(path, found)| format!("{path}{found} }}")),
    ];
    let annotation = prop::sample::select(vec![
        "rewrite-target: /new",
        "rewrite-target: /new/$2",
        "permanent-redirect: \"https://new.example.com/x\"",
        "temporal-redirect: \"https://new.example.com$request_uri\"",
        "enable-cors: \"true\"",
        "cors-allow-origin: \"https://a.example.com, https://*.b.example.com\"",
        "upstream-vhost: x.example.com",
        "proxy-read-timeout: \"5\"",
        "proxy-send-timeout: \"400000\"",
        "x-forwarded-prefix: /p",
        "mirror-target: \"http://shadow.n1.svc.cluster.local:81$request_uri\"",
        "use-regex: \"true\"",
        "auth-url: \"https://a\"",
        "canary: \"true\"",
        "canary-weight: \"30\"",
        "canary-by-header: X-Canary",
        "canary-by-header-pattern: \"a.*\"",
        "ssl-redirect: \"false\"",
    ]);
    let hosts = prop_oneof![
        4 => Just(String::new()),
        1 => (1..40u32).prop_map(|count| format!(", hosts: [{}]", (0..count).map(|index| format!("d{index}.example.com")).collect::<Vec<_>>().join(", "))),
        1 => Just(", hosts: [\"*.example.com\"]".to_owned()),
        1 => Just(", hosts: [any.wild.example.com, \"*.wild.example.com\"]".to_owned()),
    ];
    let more = prop_oneof![8 => Just(0usize), 1 => 60..200usize];
    (prop::collection::vec(path, 1..4), more, prop::collection::vec(annotation, 0..4), hosts, 0..3u32).prop_map(
        |(paths, more, annotations, hosts, namespace)| {
            let mut paths = paths;
            paths.extend((0..more).map(|index| format!("/more/{index}")));
            paths.sort();
            paths.dedup();
            let annotations: BTreeMap<&str, &str> = annotations.into_iter().filter_map(|line| line.split_once(": ")).collect();
            let annotations: Vec<String> = annotations.into_iter().map(|(key, value)| format!("nginx.ingress.kubernetes.io/{key}: {value}")).collect();
            format!("{{ namespace: n{namespace}, backend: {{ port: 80 }}, paths: [{}]{hosts}, annotations: {{ {} }} }}", paths.join(", "), annotations.join(", "))
        },
    )
}

pub const BOTH: &str = "    edge: { class: nginx, api: both, gateway: { implementation: other, class: traefik, selector: { app: traefik } } }\n    routing: { class: routing }\n";

/// An inventory with 1 to 5,000 domains, most of them with few.
pub fn random() -> impl Strategy<Value = String> {
    let count = (0.0..8.52f64).prop_map(|size| size.exp() as usize);
    let edge = prop::sample::select(vec![ALONE, BOTH]);
    let redirect = prop::bool::ANY;
    (count, edge, redirect, prop::collection::vec(component(), 0..8), prop::bool::ANY).prop_map(
        |(count, edge, redirect, components, plain)| {
            let mut domains = numbered(count.clamp(1, 5_000));
            domains += "  \"*.wild.example.com\":\n";
            if plain {
                domains += "  plain.example.com: { tls_secret: false }\n  \"*.example.com\": { tls_secret: false }\n";
            }
            let edge = match redirect {
                true => format!("    annotations: {{ nginx.ingress.kubernetes.io/ssl-redirect: \"true\" }}\n{edge}"),
                false => edge.to_owned(),
            };
            let lines: String = components.iter().enumerate().map(|(index, line)| format!("  c{index}: {line}\n")).collect();
            // An Ingress has no `match`.
            let lines = match edge.contains("api: both") {
                true => MATCHES.iter().fold(lines, |lines, found| lines.replace(found, "")),
                false => lines,
            };
            inventory(&edge, &domains, &lines)
        },
    )
}
