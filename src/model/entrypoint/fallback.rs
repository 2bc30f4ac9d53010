//! The fallback, which serves everything that no component claims: a legacy proxy outside of the cluster, or a Service.

use std::net::IpAddr;

use crate::diag::{Diagnostic, Report};
use crate::inventory::{codes::MISSING_KEY, raw};
use crate::language::name::{Label, PortName, ServiceName};
use crate::model::component::{BackendPort, service_port};
use crate::model::{codes, outside, value};
use crate::source::Loc;

/// The fallback of an entrypoint.
#[derive(Debug)]
pub struct Fallback {
    /// Of the catch-all Ingress or routes, and of the Service of machines.
    pub name: Loc<ServiceName>,
    /// The destination of its requests.
    pub target: FallbackTarget,
}

/// The destination of requests that no component claims.
#[derive(Debug)]
pub enum FallbackTarget {
    /// Machines outside of the cluster, and the port that they listen on: their Service is written too.
    Machines(Vec<Loc<IpAddr>>, u16),
    /// A Service that is there.
    Service {
        /// Its name.
        service: ServiceName,
        /// Its namespace, or `None` if it is that of edge Services.
        namespace: Option<Label>,
        /// Its port.
        port: Loc<BackendPort>,
    },
}

impl Fallback {
    /// The port of a Service that leads to machines.
    pub const PORT: u16 = 80;

    /// Returns the namespace of its Service and of the catch-all, in an inventory where edge Services are in `home`.
    pub fn namespace<'a>(&'a self, home: &'a Label) -> &'a Label {
        match &self.target {
            FallbackTarget::Service { namespace: Some(namespace), .. } => namespace,
            FallbackTarget::Service { .. } | FallbackTarget::Machines(..) => home,
        }
    }

    /// Returns the name of its Service.
    pub fn service(&self) -> &ServiceName {
        match &self.target {
            FallbackTarget::Machines(..) => &self.name.value,
            FallbackTarget::Service { service, .. } => service,
        }
    }

    /// Returns the port of its Service, as an Ingress says it.
    pub fn port(&self) -> BackendPort {
        match &self.target {
            FallbackTarget::Machines(..) => BackendPort::Name(PortName::http()),
            FallbackTarget::Service { port, .. } => port.value.clone(),
        }
    }

    /// Returns the port where requests are answered: of machines the one that they listen on.
    pub fn answering_port(&self) -> BackendPort {
        match &self.target {
            FallbackTarget::Machines(_, port) => BackendPort::Number(*port),
            FallbackTarget::Service { port, .. } => port.value.clone(),
        }
    }

    /// Returns the number of its Service's port, or `None` where only the cluster knows it.
    pub fn port_number(&self) -> Option<u16> {
        match &self.target {
            FallbackTarget::Machines(..) => Some(Self::PORT),
            FallbackTarget::Service { port, .. } => port.value.number(),
        }
    }
}

pub(super) fn build(raw: &raw::Fallback, report: &mut Report) -> Option<Fallback> {
    let port = raw.port.as_ref().and_then(|raw| service_port(raw, report));
    if let Some(service) = &raw.service {
        if let Some(list) = &raw.addresses {
            report.push(
                Diagnostic::new(
                    &codes::WORD,
                    list.span,
                    "`addresses` and `service` exclude each other",
                    "machines outside of the cluster",
                )
                .also(service.span, "a Service of the cluster")
                .help("remove one of them"),
            );
        }
        let name = value::name_of(service, "a Service's name", report);
        let namespace = raw.namespace.as_ref();
        let namespace = namespace.map(|raw| value::name_of(raw, "a namespace", report));
        let own = raw.name.as_ref();
        let own = own.map(|raw| Some(raw.with(value::name_of(raw, "a fallback's name", report)?)));
        let name = name?;
        let target = FallbackTarget::Service {
            service: name.clone(),
            namespace: namespace.map_or(Some(None), |namespace| namespace.map(Some))?,
            port: port?,
        };
        let name = own.unwrap_or_else(|| Some(service.with(name)))?;
        return Some(Fallback { name, target });
    }
    let is_given = |key: &str| raw.given.contains(&key);
    if is_given("service") {
        return None;
    }
    for key in ["name", "addresses"].into_iter().filter(|key| !is_given(key)) {
        let title = format!("`fallback` lacks the required key `{key}`");
        report.push(
            Diagnostic::new(&MISSING_KEY, raw.span, title, format!("add `{key}:` here"))
                .help("a fallback is machines, `{ name: ..., addresses: [...], port: ... }`, or a Service that is there, `{ service: ..., port: ... }`"),
        );
    }
    if let (Some(namespace), true) = (&raw.namespace, is_given("addresses")) {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                namespace.span,
                "`namespace` does nothing beside `addresses`",
                "for a `service` of the cluster",
            )
            .note("the Service of machines stands in `kubernetes.namespace`")
            .help("remove it"),
        );
    }
    let name = raw.name.as_ref();
    let name =
        name.and_then(|raw| Some(raw.with(value::name_of(raw, "a fallback's name", report)?)));
    let addresses = raw.addresses.as_ref().and_then(|list| {
        let empty = "list what serves the fallback, or remove `fallback`";
        let addresses = outside::addresses(list, "a fallback's address", empty, report);
        let port = outside::port(port.as_ref()?, list.span, report);
        Some((addresses?, port?))
    });
    let (addresses, port) = addresses?;
    Some(Fallback { name: name?, target: FallbackTarget::Machines(addresses, port) })
}
