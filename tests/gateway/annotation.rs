//! The effects of annotations.

use serde_json::{Value, json};

use crate::inventory::{ALONE, inventory, names, numbered, objects, of_kind};
use crate::support;

/// Returns the value of an object at a path.
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
    // Its path is what the main's annotations make of it.
    let below = "paths: [{ path: \"/shop(/|$)(.*)\", type: ImplementationSpecific }]";
    let components = format!(
        "{}  next: {{ backend: {{ port: 80 }}, {below}, annotations: {{ {} }} }}\n",
        shop("rewrite-target: /z").replace("paths: [/shop]", below),
        annotated("canary: \"true\"; canary-by-header: X-C")
    );
    let all = objects(&inventory(ALONE, &numbered(1), &components));
    for name in ["shop", "next"] {
        let path = at(&all, "HTTPRoute", name, "/spec/rules/0/matches/0/path");
        assert_eq!(*path, json!({ "type": "PathPrefix", "value": "/shop" }), "{name}");
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

/// None is dropped in silence: what an entrypoint without components says, what a canary cannot be, and what is for others.
#[test]
fn what_is_lost_is_named_and_what_is_for_others_is_kept() {
    let said = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("i.yaml");
        std::fs::write(&file, text).unwrap();
        support::stderr(&support::lbgen(&["check", file.to_str().unwrap()]))
    };
    let on_edge = ALONE.replace(
        "class: traefik,",
        "class: traefik, annotations: { cert-manager.io/cluster-issuer: le, nginx.ingress.kubernetes.io/auth-url: \"https://a\" },",
    );
    let text = inventory(&on_edge, &numbered(1), "  shop: { state: legacy, paths: [/shop] }\n");
    assert!(said(&text).contains("`auth-url` has no counterpart"), "{}", said(&text));
    let all = objects(&text);
    let kept = at(&all, "ListenerSet", "web-00", "/metadata/annotations");
    assert_eq!(*kept, json!({ "cert-manager.io/cluster-issuer": "le" }));
    for (own, lost) in [
        ("canary-by-cookie: c", "canary-by-cookie"),
        ("canary-by-header: X Y", "canary-by-header"),
        ("canary-by-header: X; canary-by-header-pattern: \"([\"", "canary-by-header"),
        ("canary-weight: \"5\"; affinity: cookie", "affinity"),
    ] {
        let canary = annotated(&format!("canary: \"true\"; {own}"));
        let components = format!(
            "{}  next: {{ backend: {{ port: 80 }}, paths: [/shop], annotations: {{ {canary} }} }}\n",
            shop("use-regex: \"false\"")
        );
        let found = said(&inventory(ALONE, &numbered(1), &components));
        assert!(found.contains(&format!("`{lost}` has no counterpart")), "{own}: {found}");
    }
    let note = shop("use-regex: \"false\"").replace(
        "annotations: {",
        "annotations: { my-ingress-note: x, team.example.com/owner: shop,",
    );
    let all = objects(&inventory(ALONE, &numbered(1), &note));
    let kept = at(&all, "HTTPRoute", "shop", "/metadata/annotations");
    assert_eq!(*kept, json!({ "my-ingress-note": "x", "team.example.com/owner": "shop" }));
}
