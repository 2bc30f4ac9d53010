//! The rules by which the API server refuses Gateway API's objects beyond their types: the limits and the CEL rules of
//! the CRDs that concern what lbgen writes (config/crd/standard of Gateway API 1.5 to 1.7), by hand, one message for
//! each.

use std::collections::BTreeSet;

use serde_json::Value;

fn list<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    value.pointer(path).and_then(Value::as_array).into_iter().flatten().collect()
}

fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// Returns the rules that an object breaks.
pub fn broken(object: &Value) -> Vec<&'static str> {
    let mut found = Vec::new();
    match text(object, "/kind") {
        "Gateway" => {
            let listeners = list(object, "/spec/listeners");
            check(&mut found, (1..=64).contains(&listeners.len()), "1 to 64 listeners");
            entries(&listeners, &mut found);
        }
        "ListenerSet" => {
            let listeners = list(object, "/spec/listeners");
            check(&mut found, (1..=64).contains(&listeners.len()), "1 to 64 listeners");
            entries(&listeners, &mut found);
            check(
                &mut found,
                text(object, "/spec/parentRef/kind") == "Gateway",
                "the parent of a ListenerSet",
            );
        }
        "HTTPRoute" => route(object, &mut found),
        _ => {}
    }
    found
}

fn check(found: &mut Vec<&'static str>, holds: bool, rule: &'static str) {
    if !holds && !found.contains(&rule) {
        found.push(rule);
    }
}

/// Listeners of a Gateway or a ListenerSet.
fn entries(listeners: &[&Value], found: &mut Vec<&'static str>) {
    let names: BTreeSet<&str> = listeners.iter().map(|one| text(one, "/name")).collect();
    check(found, names.len() == listeners.len(), "listener names are unique");
    let places: BTreeSet<_> = listeners
        .iter()
        .map(|one| (one["port"].as_u64(), text(one, "/protocol"), text(one, "/hostname")))
        .collect();
    check(found, places.len() == listeners.len(), "port, protocol and hostname are unique");
    for one in listeners {
        let has_tls = one.get("tls").is_some();
        check(found, text(one, "/protocol") != "HTTP" || !has_tls, "no TLS for HTTP");
        let mode = text(one, "/tls/mode");
        check(
            found,
            text(one, "/protocol") != "HTTPS" || mode == "Terminate",
            "HTTPS terminates TLS",
        );
        let certificates = list(one, "/tls/certificateRefs");
        check(found, mode != "Terminate" || !certificates.is_empty(), "TLS has a certificate");
        check(
            found,
            text(one, "/name").len() <= 253 && is_subdomain(text(one, "/name")),
            "a section name",
        );
        let host = text(one, "/hostname");
        check(found, host.is_empty() || is_subdomain(host.trim_start_matches("*.")), "a hostname");
        let from = text(one, "/allowedRoutes/namespaces/from");
        let selector = one.pointer("/allowedRoutes/namespaces/selector");
        check(found, (from == "Selector") == selector.is_some(), "a selector where `from` says so");
        let values = "/allowedRoutes/namespaces/selector/matchExpressions/0/values";
        check(found, from != "Selector" || !list(one, values).is_empty(), "`In` has values");
    }
}

fn is_subdomain(text: &str) -> bool {
    text.split('.').all(|label| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    })
}

fn route(object: &Value, found: &mut Vec<&'static str>) {
    let parents = list(object, "/spec/parentRefs");
    check(found, (1..=32).contains(&parents.len()), "1 to 32 parents");
    let unique: BTreeSet<String> = parents.iter().map(ToString::to_string).collect();
    check(found, unique.len() == parents.len(), "parents are unique");
    let hosts = list(object, "/spec/hostnames");
    check(found, hosts.len() <= 16, "at most 16 hostnames");
    let rules = list(object, "/spec/rules");
    check(found, (1..=16).contains(&rules.len()), "1 to 16 rules");
    let all: usize = rules.iter().map(|rule| list(rule, "/matches").len()).sum();
    check(found, all <= 128, "at most 128 matches of a route");
    for rule in rules {
        one_rule(rule, found);
    }
}

fn one_rule(rule: &Value, found: &mut Vec<&'static str>) {
    let matches = list(rule, "/matches");
    check(found, (1..=64).contains(&matches.len()), "1 to 64 matches of a rule");
    for one in &matches {
        path(one, found);
        check(found, list(one, "/headers").len() <= 16, "at most 16 headers");
    }
    let filters = list(rule, "/filters");
    let kinds: Vec<&str> = filters.iter().map(|filter| text(filter, "/type")).collect();
    let unique: BTreeSet<&str> = kinds.iter().copied().collect();
    check(found, unique.len() == kinds.len(), "a filter is not repeated");
    let has = |kind: &str| kinds.contains(&kind);
    check(found, !(has("RequestRedirect") && has("URLRewrite")), "a redirect or a rewrite");
    let backends = list(rule, "/backendRefs");
    check(found, !has("RequestRedirect") || backends.is_empty(), "a redirect has no backend");
    check(found, backends.len() <= 16, "at most 16 backends");
    for backend in backends {
        check(
            found,
            backend["port"].as_u64().is_some_and(|port| (1..=65535).contains(&port)),
            "a Service has a port",
        );
    }
    for filter in filters {
        let fields = [
            ("RequestRedirect", "requestRedirect"),
            ("URLRewrite", "urlRewrite"),
            ("RequestHeaderModifier", "requestHeaderModifier"),
            ("CORS", "cors"),
        ];
        let fits = fields
            .iter()
            .all(|(kind, field)| (text(filter, "/type") == *kind) == filter.get(field).is_some());
        check(found, fits, "a filter has the field of its type");
        for modifier in ["/requestRedirect/path", "/urlRewrite/path"] {
            let replaces = text(filter, &format!("{modifier}/type")) == "ReplacePrefixMatch";
            let one_prefix = matches.len() == 1 && text(matches[0], "/path/type") == "PathPrefix";
            check(found, !replaces || one_prefix, "a replaced prefix has one PathPrefix match");
        }
        for (field, most) in
            [("allowOrigins", 64), ("allowMethods", 9), ("allowHeaders", 64), ("exposeHeaders", 64)]
        {
            let entries = list(filter, &format!("/cors/{field}"));
            let star = entries.iter().any(|entry| **entry == "*");
            check(found, entries.len() <= most, "entries of a CORS filter");
            check(found, !star || entries.len() == 1, "`*` stands alone");
        }
    }
    let request = text(rule, "/timeouts/request");
    let number = request.trim_end_matches(['s', 'm', 'h']);
    let is_duration = request.is_empty()
        || request.split_inclusive(['h', 'm', 's']).count() <= 4
            && number.split(['h', 'm', 's']).all(|part| {
                (1..=5).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit())
            });
    check(found, is_duration, "a duration of GEP-2257");
}

fn path(one: &Value, found: &mut Vec<&'static str>) {
    let (kind, value) = (text(one, "/path/type"), text(one, "/path/value"));
    check(found, value.len() <= 1024, "a path of 1024 characters");
    if kind == "RegularExpression" {
        return;
    }
    check(found, value.starts_with('/'), "an absolute path");
    let parts = ["//", "/./", "/../", "%2f", "%2F", "#"];
    check(found, !parts.iter().any(|part| value.contains(part)), "a normal path");
    check(found, !value.ends_with("/..") && !value.ends_with("/."), "a normal path");
    let mut rest = value;
    let allowed = loop {
        let Some(first) = rest.chars().next() else { break true };
        let step = match first {
            '%' => {
                rest.get(1..3).filter(|hex| hex.bytes().all(|b| b.is_ascii_hexdigit())).map(|_| 3)
            }
            c if c.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@".contains(c) => Some(1),
            _ => None,
        };
        let Some(step) = step else { break false };
        rest = &rest[step..];
    };
    check(found, allowed, "characters of a path");
}
