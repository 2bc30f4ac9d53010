//! The data of the page's box for a URL: the rules of each entrypoint, and how they are compared.

use std::collections::BTreeSet;

use serde::Serialize;

use super::known::Known;
use crate::language::word::HttpMethod;
use crate::model::{Controller, Exposed, HostOrder, Label, Protocol, RegexOrder, Tiers};
use crate::route::{
    Considered, PathMatch, Redirect, Tier, TraefikRouter, Translation, edge_redirects, keeps_slash,
    routing_keeps_slash, routing_redirects,
};

/// A kind of traffic.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntrypointData {
    name: String,
    /// `ingress`, `gateway`; `None` for a service on the nodes.
    side: Option<&'static str>,
    /// True if the edge answers https for a host without a certificate.
    default_certificate: bool,
    /// True if the certificate of a wildcard domain stands for a domain without one.
    shares_wildcards: bool,
    ports: Vec<u16>,
    /// True if a Gateway sends plain HTTP to HTTPS.
    redirects: bool,
    /// True if the edge routes by itself, without a second tier of Ingresses.
    one_tier: bool,
    /// True if an Ingress edge sends plain HTTP to HTTPS: for a domain without TLS, and for one with it.
    edge_redirects: [bool; 2],
    /// True if such a redirect keeps a slash at the end.
    keeps_slash: bool,
    fallback: Option<String>,
    tier: TierData,
}

#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
struct TierData {
    /// `ingress-nginx`, `traefik` or `other`
    controller: &'static str,
    /// Of a Gateway: `virtual-hosts`, `path-first` or `specification`
    host_order: &'static str,
    /// Of a Gateway: `before-prefixes`, `by-length`, `after-prefixes` or `unknown`
    regex_order: &'static str,
    regex_hosts: BTreeSet<Option<String>>,
    /// Hosts that are named without a rule, which closes them to those of others in ingress-nginx.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    bare_hosts: BTreeSet<String>,
    rules: Vec<RuleData>,
}

/// An address for clients; what is missing is the request's.
#[derive(Debug, Serialize)]
struct RedirectData {
    scheme: Option<&'static str>,
    host: Option<String>,
    port: Option<u16>,
    path: Option<String>,
}

impl From<Redirect> for RedirectData {
    fn from(found: Redirect) -> Self {
        let host = found.host.map(|host| host.to_string());
        Self { scheme: found.scheme, host, port: found.port, path: found.path }
    }
}

#[derive(Debug, Serialize)]
struct RuleData {
    host: Option<String>,
    path: String,
    r#type: &'static str,
    /// As Gateway API compares it.
    r#match: (&'static str, String),
    /// As Traefik compares it, and its priority.
    traefik: Option<(&'static str, String, usize)>,
    /// Of a Gateway that decides by paths first: wildcard listeners whose host stands in the rule instead of its own.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    listeners: Vec<String>,
    /// The method and headers that it wants, if any, and whether a `GET` without headers has them.
    #[serde(skip_serializing_if = "Option::is_none")]
    when: Option<(String, bool)>,
    /// True if the tier that routes sends plain http to https: without TLS for the host, and with it.
    forced: [bool; 2],
    /// True if such a redirect keeps a slash at the end.
    keeps_slash: bool,
    /// The address that annotations of the component send clients to.
    redirect: Option<RedirectData>,
    /// `None` is the fallback.
    component: Option<String>,
    at: String,
}

/// Every entrypoint, in the order of the plan.
pub(super) fn entrypoints(known: &Known<'_>) -> Vec<EntrypointData> {
    let planned = known.planned;
    let all = planned.datacenter.entrypoints.iter();
    all.map(|(name, entrypoint)| {
        let own = EntrypointData { name: name.to_string(), ..EntrypointData::default() };
        match entrypoint.tiers().and_then(|tiers| Some((tiers, rules(known, name, tiers)?))) {
            Some((tiers, tier)) => of_cluster(own, tiers, tier, known),
            None => own,
        }
    })
    .collect()
}

/// The rules that the VIPs lead to.
fn rules<'a>(known: &'a Known<'_>, name: &Label, tiers: &Tiers) -> Option<&'a Tier> {
    let routes = &known.planned.routes;
    match tiers.exposed {
        Exposed::Ingress => routes.tier(name),
        Exposed::Gateway => routes.gateway(name),
    }
}

fn of_cluster(
    own: EntrypointData,
    tiers: &Tiers,
    tier: &Tier,
    known: &Known<'_>,
) -> EntrypointData {
    let open = tiers.edge.ports.values().filter(|port| port.protocol == Protocol::Tcp);
    EntrypointData {
        side: Some(match tiers.exposed {
            Exposed::Ingress => "ingress",
            Exposed::Gateway => "gateway",
        }),
        default_certificate: tiers.edge.controller.has_default_certificate(),
        shares_wildcards: tiers.shares_wildcards(),
        ports: open.map(|port| port.number).collect(),
        redirects: tiers.redirects(),
        edge_redirects: [false, true]
            .map(|has_tls| edge_redirects(tiers.edge.controller, &tiers.edge.annotations, has_tls)),
        keeps_slash: keeps_slash(tiers.edge.controller, &tiers.edge.annotations),
        one_tier: tiers.is_one_tier(),
        fallback: tiers.fallback.as_ref().map(|fallback| fallback.service().to_string()),
        tier: tier_data(tiers, tier, known),
        ..own
    }
}

fn tier_data(tiers: &Tiers, tier: &Tier, known: &Known<'_>) -> TierData {
    let controller = word(tiers.controller());
    let component = |name: Option<&Label>| known.planned.datacenter.components.get(name?);
    let hosts = tier.hosts().map(|(host, _)| host);
    let regex_hosts = hosts.filter(|host| tier.is_regex(*host));
    let rules = tier.all().map(|found| {
        let router = TraefikRouter::of(tier, &found, tiers.controller());
        let (compares, text) = router.compares();
        let traefik =
            (controller == "traefik").then(|| (compares, text.to_owned(), router.priority));
        let is_path_first = tiers.exposed == Exposed::Gateway
            && tiers.implementation().host_order() == HostOrder::PathFirst;
        let listeners = tier.narrower_listeners(&found).filter(|_| is_path_first);
        let listeners = listeners.map(ToString::to_string).collect();
        let Considered { host, rule } = found;
        let found = rule.found.clone();
        let condition = &rule.path.condition;
        let kind = match found {
            PathMatch::Exact(_) => "Exact",
            PathMatch::Prefix(_) => "PathPrefix",
            PathMatch::Regex(_) => "RegularExpression",
        };
        RuleData {
            host: host.map(ToString::to_string),
            path: rule.path.path.value.to_string(),
            r#type: rule.path.kind.word(),
            r#match: (kind, found.value().to_owned()),
            traefik,
            listeners,
            when: (!condition.is_none())
                .then(|| (condition.to_string(), condition.is_met_by(HttpMethod::Get, &[]))),
            forced: [false, true]
                .map(|has_tls| routing_redirects(tiers, component(rule.component()), has_tls)),
            keeps_slash: routing_keeps_slash(tiers, component(rule.component())),
            redirect: component(rule.component())
                .and_then(|found| Translation::redirect_of(tiers, found, tiers.exposed))
                .map(RedirectData::from),
            component: rule.component().map(ToString::to_string),
            at: known.at(rule.path.path.span),
        }
    });
    TierData {
        controller,
        host_order: match tiers.implementation().host_order() {
            HostOrder::VirtualHosts => "virtual-hosts",
            HostOrder::PathFirst => "path-first",
            HostOrder::Specification => "specification",
        },
        regex_order: match tiers.implementation().regex_order() {
            RegexOrder::BeforePrefixes => "before-prefixes",
            RegexOrder::ByLength => "by-length",
            RegexOrder::AfterPrefixes => "after-prefixes",
            RegexOrder::Unknown => "unknown",
        },
        regex_hosts: regex_hosts.map(|host| host.map(ToString::to_string)).collect(),
        bare_hosts: tier
            .named_hosts()
            .filter(|(_, rules)| rules.is_empty())
            .map(|(host, _)| host.to_string())
            .collect(),
        rules: rules.collect(),
    }
}

/// The matcher.
fn word(controller: Controller) -> &'static str {
    match controller {
        Controller::IngressNginx => "ingress-nginx",
        Controller::Traefik { .. } | Controller::TraefikNginx => "traefik",
        Controller::Other => "other",
    }
}
