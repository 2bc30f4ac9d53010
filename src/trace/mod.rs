//! Who answers a request: VIP, edge, routing tier, component or fallback, and why.

mod request;
mod test;

pub use request::{Request, Scheme};
pub use test::{Expected, Test};

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::language::name::{Host, Label, ServiceName, Subdomain};
use crate::model::{
    Annotations, BackendPort, Controller, Datacenter, Domain, Entrypoint, Protocol, Tiers,
    nginx_annotation, nginx_annotations,
};
use crate::plan::Plan;
use crate::plan::simulate::{Scenario, Simulator};
use crate::route::{Answer, Considered, Found, RoutingTable, Tier, normal};

/// A datacenter in which requests are followed.
pub struct Tracer<'a> {
    datacenter: &'a Datacenter,
    routes: &'a RoutingTable,
    /// Who holds each VIP.
    holders: BTreeMap<IpAddr, Option<&'a Subdomain>>,
}

/// The way of a request.
#[derive(Debug)]
pub struct Trace<'a> {
    /// As it was asked.
    pub request: &'a Request,
    /// The VIPs that take it, and who holds each.
    pub vips: Vec<(IpAddr, Option<&'a Subdomain>)>,
    /// Where TLS ends; `None` where no edge knows the host.
    pub edge: Option<Edge<'a>>,
    /// Who answers.
    pub answer: Outcome<'a>,
    /// The rules that match, the one that answers first.
    pub considered: Vec<Considered<'a>>,
    /// What else is worth knowing.
    pub notes: Vec<String>,
}

/// The first tier of a request's way.
#[derive(Debug)]
pub struct Edge<'a> {
    /// The domain that has its host.
    pub host: &'a Host,
    /// What the inventory says of it.
    pub domain: &'a Domain,
    /// The tiers that serve it.
    pub tiers: &'a Tiers,
}

/// Who answers.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A component.
    Component {
        /// Its name,
        name: &'a Label,
        /// where its Service is,
        namespace: &'a Label,
        /// what that is called,
        service: &'a ServiceName,
        /// and the Service's port, by name or number.
        port: String,
    },
    /// What serves everything that no component claims.
    Fallback {
        /// Its name, and its Service's.
        name: &'a ServiceName,
        /// Where the Service is.
        namespace: &'a Label,
        /// Where its addresses listen.
        port: u16,
    },
    /// A controller, with another address.
    Redirect {
        /// 301 or 308.
        status: u16,
        /// Where to.
        location: String,
        /// In words.
        why: String,
    },
    /// A controller, with an error.
    Nothing {
        /// 404; 0 where there is not even a connection.
        status: u16,
        /// In words.
        why: String,
    },
}

impl<'a> Tracer<'a> {
    /// Follows requests while these nodes and entrypoints are not well.
    pub fn of(
        datacenter: &'a Datacenter,
        routes: &'a RoutingTable,
        plan: &'a Plan,
        scenario: &Scenario,
    ) -> Self {
        let elected = Simulator::of(plan).elect(scenario);
        let holders = plan.vips.iter().map(|vip| vip.address).zip(elected).collect();
        Self { datacenter, routes, holders }
    }

    /// The way of a request.
    pub fn trace(&self, request: &'a Request) -> Trace<'a> {
        let mut trace = Trace {
            request,
            vips: Vec::new(),
            edge: None,
            answer: Outcome::nothing(""),
            considered: Vec::new(),
            notes: Vec::new(),
        };
        trace.answer = self.follow(&mut trace);
        trace
    }

    /// Who answers; what is met on the way is told.
    fn follow(&self, trace: &mut Trace<'a>) -> Outcome<'a> {
        let request = trace.request;
        let Some((host, domain)) = self.domain(&request.host) else {
            return Outcome::nothing(format!("no domain has the host {}", request.host));
        };
        let entrypoint = self.datacenter.entrypoints.get(&domain.entrypoint);
        let Some(tiers) = entrypoint.and_then(Entrypoint::tiers) else {
            return Outcome::nothing("its domain has no entrypoint");
        };
        trace.vips = self.vips(&domain.entrypoint);
        trace.edge = Some(Edge { host, domain, tiers });
        if trace.vips.is_empty() {
            return Outcome::unconnected("the entrypoint has no VIP");
        }
        if trace.vips.iter().all(|(_, holder)| holder.is_none()) {
            return Outcome::unconnected("no node holds a VIP of the entrypoint");
        }
        match self.at_the_edge(request, domain, tiers, &mut trace.notes) {
            Some(answer) => answer,
            None => self.routed(self.routes.tier(&domain.entrypoint), tiers, trace),
        }
    }

    /// The domain of a host: its own, or a wildcard's.
    fn domain(&self, host: &Host) -> Option<(&'a Host, &'a Domain)> {
        let domains = &self.datacenter.domains;
        let found = domains.get_key_value(host);
        found.or_else(|| domains.get_key_value(&host.wildcard()?))
    }

    fn vips(&self, entrypoint: &Label) -> Vec<(IpAddr, Option<&'a Subdomain>)> {
        let own = self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *entrypoint);
        own.flat_map(|vip| {
            let holder = self.holders.get(&vip.address.value).copied().flatten();
            vip.addresses().map(move |(address, _)| (address, holder))
        })
        .collect()
    }

    /// What the edge answers itself.
    fn at_the_edge(
        &self,
        request: &Request,
        domain: &Domain,
        tiers: &Tiers,
        notes: &mut Vec<String>,
    ) -> Option<Outcome<'a>> {
        let edge = &tiers.edge;
        let mut open = edge.ports.values().filter(|port| port.protocol == Protocol::Tcp);
        if !open.clone().any(|port| port.number == request.port) {
            let ports: Vec<String> = open.by_ref().map(ToString::to_string).collect();
            let (port, ports) = (request.port, ports.join(", "));
            let why = format!("nothing listens on port {port} of these VIPs, only on {ports}");
            return Some(Outcome::unconnected(why));
        }
        note_unfollowed("edge", &edge.annotations, notes);
        note_unfollowed("routing", &tiers.routing.annotations, notes);
        let is = |name: &str, wanted: &str| {
            nginx_annotation(&edge.annotations, name).is_some_and(|value| value == wanted)
        };
        let nginx = edge.controller == Controller::IngressNginx;
        let has_tls = domain.tls_secret.is_some();
        let redirects = is("force-ssl-redirect", "true") || has_tls && !is("ssl-redirect", "false");
        if nginx && request.scheme == Scheme::Http && redirects {
            let location = format!("https://{}{}", request.host, request.path);
            let why = "the edge sends plain http to https (`ssl-redirect`)".to_owned();
            return Some(Outcome::Redirect { status: 308, location, why });
        }
        if request.scheme == Scheme::Https && !has_tls {
            if !nginx {
                return Some(Outcome::nothing(
                    "`tls_secret: false`: the edge has no https for this host",
                ));
            }
            notes.push(
                "`tls_secret: false`: the edge answers https with its own certificate, which browsers refuse".to_owned(),
            );
        }
        None
    }

    /// What the routing tier does.
    fn routed(
        &self,
        tier: Option<&'a Tier>,
        tiers: &'a Tiers,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let request = trace.request;
        let Some(tier) = tier else { return Outcome::nothing("no rule is for this entrypoint") };
        let controller = tiers.routing.controller;
        let lookup = tier.lookup(controller, &request.host, &normal(&request.path));
        trace.considered = lookup.considered;
        match lookup.found {
            Found::Rule(found) => {
                let canary = self.canary(request, tier, &found, &mut trace.notes);
                self.answer(canary.unwrap_or(&found.rule.answer), tiers, &mut trace.notes)
            }
            Found::Redirect(path, because) => Outcome::Redirect {
                status: 301,
                location: format!("http://{}{path}", request.host),
                why: format!("the path `{}` ends in a slash", because.rule.path.path.value),
            },
            Found::Nothing => {
                let named = tier.server(&request.host);
                match named.filter(|_| controller == Controller::IngressNginx) {
                    Some(host) => Outcome::nothing(format!(
                        "no rule of {host} matches, and rules for any host are hidden there"
                    )),
                    None => Outcome::nothing("no rule matches"),
                }
            }
        }
    }

    fn answer(&self, answer: &'a Answer, tiers: &'a Tiers, notes: &mut Vec<String>) -> Outcome<'a> {
        match answer {
            Answer::Component(name) => {
                let component = self.datacenter.components.get(name);
                let Some((component, backend)) =
                    component.and_then(|found| Some((found, found.backend.as_ref()?)))
                else {
                    return Outcome::nothing("nobody answers");
                };
                note_unfollowed(name.as_str(), &component.annotations, notes);
                let port = match &backend.port {
                    BackendPort::Name(name) => name.to_string(),
                    BackendPort::Number(number) => number.to_string(),
                };
                let (namespace, service) = (&component.namespace, &backend.service);
                Outcome::Component { name, namespace, service, port }
            }
            Answer::Fallback => match &tiers.fallback {
                Some(fallback) => Outcome::Fallback {
                    name: &fallback.name.value,
                    namespace: &self.datacenter.kubernetes.namespace,
                    port: fallback.port,
                },
                None => Outcome::nothing("nobody answers"),
            },
        }
    }

    /// The canary that takes the request instead of a rule's answer, by a header. One that takes a share is noted.
    fn canary(
        &self,
        request: &Request,
        tier: &'a Tier,
        found: &Considered<'_>,
        notes: &mut Vec<String>,
    ) -> Option<&'a Answer> {
        let claims = |(host, rule): &(Option<&Host>, &crate::route::Rule)| {
            *host == found.host && rule.path.claim() == found.rule.path.claim()
        };
        for (_, rule) in tier.canaries().filter(claims) {
            let Some(component) =
                rule.component().and_then(|name| self.datacenter.components.get(name))
            else {
                continue;
            };
            let annotation = |name: &str| nginx_annotation(&component.annotations, name);
            if let Some(header) = annotation("canary-by-header") {
                let wanted = annotation("canary-by-header-value").unwrap_or("always");
                if request.header(header) == Some(wanted) {
                    return Some(&rule.answer);
                }
            }
            if let (Some(weight), Some(name)) = (annotation("canary-weight"), rule.component()) {
                notes.push(format!("the canary `{name}` takes {weight} % of these requests"));
            }
        }
        None
    }
}

/// Annotations of ingress-nginx that may answer a request otherwise, and that are not followed here.
const UNFOLLOWED: &[&str] = &[
    "app-root",
    "auth-signin",
    "auth-url",
    "configuration-snippet",
    "custom-http-errors",
    "default-backend",
    "denylist-source-range",
    "from-to-www-redirect",
    "permanent-redirect",
    "rewrite-target",
    "server-alias",
    "server-snippet",
    "temporal-redirect",
    "whitelist-source-range",
];

fn note_unfollowed(whose: &str, annotations: &Annotations, notes: &mut Vec<String>) {
    let found = nginx_annotations(annotations).map(|(name, _)| name);
    let found = found.filter(|name| UNFOLLOWED.contains(name));
    notes.extend(
        found.map(|name| {
            format!("`{name}` of {whose} may answer otherwise; it is not followed here")
        }),
    );
}

impl Outcome<'_> {
    /// A controller's 404.
    fn nothing(why: impl Into<String>) -> Self {
        Self::Nothing { status: 404, why: why.into() }
    }

    /// Not even a connection.
    fn unconnected(why: impl Into<String>) -> Self {
        Self::Nothing { status: 0, why: why.into() }
    }

    /// `component`, `fallback`, `redirect` or `none`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Component { .. } => "component",
            Self::Fallback { .. } => "fallback",
            Self::Redirect { .. } => "redirect",
            Self::Nothing { .. } => "none",
        }
    }
}
