//! The data of a datacenter's page.

use std::net::IpAddr;

use serde::Serialize;

use super::change::Change;
use super::holder::{GroupData, NodeData, VipData};
use super::known::Known;
use super::route::{EntrypointData, entrypoints};
use super::served::{ComponentData, DomainData};
use crate::diag::{Diagnostic, Report, count};
use crate::emit::BundleFile;
use crate::pipeline::Planned;
use crate::plan::Alert;
use crate::source::Sources;
use crate::view::natural;

/// A datacenter.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The name of the datacenter.
    pub datacenter: String,
    /// The inventory's file.
    pub source: String,
    /// The commit that it was made from, in words; empty where nobody asked for it.
    #[serde(skip)]
    pub commit: String,
    /// The versions that the cluster and the nodes run.
    #[serde(skip)]
    pub versions: String,
    findings: Vec<FindingRow>,
    gateways: Vec<GatewayData>,
    nodes: Vec<NodeData>,
    groups: Vec<GroupData>,
    entrypoints: Vec<EntrypointData>,
    vips: Vec<VipData>,
    domains: Vec<DomainData>,
    components: Vec<ComponentData>,
    /// The alerts of the rules; none without `monitoring`.
    pub alerts: Vec<AlertRow>,
    /// The effects of a change, or `None` if none was asked for.
    pub change: Option<Change>,
}

/// A finding of `check`.
#[derive(Debug, Serialize)]
struct FindingRow {
    code: &'static str,
    severity: &'static str,
    title: String,
    at: String,
}

impl FindingRow {
    fn of(found: &Diagnostic, known: &Known<'_>) -> Self {
        Self {
            code: found.code.id,
            severity: found.code.severity.word(),
            title: found.title.clone(),
            at: known.at(found.span()),
        }
    }
}

/// An alert of the rules.
#[derive(Debug, Serialize)]
pub struct AlertRow {
    name: &'static str,
    severity: &'static str,
    after: Option<String>,
    description: String,
    next: &'static str,
}

impl AlertRow {
    fn of(alert: &Alert) -> Self {
        Self {
            name: alert.name,
            severity: alert.severity.word(),
            after: alert.time(),
            // A label of Prometheus' templates.
            description: alert.description.replace("{{ $labels.", "<").replace(" }}", ">"),
            next: alert.next,
        }
    }
}

#[derive(Debug, Serialize)]
struct GatewayData {
    name: String,
    address: IpAddr,
    network: String,
}

impl Page {
    /// Builds the page of a datacenter; `files` are those of its bundle.
    pub fn of(planned: &Planned, files: &[BundleFile], report: &Report, sources: &Sources) -> Self {
        let Planned { datacenter, plan, .. } = planned;
        let known = Known::of(planned, files, sources);
        let gateways = datacenter.gateways.iter().map(|(name, gateway)| GatewayData {
            name: name.to_string(),
            address: gateway.address.value,
            network: gateway.network.value.to_string(),
        });
        let mut domains: Vec<_> = datacenter.domains.iter().collect();
        domains.sort_by(|(a, _), (b, _)| natural(a.as_str(), b.as_str()));
        let mut components: Vec<_> = datacenter.components.iter().collect();
        components.sort_by(|(a, _), (b, _)| natural(a.as_str(), b.as_str()));
        Self {
            datacenter: datacenter.name.to_string(),
            source: datacenter.source.clone(),
            commit: String::new(),
            versions: format!(
                "Kubernetes {}, kube-proxy {}, keepalived {}",
                datacenter.kubernetes.version,
                datacenter.kubernetes.kube_proxy,
                datacenter.keepalived.version
            ),
            findings: report.iter().map(|found| FindingRow::of(found, &known)).collect(),
            gateways: gateways.collect(),
            nodes: plan.nodes.iter().map(|node| NodeData::of(node, &known)).collect(),
            groups: GroupData::all(&known),
            entrypoints: entrypoints(&known),
            vips: plan.vips.iter().map(|vip| VipData::of(vip, &known)).collect(),
            domains: domains
                .into_iter()
                .map(|(host, found)| DomainData::of(host, found, &known))
                .collect(),
            components: components
                .into_iter()
                .map(|(name, found)| ComponentData::of(name, found, &known))
                .collect(),
            alerts: plan
                .monitoring
                .iter()
                .flat_map(|found| &found.alerts)
                .filter(|alert| !alert.during_rollout)
                .map(AlertRow::of)
                .collect(),
            change: None,
        }
    }

    /// Returns the counts of its nodes, VIPs and so on, in a line.
    pub fn counts(&self) -> String {
        let counted = [
            (self.nodes.len(), "node"),
            (self.vips.len(), "VIP"),
            (self.domains.len(), "domain"),
            (self.components.len(), "component"),
            (self.findings.len(), "finding"),
        ];
        counted.map(|(number, noun)| count(number, noun)).join(", ")
    }
}
