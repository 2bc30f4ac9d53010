//! Accessors for the objects of Gateway API.

use serde::Deserialize;
use serde_json::Value;

use super::http_route::{BackendRef, Filter, HttpRoute, Modifier, RouteRule};
use super::listening::Listening;
use super::{Object, PathRule};
use crate::bundle::Place;
use crate::language::name::{Host, Name as _};
use crate::model::EXPOSES;
use crate::route::Redirect;

/// A listener of a ListenerSet.
#[derive(Debug, Clone, PartialEq)]
pub struct HostListener<'a> {
    /// Its own, which routes may attach to.
    pub name: &'a str,
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
        let listeners = self.listening().map(|spec| spec.listeners).unwrap_or_default();
        // The one for plain HTTP is for all hosts.
        let named = listeners.into_iter().filter_map(|found| {
            let (name, host) = (found.name, found.hostname?);
            Some(HostListener { name, host, secret: found.secret(), set: self })
        });
        named.collect()
    }

    /// The Secrets of its certificates.
    pub fn secrets(&self) -> Vec<&str> {
        let tls = self.field("/spec/tls").and_then(Value::as_array).into_iter().flatten();
        let of_ingress = tls.filter_map(|entry| entry.get("secretName")?.as_str());
        of_ingress.chain(self.listeners().into_iter().filter_map(|found| found.secret)).collect()
    }

    /// The `spec` of a Gateway or a ListenerSet, or `None` if it is something else.
    pub fn listening(&self) -> Option<Listening<'_>> {
        let is_one = matches!(self.key.kind.as_str(), "Gateway" | "ListenerSet");
        Listening::deserialize(self.field("/spec").filter(|_| is_one)?).ok()
    }

    /// The fault that keeps a Gateway, a ListenerSet or an HTTPRoute from being read, if it has one.
    pub fn fault(&self) -> Option<String> {
        let spec = self.field("/spec").unwrap_or(&Value::Null);
        let error = match self.key.kind.as_str() {
            "HTTPRoute" => HttpRoute::deserialize(spec).err(),
            "Gateway" | "ListenerSet" => Listening::deserialize(spec).err(),
            _ => None,
        };
        error.map(|error| error.to_string())
    }

    /// The controller of a GatewayClass.
    pub fn controller_name(&self) -> Option<&str> {
        self.field("/spec/controllerName")?.as_str()
    }

    /// The value of a label by which a Service selects its pods.
    pub fn selected(&self, label: &str) -> Option<&str> {
        self.field("/spec/selector")?.get(label)?.as_str()
    }

    /// The `spec` of an HTTPRoute, or `None` if it is something else.
    pub fn http_route(&self) -> Option<HttpRoute<'_>> {
        let spec = self.field("/spec").filter(|_| self.key.kind == "HTTPRoute")?;
        HttpRoute::deserialize(spec).ok()
    }

    /// Every path of an HTTPRoute. Those that look at the query take a part of what another one has.
    pub(super) fn route_paths(&self) -> Vec<PathRule<'_>> {
        let Some(route) = self.http_route() else { return Vec::new() };
        let hosts: Vec<Option<&str>> = match route.hostnames.is_empty() {
            true => vec![None],
            false => route.hostnames.into_iter().map(Some).collect(),
        };
        let mut found = Vec::new();
        // One that redirects all plain HTTP is attached to another listener than the paths.
        for rule in route.rules.iter().filter(|rule| !rule.is_to_https()) {
            let backend = answers(&rule.backend_refs).unwrap_or_else(|| redirect(rule));
            let namespace = rule.backend_refs.first().and_then(|backend| backend.namespace);
            let first = rule.backend_refs.first().map(|backend| backend.name);
            let owner = self.component().or(first).unwrap_or(&self.key.name);
            for matched in rule.matches() {
                let Some(condition) = matched.condition() else { continue };
                let (path, kind) = matched.path();
                found.extend(hosts.iter().map(|host| PathRule {
                    host: *host,
                    path,
                    kind: Some(kind),
                    owner,
                    namespace: namespace.unwrap_or(&self.key.namespace),
                    backend: backend.clone(),
                    condition: condition.clone(),
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

/// `cart:8080`, or of several each with its share.
fn answers(backends: &[BackendRef<'_>]) -> Option<String> {
    let shown = |backend: &BackendRef<'_>| {
        let weight = backend.weight.filter(|_| backends.len() > 1);
        let weight = weight.map_or(String::new(), |weight| format!(" ({weight})"));
        let port = backend.port.map_or("null".to_owned(), |port| port.to_string());
        format!("{}:{port}{weight}", backend.name)
    };
    let shown: Vec<String> = backends.iter().map(shown).collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

/// The redirect of a rule without backends, in words.
fn redirect(rule: &RouteRule<'_>) -> String {
    let found = rule.filters.iter().find_map(|filter| match filter {
        Filter::RequestRedirect { request_redirect } => Some(request_redirect),
        _ => None,
    });
    let Some(found) = found else { return "no backend".to_owned() };
    let redirect = Redirect {
        status: found.status_code.unwrap_or(302),
        scheme: found
            .scheme
            .and_then(|scheme| ["http", "https"].into_iter().find(|known| *known == scheme)),
        host: found.hostname.and_then(Host::parse),
        port: found.port,
        path: found.path.as_ref().map(|path| match path {
            Modifier::ReplaceFullPath { replace_full_path: path }
            | Modifier::ReplacePrefixMatch { replace_prefix_match: path } => (*path).to_owned(),
        }),
    };
    redirect.to_string()
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
