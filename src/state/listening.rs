//! The `spec` of Gateways and ListenerSets as manifests and API servers write it (gateway.networking.k8s.io/v1).

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::http_route::Parent;

/// A Gateway, or a ListenerSet that adds to one.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Listening<'a> {
    /// Of a Gateway.
    #[serde(borrow)]
    pub gateway_class_name: Option<&'a str>,
    /// Of a ListenerSet: its Gateway.
    #[serde(borrow)]
    pub parent_ref: Option<Parent<'a>>,
    /// Its listeners.
    #[serde(borrow)]
    pub listeners: Vec<Listener<'a>>,
    #[serde(borrow)]
    infrastructure: Option<Infrastructure<'a>>,
    allowed_listeners: Option<IgnoredAny>,
}

/// A listener.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct Listener<'a> {
    /// Its name, which routes may attach to.
    pub name: &'a str,
    /// `None` is any host.
    #[serde(borrow)]
    pub hostname: Option<&'a str>,
    /// The port that it listens on.
    pub port: Option<u16>,
    /// `HTTP`, `HTTPS`, `TLS`, `TCP` or `UDP`.
    pub protocol: &'a str,
    #[serde(borrow)]
    tls: Option<Tls<'a>>,
    #[serde(borrow, rename = "allowedRoutes")]
    allowed_routes: Option<AllowedRoutes<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct AllowedRoutes<'a> {
    #[serde(borrow)]
    namespaces: Option<From<'a>>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct From<'a> {
    from: Option<&'a str>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Tls<'a> {
    #[serde(borrow)]
    certificate_refs: Vec<Named<'a>>,
    mode: Option<&'a str>,
    #[serde(flatten)]
    others: Map<String, Value>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    kind: Option<&'a str>,
    #[serde(borrow)]
    name: &'a str,
    namespace: Option<&'a str>,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Infrastructure<'a> {
    #[serde(borrow)]
    parameters_ref: Option<Named<'a>>,
}

impl Listening<'_> {
    /// Returns true if ListenerSets may add listeners to it.
    pub fn takes_sets(&self) -> bool {
        self.allowed_listeners.is_some()
    }

    /// Returns true if Envoy Gateway makes its pods as an EnvoyProxy says.
    pub fn has_envoy_proxy(&self) -> bool {
        let parameters =
            self.infrastructure.as_ref().and_then(|found| found.parameters_ref.as_ref());
        parameters.is_some_and(|found| found.kind == Some("EnvoyProxy"))
    }
}

impl<'a> Listener<'a> {
    /// Returns true if it takes routes of other namespaces, of some at least; without a word it takes those beside it.
    pub fn takes_others(&self) -> bool {
        let namespaces = self.allowed_routes.as_ref().and_then(|found| found.namespaces.as_ref());
        matches!(namespaces.and_then(|found| found.from), Some("All" | "Selector"))
    }

    /// The settings of its TLS that nothing here reads, in words.
    pub fn lost(&self) -> Vec<String> {
        let Some(tls) = &self.tls else { return Vec::new() };
        let mut lost: Vec<String> = tls.others.keys().map(|key| format!("`tls.{key}`")).collect();
        lost.extend(tls.mode.filter(|mode| *mode != "Terminate").map(|mode| format!("TLS {mode}")));
        lost.extend(
            tls.certificate_refs
                .iter()
                .skip(1)
                .map(|found| format!("the further certificate `{}`", found.name)),
        );
        let elsewhere = tls.certificate_refs.iter().take(1).filter_map(|found| found.namespace);
        lost.extend(elsewhere.map(|home| format!("the namespace `{home}` of the certificate")));
        lost
    }

    /// The first Secret of its certificates.
    pub fn secret(&self) -> Option<&'a str> {
        Some(self.tls.as_ref()?.certificate_refs.first()?.name)
    }
}
