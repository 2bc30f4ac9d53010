//! Objects that somebody else wrote, and the inventory that `lbgen import --objects` makes of them.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use serde_json::{Value, json};
use support::{lbgen_in, stderr, stdout};

/// An edge Service with a VIP, whose pods are of a Helm release.
fn edge(name: &str, release: &str, vip: &str, port: u16) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": "ingress" },
        "spec": {
            "type": "LoadBalancer", "healthCheckNodePort": port, "externalIPs": [vip],
            "selector": { "app.kubernetes.io/instance": release },
            "ports": [{ "name": "http", "port": 80 }, { "name": "https", "port": 443 }],
        },
    })
}

/// An Ingress; `backend` is `SERVICE:PORT`.
fn ingress(name: [&str; 2], class: &str, host: &str, path: &str, backend: &str) -> Value {
    let (service, port) = backend.split_once(':').unwrap();
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": name[1], "namespace": name[0] },
        "spec": { "ingressClassName": class, "rules": [{ "host": host, "http": { "paths": [{
            "path": path, "pathType": "Prefix",
            "backend": { "service": { "name": service, "port": { "number": port.parse::<u16>().unwrap() } } },
        }] } }] },
    })
}

/// The edge Ingress of a host.
fn domain(host: &str, tls: Value) -> Value {
    let mut found = ingress(["ingress", host], "pub", host, "/", "routing:80");
    found["spec"]["tls"] = tls;
    found
}

fn tls(host: &str) -> Value {
    json!([{ "hosts": [host], "secretName": host }])
}

/// The title of an address that no file of a node has: every edge of these tests has one.
const UNHELD: &str = "is on no node";

/// The inventory from its entrypoints on, and the codes with their titles.
fn import(objects: Vec<Value>) -> (String, Vec<String>) {
    let (text, mut titles) = import_with_addresses(objects);
    titles.retain(|title| !title.ends_with(UNHELD));
    (text, titles)
}

fn import_with_addresses(objects: Vec<Value>) -> (String, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": objects });
    fs::write(folder.path().join("objects.json"), list.to_string()).unwrap();
    let done = lbgen_in(folder.path(), &["import", "--objects", "objects.json"]);
    let said = stderr(&done);
    let titles = said.lines().filter(|line| line.contains("[LB4")).map(str::to_owned).collect();
    let text = stdout(&done);
    (text[text.find("domains:").unwrap_or(0)..].to_owned(), titles)
}

#[test]
fn an_address_that_no_node_has_is_named() {
    let (_, titles) = import_with_addresses(vec![
        edge("pub", "pub", "192.0.2.10", 32100),
        domain("www.example.com", tls("www.example.com")),
        ingress(["shop", "shop"], "routing", "www.example.com", "/shop", "shop:80"),
    ]);
    assert_eq!(titles, [format!("warning[LB402]: 192.0.2.10 of Service ingress/pub {UNHELD}")]);
}

#[test]
fn one_name_in_two_namespaces_is_two_components() {
    let (text, titles) = import(vec![
        edge("pub", "pub", "192.0.2.10", 32100),
        domain("www.example.com", tls("www.example.com")),
        ingress(["shop", "web"], "routing", "www.example.com", "/shop", "shop:80"),
        ingress(["news", "web"], "routing", "www.example.com", "/news", "news:80"),
    ]);
    assert!(text.contains("  shop-web: ") && text.contains("  news-web: "), "{text}");
    assert_eq!(titles.len(), 2, "{titles:#?}");
}

#[test]
fn a_fallback_answers_everything_that_no_component_does() {
    let outside = |namespace: &str, name: &str| {
        [
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace }, "spec": { "ports": [{ "port": 80 }] } }),
            json!({ "apiVersion": "v1", "kind": "Endpoints", "metadata": { "name": name, "namespace": namespace },
                    "subsets": [{ "addresses": [{ "ip": "10.0.9.7" }], "ports": [{ "port": 8080 }] }] }),
        ]
    };
    let hosts = ["www.example.com", "ui.example.com"];
    let both = |fallback: [&str; 2], rules: &[Option<&str>]| {
        let mut all = vec![edge("pub", "pub", "192.0.2.10", 32100)];
        all.extend(hosts.map(|host| domain(host, tls(host))));
        all.extend(outside(fallback[0], fallback[1]));
        let mut catch = ingress(fallback, "routing", "x", "/", &format!("{}:80", fallback[1]));
        let rule = catch["spec"]["rules"][0].clone();
        let rules = rules.iter().map(|host| {
            let mut rule = rule.clone();
            match host {
                Some(host) => rule["host"] = json!(host),
                None => drop(rule.as_object_mut().unwrap().remove("host")),
            }
            rule
        });
        catch["spec"]["rules"] = rules.collect();
        all.push(catch);
        all.push(ingress(["shop", "shop"], "routing", "www.example.com", "/shop", "shop:80"));
        import(all).0
    };
    let whole = both(["ingress", "old"], &[None, Some("www.example.com")]);
    assert!(!whole.contains("  old: "), "{whole}");
    // Of one host alone it is a component of that.
    let one = both(["legacy", "ui"], &[Some("ui.example.com")]);
    assert!(
        one.contains("  ui: { namespace: legacy") && one.contains("hosts: [ui.example.com]"),
        "{one}"
    );
    let named = both(["ingress", "old"], &[None]);
    assert!(named.contains("  old: "), "www.example.com/other was 404: {named}");
}

#[test]
fn a_service_without_addresses_is_a_backend() {
    let mut external = json!({ "apiVersion": "v1", "kind": "Service", "metadata": { "name": "ext", "namespace": "ingress" } });
    external["spec"] = json!({ "type": "ExternalName", "externalName": "elsewhere.example.com" });
    let (text, _) = import(vec![
        edge("pub", "pub", "192.0.2.10", 32100),
        domain("www.example.com", tls("www.example.com")),
        external,
        ingress(["ingress", "ext"], "routing", "www.example.com", "/", "ext:80"),
    ]);
    assert!(text.contains("  ext: { backend: { port: 80 }, paths: [/]"), "{text}");
}

#[test]
fn certificates_are_found_as_controllers_find_them() {
    let (text, titles) = import(vec![
        edge("pub", "pub", "192.0.2.10", 32100),
        domain("a.example.com", json!([{ "secretName": "a-cert" }])),
        domain("b.example.com", json!([{ "hosts": ["*.example.com"], "secretName": "star" }])),
        domain("c.example.com", json!([{ "hosts": ["c.example.com"] }])),
        ingress(["shop", "shop"], "routing", "a.example.com", "/", "shop:80"),
    ]);
    assert!(text.contains("a.example.com: { tls_secret: a-cert }"), "{text}");
    assert!(text.contains("b.example.com: { tls_secret: star }"), "{text}");
    assert!(text.contains("c.example.com: { tls_secret: default }"), "{text}");
    assert_eq!(titles, [""; 0]);
    let mut second = ingress(["shop", "shop"], "routing", "a.example.com", "/", "shop:80");
    second["spec"]["tls"] = tls("a.example.com");
    let first = domain("a.example.com", tls("a.example.com"));
    let (_, titles) = import(vec![edge("pub", "pub", "192.0.2.10", 32100), first, second]);
    assert!(
        titles.iter().any(|title| title.contains("LB402") && title.contains("`tls`")),
        "{titles:#?}"
    );
}

#[test]
fn edges_are_paired_with_classes_by_their_selectors() {
    let whole = |name: &str, class: &str, service: &str| {
        let mut found =
            ingress(["ingress", name], class, &format!("{name}.example.com"), "/", service);
        found["spec"]["tls"] = tls(&format!("{name}.example.com"));
        found
    };
    let shop = |name: &str, class: &str| {
        ingress(["shop", name], class, &format!("{name}.example.com"), "/", "shop:80")
    };
    let two = [edge("a", "zeta", "192.0.2.10", 32100), edge("b", "alpha", "192.0.2.20", 32101)];
    let mut all = two.to_vec();
    all.extend([whole("z", "zeta", "zr:80"), whole("y", "alpha", "ar:80")]);
    all.extend([shop("z", "zr"), shop("y", "ar")]);
    let (text, titles) = import(all);
    assert!(text.contains("z.example.com: { entrypoint: a }"), "{text}");
    assert!(text.contains("y.example.com: { entrypoint: b }"), "{text}");
    assert!(!titles.iter().any(|title| title.starts_with("error")), "{titles:#?}");
    // A host of both edges is one's.
    let mut all = two.to_vec();
    let mut other = whole("z", "alpha", "ar:80");
    other["metadata"]["name"] = json!("other");
    all.extend([whole("z", "zeta", "zr:80"), other, shop("z", "zr"), shop("y", "ar")]);
    let (_, titles) = import(all);
    assert!(
        titles.iter().any(|title| title.contains("which the entrypoint `a` keeps")),
        "{titles:#?}"
    );
}

#[test]
fn refusals_say_what_is_there() {
    let mut none = ingress(["shop", "none"], "routing", "www.example.com", "/", "shop:80");
    none["spec"].as_object_mut().unwrap().remove("rules");
    none["spec"]["defaultBackend"] =
        json!({ "service": { "name": "x", "port": { "number": 80 } } });
    let mut order = ingress(["shop", "order"], "routing", "www.example.com", "/x", "shop:80");
    let path = |path: &str| {
        let mut found = order["spec"]["rules"][0]["http"]["paths"][0].clone();
        found["path"] = json!(path);
        found
    };
    let rule = |host: &str, paths: [&str; 2]| json!({ "host": host, "http": { "paths": paths.map(path) } });
    let rules = json!([rule("www.example.com", ["/x", "/y"]), rule("b.example.com", ["/y", "/x"])]);
    order["spec"]["rules"] = rules;
    let (text, titles) = import(vec![
        edge("pub", "pub", "192.0.2.10", 32100),
        domain("www.example.com", tls("www.example.com")),
        none,
        order,
    ]);
    assert!(titles.iter().any(|title| title.ends_with("has no rules with paths")), "{titles:#?}");
    assert!(text.contains("  order:"), "{text}");
}

/// A cluster does not say which file an object is from: two tiers of ours are two tiers from anywhere.
#[test]
fn two_tiers_of_ours_are_read_without_their_bundle() {
    let work = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("minimal"), &work.path().join("out"));
    let (nodes, objects) = (bundle.join("nodes"), bundle.join("kubernetes"));
    let text = work.path().join("back.yaml");
    let [nodes, objects, back] = [&nodes, &objects, &text].map(|path| path.to_str().unwrap());
    let done = support::lbgen(&["import", nodes, "--objects", objects, "-o", back]);
    assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
    let text = fs::read_to_string(&text).unwrap();
    assert!(text.contains("routing: { class: routing-nginx }"), "{text}");
    assert!(text.contains("shop: { backend: { port: http }, paths: [/] }"), "{text}");
}
