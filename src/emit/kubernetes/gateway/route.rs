//! HTTPRoutes.

use serde::Serialize;

use super::{API_VERSION, Document, GROUP, Kind, Reference, metadata};
use crate::language::word::HttpMethod;
use crate::model::HeaderMatch;
use crate::plan::{
    Filter as PlannedFilter, HttpRoutePlan, Parent, ParentObject, RouteBackend, RouteMatch,
    RouteRule,
};
use crate::route::{Cors as PlannedCors, PathMatch, Redirect as PlannedRedirect, Rewrite};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HttpRouteSpec {
    parent_refs: Vec<Reference>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hostnames: Vec<String>,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    matches: Vec<Match>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<Filter>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    backend_refs: Vec<Backend>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeouts: Option<Timeouts>,
}

#[derive(Serialize)]
struct Match {
    path: Path,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'static str>,
}

#[derive(Serialize)]
struct Path {
    r#type: PathType,
    value: String,
}

#[derive(Serialize)]
enum PathType {
    Exact,
    PathPrefix,
    RegularExpression,
}

#[derive(Serialize)]
struct Header {
    r#type: HeaderType,
    name: String,
    value: String,
}

#[derive(Serialize)]
enum HeaderType {
    Exact,
    RegularExpression,
}

/// Tagged by its type, and its content in a field of its own name.
#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
enum Filter {
    RequestRedirect {
        request_redirect: Redirect,
    },
    #[serde(rename = "URLRewrite")]
    UrlRewrite {
        url_rewrite: UrlRewrite,
    },
    RequestHeaderModifier {
        request_header_modifier: HeaderModifier,
    },
    #[serde(rename = "CORS")]
    Cors {
        cors: Cors,
    },
    RequestMirror {
        request_mirror: RequestMirror,
    },
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Redirect {
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Modifier>,
    status_code: u16,
}

#[derive(Serialize)]
struct UrlRewrite {
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<Modifier>,
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
enum Modifier {
    ReplaceFullPath { replace_full_path: String },
    ReplacePrefixMatch { replace_prefix_match: String },
}

#[derive(Serialize)]
struct HeaderModifier {
    set: [SetHeader; 1],
}

#[derive(Serialize)]
struct SetHeader {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Cors {
    allow_origins: Vec<String>,
    allow_methods: Vec<String>,
    allow_headers: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    expose_headers: Vec<String>,
    allow_credentials: bool,
    max_age: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RequestMirror {
    backend_ref: Target,
}

#[derive(Serialize)]
struct Target {
    group: &'static str,
    kind: &'static str,
    name: String,
    port: u16,
}

#[derive(Serialize)]
struct Backend {
    group: &'static str,
    kind: &'static str,
    name: String,
    port: u16,
    /// Written though 1 is the default: a list of a custom resource that the API server adds to is a change at every apply.
    weight: u32,
}

#[derive(Serialize)]
struct Timeouts {
    request: String,
}

pub(in crate::emit::kubernetes) fn route(plan: &HttpRoutePlan) -> Document<HttpRouteSpec> {
    let home = plan.home.to_string();
    let spec = HttpRouteSpec {
        parent_refs: plan.parents.iter().map(|found| parent(found, &home)).collect(),
        hostnames: plan.hosts.iter().map(ToString::to_string).collect(),
        rules: plan.rules.iter().map(rule).collect(),
    };
    let metadata = metadata(&plan.meta);
    Document { api_version: API_VERSION, kind: Kind::HttpRoute, metadata, spec }
}

fn parent(parent: &Parent, home: &str) -> Reference {
    let (kind, name) = match &parent.object {
        ParentObject::Gateway(name) => (Kind::Gateway, name),
        ParentObject::ListenerSet(name) => (Kind::ListenerSet, name),
    };
    let section_name = parent.listener.as_ref().map(ToString::to_string);
    let namespace = Some(home.to_owned());
    Reference { group: GROUP, kind, namespace, name: name.to_string(), section_name }
}

fn rule(rule: &RouteRule) -> Rule {
    Rule {
        matches: rule.matches.iter().map(matched).collect(),
        filters: rule.filters.iter().map(filter).collect(),
        backend_refs: rule.backends.iter().map(backend).collect(),
        timeouts: rule.timeout.map(|seconds| Timeouts { request: duration(seconds) }),
    }
}

fn matched(found: &RouteMatch) -> Match {
    let r#type = match found.path {
        PathMatch::Exact(_) => PathType::Exact,
        PathMatch::Prefix(_) => PathType::PathPrefix,
        PathMatch::Regex(_) => PathType::RegularExpression,
    };
    Match {
        path: Path { r#type, value: found.path.value().to_owned() },
        headers: found.condition.headers.iter().map(header).collect(),
        method: found.condition.method.map(HttpMethod::word),
    }
}

fn header(found: &HeaderMatch) -> Header {
    Header {
        r#type: if found.is_regex { HeaderType::RegularExpression } else { HeaderType::Exact },
        name: found.name.clone(),
        value: found.value.clone(),
    }
}

fn filter(found: &PlannedFilter) -> Filter {
    match found {
        PlannedFilter::Redirect(found) => {
            Filter::RequestRedirect { request_redirect: redirect(found) }
        }
        PlannedFilter::Rewrite { host, path } => Filter::UrlRewrite {
            url_rewrite: UrlRewrite {
                hostname: host.as_ref().map(ToString::to_string),
                path: path.as_ref().map(|path| match path {
                    Rewrite::Whole(path) => {
                        Modifier::ReplaceFullPath { replace_full_path: path.clone() }
                    }
                    Rewrite::Prefix(path) => {
                        Modifier::ReplacePrefixMatch { replace_prefix_match: path.clone() }
                    }
                }),
            },
        },
        PlannedFilter::RequestHeader(name, value) => Filter::RequestHeaderModifier {
            request_header_modifier: HeaderModifier {
                set: [SetHeader { name, value: value.clone() }],
            },
        },
        PlannedFilter::Cors(found) => Filter::Cors { cors: cors(found) },
        PlannedFilter::Mirror(found) => {
            let (name, port) = (found.service.to_string(), found.port);
            let backend_ref = Target { group: "", kind: "Service", name, port };
            Filter::RequestMirror { request_mirror: RequestMirror { backend_ref } }
        }
    }
}

fn redirect(found: &PlannedRedirect) -> Redirect {
    Redirect {
        scheme: found.scheme,
        hostname: found.host.as_ref().map(ToString::to_string),
        port: found.port,
        path: found
            .path
            .clone()
            .map(|replace_full_path| Modifier::ReplaceFullPath { replace_full_path }),
        status_code: found.status,
    }
}

fn cors(found: &PlannedCors) -> Cors {
    Cors {
        allow_origins: found.origins.clone(),
        allow_methods: found.methods.clone(),
        allow_headers: found.headers.clone(),
        expose_headers: found.exposed.clone(),
        allow_credentials: found.credentials,
        max_age: found.max_age,
    }
}

fn backend(found: &RouteBackend) -> Backend {
    Backend {
        group: "",
        kind: "Service",
        name: found.service.to_string(),
        port: found.port,
        weight: found.weight.unwrap_or(1),
    }
}

/// At most five digits and a unit (GEP-2257).
fn duration(seconds: u32) -> String {
    match seconds {
        0..=99_999 => format!("{seconds}s"),
        _ => format!("{}h{}m{}s", seconds / 3600, seconds / 60 % 60, seconds % 60),
    }
}
