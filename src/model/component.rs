//! Components: the targets of requests, behind the routing tier.

use std::fmt;
use std::net::IpAddr;

use super::condition::Condition;
use super::entrypoint::tiers_of;
use super::entrypoint::{Annotations, Entrypoint, annotations, is_canary};
use super::{Names, codes, outside, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw::Either;
use crate::inventory::{Text, raw, whole_number};
use crate::language::form::ServicePort;
use crate::language::name::{Host, Label, Name, PortName, ServiceName, UrlPath};
use crate::language::number::{Number, Port};
use crate::language::word::{ComponentState, PathType};
use crate::source::{Loc, Span};

/// A component that teams own.
#[derive(Debug)]
pub struct Component {
    /// The place of the component's name.
    pub span: Span,
    /// The entrypoint that it is reached by.
    pub entrypoint: Label,
    /// The backend, or `None` while the component is legacy and the fallback serves it.
    pub backend: Option<Backend>,
    /// The place of the backend's port, or of the component's name if no port is written.
    pub backend_span: Span,
    /// The namespace of its Ingress and its routes.
    pub namespace: Label,
    /// The paths that it claims; not empty.
    pub paths: Vec<Path>,
    /// The hosts that it claims them on; empty is any.
    pub hosts: Vec<Loc<Host>>,
    /// Of its Ingress, beside those of the entrypoint.
    pub annotations: Annotations,
}

impl Component {
    /// Returns true if it takes a part of another component's requests, on the same hosts and paths (ingress-nginx).
    pub fn is_canary(&self) -> bool {
        is_canary(&self.annotations)
    }

    /// Returns its namespace, Service and port, or `None` without a backend: ingress-nginx keeps one upstream for each.
    pub fn upstream(&self) -> Option<(&Label, &ServiceName, &BackendPort)> {
        let backend = self.backend.as_ref()?;
        Some((&self.namespace, &backend.service, &backend.port))
    }
}

/// A path that a component claims.
#[derive(Debug, Clone)]
pub struct Path {
    /// As written.
    pub path: Loc<UrlPath>,
    /// The way it is compared.
    pub kind: PathType,
    /// The conditions of requests for it, beside the path.
    pub condition: Condition,
}

impl Path {
    /// Every request for a path.
    pub fn new(path: Loc<UrlPath>, kind: PathType) -> Self {
        Self { path, kind, condition: Condition::default() }
    }

    /// Every path, claimed at `span`.
    pub fn everything(span: Span) -> Self {
        Self::new(Loc { value: UrlPath::root(), span }, PathType::Prefix)
    }

    /// The same for two paths that claim the same requests.
    pub fn claim(&self) -> (&str, PathType, &Condition) {
        let path = self.path.value.as_str();
        let path = match self.kind {
            PathType::Prefix => path.trim_end_matches('/'),
            PathType::Exact | PathType::ImplementationSpecific => path,
        };
        (path, self.kind, &self.condition)
    }
}

/// The Service and port that serve a component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// The Service, in the component's namespace.
    pub service: ServiceName,
    /// Its port.
    pub port: BackendPort,
    /// The machines outside of the cluster that listen on that port; empty where the Service is there already.
    pub addresses: Vec<Loc<IpAddr>>,
}

/// A port of a Service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackendPort {
    /// By name.
    Name(PortName),
    /// By number.
    Number(u16),
}

impl BackendPort {
    /// Returns the number, or `None` where the Service knows it by a name.
    pub fn number(&self) -> Option<u16> {
        match self {
            Self::Name(_) => None,
            Self::Number(number) => Some(*number),
        }
    }
}

impl fmt::Display for BackendPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => name.fmt(f),
            Self::Number(number) => number.fmt(f),
        }
    }
}

pub(super) fn build(
    raw: &raw::Inventory,
    entrypoints: &Names<Label, Entrypoint>,
    default_namespace: Option<&Label>,
    report: &mut Report,
) -> Names<Label, Component> {
    let given = raw.given.contains(&"components");
    Names::build(
        given,
        raw.components.as_ref(),
        "a component's name",
        report,
        |name, _: Option<&Label>, raw: &raw::Component, report| {
            let what = format!("`{name}`");
            let entrypoint =
                tiers_of(raw.entrypoint.as_ref(), &what, raw.span, entrypoints, report);
            let legacy = raw.state.as_ref().map_or(Some(false), |raw| {
                Some(value::word(raw, "state", report)? == ComponentState::Legacy)
            });
            let namespace = match &raw.namespace {
                Some(raw) => value::name_of(raw, "a namespace", report),
                None => default_namespace.cloned(),
            };
            let backend = raw.backend.as_ref().map(|raw| backend(name, raw, report));
            if !raw.given.contains(&"backend") && legacy == Some(false) {
                let title = format!("`{name}` lacks the required key `backend`");
                report.push(
                    Diagnostic::new(
                        &crate::inventory::codes::MISSING_KEY,
                        raw.span,
                        title,
                        "add `backend:` here",
                    )
                    .help("a component that the fallback still serves has `state: legacy`"),
                );
            }
            let paths = raw.paths.as_ref().map(|list| {
                value::refuse_empty(list, "paths", "write `/` for every path of the hosts", report);
                list.value.iter().filter_map(|raw| path(raw, report)).collect::<Vec<_>>()
            });
            if let Some(hosts) = &raw.hosts {
                value::refuse_repeats(hosts, "hosts", report);
            }
            let mut hosts: Vec<Loc<Host>> = raw
                .hosts
                .iter()
                .flat_map(|hosts| hosts.iter())
                .filter_map(|raw| Some(raw.with(value::name_of(raw, "a host", report)?)))
                .collect();
            hosts.sort();
            hosts.dedup();
            let annotations = annotations(raw.annotations.as_ref(), report);
            let legacy = legacy?;
            if legacy {
                require_fallback(raw, name, entrypoint.as_ref(), entrypoints, report);
            }
            Some(Component {
                span: raw.span,
                entrypoint: entrypoint?,
                backend_span: raw
                    .backend
                    .as_ref()
                    .and_then(|backend| backend.port.as_ref())
                    .map_or(raw.span, |port| port.span),
                backend: if legacy { None } else { Some(backend??) },
                namespace: namespace?,
                paths: paths?,
                hosts,
                annotations,
            })
        },
    )
}

fn require_fallback(
    raw: &raw::Component,
    name: &str,
    entrypoint: Option<&Label>,
    entrypoints: &Names<Label, Entrypoint>,
    report: &mut Report,
) {
    let Some((entrypoint, found)) = entrypoint.and_then(|name| entrypoints.find(name.as_str()))
    else {
        return;
    };
    if found.fallback().is_none() {
        let state = raw.state.as_ref().map_or(raw.span, |state| state.span);
        report.push(
            Diagnostic::new(
                &codes::NO_FALLBACK,
                state,
                format!("nothing serves the legacy component `{name}`"),
                "served by the fallback",
            )
            .also(found.span, format!("`{entrypoint}` has no `fallback`"))
            .help("add `fallback: { name: ..., addresses: [...], port: ... }` or `fallback: { service: ..., port: ... }` to the entrypoint, or migrate the component"),
        );
    }
}

fn backend(component: &str, raw: &raw::Backend, report: &mut Report) -> Option<Backend> {
    let service = match &raw.service {
        Some(raw) => value::name_of(raw, "a Service's name", report),
        // A component whose name is none was reported as such.
        None => {
            Label::parse(component)?;
            value::name(component, raw.span, "a Service's name", report)
        }
    };
    let port = raw.port.as_ref().and_then(|raw| service_port(raw, report));
    let addresses = raw.addresses.as_ref().map(|list| {
        if let Some(port) = &port {
            outside::port(port, list.span, report)?;
        }
        let empty = "list the machines, or remove `addresses` where the Service is there already";
        outside::addresses(list, "a backend's address", empty, report)
    });
    let addresses = addresses.unwrap_or_else(|| Some(Vec::new()));
    Some(Backend { service: service?, port: port?.value, addresses: addresses? })
}

/// A port of a Service, as it is written: digits are a number.
pub(super) fn service_port(
    raw: &Loc<Text<ServicePort>>,
    report: &mut Report,
) -> Option<Loc<BackendPort>> {
    let written: &Text<ServicePort> = &raw.value;
    let port = if written.text.bytes().all(|byte| byte.is_ascii_digit()) {
        let Some(number) = whole_number(&written.text) else {
            let title = format!("`port` cannot be {}", written.text);
            let wrong = Diagnostic::new(&codes::RANGE, raw.span, title, "1 to 65535");
            report.push(match written.text.starts_with('0') {
                true => wrong.help("remove the leading zero: some YAML readers read it as octal"),
                false => wrong,
            });
            return None;
        };
        let number: Loc<Port> = raw.with(Number(number));
        value::number(&number, "port", report).map(|port| BackendPort::Number(port.value))
    } else {
        value::name(&written.text, raw.span, "a port's name", report).map(BackendPort::Name)
    };
    port.map(|port| raw.with(port))
}

fn path(raw: &raw::Path, report: &mut Report) -> Option<Path> {
    let (path, kind, condition) = match raw {
        Either::Short(path) => (path, Some(PathType::Prefix), Some(Condition::default())),
        Either::Long(long) => {
            let kind = long
                .r#type
                .as_ref()
                .map_or(Some(PathType::Prefix), |raw| value::word(raw, "type", report));
            let condition = long.r#match.as_ref();
            let condition =
                condition.map_or(Some(Condition::default()), |raw| Condition::build(raw, report));
            (long.path.as_ref()?, kind, condition)
        }
    };
    let parsed = value::name_of(path, "a path", report)?;
    Some(Path { path: path.with(parsed), kind: kind?, condition: condition? })
}
