//! Gateway API: every object is one that an API server takes, every limit is kept, and a day's edits change little.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use gateway_api::gateways::Gateway;
use gateway_api::httproutes::HttpRoute;
use gateway_api::listenersets::ListenerSet;
use kube::CustomResourceExt;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::impact::{Class, Comparison, Impact};
use lbgen::model::{Exposed, Host, Name};
use lbgen::plan;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde::Deserialize;
use serde_json::{Value, json};
use support::gateway_rules::broken;
use support::random::plan as planned;

/// What stands around the domains and components of a test.
fn inventory(edge: &str, domains: &str, components: &str) -> String {
    format!(
        "datacenter: x\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n\
         nodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\nvips:\n  - address: 192.0.2.10\n\
         entrypoints:\n  web:\n    fallback: {{ name: old, addresses: [10.0.9.1], port: 8080 }}\n{edge}\
         domains:\n{domains}components:\n{components}"
    )
}

const ALONE: &str = "    edge: { api: gateway, class: traefik, selector: { app: traefik } }\n";

fn numbered(count: usize) -> String {
    (0..count).map(|index| format!("  d{index}.example.com:\n")).collect()
}

fn files(text: &str, lock: &str) -> (Vec<BundleFile>, String) {
    let plan = planned(text, lock).unwrap_or_else(|| panic!("not valid:\n{text}"));
    let files = emit::emit(&plan, &Templates::load(None).unwrap()).unwrap();
    (files, plan::lock::text(&plan))
}

fn documents(body: &str) -> Vec<Value> {
    serde_yaml::Deserializer::from_str(body)
        .map(|document| Value::deserialize(document).unwrap())
        .collect()
}

fn objects(text: &str) -> Vec<Value> {
    let (files, _) = files(text, "");
    let manifests = files.iter().filter(|file| {
        file.path.starts_with("kubernetes/") && !file.path.ends_with("kustomization.yaml")
    });
    manifests.flat_map(|file| documents(&file.body)).collect()
}

fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

fn names(objects: &[&Value]) -> Vec<String> {
    objects.iter().map(|object| object["metadata"]["name"].as_str().unwrap().to_owned()).collect()
}

fn length(value: &Value) -> usize {
    value.as_array().map_or(0, Vec::len)
}

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
fn listeners_are_sixty_four_a_set_and_sets_thirty_one_a_route() {
    for (domains, sets, routes) in [
        (63, 1, 1),
        (64, 1, 1),
        (65, 2, 1),
        (1_983, 31, 1),
        (1_984, 31, 1),
        (1_985, 32, 2),
        (5_000, 79, 3),
    ] {
        let text = inventory(
            ALONE,
            &numbered(domains),
            "  shop: { namespace: shop, backend: { port: 80 }, paths: [/] }\n  cart: { namespace: shop, backend: { port: 80 }, paths: [/cart] }\n",
        );
        let text =
            text.replace("    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }\n", "");
        let all = objects(&text);
        let found = of_kind(&all, "ListenerSet");
        assert_eq!(found.len(), sets, "{domains} domains");
        let listeners: usize = found.iter().map(|set| length(&set["spec"]["listeners"])).sum();
        assert_eq!(listeners, domains);
        let of_cart: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("cart"))
            .collect();
        assert_eq!(of_cart.len(), routes, "{domains} domains");
        let parents: Vec<usize> =
            of_cart.iter().map(|route| length(&route["spec"]["parentRefs"])).collect();
        assert_eq!(parents.iter().sum::<usize>(), sets + 1, "{domains} domains: {parents:?}");
        if routes > 1 {
            let wanted: Vec<String> = (1..=routes).map(|index| format!("cart-{index}")).collect();
            assert_eq!(names(&of_cart), wanted);
            assert_eq!(parents[0], 32);
        }
        all.iter().for_each(|object| assert_eq!(broken(object), [""; 0]));
    }
}

#[test]
fn hosts_are_sixteen_a_route_and_matches_a_hundred_and_twenty_eight() {
    let hosts = |count: usize| {
        (0..count).map(|index| format!("d{index}.example.com")).collect::<Vec<_>>().join(", ")
    };
    let paths =
        |count: usize| (0..count).map(|index| format!("/p{index}")).collect::<Vec<_>>().join(", ");
    for (of_hosts, of_paths, wanted) in
        [(16, 1, 1), (17, 1, 2), (0, 64, 1), (0, 65, 1), (0, 128, 1), (0, 129, 2), (17, 129, 4)]
    {
        let text = inventory(
            ALONE,
            &numbered(20),
            &format!(
                "  shop: {{ backend: {{ port: 80 }}, hosts: [{}], paths: [{}] }}\n",
                hosts(of_hosts),
                paths(of_paths)
            ),
        );
        let all = objects(&text);
        let routes: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("shop"))
            .collect();
        assert_eq!(routes.len(), wanted, "{of_hosts} hosts, {of_paths} paths");
        let mut seen = BTreeSet::new();
        for route in routes {
            assert_eq!(broken(route), [""; 0]);
            let any = json!([null]);
            let hosts = route["spec"].get("hostnames").unwrap_or(&any).as_array().unwrap();
            for host in hosts {
                for rule in route["spec"]["rules"].as_array().unwrap() {
                    for one in rule["matches"].as_array().unwrap() {
                        assert!(seen.insert(format!("{host}{}", one["path"])), "twice: {one}");
                    }
                }
            }
        }
        assert_eq!(seen.len(), of_hosts.max(1) * of_paths);
    }
}

/// Rules that rewrite a prefix have one match each.
#[test]
fn rules_are_sixteen_a_route() {
    for (count, wanted) in [(16, 1), (17, 2)] {
        let paths: Vec<String> = (0..count)
            .map(|index| {
                format!("{{ path: \"/p{index}(/|$)(.*)\", type: ImplementationSpecific }}")
            })
            .collect();
        let text = inventory(
            ALONE,
            &numbered(1),
            &format!(
                "  shop: {{ backend: {{ port: 80 }}, paths: [{}], annotations: {{ nginx.ingress.kubernetes.io/rewrite-target: /new/$2 }} }}\n",
                paths.join(", ")
            ),
        );
        let all = objects(&text);
        let routes: Vec<&Value> = of_kind(&all, "HTTPRoute")
            .into_iter()
            .filter(|route| route["metadata"]["name"].as_str().unwrap().starts_with("shop"))
            .collect();
        assert_eq!(routes.len(), wanted);
        let rules: Vec<&Value> =
            routes.iter().flat_map(|route| route["spec"]["rules"].as_array().unwrap()).collect();
        assert_eq!(rules.len(), count);
        for rule in rules {
            assert_eq!(rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"], "/new");
            assert_eq!(rule["matches"][0]["path"]["type"], "PathPrefix");
        }
        routes.iter().for_each(|route| assert_eq!(broken(route), [""; 0]));
    }
}

#[test]
fn a_second_route_may_not_take_the_name_of_a_component() {
    let many = (0..129).map(|index| format!("/p{index}")).collect::<Vec<_>>().join(", ");
    let components = format!(
        "  shop: {{ backend: {{ port: 80 }}, paths: [{many}] }}\n  shop-2: {{ backend: {{ port: 80 }}, paths: [/other] }}\n"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("i.yaml");
    std::fs::write(&file, inventory(ALONE, &numbered(1), &components)).unwrap();
    let done = support::lbgen(&["check", file.to_str().unwrap()]);
    assert_eq!(support::code(&done), 1);
    let said = support::stderr(&done);
    assert!(
        said.contains("two HTTPRoute objects would be called `shop-2` in namespace `ingress`"),
        "{said}"
    );
}

/// An edit of a day: a domain comes, goes, or gets another Secret.
#[derive(Debug, Clone)]
enum Edit {
    Come(u32),
    Go(prop::sample::Index),
    Secret(prop::sample::Index, u8),
}

fn edit() -> impl Strategy<Value = Edit> {
    prop_oneof![
        3 => (0..100_000u32).prop_map(Edit::Come),
        2 => any::<prop::sample::Index>().prop_map(Edit::Go),
        1 => (any::<prop::sample::Index>(), any::<u8>()).prop_map(|(at, secret)| Edit::Secret(at, secret)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, failure_persistence: None, ..ProptestConfig::default() })]

    /// A hundred edits, one after the other: each changes one ListenerSet, and an HTTPRoute only where a set comes or goes.
    #[test]
    fn a_days_edits_change_one_set(first in 60..260u32, edits in prop::collection::vec(edit(), 100)) {
        let mut domains: BTreeMap<String, Option<u8>> = (0..first).map(|index| (format!("first{index}.example.com"), None)).collect();
        let text = |domains: &BTreeMap<String, Option<u8>>| {
            let mut lines = String::new();
            for (host, secret) in domains {
                match secret {
                    None => writeln!(lines, "  {host}:").unwrap(),
                    Some(secret) => writeln!(lines, "  {host}: {{ tls_secret: s{secret} }}").unwrap(),
                }
            }
            inventory(ALONE, &lines, "  shop: { namespace: shop, backend: { port: 80 }, paths: [/shop] }\n")
        };
        let (mut before, mut lock) = files(&text(&domains), "");
        let mut boundaries = 0;
        for edit in edits {
            match edit {
                Edit::Come(index) => drop(domains.insert(format!("d{index}.example.com"), None)),
                Edit::Go(at) if domains.len() > 1 => {
                    let host = domains.keys().nth(at.index(domains.len())).unwrap().clone();
                    domains.remove(&host);
                }
                Edit::Secret(at, secret) => {
                    let host = domains.keys().nth(at.index(domains.len())).unwrap().clone();
                    domains.insert(host, Some(secret));
                }
                Edit::Go(_) => {}
            }
            let (after, next) = files(&text(&domains), &lock);
            let changed = support::compare::changed(&before, &after);
            let sets = changed.iter().filter(|file| file.path.contains("/listeners-")).count();
            prop_assert!(sets <= 1, "{:?}", changed);
            let is_boundary = changed.iter().any(|file| file.path.contains("/listeners-") && file.kind != lbgen::bundle::ChangeKind::Changed);
            boundaries += usize::from(is_boundary);
            let others = changed.iter().filter(|file| !file.path.contains("/listeners-")).count();
            prop_assert!(is_boundary || others == 0, "{:?}", changed);
            let again = files(&text(&domains), &next);
            prop_assert_eq!(&again.1, &next);
            prop_assert!(support::compare::changed(&after, &again.0).is_empty());
            (before, lock) = (after, next);
        }
        println!("{boundaries} boundaries");
    }
}

/// What an inventory says of a component, in words.
fn component() -> impl Strategy<Value = String> {
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
            let mut paths: Vec<String> = paths.into_iter().map(str::to_owned).collect();
            paths.extend((0..more).map(|index| format!("/more/{index}")));
            paths.sort();
            paths.dedup();
            let annotations: BTreeMap<&str, &str> = annotations.into_iter().filter_map(|line| line.split_once(": ")).collect();
            let annotations: Vec<String> = annotations.into_iter().map(|(key, value)| format!("nginx.ingress.kubernetes.io/{key}: {value}")).collect();
            format!("{{ namespace: n{namespace}, backend: {{ port: 80 }}, paths: [{}]{hosts}, annotations: {{ {} }} }}", paths.join(", "), annotations.join(", "))
        },
    )
}

const BOTH: &str = "    edge: { class: nginx, api: both, gateway: { class: traefik, selector: { app: traefik } } }\n    routing: { class: routing }\n";

/// An inventory with 1 to 5,000 domains, most of them with few.
fn random() -> impl Strategy<Value = String> {
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
            inventory(&edge, &domains, &lines)
        },
    )
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

/// Who answers, by the objects alone: apart from the program's own matcher.
struct Cluster<'a> {
    sets: Vec<&'a Value>,
    routes: Vec<&'a Value>,
}

impl<'a> Cluster<'a> {
    fn of(objects: &'a [Value]) -> Self {
        Self { sets: of_kind(objects, "ListenerSet"), routes: of_kind(objects, "HTTPRoute") }
    }

    /// The Services behind the best match, joined; `redirect` or `none` where there is none.
    fn answer(&self, https: bool, host: &str, path: &str) -> String {
        let covers = |own: &str| {
            own == host || own.strip_prefix('*').is_some_and(|rest| host.ends_with(rest))
        };
        let wanted = if https { "HTTPS" } else { "HTTP" };
        let listeners = self.sets.iter().flat_map(|set| {
            set["spec"]["listeners"].as_array().unwrap().iter().map(move |one| (*set, one))
        });
        let listener = listeners
            .filter(|(_, one)| {
                one["protocol"] == wanted && covers(one["hostname"].as_str().unwrap())
            })
            .max_by_key(|(_, one)| {
                let own = one["hostname"].as_str().unwrap();
                (!own.starts_with('*'), own.len())
            });
        let (parent, at) = match (listener, https) {
            (Some((set, one)), _) => {
                (set["metadata"]["name"].as_str().unwrap(), one["hostname"].as_str().unwrap())
            }
            (None, true) => return "none".to_owned(),
            (None, false) => ("web", "*"),
        };
        let mut best: Option<(_, String)> = None;
        for route in &self.routes {
            let parents = route["spec"]["parentRefs"].as_array().unwrap();
            if !parents.iter().any(|one| one["name"] == parent) {
                continue;
            }
            let any = json!(["*"]);
            for own in route["spec"].get("hostnames").unwrap_or(&any).as_array().unwrap() {
                let own = own.as_str().unwrap();
                let within = |a: &str, b: &str| {
                    b == "*" || a == b || b.strip_prefix('*').is_some_and(|rest| a.ends_with(rest))
                };
                let common = if within(own, at) {
                    own
                } else if within(at, own) {
                    at
                } else {
                    continue;
                };
                if common != "*" && !covers(common) {
                    continue;
                }
                for rule in route["spec"]["rules"].as_array().unwrap() {
                    for one in rule["matches"].as_array().unwrap() {
                        if one.get("headers").is_some() {
                            continue;
                        }
                        let value = one["path"]["value"].as_str().unwrap();
                        let (fits, rank) = match one["path"]["type"].as_str().unwrap() {
                            "Exact" => (value == path, 2),
                            "PathPrefix" => (
                                value == "/"
                                    || path == value
                                    || path
                                        .strip_prefix(value)
                                        .is_some_and(|rest| rest.starts_with('/')),
                                1,
                            ),
                            _ => continue,
                        };
                        if !fits {
                            continue;
                        }
                        let place = |host: &str| {
                            (
                                host != "*" && !host.starts_with('*'),
                                if host == "*" { 0 } else { host.len() },
                            )
                        };
                        let key = (place(common), rank, value.len(), place(own));
                        let backends: Vec<String> = rule
                            .get("backendRefs")
                            .into_iter()
                            .flat_map(|list| list.as_array().unwrap())
                            .map(|one| one["name"].as_str().unwrap().to_owned())
                            .collect();
                        let answer = if backends.is_empty() {
                            "redirect".to_owned()
                        } else {
                            backends[0].clone()
                        };
                        if best.as_ref().is_none_or(|(known, _)| key > *known) {
                            best = Some((key, answer));
                        }
                    }
                }
            }
        }
        best.map_or("none".to_owned(), |(_, answer)| answer)
    }
}

/// The objects say what `trace` says: read apart from it, by the API reference.
#[test]
fn the_objects_answer_as_the_trace_does() {
    use lbgen::diag::Report;
    use lbgen::pipeline::{self, Options};
    use lbgen::plan::Keep;
    use lbgen::plan::simulate::Scenario;
    use lbgen::trace::{Outcome, Request, Tracer};
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let (mut asked, mut inventories) = (0, 0);
    while inventories < 60 {
        let text = random().new_tree(&mut runner).unwrap().current();
        let (mut sources, mut report) = (lbgen::source::Sources::default(), Report::default());
        let raw = lbgen::inventory::parse(
            "i.yaml".into(),
            text.clone().into(),
            &mut sources,
            &mut report,
        );
        let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
        let Some(planned) = pipeline::run(raw.as_ref(), None, options, &mut report) else {
            continue;
        };
        if planned.datacenter.domains.len() > 300
            || text.contains("redirect: \"https")
            || text.contains("use-regex")
        {
            continue;
        }
        inventories += 1;
        let all = objects(&text);
        let cluster = Cluster::of(&all);
        let scenario = Scenario::default();
        let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario)
            .by(Exposed::Gateway);
        let entrypoint = planned.datacenter.entrypoints.keys().next().unwrap();
        let mut hosts: Vec<String> = planned
            .datacenter
            .domains
            .keys()
            .take(30)
            .map(|host| host.as_str().replace('*', "any"))
            .collect();
        hosts.extend([
            "a.b.wild.example.com".to_owned(),
            "nobody.invalid".to_owned(),
            "x.example.com".to_owned(),
        ]);
        for host in hosts.iter().filter(|host| Host::parse(host).is_some()) {
            for path in [
                "/", "/a", "/a/", "/ax", "/a/b", "/a/b/c", "/x", "/x/y", "/i/j", "/r", "/r/s",
                "/more/61",
            ] {
                for scheme in ["https", "http"] {
                    let request = Request::parse(&format!("{scheme}://{host}{path}")).unwrap();
                    let traced = match tracer.trace_in(entrypoint, &request).answer {
                        Outcome::Component { service, .. } => service.to_string(),
                        Outcome::Fallback { name, .. } => name.to_string(),
                        Outcome::Redirect { .. } => "redirect".to_owned(),
                        Outcome::Nothing { .. } => "none".to_owned(),
                    };
                    assert_eq!(
                        cluster.answer(scheme == "https", host, path),
                        traced,
                        "{scheme}://{host}{path}\n{text}"
                    );
                    asked += 1;
                }
            }
        }
    }
    println!("{asked} URLs");
}

fn impact(before: &[BundleFile], after: &[BundleFile]) -> Impact {
    let (from, to) = (support::compare::state_of(before), support::compare::state_of(after));
    let changed = support::compare::changed(before, after);
    let version = support::compare::VERSION;
    Impact::of(Comparison { from: &from, to: &to, changed: &changed, version })
}

/// Whatever changes, from one API to the other too, each file that differs has a finding that says more than "text".
#[test]
fn every_change_is_explained() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
    let mut pairs = 0;
    while pairs < 80 {
        let mut draw = || random().new_tree(&mut runner).unwrap().current();
        let texts = [draw(), draw()];
        if texts.iter().any(|text| text.len() > 30_000) {
            continue;
        }
        let [Some(old), Some(new)] = texts.each_ref().map(|text| planned(text, "")) else {
            continue;
        };
        pairs += 1;
        let bundle = |plan| emit::emit(plan, &Templates::load(None).unwrap()).unwrap();
        let (before, after) = (bundle(&old), bundle(&new));
        let impact = impact(&before, &after);
        for finding in &impact.findings {
            *seen.entry(finding.class.word()).or_default() += 1;
            let is_list = finding.files.iter().all(|file| file.ends_with("kustomization.yaml"));
            assert!(
                finding.class != Class::Text || is_list,
                "{finding:?}\n{}\n{}",
                texts[0],
                texts[1]
            );
        }
    }
    println!("{seen:?}");
}

/// What an edit does to a domain is said of that domain.
#[test]
fn a_domains_fate_is_told() {
    let components = "  shop: { backend: { port: 80 }, paths: [/shop] }\n";
    let told = |old: &str, new: &str, edges: [&str; 2]| {
        let (before, lock) = files(&inventory(edges[0], old, components), "");
        let (after, _) = files(&inventory(edges[1], new, components), &lock);
        let impact = impact(&before, &after);
        let mut found: Vec<(String, Class)> =
            impact.findings.iter().map(|found| (found.subject.to_string(), found.class)).collect();
        found.sort();
        found.dedup();
        found
    };
    let a = "  a.example.com:\n";
    let ab = "  a.example.com:\n  b.example.com:\n";
    let b = |class| vec![("domains.b.example.com".to_owned(), class)];
    assert_eq!(told(a, ab, [ALONE; 2]), b(Class::New));
    assert_eq!(told(ab, a, [ALONE; 2]), b(Class::Unreachable));
    let other = "  a.example.com:\n  b.example.com: { tls_secret: other }\n";
    assert_eq!(told(ab, other, [ALONE; 2]), b(Class::Tls));
    let exposed = BOTH.replace("api: both", "api: both, expose: gateway");
    let entrypoint = vec![("entrypoints.web".to_owned(), Class::Switches)];
    assert_eq!(told(a, a, [BOTH, &exposed]), entrypoint);
    assert_eq!(told(a, a, [&exposed, BOTH]), entrypoint);
}

/// Paths that no longer fit into one route: the component is told of, and nobody else.
#[test]
fn a_route_that_splits_is_told() {
    let component = |count: usize| {
        let paths: Vec<String> = (0..count).map(|index| format!("/p{index}")).collect();
        format!("  shop: {{ backend: {{ port: 80 }}, paths: [{}] }}\n", paths.join(", "))
    };
    let (before, lock) = files(&inventory(ALONE, &numbered(1_984), &component(1)), "");
    let (after, _) = files(&inventory(ALONE, &numbered(1_985), &component(1)), &lock);
    let impact = impact(&before, &after);
    let shop = impact
        .findings
        .iter()
        .find(|found| found.subject.to_string() == "components.shop")
        .unwrap();
    assert_eq!(shop.class, Class::Tuned);
    assert!(
        shop.reason.contains("by HTTPRoute shop-1, HTTPRoute shop-2 instead of HTTPRoute shop"),
        "{}",
        shop.reason
    );
}

/// What an object has at a path.
fn at<'a>(objects: &'a [Value], kind: &str, name: &str, path: &str) -> &'a Value {
    let found =
        objects.iter().find(|object| object["kind"] == kind && object["metadata"]["name"] == name);
    found.unwrap_or_else(|| panic!("no {kind} {name}")).pointer(path).unwrap_or(&Value::Null)
}

fn annotated(annotations: &str) -> String {
    let all: Vec<String> =
        annotations.split("; ").map(|one| format!("nginx.ingress.kubernetes.io/{one}")).collect();
    all.join(", ")
}

fn shop(annotations: &str) -> String {
    format!(
        "  shop: {{ backend: {{ port: 80 }}, paths: [/shop], annotations: {{ {} }} }}\n",
        annotated(annotations)
    )
}

#[test]
fn annotations_become_what_they_do() {
    let rule = "/spec/rules/0";
    let of = |annotations: &str| {
        at(&objects(&inventory(ALONE, &numbered(1), &shop(annotations))), "HTTPRoute", "shop", rule)
            .clone()
    };
    let filter = |annotations: &str| of(annotations)["filters"][0].clone();
    // Browsers take no cookies where ingress-nginx answers `*`.
    assert_eq!(filter("enable-cors: \"true\"")["cors"]["allowCredentials"], false);
    let named = filter("enable-cors: \"true\"; cors-allow-origin: HTTPS://A.example.com");
    assert_eq!(named["cors"]["allowOrigins"], json!(["https://a.example.com"]));
    assert_eq!(named["cors"]["allowCredentials"], true);
    assert_eq!(filter("rewrite-target: /x")["urlRewrite"]["path"]["replaceFullPath"], "/x");
    assert_eq!(filter("upstream-vhost: a.internal")["urlRewrite"]["hostname"], "a.internal");
    assert_eq!(filter("x-forwarded-prefix: /p")["requestHeaderModifier"]["set"][0]["value"], "/p");
    let redirect = filter(
        "permanent-redirect: \"https://new.example.com$request_uri\"; permanent-redirect-code: \"308\"",
    );
    assert_eq!(
        redirect["requestRedirect"],
        json!({ "scheme": "https", "hostname": "new.example.com", "statusCode": 308 })
    );
    assert_eq!(
        of("proxy-read-timeout: \"5\"; proxy-send-timeout: \"400000\"")["timeouts"]["request"],
        "111h6m40s"
    );
    for lost in [
        "x-forwarded-prefix: \"\"",
        "permanent-redirect: \"https://$host/\"",
        "rewrite-target: /$1",
        "proxy-read-timeout: \"0\"",
        "enable-cors: \"yes\"",
    ] {
        assert_eq!(of(lost).get("filters"), None, "{lost}");
    }
    // Without a host the answer would have the container's port.
    let on_ports = ALONE.replace(
        "class: traefik,",
        "class: traefik, gateway: { ports: { http: 8000, https: 8443 } },",
    );
    let relative = |edge: &str| {
        at(
            &objects(&inventory(edge, &numbered(1), &shop("permanent-redirect: /other"))),
            "HTTPRoute",
            "shop",
            rule,
        )
        .clone()
    };
    assert_eq!(relative(&on_ports).get("filters"), None);
    let redirecting = format!(
        "    annotations: {{ nginx.ingress.kubernetes.io/ssl-redirect: \"true\" }}\n{on_ports}"
    );
    assert_eq!(relative(&redirecting)["filters"][0]["requestRedirect"]["scheme"], "https");
    // The fallback's requests are the entrypoint's too.
    let entrypoint = format!(
        "    annotations: {{ nginx.ingress.kubernetes.io/proxy-read-timeout: \"600\" }}\n{ALONE}"
    );
    let all = objects(&inventory(&entrypoint, &numbered(1), &shop("use-regex: \"false\"")));
    assert_eq!(at(&all, "HTTPRoute", "old", "/spec/rules/0/timeouts/request"), "600s");
}

#[test]
fn a_canary_takes_what_its_main_has() {
    let canary = |main: &str, own: &str| {
        let components = format!(
            "{}  next: {{ backend: {{ port: 80 }}, paths: [/shop], annotations: {{ {} }} }}\n",
            shop(main),
            annotated(&format!("canary: \"true\"; {own}"))
        );
        objects(&inventory(ALONE, &numbered(1), &components))
    };
    let all = canary(
        "rewrite-target: /z",
        "canary-by-header: X-C; canary-weight: \"20\"; upstream-vhost: own.internal",
    );
    let rules = at(&all, "HTTPRoute", "next", "/spec/rules");
    let said: Vec<(&Value, &Value)> = rules
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| (&rule["matches"][0]["headers"][0]["value"], &rule["backendRefs"][0]["name"]))
        .collect();
    assert_eq!(said, [(&json!("always"), &json!("next")), (&json!("never"), &json!("shop"))]);
    for rule in rules.as_array().unwrap() {
        assert_eq!(
            rule["filters"],
            json!([{ "type": "URLRewrite", "urlRewrite": { "path": { "type": "ReplaceFullPath", "replaceFullPath": "/z" } } }])
        );
    }
    let shares = at(&all, "HTTPRoute", "shop", "/spec/rules/0/backendRefs");
    assert_eq!((&shares[0]["weight"], &shares[1]["weight"]), (&json!(80), &json!(20)));
    let large = canary(
        "use-regex: \"false\"",
        "canary-weight: \"99999999\"; canary-weight-total: \"999999999\"",
    );
    for backend in at(&large, "HTTPRoute", "shop", "/spec/rules/0/backendRefs").as_array().unwrap()
    {
        assert!(backend["weight"].as_u64().unwrap() <= 1_000_000, "{backend}");
    }
    for odd in [
        "canary-by-header: X Y",
        "canary-by-header: X; canary-by-header-value: \"\"",
        "canary-by-header: X; canary-by-header-pattern: \"([\"",
    ] {
        assert!(
            !names(&of_kind(&canary("use-regex: \"false\"", odd), "HTTPRoute"))
                .contains(&"next".to_owned()),
            "{odd}"
        );
    }
}

/// A list of namespaces in each of 64 listeners would be more than `kubectl apply` keeps of an object.
#[test]
fn a_listener_set_stays_small() {
    let components = |count: usize| -> String {
        (0..count).map(|index| format!("  c{index}: {{ namespace: a-namespace-with-quite-a-long-name-{index}, backend: {{ port: 80 }}, paths: [/c{index}] }}\n")).collect()
    };
    for (count, from) in [(31, "Selector"), (32, "All"), (220, "All")] {
        let all = objects(&inventory(ALONE, &numbered(64), &components(count)));
        let set = of_kind(&all, "ListenerSet")[0];
        assert_eq!(set["spec"]["listeners"][0]["allowedRoutes"]["namespaces"]["from"], from);
        assert!(set.to_string().len() < 200_000, "{}", set.to_string().len());
        assert_eq!(broken(set), [""; 0]);
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let said = |text: String| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("i.yaml");
        std::fs::write(&file, text).unwrap();
        let done = support::lbgen(&["check", file.to_str().unwrap()]);
        assert_eq!(support::code(&done), 1);
        support::stderr(&done)
    };
    let components = "  shop: { backend: { port: 80 }, paths: [/] }\n";
    let names = said(inventory(ALONE, "  \"*.a.example\":\n  wildcard.a.example:\n", components));
    assert!(names.contains("two listener objects would be called `wildcard.a.example`"), "{names}");
    let ports = ALONE.replace(
        "class: traefik,",
        "class: traefik, gateway: { ports: { http: 8000, https: 8000 } },",
    );
    let ports = said(inventory(&ports, &numbered(1), components));
    assert!(ports.contains("port 8000 is for http and for https"), "{ports}");
}
