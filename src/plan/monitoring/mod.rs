//! The plan as Prometheus sees it: who should hold what, what is an alert, and what each set of failures must raise.

mod alert;
mod case;
mod recording;

pub use alert::{Alert, Raised, Severity};
pub use case::Case;
pub use recording::Recording;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::{NodePlan, VipPlan};
use crate::language::word::Protocol;
use crate::model::{Datacenter, Label, Monitoring, Preempt, Subdomain};

/// Everything that monitoring files say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MonitoringPlan {
    /// The form and the places of the files.
    pub settings: Monitoring,
    /// The datacenter, a label of every metric.
    pub datacenter: Label,
    /// The home of an object of prometheus-operator.
    pub namespace: Label,
    /// The VIPs, by address.
    pub vips: Vec<Watched>,
    /// The nodes that report: those that may hold a VIP.
    pub nodes: Vec<Subdomain>,
    /// Node and entrypoint of every check.
    pub checks: Vec<(Subdomain, Label)>,
    /// The plan as series, and the metrics in one form: alerts read those.
    pub recordings: Vec<Recording>,
    /// Every alert; docs/alerts.md has a section for each name.
    pub alerts: Vec<Alert>,
    /// Sets of failures, and what they must raise.
    pub cases: Vec<Case>,
    /// URLs that a blackbox exporter probes.
    pub targets: Vec<Target>,
}

impl MonitoringPlan {
    /// The entrypoints that have a check.
    pub fn checked(&self) -> BTreeSet<&Label> {
        self.checks.iter().map(|(_, entrypoint)| entrypoint).collect()
    }
}

/// A VIP, and the nodes that may hold it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watched {
    /// The VIP.
    pub vip: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: Label,
    /// The first is MASTER while all are well.
    pub order: Vec<Subdomain>,
    /// The time that a better node waits before it takes the VIP back.
    pub delay: Duration,
}

/// A port of a VIP, and the hosts that are asked for there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// The VIP.
    pub vip: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: Label,
    /// A TCP port of its Service.
    pub port: u16,
    /// Domains with TLS of the entrypoint, where the port is 443.
    pub hosts: Vec<String>,
}

pub(super) fn plan(
    datacenter: &Datacenter,
    vips: &[VipPlan],
    nodes: &[NodePlan],
) -> Option<MonitoringPlan> {
    let settings = datacenter.monitoring.clone()?;
    let name = &datacenter.name;
    let delays = datacenter.vips.iter().map(|vip| {
        let delay = match vip.preempt.value {
            Preempt::AtOnce => Duration::ZERO,
            Preempt::After(delay) => delay,
            Preempt::Never => NEVER,
        };
        (vip.address.value, delay)
    });
    let delays: BTreeMap<IpAddr, Duration> = delays.collect();
    let watched = vips.iter().map(|vip| Watched {
        vip: vip.address,
        entrypoint: vip.entrypoint.clone(),
        order: vip.order.iter().map(|standing| standing.node.clone()).collect(),
        delay: delays.get(&vip.address).copied().unwrap_or_default(),
    });
    let vips: Vec<Watched> = watched.collect();
    let reporting = nodes.iter().filter(|node| !node.instances.is_empty());
    let checks = reporting.clone().flat_map(|node| {
        node.checks.iter().map(|check| (node.node.clone(), check.entrypoint.clone()))
    });
    let alerts = Alert::all(settings.metrics, name, &vips);
    let checks = checks.collect();
    let nodes: Vec<Subdomain> = reporting.map(|node| node.node.clone()).collect();
    let mut recordings = Recording::planned(name, &vips, &nodes);
    recordings.extend(Recording::seen(settings.metrics, name));
    Some(MonitoringPlan {
        datacenter: name.clone(),
        namespace: datacenter.kubernetes.namespace.clone(),
        vips,
        nodes,
        checks,
        targets: targets(datacenter),
        recordings,
        alerts,
        cases: Vec::new(),
        settings,
    })
}

/// A VIP that is never preempted may be elsewhere for a day.
const NEVER: Duration = Duration::from_secs(24 * 60 * 60);

/// Every VIP with each of its ports, and each domain once per VIP.
fn targets(datacenter: &Datacenter) -> Vec<Target> {
    let mut found = Vec::new();
    for vip in &datacenter.vips {
        let Some(tiers) = datacenter.entrypoints.get(&vip.entrypoint).and_then(|own| own.tiers())
        else {
            continue;
        };
        let ports = tiers.edge.ports.values().filter(|port| port.protocol == Protocol::Tcp);
        for port in ports {
            let domains = datacenter.domains.iter().filter(|(_, domain)| {
                domain.entrypoint == vip.entrypoint && domain.tls_secret.is_some()
            });
            let hosts = domains.filter(|_| port.number == 443).map(|(host, _)| host.to_string());
            found.push(Target {
                vip: vip.address.value,
                entrypoint: vip.entrypoint.clone(),
                port: port.number,
                // Nobody has the name of a wildcard itself.
                hosts: hosts.filter(|host| !host.starts_with('*')).collect(),
            });
        }
    }
    found
}
