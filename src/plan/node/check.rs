//! Health checks: is a ready pod of the entrypoint on this node?

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Held, Planner};
use crate::model::{Label, Vip};

/// A `vrrp_script` that asks kube-proxy for ready pods on the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The entrypoint that it is for.
    pub entrypoint: Label,
    /// The node's own address: in nftables mode node ports do not answer on loopback, and only over the families of the
    /// Service.
    pub address: IpAddr,
    /// `healthCheckNodePort`
    pub port: u16,
}

impl Check {
    /// What keepalived calls the check of an entrypoint.
    pub fn name_of(entrypoint: &Label) -> String {
        format!("entrypoint-{entrypoint}")
    }
}

impl Planner<'_> {
    pub(super) fn checks(&self, held: &[Held<'_>]) -> Vec<Check> {
        let tracked: BTreeSet<&Label> = held
            .iter()
            .filter(|held| self.track(held).is_some())
            .map(|held| &held.vip.entrypoint)
            .collect();
        tracked.into_iter().filter_map(|entrypoint| self.check(entrypoint)).collect()
    }

    fn check(&self, entrypoint: &Label) -> Option<Check> {
        let edge = &self.datacenter.entrypoints.get(entrypoint)?.edge;
        let vips = self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *entrypoint);
        let v4 = vips.flat_map(Vip::addresses).any(|(address, _)| address.is_ipv4());
        let v4 = self.node.address.filter(|_| v4).map(|address| IpAddr::from(address.value));
        let v6 = self.node.address6.map(|address| IpAddr::from(address.value));
        Some(Check {
            entrypoint: entrypoint.clone(),
            address: v4.or(v6)?,
            port: edge.health_check_node_port.as_ref()?.value,
        })
    }
}
