//! First tier: TLS termination, exposed on VIPs.

use std::collections::BTreeMap;
use std::fmt;

use super::controller::Controller;
use super::gateway::{self, Choice};
use super::{Annotations, class, codes, of_tier, port, service, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw::Either;
use crate::inventory::{Map, Text, raw};
use crate::language::name::{
    Label, LabelValue, Name, PortName, QualifiedName, ServiceName, Subdomain,
};
use crate::language::number::NodePort;
use crate::language::word::{Api, Protocol};
use crate::source::{Loc, Span};

/// First tier: TLS termination, exposed on VIPs.
#[derive(Debug)]
pub struct Edge {
    /// Its Ingress class; no other controller has it.
    pub class: Loc<Subdomain>,
    /// Its Service.
    pub service: Loc<ServiceName>,
    /// The namespace of the Service, if the inventory names one.
    pub service_namespace: Option<Loc<Label>>,
    /// The labels of its pods.
    pub selector: BTreeMap<QualifiedName, LabelValue>,
    /// Its ports, not empty; the target port is the name.
    pub ports: BTreeMap<PortName, EdgePort>,
    /// The port where kube-proxy reports whether a ready pod is on the node, or `None` without one.
    pub health_check_node_port: Option<Loc<u16>>,
    /// The controller, which decides how hosts and paths are compared.
    pub controller: Controller,
    /// Copied to every Ingress of its class.
    pub annotations: Annotations,
    /// In one tier: the most hosts that a component's Ingress names without a warning.
    pub max_hosts: usize,
}

/// A port of the edge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct EdgePort {
    /// Its number.
    pub number: u16,
    /// The protocol that it carries.
    pub protocol: Protocol,
    /// The port of the container; `None` is the one of the same name.
    pub target: Option<u16>,
}

impl EdgePort {
    /// A port of TCP.
    fn tcp(number: u16) -> Self {
        Self { number, protocol: Protocol::Tcp, target: None }
    }
}

impl fmt::Display for EdgePort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.protocol {
            Protocol::Tcp => self.number.fmt(f),
            Protocol::Udp => write!(f, "{}/UDP", self.number),
        }
    }
}

pub(super) fn build(
    raw: &raw::Edge,
    both: &Annotations,
    choice: Choice,
    report: &mut Report,
) -> Option<Edge> {
    let class: Option<Loc<Subdomain>> = class(raw.class.as_ref(), report);
    let service = service(raw.service.as_ref(), raw.class.as_ref(), report);
    let of_gateway = raw.gateway.as_ref().filter(|_| choice.api == Api::Gateway);
    let of_gateway = of_gateway.and_then(|own| own.selector.as_ref());
    let labels = of_gateway.or(raw.selector.as_ref());
    let selector = labels.map(|labels| selector(labels, raw.span, report));
    let health_check_node_port =
        raw.health_check_node_port.as_ref().map(|raw| health_check(raw, report));
    let annotations = of_tier(both, raw.annotations.as_ref(), report);
    let controller = Controller::of(
        raw.controller.as_ref(),
        raw.traefik_provider.as_ref(),
        raw.strict_prefix.as_ref(),
        raw.controller_version.as_ref(),
        report,
    )?;
    let ports = ports(raw.ports.as_ref(), controller, raw.span, report);
    let is_managed = choice.api == Api::Gateway && gateway::is_managed(raw, choice.api);
    let has_default =
        controller == Controller::IngressNginx && choice.api != Api::Gateway || is_managed;
    if !has_default && selector.is_none() {
        report.push(
            Diagnostic::new(
                &codes::LIST,
                raw.span,
                "`edge` needs the `selector` of its controller's pods",
                "only ingress-nginx and Envoy Gateway have a default",
            )
            .help("`kubectl get pods --show-labels` shows the labels, such as `app.kubernetes.io/name: traefik`"),
        );
    }
    let service_namespace = raw
        .service_namespace
        .as_ref()
        .map(|raw| value::name_of(raw, "a namespace", report).map(|name| raw.with(name)));
    let max_hosts = raw
        .max_hosts
        .as_ref()
        .map_or(Some(50), |raw| value::number(raw, "max_hosts", report).map(|found| found.value));
    let class = class?;
    let mut default_selector = || {
        // The plan knows the labels that Envoy Gateway gives.
        if is_managed {
            return Some(BTreeMap::new());
        }
        if LabelValue::parse(class.value.as_str()).is_none() {
            report.push(
                Diagnostic::new(
                    &codes::NAME,
                    class.span,
                    format!("the class `{}` cannot be the value of a label", class.value),
                    "the default `selector` needs it to be",
                )
                .note("without `selector`, pods are selected by the label app.kubernetes.io/instance, and label values have at most 63 characters")
                .help("write the `selector` of the controller's pods, or choose a shorter class"),
            );
            return None;
        }
        let labels = [
            ("name", "ingress-nginx"),
            ("instance", class.value.as_str()),
            ("component", "controller"),
        ];
        let selector = labels
            .into_iter()
            .filter_map(|(key, value)| {
                Some((
                    QualifiedName::parse(&format!("app.kubernetes.io/{key}"))?,
                    LabelValue::parse(value)?,
                ))
            })
            .collect();
        Some(selector)
    };
    Some(Edge {
        service: service?,
        service_namespace: service_namespace.map_or(Some(None), |name| name.map(Some))?,
        selector: selector.unwrap_or_else(&mut default_selector)?,
        ports: ports?,
        health_check_node_port: health_check_node_port.map_or(Some(None), |port| port.map(Some))?,
        controller,
        annotations,
        max_hosts: max_hosts?,
        class,
    })
}

pub(super) fn selector(
    raw: &Map<QualifiedName, Loc<Text<LabelValue>>>,
    edge: Span,
    report: &mut Report,
) -> Option<BTreeMap<QualifiedName, LabelValue>> {
    let mut selector = BTreeMap::new();
    let mut complete = !raw.is_empty();
    if raw.is_empty() {
        report.push(
            Diagnostic::new(&codes::LIST, edge, "`selector` is empty", "no pod would be selected")
                .help("list the labels of the controller's pods, or remove `selector` to use the default"),
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
    raw: Option<&Map<PortName, raw::EdgePort>>,
    controller: Controller,
    edge: Span,
    report: &mut Report,
) -> Option<BTreeMap<PortName, EdgePort>> {
    let Some(raw) = raw else {
        // A port's name is the target port: what the controller's own chart calls it.
        let [http, https] = match controller {
            Controller::Traefik { .. } | Controller::TraefikNginx => ["web", "websecure"],
            Controller::IngressNginx | Controller::Other => ["http", "https"],
        };
        return Some(BTreeMap::from([
            (PortName::parse(http)?, EdgePort::tcp(80)),
            (PortName::parse(https)?, EdgePort::tcp(443)),
        ]));
    };
    if raw.is_empty() {
        report.push(
            Diagnostic::new(&codes::LIST, edge, "`ports` is empty", "no port would be exposed")
                .help("list at least one, or remove `ports` to get `http: 80` and `https: 443`"),
        );
        return None;
    }
    let mut ports: BTreeMap<PortName, EdgePort> = BTreeMap::new();
    let mut numbers: BTreeMap<(u16, Protocol), Span> = BTreeMap::new();
    let mut complete = true;
    for (name, entry) in raw {
        let key = value::name(name, entry.key, "a port's name", report);
        let number = entry.value.as_ref().and_then(|raw| edge_port(raw, name, report));
        let Some((key, number)) = key.zip(number) else {
            complete = false;
            continue;
        };
        if let Some(first) = numbers.insert((number.number, number.protocol), entry.key) {
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

fn edge_port(raw: &raw::EdgePort, name: &str, report: &mut Report) -> Option<EdgePort> {
    let long = match raw {
        Either::Short(raw) => return port(raw, name, report).map(EdgePort::tcp),
        Either::Long(long) => long,
    };
    let protocol = long
        .protocol
        .as_ref()
        .map_or(Some(Protocol::Tcp), |raw| value::word(raw, "protocol", report));
    let number = long.port.as_ref().and_then(|raw| port(raw, "port", report));
    let target = long.target.as_ref().map(|raw| port(raw, "target", report));
    let target = target.map_or(Some(None), |target| target.map(Some));
    Some(EdgePort { number: number?, protocol: protocol?, target: target? })
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
