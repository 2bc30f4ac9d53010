//! The plan of each node: VRRP instances, health checks, rules, routes, marks and kernel settings.

mod check;
mod instance;
mod kernel;
mod pod;
mod reply_routing;

pub use check::{Check, CheckCommand, HealthPort};
pub use instance::{Drain, Instance, Unhealthy, VirtualAddress};
pub use kernel::{Kernel, KernelSetting};
pub use pod::PodPlan;
pub(super) use pod::refuse_too_large;
pub use reply_routing::{IpRule, Mark, ReplyRouting, Route, Selector};

use std::net::IpAddr;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Standing, VipPlan};
use crate::model::{
    Datacenter, Garp, KubeProxy, Label, Node, NodeState, Subdomain, Vip, VrrpVersion,
};

/// One node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodePlan {
    /// The name of the node.
    pub node: Subdomain,
    /// Failure domain.
    pub zone: Option<Label>,
    /// Its state in the inventory, which says if it takes VIPs.
    pub state: NodeState,
    /// Share of VIPs; 0 while it takes none.
    pub weight: u32,
    /// The protocol of its adverts.
    pub vrrp_version: VrrpVersion,
    /// Gratuitous ARP.
    pub garp: Garp,
    /// Real-time priority of the VRRP process; 0 is none.
    pub rt_priority: u8,
    /// The pod that its keepalived runs in, or `None` if the host starts it.
    pub pod: Option<PodPlan>,
    /// One per VIP that it holds in some order, by address.
    pub instances: Vec<Instance>,
    /// One per entrypoint that its instances track.
    pub checks: Vec<Check>,
    /// Rules, routes and marks of each of those VIPs that has a gateway, whoever holds them.
    pub routing: Vec<ReplyRouting>,
    /// Kernel settings; each once.
    pub kernel: Vec<KernelSetting>,
    /// kube-proxy's mode: why replies need marks, or why they need none.
    pub kube_proxy: KubeProxy,
}

pub(super) fn plan(datacenter: &Datacenter, vips: &[VipPlan]) -> Vec<NodePlan> {
    let source = |plan: &VipPlan, standing: &Standing| {
        datacenter.nodes.get(&standing.node)?.source(plan.address)
    };
    let sources = |plan: &VipPlan| plan.order.iter().map(|other| source(plan, other)).collect();
    let sources: Vec<Vec<Option<IpAddr>>> = vips.par_iter().map(sources).collect();
    datacenter
        .nodes
        .par_iter()
        .map(|(name, node)| Planner { datacenter, name, node }.plan(vips, &sources))
        .collect()
}

/// One node in its datacenter.
struct Planner<'a> {
    datacenter: &'a Datacenter,
    name: &'a Subdomain,
    node: &'a Node,
}

/// A VIP that the node may hold, and its standing among those that may.
struct Held<'a> {
    vip: &'a Vip,
    plan: &'a VipPlan,
    standing: &'a Standing,
    /// The address that each of those sends adverts from, as they stand in the plan; `None` where it has none of the family.
    sources: &'a [Option<IpAddr>],
}

impl Planner<'_> {
    fn plan(&self, vips: &[VipPlan], sources: &[Vec<Option<IpAddr>>]) -> NodePlan {
        let all = self.datacenter.vips.iter().zip(vips).zip(sources);
        let held: Vec<Held<'_>> = all
            .filter_map(|((vip, plan), sources)| {
                let standing = plan.order.iter().find(|standing| standing.node == *self.name)?;
                Some(Held { vip, plan, standing, sources })
            })
            .collect();
        let keepalived = &self.datacenter.keepalived;
        let routing: Vec<Option<ReplyRouting>> =
            held.iter().map(|held| self.routing(held)).collect();
        let mut peers: Arc<[IpAddr]> = Arc::default();
        NodePlan {
            node: self.name.clone(),
            zone: self.node.zone.clone(),
            state: self.node.state,
            weight: if self.node.state == NodeState::Active { self.node.weight } else { 0 },
            vrrp_version: keepalived.vrrp_version,
            garp: keepalived.garp,
            rt_priority: keepalived.rt_priority,
            pod: self.pod(),
            instances: held
                .iter()
                .zip(&routing)
                .filter_map(|(held, routing)| self.instance(held, routing.as_ref(), &mut peers))
                .collect(),
            checks: self.checks(&held),
            kernel: self.kernel(&held),
            routing: routing.into_iter().flatten().collect(),
            kube_proxy: self.datacenter.kubernetes.kube_proxy,
        }
    }
}
