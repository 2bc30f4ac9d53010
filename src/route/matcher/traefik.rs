//! Traefik: every rule of every host competes, and the longest text of a rule wins (facts K16, K17, K33, K43).

use std::cmp::Reverse;

use super::{Considered, Lookup, Tier, is_below};
use crate::language::name::Host;
use crate::language::version::ControllerVersion;
use crate::language::word::PathType;
use crate::model::Controller;
use crate::route::regex;

/// From this release on a wildcard is `Host(`*.example.com`)`, and no regular expression.
const PLAIN_WILDCARDS: ControllerVersion = ControllerVersion(3, 7);

/// Rules of Traefik, as its providers write them.
#[derive(Debug, Clone, Copy)]
struct Writer {
    /// True if a Prefix is ``(Path(`/users`) || PathPrefix(`/users/`))``, which compares elements; false if it is
    /// ``PathPrefix(`/users`)``, which compares letters.
    strict: bool,
    /// True if the provider is kubernetesIngressNGINX.
    is_nginx: bool,
    version: ControllerVersion,
}

impl Writer {
    fn of(controller: Controller) -> Self {
        match controller {
            Controller::Traefik { strict_prefix, version } => {
                Self { strict: strict_prefix, is_nginx: false, version }
            }
            _ => Self { strict: true, is_nginx: true, version: ControllerVersion::NEWEST },
        }
    }
}

pub(super) fn lookup<'a, A: PartialEq>(
    tier: &'a Tier<A>,
    host: &Host,
    path: &str,
    controller: Controller,
) -> Lookup<'a, A> {
    let writer = Writer::of(controller);
    let mut found: Vec<(usize, Considered<'a, A>)> = tier
        .all()
        .filter(|rule| rule.is_for(host))
        .map(|rule| (writer.rule(tier, &rule), rule))
        .filter(|(written, _)| written.path.matches(path))
        .map(|(written, rule)| (written.priority, rule))
        .collect();
    found.sort_by_key(|(priority, _)| Reverse(*priority));
    let best = found.first().map(|(priority, _)| *priority);
    let equal = found.iter().take_while(|(priority, _)| Some(*priority) == best).count();
    Lookup::of_equals(found.into_iter().map(|(_, rule)| rule).collect(), equal)
}

/// A rule as Traefik has it.
#[derive(Debug)]
pub struct TraefikRouter<'a> {
    path: Written<'a>,
    /// The highest wins.
    pub priority: usize,
}

impl<'a> TraefikRouter<'a> {
    /// The rule of a tier as a Traefik writes it.
    pub fn of<A>(tier: &Tier<A>, rule: &Considered<'a, A>, controller: Controller) -> Self {
        Writer::of(controller).rule(tier, rule)
    }

    /// Returns true if it matches a path.
    pub fn matches(&self, path: &str) -> bool {
        self.path.matches(path)
    }

    /// Returns the way it compares paths, `path`, `letters`, `elements` or `regex`, and the text to compare with.
    pub fn compares(&self) -> (&'static str, &str) {
        match &self.path {
            Written::Path(path) => ("path", path),
            Written::Letters(path) => ("letters", path),
            Written::Elements(path) => ("elements", path),
            Written::Regex(path) => ("regex", path),
        }
    }
}

/// A path as a rule has it.
#[derive(Debug)]
enum Written<'a> {
    Path(&'a str),
    Letters(&'a str),
    Elements(&'a str),
    Regex(String),
}

impl Written<'_> {
    fn matches(&self, path: &str) -> bool {
        match self {
            Self::Path(own) => path == *own,
            Self::Letters(own) => path.starts_with(own),
            Self::Elements(own) => is_below(path, own),
            Self::Regex(own) => {
                let own = own.strip_prefix("(?i)^").unwrap_or(own);
                regex::matches(own, path) == Some(true)
            }
        }
    }

    /// The rule's text; its length is its priority.
    fn text(&self) -> String {
        match self {
            Self::Path(path) => format!("Path(`{path}`)"),
            Self::Elements(path) if *path != "/" => {
                let bare = path.trim_end_matches('/');
                format!("(Path(`{bare}`) || PathPrefix(`{bare}/`))")
            }
            Self::Elements(path) | Self::Letters(path) => format!("PathPrefix(`{path}`)"),
            Self::Regex(path) => format!("PathRegexp(`{path}`)"),
        }
    }
}

impl Writer {
    fn rule<'a, A>(self, tier: &Tier<A>, rule: &Considered<'a, A>) -> TraefikRouter<'a> {
        let path = self.path(rule, self.is_nginx && tier.is_regex(rule.host));
        let length = (self.host(rule.host) + &path.text()).len();
        let own = rule.rule.traefik.priority.filter(|_| !self.is_nginx);
        TraefikRouter { path, priority: own.unwrap_or(length) }
    }

    fn path<'a, A>(self, rule: &Considered<'a, A>, is_regex: bool) -> Written<'a> {
        let path = rule.rule.path.path.value.as_str();
        if is_regex {
            return Written::Regex(format!("(?i)^{path}"));
        }
        let prefix = if self.strict { Written::Elements(path) } else { Written::Letters(path) };
        match (rule.kind(), rule.rule.traefik.matcher.as_deref()) {
            (PathType::Exact, _) => Written::Path(path),
            (PathType::ImplementationSpecific, Some("Path")) if !self.is_nginx => {
                Written::Path(path)
            }
            (PathType::ImplementationSpecific, Some("PathRegexp")) if !self.is_nginx => {
                Written::Regex(path.to_owned())
            }
            _ => prefix,
        }
    }

    fn host(self, host: Option<&Host>) -> String {
        let Some(host) = host else { return String::new() };
        match host.as_str().strip_prefix("*.") {
            Some(rest) if self.version < PLAIN_WILDCARDS => {
                format!("HostRegexp(`^[a-zA-Z0-9-]+\\.{}$`) && ", rest.replace('.', "\\."))
            }
            _ => format!("Host(`{host}`) && "),
        }
    }
}
