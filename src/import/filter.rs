//! The filters of HTTPRoutes -> annotations of ingress-nginx, as [`crate::route::Translation`] takes them.

use std::collections::BTreeMap;

use crate::model::NGINX;
use crate::state::http_route::{Cors, Filter, Mirror, Modifier, Redirect, RouteRule};

/// The changes that a rule makes to requests and answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Treatment {
    /// Annotations of ingress-nginx that say the same.
    pub annotations: BTreeMap<String, String>,
    /// The prefix that takes the place of the one that matched.
    pub prefix: Option<String>,
    /// Changes that no annotation says, in words.
    pub lost: Vec<String>,
}

impl Treatment {
    /// Reads the filters and timeouts of a rule; `namespace` is that of its route.
    pub fn of(rule: &RouteRule<'_>, namespace: &str) -> Self {
        let mut found = Self::default();
        for filter in &rule.filters {
            match filter {
                Filter::RequestRedirect { request_redirect } => found.redirect(request_redirect),
                Filter::UrlRewrite { url_rewrite } => {
                    if let Some(host) = url_rewrite.hostname {
                        found.say("upstream-vhost", host);
                    }
                    match url_rewrite.path {
                        Some(Modifier::ReplaceFullPath { replace_full_path }) => {
                            found.say("rewrite-target", replace_full_path);
                        }
                        Some(Modifier::ReplacePrefixMatch { replace_prefix_match }) => {
                            found.prefix = Some(replace_prefix_match.to_owned());
                        }
                        None => {}
                    }
                }
                Filter::RequestHeaderModifier { request_header_modifier } => {
                    found.headers(request_header_modifier);
                }
                Filter::Cors { cors } => found.cors(cors),
                Filter::RequestMirror { request_mirror } => found.mirror(request_mirror, namespace),
                Filter::Other(fields) => {
                    let kind = fields.get("type").and_then(serde_json::Value::as_str);
                    found.lost.push(format!("the filter `{}`", kind.unwrap_or("without a type")));
                }
            }
        }
        let timeouts = rule.timeouts.as_ref();
        if let Some(written) = timeouts.and_then(|timeouts| timeouts.request) {
            match seconds(written) {
                Some(seconds) => found.say("proxy-read-timeout", &seconds.to_string()),
                None => found.lost.push(format!("the timeout of {written}")),
            }
        }
        if timeouts.is_some_and(|timeouts| timeouts.backend_request.is_some()) {
            found.lost.push("`backendRequest` of its timeouts".to_owned());
        }
        found.lost.extend(rule.others.keys().map(|key| format!("`{key}`")));
        if rule.backend_refs.iter().any(|backend| !backend.filters.is_empty()) {
            found.lost.push("the filters of its backends".to_owned());
        }
        found
    }

    fn say(&mut self, name: &str, value: &str) {
        self.annotations.insert(format!("{NGINX}{name}"), value.to_owned());
    }

    fn redirect(&mut self, found: &Redirect<'_>) {
        let port = found.port.map_or(String::new(), |port| format!(":{port}"));
        let path = match found.path {
            None => Some("$request_uri"),
            Some(Modifier::ReplaceFullPath { replace_full_path }) => Some(replace_full_path),
            Some(Modifier::ReplacePrefixMatch { .. }) => None,
        };
        let url = match (found.scheme, found.hostname, path) {
            (Some(scheme), Some(host), Some(path)) => format!("{scheme}://{host}{port}{path}"),
            (None, None, Some(path)) if path.starts_with('/') && port.is_empty() => path.to_owned(),
            _ => {
                self.lost.push("a redirect that keeps a part of the address".to_owned());
                return;
            }
        };
        match found.status_code.unwrap_or(302) {
            302 => self.say("temporal-redirect", &url),
            status => {
                self.say("permanent-redirect", &url);
                if status != 301 {
                    self.say("permanent-redirect-code", &status.to_string());
                }
            }
        }
    }

    fn headers(&mut self, modifier: &serde_json::Value) {
        let list = |key: &str| modifier[key].as_array().into_iter().flatten();
        for header in list("set") {
            match (header["name"].as_str(), header["value"].as_str()) {
                (Some(name), Some(value)) if name.eq_ignore_ascii_case("X-Forwarded-Prefix") => {
                    self.say("x-forwarded-prefix", value);
                }
                (name, _) => {
                    self.lost.push(format!("the request header `{}`", name.unwrap_or_default()));
                }
            }
        }
        for (key, what) in [("add", "headers that it adds"), ("remove", "headers that it removes")]
        {
            self.lost.extend(list(key).next().map(|_| format!("request {what}")));
        }
    }

    fn mirror(&mut self, found: &Mirror<'_>, namespace: &str) {
        let backend = &found.backend_ref;
        let is_beside = backend.namespace.is_none_or(|own| own == namespace);
        match backend.port.filter(|_| is_beside && found.others.is_empty()) {
            Some(port) => {
                let name = backend.name;
                let url = format!("http://{name}.{namespace}.svc.cluster.local:{port}$request_uri");
                self.say("mirror-target", &url);
            }
            None => self.lost.push("a mirror of a part, or in another namespace,".to_owned()),
        }
    }

    fn cors(&mut self, cors: &Cors<'_>) {
        self.say("enable-cors", "true");
        self.say("cors-allow-origin", &cors.allow_origins.join(", "));
        let lists = [
            ("cors-allow-methods", &cors.allow_methods),
            ("cors-allow-headers", &cors.allow_headers),
            ("cors-expose-headers", &cors.expose_headers),
        ];
        for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            self.say(name, &list.join(", "));
        }
        self.say("cors-allow-credentials", &cors.allow_credentials.to_string());
        // The filter's default (HTTPCORSFilter.maxAge).
        self.say("cors-max-age", &cors.max_age.unwrap_or(5).to_string());
    }
}

/// Whole seconds of a duration such as `1h30m` (GEP-2257).
fn seconds(written: &str) -> Option<u64> {
    let mut total = 0;
    for part in written.split_inclusive(|c: char| c.is_ascii_alphabetic()) {
        let number: u64 = part.trim_end_matches(|c: char| c.is_ascii_alphabetic()).parse().ok()?;
        total += match part.trim_start_matches(|c: char| c.is_ascii_digit()) {
            "h" => number * 3600,
            "m" => number * 60,
            "s" => number,
            _ => return None,
        };
    }
    Some(total).filter(|total| *total > 0)
}

#[cfg(test)]
mod tests {
    use super::seconds;

    #[test]
    fn durations_are_whole_seconds() {
        assert_eq!(seconds("1h1m1s"), Some(3661));
        assert_eq!(seconds("86400s"), Some(86_400));
        assert_eq!([seconds("100ms"), seconds("0s"), seconds("x")], [None; 3]);
    }
}
