//! Forms that still work in the stated version, and will stop to.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{
    Component, Datacenter, EndpointsForm, Entrypoint, FallbackTarget, KubeProxy, VipsForm,
};
use crate::route::RoutingTable;

/// KEP-5495: deprecated in 1.35, off by default planned for 1.40, removal for 1.43.
const IPVS: Code = code!(Warning "LB310", "kube-proxy's ipvs mode is deprecated");
/// Deprecated in 1.33.
const ENDPOINTS: Code = code!(Warning "LB311", "v1 Endpoints are deprecated");
/// KEP-5707: deprecated in 1.36, off by default planned for 1.40, removal for 1.43.
const EXTERNAL_IPS: Code = code!(Warning "LB312", "spec.externalIPs of a Service is deprecated");

/// The codes of this family.
pub const CODES: &[&Code] = &[&IPVS, &ENDPOINTS, &EXTERNAL_IPS];

/// Reports deprecated forms.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let kubernetes = &datacenter.kubernetes;
    let Some(stated) = kubernetes.version_span else { return };
    let version = kubernetes.version;
    if let (KubeProxy::Ipvs, Some(span), true) =
        (kubernetes.kube_proxy, kubernetes.kube_proxy_span, version.at_least(35))
    {
        report.push(
            Diagnostic::new(
                &IPVS,
                span,
                format!("ipvs mode is deprecated in Kubernetes {version}"),
                "to be off by default in 1.40, gone in 1.43",
            )
            .help("plan the change to `nftables`; lbgen then writes the marks that replies need"),
        );
    }
    let has_machines = |found: &Component| {
        found.backend.as_ref().is_some_and(|backend| !backend.addresses.is_empty())
    };
    let is_outside = datacenter
        .entrypoints
        .values()
        .filter_map(Entrypoint::fallback)
        .any(|fallback| matches!(fallback.target, FallbackTarget::Machines(..)))
        || datacenter.components.values().any(has_machines);
    if is_outside && kubernetes.endpoints == EndpointsForm::Endpoints && version.at_least(33) {
        report.push(
            Diagnostic::new(&ENDPOINTS, stated, format!("v1 Endpoints are deprecated in Kubernetes {version}"), "`endpoints: endpoints` with this version")
                .note("a future release may not copy them to EndpointSlices, which would leave machines outside of the cluster without requests")
                .help("remove `endpoints`, or write `endpoints: endpointslice`"),
        );
    }
    let external = kubernetes.vips == VipsForm::ExternalIps;
    if !datacenter.vips.is_empty() && external && version.at_least(36) {
        let title = match version.at_least(40) {
            true => format!(
                "kube-proxy of Kubernetes {version} ignores `spec.externalIPs` unless told otherwise"
            ),
            false => format!(
                "`spec.externalIPs`, which lbgen uses for VIPs, is deprecated in Kubernetes {version}"
            ),
        };
        report.push(
            Diagnostic::new(&EXTERNAL_IPS, stated, title, "`spec.externalIPs` of the edge Services")
                .note("kube-proxy ignores externalIPs by default from 1.40 and no longer supports them from 1.43 (KEP-5707)")
                .help("write `vips: status`: a script then puts the VIPs into the status of the Services"),
        );
    }
}
