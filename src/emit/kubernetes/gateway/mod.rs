//! Gateways and ListenerSets (Gateway API, gateway.networking.k8s.io/v1), as small types of our own: k8s-openapi has none.

mod route;

pub(super) use route::route;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta as Metadata;
use serde::Serialize;

use super::file::metadata;
use crate::model::{Label, Subdomain};
use crate::plan::{GatewayPlan, Listener, ListenerSetPlan, ObjectMeta};

const API_VERSION: &str = "gateway.networking.k8s.io/v1";

/// An object of this group.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document<Spec> {
    api_version: &'static str,
    kind: Kind,
    metadata: Metadata,
    spec: Spec,
}

#[derive(Clone, Copy, Serialize)]
enum Kind {
    Gateway,
    ListenerSet,
    EnvoyProxy,
    #[serde(rename = "HTTPRoute")]
    HttpRoute,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewaySpec {
    gateway_class_name: String,
    /// ListenerSets of no namespace are taken by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed_listeners: Option<AllowedListeners>,
    #[serde(skip_serializing_if = "Option::is_none")]
    infrastructure: Option<Infrastructure>,
    listeners: Vec<Entry>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Infrastructure {
    parameters_ref: Parameters,
}

#[derive(Serialize)]
struct Parameters {
    group: &'static str,
    kind: Kind,
    name: String,
}

#[derive(Serialize)]
struct AllowedListeners {
    namespaces: Namespaces,
}

#[derive(Serialize)]
struct Namespaces {
    from: From,
    #[serde(skip_serializing_if = "Option::is_none")]
    selector: Option<Selector>,
}

#[derive(Serialize)]
enum From {
    All,
    Same,
    Selector,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Selector {
    match_expressions: [Expression; 1],
}

#[derive(Serialize)]
struct Expression {
    key: &'static str,
    operator: &'static str,
    values: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ListenerSetSpec {
    parent_ref: Reference,
    listeners: Vec<Entry>,
}

/// The object that something attaches to.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    group: &'static str,
    kind: Kind,
    #[serde(skip_serializing_if = "Option::is_none")]
    namespace: Option<String>,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    section_name: Option<String>,
}

const GROUP: &str = "gateway.networking.k8s.io";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    port: u16,
    protocol: Protocol,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<Tls>,
    allowed_routes: AllowedRoutes,
}

#[derive(Serialize)]
enum Protocol {
    #[serde(rename = "HTTP")]
    Http,
    #[serde(rename = "HTTPS")]
    Https,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Tls {
    mode: &'static str,
    certificate_refs: [Certificate; 1],
}

#[derive(Serialize)]
struct Certificate {
    group: &'static str,
    kind: &'static str,
    name: String,
}

#[derive(Serialize)]
struct AllowedRoutes {
    namespaces: Namespaces,
}

/// The way in which Envoy Gateway runs the pods of a Gateway: one on every node, so that a VIP finds one wherever it is, and without a
/// LoadBalancer Service beside ours.
pub(super) fn envoy_proxy(meta: &ObjectMeta) -> Document<serde_json::Value> {
    Document {
        api_version: "gateway.envoyproxy.io/v1alpha1",
        kind: Kind::EnvoyProxy,
        metadata: metadata(meta),
        spec: serde_json::json!({
            "provider": {
                "type": "Kubernetes",
                "kubernetes": { "envoyDaemonSet": {}, "envoyService": { "type": "ClusterIP" } },
            },
        }),
    }
}

const ENVOY_GROUP: &str = "gateway.envoyproxy.io";

pub(super) fn gateway(plan: &GatewayPlan) -> Document<GatewaySpec> {
    let namespaces = plan.namespaces.as_deref();
    let plain = plan.port.map(|port| Entry {
        name: Subdomain::plain().to_string(),
        hostname: None,
        port,
        protocol: Protocol::Http,
        tls: None,
        allowed_routes: allowed(namespaces),
    });
    let own = plan.listeners.iter().map(|found| listener(found, namespaces));
    let same = || AllowedListeners { namespaces: Namespaces { from: From::Same, selector: None } };
    Document {
        api_version: API_VERSION,
        kind: Kind::Gateway,
        metadata: metadata(&plan.meta),
        spec: GatewaySpec {
            gateway_class_name: plan.class.to_string(),
            allowed_listeners: plan.takes_sets.then(same),
            infrastructure: plan.proxy.as_ref().map(|name| Infrastructure {
                parameters_ref: Parameters {
                    group: ENVOY_GROUP,
                    kind: Kind::EnvoyProxy,
                    name: name.to_string(),
                },
            }),
            listeners: plain.into_iter().chain(own).collect(),
        },
    }
}

pub(super) fn listener_set(plan: &ListenerSetPlan) -> Document<ListenerSetSpec> {
    Document {
        api_version: API_VERSION,
        kind: Kind::ListenerSet,
        metadata: metadata(&plan.meta),
        spec: ListenerSetSpec {
            parent_ref: Reference {
                group: GROUP,
                kind: Kind::Gateway,
                namespace: None,
                name: plan.gateway.to_string(),
                section_name: None,
            },
            listeners: plan
                .listeners
                .iter()
                .map(|found| listener(found, plan.namespaces.as_deref()))
                .collect(),
        },
    }
}

fn listener(listener: &Listener, namespaces: Option<&[Label]>) -> Entry {
    let tls = |secret: &Subdomain| Tls {
        mode: "Terminate",
        certificate_refs: [Certificate { group: "", kind: "Secret", name: secret.to_string() }],
    };
    Entry {
        name: listener.host.object_name().to_string(),
        hostname: Some(listener.host.to_string()),
        port: listener.port,
        protocol: if listener.secret.is_some() { Protocol::Https } else { Protocol::Http },
        tls: listener.secret.as_ref().map(tls),
        allowed_routes: allowed(namespaces),
    }
}

/// Routes of these namespaces.
fn allowed(namespaces: Option<&[Label]>) -> AllowedRoutes {
    let Some(namespaces) = namespaces else {
        return AllowedRoutes { namespaces: Namespaces { from: From::All, selector: None } };
    };
    let selector = Selector {
        match_expressions: [Expression {
            key: "kubernetes.io/metadata.name",
            operator: "In",
            values: namespaces.iter().map(ToString::to_string).collect(),
        }],
    };
    AllowedRoutes { namespaces: Namespaces { from: From::Selector, selector: Some(selector) } }
}
