//! The JSON Schema of the inventory, for editors (draft 2020-12).
//!
//! Keys, their order, which are required and what they are for come from the declarations that read an inventory. What
//! a single value may be is stated here, as far as a schema can: it never refuses what `check` takes.

use serde_json::{Map, Value, json};

use crate::inventory::language;
use crate::inventory::shape::{Keys, Shape};
use crate::model::{RULE_PRIORITIES, TABLES};

/// The schema.
pub fn inventory() -> Value {
    let mut definitions = Map::new();
    let mut root = of(&language(), &mut definitions);
    // The root stands where a reader looks first, not among the definitions.
    if let Some(name) = root["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/")) {
        root = definitions.remove(name).unwrap_or_default();
    }
    let mut schema = Map::new();
    schema.insert("$schema".into(), json!("https://json-schema.org/draft/2020-12/schema"));
    schema.insert("title".into(), json!("lbgen inventory"));
    schema.extend(root.as_object().cloned().unwrap_or_default());
    schema.insert("$defs".into(), Value::Object(definitions));
    Value::Object(schema)
}

fn of(shape: &Shape, definitions: &mut Map<String, Value>) -> Value {
    match shape {
        // `1.31` and `no` are taken as the text that was written.
        Shape::Text => json!({ "type": ["string", "number", "boolean"] }),
        Shape::Number => number(0, u64::MAX),
        Shape::List(item) => json!({ "type": "array", "items": of(item, definitions) }),
        Shape::Map(value) => {
            let mut item = of(value, definitions);
            // An entry without a value is the same as `{}`.
            if let Shape::Keys(keys) = &**value
                && keys.fields.iter().all(|field| !field.required)
            {
                item = json!({ "anyOf": [item, { "type": "null" }] });
            }
            json!({ "type": "object", "additionalProperties": item })
        }
        Shape::Keys(keys) => {
            if !definitions.contains_key(keys.name) {
                definitions.insert(keys.name.into(), Value::Null);
                let definition = object(keys, definitions);
                definitions.insert(keys.name.into(), definition);
            }
            json!({ "$ref": format!("#/$defs/{}", keys.name) })
        }
        Shape::Either(one, other) => {
            json!({ "anyOf": [of(one, definitions), of(other, definitions)] })
        }
    }
}

fn object(keys: &Keys, definitions: &mut Map<String, Value>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for field in &keys.fields {
        let mut value = of(&(field.shape)(), definitions);
        if let Some(narrow) = narrow(keys.name, field.name) {
            merge(&mut value, narrow);
        }
        value["description"] = json!(field.about);
        properties.insert(field.name.into(), value);
        if field.required {
            required.push(field.name);
        }
    }
    json!({
        "description": keys.about,
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
    })
}

/// Puts what `more` says over what `value` says, key by key.
fn merge(value: &mut Value, more: Value) {
    match (value, more) {
        (Value::Object(value), Value::Object(more)) => {
            for (key, more) in more {
                merge(value.entry(key).or_insert(Value::Null), more);
            }
        }
        (value, more) => *value = more,
    }
}

/// What a value may be beyond its type, by the map and the key that it stands in.
fn narrow(map: &str, key: &str) -> Option<Value> {
    const LABEL: &str = "^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$";
    const SUBDOMAIN: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    const SERVICE: &str = "^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$";
    const HOST: &str =
        "^([*][.])?[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
    const INTERFACE: &str = "^[A-Za-z0-9._+][A-Za-z0-9._+-]{0,14}$";
    const ADDRESS: &str = "^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$";
    const NETWORK: &str =
        "^([0-9]{1,3}([.][0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)/[0-9]{1,3}$";
    const POOL: &str = "^ *(0x[0-9A-Fa-f]+|[0-9]+) *- *(0x[0-9A-Fa-f]+|[0-9]+) *$";
    const CODE: &str = "^LB[0-9]{3}$";
    let port = || number(1, u16::MAX.into());
    let list = |pattern: &str| json!({ "items": text(pattern), "uniqueItems": true });
    Some(match (map, key) {
        (_, "allow") => json!({ "items": text(CODE) }),
        (_, "annotations") => {
            json!({ "propertyNames": { "not": { "const": "kubernetes.io/ingress.class" } } })
        }
        (_, "entrypoint" | "namespace" | "zone") | ("Inventory", "datacenter") => text(LABEL),
        ("Inventory", "gateways" | "entrypoints" | "components") => names(LABEL),
        ("Inventory", "nodes") => names(SUBDOMAIN),
        ("Inventory", "domains") => names(HOST),
        ("Kubernetes", "version") => json!({ "pattern": "^v?1[.](2[2-9]|3[0-7])$" }),
        ("Kubernetes", "kube_proxy") => words(&["ipvs", "iptables", "nftables"]),
        ("Kubernetes", "ingress_class") => words(&["field", "annotation"]),
        ("Kubernetes", "endpoints") => words(&["auto", "endpoints", "endpointslice", "both"]),
        ("Keepalived", "version") => {
            json!({ "type": "string", "pattern": "^[0-9]+[.][0-9]+[.][0-9]+$" })
        }
        ("Keepalived", "vrrp_version") => number(2, 3),
        ("Keepalived", "advert_interval") => {
            json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m)$" })
        }
        (_, "preempt") => json!({ "type": ["string", "boolean"], "pattern": "^[0-9]+(ms|s|m)$" }),
        ("Keepalived", "vrids") | ("PolicyRouting", "tables" | "rule_priorities") => text(POOL),
        ("Keepalived", "notify") => text("^/"),
        ("PolicyRouting", "mode") => words(&["virtual", "static"]),
        ("PolicyRouting", "mark_mask") | ("Vip", "mark") => number(1, u32::MAX.into()),
        ("Gateway" | "Node" | "Vip", "address") | ("Node", "address6") => text(ADDRESS),
        ("Gateway", "network") => text(NETWORK),
        ("Gateway" | "Node", "interface") => text(INTERFACE),
        ("Node", "interfaces") => json!({ "additionalProperties": text(INTERFACE) }),
        ("Node", "weight") => number(1, 100),
        ("Node", "state") => words(&["active", "draining", "maintenance"]),
        ("Node", "gateways") => list(LABEL),
        ("Entrypoint", "on_unhealthy") => words(&["yield", "fault", "ignore"]),
        ("Edge" | "Routing", "class") => text(SUBDOMAIN),
        (_, "service") | ("Fallback", "name") => text(SERVICE),
        ("Edge", "ports") => json!({ "minProperties": 1, "additionalProperties": port() }),
        ("Edge", "health_check_node_port") => number(30000, 32767),
        ("Routing" | "Fallback", "port") => port(),
        ("Fallback", "addresses") => {
            json!({ "items": text(ADDRESS), "uniqueItems": true, "minItems": 1 })
        }
        ("Vip", "extra_addresses") => json!({ "items": text(ADDRESS) }),
        ("Vip", "prefer") => list(SUBDOMAIN),
        ("Vip", "nodes") => json!({ "items": text(SUBDOMAIN), "uniqueItems": true, "minItems": 1 }),
        ("Vip", "vrid") => number(1, 255),
        ("Vip", "table") => number((*TABLES.start()).into(), (*TABLES.end()).into()),
        ("Vip", "rule_priority") => {
            number((*RULE_PRIORITIES.start()).into(), (*RULE_PRIORITIES.end()).into())
        }
        ("Vip", "priorities") => json!({ "additionalProperties": number(1, 254) }),
        ("Domain", "tls_secret") => {
            json!({ "not": { "enum": [true, "true", "false", "yes", "no", "on", "off"] } })
        }
        ("Component", "state") => words(&["migrated", "legacy"]),
        ("Component", "paths") => json!({ "minItems": 1 }),
        ("LongPath", "path") => text("^/"),
        ("LongPath", "type") => words(&["Prefix", "Exact", "ImplementationSpecific"]),
        ("Component", "hosts") => list(HOST),
        _ => return None,
    })
}

/// A pattern holds for strings; a number or a boolean is looked at by `check`.
fn text(pattern: &str) -> Value {
    json!({ "pattern": pattern })
}

fn names(pattern: &str) -> Value {
    json!({ "propertyNames": { "pattern": pattern } })
}

fn words(words: &[&str]) -> Value {
    json!({ "type": "string", "enum": words })
}

/// A whole number, or its digits in quotes.
fn number(from: u64, to: u64) -> Value {
    json!({
        "type": ["integer", "string"],
        "minimum": from,
        "maximum": to,
        "pattern": "^(0x[0-9A-Fa-f]+|0|[1-9][0-9]*)$",
    })
}
