//! The cluster that the manifests are for.

use std::fmt;

use super::codes;
use super::name::Label;
use super::value;
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::source::{Loc, Span};

/// A Kubernetes version 1.x, 1.22 to 1.37.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct KubernetesVersion(u8);

impl KubernetesVersion {
    /// What is written where the inventory does not say: its forms are accepted by every later version too.
    const DEFAULT: Self = Self(32);
    const OLDEST: u8 = 22;
    const NEWEST: u8 = 37;

    /// Whether this is 1.`minor` or later.
    pub fn at_least(self, minor: u8) -> bool {
        self.0 >= minor
    }
}

impl fmt::Display for KubernetesVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

/// How kube-proxy carries packets, and so whether replies need marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KubeProxy {
    /// Routes again after the translation: no marks.
    Ipvs,
    /// Replies are routed before they get the VIP back.
    Iptables,
    /// The same.
    Nftables,
}

impl KubeProxy {
    /// Whether replies of DNATed connections have to be marked to find their gateway.
    pub fn needs_marks(self) -> bool {
        self != KubeProxy::Ipvs
    }
}

/// How an Ingress names its class; never both ways.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClassForm {
    /// `spec.ingressClassName`
    Field,
    /// The annotation `kubernetes.io/ingress.class`.
    Annotation,
}

/// How a fallback's addresses are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndpointsForm {
    /// v1 Endpoints, deprecated from 1.33.
    Endpoints,
    /// discovery.k8s.io/v1 EndpointSlice, one per family.
    Slices,
    /// Both, the Endpoints not mirrored.
    Both,
}

/// `kubernetes:`
#[derive(Debug)]
pub struct Kubernetes {
    /// Which version's forms are written.
    pub version: KubernetesVersion,
    /// Where the version is written, where it is.
    pub version_span: Option<Span>,
    /// Home of Services, edge Ingresses and fallbacks.
    pub namespace: Label,
    /// kube-proxy's mode.
    pub kube_proxy: KubeProxy,
    /// Where the mode is written, where it is.
    pub kube_proxy_span: Option<Span>,
    /// How Ingresses name their class.
    pub ingress_class: ClassForm,
    /// How fallbacks are written; `auto` is resolved.
    pub endpoints: EndpointsForm,
}

pub(super) fn build(raw: Option<&raw::Kubernetes>, report: &mut Report) -> Option<Kubernetes> {
    let version = match raw.and_then(|raw| raw.version.as_ref()) {
        Some(raw) => version(raw, report),
        None => Some(KubernetesVersion::DEFAULT),
    };
    let namespace = match raw.and_then(|raw| raw.namespace.as_ref()) {
        Some(raw) => value::name_of(raw, "a namespace", report),
        None => super::name::Name::parse("ingress"),
    };
    let kube_proxy_raw = raw.and_then(|raw| raw.kube_proxy.as_ref());
    let kube_proxy = kube_proxy_raw.map_or(Some(KubeProxy::Iptables), |raw| {
        let modes = [
            ("ipvs", KubeProxy::Ipvs),
            ("iptables", KubeProxy::Iptables),
            ("nftables", KubeProxy::Nftables),
        ];
        value::word(raw, "kube_proxy", &modes, report)
    });
    if let (Some(raw), Some(KubeProxy::Nftables)) = (kube_proxy_raw, kube_proxy)
        && let Some(version) = version
        && !version.at_least(29)
    {
        report.push(unsupported(raw, "`kube_proxy: nftables`", "1.29", version));
    }
    let ingress_class =
        raw.and_then(|raw| raw.ingress_class.as_ref()).map_or(Some(ClassForm::Field), |raw| {
            value::word(
                raw,
                "ingress_class",
                &[("field", ClassForm::Field), ("annotation", ClassForm::Annotation)],
                report,
            )
        });
    let auto = match version {
        Some(version) if version.at_least(33) => EndpointsForm::Slices,
        _ => EndpointsForm::Endpoints,
    };
    let endpoints = raw.and_then(|raw| raw.endpoints.as_ref()).map_or(Some(auto), |raw| {
        let forms = [
            ("auto", auto),
            ("endpoints", EndpointsForm::Endpoints),
            ("endpointslice", EndpointsForm::Slices),
            ("both", EndpointsForm::Both),
        ];
        value::word(raw, "endpoints", &forms, report)
    });
    Some(Kubernetes {
        version: version?,
        version_span: raw.and_then(|raw| raw.version.as_ref()).map(|raw| raw.span),
        namespace: namespace?,
        kube_proxy: kube_proxy?,
        kube_proxy_span: kube_proxy_raw.map(|raw| raw.span),
        ingress_class: ingress_class?,
        endpoints: endpoints?,
    })
}

fn unsupported(
    raw: &Loc<String>,
    what: &str,
    since: &str,
    stated: impl fmt::Display,
) -> Diagnostic {
    Diagnostic::new(
        &codes::VERSION,
        raw.span,
        format!("{what} does not exist in Kubernetes {stated}"),
        format!("exists from {since}"),
    )
}

fn version(raw: &Loc<String>, report: &mut Report) -> Option<KubernetesVersion> {
    let (oldest, newest) = (KubernetesVersion::OLDEST, KubernetesVersion::NEWEST);
    let text = raw.value.strip_prefix('v').unwrap_or(&raw.value);
    let parsed = text
        .strip_prefix("1.")
        .and_then(crate::inventory::whole_number)
        .and_then(|minor| u8::try_from(minor).ok())
        .filter(|minor| (oldest..=newest).contains(minor));
    if parsed.is_none() {
        report.push(
            Diagnostic::new(
                &codes::FORM,
                raw.span,
                format!("`{}` is no Kubernetes version that lbgen writes for", raw.value),
                format!("1.{oldest} to 1.{newest}"),
            )
            .help("write the minor version in quotes, for example `\"1.31\"`"),
        );
    }
    parsed.map(KubernetesVersion)
}
