//! Health checks: is an entrypoint well on this node?

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Held, Planner};
use crate::model::{CheckLine, Label, NodeCheck, Timing, User, Vip};

/// A `vrrp_script`: it succeeds while all of its parts do. Weights of several scripts would add up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The entrypoint that it is for.
    pub entrypoint: Label,
    /// The address and port where kube-proxy reports whether a ready pod is on the node, or `None` if it is not asked.
    pub health: Option<HealthPort>,
    /// Commands that have to succeed too.
    pub commands: Vec<CheckCommand>,
    /// The timing and the thresholds.
    pub timing: Timing,
}

/// The address and port where kube-proxy reports whether a ready pod is on the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HealthPort {
    /// The node's own address: in nftables mode node ports do not answer on loopback, and only over the families of the
    /// Service.
    pub address: IpAddr,
    /// `healthCheckNodePort`
    pub port: u16,
}

/// A command, and who runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckCommand {
    /// The command to run.
    pub command: CheckLine,
    /// The user that runs it.
    pub user: User,
}

impl Check {
    /// Returns the name that keepalived has for the check of an entrypoint.
    pub fn name_of(entrypoint: &Label) -> String {
        format!("{}{entrypoint}", Self::PREFIX)
    }

    /// The prefix of the names of checks.
    pub const PREFIX: &str = "entrypoint-";
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

    fn check(&self, name: &Label) -> Option<Check> {
        let entrypoint = self.datacenter.entrypoints.get(name)?;
        let checks: Vec<&NodeCheck> =
            entrypoint.checks().chain(&self.datacenter.node_check).collect();
        let health = entrypoint.health_check_node_port().and_then(|port| {
            Some(HealthPort { address: self.health_address(name)?, port: port.value })
        });
        let timings = health.map(|_| Timing::DEFAULT).into_iter();
        let timings = timings.chain(checks.iter().map(|check| check.timing));
        Some(Check {
            entrypoint: name.clone(),
            health,
            timing: timings.reduce(Timing::with)?,
            commands: checks
                .into_iter()
                .map(|check| CheckCommand {
                    command: check.command.clone(),
                    user: check.user.clone(),
                })
                .collect(),
        })
    }

    fn health_address(&self, entrypoint: &Label) -> Option<IpAddr> {
        let vips = self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *entrypoint);
        let v4 = vips.flat_map(Vip::addresses).any(|(address, _)| address.is_ipv4());
        let v4 = self.node.address.filter(|_| v4).map(|address| IpAddr::from(address.value));
        let v6 = self.node.address6.map(|address| IpAddr::from(address.value));
        v4.or(v6)
    }
}
