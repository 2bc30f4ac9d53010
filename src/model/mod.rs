//! [`raw::Inventory`] -> [`Draft`] -> [`Datacenter`]: values parsed, names resolved, and what cannot work refused. LB1xx.

pub mod codes;

mod address;
pub mod align;
mod check;
mod component;
mod condition;
mod controller;

mod domain;
mod entry;
mod entrypoint;
mod holder;
mod implementation;
mod keepalived;
mod kubernetes;
mod monitoring;
mod network;
mod next_hop;
mod node;
mod notify;
mod object;
mod outside;
mod pin;
mod placement;
mod pod;
mod pod_network;
mod route;
mod value;
mod vip;

use std::borrow::Borrow;
use std::collections::BTreeMap;

use indexmap::IndexSet;

pub use check::{NodeCheck, Timing};
pub use component::{Backend, BackendPort, Component, Path};
pub use condition::{Condition, HeaderMatch};
pub use domain::{Certificate, Domain};
pub use entry::Entry;
pub use entrypoint::{
    Annotations, Controller, ENVOY_NAMESPACE, EXPOSES, Edge, EdgePort, Entrypoint, Fallback,
    FallbackTarget, GatewayTier, NGINX, RoutingTier, TierService, Tiers, Traffic, is_canary,
    is_true, nginx_annotation, nginx_annotation_span, nginx_annotations, nginx_switch,
};
pub use implementation::{Feature, HostOrder, Implementation, RegexOrder};
pub use keepalived::{Garp, Keepalived, PolicyRouting, Preempt, VrrpVersion};
pub use kubernetes::{EndpointsForm, Kubernetes};
pub use monitoring::Monitoring;
pub use network::{Network, networks_of};
pub use next_hop::NextHop;
pub use node::Node;
pub use notify::{Notify, Transition};
pub use placement::{Placement, RoutingPins};
pub use pod::Pod;
pub use route::Route;
pub use vip::Vip;

pub use crate::language::name::{
    CheckLine, Command, Host, Image, Interface, Label, LabelValue, Name, PortName, QualifiedName,
    ServiceName, Subdomain, UrlPath, User,
};
pub use crate::language::number::RESERVED_TABLES;
pub use crate::language::version::{KeepalivedVersion, KubernetesVersion};
pub use crate::language::word::{
    Api, ClassForm, DaemonForm, Exposed, KubeProxy, MetricsForm, NodeState, OnUnhealthy, PathType,
    Protocol, RoutingMode, RulesForm, VipsForm,
};

use crate::diag::{Diagnostic, Report};
use crate::inventory::{Map, raw};
use crate::source::{Loc, Span};

/// A datacenter's front end. It is valid, or it does not exist: every name that it holds resolves, every
/// address is where it can be, every number is in its range.
#[derive(Debug)]
pub struct Datacenter {
    /// The bundle's folder.
    pub name: Label,
    /// The place of its name.
    pub span: Span,
    /// The inventory's file name, for headers.
    pub source: String,
    /// The cluster.
    pub kubernetes: Kubernetes,
    /// The daemons.
    pub keepalived: Keepalived,
    /// The routing of replies to their gateway.
    pub policy_routing: PolicyRouting,
    /// Metrics and alerts, where they are wanted.
    pub monitoring: Option<Monitoring>,
    /// By name.
    pub gateways: BTreeMap<Label, NextHop>,
    /// By name.
    pub nodes: BTreeMap<Subdomain, Node>,
    /// A part of the check of every entrypoint.
    pub node_check: Option<NodeCheck>,
    /// By name.
    pub entrypoints: BTreeMap<Label, Entrypoint>,
    /// By address.
    pub vips: Vec<Vip>,
    /// By host.
    pub domains: BTreeMap<Host, Domain>,
    /// By name.
    pub components: BTreeMap<Label, Component>,
    /// The places where it may differ from the other datacenters of its fleet.
    pub align: Vec<align::Waiver>,
}

impl Datacenter {
    /// The tiers of an entrypoint whose traffic goes to the cluster.
    pub fn tiers(&self, entrypoint: &Label) -> Option<&Tiers> {
        self.entrypoints.get(entrypoint)?.tiers()
    }

    /// The domain of a host: its own, or that of a wildcard one label above.
    pub fn domain(&self, host: &Host) -> Option<&Domain> {
        self.domains.get(host).or_else(|| self.domains.get(&host.wildcard()?))
    }

    /// Returns true if the Ingress of a domain stands where that of its fallback does, so that it can lead there.
    pub fn is_beside_fallback(&self, domain: &Domain) -> bool {
        let fallback = self.tiers(&domain.entrypoint).and_then(|tiers| tiers.fallback.as_ref());
        let home = &self.kubernetes.namespace;
        fallback.is_some_and(|fallback| *fallback.namespace(home) == domain.namespace)
    }

    /// Returns true if anything says on which nodes an entrypoint is healthy.
    pub fn is_checked(&self, entrypoint: &Entrypoint) -> bool {
        entrypoint.is_checked() || self.node_check.is_some()
    }
}

/// An inventory's contents, as far as they could be understood: a mistake in one entry hides no mistake of another.
pub struct Draft {
    name: Option<Label>,
    span: Option<Span>,
    source: String,
    kubernetes: Option<Kubernetes>,
    keepalived: Option<Keepalived>,
    policy_routing: Option<PolicyRouting>,
    monitoring: Option<Option<Monitoring>>,
    gateways: Names<Label, NextHop>,
    nodes: Names<Subdomain, Node>,
    node_check: Option<Option<NodeCheck>>,
    entrypoints: Names<Label, Entrypoint>,
    vips: Vec<Vip>,
    domains: Names<Host, Domain>,
    components: Names<Label, Component>,
    align: Vec<align::Waiver>,
}

/// Reads every value and resolves every name.
pub fn draft(raw: &raw::Inventory, source: &str, report: &mut Report) -> Draft {
    let name =
        raw.datacenter.as_ref().and_then(|raw| value::name_of(raw, "a datacenter's name", report));
    let kubernetes = kubernetes::build(raw.kubernetes.as_ref(), report);
    let keepalived = keepalived::build(raw.keepalived.as_ref(), report);
    let policy_routing = keepalived::build_routing(raw.policy_routing.as_ref(), report);
    let monitoring = monitoring::build(raw.monitoring.as_ref(), report);
    let gateways = next_hop::build(raw, report);
    let nodes = node::build(raw, &gateways, report);
    let node_check = match &raw.node_check {
        Some(raw) => check::build(raw, report).map(Some),
        None => Some(None),
    };
    let entrypoints = entrypoint::build(raw, report);
    let known = holder::Known {
        gateways: &gateways,
        nodes: &nodes,
        entrypoints: &entrypoints,
        has_node_check: raw.node_check.is_some(),
        keepalived: keepalived.as_ref(),
        routing: policy_routing.as_ref(),
    };
    let vips = vip::build(raw.vips.as_deref().unwrap_or_default(), &known, report);
    let namespace = kubernetes.as_ref().map(|kubernetes| &kubernetes.namespace);
    let domains = domain::build(raw, &entrypoints, namespace, report);
    let components = component::build(raw, &entrypoints, namespace, report);

    if kubernetes.as_ref().is_none_or(|kubernetes| kubernetes.kube_proxy.needs_marks()) {
        keepalived::refuse_mask(raw.policy_routing.as_ref(), report);
    }
    if let (Some(keepalived), Some(node_check)) = (&keepalived, &node_check) {
        pod::refuse(keepalived, &nodes, node_check.as_ref(), &entrypoints, report);
    }
    address::refuse_shared(raw, report);
    controller::refuse_shared(raw, report);
    pin::refuse_shared(&vips, report);
    if let (Some(kubernetes), Some(routing)) = (&kubernetes, &policy_routing) {
        pod_network::refuse_unreachable(
            &kubernetes.pod_networks,
            routing,
            &gateways,
            &vips,
            report,
        );
    }
    if let Some(namespace) = namespace {
        object::refuse_shared(namespace, &entrypoints, &domains, &components, report);
        outside::refuse_wrong_services(namespace, &entrypoints, &components, report);
    }
    Draft {
        name,
        span: raw.datacenter.as_ref().map(|raw| raw.span),
        source: source.to_owned(),
        kubernetes,
        keepalived,
        policy_routing,
        monitoring,
        gateways,
        nodes,
        node_check,
        entrypoints,
        vips,
        domains,
        components,
        align: align::build(raw, report),
    }
}

impl Draft {
    /// The entrypoints that could be understood, by name.
    pub fn entrypoints(&self) -> impl Iterator<Item = (&Label, &Entrypoint)> {
        self.entrypoints.iter()
    }

    /// The domains that could be understood, by host.
    pub fn domains(&self) -> impl Iterator<Item = (&Host, &Domain)> {
        self.domains.iter()
    }

    /// The components that could be understood, by name.
    pub fn components(&self) -> impl Iterator<Item = (&Label, &Component)> {
        self.components.iter()
    }

    /// The datacenter; `None` where the report holds an error.
    pub fn finish(self, report: &Report) -> Option<Datacenter> {
        if report.has_errors() {
            return None;
        }
        Some(Datacenter {
            name: self.name?,
            span: self.span?,
            source: self.source,
            kubernetes: self.kubernetes?,
            keepalived: self.keepalived?,
            policy_routing: self.policy_routing?,
            monitoring: self.monitoring?,
            gateways: self.gateways.found,
            nodes: self.nodes.found,
            node_check: self.node_check?,
            entrypoints: self.entrypoints.found,
            vips: self.vips,
            domains: self.domains.found,
            components: self.components.found,
            align: self.align,
        })
    }
}

/// Named things as far as they could be built, and every name that was written: a reference to a thing with a
/// mistake in it is not called unknown.
struct Names<K, V> {
    found: BTreeMap<K, V>,
    written: IndexSet<String>,
    /// True if all of them could be built, so that what is missing is missing.
    complete: bool,
}

impl<K: Name + Ord + Borrow<str>, V> Names<K, V> {
    /// `given` is whether the key is there; then nothing to read is something that could not be read. `one` gets the
    /// name as it was written, and as what it has to be, where it is: what else is wrong with the entry is found anyway.
    fn build<R>(
        given: bool,
        raw: Option<&Map<K, R>>,
        what: &str,
        report: &mut Report,
        mut one: impl FnMut(&str, Option<&K>, &R, &mut Report) -> Option<V>,
    ) -> Self {
        let complete = !given || raw.is_some();
        let mut names = Self { found: BTreeMap::new(), written: IndexSet::new(), complete };
        for (name, entry) in raw.into_iter().flatten() {
            names.written.insert(name.clone());
            let key = value::name::<K>(name, entry.key, what, report);
            let raw = entry.value.as_ref();
            let value = raw.and_then(|raw| one(name, key.as_ref(), raw, report));
            match key.zip(value) {
                Some((key, value)) => _ = names.found.insert(key, value),
                None => names.complete = false,
            }
        }
        names
    }

    fn iter(&self) -> impl Iterator<Item = (&K, &V)> {
        self.found.iter()
    }

    fn find(&self, name: &str) -> Option<(&K, &V)> {
        self.found.get_key_value(name)
    }

    /// Returns true if something has this name; a name that nothing has is reported.
    fn knows(&self, name: Loc<&str>, what: &str, report: &mut Report) -> bool {
        let known = self.found.contains_key(name.value) || self.written.contains(name.value);
        if !known && report.is_full() {
            report.count_only(&codes::UNKNOWN_NAME);
        } else if !known {
            report.push(
                Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    name.span,
                    format!("there is no {what} `{}`", name.value),
                    "not defined",
                )
                .did_you_mean(
                    name.value,
                    name.span,
                    self.written.iter().map(String::as_str),
                ),
            );
        }
        known
    }
}
