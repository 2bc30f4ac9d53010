//! Accessors for the objects of Gateway API.

use serde_json::Value;

use super::{Object, PathRule};
use crate::bundle::Place;
use crate::model::EXPOSES;

/// A listener of a ListenerSet.
#[derive(Debug, Clone, PartialEq)]
pub struct HostListener<'a> {
    /// The domain.
    pub host: &'a str,
    /// The Secret of its certificate; `None` is plain HTTP.
    pub secret: Option<&'a str>,
    /// The ListenerSet.
    pub set: &'a Object,
}

impl Object {
    /// The Gateway that a ListenerSet or an HTTPRoute belongs to.
    pub fn gateway(&self) -> Option<&str> {
        match self.key.kind.as_str() {
            "Gateway" => Some(own_gateway(&self.key.name)),
            "ListenerSet" => parent(self.field("/spec/parentRef")?),
            "HTTPRoute" => {
                let parents = self.field("/spec/parentRefs").and_then(Value::as_array)?;
                parents.iter().find_map(parent)
            }
            _ => None,
        }
    }

    /// Returns true if this is an edge Service whose VIPs lead to a Gateway.
    pub fn exposes_gateway(&self) -> bool {
        self.field("/metadata/annotations").is_some_and(|all| all.get(EXPOSES).is_some())
    }

    /// The listeners for domains of a ListenerSet or a Gateway.
    pub fn listeners(&self) -> Vec<HostListener<'_>> {
        let listeners = match self.key.kind.as_str() {
            "ListenerSet" | "Gateway" => self.field("/spec/listeners").and_then(Value::as_array),
            _ => None,
        };
        listeners
            .into_iter()
            .flatten()
            // The one for plain HTTP is for all hosts.
            .filter(|found| found.get("hostname").is_some())
            .map(|found| HostListener {
                host: found.get("hostname").and_then(Value::as_str).unwrap_or_default(),
                secret: found.pointer("/tls/certificateRefs/0/name").and_then(Value::as_str),
                set: self,
            })
            .collect()
    }

    /// The Secrets of its certificates.
    pub fn secrets(&self) -> Vec<&str> {
        let tls = self.field("/spec/tls").and_then(Value::as_array).into_iter().flatten();
        let of_ingress = tls.filter_map(|entry| entry.get("secretName")?.as_str());
        of_ingress.chain(self.listeners().into_iter().filter_map(|found| found.secret)).collect()
    }

    /// Every path of an HTTPRoute. Rules for requests with a header take a part of what another one has.
    pub(super) fn route_paths(&self) -> Vec<PathRule<'_>> {
        let Some(spec) = self.field("/spec") else { return Vec::new() };
        let hosts: Vec<&str> =
            list(spec, "hostnames").into_iter().filter_map(Value::as_str).collect();
        let hosts: Vec<Option<&str>> =
            if hosts.is_empty() { vec![None] } else { hosts.into_iter().map(Some).collect() };
        let mut found = Vec::new();
        for rule in list(spec, "rules") {
            if is_to_https(rule) {
                continue;
            }
            let backends = list(rule, "backendRefs");
            let backend = answers(&backends).unwrap_or_else(|| "a redirect".to_owned());
            let first = backends.first().and_then(|backend| backend["name"].as_str());
            for matched in list(rule, "matches") {
                if matched.get("headers").is_some() {
                    continue;
                }
                let text = |path: &str| matched.pointer(path).and_then(Value::as_str);
                found.extend(hosts.iter().map(|host| PathRule {
                    host: *host,
                    path: text("/path/value").unwrap_or("/"),
                    kind: text("/path/type"),
                    owner: self.component().or(first).unwrap_or(&self.key.name),
                    backend: backend.clone(),
                }));
            }
        }
        found
    }

    /// The component in whose file the object stands.
    pub fn component(&self) -> Option<&str> {
        Place::of(&self.file).component()
    }
}

/// Returns true if a rule redirects every plain HTTP request to HTTPS: such a rule is attached to another listener than
/// the paths.
fn is_to_https(rule: &Value) -> bool {
    let filters = list(rule, "filters");
    let redirect = filters.iter().find_map(|filter| filter.get("requestRedirect"));
    redirect.is_some_and(|found| {
        found.get("scheme").and_then(Value::as_str) == Some("https")
            && found.get("path").is_none()
            && found.get("hostname").is_none()
    })
}

fn list<'a>(value: &'a Value, key: &str) -> Vec<&'a Value> {
    value.get(key).and_then(Value::as_array).into_iter().flatten().collect()
}

/// `cart:8080`, or of several each with its share.
fn answers(backends: &[&Value]) -> Option<String> {
    let shown = |backend: &&Value| {
        let name = backend["name"].as_str().unwrap_or_default();
        let weight = backend.get("weight").filter(|_| backends.len() > 1);
        let weight = weight.map_or(String::new(), |weight| format!(" ({weight})"));
        format!("{name}:{}{weight}", backend["port"])
    };
    let shown: Vec<String> = backends.iter().map(shown).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The Gateway of what something attaches to; a ListenerSet is called as its Gateway, and a number.
fn parent(reference: &Value) -> Option<&str> {
    let name = reference.get("name").and_then(Value::as_str)?;
    match reference.get("kind").and_then(Value::as_str) {
        Some("ListenerSet") => name.rsplit_once('-').map(|(gateway, _)| gateway),
        _ => Some(own_gateway(name)),
    }
}

/// The Gateway of an entrypoint, by its name or that of one beside it: `web` of `web-listeners-01`.
fn own_gateway(name: &str) -> &str {
    let beside = name.rsplit_once("-listeners-");
    beside
        .filter(|(_, end)| end.bytes().all(|byte| byte.is_ascii_digit()))
        .map_or(name, |(own, _)| own)
}
