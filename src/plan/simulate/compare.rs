//! The elections of other systems, for the same VIPs and nodes.

use sha2::{Digest, Sha256};

use super::{Scenario, Simulator};
use crate::model::Subdomain;
use crate::plan::{Plan, VipPlan};

/// A system whose election is simulated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum System {
    /// Ours: VRRP with the rendered priorities.
    Lbgen,
    /// MetalLB layer 2: the live node with the smallest SHA-256 of node name, `#` and address.
    MetalLb,
    /// PureLB: the same hash over its live nodes.
    PureLb,
    /// kube-vip by default: one lease for all VIPs, so one node.
    KubeVip,
    /// redhat-cop keepalived-operator: VIP i of a Service prefers node i modulo n with priority 200; all others have
    /// 100, and among them the highest address wins.
    KeepalivedOperator,
}

impl System {
    /// All but ours.
    pub const OTHERS: &[Self] =
        &[Self::MetalLb, Self::PureLb, Self::KubeVip, Self::KeepalivedOperator];

    /// Returns the name of the system.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lbgen => "lbgen",
            Self::MetalLb => "metallb",
            Self::PureLb => "purelb",
            Self::KubeVip => "kube-vip",
            Self::KeepalivedOperator => "keepalived-operator",
        }
    }

    /// The holder of each VIP of the plan, in its order.
    pub fn elect<'a>(
        self,
        simulator: &Simulator<'a>,
        scenario: &Scenario,
    ) -> Vec<Option<&'a Subdomain>> {
        let plan = simulator.plan;
        match self {
            Self::Lbgen => simulator.elect(scenario),
            Self::MetalLb | Self::PureLb => plan
                .vips
                .iter()
                .map(|vip| live(vip, scenario).min_by_key(|node| hash(node, vip)))
                .collect(),
            Self::KubeVip => {
                let mut nodes = plan.nodes.iter().map(|node| &node.node);
                let leader = nodes.find(|node| {
                    plan.vips.iter().any(|vip| live(vip, scenario).any(|name| name == *node))
                });
                let holds =
                    |vip| leader.filter(|leader| live(vip, scenario).any(|name| name == *leader));
                plan.vips.iter().map(holds).collect()
            }
            Self::KeepalivedOperator => plan
                .vips
                .iter()
                .enumerate()
                .map(|(index, vip)| operator(plan, vip, index, scenario))
                .collect(),
        }
    }
}

/// The nodes that could hold a VIP now.
fn live<'a, 's>(
    vip: &'a VipPlan,
    scenario: &'s Scenario,
) -> impl Iterator<Item = &'a Subdomain> + use<'a, 's> {
    vip.order
        .iter()
        .map(|standing| &standing.node)
        .filter(|node| !scenario.is_out(node))
        .filter(|node| !scenario.is_unhealthy(&vip.entrypoint, node))
}

fn hash(node: &Subdomain, vip: &VipPlan) -> Vec<u8> {
    Sha256::digest(format!("{node}#{}", vip.address)).to_vec()
}

fn operator<'a>(
    plan: &'a Plan,
    vip: &'a VipPlan,
    index: usize,
    scenario: &Scenario,
) -> Option<&'a Subdomain> {
    let of_service =
        plan.vips[..index].iter().filter(|other| other.entrypoint == vip.entrypoint).count();
    let may_hold = |node: &&Subdomain| vip.order.iter().any(|standing| standing.node == **node);
    let nodes: Vec<&Subdomain> =
        plan.nodes.iter().map(|node| &node.node).filter(may_hold).collect();
    let preferred = nodes[of_service % nodes.len()];
    let address = |node: &Subdomain| {
        let found = plan.nodes.iter().find(|other| other.node == *node);
        found
            .and_then(|node| node.instances.iter().find(|instance| instance.vip == vip.address))
            .map(|i| i.source)
    };
    live(vip, scenario).max_by_key(|node| (*node == preferred, address(node)))
}
