//! Methods and headers tell requests apart on a Gateway, and nowhere else.

use std::path::Path;

use tempfile::TempDir;

use crate::inventory::{BOTH, inventory};
use crate::support::{code, lbgen_in, stderr, stdout};

/// The components `orders` and `intake` for one path, of which the second wants more of a request.
fn of(implementation: &str, wanted: &str, third: &str) -> TempDir {
    let edge = format!(
        "    edge: {{ api: gateway, implementation: {implementation}, class: c, selector: {{ app: e }}, health_check_node_port: 32100 }}\n"
    );
    let components = format!(
        "  orders: {{ backend: {{ port: 80 }}, paths: [/orders] }}\n  intake: {{ backend: {{ port: 81 }}, paths: [ {{ path: /orders, match: {wanted} }} ] }}\n{third}"
    );
    written(&inventory(&edge, "  www.example.com:\n", &components))
}

fn written(text: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("inventory.yaml"), text).unwrap();
    folder
}

/// The errors and warnings of `check` that a test is about.
fn codes(folder: &Path) -> Vec<String> {
    let done = lbgen_in(folder, &["check", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let all = json["diagnostics"].as_array().unwrap().iter();
    let codes = all.map(|found| found["code"].as_str().unwrap().to_owned());
    codes.filter(|code| ["LB108", "LB123", "LB330", "LB331"].contains(&code.as_str())).collect()
}

fn trace(folder: &Path, arguments: &[&str]) -> String {
    let done = lbgen_in(folder, &[&["trace", "-q"], arguments].concat());
    let said = stdout(&done);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    said
}

const URL: &str = "https://www.example.com/orders/7";
const THIRD: &str = "  third: { backend: { port: 82 }, paths: [ { path: /orders, match: { headers: { x-a: \"1\" } } } ] }\n";

#[test]
fn the_route_with_more_conditions_answers() {
    for implementation in ["envoy-gateway", "traefik", "other"] {
        let folder = of(implementation, "{ method: POST, headers: { X-Kind: new } }", "");
        let asked = |arguments: &[&str]| trace(folder.path(), &[arguments, &[URL]].concat());
        assert_eq!(codes(folder.path()), [""; 0], "{implementation}");
        let plain = asked(&[]);
        assert!(plain.contains("answer  component orders"), "{plain}");
        let note = "with method POST and header X-Kind: new, component intake answers";
        assert!(plain.contains(note), "{plain}");
        assert!(asked(&["--method", "POST"]).contains("answer  component orders"));
        let both = ["--method", "POST", "--header", "X-KIND: new"];
        assert!(asked(&both).contains("answer  component intake"));
        let wrong = lbgen_in(folder.path(), &["trace", "--method", "post", URL]);
        assert!(code(&wrong) == 2 && stderr(&wrong).contains("the case counts"));
    }
    // Another letter of the path is worth a header in Traefik.
    let third = THIRD.replace("/orders", "/orders/7").replace("x-a: \"1\"", "x-b: \"2\"");
    let third = third.replace(", match: { headers: { x-b: \"2\" } }", "");
    let longer = of("traefik", "{ headers: { x-kind: new } }", &third);
    let said = trace(longer.path(), &["--header", "x-kind: new", URL]);
    assert!(said.contains("answer  component third"), "{said}");
}

#[test]
fn no_two_routes_tie() {
    // One request meets both, and neither has all of the other's conditions.
    assert_eq!(codes(of("other", "{ method: POST }", THIRD).path()), ["LB123"]);
    // On a Gateway a rule for any host is one for each named host too.
    let named = THIRD.replace("paths:", "hosts: [www.example.com], paths:");
    assert_eq!(codes(of("other", "{ method: POST }", &named).path()), ["LB123"]);
    // No request has two methods, or two values of a header.
    let apart = THIRD.replace("headers: { x-a: \"1\" }", "method: PUT");
    assert_eq!(codes(of("other", "{ method: POST }", &apart).path()), [""; 0]);
}

/// A canary by header is a route with one more condition than the component whose canary it is.
#[test]
fn a_canary_ties_with_a_match_of_its_header() {
    const ANNOTATION: &str = "nginx.ingress.kubernetes.io/canary";
    let canary = |value: &str| {
        format!(
            "  third: {{ backend: {{ port: 82 }}, paths: [/orders], annotations: {{ {ANNOTATION}: \"true\", {ANNOTATION}-by-header: x-kind, {ANNOTATION}-by-header-value: {value} }} }}\n"
        )
    };
    for (wanted, value, found) in [
        ("{ headers: { X-Kind: new } }", "new", ["LB123"].as_slice()),
        ("{ method: POST }", "new", &["LB123"]),
        ("{ headers: { X-Kind: new } }", "next", &[]),
        ("{ method: POST, headers: { X-Kind: new } }", "new", &[]),
    ] {
        let folder = of("envoy-gateway", wanted, &canary(value));
        assert_eq!(codes(folder.path()), found, "{wanted}, {value}");
    }
}

#[test]
fn a_match_that_nobody_takes_is_refused() {
    assert_eq!(codes(written(&inventory(BOTH, "  www.example.com:\n", THIRD)).path()), ["LB330"]);
    let many: Vec<String> = (0..17).map(|at| format!("X-{at}: a")).collect();
    let many = format!("{{ headers: {{ {} }} }}", many.join(", "));
    assert_eq!(codes(of("other", &many, "").path()), ["LB108"]);
    assert_eq!(codes(of("other", "{ headers: { X-A: a, x-a: b } }", "").path()), ["LB108"]);
}

/// Two `match`es that change places are two changes, each with its own direction.
#[test]
fn a_diff_names_requests_by_their_method() {
    let third = THIRD.replace("headers: { x-a: \"1\" }", "method: PUT");
    let folder = of("other", "{ method: POST }", &third);
    assert_eq!(code(&lbgen_in(folder.path(), &["render", "-q"])), 0);
    let path = folder.path().join("inventory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    let text = text.replace("POST", "POST_").replace("PUT", "POST").replace("POST_", "PUT");
    std::fs::write(&path, text).unwrap();
    let done = lbgen_in(folder.path(), &["diff", "--impact-only", "--all", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let all = json["impact"].as_array().unwrap_or_else(|| panic!("{json}"));
    let moves: Vec<String> = all
        .iter()
        .filter(|found| found["class"] == "switches")
        .map(|found| format!("{} -> {}", found["from"], found["to"]).replace('"', ""))
        .collect();
    for wanted in ["intake:81 -> third:82", "third:82 -> intake:81"] {
        assert!(moves.iter().any(|found| found == wanted), "{moves:?}");
    }
}

/// The findings of `diff` for an edit: class, subject and reason.
fn diff(folder: &Path, edit: [&str; 2]) -> Vec<String> {
    assert_eq!(code(&lbgen_in(folder, &["render", "-q"])), 0);
    let path = folder.join("inventory.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(edit[0]), "{text}");
    std::fs::write(&path, text.replace(edit[0], edit[1])).unwrap();
    let done = lbgen_in(folder, &["diff", "--impact-only", "--all", "--format", "json"]);
    let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let word = |found: &serde_json::Value, key: &str| found[key].as_str().unwrap().to_owned();
    let all = json["impact"].as_array().unwrap_or_else(|| panic!("{json}")).iter();
    all.map(|found| ["class", "subject", "reason"].map(|key| word(found, key)).join(" ")).collect()
}

/// A component that wants a method from now on loses the requests with every other one, and no more.
#[test]
fn a_diff_names_what_a_new_match_leaves_behind() {
    for (wanted, lost) in [
        ("{ method: GET }", "/orders without method GET"),
        ("{ method: POST }", "/orders without method POST"),
        ("{ headers: { x-a: \"1\" } }", "/orders without header x-a: 1"),
    ] {
        let folder = of("envoy-gateway", "{ method: PUT }", "");
        let text = std::fs::read_to_string(folder.path().join("inventory.yaml")).unwrap();
        let intake = text.lines().find(|line| line.contains("intake")).unwrap();
        let alone = text.replace(intake, "");
        std::fs::write(folder.path().join("inventory.yaml"), alone).unwrap();
        let matched = format!("[ {{ path: /orders, match: {wanted} }} ]");
        let said = diff(folder.path(), ["paths: [/orders]", &format!("paths: {matched}")]);
        let found = format!("to-fallback components.orders goes to the fallback: {lost}");
        assert!(said.contains(&found), "{wanted}: {said:#?}");
    }
}

/// Without a fallback nobody answers its requests; another namespace is another Service, another redirect another answer.
#[test]
fn a_diff_names_fallbacks_namespaces_and_redirects() {
    let component = "  third: { backend: { port: 82 }, paths: [/third], annotations: { nginx.ingress.kubernetes.io/temporal-redirect: \"https://a.example/\" } }\n";
    for (edit, wanted) in [
        (
            ["    fallback: { name: old, addresses: [10.0.9.1], port: 8080 }\n", ""],
            "unreachable entrypoints.web the fallback is removed: nothing answers any more: /",
        ),
        (
            ["orders: { backend", "orders: { namespace: other, backend"],
            "switches components.orders another backend answers: /orders",
        ),
        (
            ["https://a.example/", "https://b.example/"],
            "switches components.third redirects from now on: /third",
        ),
        (["port: 8080", "port: 8081"], "other addresses or ports behind"),
    ] {
        let folder = of("envoy-gateway", "{ method: POST }", component);
        let said = diff(folder.path(), edit);
        assert!(said.iter().any(|found| found.contains(wanted)), "{edit:?}: {said:#?}");
    }
}

/// A redirect that comes is another answer; one that nothing can say is none, for `trace` as for `diff`.
#[test]
fn a_redirect_of_an_ingress_is_another_answer() {
    let edge = "    edge: { class: a, health_check_node_port: 32100 }\n    routing: { class: b }\n";
    let shop = "  shop: { backend: { port: 80 }, paths: [/shop], annotations: { x/y: \"1\" } }\n";
    for (url, wanted) in [
        ("https://a.example/", "switches components.shop redirects from now on: /shop"),
        ("https://a.example/$http_x", "tuned components.shop in place: annotations"),
    ] {
        let folder = written(&inventory(edge, "  www.example.com:\n", shop));
        let annotation = format!("nginx.ingress.kubernetes.io/permanent-redirect: \"{url}\"");
        let said = diff(folder.path(), ["x/y: \"1\"", &annotation]);
        assert!(said.iter().any(|found| found.starts_with(wanted)), "{url}: {said:#?}");
    }
}

/// A fallback with another name: its Ingress goes before the new one comes.
#[test]
fn a_renamed_fallback_has_a_gap() {
    let edge = "    edge: { class: a, health_check_node_port: 32100 }\n    routing: { class: b }\n";
    let shop = "  shop: { backend: { port: 80 }, paths: [/shop] }\n";
    let folder = written(&inventory(edge, "  www.example.com:\n", shop));
    let said = diff(folder.path(), ["name: old", "name: older"]);
    let gap = "gap entrypoints.web nobody answers for some seconds, between two steps: /";
    assert!(said.iter().any(|found| found == gap), "{said:#?}");
}

/// A manifest that is no YAML may say anything.
#[test]
fn a_broken_manifest_is_unknown() {
    let folder = of("envoy-gateway", "{ method: POST }", "");
    assert_eq!(code(&lbgen_in(folder.path(), &["render", "-q"])), 0);
    let path = folder.path().join("out/x/kubernetes/components/orders.yaml");
    std::fs::write(path, "# Generated by lbgen from inventory.yaml. Do not edit.\na: [\n").unwrap();
    let done = lbgen_in(folder.path(), &["diff", "--impact-only"]);
    assert!(stdout(&done).contains("not YAML in what runs; lbgen cannot say"), "{}", stdout(&done));
}
