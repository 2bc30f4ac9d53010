//! The fields that an API server keeps of an applied object, and the check that a second apply would not change it.

use serde_json::{Value, json};

/// The objects, the field, and the value that it gets where nobody wrote anything (Kubernetes API reference; `[]` is
/// each element of a list). `Service LoadBalancer` is a Service of that type.
const DEFAULTS: &[(&str, &str, &str)] = &[
    ("Service", "spec.type", r#""ClusterIP""#),
    ("Service", "spec.sessionAffinity", r#""None""#),
    ("Service", "spec.internalTrafficPolicy", r#""Cluster""#),
    ("Service", "spec.ports[].protocol", r#""TCP""#),
    ("Service LoadBalancer", "spec.externalTrafficPolicy", r#""Cluster""#),
    ("Service LoadBalancer", "spec.allocateLoadBalancerNodePorts", "true"),
    // Set by the server, of its own ranges.
    ("Service", "spec.clusterIP", r#""10.96.14.7""#),
    ("Service", "spec.clusterIPs", r#"["10.96.14.7"]"#),
    ("Service", "spec.ipFamilies", r#"["IPv4"]"#),
    ("Service", "spec.ipFamilyPolicy", r#""SingleStack""#),
    ("Service LoadBalancer", "spec.ports[].nodePort", "30402"),
    ("Service LoadBalancer", "spec.healthCheckNodePort", "31999"),
    ("Service", "status", r#"{"loadBalancer": {}}"#),
    ("Endpoints", "subsets[].ports[].protocol", r#""TCP""#),
    ("EndpointSlice", "ports[].protocol", r#""TCP""#),
    ("EndpointSlice", "ports[].name", r#""""#),
    ("Ingress", "status", r#"{"loadBalancer": {"ingress": [{"ip": "192.0.2.10"}]}}"#),
    ("HTTPRoute", "spec.rules[].backendRefs[].weight", "1"),
    ("HTTPRoute", "status", r#"{"parents": []}"#),
    ("Gateway", "status", r#"{"addresses": [{"value": "192.0.2.10"}]}"#),
    ("ListenerSet", "status", r#"{"listeners": []}"#),
    ("", "metadata.annotations", "{}"),
    ("", "metadata.creationTimestamp", r#""2026-11-20T08:00:00Z""#),
    ("", "metadata.generation", "2"),
    ("", "metadata.resourceVersion", r#""123456""#),
    ("", "metadata.uid", r#""6f1c1f0e-4b0e-4a56-a0a4-58b2f3f9d7b1""#),
];

/// Lists that are merged by a key (`x-kubernetes-patch-merge-key`); all others are replaced as a whole.
const MERGED: &[(&str, &str, &str)] = &[("Service", "spec.ports", "port")];

/// Returns the output of `kubectl get -o json` for an object that was applied by `kubectl apply`.
pub fn applied(object: &Value) -> Value {
    let mut stored = stored(object);
    stored["metadata"]["annotations"]["kubectl.kubernetes.io/last-applied-configuration"] =
        json!(object.to_string());
    stored
}

/// Returns what the API server keeps of an object: what is empty is dropped, and what is missing is filled in.
pub fn stored(object: &Value) -> Value {
    let mut stored = object.clone();
    // Custom resources are kept as they are.
    if !stored["apiVersion"].as_str().is_some_and(|group| group.starts_with("gateway.")) {
        drop_empty(&mut stored);
    }
    let (kind, of) = (stored["kind"].clone(), stored["spec"]["type"].clone());
    for (which, path, value) in DEFAULTS {
        let mut which = which.split(' ').filter(|word| !word.is_empty());
        if which.next().is_none_or(|name| name == kind)
            && which.next().is_none_or(|name| name == of)
        {
            fill(&mut stored, path, &serde_json::from_str(value).unwrap());
        }
    }
    stored
}

/// The fields of `object` that an apply would change in `stored`.
pub fn changes(object: &Value, stored: &Value) -> Vec<String> {
    let mut found = Vec::new();
    compare(object["kind"].as_str().unwrap(), "", object, stored, &mut found);
    found
}

/// Empty maps and lists, and null, are left out of what is kept (`omitempty`).
fn drop_empty(value: &mut Value) {
    let is_empty = |value: &Value| match value {
        Value::Null => true,
        Value::Object(map) => map.is_empty(),
        Value::Array(list) => list.is_empty(),
        _ => false,
    };
    match value {
        Value::Object(map) => {
            map.values_mut().for_each(drop_empty);
            map.retain(|_, value| !is_empty(value));
        }
        Value::Array(list) => list.iter_mut().for_each(drop_empty),
        _ => {}
    }
}

/// Writes `default` at `path` wherever nothing stands there, and what it belongs to does.
fn fill(value: &mut Value, path: &str, default: &Value) {
    let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
    let (field, is_list) = first.strip_suffix("[]").map_or((first, false), |field| (field, true));
    let Some(map) = value.as_object_mut() else { return };
    let Some(rest) = rest else {
        map.entry(field).or_insert_with(|| default.clone());
        return;
    };
    match map.get_mut(field) {
        Some(Value::Array(list)) if is_list => {
            list.iter_mut().for_each(|element| fill(element, rest, default));
        }
        Some(inner) if !is_list => fill(inner, rest, default),
        _ => {}
    }
}

fn compare(kind: &str, path: &str, wanted: &Value, stored: &Value, found: &mut Vec<String>) {
    match (wanted, stored) {
        (Value::Object(wanted), Value::Object(stored)) => {
            for (field, value) in wanted {
                let path = format!("{path}.{field}");
                match stored.get(field) {
                    Some(stored) => compare(kind, &path, value, stored, found),
                    None => found.push(path),
                }
            }
        }
        (Value::Array(wanted), Value::Array(stored)) if wanted != stored => {
            let merged = MERGED.iter().find(|(of, list, _)| *of == kind && path[1..] == **list);
            let Some((.., key)) = merged else { return found.push(path.to_owned()) };
            for value in wanted {
                match stored.iter().find(|stored| stored[key] == value[key]) {
                    Some(stored) => compare(kind, path, value, stored, found),
                    None => found.push(path.to_owned()),
                }
            }
        }
        _ if wanted != stored => found.push(path.to_owned()),
        _ => {}
    }
}
