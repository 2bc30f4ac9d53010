//! One entrypoint per kind of traffic: two tiers of ingress controllers and what catches the rest.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Map, Text, raw};
use crate::language::form::{AnnotationKey, Free};
use crate::language::name::{
    Label, LabelValue, Name, PortName, QualifiedName, ServiceName, Subdomain,
};
use crate::language::number::{NodePort, Port};
use crate::language::word::OnUnhealthy;
use crate::source::{Loc, Span};

/// A kind of traffic.
#[derive(Debug)]
pub struct Entrypoint {
    /// Where its name stands.
    pub span: Span,
    /// First tier.
    pub edge: Edge,
    /// Second tier.
    pub routing: Routing,
    /// What serves everything that no component claims.
    pub fallback: Option<Fallback>,
    /// What a node does while it is unhealthy.
    pub on_unhealthy: OnUnhealthy,
}

/// First tier: TLS termination, exposed on VIPs.
#[derive(Debug)]
pub struct Edge {
    /// Its Ingress class; no other controller has it.
    pub class: Loc<Subdomain>,
    /// Its Service.
    pub service: Loc<ServiceName>,
    /// The labels of its pods.
    pub selector: BTreeMap<QualifiedName, LabelValue>,
    /// Its ports, not empty; the target port is the name.
    pub ports: BTreeMap<PortName, u16>,
    /// Where kube-proxy says whether a ready pod is on the node.
    pub health_check_node_port: Option<Loc<u16>>,
    /// Copied to every edge Ingress.
    pub annotations: Annotations,
}

/// Second tier: requests to components.
#[derive(Debug)]
pub struct Routing {
    /// Its Ingress class; no other controller has it.
    pub class: Loc<Subdomain>,
    /// Its Service; no other controller or fallback has it.
    pub service: Loc<ServiceName>,
    /// The Service's port.
    pub port: u16,
    /// Copied to every routing Ingress.
    pub annotations: Annotations,
}

/// The legacy proxy.
#[derive(Debug)]
pub struct Fallback {
    /// Of the Service, its endpoints and the catch-all Ingress.
    pub name: Loc<ServiceName>,
    /// Not empty, no repeats, sorted.
    pub addresses: Vec<Loc<IpAddr>>,
    /// Where they listen.
    pub port: u16,
}

/// Endpoints of an EndpointSlice (KEP-752).
const MOST_ENDPOINTS: usize = 1000;

/// Annotations of a Kubernetes object.
pub type Annotations = BTreeMap<QualifiedName, String>;

pub(super) fn build(raw: &raw::Inventory, report: &mut Report) -> Names<Label, Entrypoint> {
    let given = raw.given.contains(&"entrypoints");
    Names::build(
        given,
        raw.entrypoints.as_ref(),
        "an entrypoint's name",
        report,
        |_, _, raw, report| entrypoint(raw, report),
    )
}

fn entrypoint(raw: &raw::Entrypoint, report: &mut Report) -> Option<Entrypoint> {
    let edge = raw.edge.as_ref().and_then(|raw| edge(raw, report));
    let routing = raw.routing.as_ref().and_then(|raw| routing(raw, report));
    let fallback = raw.fallback.as_ref().map(|raw| fallback(raw, report));
    let on_unhealthy = raw
        .on_unhealthy
        .as_ref()
        .map_or(Some(OnUnhealthy::Yield), |raw| value::word(raw, "on_unhealthy", report));
    Some(Entrypoint {
        span: raw.span,
        edge: edge?,
        routing: routing?,
        fallback: fallback.map_or(Some(None), |fallback| fallback.map(Some))?,
        on_unhealthy: on_unhealthy?,
    })
}

fn edge(raw: &raw::Edge, report: &mut Report) -> Option<Edge> {
    let class: Option<Loc<Subdomain>> = class(raw.class.as_ref(), report);
    let service = service(raw.service.as_ref(), raw.class.as_ref(), report);
    let selector = raw.selector.as_ref().map(|labels| selector(labels, raw.span, report));
    let ports = ports(raw.ports.as_ref(), raw.span, report);
    let health_check_node_port =
        raw.health_check_node_port.as_ref().map(|raw| health_check(raw, report));
    let annotations = annotations(raw.annotations.as_ref(), report);
    let class = class?;
    let default_selector = || {
        let labels = [
            ("name", "ingress-nginx"),
            ("instance", class.value.as_str()),
            ("component", "controller"),
        ];
        labels
            .into_iter()
            .filter_map(|(key, value)| {
                Some((
                    QualifiedName::parse(&format!("app.kubernetes.io/{key}"))?,
                    LabelValue::parse(value)?,
                ))
            })
            .collect()
    };
    Some(Edge {
        service: service?,
        selector: selector.unwrap_or_else(|| Some(default_selector()))?,
        ports: ports?,
        health_check_node_port: health_check_node_port.map_or(Some(None), |port| port.map(Some))?,
        annotations,
        class,
    })
}

fn routing(raw: &raw::Routing, report: &mut Report) -> Option<Routing> {
    let class = class(raw.class.as_ref(), report);
    let service = service(raw.service.as_ref(), raw.class.as_ref(), report);
    let port = raw.port.as_ref().map_or(Some(80), |raw| port(raw, "port", report));
    let annotations = annotations(raw.annotations.as_ref(), report);
    Some(Routing { class: class?, service: service?, port: port?, annotations })
}

fn fallback(raw: &raw::Fallback, report: &mut Report) -> Option<Fallback> {
    let name = raw
        .name
        .as_ref()
        .and_then(|raw| Some(raw.with(value::name_of(raw, "a fallback's name", report)?)));
    let port = raw.port.as_ref().and_then(|raw| port(raw, "port", report));
    let list = raw.addresses.as_ref()?;
    value::refuse_empty(
        list,
        "addresses",
        "list what serves the fallback, or remove `fallback`",
        report,
    );
    value::refuse_repeats(&list.value, "addresses", report);
    let mut addresses: Vec<Loc<IpAddr>> = list
        .value
        .iter()
        .filter_map(|raw| value::address(raw, "a fallback's address", report))
        .collect();
    addresses.sort();
    for (family, is_ours) in
        [("IPv4", IpAddr::is_ipv4 as fn(&IpAddr) -> bool), ("IPv6", IpAddr::is_ipv6)]
    {
        let count = addresses.iter().filter(|address| is_ours(&address.value)).count();
        if count > MOST_ENDPOINTS {
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    list.span,
                    format!("`addresses` lists {count} {family} addresses"),
                    format!("at most {MOST_ENDPOINTS} of a family"),
                )
                .note("an EndpointSlice holds no more (KEP-752)")
                .help("put a load balancer of their own in front of them"),
            );
            return None;
        }
    }
    let complete = addresses.len() == list.value.len() && !addresses.is_empty();
    complete.then_some(())?;
    Some(Fallback { name: name?, addresses, port: port? })
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

fn selector(
    raw: &Map<QualifiedName, Loc<Text<LabelValue>>>,
    edge: Span,
    report: &mut Report,
) -> Option<BTreeMap<QualifiedName, LabelValue>> {
    let mut selector = BTreeMap::new();
    let mut complete = !raw.is_empty();
    if raw.is_empty() {
        report.push(
            Diagnostic::new(&codes::LIST, edge, "`selector` is empty", "no pod would be selected")
                .help("name the labels of the controller's pods, or remove `selector` to get the default"),
        );
    }
    for (key, entry) in raw {
        let key = value::name(key, entry.key, "a label's key", report);
        let value =
            entry.value.as_ref().and_then(|raw| value::name_of(raw, "a label's value", report));
        match key.zip(value) {
            Some((key, value)) => _ = selector.insert(key, value),
            None => complete = false,
        }
    }
    complete.then_some(selector)
}

fn ports(
    raw: Option<&Map<PortName, Loc<Port>>>,
    edge: Span,
    report: &mut Report,
) -> Option<BTreeMap<PortName, u16>> {
    let Some(raw) = raw else {
        return Some(BTreeMap::from([
            (PortName::parse("http")?, 80),
            (PortName::parse("https")?, 443),
        ]));
    };
    if raw.is_empty() {
        report.push(
            Diagnostic::new(&codes::LIST, edge, "`ports` is empty", "no port would be exposed")
                .help("name at least one, or remove `ports` to get `http: 80` and `https: 443`"),
        );
        return None;
    }
    let mut ports: BTreeMap<PortName, u16> = BTreeMap::new();
    let mut numbers: BTreeMap<u16, Span> = BTreeMap::new();
    let mut complete = true;
    for (name, entry) in raw {
        let key = value::name(name, entry.key, "a port's name", report);
        let number = entry.value.as_ref().and_then(|raw| port(raw, name, report));
        let Some((key, number)) = key.zip(number) else {
            complete = false;
            continue;
        };
        if let Some(first) = numbers.insert(number, entry.key) {
            complete = false;
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    entry.key,
                    format!("port {number} has two names"),
                    "second name",
                )
                .also(first, "first name"),
            );
        }
        ports.insert(key, number);
    }
    complete.then_some(ports)
}

fn port(raw: &Loc<Port>, key: &str, report: &mut Report) -> Option<u16> {
    value::number(raw, key, report).map(|port| port.value)
}

fn health_check(raw: &Loc<NodePort>, report: &mut Report) -> Option<Loc<u16>> {
    if !NodePort::RANGE.contains(&raw.value.0) {
        report.push(
            Diagnostic::new(
                &codes::RANGE,
                raw.span,
                format!("`health_check_node_port` {} is outside the node port range", raw.value),
                "30000 to 32767",
            )
            .note(
                "the API server refuses a health check port outside its --service-node-port-range",
            ),
        );
        return None;
    }
    value::number(raw, "health_check_node_port", report)
}

pub(super) fn annotations(
    raw: Option<&Map<AnnotationKey, Loc<Text<Free>>>>,
    report: &mut Report,
) -> Annotations {
    raw.into_iter()
        .flatten()
        .filter_map(|(key, entry)| {
            let name = value::name::<QualifiedName>(key, entry.key, "an annotation's key", report)?;
            if key == AnnotationKey::CLASS {
                report.push(
                    Diagnostic::new(&codes::NAME, entry.key, "the class is not an annotation of yours to set", "written by lbgen")
                        .help("the entrypoint's `class` and `kubernetes.ingress_class` say how it is written"),
                );
                return None;
            }
            Some((name, entry.value.as_ref()?.value.text.clone()))
        })
        .collect()
}
