//! Who answers a path of an entrypoint's routing tier, from the Ingresses of a state.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::state::{Object, State};

/// The paths of every class.
#[derive(Debug, Default)]
pub(super) struct Answers<'a> {
    /// By class, then by host, the empty one being any.
    claims: BTreeMap<&'a str, BTreeMap<&'a str, Vec<Claim<'a>>>>,
}

/// A path and who answers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim<'a> {
    pub path: &'a str,
    pub exact: bool,
    /// The Ingress.
    pub owner: &'a str,
    /// Its Service and port.
    pub backend: String,
}

impl<'a> Answers<'a> {
    pub fn of(state: &'a State) -> Self {
        let mut answers = Self::default();
        for object in state.objects.values().filter(|object| object.key.kind == "Ingress") {
            let Some(class) = object.class() else { continue };
            for (host, claim) in claims(object) {
                let hosts = answers.claims.entry(class).or_default();
                hosts.entry(host.unwrap_or_default()).or_default().push(claim);
            }
        }
        answers
    }

    /// Who answers: the rules of the host, where it has any, else those of any host; the longest path.
    pub fn answer(&self, class: &str, host: Option<&str>, path: &str) -> Option<&Claim<'a>> {
        let hosts = self.claims.get(class)?;
        let claims = host.and_then(|host| hosts.get(host)).or_else(|| hosts.get(""))?;
        let matches = claims.iter().filter(|claim| claim.matches(path));
        matches.max_by_key(|claim| (claim.exact, claim.path.len()))
    }
}

impl Claim<'_> {
    fn matches(&self, path: &str) -> bool {
        if self.exact {
            return self.path == path;
        }
        let prefix = self.path.trim_end_matches('/');
        path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

/// Every host and path of an Ingress.
pub(super) fn claims(object: &Object) -> Vec<(Option<&str>, Claim<'_>)> {
    let rules = object.field("/spec/rules").and_then(Value::as_array);
    let mut found = Vec::new();
    for rule in rules.into_iter().flatten() {
        let host = rule.get("host").and_then(Value::as_str);
        let paths = rule.pointer("/http/paths").and_then(Value::as_array);
        for path in paths.into_iter().flatten() {
            let text = |key: &str| path.get(key).and_then(Value::as_str);
            let service = path.pointer("/backend/service/name").and_then(Value::as_str);
            let port = path.pointer("/backend/service/port");
            let port = port.and_then(|port| port.get("name").or(port.get("number")));
            found.push((
                host,
                Claim {
                    path: text("path").unwrap_or("/"),
                    exact: text("pathType") == Some("Exact"),
                    owner: &object.key.name,
                    backend: format!(
                        "{}:{}",
                        service.unwrap_or_default(),
                        port.map_or(String::new(), |port| port.to_string().replace('"', ""))
                    ),
                },
            ));
        }
    }
    found
}
