//! Answers to browsers of other origins (HTTPCORSFilter, GEP-1767), from the annotations of ingress-nginx.

use crate::model::{Annotations, is_true, nginx_annotation};

/// The rights of pages of other origins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cors {
    /// `https://www.example.com`, `https://*.example.com` or `*`.
    pub origins: Vec<String>,
    /// HTTP methods.
    pub methods: Vec<String>,
    /// Headers of requests.
    pub headers: Vec<String>,
    /// Headers of answers that pages may read.
    pub exposed: Vec<String>,
    /// True if cookies may come along.
    pub credentials: bool,
    /// Seconds for which a browser remembers the answer.
    pub max_age: u32,
}

/// The values that ingress-nginx answers with where an annotation is not there (its documentation, "Enable CORS").
const METHODS: &str = "GET, PUT, POST, DELETE, PATCH, OPTIONS";
const HEADERS: &str = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,Content-Type,Range,Authorization";
const MAX_AGE: u32 = 1_728_000;

/// The methods that the filter takes.
const KNOWN_METHODS: [&str; 10] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH", "*"];

impl Cors {
    /// Reads the `cors-` annotations; `None` if the filter refuses them.
    pub fn of(annotations: &Annotations) -> Option<Self> {
        let says = |name: &str| nginx_annotation(annotations, &format!("cors-{name}"));
        let list = |text: &str| -> Vec<String> {
            let mut found: Vec<String> = Vec::new();
            for item in text.split(',').map(str::trim).filter(|item| !item.is_empty()) {
                if !found.iter().any(|known| known.eq_ignore_ascii_case(item)) {
                    found.push(item.to_owned());
                }
            }
            found
        };
        let origins = list(&says("allow-origin").unwrap_or("*").to_ascii_lowercase());
        // Browsers refuse cookies where ingress-nginx answers `*`; a Gateway would answer each origin by its name.
        let is_any = origins.iter().any(|origin| origin == "*");
        let cors = Self {
            origins,
            methods: list(says("allow-methods").unwrap_or(METHODS)),
            headers: list(says("allow-headers").unwrap_or(HEADERS)),
            exposed: list(says("expose-headers").unwrap_or_default()),
            credentials: !is_any && says("allow-credentials").is_none_or(is_true),
            max_age: says("max-age").map_or(Some(MAX_AGE), |age| age.parse().ok())?,
        };
        // The schema's patterns, and its rules for `*`.
        let is_origin = |origin: &String| {
            origin == "*"
                || origin
                    .split_once("://")
                    .is_some_and(|(scheme, host)| !scheme.is_empty() && is_authority(host))
        };
        let is_token = |header: &String| {
            header.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
        };
        let alone = |list: &[String]| list.len() == 1 || !list.iter().any(|item| item == "*");
        let methods = cors.methods.iter().all(|method| KNOWN_METHODS.contains(&method.as_str()));
        let fits = cors.origins.iter().all(is_origin)
            && methods
            && cors.headers.iter().chain(&cors.exposed).all(is_token)
            && [&cors.origins, &cors.methods, &cors.headers, &cors.exposed]
                .iter()
                .all(|list| alone(list) && list.len() <= 64)
            && cors.methods.len() <= 9
            && !cors.origins.is_empty()
            && cors.max_age >= 1;
        fits.then_some(cors)
    }
}

/// A host with `*.` in front or not, and a port or not.
fn is_authority(text: &str) -> bool {
    let (host, port) = text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port)));
    let host = host.strip_prefix("*.").unwrap_or(host);
    !host.is_empty()
        && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.".contains(&b))
        && port.is_none_or(|port| port.parse::<u16>().is_ok())
}
