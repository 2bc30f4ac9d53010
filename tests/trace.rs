//! The answers to requests, by the facts of each controller.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use serde_json::Value;
use support::{code, lbgen_in, stderr, stdout};

/// An inventory with these components and this routing tier.
fn inventory(routing: &str, components: &str) -> String {
    format!(
        "datacenter: eu1\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\nnodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\n  lb-2: {{ address: 10.0.0.12, interface: eth0 }}\nvips:\n  - address: 192.0.2.10\nentrypoints:\n  web:\n    edge: {{ class: edge, health_check_node_port: 32100 }}\n    routing: {{ class: routing{routing} }}\ndomains:\n  www.example.com:\n  shop.example.com:\ncomponents:\n{components}"
    )
}

/// `component cart`, `redirect URL`, `none`
fn answers(inventory: &str, urls: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inventory.yaml"), inventory).unwrap();
    let mut arguments = vec!["trace", "--format", "json"];
    arguments.extend(urls.iter().map(String::as_str));
    let done = lbgen_in(folder.path(), &arguments);
    assert_eq!(code(&done), 0, "{}{}", stdout(&done), stderr(&done));
    let found: Value = serde_json::from_str(&stdout(&done)).unwrap();
    found["traces"]
        .as_array()
        .unwrap()
        .iter()
        .map(|trace| {
            let answer = &trace["answer"];
            match answer["kind"].as_str().unwrap() {
                "component" => answer["name"].as_str().unwrap().to_owned(),
                "redirect" => format!("to {}", answer["location"].as_str().unwrap()),
                kind => kind.to_owned(),
            }
        })
        .collect()
}

/// Compares the answers of each controller on www.example.com: ingress-nginx, Traefik's two providers, the letter.
fn compare(components: &str, cases: &[(&str, [&str; 4])]) {
    let urls: Vec<String> =
        cases.iter().map(|(path, _)| format!("https://www.example.com{path}")).collect();
    for (index, routing) in [
        "",
        ", controller: traefik",
        ", controller: traefik, traefik_provider: nginx",
        ", controller: other",
    ]
    .into_iter()
    .enumerate()
    {
        let found = answers(&inventory(routing, components), &urls);
        for ((path, wanted), found) in cases.iter().zip(found) {
            assert_eq!(found, wanted[index], "{path}{routing}");
        }
    }
}

#[test]
fn prefixes_mean_elements_or_letters() {
    compare(
        "  home: { backend: { port: http }, paths: [/] }\n  users: { backend: { port: http }, paths: [/users] }\n",
        &[
            ("/users", ["users"; 4]),
            ("/users/", ["users"; 4]),
            ("/users/7?x=/y", ["users"; 4]),
            ("/usersx", ["home", "users", "home", "home"]),
            ("/Users", ["home"; 4]),
            ("//users/./7", ["users"; 4]),
            ("/a/../users", ["users"; 4]),
            ("/%75sers", ["users"; 4]),
            ("", ["home"; 4]),
        ],
    );
}

#[test]
fn trailing_slashes_redirect_or_do_not_match() {
    compare(
        "  home: { backend: { port: http }, paths: [/] }\n  shop: { backend: { port: http }, paths: [/api/shop/] }\n  exact: { backend: { port: http }, paths: [{ path: /exact/, type: Exact }] }\n",
        &[
            ("/api/shop/", ["shop"; 4]),
            ("/api/shop/7", ["shop"; 4]),
            ("/api/shop", ["to http://www.example.com/api/shop/", "home", "shop", "shop"]),
            // Path(`/exact/`) is as long as PathPrefix(`/`).
            ("/exact/", ["exact", "undecided", "undecided", "exact"]),
            ("/exact", ["to http://www.example.com/exact/", "home", "home", "home"]),
            ("/exact/7", ["home"; 4]),
        ],
    );
}

#[test]
fn the_longest_path_answers_and_exact_is_exact() {
    compare(
        "  a: { backend: { port: http }, paths: [/a] }\n  b: { backend: { port: http }, paths: [/a/b] }\n  c: { backend: { port: http }, paths: [{ path: /a/b, type: Exact }] }\n",
        &[
            ("/a", ["a"; 4]),
            ("/a/x", ["a"; 4]),
            // The text of a Prefix is longer than that of an Exact, and longer wins (facts K17).
            ("/a/b", ["c", "b", "b", "c"]),
            ("/a/b/c", ["b"; 4]),
            ("/x", ["none"; 4]),
        ],
    );
}

#[test]
fn a_host_that_is_named_hides_the_rest_in_ingress_nginx() {
    compare(
        "  home: { backend: { port: http }, paths: [/] }\n  users: { backend: { port: http }, paths: [/users] }\n  cart: { backend: { port: http }, hosts: [www.example.com], paths: [/cart] }\n",
        &[
            ("/cart", ["cart"; 4]),
            ("/users", ["none", "users", "users", "users"]),
            ("/", ["none", "home", "home", "home"]),
        ],
    );
}

#[test]
fn regular_expressions_take_a_whole_host() {
    let components = "  shop: { backend: { port: http }, paths: [{ path: \"/v[0-9]+/shop\", type: ImplementationSpecific }], annotations: { nginx.ingress.kubernetes.io/use-regex: \"true\" } }\n  users: { backend: { port: http }, paths: [/users] }\n";
    let urls = ["/v2/shop", "/V2/SHOP/x", "/usersx", "/v/shop"]
        .map(|path| format!("https://www.example.com{path}"));
    assert_eq!(answers(&inventory("", components), &urls), ["shop", "shop", "users", "none"]);
}

#[test]
fn the_edge_answers_some_requests_itself() {
    let components = "  home: { backend: { port: http }, paths: [/] }\n";
    let urls = [
        "http://www.example.com/a?b=c",
        "https://WWW.example.com:443/a",
        "www.example.com",
        "https://other.example.com/",
        "https://www.example.com:8443/",
    ];
    let found = answers(&inventory("", components), &urls.map(str::to_owned));
    assert_eq!(found, ["to https://www.example.com/a?b=c", "home", "home", "none", "none"]);
}

#[test]
fn a_canary_takes_what_its_header_says() {
    let folder = tempfile::tempdir().unwrap();
    let components = "  home: { backend: { port: http }, paths: [/] }\n  next: { backend: { port: http }, paths: [/], annotations: { nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-by-header: X-Next } }\n";
    fs::write(folder.path().join("inventory.yaml"), inventory("", components)).unwrap();
    let url = "https://www.example.com/";
    let plain = stdout(&lbgen_in(folder.path(), &["trace", url]));
    assert!(plain.contains("component home"), "{plain}");
    let next = stdout(&lbgen_in(folder.path(), &["trace", url, "--header", "x-next: always"]));
    assert!(next.contains("answer  component next"), "{next}");
}

/// A node drops what reaches a Service whose pods are all elsewhere (`externalTrafficPolicy: Local`).
#[test]
fn a_vip_on_a_node_without_a_ready_pod_answers_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    assert_eq!(code(&run(&["init", "-q"])), 0);
    let url = "https://www.example.com/";
    let answer = |unhealthy: &str| stdout(&run(&["trace", "-q", url, "--unhealthy", unhealthy]));
    assert!(answer("web@lb-1").contains("answer  component shop"), "{}", answer("web@lb-1"));
    let none = answer("web@lb-1,web@lb-2");
    assert!(
        none.contains("answer  none: 192.0.2.10 is on lb-1, where no pod of `web` is ready"),
        "{none}"
    );
}

#[test]
fn tests_of_routes_find_what_moved() {
    let folder = tempfile::tempdir().unwrap();
    let example = support::root().join("inventory-examples/three-racks");
    for file in ["inventory.yaml", "inventory.lock", "routes.yaml"] {
        fs::copy(example.join(file), folder.path().join(file)).unwrap();
    }
    let run = || lbgen_in(folder.path(), &["trace", "--tests", "routes.yaml", "-q"]);
    let done = run();
    assert_eq!(code(&done), 0, "{}{}", stdout(&done), stderr(&done));
    let text = fs::read_to_string(folder.path().join("inventory.yaml")).unwrap();
    for (from, to, moved) in [
        // A component gets another name.
        ("  checkout:\n", "  basket:\n", "expected  component checkout"),
        // One names a host that the others do not: they are hidden there.
        (
            "  events:\n",
            "  teaser:\n    entrypoint: websocket\n    backend: { port: http }\n    hosts: [ws.example.com]\n    paths: [/teaser]\n  events:\n",
            "expected  component events",
        ),
        // The fallback goes.
        (
            "    fallback:\n      name: legacy-fallback\n      addresses: [10.20.9.10, 10.20.9.11]\n      port: 8080\n",
            "    allow: [LB212]\n",
            "expected  fallback",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let edited = text.replace(from, to).replace(
            if moved == "expected  fallback" { "    state: legacy\n" } else { "\u{0}" },
            "    backend: { port: http }\n",
        );
        fs::write(folder.path().join("inventory.yaml"), edited).unwrap();
        let done = run();
        let said = stdout(&done);
        assert_eq!(code(&done), 1, "{from}: {said}{}", stderr(&done));
        let line =
            said.lines().find(|line| line.contains(moved)).unwrap_or_else(|| panic!("{said}"));
        assert!(line.contains("(routes.yaml:"), "{line}");
        assert_eq!(line.contains("there is no such component"), from == "  checkout:\n", "{line}");
    }
    for (wrong, said) in [
        (
            "- { url: www.example.com, expect: component }\n- { expct: none, url: 'ftp://x' }\n",
            "`ftp` is not http",
        ),
        ("- { url: www.example.com, expect: component }\n", "`component` does not say who answers"),
        ("- { url: \"https:///x\", expect: none }\n", "names no host"),
        ("- { url: www.example.com, expects: none }\n", "did you mean `expect`?"),
        ("[]\n", "has no test"),
    ] {
        fs::write(folder.path().join("routes.yaml"), wrong).unwrap();
        let done = run();
        assert_eq!(code(&done), 2, "{wrong}");
        assert!(stderr(&done).contains(said), "{wrong}: {}", stderr(&done));
    }
}

/// `--compare` asks with the headers that are given: a canary whose Service a host of its own has takes them in
/// ingress-nginx alone.
#[test]
fn apis_are_compared_with_headers() {
    let work = tempfile::tempdir().unwrap();
    let text = "datacenter: eu1
gateways: { public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 } }
nodes: { lb-1: { address: 10.0.0.11, interface: eth0 } }
vips: [ { address: 192.0.2.10 } ]
entrypoints:
  web:
    edge: { api: both, class: public-nginx, health_check_node_port: 32100, gateway: { class: envoy } }
    routing: { class: routing-nginx }
domains: { a.example.com: {}, beta.example.com: {} }
components:
  app: { backend: { port: 80 }, paths: [/], hosts: [a.example.com] }
  beta: { backend: { service: next, port: 80 }, paths: [/], hosts: [beta.example.com] }
  next:
    backend: { port: 80 }
    paths: [/]
    hosts: [a.example.com]
    annotations: { nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-by-header: X-Canary }
";
    fs::write(work.path().join("inventory.yaml"), text).unwrap();
    let ask = |more: &[&str]| {
        let own = ["trace", "-q", "--compare", "ingress,gateway", "--format", "json"];
        stdout(&lbgen_in(work.path(), &[&own, more].concat()))
    };
    assert!(!ask(&[]).contains("component next"), "{}", ask(&[]));
    let said = ask(&["--header", "X-Canary: always"]);
    assert!(said.contains("component next") && said.contains("component app"), "{said}");
}
