//! [`Datacenter`] -> [`Plan`]: every number and every failover order is decided here and nowhere else.
//!
//! A plan owns what it says and knows no positions; each item names the inventory entries that it comes from.

pub mod codes;

mod evenness;
mod kubernetes;
mod listener;
pub mod lock;
mod monitoring;
mod node;
mod number;
mod order;
mod priority;
pub mod simulate;

pub use kubernetes::{
    EndpointsPlan, Exposure, Families, Family, Filter, GatewayPlan, HttpRoutePlan, IngressBackend,
    IngressPath, IngressPlan, IngressRule, KubernetesPlan, Legacy, Listener, ListenerSetPlan,
    Manifest, ManifestFile, Object, ObjectMeta, Parent, ParentObject, RouteBackend, RouteMatch,
    RouteRule, ServicePlan, ServicePort, SlicePlan, Tls, WrittenAnnotations,
};
pub use listener::Places;
pub use lock::Lock;
pub use monitoring::{Alert, Case, MonitoringPlan, Raised, Recording, Severity, Target, Watched};
pub use node::{
    Check, CheckCommand, Drain, HealthPort, Instance, IpRule, Kernel, KernelSetting, Mark,
    NodePlan, PodPlan, ReplyRouting, Route, Selector, Unhealthy, VirtualAddress,
};
pub use number::{Numbers, RoutingNumbers};
pub use order::{Keep, bound, bound_of_groups};
pub use priority::{HEALTHY, Standing, falling as priorities};

use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::diag::Report;
use crate::model::{Datacenter, Label, RoutingMode, Subdomain};
use crate::route::RoutingTable;

/// Everything that the bundle says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The bundle's folder.
    pub datacenter: Label,
    /// The inventory's file name, for headers.
    pub source: String,
    /// The holder of rules and routes: keepalived or the script.
    pub mode: RoutingMode,
    /// Every kind of traffic.
    pub entrypoints: Vec<Label>,
    /// The allocations of each VIP, by address.
    pub vips: Vec<VipPlan>,
    /// By name.
    pub nodes: Vec<NodePlan>,
    /// Of every entrypoint that has a Gateway: the ListenerSet of each of its domains.
    pub listener_sets: BTreeMap<Label, Places>,
    /// The manifests.
    pub kubernetes: KubernetesPlan,
    /// Metrics and alerts, where they are wanted.
    pub monitoring: Option<MonitoringPlan>,
}

/// The numbers and orders allocated to a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipPlan {
    /// The VIP.
    pub address: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: Label,
    /// The gateway of its replies, or `None` if it has none.
    pub gateway: Option<Label>,
    /// VIPs of one group share nodes, directly or through others; those of different groups share none.
    pub group: usize,
    /// Its numbers.
    pub numbers: Numbers,
    /// Every node that may hold it, whatever its state: what the lock keeps.
    pub base_order: Vec<Subdomain>,
    /// The nodes that hold it, in standby order: the first is MASTER, the second takes over from the first, and so on.
    /// Without nodes in maintenance; not empty.
    pub order: Vec<Standing>,
}

impl VipPlan {
    /// The node that is MASTER while all are well.
    pub fn master(&self) -> Option<&Subdomain> {
        self.order.first().map(|first| &first.node)
    }
}

/// The plan of a datacenter; `None` where a pool is too small or the lock contradicts itself, and the report says
/// where.
pub fn plan(
    datacenter: &Datacenter,
    routes: &RoutingTable,
    lock: &Lock,
    keep: Keep,
    report: &mut Report,
) -> Option<Plan> {
    let numbers = number::allocate(datacenter, lock, report)?;
    priority::refuse_too_many(datacenter, report)?;
    let orders = order::choose(datacenter, lock, keep);
    let vips: Vec<VipPlan> = datacenter
        .vips
        .iter()
        .zip(numbers)
        .zip(orders)
        .map(|((vip, numbers), (group, base_order))| {
            let order = order::effective(datacenter, vip, &base_order);
            VipPlan {
                address: vip.address.value,
                entrypoint: vip.entrypoint.clone(),
                gateway: vip.placement.gateway.clone(),
                group,
                numbers,
                base_order,
                order: priority::standings(vip, order, datacenter.nodes.len()),
            }
        })
        .collect();
    let listener_sets = listener::allocate(datacenter, routes, lock);
    let nodes = node::plan(datacenter, &vips);
    node::refuse_too_large(datacenter, &nodes, report)?;
    let mut plan = Plan {
        datacenter: datacenter.name.clone(),
        source: datacenter.source.clone(),
        mode: datacenter.policy_routing.mode,
        monitoring: monitoring::plan(datacenter, &vips, &nodes),
        nodes,
        entrypoints: datacenter.entrypoints.keys().cloned().collect(),
        kubernetes: kubernetes::plan(datacenter, routes, &listener_sets, report),
        listener_sets,
        vips,
    };
    evenness::check(datacenter, &plan, report);
    if let Some(mut monitoring) = plan.monitoring.take() {
        monitoring.cases = Case::all(&plan, &monitoring);
        plan.monitoring = Some(monitoring);
    }
    Some(plan)
}
