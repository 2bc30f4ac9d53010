//! Objects of Gateways read back: those of lbgen as the inventory that they came from, those of others as far as one can say them.

use std::collections::{BTreeMap, BTreeSet};

use lbgen::diag::Report;
use lbgen::import::{Source, import};
use lbgen::source::Sources;
use lbgen::state::{State, Tree};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use serde_json::{Value, json};

use crate::inventory::{files, random};
use crate::support::random::plan;
use crate::support::{lbgen_in, stderr, stdout};

fn state(text: &str) -> (Tree, State) {
    let tree = Tree::of_files("", &files(text, "").0);
    let state = State::read(&tree, &mut Sources::default()).0;
    (tree, state)
}

/// Objects by what a reader sees of them; the order of rules and matches says nothing.
fn objects(state: &State) -> BTreeMap<String, Value> {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Array(all) => {
                let mut all: Vec<_> = all.iter().map(sorted).collect();
                all.sort_by_key(ToString::to_string);
                all.into()
            }
            Value::Object(map) => {
                map.iter().map(|(key, value)| (key.clone(), sorted(value))).collect()
            }
            other => other.clone(),
        }
    }
    let mut found = BTreeMap::new();
    for (key, object) in &state.objects {
        if key.kind != "HTTPRoute" {
            found.insert(key.to_string(), sorted(&object.value));
            continue;
        }
        // Limits part a component's rules among routes in the order in which they are written.
        let spec = &object.value["spec"];
        for rule in spec["rules"].as_array().unwrap() {
            for matched in rule["matches"].as_array().unwrap() {
                let mut rule = rule.clone();
                rule["matches"] = json!([matched]);
                let route = json!({
                    "labels": object.value["metadata"]["labels"],
                    "namespace": key.namespace,
                    "parents": spec["parentRefs"],
                    "hosts": spec["hostnames"],
                    "rule": rule,
                });
                found.insert(sorted(&route).to_string(), Value::Null);
            }
        }
    }
    found
}

#[test]
fn random_bundles_read_back_as_they_are() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let mut read = 0;
    while read < 60 {
        let text = random().new_tree(&mut runner).unwrap().current();
        // With several treatments a component becomes several; what has no counterpart is not there to be read.
        let is_parted =
            ["rewrite-target", "use-regex", "canary: "].iter().any(|key| text.contains(key));
        // A wildcard hides what others claim for any host: the objects do not have it, nor say who named a host below it.
        let is_open = text.contains("[\"*.example.com\"]");
        let is_large = text.matches('\n').count() > 300;
        if is_parted || is_open || is_large || text.contains("api: both") {
            continue;
        }
        if plan(&text, "").is_none() {
            continue;
        }
        let (tree, before) = state(&text);
        // The lock knows in which ListenerSet a domain is.
        if before.objects.keys().filter(|key| key.kind == "ListenerSet").count() > 1 {
            continue;
        }
        // Nor is a component read that has no route, because others answer all of its requests.
        let routed = before.objects.keys().filter(|key| key.kind == "HTTPRoute");
        let routed: BTreeSet<&str> =
            routed.map(|key| key.name.split('-').next().unwrap_or_default()).collect();
        if (0..8).any(|at| {
            text.contains(&format!("  c{at}: ")) && !routed.contains(format!("c{at}").as_str())
        }) {
            continue;
        }
        read += 1;
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let source = Source { tree, ..Source::default() };
        let imported = import(source, &mut sources, &mut report).unwrap();
        let (_, after) = state(&imported);
        let (before, after) = (objects(&before), objects(&after));
        for (key, value) in &before {
            assert_eq!(after.get(key), Some(value), "{key}\n{text}\n{imported}");
        }
        let more = after.keys().find(|key| !before.contains_key(*key));
        assert_eq!(more, None, "{text}\n{imported}");
    }
}

/// A Gateway as its users write it: listeners of its own, routes that name them, rewrites, shares, a match.
const OTHERS: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: eg }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: eg, namespace: web }
spec:
  gatewayClassName: eg
  listeners:
    - { name: http, port: 80, protocol: HTTP, allowedRoutes: { namespaces: { from: All } } }
    - name: https-www
      allowedRoutes: { namespaces: { from: All } }
      port: 443
      protocol: HTTPS
      hostname: www.example.com
      tls: { mode: Terminate, certificateRefs: [{ name: www-tls }] }
    - name: https-api
      allowedRoutes: { namespaces: { from: All } }
      port: 443
      protocol: HTTPS
      hostname: api.example.com
      tls: { mode: Terminate, certificateRefs: [{ kind: Secret, name: api.example.com }] }
---
apiVersion: v1
kind: Service
metadata: { name: envoy-web-eg-1a2b, namespace: envoy-gateway-system }
spec:
  type: LoadBalancer
  externalIPs: [192.0.2.10]
  healthCheckNodePort: 32100
  selector: { gateway.envoyproxy.io/owning-gateway-name: eg, gateway.envoyproxy.io/owning-gateway-namespace: web }
  ports: [{ name: http, port: 80, targetPort: 10080 }, { name: https, port: 443, targetPort: 10443 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: to-https, namespace: web }
spec:
  parentRefs: [{ name: eg, sectionName: http }]
  rules: [{ filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, statusCode: 301 } }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: shop, namespace: shop }
spec:
  parentRefs: [{ name: eg, namespace: web, sectionName: https-www }]
  rules:
    - backendRefs: [{ name: shop, port: 8080, weight: 9 }, { name: shop-next, port: 8080, weight: 1 }]
    - matches: [{ path: { type: PathPrefix, value: /old } }]
      filters:
        - { type: URLRewrite, urlRewrite: { path: { type: ReplacePrefixMatch, replacePrefixMatch: /v2 } } }
        - { type: RequestMirror, requestMirror: { backendRef: { name: shadow, port: 80 } } }
        - { type: ExtensionRef, extensionRef: { group: x.io, kind: Y, name: z } }
      backendRefs: [{ name: shop, port: 8080 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: orders, namespace: api }
spec:
  parentRefs: [{ name: eg, namespace: web }]
  hostnames: [api.example.com]
  rules:
    - matches:
        - { path: { type: Exact, value: /orders }, method: POST, headers: [{ name: X-Tenant, value: blue }] }
        - { path: { type: PathPrefix, value: /search }, queryParams: [{ name: beta, value: "1" }] }
      timeouts: { request: 1m }
      backendRefs: [{ name: intake, port: 80 }]
"#;

#[test]
fn routes_of_others_become_components() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("objects.yaml"), OTHERS).unwrap();
    let done = lbgen_in(folder.path(), &["import", "--objects", "objects.yaml"]);
    let text = stdout(&done);
    let from = text.find("entrypoints:").unwrap_or_else(|| panic!("{text}{}", stderr(&done)));
    insta::with_settings!({ snapshot_path => "../../snapshots/import", prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!("gateway-api", format!("{}\n{}", &text[from..], stderr(&done)));
    });
}

/// A Gateway, its Service and a route; `edit` replaces a text in it.
const ONE: &str = r#"
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: c }
spec: { controllerName: gateway.envoyproxy.io/gatewayclass-controller }
---
apiVersion: v1
kind: Service
metadata: { name: lb, namespace: web }
spec:
  type: LoadBalancer
  healthCheckNodePort: 32100
  selector: { gateway.envoyproxy.io/owning-gateway-name: gw, gateway.envoyproxy.io/owning-gateway-namespace: web }
  ports: [{ name: http, port: 80 }, { name: https, port: 443 }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: web }
spec:
  gatewayClassName: c
  listeners:
    - { name: http, port: 80, protocol: HTTP }
    - { name: a, hostname: a.example.com, port: 443, protocol: HTTPS, tls: { certificateRefs: [{ name: a-tls }] } }
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: web }
spec:
  parentRefs: [{ name: gw }]
  hostnames: [a.example.com]
  rules: [{ backendRefs: [{ name: web, port: 80 }] }]
"#;

/// The components of an import, and the titles of its messages.
fn imported(text: &str) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("objects.yaml"), text).unwrap();
    let done = lbgen_in(folder.path(), &["import", "--objects", "objects.yaml"]);
    let said = stderr(&done);
    let titles: Vec<&str> = said.lines().filter(|line| line.contains("[LB4")).collect();
    let text = stdout(&done);
    (text[text.find("components:").unwrap_or(0)..].to_owned(), titles.join("\n"))
}

#[test]
fn no_route_is_lost_without_a_word() {
    let (text, said) = imported(ONE);
    assert_eq!(said, "");
    assert!(text.contains("r: { backend: { service: web, port: 80 }"), "{text}");
    // A null is absent, as it is for the API server.
    for (old, new) in [
        ("hostnames: [a.example.com]", "hostnames: null"),
        ("{ backendRefs", "{ matches: null, filters: null, backendRefs"),
        (
            "{ backendRefs",
            "{ matches: [{ path: { type: null, value: / }, method: null }], backendRefs",
        ),
    ] {
        let (text, said) = imported(&ONE.replace(old, new));
        assert!(text.contains("service: web") && said.is_empty(), "{new}: {text}{said}");
    }
    // Of names that are equal without case the first counts.
    let twice = "{ matches: [{ headers: [{ name: X-A, value: one }, { name: x-a, value: two }] }], backendRefs";
    let (text, said) = imported(&ONE.replace("{ backendRefs", twice));
    assert!(text.contains("X-A: one") && !text.contains("two"), "{text}{said}");
    for (old, new, wanted) in [
        ("port: 80 }] }]\n", "port: \"80\" }] }]\n", "cannot be read"),
        ("parentRefs: [{ name: gw }]", "parentRefs: gw", "cannot be read"),
        ("parentRefs: [{ name: gw }]", "parentRefs: [{ name: other }]", "attaches to no Gateway"),
        ("name: r, namespace: web", "name: r, namespace: team", "attaches to no Gateway"),
        (
            "certificateRefs: [{ name: a-tls }]",
            "options: { x/y: z }, certificateRefs: [{ name: a-tls }]",
            "`tls.options`",
        ),
        (
            "certificateRefs: [{ name: a-tls }]",
            "certificateRefs: [{ name: a-tls, namespace: certs }]",
            "namespace `certs`",
        ),
        (
            "    - { name: a, h",
            "    - { name: alt, port: 8081, protocol: HTTP }\n    - { name: a, h",
            "port 8081",
        ),
        (
            "parentRefs: [{ name: gw }]",
            "parentRefs: [{ name: gw, sectionName: a }]",
            "answers over plain http too",
        ),
        (
            "{ backendRefs",
            "{ matches: [{ headers: [{ name: X-A, value: '' }] }], backendRefs",
            "matches `/` by header X-A",
        ),
        (
            "{ backendRefs",
            "{ filters: [{ type: ExtensionRef, extensionRef: { name: auth } }], backendRefs",
            "the filter `ExtensionRef`",
        ),
        (
            "rules: [",
            "rules: [{ backendRefs: [{ name: first, port: 80 }] }, ",
            "is claimed by r too",
        ),
        (
            "rules: [",
            "rules: [{ matches: [{ path: { type: PathPrefix, value: /old } }], filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }] }, ",
            "a redirect that keeps a part",
        ),
    ] {
        let (text, said) = imported(&ONE.replace(old, new));
        assert!(said.contains(wanted), "{new}: {said}\n{text}");
    }
    // Two Gateways of one name.
    let team =
        ONE[ONE.find("kind: Gateway\n").unwrap()..].replace("namespace: web", "namespace: team");
    let both = format!(
        "{ONE}---\napiVersion: gateway.networking.k8s.io/v1\n{}",
        team.replace("a.example.com", "t.example.com")
    );
    let (text, said) = imported(&both);
    assert!(said.contains("becomes the entrypoint team-gw"), "{said}");
    assert!(text.contains("entrypoint: team-gw") && text.contains("entrypoint: web-gw"), "{text}");
}
