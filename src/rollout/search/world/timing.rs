//! Intervals and delays of the instances that a rollout waits for.

use std::net::IpAddr;
use std::time::Duration;

use super::{FROM, TO, World};
use crate::state::Preemption;
use crate::state::elect::NodeIndex;

impl World<'_> {
    fn adverts(&self) -> impl Iterator<Item = Duration> {
        let states = self.nodes().flat_map(|node| [FROM, TO].map(|phase| (node, phase)));
        states
            .filter_map(|(node, phase)| self.electorate.state(node, phase)?.keepalived.as_ref())
            .flat_map(|found| &found.instances)
            .map(|instance| instance.advert.interval)
    }

    pub fn shortest_advert(&self) -> Duration {
        self.adverts().min().unwrap_or(Duration::from_secs(1))
    }

    pub fn longest_advert(&self) -> Duration {
        self.adverts().max().unwrap_or(Duration::from_secs(1))
    }

    /// Returns the shortest time that a BACKUP of **to** waits for a silent MASTER.
    pub fn down_time(&self, address: IpAddr) -> Duration {
        let all: Vec<NodeIndex> = self.nodes().collect();
        self.down_time_of(&all, &[address])
    }

    /// The least that one of these nodes waits, as it runs **to**, for a MASTER of these addresses that says nothing.
    pub fn down_time_of(&self, nodes: &[NodeIndex], addresses: &[IpAddr]) -> Duration {
        self.electorate.down_time(nodes, addresses, TO)
    }

    /// Returns the time that the last of these nodes waits before it takes a VIP from a lower one (`preempt_delay`).
    pub fn preempt_delay(&self, nodes: &[NodeIndex]) -> Duration {
        let pairs =
            nodes.iter().flat_map(|node| self.addresses.iter().map(move |vip| (*node, *vip)));
        let delays = pairs.filter_map(|(node, vip)| match self.instance_now(vip, node)?.preempt {
            Preemption::After(delay) => Some(delay),
            Preemption::AtOnce | Preemption::Never => None,
        });
        delays.max().unwrap_or_default()
    }
}
