//! Types, schemas and rules of the API server, held against every object.

use std::collections::{BTreeMap, BTreeSet};

use gateway_api::gateways::Gateway;
use gateway_api::httproutes::HttpRoute;
use gateway_api::listenersets::ListenerSet;
use kube::CustomResourceExt;
use lbgen::emit::{self, Templates};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use crate::inventory::{ALONE, documents, inventory, objects, random};
use crate::support;
use crate::support::gateway_rules::broken;
use crate::support::random::plan as planned;

/// The schemas of the custom resources, by kind, as the crate `gateway-api` has them.
struct Schemas(BTreeMap<&'static str, jsonschema::Validator>);

impl Schemas {
    fn load() -> Self {
        let of = |crd: Value| {
            let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
            assert!(schema["properties"]["spec"].is_object());
            jsonschema::validator_for(schema).unwrap()
        };
        let crds = [
            ("Gateway", serde_json::to_value(Gateway::crd())),
            ("ListenerSet", serde_json::to_value(ListenerSet::crd())),
            ("HTTPRoute", serde_json::to_value(HttpRoute::crd())),
        ];
        Self(crds.into_iter().map(|(kind, crd)| (kind, of(crd.unwrap()))).collect())
    }

    /// Types, schema and rules take the object; false where it is none of Gateway API.
    fn accept(&self, object: &Value) -> bool {
        fn through<T: serde::de::DeserializeOwned + serde::Serialize>(object: &Value) -> Value {
            serde_json::to_value(serde_json::from_value::<T>(object.clone()).unwrap()).unwrap()
        }
        let typed = match object["kind"].as_str().unwrap() {
            "Gateway" => through::<Gateway>(object),
            "ListenerSet" => through::<ListenerSet>(object),
            "HTTPRoute" => through::<HttpRoute>(object),
            _ => return false,
        };
        assert_eq!(typed, *object, "a field that the type does not know");
        let schema = &self.0[object["kind"].as_str().unwrap()];
        let wrong: Vec<String> =
            schema.iter_errors(object).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{wrong:?}\n{object:#}");
        assert_eq!(broken(object), [""; 0], "{object:#}");
        true
    }
}

#[test]
fn objects_of_the_examples_are_taken() {
    let schemas = Schemas::load();
    let mut taken = BTreeSet::new();
    for example in support::examples() {
        let folder = tempfile::tempdir().unwrap();
        let bundle = support::render(&support::inventory(&example), folder.path());
        for (path, body) in support::files(&bundle) {
            if path.starts_with("kubernetes/") && path.ends_with(".yaml") {
                for object in documents(std::str::from_utf8(&body).unwrap()) {
                    if schemas.accept(&object) {
                        taken.insert(object["kind"].as_str().unwrap().to_owned());
                    }
                }
            }
        }
    }
    assert_eq!(taken.into_iter().collect::<Vec<_>>(), ["Gateway", "HTTPRoute", "ListenerSet"]);
}

/// One case per rule: an object that is right, one change, and the message.
#[test]
fn each_rule_of_the_api_server_refuses_something() {
    let text = inventory(
        ALONE,
        "  a.example.com:\n  b.example.com:\n",
        "  shop: { backend: { port: 80 }, paths: [/shop, /cart], hosts: [a.example.com], annotations: { nginx.ingress.kubernetes.io/enable-cors: \"true\", nginx.ingress.kubernetes.io/proxy-read-timeout: \"5\", nginx.ingress.kubernetes.io/upstream-vhost: x.example.com } }\n",
    );
    let all = objects(&text);
    let get = |kind: &str, name: &str| {
        let mut found = all.iter().filter(|object| object["kind"] == kind);
        found.find(|object| object["metadata"]["name"] == name).unwrap().clone()
    };
    let (gateway, set, route) =
        (get("Gateway", "web"), get("ListenerSet", "web-00"), get("HTTPRoute", "shop"));
    for right in [&gateway, &set, &route] {
        assert_eq!(broken(right), [""; 0], "{right:#}");
    }
    let many = |value: &Value, count: usize| Value::Array(vec![value.clone(); count]);
    let listener = &set["spec"]["listeners"][0];
    let rule = &route["spec"]["rules"][0];
    let one = &rule["matches"][0];
    let filter = |filter: Value| json!([filter]);
    let cases: Vec<(&Value, &str, Value, &str)> = vec![
        (&gateway, "/spec/listeners", json!([]), "1 to 64 listeners"),
        (&set, "/spec/listeners", many(listener, 65), "1 to 64 listeners"),
        (&set, "/spec/listeners", many(listener, 2), "listener names are unique"),
        (
            &set,
            "/spec/listeners/1/hostname",
            json!("a.example.com"),
            "port, protocol and hostname are unique",
        ),
        (&set, "/spec/listeners/0/protocol", json!("HTTP"), "no TLS for HTTP"),
        (&set, "/spec/listeners/0/tls/mode", json!("Passthrough"), "HTTPS terminates TLS"),
        (&set, "/spec/listeners/0/tls/certificateRefs", json!([]), "TLS has a certificate"),
        (&set, "/spec/listeners/0/name", json!("*.example.com"), "a section name"),
        (&set, "/spec/listeners/0/hostname", json!("a_b"), "a hostname"),
        (
            &set,
            "/spec/listeners/0/allowedRoutes/namespaces/from",
            json!("All"),
            "a selector where `from` says so",
        ),
        (
            &set,
            "/spec/listeners/0/allowedRoutes/namespaces/selector/matchExpressions/0/values",
            json!([]),
            "`In` has values",
        ),
        (&set, "/spec/parentRef/kind", json!("Service"), "the parent of a ListenerSet"),
        (&route, "/spec/parentRefs", json!([]), "1 to 32 parents"),
        (
            &route,
            "/spec/parentRefs",
            many(&route["spec"]["parentRefs"][0], 2),
            "parents are unique",
        ),
        (&route, "/spec/hostnames", many(&json!("a.example.com"), 17), "at most 16 hostnames"),
        (&route, "/spec/rules", many(rule, 17), "1 to 16 rules"),
        (
            &route,
            "/spec/rules",
            many(&json!({ "matches": many(one, 64) }), 3),
            "at most 128 matches of a route",
        ),
        (&route, "/spec/rules/0/matches", many(one, 65), "1 to 64 matches of a rule"),
        (&route, "/spec/rules/0/matches/0/path/value", json!("cart"), "an absolute path"),
        (&route, "/spec/rules/0/matches/0/path/value", json!("/a//b"), "a normal path"),
        (&route, "/spec/rules/0/matches/0/path/value", json!("/a/.."), "a normal path"),
        (&route, "/spec/rules/0/matches/0/path/value", json!("/a[b"), "characters of a path"),
        (&route, "/spec/rules/0/matches/0/path/value", json!("/%4"), "characters of a path"),
        (
            &route,
            "/spec/rules/0/matches/0/path/value",
            json!("/a".repeat(600)),
            "a path of 1024 characters",
        ),
        (
            &route,
            "/spec/rules/0/matches/0/headers",
            many(&json!({ "name": "a", "value": "b" }), 17),
            "at most 16 headers",
        ),
        (&route, "/spec/rules/0/backendRefs/0/port", Value::Null, "a Service has a port"),
        (
            &route,
            "/spec/rules/0/backendRefs",
            many(&rule["backendRefs"][0], 17),
            "at most 16 backends",
        ),
        (&route, "/spec/rules/0/filters", many(&rule["filters"][0], 2), "a filter is not repeated"),
        (
            &route,
            "/spec/rules/0/filters",
            filter(json!({ "type": "RequestRedirect", "requestRedirect": {} })),
            "a redirect has no backend",
        ),
        (
            &route,
            "/spec/rules/0/filters/1",
            json!({ "type": "RequestRedirect", "requestRedirect": {} }),
            "a redirect or a rewrite",
        ),
        (
            &route,
            "/spec/rules/0/filters/0/type",
            json!("CORS"),
            "a filter has the field of its type",
        ),
        (
            &route,
            "/spec/rules/0/filters/0/urlRewrite",
            json!({ "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/" } }),
            "a replaced prefix has one PathPrefix match",
        ),
        (
            &route,
            "/spec/rules/0/filters/1/cors/allowMethods",
            json!(["GET", "*"]),
            "`*` stands alone",
        ),
        (
            &route,
            "/spec/rules/0/filters/1/cors/allowHeaders",
            many(&json!("a"), 65),
            "entries of a CORS filter",
        ),
        (&route, "/spec/rules/0/timeouts/request", json!("100000s"), "a duration of GEP-2257"),
    ];
    for (right, at, value, rule) in cases {
        let mut wrong = right.clone();
        match wrong.pointer_mut(at) {
            Some(place) => *place = value,
            None => {
                let (parent, key) = at.rsplit_once('/').unwrap();
                wrong.pointer_mut(parent).unwrap()[key] = value;
            }
        }
        assert!(broken(&wrong).contains(&rule), "{rule}: {:?}", broken(&wrong));
    }
}

#[test]
fn objects_of_random_inventories_are_taken() {
    let schemas = Schemas::load();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let (mut valid, mut taken, mut largest) = (0, 0, 0);
    while valid < 300 {
        let text = random().new_tree(&mut runner).unwrap().current();
        // Two components of one path are refused.
        let Some(plan) = planned(&text, "") else { continue };
        valid += 1;
        largest = largest.max(plan.listener_sets.values().map(BTreeMap::len).max().unwrap());
        let files = emit::emit(&plan, &Templates::load(None).unwrap()).unwrap();
        for file in files.iter().filter(|file| {
            file.path.starts_with("kubernetes/")
                && file.path.ends_with(".yaml")
                && !file.path.contains("/domains/")
        }) {
            for object in documents(&file.body) {
                taken += usize::from(schemas.accept(&object));
            }
        }
    }
    println!("{taken} objects, at most {largest} domains");
    assert!(taken > 3_000 && largest > 1_984, "{taken} objects, {largest} domains");
}
