//! The implementations of Gateway API, and what each can do: one table, which the lints, the plan, the matchers and
//! docs/gateway.md ask.

use std::fmt::{self, Write as _};

use crate::language::version::ControllerVersion;
use crate::language::word::ImplementationName;

/// The program that reads the objects of Gateway API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Implementation {
    /// Its name.
    pub name: ImplementationName,
    /// The release, where releases differ.
    pub version: ControllerVersion,
}

/// An optional part of Gateway API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Feature {
    /// Listeners beside the Gateway, in objects of their own (GEP-1713).
    ListenerSets,
    /// The CORS filter (GEP-1767).
    Cors,
    /// `timeouts.request` (GEP-1742).
    RequestTimeout,
    /// The RequestMirror filter.
    Mirror,
}

/// The releases that have a feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    /// As far back as Gateway API 1.5 is served.
    Always,
    /// From this one on.
    Release(u16, u16),
    /// No known one.
    Never,
}

/// The place of a RegularExpression among the paths of a host; the specification leaves it open.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegexOrder {
    /// After every Exact, before every PathPrefix.
    BeforePrefixes,
    /// Among the prefixes, by the length of the text.
    ByLength,
    /// After every PathPrefix, also `/`.
    AfterPrefixes,
    /// Not known here: where it meets a prefix, either may answer.
    Unknown,
}

/// The search for a route that a more precise host does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostOrder {
    /// A named host is a virtual host of its own: what none of its routes takes is 404.
    VirtualHosts,
    /// Every route competes; its path counts more than its host.
    PathFirst,
    /// The most precise host first, then the others (HTTPRouteRule, "matches").
    Specification,
}

/// A row of the table.
struct Row {
    name: ImplementationName,
    listener_sets: Since,
    cors: Since,
    request_timeout: Since,
    mirror: Since,
    /// The library behind RegularExpression.
    engine: &'static str,
    regex: RegexOrder,
    hosts: HostOrder,
    /// True if one set of pods serves all Gateways of a class.
    shares_pods: bool,
    source: &'static str,
}

use ImplementationName as Name;

/// Conformance reports stand in kubernetes-sigs/gateway-api, conformance/reports.
const TABLE: &[Row] = &[
    Row {
        name: Name::EnvoyGateway,
        listener_sets: Since::Release(1, 8),
        cors: Since::Always,
        request_timeout: Since::Always,
        mirror: Since::Always,
        engine: "RE2, all of the path",
        regex: RegexOrder::BeforePrefixes,
        hosts: HostOrder::VirtualHosts,
        shares_pods: false,
        source: "run: 1.9.1; internal/gatewayapi/sort.go; reports v1.5 and v1.6",
    },
    Row {
        name: Name::NginxGatewayFabric,
        listener_sets: Since::Release(2, 6),
        cors: Since::Always,
        request_timeout: Since::Never,
        mirror: Since::Always,
        engine: "PCRE of nginx",
        regex: RegexOrder::Unknown,
        hosts: HostOrder::VirtualHosts,
        shares_pods: false,
        source: "reports v1.5 (2.6) and v1.6 (2.7)",
    },
    Row {
        name: Name::Kgateway,
        listener_sets: Since::Release(2, 3),
        cors: Since::Always,
        request_timeout: Since::Always,
        mirror: Since::Always,
        engine: "RE2, all of the path",
        regex: RegexOrder::Unknown,
        hosts: HostOrder::VirtualHosts,
        shares_pods: false,
        source: "reports v1.5 (2.3) and v1.6 (2.4)",
    },
    Row {
        name: Name::Cilium,
        listener_sets: Since::Release(1, 20),
        cors: Since::Always,
        request_timeout: Since::Always,
        mirror: Since::Always,
        engine: "RE2, all of the path",
        regex: RegexOrder::Unknown,
        hosts: HostOrder::VirtualHosts,
        shares_pods: false,
        source: "report v1.6 (1.20)",
    },
    Row {
        name: Name::Traefik,
        listener_sets: Since::Never,
        cors: Since::Never,
        request_timeout: Since::Never,
        mirror: Since::Never,
        engine: "Go's regexp, any part of the path",
        regex: RegexOrder::ByLength,
        hosts: HostOrder::PathFirst,
        shares_pods: true,
        source: "run: 3.7.13; pkg/provider/kubernetes/gateway/httproute.go; report v1.6 (3.7.10)",
    },
    Row {
        name: Name::Istio,
        listener_sets: Since::Never,
        cors: Since::Always,
        request_timeout: Since::Always,
        mirror: Since::Always,
        engine: "RE2, all of the path",
        regex: RegexOrder::AfterPrefixes,
        hosts: HostOrder::VirtualHosts,
        shares_pods: false,
        source: "report v1.5 (1.30); getURIRank of pilot/pkg/config/kube/gateway",
    },
    Row {
        name: Name::Other,
        listener_sets: Since::Always,
        cors: Since::Always,
        request_timeout: Since::Always,
        mirror: Since::Always,
        engine: "not known",
        regex: RegexOrder::Unknown,
        hosts: HostOrder::Specification,
        shares_pods: false,
        source: "the specification, with its extended features",
    },
];

/// `traefik`, or `envoy-gateway 1.7`
impl fmt::Display for Implementation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name.fmt(f)?;
        self.version.named().map_or(Ok(()), |version| write!(f, " {version}"))
    }
}

impl Implementation {
    /// The one that an inventory means that names none.
    pub const DEFAULT: Self =
        Self { name: ImplementationName::EnvoyGateway, version: ControllerVersion::NEWEST };

    /// Returns the implementation that a class is probably of, if it is not the default.
    pub fn called_like(class: &str) -> Option<ImplementationName> {
        let words = [
            ("traefik", Name::Traefik),
            ("istio", Name::Istio),
            ("cilium", Name::Cilium),
            ("kgateway", Name::Kgateway),
            ("nginx", Name::NginxGatewayFabric),
            ("ngf", Name::NginxGatewayFabric),
        ];
        words.iter().find(|(word, _)| class.contains(word)).map(|(_, name)| *name)
    }

    fn row(self) -> &'static Row {
        TABLE.iter().find(|row| row.name == self.name).unwrap_or(&TABLE[0])
    }

    /// Returns true if its release has a feature.
    pub fn can(self, feature: Feature) -> bool {
        let row = self.row();
        let since = match feature {
            Feature::ListenerSets => row.listener_sets,
            Feature::Cors => row.cors,
            Feature::RequestTimeout => row.request_timeout,
            Feature::Mirror => row.mirror,
        };
        match since {
            Since::Always => true,
            Since::Release(major, minor) => self.version >= ControllerVersion(major, minor),
            Since::Never => false,
        }
    }

    /// Returns true if one set of pods serves all Gateways of a class, so that listeners may stand in several.
    pub fn shares_pods(self) -> bool {
        self.row().shares_pods
    }

    /// The place of a RegularExpression among other paths.
    pub fn regex_order(self) -> RegexOrder {
        self.row().regex
    }

    /// The search for a route.
    pub fn host_order(self) -> HostOrder {
        self.row().hosts
    }

    /// The table, for docs/gateway.md.
    pub fn table() -> String {
        let mut text = String::from(
            "| `implementation` | ListenerSets | CORS | request timeouts | mirrors | regular expressions | they come before prefixes | a host without a route for the path falls through to broader ones | a longer path beats a more precise host | source |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n",
        );
        for row in TABLE {
            let [sets, cors, timeout, mirror] =
                [row.listener_sets, row.cors, row.request_timeout, row.mirror].map(words);
            let order = match row.regex {
                RegexOrder::BeforePrefixes => "yes",
                RegexOrder::ByLength => "by length",
                RegexOrder::AfterPrefixes => "no, after `/` too",
                RegexOrder::Unknown => "not known",
            };
            let (falls, path) = match row.hosts {
                HostOrder::VirtualHosts => ("no", "no"),
                HostOrder::PathFirst => ("yes", "yes"),
                HostOrder::Specification => ("left open", "no"),
            };
            let _ = writeln!(
                text,
                "| `{}` | {sets} | {cors} | {timeout} | {mirror} | {} | {order} | {falls} | {path} | {} |",
                row.name, row.engine, row.source
            );
        }
        text
    }
}

fn words(since: Since) -> String {
    match since {
        Since::Always => "yes".to_owned(),
        Since::Release(major, minor) => format!("from {major}.{minor}"),
        Since::Never => "no".to_owned(),
    }
}
