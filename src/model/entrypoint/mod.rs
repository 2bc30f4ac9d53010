//! One entrypoint per kind of traffic: its tiers of ingress controllers and what catches the rest.

mod annotation;
mod controller;
mod edge;
mod fallback;
mod gateway;
mod reference;
mod routing_tier;

pub(super) use annotation::annotations;
pub(super) use annotation::of_tier;
pub use annotation::{
    Annotations, NGINX, is_canary, is_true, nginx_annotation, nginx_annotation_span,
    nginx_annotations, nginx_switch,
};
pub use controller::Controller;
pub use edge::{Edge, EdgePort};
pub use fallback::{Fallback, FallbackTarget};
pub use gateway::{EXPOSES, GatewayTier};
pub(super) use reference::{entrypoint_of, tiers_of};
pub use routing_tier::{RoutingTier, TierService};

use gateway::{Choice, choice};

use super::check::{self, NodeCheck};
use super::implementation::Implementation;
use super::{Component, Domain, Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Text, raw};
use crate::language::name::{Label, Name, ServiceName, Subdomain};
use crate::language::number::Port;
use crate::language::word::{Api, Exposed, OnUnhealthy};
use crate::source::{Loc, Span};

/// A kind of traffic.
#[derive(Debug)]
pub struct Entrypoint {
    /// The place of the entrypoint's name.
    pub span: Span,
    /// The destination of its traffic.
    pub traffic: Traffic,
    /// A check of the node beside that of the traffic.
    pub node_check: Option<NodeCheck>,
    /// The reaction of a node while the entrypoint is unhealthy on it.
    pub on_unhealthy: OnUnhealthy,
}

/// The namespace of the pods that Envoy Gateway makes, unless it is told to make them beside the Gateway (facts K46).
pub const ENVOY_NAMESPACE: &str = "envoy-gateway-system";

/// The destination of traffic.
#[derive(Debug)]
pub enum Traffic {
    /// To pods, through ingress controllers or a Gateway.
    Cluster(Box<Tiers>),
    /// To a service on the nodes themselves, with its check.
    Host(Option<NodeCheck>),
}

/// One or two tiers of ingress controllers, one Gateway, or both side by side: one of `routing` and `gateway` is there.
#[derive(Debug)]
pub struct Tiers {
    /// First tier.
    pub edge: Edge,
    /// The tier whose Ingresses lead to components.
    pub routing: Option<RoutingTier>,
    /// The tier of Gateway API.
    pub gateway: Option<GatewayTier>,
    /// The API that the VIPs lead to.
    pub exposed: Exposed,
    /// Of the Ingresses of all tiers; those of a tier have them too.
    pub annotations: Annotations,
    /// The fallback, which serves everything that no component claims.
    pub fallback: Option<Fallback>,
}

impl Tiers {
    /// Returns the API that objects are written for.
    pub fn api(&self) -> Api {
        match (&self.routing, &self.gateway) {
            (Some(_), Some(_)) => Api::Both,
            (None, Some(_)) => Api::Gateway,
            (_, None) => Api::Ingress,
        }
    }

    /// Returns true if its edge routes requests to components by itself, without a second tier of Ingresses.
    pub fn is_one_tier(&self) -> bool {
        self.routing.as_ref().is_some_and(|routing| routing.behind.is_none())
    }

    /// Returns true if the certificate of a wildcard domain stands for a domain without one below it: the controller does so,
    /// or no object says that the domain has none.
    pub fn shares_wildcards(&self) -> bool {
        self.edge.controller.shares_wildcards() || self.is_one_tier()
    }

    /// Returns the controller that compares its Ingresses with requests, or would if it had any.
    pub fn controller(&self) -> Controller {
        self.routing.as_ref().map_or(Controller::IngressNginx, |routing| routing.controller)
    }

    /// Returns the namespace of its Service, or `None` if that is the one of `kubernetes`.
    pub fn service_namespace(&self) -> Option<&str> {
        let named = self.edge.service_namespace.as_ref().map(|name| name.value.as_str());
        let exposed = self.gateway.as_ref().filter(|_| self.exposed == Exposed::Gateway);
        named.or_else(|| exposed.filter(|gateway| gateway.is_managed).map(|_| ENVOY_NAMESPACE))
    }

    /// Returns the implementation that reads its Gateway, or would if it had one.
    pub fn implementation(&self) -> Implementation {
        self.gateway.as_ref().map_or(Implementation::DEFAULT, |gateway| gateway.implementation)
    }

    /// Returns true if a component is a canary here, which needs a controller that reads annotations of ingress-nginx.
    pub fn has_canary(&self, component: &Component) -> bool {
        self.controller().reads_nginx() && component.is_canary()
    }

    /// The annotations of the Ingresses of its components, or those that they would have.
    pub fn routing_annotations(&self) -> &Annotations {
        self.routing.as_ref().map_or(&self.annotations, |routing| &routing.annotations)
    }

    /// Returns true if a domain has a listener of its own. One without TLS needs none where the Gateway serves plain HTTP
    /// on all hosts.
    pub fn has_listener(&self, domain: &Domain) -> bool {
        domain.tls_secret.is_some() || self.redirects()
    }

    /// Returns true if its Gateway sends plain HTTP to HTTPS: as the annotations of ingress-nginx say, else as its
    /// Ingresses do.
    pub fn redirects(&self) -> bool {
        let says = |name: &str| nginx_switch(&self.edge.annotations, name);
        match (says("force-ssl-redirect"), says("ssl-redirect")) {
            (Some(true), _) => true,
            (_, Some(says)) => says,
            _ => self.routing.is_some() && self.edge.controller == Controller::IngressNginx,
        }
    }
}

impl Entrypoint {
    /// The tiers of what goes to the cluster.
    pub fn tiers(&self) -> Option<&Tiers> {
        match &self.traffic {
            Traffic::Cluster(tiers) => Some(tiers),
            Traffic::Host(_) => None,
        }
    }

    /// Returns the controller that compares its Ingresses with requests, or `None` if it has none.
    pub fn ingress_controller(&self) -> Option<Controller> {
        Some(self.tiers()?.routing.as_ref()?.controller)
    }

    /// Returns the fallback, which serves everything that no component claims, or `None` without one.
    pub fn fallback(&self) -> Option<&Fallback> {
        self.tiers()?.fallback.as_ref()
    }

    /// Returns the port where kube-proxy reports whether a ready pod is on the node, or `None` without one.
    pub fn health_check_node_port(&self) -> Option<Loc<u16>> {
        self.tiers()?.edge.health_check_node_port
    }

    /// The commands that say whether it is healthy on a node.
    pub fn checks(&self) -> impl Iterator<Item = &NodeCheck> {
        let of_host = match &self.traffic {
            Traffic::Cluster(_) => None,
            Traffic::Host(check) => check.as_ref(),
        };
        of_host.into_iter().chain(&self.node_check)
    }

    /// Returns true if anything says on which nodes it is healthy.
    pub fn is_checked(&self) -> bool {
        self.health_check_node_port().is_some() || self.checks().next().is_some()
    }
}

pub(super) fn build(raw: &raw::Inventory, report: &mut Report) -> Names<Label, Entrypoint> {
    let given = raw.given.contains(&"entrypoints");
    Names::build(
        given,
        raw.entrypoints.as_ref(),
        "an entrypoint's name",
        report,
        |name, _, raw, report| entrypoint(name, raw, report),
    )
}

fn entrypoint(name: &str, raw: &raw::Entrypoint, report: &mut Report) -> Option<Entrypoint> {
    let traffic = traffic(name, raw, report);
    let node_check = raw.node_check.as_ref().map(|raw| check::build(raw, report));
    let on_unhealthy = raw
        .on_unhealthy
        .as_ref()
        .map_or(Some(OnUnhealthy::Yield), |raw| value::word(raw, "on_unhealthy", report));
    Some(Entrypoint {
        span: raw.span,
        traffic: traffic?,
        node_check: node_check.map_or(Some(None), |check| check.map(Some))?,
        on_unhealthy: on_unhealthy?,
    })
}

fn traffic(name: &str, raw: &raw::Entrypoint, report: &mut Report) -> Option<Traffic> {
    let has = |key: &&str| raw.given.contains(key);
    if has(&"host") {
        let both = ["edge", "routing", "fallback", "annotations"].into_iter().find(has);
        if let Some(key) = both {
            report.push(
                Diagnostic::new(
                    &codes::WORD,
                    raw.span,
                    format!("an entrypoint has either `host` or `{key}`"),
                    "this one has both",
                )
                .note(
                    "`host` is a service on the nodes themselves: nothing of it is in the cluster",
                )
                .help("make two entrypoints of it, or remove one of the keys"),
            );
            return None;
        }
        return check::of_host(raw.host.as_ref()?, report).map(Traffic::Host);
    }
    let choice = raw.edge.as_ref().map_or(Some(Choice::INGRESS), |edge| choice(edge, report))?;
    let has_routing = choice.api != Api::Gateway;
    if let (Some(routing), false) = (&raw.routing, has_routing) {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                routing.span,
                "`routing` means nothing with `api: gateway`",
                "there is one tier",
            )
            .help("remove it; `api: both` writes the two sides beside each other"),
        );
    }
    if !has(&"edge") {
        report.push(
            Diagnostic::new(
                &crate::inventory::codes::MISSING_KEY,
                raw.span,
                format!("`{name}` lacks the required key `edge`"),
                "add `edge:` here",
            )
            .help("traffic that does not go to the cluster has `host` instead"),
        );
    }
    let is_one_tier = choice.api != Api::Gateway && !has(&"routing");
    if let (Some(raw), false) =
        (raw.edge.as_ref().and_then(|edge| edge.max_hosts.as_ref()), is_one_tier)
    {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                raw.span,
                "`max_hosts` means nothing here",
                "only in one tier of Ingresses",
            )
            .note("the Ingress of a component without `hosts` names every domain only where no second tier routes")
            .help("remove it"),
        );
    }
    let both = annotations(raw.annotations.as_ref(), report);
    let edge = raw.edge.as_ref().and_then(|raw| edge::build(raw, &both, choice, report));
    let routing = match (&raw.routing, &edge) {
        (Some(raw), _) => Some(routing_tier::second(raw, &both, report)),
        (None, Some(edge)) if is_one_tier => Some(Some(routing_tier::only(edge))),
        (None, _) => None,
    };
    let gateway = match (choice.api, raw.edge.as_ref().zip(edge.as_ref())) {
        (Api::Gateway | Api::Both, Some((raw, edge))) => {
            Some(gateway::build(raw, edge, choice.api, report))
        }
        _ => None,
    };
    let fallback = raw.fallback.as_ref().map(|raw| fallback::build(raw, report));
    Some(Traffic::Cluster(Box::new(Tiers {
        edge: edge?,
        routing: routing.map_or(Some(None), |routing| routing.map(Some))?,
        gateway: gateway.map_or(Some(None), |gateway| gateway.map(Some))?,
        exposed: choice.exposed,
        annotations: both,
        fallback: fallback.map_or(Some(None), |fallback| fallback.map(Some))?,
    })))
}

fn class(raw: Option<&Loc<Text<Subdomain>>>, report: &mut Report) -> Option<Loc<Subdomain>> {
    let raw = raw?;
    value::name_of(raw, "an Ingress class", report).map(|class| raw.with(class))
}

/// The Service's name; by default the class.
fn service(
    raw: Option<&Loc<Text<ServiceName>>>,
    class: Option<&Loc<Text<Subdomain>>>,
    report: &mut Report,
) -> Option<Loc<ServiceName>> {
    let Some(raw) = raw else {
        let class = class?;
        // A class that is no name at all was reported as such.
        Subdomain::parse(&class.value.text)?;
        let named = value::name_of(&class.with(class.value.to()), "a Service's name", report);
        return named.map(|service| class.with(service));
    };
    value::name_of(raw, "a Service's name", report).map(|service| raw.with(service))
}

fn port(raw: &Loc<Port>, key: &str, report: &mut Report) -> Option<u16> {
    value::number(raw, key, report).map(|port| port.value)
}
