//! Kernel settings that VIPs need, by interface.

use std::collections::BTreeSet;

use super::{Held, Planner};
use crate::model::{Interface, Placement};

/// A setting of the kernel and the interfaces that have it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KernelSetting {
    /// The setting.
    pub setting: Kernel,
    /// Not empty.
    pub interfaces: BTreeSet<Interface>,
}

/// A setting that an interface has in `net.<family>.conf`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kernel {
    /// Answer ARP only on the interface that has the address.
    ArpIgnore,
    /// Ask with an address of the asked subnet.
    ArpAnnounce,
    /// A VIP that leaves does not take the other VIPs of its subnet along.
    PromoteSecondaries,
    /// No second default route from router advertisements.
    AcceptRa,
    /// Requests come in where the main table would not send their replies.
    RpFilter,
}

impl Kernel {
    /// Its family and name in `net.<family>.conf.<interface>.<name>`.
    pub fn key(self) -> (&'static str, &'static str) {
        match self {
            Self::ArpIgnore => ("ipv4", "arp_ignore"),
            Self::ArpAnnounce => ("ipv4", "arp_announce"),
            Self::PromoteSecondaries => ("ipv4", "promote_secondaries"),
            Self::AcceptRa => ("ipv6", "accept_ra"),
            Self::RpFilter => ("ipv4", "rp_filter"),
        }
    }

    /// The value that VIPs need.
    pub fn value(self) -> u8 {
        match self {
            Self::AcceptRa => 0,
            Self::ArpIgnore | Self::PromoteSecondaries => 1,
            Self::ArpAnnounce | Self::RpFilter => 2,
        }
    }
}

impl Planner<'_> {
    pub(super) fn kernel(&self, held: &[Held<'_>]) -> Vec<KernelSetting> {
        let on = |v6: bool, counts: fn(&Placement) -> bool| -> BTreeSet<Interface> {
            held.iter()
                .flat_map(|held| held.vip.addresses())
                .filter(|(address, placement)| address.is_ipv6() == v6 && counts(placement))
                .filter_map(|(_, placement)| placement.interface_on(self.node).cloned())
                .collect()
        };
        let is_routed = |placement: &Placement| placement.gateway.is_some();
        let (public4, public6) = (on(false, is_routed), on(true, is_routed));
        let mut answering = on(false, |_| true);
        if !answering.is_empty() {
            answering.insert(self.node.interface.clone());
        }
        let marked = self.datacenter.kubernetes.kube_proxy.needs_marks();
        let all = [
            (Kernel::ArpIgnore, answering.clone()),
            (Kernel::ArpAnnounce, answering),
            (Kernel::PromoteSecondaries, public4.clone()),
            (Kernel::AcceptRa, public6),
            (Kernel::RpFilter, if marked { public4 } else { BTreeSet::new() }),
        ];
        all.into_iter()
            .filter(|(_, interfaces)| !interfaces.is_empty())
            .map(|(setting, interfaces)| KernelSetting { setting, interfaces })
            .collect()
    }
}
