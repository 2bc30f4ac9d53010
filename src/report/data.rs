//! What a page knows: the plan, the elections' ingredients, the routes, and where each thing is written.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use serde::Serialize;

use super::route::{EntrypointData, entrypoints};
use crate::diag::{Diagnostic, Report};
use crate::emit::BundleFile;
use crate::impact::Impact;
use crate::model::{BackendPort, Entry, Preempt, Subdomain};
use crate::pipeline::Planned;
use crate::plan::Unhealthy;
use crate::rollout::Rollout;
use crate::source::{Sources, Span};
use crate::view::seconds;

/// A datacenter.
#[derive(Debug, Serialize)]
pub struct Page {
    /// Its name.
    pub datacenter: String,
    /// The inventory's file.
    pub source: String,
    /// What the cluster and the nodes run.
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
    /// What a change does, where one was asked for.
    pub change: Option<Change>,
}

/// What `check` found.
#[derive(Debug, Serialize)]
struct FindingRow {
    code: &'static str,
    severity: &'static str,
    title: String,
    at: String,
}

impl FindingRow {
    fn of(found: &Diagnostic, places: &Places<'_>) -> Self {
        Self {
            code: found.code.id,
            severity: found.code.severity.word(),
            title: found.title.clone(),
            at: places.at(found.span()),
        }
    }
}

/// A change.
#[derive(Debug, Serialize)]
pub struct Change {
    /// In one line.
    pub verdict: String,
    /// Worst first.
    pub findings: Vec<ChangeRow>,
    /// Titles of the rollout's steps.
    pub steps: Vec<String>,
}

/// One thing that a change does.
#[derive(Debug, Serialize)]
pub struct ChangeRow {
    /// How bad it is.
    pub class: &'static str,
    /// To what.
    pub on: String,
    /// The MASTER or who answered before,
    pub from: String,
    /// and after.
    pub to: String,
    /// Seconds.
    pub silent: String,
    /// In words.
    pub why: String,
}

impl Change {
    /// What the impact and the rollout say.
    pub fn of(impact: &Impact, rollout: &Rollout) -> Self {
        let findings = impact.findings.iter().map(|found| ChangeRow {
            class: found.class.word(),
            on: found.subject.to_string(),
            from: found.from.clone().unwrap_or_default(),
            to: found.to.clone().unwrap_or_default(),
            silent: found.silent.map_or(String::new(), |time| format!("{:.2} s", seconds(time))),
            why: found.reason.clone(),
        });
        let steps = rollout.steps.iter().map(|step| {
            let moves: Vec<String> = step.moves.iter().map(|moved| moved.line()).collect();
            match moves.is_empty() {
                true => step.title.clone(),
                false => format!("{} ({})", step.title, moves.join("; ")),
            }
        });
        Self { verdict: impact.verdict(), findings: findings.collect(), steps: steps.collect() }
    }
}

#[derive(Debug, Serialize)]
struct GatewayData {
    name: String,
    address: IpAddr,
    network: String,
}

#[derive(Debug, Serialize)]
struct NodeData {
    name: String,
    zone: Option<String>,
    weight: u32,
    /// `active`, `draining` or `maintenance`, as the inventory says.
    written: &'static str,
    /// What it holds VIPs of, and whether their health is tracked there.
    entrypoints: Vec<(usize, bool)>,
}

/// VIPs that share nodes.
#[derive(Debug, Serialize)]
struct GroupData {
    vips: usize,
    nodes: Vec<usize>,
}

#[derive(Debug, Serialize)]
struct VipData {
    address: IpAddr,
    /// Addresses that come with it.
    extra: Vec<IpAddr>,
    entrypoint: usize,
    vrid: u8,
    table: String,
    mark: String,
    /// Nodes and priorities, the MASTER first.
    order: Vec<(usize, u8)>,
    /// By falling address of the node.
    candidates: Vec<Candidate>,
    files: Vec<String>,
    at: String,
}

/// An instance of a VIP.
#[derive(Debug, Serialize)]
struct Candidate {
    node: usize,
    priority: u8,
    /// What it loses while unhealthy; -1 is FAULT, `None` where nothing is tracked.
    lost: Option<i16>,
    /// Seconds that a holder keeps the VIP which only lost priority.
    delay: u64,
}

#[derive(Debug, Serialize)]
struct DomainData {
    host: String,
    entrypoint: usize,
    secret: Option<String>,
    file: String,
    at: String,
}

#[derive(Debug, Serialize)]
struct ComponentData {
    name: String,
    entrypoint: usize,
    backend: String,
    paths: Vec<String>,
    hosts: Vec<String>,
    file: String,
    at: String,
}

impl Page {
    /// What is known of a datacenter; `files` are those of its bundle.
    pub fn of(planned: &Planned, files: &[BundleFile], report: &Report, sources: &Sources) -> Self {
        let Planned { datacenter, plan, .. } = planned;
        let places = Places::of(datacenter.span, sources);
        let at = |span: Span| places.at(span);
        let mut by_entry: BTreeMap<&Entry, Vec<&str>> = BTreeMap::new();
        for file in files {
            for entry in &file.from {
                by_entry.entry(entry).or_default().push(&file.path);
            }
        }
        let file_of = |entry: &Entry| {
            let found = by_entry.get(entry).and_then(|files| files.first());
            found.map_or(String::new(), |file| (*file).to_owned())
        };
        let node = |name: &Subdomain| {
            plan.nodes.iter().position(|node| node.node == *name).unwrap_or_default()
        };
        let entrypoint = |name: &crate::model::Label| {
            plan.entrypoints.iter().position(|known| known == name).unwrap_or_default()
        };
        let vips = plan.vips.iter().map(|vip| {
            let mut candidates: Vec<(IpAddr, Candidate)> = Vec::new();
            for (index, node) in plan.nodes.iter().enumerate() {
                for instance in node.instances.iter().filter(|found| found.vip == vip.address) {
                    let lost = instance.track.map(|track| match track {
                        Unhealthy::Fault => -1,
                        Unhealthy::Lose(lost) => i16::from(lost),
                    });
                    let delay = match instance.preempt {
                        Preempt::After(delay) => delay.as_secs(),
                        _ => 0,
                    };
                    let priority = instance.priority;
                    let candidate = Candidate { node: index, priority, lost, delay };
                    candidates.push((instance.source, candidate));
                }
            }
            candidates.sort_by_key(|(source, _)| Reverse(*source));
            let routing = vip.numbers.routing;
            let written = datacenter.vips.iter().find(|found| found.address.value == vip.address);
            VipData {
                address: vip.address,
                extra: written
                    .into_iter()
                    .flat_map(|vip| vip.addresses().skip(1).map(|(address, _)| address))
                    .collect(),
                entrypoint: entrypoint(&vip.entrypoint),
                vrid: vip.numbers.vrid,
                table: routing.map_or(String::new(), |routing| routing.table.to_string()),
                mark: routing
                    .and_then(|routing| routing.mark)
                    .map_or(String::new(), |mark| format!("{:#x}", mark.value)),
                order: vip.order.iter().map(node).zip(vip.priorities.iter().copied()).collect(),
                candidates: candidates.into_iter().map(|(_, found)| found).collect(),
                files: [
                    "nodes/*/etc/keepalived/keepalived.conf".to_owned(),
                    file_of(&Entry::Vip(vip.address)),
                ]
                .into(),
                at: written.map_or(String::new(), |vip| at(vip.address.span)),
            }
        });
        let groups = plan.vips.iter().map(|vip| vip.group).max().map_or(0, |last| last + 1);
        let group = |index: usize| {
            let own: Vec<IpAddr> =
                plan.vips.iter().filter(|vip| vip.group == index).map(|vip| vip.address).collect();
            let members = plan.nodes.iter().enumerate().filter(|(_, node)| {
                node.instances.iter().any(|instance| own.contains(&instance.vip))
            });
            GroupData { vips: own.len(), nodes: members.map(|(index, _)| index).collect() }
        };
        let nodes = plan.nodes.iter().map(|node| {
            let mut tracked: BTreeMap<usize, bool> = BTreeMap::new();
            for instance in &node.instances {
                *tracked.entry(entrypoint(&instance.entrypoint)).or_default() |=
                    instance.track.is_some();
            }
            NodeData {
                name: node.node.to_string(),
                zone: node.zone.as_ref().map(ToString::to_string),
                weight: node.weight,
                written: datacenter.nodes.get(&node.node).map_or("active", |own| own.state.word()),
                entrypoints: tracked.into_iter().collect(),
            }
        });
        let gateways = datacenter.gateways.iter().map(|(name, gateway)| GatewayData {
            name: name.to_string(),
            address: gateway.address.value,
            network: gateway.network.value.to_string(),
        });
        let domains = datacenter.domains.iter().map(|(host, domain)| DomainData {
            host: host.to_string(),
            entrypoint: entrypoint(&domain.entrypoint),
            secret: domain.tls_secret.as_ref().map(ToString::to_string),
            file: file_of(&Entry::Domain(host.clone())),
            at: at(domain.span),
        });
        let components = datacenter.components.iter().map(|(name, component)| {
            let backend = component.backend.as_ref().map(|backend| {
                let port = match &backend.port {
                    BackendPort::Name(name) => name.to_string(),
                    BackendPort::Number(number) => number.to_string(),
                };
                format!("{}/{}:{port}", component.namespace, backend.service)
            });
            ComponentData {
                name: name.to_string(),
                entrypoint: entrypoint(&component.entrypoint),
                backend: backend.unwrap_or_else(|| "the fallback (legacy)".to_owned()),
                paths: component.paths.iter().map(|path| path.path.value.to_string()).collect(),
                hosts: component.hosts.iter().map(|host| host.value.to_string()).collect(),
                file: file_of(&Entry::Component(name.clone())),
                at: at(component.span),
            }
        });
        Self {
            datacenter: datacenter.name.to_string(),
            source: datacenter.source.clone(),
            versions: format!(
                "Kubernetes {}, kube-proxy {}, keepalived {}",
                datacenter.kubernetes.version,
                datacenter.kubernetes.kube_proxy,
                datacenter.keepalived.version
            ),
            findings: report.iter().map(|found| FindingRow::of(found, &places)).collect(),
            gateways: gateways.collect(),
            nodes: nodes.collect(),
            groups: (0..groups).map(group).collect(),
            entrypoints: entrypoints(planned, &places),
            vips: vips.collect(),
            domains: domains.collect(),
            components: components.collect(),
            change: None,
        }
    }

    /// What is in it, in a line.
    pub fn counts(&self) -> String {
        let counted = [
            (self.nodes.len(), "node"),
            (self.vips.len(), "VIP"),
            (self.domains.len(), "domain"),
            (self.components.len(), "component"),
            (self.findings.len(), "finding"),
        ];
        let words = counted
            .map(|(count, noun)| format!("{count} {noun}{}", if count == 1 { "" } else { "s" }));
        words.join(", ")
    }
}

/// Where things are written, from the folder of the inventory: the page is the same wherever it is made.
pub(super) struct Places<'a> {
    sources: &'a Sources,
    folder: String,
}

impl<'a> Places<'a> {
    /// From the folder of the file that names the datacenter.
    pub fn of(datacenter: Span, sources: &'a Sources) -> Self {
        let path = &sources.get(datacenter.file).path;
        let folder =
            path.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        Self { sources, folder }
    }

    /// `inventory.yaml:12`
    pub fn at(&self, span: Span) -> String {
        let (line, _) = self.sources.line_column(span);
        let path = &self.sources.get(span.file).path;
        format!("{}:{line}", path.strip_prefix(&self.folder).unwrap_or(path))
    }
}
