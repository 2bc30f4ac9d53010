//! The documents of `trace`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::language::word::HttpMethod;
use crate::model::{Host, Label, Path, Subdomain};
use crate::route::{Answer as By, Considered};
use crate::source::{Sources, Span};
use crate::trace::{self, Outcome};

/// `trace`: who answers each request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Traces<'a> {
    /// In the order of the URLs.
    pub traces: Vec<Trace<'a>>,
}

/// `trace --tests`: the requests that are not answered as expected.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Tests<'a> {
    /// The number of tests.
    pub tests: usize,
    /// Those that failed.
    pub traces: Vec<Failed<'a>>,
}

/// `trace --all`: the whole routing table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rules<'a> {
    /// By entrypoint, then by host, in the order in which they are tried.
    pub rules: Vec<Rule<'a>>,
}

/// `trace --compare`: what two APIs answer differently.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Compared<'a> {
    /// The number of URLs.
    pub asked: usize,
    /// URLs with the same two answers are one difference.
    pub differences: Vec<UrlDifference<'a>>,
}

/// URLs that two APIs answer differently.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UrlDifference<'a> {
    /// The entrypoint.
    pub entrypoint: &'a Label,
    /// The answer by Ingresses, in words.
    pub ingress: &'a str,
    /// The answer by Gateway API, in words.
    pub gateway: &'a str,
    /// The URLs.
    pub urls: &'a [String],
}

/// A request that is not answered as expected.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failed<'a> {
    /// The request and its answer.
    #[serde(flatten)]
    pub trace: Trace<'a>,
    /// The answer that the test expects.
    pub expected: String,
    /// The line of the test: `FILE:LINE`.
    pub at: String,
}

/// A request and its answer.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Trace<'a> {
    /// The URL.
    url: String,
    /// The VIPs that its host leads to, and the node that holds each.
    vips: Vec<VipOn<'a>>,
    /// The first tier, or null if no domain has the host or nothing answers on it.
    edge: Option<Edge<'a>>,
    /// The answer.
    answer: Answer<'a>,
    /// The rules that match; the first one answers.
    considered: Vec<Candidate<'a>>,
    /// Everything else that one has to know.
    notes: &'a [String],
}

/// A VIP and its holder.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VipOn<'a> {
    /// The VIP.
    vip: IpAddr,
    /// The node, or null if nobody holds it.
    node: Option<&'a Subdomain>,
}

/// The first tier of a request's way.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Edge<'a> {
    /// The domain.
    domain: &'a Host,
    /// The class of its Ingresses, or of its Gateway.
    class: &'a str,
    /// The Secret of its certificate.
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_secret: Option<String>,
}

/// An answer.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Answer<'a> {
    /// A component.
    Component {
        /// The name of the component.
        name: &'a Label,
        /// The namespace of its Service.
        namespace: &'a Label,
        /// The name of its Service.
        service: &'a str,
        /// The port of its Service, by name or number.
        port: &'a str,
    },
    /// The fallback, which serves everything that no component claims.
    Fallback {
        /// The name of the fallback.
        name: &'a str,
        /// The namespace of its Service.
        namespace: &'a Label,
        /// The name of its Service.
        service: &'a str,
        /// The port of its Service, or the one that machines outside of the cluster listen on.
        port: String,
    },
    /// A redirect by a controller.
    Redirect {
        /// The status code.
        status: u16,
        /// The address that the client is sent to.
        location: &'a str,
        /// The reason.
        why: &'a str,
    },
    /// One of several; nothing says which.
    Undecided {
        /// In the controller's order.
        candidates: Vec<Answer<'a>>,
    },
    /// Nobody.
    None {
        /// The status code of the controller's error; 0 where there is not even a connection.
        status: u16,
        /// The reason.
        why: &'a str,
    },
}

/// A rule that matches a request.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Candidate<'a> {
    /// The host, or null for any.
    host: Option<&'a Host>,
    #[serde(flatten)]
    claim: Claim<'a>,
}

/// A rule of the routing table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rule<'a> {
    /// The entrypoint.
    pub entrypoint: &'a Label,
    /// The host, or null for any.
    pub host: Option<&'a Host>,
    /// The path and who answers there.
    #[serde(flatten)]
    pub claim: Claim<'a>,
    /// Components of other hosts that this host hides.
    pub hides: Vec<&'a str>,
}

/// A path and who answers there.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Claim<'a> {
    /// The path.
    path: &'a str,
    /// `Prefix`, `Exact` or `ImplementationSpecific`.
    #[serde(rename = "type")]
    kind: &'static str,
    /// `component NAME` or `fallback`.
    by: String,
    /// The line of the inventory: `FILE:LINE`.
    at: String,
    /// The requests that it is for, beside the path.
    #[serde(rename = "match", skip_serializing_if = "Option::is_none")]
    condition: Option<Match<'a>>,
}

/// A method and headers.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Match<'a> {
    /// The method, or null for any.
    method: Option<&'static str>,
    /// Headers and their values.
    headers: BTreeMap<&'a str, &'a str>,
}

impl<'a> Trace<'a> {
    /// The document of a trace.
    pub fn of(trace: &'a trace::Trace<'a>, sources: &Sources) -> Self {
        Self {
            url: trace.request.url.to_string(),
            vips: trace.vips.iter().map(|(vip, node)| VipOn { vip: *vip, node: *node }).collect(),
            edge: trace.edge.as_ref().map(Edge::of),
            answer: Answer::of(&trace.answer),
            considered: trace.considered.iter().map(|rule| Candidate::of(rule, sources)).collect(),
            notes: &trace.notes,
        }
    }
}

impl<'a> Edge<'a> {
    fn of(edge: &'a trace::Edge<'a>) -> Self {
        Self {
            domain: edge.host,
            class: edge.tiers.edge.class.value.as_str(),
            tls_secret: edge.domain.tls_secret.as_ref().map(ToString::to_string),
        }
    }
}

impl<'a> Answer<'a> {
    fn of(outcome: &'a Outcome<'a>) -> Self {
        match outcome {
            Outcome::Component { name, namespace, service, port } => {
                Self::Component { name, namespace, service: service.as_str(), port }
            }
            Outcome::Fallback { name, namespace, port, .. } => Self::Fallback {
                name: name.as_str(),
                namespace,
                service: name.as_str(),
                port: port.clone(),
            },
            Outcome::Redirect { status, location, why } => {
                Self::Redirect { status: *status, location, why }
            }
            Outcome::Undecided { candidates } => {
                Self::Undecided { candidates: candidates.iter().map(Self::of).collect() }
            }
            Outcome::Nothing { status, why } => Self::None { status: *status, why },
        }
    }
}

impl<'a> Candidate<'a> {
    fn of(rule: &'a Considered<'a>, sources: &Sources) -> Self {
        let place = rule.place();
        let claim = Claim::of(&rule.rule.path, &rule.rule.answer, place, sources);
        Self { host: rule.host, claim }
    }
}

impl<'a> Claim<'a> {
    /// A path of the inventory; it stands at `place`.
    pub fn of(path: &'a Path, by: &By, place: Span, sources: &Sources) -> Self {
        Self {
            path: path.path.value.as_str(),
            kind: path.kind.word(),
            by: match by {
                By::Component(name) => format!("component {name}"),
                By::Fallback => "fallback".to_owned(),
            },
            at: at(place, sources),
            condition: Match::of(path),
        }
    }
}

impl<'a> Match<'a> {
    fn of(path: &'a Path) -> Option<Self> {
        let condition = &path.condition;
        let headers = condition.headers.iter();
        (!condition.is_none()).then(|| Self {
            method: condition.method.map(HttpMethod::word),
            headers: headers.map(|found| (found.name.as_str(), found.value.as_str())).collect(),
        })
    }
}

/// `inventory.yaml:12`
pub fn at(span: Span, sources: &Sources) -> String {
    let (line, _) = sources.line_column(span);
    format!("{}:{line}", sources.get(span.file).path)
}
