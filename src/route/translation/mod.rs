//! The translation of ingress-nginx's annotations to Gateway API, and the annotations that have no counterpart.

mod canary;
mod cors;
mod instead;
mod mirror;
mod path;
mod redirect;

pub use canary::Canary;
pub use cors::Cors;
pub use mirror::Mirror;
pub use path::PathMatch;
use path::Rest;
pub use redirect::Redirect;

use instead::{OWN_POLICIES, instead};

use super::regex::{self, regex_annotation};
use super::with;
use crate::language::name::{Host, Label, Name, QualifiedName};
use crate::model::{
    Annotations, Component, Controller, Exposed, Feature, NGINX, Path, Tiers, is_true,
    nginx_annotation,
};
use crate::source::Span;

/// The effects of a component's annotations on its requests, as HTTPRoutes express them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Translation {
    /// Answered with another address.
    pub redirect: Option<Redirect>,
    /// `rewrite-target`, which is a matter of each path.
    target: Option<String>,
    /// Another host for the backend.
    pub host: Option<Host>,
    /// The prefix of `X-Forwarded-Prefix`.
    pub forwarded_prefix: Option<String>,
    /// Answers to browsers of other origins.
    pub cors: Option<Cors>,
    /// A Service that gets a copy of each request.
    pub mirror: Option<Mirror>,
    /// Seconds until a request is given up.
    pub timeout: Option<u32>,
    /// The annotations that lose or change their meaning.
    pub remarks: Vec<Remark>,
}

/// Another path for the backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rewrite {
    /// Instead of the whole path.
    Whole(String),
    /// Instead of the prefix that matched.
    Prefix(String),
}

/// An annotation that does not do in Gateway API what it does in an Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// Its key.
    pub key: String,
    /// The place where it is written.
    pub span: Span,
    /// The result of its translation.
    pub fate: Fate,
}

/// The result of the translation of an annotation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// No counterpart exists; holds what may replace it.
    Lost(&'static str),
    /// The counterpart means something else; holds the difference.
    Changed(&'static str),
    /// The implementation does not have the counterpart; holds that, and what may replace it.
    Unable(&'static str, &'static str),
}

/// Annotations that a whole entrypoint has one answer to, or that another file translates.
const ELSEWHERE: &[&str] = &[
    "ssl-redirect",
    "force-ssl-redirect",
    "canary",
    "canary-weight",
    "canary-weight-total",
    "canary-by-header",
    "canary-by-header-value",
    "canary-by-header-pattern",
];

/// Timeouts between two reads or writes; Gateway API has one for all of a request.
const TIMEOUTS: &[&str] = &["proxy-read-timeout", "proxy-send-timeout", "proxy-connect-timeout"];

const NO_CORS: Fate = Fate::Unable(
    "CORS filters",
    "the headers that the backend sends, or a policy of the implementation, such as Traefik's Middleware `headers`",
);
const NO_MIRROR: Fate = Fate::Lost(
    "`http://SERVICE.NAMESPACE.svc.cluster.local:PORT$request_uri` of a Service in the component's namespace: a RequestMirror filter copies to a Service beside the route, with the same path",
);
const UNABLE_TO_MIRROR: Fate = Fate::Unable(
    "RequestMirror filters",
    "mirroring of the implementation, such as Traefik's TraefikService `mirroring`",
);
const NO_TIMEOUT: Fate = Fate::Unable(
    "request timeouts",
    "a policy of the implementation, such as Traefik's ServersTransport; until then a request may take as long as it likes",
);

/// Seconds in 99,999 hours, 59 minutes and 59 seconds: a duration has at most five digits for each unit (GEP-2257;
/// facts K40).
const LONGEST_TIMEOUT: u32 = 359_999_999;

impl Translation {
    /// Translates annotations to Gateway API; `is_nginx` is true where those of ingress-nginx mean something.
    fn of(annotations: &Annotations, is_nginx: bool) -> Self {
        let mut found = Self::default();
        for (key, value) in annotations {
            let name = key.as_str().strip_prefix(NGINX).filter(|_| is_nginx);
            let fate = match name {
                Some(name) => found.take(name, &value.value, annotations),
                // Of another program that reads Ingresses.
                None if reads_ingresses(key) && !key.as_str().starts_with(NGINX) => {
                    Some(Fate::Lost(OWN_POLICIES))
                }
                None => None,
            };
            let remark = |fate| Remark { key: key.as_str().to_owned(), span: value.span, fate };
            found.remarks.extend(fate.map(remark));
        }
        found
    }

    /// Takes an annotation of ingress-nginx; what becomes of it, where it does not keep its meaning.
    fn take(&mut self, name: &str, value: &str, all: &Annotations) -> Option<Fate> {
        match name {
            "rewrite-target" => {
                self.target = Some(value.to_owned()).filter(|target| !target.is_empty());
            }
            "use-regex" if is_true(value) => return Some(REGEX_PATHS),
            "permanent-redirect" | "temporal-redirect" => {
                let temporal = name.starts_with("temporal");
                let code = format!("{name}-code");
                let code = nginx_annotation(all, &code).and_then(|code| code.parse().ok());
                let code = code.unwrap_or(if temporal { 302 } else { 301 });
                match Redirect::parse(value, code) {
                    // The temporal one wins in ingress-nginx.
                    Some(_)
                        if !temporal && nginx_annotation(all, "temporal-redirect").is_some() => {}
                    Some(found) => self.redirect = Some(found),
                    None => {
                        return Some(Fate::Lost(
                            "a RequestRedirect filter: a URL with a host name, without variables and query, and the status 301, 302, 303, 307 or 308; until then the backend answers",
                        ));
                    }
                }
            }
            "permanent-redirect-code" | "temporal-redirect-code" => {}
            "mirror-target" => match Mirror::parse(value) {
                Some(found) => self.mirror = Some(found),
                None => return Some(NO_MIRROR),
            },
            "upstream-vhost" => {
                match Host::parse(value).filter(|host| !host.as_str().starts_with('*')) {
                    Some(host) => self.host = Some(host),
                    None => return Some(Fate::Lost("a URLRewrite filter with a fixed host")),
                }
            }
            "x-forwarded-prefix" if !value.is_empty() && value.len() <= 4096 => {
                self.forwarded_prefix = Some(value.to_owned());
            }
            "enable-cors" if is_true(value) => match Cors::of(all) {
                Some(found) => self.cors = Some(found),
                None => {
                    return Some(Fate::Lost(
                        "a CORS filter in a route of your own; this one would be refused because of an origin, a method, a header or the age",
                    ));
                }
            },
            "cors-allow-origin"
                if value.contains("*.")
                    && nginx_annotation(all, "enable-cors").is_some_and(is_true) =>
            {
                return Some(Fate::Changed(
                    "a wildcard is one label in ingress-nginx, and any number of labels in Gateway API: pages of more hosts may read the answers, with cookies where these are allowed",
                ));
            }
            _ if name.starts_with("cors-") || ELSEWHERE.contains(&name) => {}
            _ if TIMEOUTS.contains(&name) => {
                let Some(seconds) = value
                    .trim_end_matches('s')
                    .parse::<u32>()
                    .ok()
                    .filter(|seconds| (1..=LONGEST_TIMEOUT).contains(seconds))
                else {
                    return Some(Fate::Lost("a number of seconds from 1 to 359999999"));
                };
                self.timeout = Some(self.timeout.map_or(seconds, |known| known.max(seconds)));
                return Some(Fate::Changed(
                    "ingress-nginx counts the time between two reads or writes, Gateway API all of a request: what is sent for longer is cut off, also a busy websocket",
                ));
            }
            "backend-protocol" if value == "HTTP" => {}
            // What is no boolean ingress-nginx ignores.
            "use-regex" | "enable-cors" => {}
            _ => return Some(Fate::Lost(instead(name))),
        }
        None
    }
}

/// Paths of a host that ingress-nginx takes for regular expressions.
const REGEX_PATHS: Fate = Fate::Changed(
    "paths with characters of a regular expression become RegularExpression, which not every implementation has; the others become Exact and PathPrefix",
);

/// Another path for the backend: `/x` is instead of all of a path, `/x/$2` instead of a literal prefix where the group has
/// the rest. An error is what no filter says.
fn rewrite(target: &str, path: &Path) -> Result<Option<Rewrite>, ()> {
    if !regex::rewrites(path, target) {
        return Ok(None);
    }
    if !target.contains('$') {
        let fits = target.starts_with('/') && !target.contains(['?', '#']) && target.len() <= 1024;
        return if fits { Ok(Some(Rewrite::Whole(target.to_owned()))) } else { Err(()) };
    }
    let rest = Rest::of(path.path.value.as_str()).ok_or(())?;
    let base = target.strip_suffix(&format!("${}", rest.group)).ok_or(())?;
    let fits = rest.has_slash || base.ends_with('/');
    let base = base.trim_end_matches('/');
    let is_path = base.is_empty() || base.starts_with('/');
    if !fits || !is_path || base.contains(['$', '?', '#']) || base.len() > 1024 {
        return Err(());
    }
    Ok(Some(Rewrite::Prefix(if base.is_empty() { "/".to_owned() } else { base.to_owned() })))
}

impl Translation {
    /// Another path for the backend, for requests of a path.
    pub fn rewrite(&self, path: &Path) -> Option<Rewrite> {
        rewrite(self.target.as_deref()?, path).ok().flatten()
    }

    /// Translates what is done to the requests of a component: one tier has the annotations of both, and the
    /// component's own win.
    pub fn of_component(tiers: &Tiers, component: &Component) -> Self {
        let all = merged(tiers, &component.annotations);
        let mut found = Self::within(tiers, &all, &component.paths);
        found.keep_mirror(&all, Some(&component.namespace));
        // It is the entrypoint that redirects plain HTTP.
        let own = component.annotations.iter().find(|(key, value)| {
            match key.as_str().strip_prefix(NGINX) {
                Some("force-ssl-redirect") => is_true(&value.value),
                Some("ssl-redirect") => value.value == "false" && tiers.redirects(),
                _ => false,
            }
        });
        let fate =
            Fate::Lost("the annotation on the entrypoint, where it holds for all of its hosts");
        found.remarks.extend(own.map(|(key, value)| Remark::at(key, value.span, fate)));
        found
    }

    /// Returns the address that a component's annotations send its clients to, by an Ingress or by a route.
    pub fn redirect_of(tiers: &Tiers, component: &Component, api: Exposed) -> Option<Redirect> {
        match api {
            Exposed::Gateway => Self::of_component(tiers, component).redirect,
            Exposed::Ingress => {
                let all = with(tiers.routing_annotations(), &component.annotations);
                Self::redirect_in(&all, tiers.controller())
            }
        }
    }

    /// Returns the redirect that a controller reads in the annotations of an Ingress.
    pub fn redirect_in(annotations: &Annotations, controller: Controller) -> Option<Redirect> {
        Self::of(annotations, controller.reads_nginx()).redirect
    }

    /// Translates what is done to requests that no component claims.
    pub fn of_fallback(tiers: &Tiers) -> Self {
        let everything = Path::everything(tiers.edge.class.span);
        let all = merged(tiers, &Annotations::new());
        let mut found = Self::within(tiers, &all, &[everything]);
        found.keep_mirror(&all, None);
        found
    }

    /// Translates what annotations do to requests of these paths.
    fn within(tiers: &Tiers, all: &Annotations, paths: &[Path]) -> Self {
        let controller = tiers.controller();
        let mut found = Self::of(all, controller.reads_nginx());
        found.refuse_container_port(tiers, all);
        found.refuse_unable(tiers, all);
        let written =
            all.iter().find(|(key, _)| key.as_str().strip_prefix(NGINX) == Some("rewrite-target"));
        if let (Some((key, value)), Some(target)) = (written, found.target.clone()) {
            if paths.iter().any(|path| rewrite(&target, path).is_err()) {
                let fate = Fate::Lost(
                    "a URLRewrite filter, which knows no groups but what follows a literal prefix",
                );
                found.remarks.push(Remark::at(key, value.span, fate));
            } else if regex_annotation(all, paths.iter(), controller) == Some("rewrite-target") {
                found.remarks.push(Remark::at(key, value.span, REGEX_PATHS));
            }
        }
        found
    }

    /// Leaves out what the implementation does not have: a filter that it does not know makes every answer of the rule an
    /// error (facts K39).
    fn refuse_unable(&mut self, tiers: &Tiers, all: &Annotations) {
        let Some(gateway) = &tiers.gateway else { return };
        let lacks = |feature| !gateway.implementation.can(feature);
        if self.cors.is_some() && lacks(Feature::Cors) {
            self.cors = None;
            self.replace(all, |name| name == "enable-cors" || name.starts_with("cors-"), NO_CORS);
        }
        if self.mirror.is_some() && lacks(Feature::Mirror) {
            self.mirror = None;
            self.replace(all, |name| name == "mirror-target", UNABLE_TO_MIRROR);
        }
        if self.timeout.is_some() && lacks(Feature::RequestTimeout) {
            self.timeout = None;
            self.replace(all, |name| TIMEOUTS.contains(&name), NO_TIMEOUT);
        }
    }

    /// A route leads to Services beside it. The fallback has none there.
    fn keep_mirror(&mut self, all: &Annotations, home: Option<&Label>) {
        if self.mirror.as_ref().is_some_and(|found| Some(&found.namespace) != home) {
            self.mirror = None;
            self.replace(all, |name| name == "mirror-target", NO_MIRROR);
        }
    }

    /// Gives some annotations another fate: the first of them is told of.
    fn replace(&mut self, all: &Annotations, is_one: impl Fn(&str) -> bool, fate: Fate) {
        let is_one = |key: &str| key.strip_prefix(NGINX).is_some_and(&is_one);
        self.remarks.retain(|remark| !is_one(&remark.key));
        let told = all.iter().filter(|(key, _)| is_one(key.as_str()));
        let told = told.min_by_key(|(key, _)| !key.as_str().ends_with("enable-cors"));
        self.remarks.extend(told.map(|(key, value)| Remark::at(key, value.span, fate)));
    }

    /// Without a scheme a redirect has the listener's port (HTTPRequestRedirectFilter), which is the container's here.
    fn refuse_container_port(&mut self, tiers: &Tiers, all: &Annotations) {
        let ports = tiers.gateway.as_ref().is_some_and(|gateway| gateway.on_container_ports);
        let Some(redirect) = self.redirect.as_mut().filter(|found| ports && found.scheme.is_none())
        else {
            return;
        };
        if tiers.redirects() {
            redirect.scheme = Some("https");
            return;
        }
        self.redirect = None;
        // The temporal one wins.
        let own = ["temporal-redirect", "permanent-redirect"].iter().find_map(|name| {
            all.iter().find(|(key, _)| key.as_str().strip_prefix(NGINX) == Some(name))
        });
        self.remarks.extend(own.map(|(key, value)| Remark {
            key: key.as_str().to_owned(),
            span: value.span,
            fate: Fate::Lost(
                "a whole URL: one without a host would name the port of the container",
            ),
        }));
    }
}

/// Returns true if an annotation is for a program that reads Ingresses: it would do nothing elsewhere.
fn reads_ingresses(key: &QualifiedName) -> bool {
    key.as_str().split_once('/').is_some_and(|(program, _)| program.contains("ingress"))
}

/// The annotations that any object may have: those of other programs, such as cert-manager's.
pub fn of_other_programs(annotations: &Annotations) -> Annotations {
    let kept = annotations.iter().filter(|(key, _)| !reads_ingresses(key));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The annotations of an entrypoint, and others that win.
fn merged(tiers: &Tiers, own: &Annotations) -> Annotations {
    with(&of_tiers(tiers), own)
}

impl Remark {
    fn at(key: &QualifiedName, span: Span, fate: Fate) -> Self {
        Self { key: key.as_str().to_owned(), span, fate }
    }
}

/// The annotations that a single tier has of an entrypoint.
fn of_tiers(tiers: &Tiers) -> Annotations {
    let mut all = tiers.edge.annotations.clone();
    all.extend(tiers.routing.iter().flat_map(|routing| routing.annotations.clone()));
    all
}
