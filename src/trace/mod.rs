//! The way of a request to its answer, and why: VIP, edge, routing tier, component or fallback.

mod canary;
mod compare;
mod gateway;
mod ingress;
mod request;
mod test;
mod unfollowed;

pub use compare::{Comparison, Difference, compare};
pub use request::{Request, Scheme};
pub use test::{Expected, Test};
use unfollowed::note_unfollowed;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use crate::language::name::{Host, Label, ServiceName, Subdomain};
use crate::model::{Datacenter, Domain, Exposed, FallbackTarget, Protocol, Tiers};
use crate::plan::Plan;
use crate::plan::simulate::{Scenario, Simulator};
use crate::route::{Answer, Considered, RoutingTable, Tier, Translation};

/// A datacenter in which requests are followed.
pub struct Tracer<'a> {
    datacenter: &'a Datacenter,
    routes: &'a RoutingTable,
    /// The holder of each VIP.
    holders: BTreeMap<IpAddr, Option<&'a Subdomain>>,
    /// Entrypoints without a ready pod on a node: what reaches it there is dropped (`externalTrafficPolicy: Local`).
    unready: BTreeSet<(Label, Subdomain)>,
    /// The API that answers; `None` is the one that each entrypoint exposes.
    side: Option<Exposed>,
}

#[derive(Debug, Clone, Copy)]
struct Routes<'a> {
    tiers: &'a Tiers,
    tier: &'a Tier,
}

/// The way of a request.
#[derive(Debug)]
pub struct Trace<'a> {
    /// As it was asked.
    pub request: &'a Request,
    /// The VIPs that take it, and who holds each.
    pub vips: Vec<(IpAddr, Option<&'a Subdomain>)>,
    /// The edge where TLS ends, or `None` if no edge knows the host.
    pub edge: Option<Edge<'a>>,
    /// The outcome of the request.
    pub answer: Outcome<'a>,
    /// The rules that match, the one that answers first.
    pub considered: Vec<Considered<'a>>,
    /// Further notes worth knowing.
    pub notes: Vec<String>,
}

/// The first tier of a request's way.
#[derive(Debug)]
pub struct Edge<'a> {
    /// The domain that has its host.
    pub host: &'a Host,
    /// The domain's entry in the inventory.
    pub domain: &'a Domain,
    /// The tiers that serve it.
    pub tiers: &'a Tiers,
}

/// The outcome of a request.
#[derive(Debug)]
pub enum Outcome<'a> {
    /// A component.
    Component {
        /// The name of the component.
        name: &'a Label,
        /// The namespace of its Service.
        namespace: &'a Label,
        /// The name of its Service.
        service: &'a ServiceName,
        /// The port of its Service, by name or number.
        port: String,
    },
    /// The fallback, which serves everything that no component claims.
    Fallback {
        /// The name of the fallback, and of its Service.
        name: &'a ServiceName,
        /// The namespace of its Service.
        namespace: &'a Label,
        /// The port of its Service, or the one that machines outside of the cluster listen on.
        port: String,
        /// True if it is machines outside of the cluster.
        is_outside: bool,
    },
    /// A controller, with another address.
    Redirect {
        /// 301 or 308.
        status: u16,
        /// The address that the client is sent to.
        location: String,
        /// In words.
        why: String,
    },
    /// One of these, and nothing says which.
    Undecided {
        /// In the controller's order.
        candidates: Vec<Outcome<'a>>,
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
        let unready = scenario.unhealthy.clone();
        Self { datacenter, routes, holders, unready, side: None }
    }

    /// The same with one API in every entrypoint, whether it is exposed or not.
    pub fn by(self, side: Exposed) -> Self {
        Self { side: Some(side), ..self }
    }

    /// The way of a request.
    pub fn trace(&self, request: &'a Request) -> Trace<'a> {
        let mut trace = Trace::of(request);
        trace.answer = self.follow(&mut trace);
        trace
    }

    /// The way of a request within an entrypoint, whoever holds its VIPs.
    pub fn trace_in(&self, entrypoint: &Label, request: &'a Request) -> Trace<'a> {
        let mut trace = Trace::of(request);
        let domain = self.domain(&request.host);
        let own = domain.filter(|(_, domain)| domain.entrypoint == *entrypoint);
        trace.answer = match self.routes_of(entrypoint) {
            Some(routes) => self.within(routes, own, &mut trace),
            None => Outcome::nothing("nothing in the cluster is for this entrypoint"),
        };
        trace
    }

    /// Returns who answers, and notes in `trace` what is met on the way.
    fn follow(&self, trace: &mut Trace<'a>) -> Outcome<'a> {
        let host = &trace.request.host;
        let domain = self.domain(host);
        let entrypoint = domain.map(|(_, domain)| &domain.entrypoint);
        let entrypoint = entrypoint.or_else(|| self.naming(host)).or_else(|| self.open());
        let Some(entrypoint) = entrypoint else {
            return Outcome::nothing(format!("no domain has the host {host}"));
        };
        let Some(routes) = self.routes_of(entrypoint) else {
            return Outcome::nothing("its domain has no entrypoint");
        };
        trace.vips = self.vips(entrypoint);
        if trace.vips.is_empty() {
            return Outcome::unconnected("the entrypoint has no VIP");
        }
        if trace.vips.iter().all(|(_, holder)| holder.is_none()) {
            return Outcome::unconnected("no node holds a VIP of the entrypoint");
        }
        let is_unready =
            |node: &Subdomain| self.unready.contains(&(entrypoint.clone(), node.clone()));
        let held = || trace.vips.iter().filter_map(|(vip, node)| Some((vip, (*node)?)));
        let dropped: Vec<String> = held()
            .filter(|(_, node)| is_unready(node))
            .map(|(vip, node)| {
                format!("{vip} is on {node}, where no pod of `{entrypoint}` is ready")
            })
            .collect();
        if dropped.len() == held().count() {
            return Outcome::unconnected(dropped.join("; "));
        }
        trace.notes.extend(dropped);
        self.within(routes, domain, trace)
    }

    /// Returns who answers within an entrypoint; the domain is that of the request's host.
    fn within(
        &self,
        routes: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let tiers = routes.tiers;
        trace.edge = domain.map(|(host, domain)| Edge { host, domain, tiers });
        let mut open = tiers.edge.ports.values().filter(|port| port.protocol == Protocol::Tcp);
        let port = trace.request.port;
        if !open.clone().any(|found| found.number == port) {
            let ports: Vec<String> = open.by_ref().map(ToString::to_string).collect();
            let ports = ports.join(", ");
            let why = format!("nothing listens on port {port} of these VIPs, only on {ports}");
            return Outcome::unconnected(why);
        }
        note_unfollowed("edge", &tiers.edge.annotations, &mut trace.notes);
        if let Some(routing) = tiers.routing.as_ref().filter(|_| !tiers.is_one_tier()) {
            note_unfollowed("routing", &routing.annotations, &mut trace.notes);
        }
        match self.side(tiers) {
            Exposed::Ingress => self.by_ingress(routes, domain, trace),
            Exposed::Gateway => self.by_gateway(routes, domain, trace),
        }
    }

    /// The API that answers in an entrypoint.
    fn side(&self, tiers: &Tiers) -> Exposed {
        self.side.unwrap_or(tiers.exposed)
    }

    fn routes_of(&self, entrypoint: &Label) -> Option<Routes<'a>> {
        let tiers = self.datacenter.entrypoints.get(entrypoint)?.tiers()?;
        let tier = match self.side(tiers) {
            Exposed::Ingress => self.routes.tier(entrypoint)?,
            Exposed::Gateway => self.routes.gateway(entrypoint)?,
        };
        Some(Routes { tiers, tier })
    }

    /// The domain of a host: its own, or a wildcard's, which in Gateway API stands for any number of labels.
    fn domain(&self, host: &Host) -> Option<(&'a Host, &'a Domain)> {
        let domains = &self.datacenter.domains;
        let near = host.wildcard();
        let found = domains.get_key_value(host);
        let found = found.or_else(|| domains.get_key_value(near.as_ref()?));
        let by_gateway = |domain: &Domain| {
            let routes = self.routes_of(&domain.entrypoint);
            routes.is_some_and(|found| self.side(found.tiers) == Exposed::Gateway)
        };
        let above = || {
            let mut found =
                host.wildcards().filter_map(|wildcard| domains.get_key_value(&wildcard));
            found.find(|(_, domain)| by_gateway(domain))
        };
        found.or_else(above)
    }

    /// The entrypoint with one tier of Ingresses in which a rule names a host that no domain has.
    fn naming(&self, host: &Host) -> Option<&'a Label> {
        let mut all = self.datacenter.entrypoints.keys();
        all.find(|name| {
            let routes = self.routes_of(name).filter(|found| found.tiers.is_one_tier());
            let routes = routes.filter(|found| self.side(found.tiers) == Exposed::Ingress);
            routes.is_some_and(|found| found.tier.server(host).is_some())
        })
    }

    /// Returns true if nothing in front of the rules keeps hosts back that no domain has.
    fn is_open(&self, tiers: &Tiers) -> bool {
        self.side(tiers) == Exposed::Gateway || tiers.is_one_tier()
    }

    /// The only entrypoint of the cluster, where it answers hosts of nobody.
    fn open(&self) -> Option<&'a Label> {
        let mut all = self.datacenter.entrypoints.iter();
        let mut all = all.by_ref().filter_map(|(name, found)| Some((name, found.tiers()?)));
        let (name, tiers) = all.next()?;
        (all.next().is_none() && self.is_open(tiers)).then_some(name)
    }

    fn vips(&self, entrypoint: &Label) -> Vec<(IpAddr, Option<&'a Subdomain>)> {
        let own = self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *entrypoint);
        own.flat_map(|vip| {
            let holder = self.holders.get(&vip.address.value).copied().flatten();
            vip.addresses().map(move |(address, _)| (address, holder))
        })
        .collect()
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
                let port = backend.port.to_string();
                let (namespace, service) = (&component.namespace, &backend.service);
                Outcome::Component { name, namespace, service, port }
            }
            Answer::Fallback => match &tiers.fallback {
                Some(fallback) => Outcome::Fallback {
                    name: fallback.service(),
                    namespace: fallback.namespace(&self.datacenter.kubernetes.namespace),
                    port: fallback.answering_port().to_string(),
                    is_outside: matches!(fallback.target, FallbackTarget::Machines(..)),
                },
                None => Outcome::nothing("nobody answers"),
            },
        }
    }

    /// Returns who answers by a rule that a tier found; `api` is the one that it was found by.
    fn found(
        &self,
        found: &Considered<'a>,
        api: Exposed,
        Routes { tiers, tier }: Routes<'a>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let canary = self.canary(trace.request, tier, found, api, &mut trace.notes);
        if canary.is_none()
            && let Some(outcome) = self.redirected(found, api, tiers, trace.request)
        {
            return outcome;
        }
        self.answer(canary.unwrap_or(&found.rule.answer), tiers, &mut trace.notes)
    }

    /// Returns the redirect of a component's annotations.
    fn redirected(
        &self,
        found: &Considered<'a>,
        api: Exposed,
        tiers: &Tiers,
        request: &Request,
    ) -> Option<Outcome<'a>> {
        let Answer::Component(name) = &found.rule.answer else { return None };
        let component = self.datacenter.components.get(name)?;
        let redirect = Translation::redirect_of(tiers, component, api)?;
        let scheme = request.scheme.word();
        Some(Outcome::Redirect {
            status: redirect.status,
            location: redirect.location(scheme, &request.host, &request.path),
            why: format!("component {name} redirects"),
        })
    }

    /// The same of rules of which nothing says which one answers.
    fn undecided(
        &self,
        found: &[Considered<'a>],
        api: Exposed,
        routes: Routes<'a>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let candidates = found.iter().map(|rule| self.found(rule, api, routes, trace)).collect();
        Outcome::Undecided { candidates }
    }
}

impl<'a> Trace<'a> {
    fn of(request: &'a Request) -> Self {
        Self {
            request,
            vips: Vec::new(),
            edge: None,
            answer: Outcome::nothing(""),
            considered: Vec::new(),
            notes: Vec::new(),
        }
    }
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

    /// `component`, `fallback`, `redirect`, `undecided` or `none`.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Component { .. } => "component",
            Self::Fallback { .. } => "fallback",
            Self::Redirect { .. } => "redirect",
            Self::Undecided { .. } => "undecided",
            Self::Nothing { .. } => "none",
        }
    }
}
