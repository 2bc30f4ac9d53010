//! The cluster that the manifests are for.

use std::fmt;

use ipnet::IpNet;

use super::{codes, pod_network, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Text, raw};
use crate::language::name::{Label, Name};
use crate::language::version::KubernetesVersion;
use crate::language::word::{ClassForm, EndpointsChoice, KubeProxy, VipsForm};
use crate::source::{Loc, Span};

/// The way a fallback's addresses are written.
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
    /// The version whose forms are written.
    pub version: KubernetesVersion,
    /// The place of the version, or `None` if it is not written.
    pub version_span: Option<Span>,
    /// Home of Services, edge Ingresses and fallbacks.
    pub namespace: Label,
    /// kube-proxy's mode.
    pub kube_proxy: KubeProxy,
    /// The place of the mode, or `None` if it is not written.
    pub kube_proxy_span: Option<Span>,
    /// The way Ingresses name their class.
    pub ingress_class: ClassForm,
    /// The way the cluster learns the VIPs.
    pub vips: VipsForm,
    /// The networks of the cluster's pods.
    pub pod_networks: Vec<Loc<IpNet>>,
    /// The way fallbacks are written; `auto` is resolved.
    pub endpoints: EndpointsForm,
}

pub(super) fn build(raw: Option<&raw::Kubernetes>, report: &mut Report) -> Option<Kubernetes> {
    let version = match raw.and_then(|raw| raw.version.as_ref()) {
        Some(raw) => version(raw, report),
        None => Some(KubernetesVersion::DEFAULT),
    };
    let namespace = match raw.and_then(|raw| raw.namespace.as_ref()) {
        Some(raw) => value::name_of(raw, "a namespace", report),
        None => Name::parse("ingress"),
    };
    let kube_proxy_raw = raw.and_then(|raw| raw.kube_proxy.as_ref());
    let kube_proxy = kube_proxy_raw
        .map_or(Some(KubeProxy::Iptables), |raw| value::word(raw, "kube_proxy", report));
    if let (Some(raw), Some(KubeProxy::Nftables)) = (kube_proxy_raw, kube_proxy)
        && let Some(version) = version
        && !version.at_least(29)
    {
        report.push(unsupported(raw, "`kube_proxy: nftables`", "1.29", version));
    }
    let ingress_class = raw
        .and_then(|raw| raw.ingress_class.as_ref())
        .map_or(Some(ClassForm::Field), |raw| value::word(raw, "ingress_class", report));
    let auto = match version {
        Some(version) if version.at_least(33) => EndpointsForm::Slices,
        _ => EndpointsForm::Endpoints,
    };
    let endpoints = raw.and_then(|raw| raw.endpoints.as_ref()).map_or(Some(auto), |raw| {
        Some(match value::word(raw, "endpoints", report)? {
            EndpointsChoice::Auto => auto,
            EndpointsChoice::Endpoints => EndpointsForm::Endpoints,
            EndpointsChoice::Slices => EndpointsForm::Slices,
            EndpointsChoice::Both => EndpointsForm::Both,
        })
    });
    let vips = raw
        .and_then(|raw| raw.vips.as_ref())
        .map_or(Some(VipsForm::ExternalIps), |raw| value::word(raw, "vips", report));
    let pod_networks = raw.and_then(|raw| raw.pod_networks.as_ref());
    Some(Kubernetes {
        version: version?,
        version_span: raw.and_then(|raw| raw.version.as_ref()).map(|raw| raw.span),
        namespace: namespace?,
        kube_proxy: kube_proxy?,
        kube_proxy_span: kube_proxy_raw.map(|raw| raw.span),
        ingress_class: ingress_class?,
        vips: vips?,
        pod_networks: pod_networks.map(|raw| pod_network::build(raw, report)).unwrap_or_default(),
        endpoints: endpoints?,
    })
}

fn unsupported<T>(raw: &Loc<T>, what: &str, since: &str, stated: impl fmt::Display) -> Diagnostic {
    Diagnostic::new(
        &codes::VERSION,
        raw.span,
        format!("{what} does not exist in Kubernetes {stated}"),
        format!("exists from {since}"),
    )
}

fn version(raw: &Loc<Text<KubernetesVersion>>, report: &mut Report) -> Option<KubernetesVersion> {
    let (oldest, newest) = (KubernetesVersion::OLDEST, KubernetesVersion::NEWEST);
    let written = raw.value.text.as_str();
    let text = written.strip_prefix('v').unwrap_or(written);
    let parsed = text
        .strip_prefix("1.")
        .and_then(crate::inventory::whole_number)
        .and_then(|minor| u8::try_from(minor).ok())
        .and_then(KubernetesVersion::new);
    if parsed.is_none() {
        let unknown = Diagnostic::new(
            &codes::FORM,
            raw.span,
            format!("lbgen does not write for Kubernetes `{written}`"),
            format!("1.{oldest} to 1.{newest}"),
        );
        let is_minor = text.starts_with("1.") && text.matches('.').count() == 1;
        report.push(match is_minor {
            true => unknown,
            false => unknown.help("write the minor version in quotes, for example `\"1.31\"`"),
        });
    }
    parsed
}
