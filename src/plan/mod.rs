//! [`Datacenter`] -> [`Plan`]: every number and every failover order is decided here and nowhere else.
//!
//! A plan owns what it says and knows no positions; each item names the inventory entries that it comes from.

pub mod codes;

mod evenness;
mod instance;
mod kubernetes;
pub mod lock;
mod node;
mod number;
mod order;
mod priority;
pub mod simulate;

pub use instance::{
    Check, Drain, Instance, Mark, Route, Rule, Selector, Sysctl, Track, VipRouting, VirtualAddress,
};
pub use kubernetes::{
    CatchAllPlan, ComponentPlan, DomainPlan, EntrypointPlan, FallbackPlan, Family, KubernetesPlan,
    ObjectMeta,
};
pub use lock::Lock;
pub use node::NodePlan;
pub use number::Numbers;
pub use order::{Keep, bound};

use std::net::IpAddr;

use crate::diag::Report;
use crate::model::{Datacenter, RoutingMode, Subdomain};

/// Everything that the bundle says.
#[derive(Debug)]
pub struct Plan {
    /// The bundle's folder.
    pub datacenter: String,
    /// The inventory's file name, for headers.
    pub source: String,
    /// Who holds rules and routes.
    pub mode: RoutingMode,
    /// What was allocated to each VIP, by address.
    pub vips: Vec<VipPlan>,
    /// By name.
    pub nodes: Vec<NodePlan>,
    /// The manifests.
    pub kubernetes: KubernetesPlan,
}

/// What was allocated to a VIP.
#[derive(Debug, Clone)]
pub struct VipPlan {
    /// The VIP.
    pub address: IpAddr,
    /// The traffic that it is for.
    pub entrypoint: String,
    /// VIPs of one group share nodes, directly or through others; those of different groups share none.
    pub group: usize,
    /// Its numbers.
    pub numbers: Numbers,
    /// Every node that may hold it, whatever its state: what the lock keeps.
    pub base_order: Vec<Subdomain>,
    /// Who holds it: the first is MASTER, the second takes over from the first, and so on. Without nodes in
    /// maintenance; not empty.
    pub order: Vec<Subdomain>,
    /// The VRRP priority of each node of `order`, falling; 1 to 254.
    pub priorities: Vec<u8>,
    /// What an unhealthy node's priority loses so that it ranks below every healthy one, and all stay distinct.
    pub yield_weight: i16,
}

/// The plan of a datacenter; `None` where a pool is too small or the lock contradicts itself, and the report says
/// where.
pub fn plan(datacenter: &Datacenter, lock: &Lock, keep: Keep, report: &mut Report) -> Option<Plan> {
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
            let priorities = priority::assign(vip, &order, datacenter.nodes.len());
            let yield_weight = priority::yield_weight(&priorities);
            VipPlan {
                address: vip.address.value,
                entrypoint: vip.entrypoint.to_string(),
                group,
                numbers,
                base_order,
                order,
                priorities,
                yield_weight,
            }
        })
        .collect();
    let plan = Plan {
        datacenter: datacenter.name.to_string(),
        source: datacenter.source.clone(),
        mode: datacenter.policy_routing.mode,
        nodes: node::plan(datacenter, &vips),
        kubernetes: kubernetes::plan(datacenter),
        vips,
    };
    evenness::check(datacenter, &plan, report);
    Some(plan)
}
