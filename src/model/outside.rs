//! Machines outside of the cluster: the addresses behind a Service that selects no pods.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::component::BackendPort;
use super::{Component, Entrypoint, Fallback, FallbackTarget, Names, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Nonempty, Set, Text};
use crate::language::name::{Label, PortName};
use crate::source::{Loc, Span};

/// Endpoints of an EndpointSlice (KEP-752).
const MOST_ENDPOINTS: usize = 1000;

/// The addresses, sorted; `None` where the list is empty or one of them is wrong.
pub(super) fn addresses(
    list: &Loc<Nonempty<Set<Loc<Text<IpAddr>>>>>,
    what: &str,
    empty: &str,
    report: &mut Report,
) -> Option<Vec<Loc<IpAddr>>> {
    value::refuse_empty(list, "addresses", empty, report);
    value::refuse_repeats(&list.value, "addresses", report);
    let mut addresses: Vec<Loc<IpAddr>> =
        list.value.iter().filter_map(|raw| value::address(raw, what, report)).collect();
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
                .help("put a load balancer in front of them"),
            );
            return None;
        }
    }
    let complete = addresses.len() == list.value.len() && !addresses.is_empty();
    complete.then_some(addresses)
}

/// The port that the machines at `addresses` listen on; a Service's port may have a name, theirs has a number.
pub(super) fn port(port: &Loc<BackendPort>, addresses: Span, report: &mut Report) -> Option<u16> {
    let number = port.value.number();
    if number.is_none() {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                port.span,
                format!("`port` must be a number beside `addresses`, not `{}`", port.value),
                "a name",
            )
            .also(addresses, "the machines that listen there"),
        );
    }
    number
}

/// Reports ports that a Service which lbgen writes does not have, and fallbacks that lead back to a controller of ours.
pub(super) fn refuse_wrong_services(
    home: &Label,
    entrypoints: &Names<Label, Entrypoint>,
    components: &Names<Label, Component>,
    report: &mut Report,
) {
    let tiers = || entrypoints.iter().filter_map(|(name, found)| Some((name, found.tiers()?)));
    let mut written: BTreeMap<(&str, &str), (u16, Span)> = BTreeMap::new();
    let mut controllers: BTreeMap<(&str, &str), Span> = BTreeMap::new();
    let mut wanted: Vec<((&str, &str), &BackendPort, Span)> = Vec::new();
    for (_, component) in components.iter() {
        let Some(backend) = &component.backend else { continue };
        let service = (component.namespace.as_str(), backend.service.as_str());
        match backend.port.number().filter(|_| !backend.addresses.is_empty()) {
            Some(port) => drop(written.insert(service, (port, component.span))),
            None => wanted.push((service, &backend.port, component.backend_span)),
        }
    }
    for (_, tiers) in tiers() {
        let edge = &tiers.edge.service;
        let beside = tiers.service_namespace().unwrap_or(home.as_str());
        controllers.insert((beside, edge.value.as_str()), edge.span);
        if let Some(second) = tiers.routing.as_ref().and_then(|tier| tier.behind.as_ref()) {
            controllers.insert((home.as_str(), second.name.value.as_str()), second.name.span);
        }
        if let Some(fallback) = &tiers.fallback {
            let service = (fallback.namespace(home).as_str(), fallback.service().as_str());
            match &fallback.target {
                FallbackTarget::Machines(..) => {
                    written.insert(service, (Fallback::PORT, fallback.name.span));
                }
                FallbackTarget::Service { port, .. } => {
                    wanted.push((service, &port.value, port.span));
                }
            }
        }
    }
    for (service, port, at) in wanted {
        let Some((own, writer)) = written.get(&service) else { continue };
        let has = match port {
            BackendPort::Number(number) => number == own,
            BackendPort::Name(name) => *name == PortName::http(),
        };
        if !has {
            let (namespace, name) = service;
            report.push(
                Diagnostic::new(
                    &codes::UNKNOWN_NAME,
                    at,
                    format!("Service {namespace}/{name} has no port {port}"),
                    "no such port",
                )
                .also(*writer, "lbgen writes the Service for this")
                .help(format!("write {own}")),
            );
        }
    }
    for (_, tiers) in tiers() {
        let Some(fallback) = &tiers.fallback else { continue };
        let service = (fallback.namespace(home).as_str(), fallback.service().as_str());
        let FallbackTarget::Service { .. } = fallback.target else { continue };
        if let Some(controller) = controllers.get(&service) {
            report.push(
                Diagnostic::new(
                    &codes::WORD,
                    fallback.name.span,
                    format!("the fallback leads back to the controller `{}`", fallback.service()),
                    "requests would go in circles",
                )
                .also(*controller, "of this tier")
                .help("name the Service of what is to answer"),
            );
        }
    }
}
