//! One tier instead of two: a Gateway that the routes of all namespaces attach to (Gateway API).

use std::collections::BTreeMap;

use super::controller::release;
use super::edge::{Edge, EdgePort, selector};
use super::{class, codes, port, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Text, raw};
use crate::language::name::{LabelValue, PortName, QualifiedName, Subdomain};
use crate::language::version::ControllerVersion;
use crate::language::word::{Api, Exposed, ImplementationName};
use crate::model::implementation::{Feature, Implementation};
use crate::source::{Loc, Span};

/// The annotation of an edge Service whose VIPs lead to a Gateway: Ingresses may stand beside it.
pub const EXPOSES: &str = "lbgen.dev/exposes";

/// A Gateway and its listeners.
#[derive(Debug)]
pub struct GatewayTier {
    /// Its GatewayClass.
    pub class: Loc<Subdomain>,
    /// True if the pods are those that Envoy Gateway makes for it: the plan knows where they are.
    pub is_managed: bool,
    /// The labels of its pods; empty where it is managed.
    pub selector: BTreeMap<QualifiedName, LabelValue>,
    /// The program that reads it.
    pub implementation: Implementation,
    /// True if the inventory names that program.
    pub is_implementation_named: bool,
    /// The port of the listener for plain HTTP.
    pub http: u16,
    /// The port of the listeners with TLS.
    pub https: u16,
    /// True if the listeners' ports are those of the container, and so the Service's target ports.
    pub on_container_ports: bool,
}

impl GatewayTier {
    /// Listeners of a ListenerSet or a Gateway (Gateway API, `maxItems`).
    pub const MOST_LISTENERS: usize = 64;

    /// Returns the number of domains whose listeners fit into the first of its objects: a Gateway has the one for plain
    /// HTTP too.
    pub fn first_room(&self) -> usize {
        Self::MOST_LISTENERS - usize::from(!self.has_listener_sets())
    }

    /// Returns true if the listeners of domains stand in ListenerSets; else they stand in Gateways.
    pub fn has_listener_sets(&self) -> bool {
        self.implementation.can(Feature::ListenerSets)
    }

    /// The container's port behind a port of the Service, where the listeners have those.
    pub fn container_port(&self, name: &PortName, port: u16) -> Option<u16> {
        let is = |names: [&str; 2], usual| names.contains(&name.as_str()) || port == usual;
        let listener = if is(HTTP, 80) {
            self.http
        } else if is(HTTPS, 443) {
            self.https
        } else {
            return None;
        };
        // Envoy is no root: below 1024 it listens 10,000 above (facts K46).
        let of_envoy = if listener < 1024 { listener + 10_000 } else { listener };
        match (self.is_managed, self.on_container_ports) {
            (true, _) => Some(of_envoy),
            (false, true) => Some(listener),
            (false, false) => None,
        }
    }
}

/// The names that charts give to a Service's port for plain HTTP.
const HTTP: [&str; 2] = ["http", "web"];
/// The names that charts give to a Service's port with TLS.
const HTTPS: [&str; 2] = ["https", "websecure"];

/// The APIs that `edge` chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The APIs that are written.
    pub api: Api,
    /// The API that the VIPs lead to.
    pub exposed: Exposed,
}

impl Choice {
    /// The choice where nothing is said.
    pub const INGRESS: Self = Self { api: Api::Ingress, exposed: Exposed::Ingress };
}

/// Returns the APIs that an edge chooses, or `None` if its keys do not fit together.
pub(super) fn choice(raw: &raw::Edge, report: &mut Report) -> Option<Choice> {
    let api = raw.api.as_ref().map_or(Some(Api::Ingress), |raw| value::word(raw, "api", report))?;
    let expose = match &raw.expose {
        Some(raw) => Some((raw.span, value::word(raw, "expose", report)?)),
        None => None,
    };
    let mut misplaced = |key: &str, span: Span, help: &str| {
        let title = format!("`{key}` means nothing with `api: {api}`");
        report
            .push(Diagnostic::new(&codes::WORD, span, title, "only with another `api`").help(help));
    };
    if let (Some((span, _)), true) = (expose, api != Api::Both) {
        misplaced("expose", span, "it chooses between the two sides of `api: both`; remove it");
    }
    let implementation = raw.implementation.as_ref().map(|raw| ("implementation", raw.span));
    let version =
        raw.implementation_version.as_ref().map(|raw| ("implementation_version", raw.span));
    for (key, span) in implementation.into_iter().chain(version) {
        match api {
            Api::Ingress => {
                misplaced(key, span, "write `api: gateway` or `api: both`, or remove it")
            }
            Api::Both => misplaced(key, span, "write it below `gateway:` of the edge"),
            Api::Gateway => {}
        }
    }
    if api == Api::Gateway {
        let of_ingress = [
            ("controller", raw.controller.as_ref().map(|raw| raw.span)),
            ("controller_version", raw.controller_version.as_ref().map(|raw| raw.span)),
            ("traefik_provider", raw.traefik_provider.as_ref().map(|raw| raw.span)),
            ("strict_prefix", raw.strict_prefix.as_ref().map(|raw| raw.span)),
        ];
        for (key, span) in of_ingress.into_iter().filter_map(|(key, span)| Some((key, span?))) {
            misplaced(key, span, "it is for Ingresses; `implementation` names who reads a Gateway");
        }
    }
    if let (Some(gateway), Api::Ingress) = (&raw.gateway, api) {
        misplaced("gateway", gateway.span, "write `api: gateway` or `api: both`, or remove it");
    }
    let exposed = match api {
        Api::Ingress => Exposed::Ingress,
        Api::Gateway => Exposed::Gateway,
        Api::Both => expose.map_or(Exposed::Ingress, |(_, side)| side),
    };
    Some(Choice { api, exposed })
}

/// The Gateway of an edge; `None` where it is not complete, and the report says why.
pub(super) fn build(
    raw: &raw::Edge,
    edge: &Edge,
    api: Api,
    report: &mut Report,
) -> Option<GatewayTier> {
    let own = raw.gateway.as_ref();
    let mut required = |key: &str, given: bool| {
        if api != Api::Both || given {
            return;
        }
        let span = own.map_or(raw.span, |own| own.span);
        let title = format!("`api: both` needs `{key}` of its Gateway");
        report.push(
            Diagnostic::new(
                &crate::inventory::codes::MISSING_KEY,
                span,
                title,
                format!("add `{key}` to `gateway:`"),
            )
            .help("`edge` describes the Ingress controller, `edge.gateway` what serves the Gateway beside it"),
        );
    };
    required("class", own.is_some_and(|own| own.class.is_some()));
    let is_managed = is_managed(raw, api);
    required("selector", is_managed || own.is_some_and(|own| own.selector.is_some()));
    let named: Option<&Loc<Text<Subdomain>>> = own.and_then(|own| own.class.as_ref());
    let class = named.map_or(Some(edge.class.clone()), |raw| class(Some(raw), report));
    // Alone it has the selector of the edge, wherever that is written.
    let beside = own.filter(|_| api == Api::Both);
    let labels = beside.and_then(|own| Some((own.selector.as_ref()?, own.span)));
    let selector = match labels {
        Some((labels, span)) => selector(labels, span, report),
        None if is_managed => Some(BTreeMap::new()),
        None => Some(edge.selector.clone()),
    };
    let ports = own.and_then(|own| own.ports.as_ref());
    let (http, https) = match ports {
        Some(ports) => (
            ports.http.as_ref().and_then(|raw| port(raw, "http", report)),
            ports.https.as_ref().and_then(|raw| port(raw, "https", report)),
        ),
        None => {
            (Some(exposed_port(&edge.ports, HTTP, 80)), Some(exposed_port(&edge.ports, HTTPS, 443)))
        }
    };
    let implementation = implementation(raw, own, report);
    // Traefik's listeners have the ports of its container; these are those of its chart.
    let is_traefik = implementation.is_some_and(|found| found.name == ImplementationName::Traefik);
    let (http, https) = match ports {
        None if is_traefik => (Some(8000), Some(8443)),
        _ => (http, https),
    };
    let written = ports.map_or(raw.span, |ports| ports.span);
    if let (Some(http), true) = (http, http == https) {
        report.push(
            Diagnostic::new(
                &codes::LIST,
                written,
                format!("port {http} is for http and for https"),
                "each listener needs a port of its own",
            )
            .help("Traefik's container listens on 8000 and 8443"),
        );
    }
    Some(GatewayTier {
        is_managed,
        implementation: implementation?,
        is_implementation_named: named_implementation(raw).is_some(),
        class: class?,
        selector: selector?,
        http: http?,
        https: https?,
        on_container_ports: ports.is_some() || is_traefik,
    })
}

/// Returns true if the pods of an edge's Gateway are those that Envoy Gateway makes for it, because nothing else is said.
pub(super) fn is_managed(edge: &raw::Edge, api: Api) -> bool {
    let envoy = ImplementationName::EnvoyGateway.word();
    named_implementation(edge).is_none_or(|name| name.value.text == envoy)
        && edge.gateway.as_ref().is_none_or(|own| own.selector.is_none())
        // With both APIs that of the edge is for Ingresses.
        && (api == Api::Both || edge.selector.is_none())
}

/// The implementation that is written, below `gateway:` or beside it.
fn named_implementation(edge: &raw::Edge) -> Option<&Loc<Text<ImplementationName>>> {
    let own = edge.gateway.as_ref().and_then(|own| own.implementation.as_ref());
    own.or(edge.implementation.as_ref())
}

/// The implementation, by the keys of the edge or those of its `gateway:`.
fn implementation(
    edge: &raw::Edge,
    own: Option<&raw::EdgeGateway>,
    report: &mut Report,
) -> Option<Implementation> {
    let version = own.and_then(|own| own.implementation_version.as_ref());
    let version = version.or(edge.implementation_version.as_ref());
    let name = named_implementation(edge).map_or(Some(Implementation::DEFAULT.name), |raw| {
        value::word(raw, "implementation", report)
    });
    let version = version.map_or(Some(ControllerVersion::NEWEST), |raw| release(raw, report));
    Some(Implementation { name: name?, version: version? })
}

/// The port of the Service that carries this; its names are those that charts give it.
fn exposed_port(ports: &BTreeMap<PortName, EdgePort>, names: [&str; 2], usual: u16) -> u16 {
    let named = ports.iter().find(|(name, _)| names.contains(&name.as_str()));
    named.map_or(usual, |(_, port)| port.number)
}
