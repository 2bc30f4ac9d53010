//! HTTPRoutes as manifests and API servers write them (gateway.networking.k8s.io/v1).

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::language::word::{HttpMethod, Word};
use crate::model::{Condition, HeaderMatch};

/// The `spec` of an HTTPRoute.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct HttpRoute<'a> {
    /// Gateways and ListenerSets.
    #[serde(borrow)]
    pub parent_refs: Vec<Parent<'a>>,
    /// Empty is any host of the listeners.
    #[serde(borrow)]
    pub hostnames: Vec<&'a str>,
    /// Requests that are treated alike.
    #[serde(borrow)]
    pub rules: Vec<RouteRule<'a>>,
    /// Fields that nothing here reads.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A Gateway or a ListenerSet that a route attaches to.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Parent<'a> {
    /// `Gateway` where it is not written.
    #[serde(borrow)]
    pub kind: Option<&'a str>,
    /// That of the route where it is not written.
    #[serde(borrow)]
    pub namespace: Option<&'a str>,
    /// The name of the object.
    pub name: &'a str,
    /// One of its listeners; `None` is all.
    #[serde(borrow)]
    pub section_name: Option<&'a str>,
}

/// A rule of a route.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteRule<'a> {
    /// Empty is every request.
    #[serde(borrow)]
    pub matches: Vec<RouteMatch<'a>>,
    /// Changes to requests and answers.
    #[serde(borrow)]
    pub filters: Vec<Filter<'a>>,
    /// The backends, with their weights.
    #[serde(borrow)]
    pub backend_refs: Vec<BackendRef<'a>>,
    /// Limits in time.
    #[serde(borrow)]
    pub timeouts: Option<Timeouts<'a>>,
    /// The rule's own name, which means nothing to requests.
    #[serde(borrow)]
    pub name: Option<&'a str>,
    /// Fields that nothing here reads.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// The conditions of a request.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RouteMatch<'a> {
    #[serde(borrow)]
    path: Option<PathValue<'a>>,
    #[serde(borrow)]
    method: Option<&'a str>,
    #[serde(borrow)]
    headers: Vec<HeaderValue<'a>>,
    query_params: Vec<Value>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct PathValue<'a> {
    #[serde(borrow)]
    r#type: Option<&'a str>,
    #[serde(borrow)]
    value: Option<&'a str>,
}

#[derive(Debug, Clone, Deserialize)]
struct HeaderValue<'a> {
    #[serde(borrow)]
    r#type: Option<&'a str>,
    name: &'a str,
    value: &'a str,
}

/// A change that a rule makes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Filter<'a> {
    /// Another address for the client.
    RequestRedirect {
        /// The parts that differ from the request's.
        #[serde(borrow)]
        request_redirect: Redirect<'a>,
    },
    /// Another host or path for the backend.
    #[serde(rename = "URLRewrite")]
    UrlRewrite {
        /// The parts that differ from the request's.
        #[serde(borrow)]
        url_rewrite: Rewrite<'a>,
    },
    /// Headers that the backend sees.
    RequestHeaderModifier {
        /// The headers.
        request_header_modifier: Value,
    },
    /// Answers to browsers of other origins.
    #[serde(rename = "CORS")]
    Cors {
        /// The rights of other origins.
        #[serde(borrow)]
        cors: Cors<'a>,
    },
    /// A copy of each request, for another Service.
    RequestMirror {
        /// The Service, and the part of the requests.
        #[serde(borrow)]
        request_mirror: Mirror<'a>,
    },
    /// Anything else.
    #[serde(untagged)]
    Other(Map<String, Value>),
}

/// HTTPRequestRedirectFilter
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Redirect<'a> {
    /// `http` or `https`; `None` is the request's.
    #[serde(borrow)]
    pub scheme: Option<&'a str>,
    /// `None` is the request's.
    #[serde(borrow)]
    pub hostname: Option<&'a str>,
    /// `None` is that of the scheme.
    pub port: Option<u16>,
    /// `None` is the request's.
    #[serde(borrow)]
    pub path: Option<Modifier<'a>>,
    /// 302 where it is not written.
    pub status_code: Option<u16>,
}

/// HTTPURLRewriteFilter
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Rewrite<'a> {
    /// The host that the backend sees.
    #[serde(borrow)]
    pub hostname: Option<&'a str>,
    /// The path that it sees.
    #[serde(borrow)]
    pub path: Option<Modifier<'a>>,
}

/// Another path (HTTPPathModifier).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum Modifier<'a> {
    /// Instead of all of it.
    ReplaceFullPath {
        /// The path.
        replace_full_path: &'a str,
    },
    /// Instead of the prefix that matched.
    ReplacePrefixMatch {
        /// The prefix.
        replace_prefix_match: &'a str,
    },
}

/// HTTPCORSFilter
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Cors<'a> {
    /// Origins, with wildcards.
    #[serde(borrow)]
    pub allow_origins: Vec<&'a str>,
    /// Methods.
    #[serde(borrow)]
    pub allow_methods: Vec<&'a str>,
    /// Headers of requests.
    #[serde(borrow)]
    pub allow_headers: Vec<&'a str>,
    /// Headers of answers.
    #[serde(borrow)]
    pub expose_headers: Vec<&'a str>,
    /// True if cookies may come along.
    pub allow_credentials: bool,
    /// Seconds; 5 where it is not written.
    pub max_age: Option<u32>,
}

/// HTTPRequestMirrorFilter
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Mirror<'a> {
    /// The Service.
    #[serde(borrow)]
    pub backend_ref: BackendRef<'a>,
    /// Fields that say which part of the requests is copied.
    #[serde(flatten)]
    pub others: Map<String, Value>,
}

/// A Service and its part of the requests.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct BackendRef<'a> {
    /// `Service` where it is not written.
    #[serde(borrow)]
    pub kind: Option<&'a str>,
    /// The name of the Service.
    pub name: &'a str,
    /// That of the route where it is not written.
    #[serde(borrow)]
    pub namespace: Option<&'a str>,
    /// Its port.
    pub port: Option<u16>,
    /// 1 where it is not written.
    pub weight: Option<u32>,
    /// Changes for this backend alone.
    pub filters: Vec<Value>,
}

/// Limits in time (GEP-1742), as durations such as `1h30m`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Timeouts<'a> {
    /// For all of a request.
    #[serde(borrow)]
    pub request: Option<&'a str>,
    /// For one attempt at a backend.
    #[serde(borrow)]
    pub backend_request: Option<&'a str>,
}

impl<'a> RouteRule<'a> {
    /// Its matches; a rule without any is for every request.
    pub fn matches(&self) -> Vec<RouteMatch<'a>> {
        match self.matches.is_empty() {
            true => vec![RouteMatch::default()],
            false => self.matches.clone(),
        }
    }

    /// Returns true if it only sends every request to the same address with TLS.
    pub fn is_to_https(&self) -> bool {
        let is_every = |found: &RouteMatch<'_>| {
            found.path() == ("/", "PathPrefix")
                && found.condition().is_some_and(|condition| condition.is_none())
        };
        self.matches().iter().all(is_every)
            && self.filters.iter().any(|filter| match filter {
                Filter::RequestRedirect { request_redirect: found } => {
                    found.scheme == Some("https")
                        && found.path.is_none()
                        && found.hostname.is_none()
                        && found.port.is_none_or(|port| port == 443)
                }
                _ => false,
            })
    }
}

impl<'a> RouteMatch<'a> {
    /// The path, and the type of its comparison.
    pub fn path(&self) -> (&'a str, &'a str) {
        let path = self.path.as_ref();
        let kind = path.and_then(|path| path.r#type).unwrap_or("PathPrefix");
        (path.and_then(|path| path.value).unwrap_or("/"), kind)
    }

    /// The method and headers, or `None` if it looks at the query too.
    pub fn condition(&self) -> Option<Condition> {
        if !self.query_params.is_empty() {
            return None;
        }
        let method = match self.method {
            Some(text) => Some(HttpMethod::of_word(text)?),
            None => None,
        };
        let header = |header: &HeaderValue<'_>| HeaderMatch {
            name: header.name.to_owned(),
            value: header.value.to_owned(),
            is_regex: header.r#type == Some("RegularExpression"),
        };
        let mut headers: Vec<HeaderMatch> = Vec::new();
        for found in self.headers.iter().map(header) {
            // Of names that are equal without case the first counts (HTTPHeaderMatch).
            if !headers.iter().any(|first| first.name.eq_ignore_ascii_case(&found.name)) {
                headers.push(found);
            }
        }
        headers.sort();
        Some(Condition { method, headers })
    }
}
