//! Controllers as they are: situations of public inventories and reports, and who answers in each.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use support::{lbgen_in, stderr, stdout};

/// An inventory with these entrypoints, domains and components.
fn inventory(rest: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "datacenter: eu1
gateways: {{ public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }} }}
nodes:
  lb-1: {{ address: 10.0.0.11, interface: eth0 }}
  lb-2: {{ address: 10.0.0.12, interface: eth0 }}
vips: [ {{ address: 192.0.2.10 }} ]
{rest}"
    );
    fs::write(folder.path().join("inventory.yaml"), text).unwrap();
    folder
}

const NGINX: &str = "entrypoints:
  web:
    edge: { class: public-nginx, health_check_node_port: 32100 }
    routing: { class: routing-nginx }
domains: { www.example.com: {}, b.example.com: {}, plain.example.com: { tls_secret: false } }
";

const BOTH: &str = "entrypoints:
  web:
    edge:
      api: both
      class: public-nginx
      health_check_node_port: 32100
      gateway: { class: envoy, selector: { app: envoy } }
    routing: { class: routing-nginx }
domains: { www.example.com: {} }
";

const TRAEFIK: &str = "entrypoints:
  web:
    edge: { class: public-nginx, health_check_node_port: 32100 }
    routing: { class: traefik, controller: traefik, strict_prefix: true }
domains: { \"*.example.com\": {} }
";

/// The codes that `check` reports.
fn codes(rest: &str) -> Vec<String> {
    let done = lbgen_in(inventory(rest).path(), &["check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let all = json["diagnostics"].as_array().unwrap().iter();
    let mut codes: Vec<String> =
        all.map(|found| found["code"].as_str().unwrap().to_owned()).collect();
    codes.retain(|code| code != "LB212");
    codes.dedup();
    codes
}

/// The answer and the notes of `trace`.
fn trace(rest: &str, arguments: &[&str]) -> String {
    let done = lbgen_in(inventory(rest).path(), &[&["trace", "-q"], arguments].concat());
    let said = stdout(&done);
    assert!(!said.is_empty(), "{}", stderr(&done));
    let wanted = |line: &&str| line.starts_with("  answer") || line.starts_with("  note");
    said.lines().filter(wanted).map(|line| line[10..].to_owned() + "\n").collect()
}

fn answers(rest: &str, url: &str, wanted: &str) {
    let said = trace(rest, &[url]);
    assert!(said.starts_with(wanted), "{url}: expected {wanted}, got {said}");
}

#[test]
fn a_rewrite_to_the_path_itself_is_none() {
    let same = "components:
  users: { backend: { port: 80 }, paths: [/users] }
  home: { backend: { port: 80 }, paths: [/], annotations: { nginx.ingress.kubernetes.io/rewrite-target: / } }
";
    let nginx = format!("{NGINX}{same}");
    assert_eq!(codes(&nginx), [""; 0]);
    answers(&nginx, "https://www.example.com/usersx", "component home");
    let other = nginx.replace("paths: [/],", "paths: [/, /api],");
    assert_eq!(codes(&other), ["LB205"]);
    answers(&other, "https://www.example.com/usersx", "component users");
    // Each path by itself becomes a rewrite.
    let folder = inventory(&format!("{BOTH}{}", same.replace("paths: [/],", "paths: [/, /api],")));
    lbgen_in(folder.path(), &["render", "-q"]);
    let route =
        fs::read_to_string(folder.path().join("out/eu1/kubernetes/components/home.yaml")).unwrap();
    assert_eq!(route.matches("replaceFullPath: /").count(), 1, "{route}");
}

#[test]
fn regular_expressions_are_those_of_pcre() {
    let spa = "components:
  home: { backend: { port: 80 }, paths: [/] }
  spa:
    backend: { port: 80 }
    paths: [ { path: '/(?!api/).+', type: ImplementationSpecific } ]
    annotations: { nginx.ingress.kubernetes.io/use-regex: \"true\" }
";
    let nginx = format!("{NGINX}{spa}");
    answers(&nginx, "https://www.example.com/dash", "component spa");
    answers(&nginx, "https://www.example.com/api/x", "component home");
    assert!(trace(&nginx, &["https://www.example.com/dash"]).contains("another engine"));
    assert!(codes(&format!("{BOTH}{spa}")).contains(&"LB323".to_owned()));
    // Of equal lengths the last in the alphabet; what only PCRE knows cannot be said.
    let tie = nginx.replace("'/(?!api/).+'", "'/a.+'").replace("paths: [/]", "paths: [/, /ab..]");
    answers(&tie, "https://www.example.com/abcd", "component home");
    let recursive = nginx.replace("'/(?!api/).+'", "'/(a(?R)?b)'");
    answers(&recursive, "https://www.example.com/ab", "undecided");
    // Nor where it is the only rule, and 404 the other answer.
    let alone = recursive.replace("  home: { backend: { port: 80 }, paths: [/, /ab..] }\n", "");
    let alone = alone.replace("  home: { backend: { port: 80 }, paths: [/] }\n", "");
    answers(&alone, "https://www.example.com/ab", "undecided: component spa");
}

#[test]
fn a_canary_is_one_of_a_service() {
    let canary = "components:
  app-a: { backend: { service: app, port: 80 }, paths: [/, /docs], hosts: [www.example.com] }
  app-b: { backend: { service: app, port: 80 }, paths: [/], hosts: [b.example.com] }
  next:
    backend: { port: 80 }
    paths: [/]
    hosts: [www.example.com]
    annotations: { nginx.ingress.kubernetes.io/canary: \"true\", nginx.ingress.kubernetes.io/canary-by-header: X-Canary }
";
    let nginx = format!("{NGINX}{canary}");
    assert_eq!(codes(&nginx), ["LB233"]);
    for url in ["https://b.example.com/", "https://www.example.com/docs"] {
        let said = trace(&nginx, &["--header", "X-Canary: always", url]);
        assert!(said.starts_with("component next"), "{url}: {said}");
    }
    let used = nginx.replace(
        "service: app, port: 80 }, paths: [/], hosts: [b.",
        "service: next, port: 80 }, paths: [/], hosts: [b.",
    );
    assert_eq!(codes(&used), ["LB233"]);
    let said = trace(&used, &["--header", "X-Canary: always", "https://www.example.com/"]);
    assert!(said.starts_with("component app-a"), "{said}");
    // A path of another type is another one.
    let typed = nginx.replace("    paths: [/]\n", "    paths: [{ path: /, type: Exact }]\n");
    assert!(codes(&typed).contains(&"LB208".to_owned()), "{:?}", codes(&typed));
    let said = trace(&typed, &["--header", "X-Canary: always", "https://www.example.com/"]);
    assert!(said.starts_with("component app-a"), "{said}");
}

#[test]
fn redirects_to_https_are_those_of_each_tier() {
    let shop = "components:\n  shop: { backend: { port: 80 }, paths: [/] }\n";
    let nginx = format!("{NGINX}{shop}");
    answers(
        &nginx,
        "http://www.example.com/shop/",
        "redirect 308 to https://www.example.com/shop:",
    );
    let kept = nginx.replace(
        "health_check_node_port: 32100 }",
        "health_check_node_port: 32100, annotations: { nginx.ingress.kubernetes.io/preserve-trailing-slash: \"true\" } }",
    );
    answers(
        &kept,
        "http://www.example.com/shop/",
        "redirect 308 to https://www.example.com/shop/:",
    );
    let forced = nginx.replace(
        "paths: [/]",
        "paths: [/], annotations: { nginx.ingress.kubernetes.io/force-ssl-redirect: \"true\" }",
    );
    assert_eq!(codes(&forced), ["LB232"]);
    answers(&forced, "http://plain.example.com/x", "redirect 308 to https://plain.example.com/x:");
    assert!(trace(&forced, &["https://www.example.com/"]).contains("use-forwarded-headers"));
    let acme = "components:
  acme: { backend: { port: 80 }, paths: [/], annotations: { nginx.ingress.kubernetes.io/ssl-redirect: \"false\" } }
";
    assert_eq!(codes(&format!("{BOTH}{acme}")), ["LB320"]);
}

#[test]
fn traefik_ranks_by_the_text_of_its_release() {
    let hosts = "components:
  star: { backend: { port: 80 }, paths: [/], hosts: [\"*.example.com\"] }
  shop: { backend: { port: 80 }, paths: [/], hosts: [www.example.com] }
";
    let traefik = format!("{TRAEFIK}{hosts}");
    assert_eq!(codes(&traefik), [""; 0]);
    answers(&traefik, "https://www.example.com/", "component shop");
    let old =
        traefik.replace("strict_prefix: true", "strict_prefix: true, controller_version: \"3.6\"");
    assert_eq!(codes(&old), ["LB226"]);
    answers(&old, "https://www.example.com/", "component star");
    let tie = traefik.replace("www.", "a.");
    assert_eq!(codes(&tie), ["LB234"]);
    answers(&tie, "https://a.example.com/", "undecided: component");
    let ranked = tie.replace(
        "hosts: [a.example.com]",
        "hosts: [a.example.com], annotations: { traefik.ingress.kubernetes.io/router.priority: \"1000\" }",
    );
    answers(&ranked, "https://a.example.com/", "component shop");
    // Annotations of the tier are those of its Ingresses; the own one wins.
    let of_tier = ranked.replace(
        "strict_prefix: true",
        "strict_prefix: true, annotations: { traefik.ingress.kubernetes.io/router.priority: \"2000\" }",
    );
    answers(&of_tier, "https://a.example.com/", "component star");
    let nginx = traefik.replace("strict_prefix: true", "traefik_provider: nginx").replace(
        "hosts: [www.example.com]",
        "hosts: [www.example.com], annotations: { nginx.ingress.kubernetes.io/use-regex: \"true\" }",
    );
    let nginx = nginx.replace("paths: [/], hosts: [www", "paths: [/news], hosts: [www");
    answers(&nginx, "https://www.example.com/Newsx", "component shop");
}

#[test]
fn translations_say_what_they_change() {
    let cors = "components:
  shop: { backend: { port: 80 }, paths: [/], annotations: { nginx.ingress.kubernetes.io/enable-cors: \"true\", nginx.ingress.kubernetes.io/cors-allow-origin: \"https://*.example.com\" } }
";
    assert_eq!(codes(&format!("{BOTH}{cors}")), ["LB321"]);
    let target = |path: &str, target: &str| {
        let text = format!(
            "{BOTH}components:
  home: {{ backend: {{ port: 80 }}, paths: [/] }}
  shop:
    backend: {{ port: 80 }}
    paths: [{{ path: '{path}', type: ImplementationSpecific }}]
    annotations: {{ nginx.ingress.kubernetes.io/rewrite-target: '{target}' }}
"
        );
        let found = codes(&text);
        let folder = inventory(&text);
        lbgen_in(folder.path(), &["render", "-q"]);
        let file = folder.path().join("out/eu1/kubernetes/components/shop.yaml");
        let route = fs::read_to_string(file).unwrap_or_default();
        let line =
            |line: &&str| line.contains("replacePrefixMatch") || line.contains("replaceFullPath");
        (found, route.lines().find(line).map(|line| line.trim().to_owned()))
    };
    let changed =
        |what: &str| (vec!["LB205".to_owned(), "LB321".to_owned()], Some(what.to_owned()));
    assert_eq!(target("/a(/|$)(.*)", "/b/$2"), changed("replacePrefixMatch: /b"));
    assert_eq!(target("/a/(.*)", "/$1"), changed("replacePrefixMatch: /"));
    // The group is not what follows a literal prefix.
    let lost = (vec!["LB205".to_owned(), "LB320".to_owned()], None);
    assert_eq!(target("/a[0-9]+/(.*)", "/$1"), lost);
    assert_eq!(target("/a(/|$)(.*)", "/$1"), lost);
}

/// A path that a named host has and any other host too: the routes say who answers, whatever the implementation.
#[test]
fn routes_never_tie() {
    let gateway = "entrypoints:
  web:
    edge: { api: gateway, class: envoy, selector: { app: envoy }, health_check_node_port: 32100 }
    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }
domains: { www.example.com: {}, b.example.com: {} }
components:
  shop: { backend: { port: 8080 }, paths: [/], hosts: [www.example.com] }
";
    assert_eq!(codes(gateway), [""; 0]);
    let folder = inventory(gateway);
    lbgen_in(folder.path(), &["render", "-q"]);
    let read = |file: &str| {
        let folder = folder.path().join("out/eu1/kubernetes/entrypoints/web");
        fs::read_to_string(folder.join(file)).unwrap_or_default()
    };
    // The listener at which the fallback loses stands in a set of its own, which its route does not attach to.
    assert!(read("listeners-00.yaml").contains("hostname: b.example.com"));
    assert!(read("listeners-01.yaml").contains("hostname: www.example.com"));
    let route = read("fallback.yaml");
    assert!(route.contains("name: web-00") && !route.contains("name: web-01"), "{route}");
}

/// Runs lbgen in a folder with the inventory of `lbgen init`, its port by number.
fn starter() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    lbgen_in(folder.path(), &["init", "-q"]);
    let path = folder.path().join("inventory.yaml");
    let text = fs::read_to_string(&path).unwrap().replace("port: http }", "port: 8080 }");
    fs::write(&path, text).unwrap();
    folder
}

fn edit(folder: &std::path::Path, from: &str, to: &str) {
    let path = folder.join("inventory.yaml");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

/// The VIPs of a Service that moves to the pods' namespace are not answered while it moves: that is one step, after everything
/// that the new one leads to was awaited.
#[test]
fn a_service_moves_in_the_step_that_applies_it() {
    let folder = starter();
    let gateway = "class: public-nginx\n      api: both\n      gateway: { class: envoy }";
    edit(folder.path(), "class: public-nginx", gateway);
    lbgen_in(folder.path(), &["render", "-q", "-o", "old"]);
    edit(folder.path(), "api: both", "api: both\n      expose: gateway");
    lbgen_in(folder.path(), &["render", "-q"]);
    let script = lbgen_in(folder.path(), &["rollout", "--from", "old", "--format", "sh"]);
    let script = String::from_utf8(script.stdout).unwrap();
    let at = |text: &str| script.find(text).unwrap_or_else(|| panic!("{text}\n{script}"));
    let first = at("do_1()");
    let [awaited, deleted, applied] = [
        "await_gateway gateways.gateway.networking.k8s.io/ingress/web ",
        "\n    delete service ingress public-nginx\n",
        "\n    apply\n",
    ]
    .map(|text| script[first..].find(text).unwrap_or_else(|| panic!("{text}\n{script}")));
    assert!(awaited < deleted && deleted < applied);
    let diff = lbgen_in(folder.path(), &["diff", "--from", "old", "--impact-only"]);
    let said = String::from_utf8(diff.stdout).unwrap();
    // In the table's lines.
    let words = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("the VIPs are not answered in between"), "{said}");
}

#[test]
fn listeners_in_gateways_are_domains_too() {
    let folder = starter();
    let gateway = "class: public-nginx\n      api: both\n      gateway: { implementation: traefik, class: traefik, selector: { app: t } }";
    edit(folder.path(), "class: public-nginx", gateway);
    let mut domains = String::from("domains:\n");
    for index in 0..70 {
        domains += &format!("  d{index:02}.example.net: {{}}\n");
    }
    edit(folder.path(), "domains:\n", &domains);
    lbgen_in(folder.path(), &["render", "-q"]);
    let second = folder.path().join("out/eu1/kubernetes/entrypoints/web/listeners-01.yaml");
    let second = fs::read_to_string(second).unwrap();
    assert!(
        second.contains("kind: Gateway\n") && second.contains("name: web-listeners-01"),
        "{second}"
    );
    edit(folder.path(), "  d05.example.net: {}\n", "  aa.example.net: {}\n");
    let diff = lbgen_in(folder.path(), &["diff", "--impact-only"]);
    let said = String::from_utf8(diff.stdout).unwrap();
    for host in ["d05.example.net", "aa.example.net"] {
        assert!(said.contains(&format!("domains.{host}")), "{said}");
    }
}

/// A host of one letter is as long as the wildcard above it, also where only a listener has that wildcard.
#[test]
fn traefik_ties_by_the_host_of_a_listener() {
    let text = |host: &str| {
        format!(
            "entrypoints:
  web:
    edge: {{ api: gateway, implementation: traefik, class: traefik, selector: {{ app: t }}, health_check_node_port: 32100 }}
domains: {{ \"*.example.com\": {{}}, {host}: {{}} }}
components:
  all: {{ backend: {{ port: 8080 }}, paths: [/] }}
  one: {{ backend: {{ port: 8080 }}, paths: [/], hosts: [{host}] }}
"
        )
    };
    assert_eq!(codes(&text("a.example.com")), ["LB326"]);
    assert_eq!(codes(&text("ab.example.com")), [""; 0]);
}

/// Istio tries expressions after every prefix, also after that of a fallback.
#[test]
fn expressions_come_last_in_istio() {
    let text = |implementation: &str| {
        format!(
            "entrypoints:
  web:
    edge: {{ api: gateway, implementation: {implementation}, class: gw, selector: {{ app: t }}, health_check_node_port: 32100 }}
domains: {{ www.example.com: {{}} }}
components:
  shop: {{ backend: {{ port: 8080 }}, paths: [/] }}
  rx:
    backend: {{ port: 8080 }}
    allow: [LB321]
    paths: [{{ path: \"/rx/[0-9]+\", type: ImplementationSpecific }}]
    annotations: {{ nginx.ingress.kubernetes.io/use-regex: \"true\" }}
"
        )
    };
    let asked =
        |implementation: &str| trace(&text(implementation), &["https://www.example.com/rx/12"]);
    assert!(asked("istio").contains("component shop"), "{}", asked("istio"));
    assert!(asked("envoy-gateway").contains("component rx"), "{}", asked("envoy-gateway"));
    assert!(asked("kgateway").contains("undecided"), "{}", asked("kgateway"));
    assert_eq!(codes(&text("istio")), ["LB325"]);
    assert_eq!(codes(&text("envoy-gateway")), [""; 0]);
}
