//! VRIDs, tables, rule priorities and marks: pins, then the lock, then a free number by the VIP's hash.
//!
//! Two VIPs may share a number where no node holds both: with unicast adverts, a node hears only VIPs that it may
//! hold, and tables, rules and marks are a node's own.

mod mask;
mod meet;
mod pool;
mod series;

use std::net::IpAddr;

use super::lock::{Lock, LockedRouting};
use crate::diag::Report;
use crate::model::{Datacenter, Label, RESERVED_TABLES, RoutingPins, Vip};
use crate::source::Loc;
use mask::wider_mask;
use meet::Meet;
use pool::{Pool, Slot};
use series::Series;

/// The numbers of a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Numbers {
    /// Virtual router id.
    pub vrid: u8,
    /// The numbers by which its replies find their gateways: one entry for each of its networks, in their order.
    pub networks: Vec<RoutingNumbers>,
}

impl Numbers {
    /// The numbers of the VIP's own network, or `None` if it has no gateway.
    pub fn routing(&self) -> Option<&RoutingNumbers> {
        self.networks.first()
    }
}

/// The numbers of a network of a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoutingNumbers {
    /// The first address of the network.
    pub address: IpAddr,
    /// Its gateway.
    pub gateway: Label,
    /// Routing table.
    pub table: u32,
    /// Priority of its `from` rules.
    pub rule_priority: u32,
    /// Packet mark and the priority of its `fwmark` rules, where kube-proxy's mode needs marks.
    pub mark: Option<MarkNumbers>,
}

/// The numbers that a marked VIP has beside the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkNumbers {
    /// Value of the packet mark; inside the mask and not 0.
    pub value: u32,
    /// Priority of its `fwmark` rules.
    pub rule_priority: u32,
}

/// The numbers of every VIP, in the order of `datacenter.vips`; `None` where a pool is too small or two VIPs that the
/// lock knows have one VRID.
pub(super) fn allocate(
    datacenter: &Datacenter,
    lock: &Lock,
    report: &mut Report,
) -> Option<Vec<Numbers>> {
    let vips = &datacenter.vips;
    let routing = &datacenter.policy_routing;
    let meet = Meet::of(datacenter);
    let meeting = |a: usize, b: usize| meet.on_a_node(a, b);
    let same_family =
        |a: usize, b: usize| vips[a].address.value.is_ipv4() == vips[b].address.value.is_ipv4();

    let ids = &datacenter.keepalived.vrids;
    let vrids = Pool {
        what: "VRID",
        key: "keepalived.vrids",
        help: "widen `keepalived.vrids` where it is not 1-255 yet, give VIPs disjoint `nodes`, or put addresses that share their fate into `extra_addresses`",
        // A running instance would be taken down and made anew.
        movable: false,
        holds: &|vrid| u8::try_from(vrid).is_ok_and(|vrid| ids.contains(&vrid)),
        numbers: Series::range(u32::from(*ids.start())..=u32::from(*ids.end())),
    }
    .fill(
        vips.iter().enumerate().map(|(index, vip)| Slot {
            locked: lock.vip(vip.address.value).and_then(|locked| locked.vrid),
            ..slot(&vips[index], vip.address.value, lock, vip.vrid.map(|pin| pin.with(pin.value.into())))
        }),
        report,
        |a, b| meeting(a, b) && same_family(a, b),
    );
    // The networks of VIPs, and those of them whose replies kube-proxy translates.
    let routed: Vec<Routed<'_>> = vips.iter().enumerate().flat_map(Routed::of).collect();
    let needs_marks = datacenter.kubernetes.kube_proxy.needs_marks();
    let in_cluster = |vip: &Vip| {
        let entrypoint = datacenter.entrypoints.get(&vip.entrypoint);
        entrypoint.is_some_and(|entrypoint| entrypoint.tiers().is_some())
    };
    let marked: Vec<&Routed<'_>> =
        routed.iter().filter(|found| needs_marks && in_cluster(found.vip)).collect();
    let tables = Pool {
        what: "table",
        key: "policy_routing.tables",
        help: "widen the pool, or give VIPs disjoint `nodes`",
        movable: true,
        holds: &|table| routing.tables.contains(&table),
        numbers: Series::without(&routing.tables, &RESERVED_TABLES),
    }
    .fill(
        routed.iter().map(|found| Slot {
            locked: found.locked(lock).and_then(|locked| locked.table),
            ..found.slot(lock, found.pins.table)
        }),
        report,
        |a, b| meeting(routed[a].index, routed[b].index),
    );

    // One pool for both kinds of rules: first the `from` rules, then the `fwmark` rules.
    let from_slots = routed.iter().map(|found| Slot {
        locked: found.locked(lock).and_then(|locked| locked.rule_priority),
        ..found.slot(lock, found.pins.rule_priority)
    });
    let mark_slots = marked.iter().map(|found| Slot {
        locked: found.locked(lock).and_then(|locked| locked.mark_rule_priority),
        ..found.slot(lock, found.pins.mark_rule_priority)
    });
    let ruled: Vec<usize> =
        routed.iter().chain(marked.iter().copied()).map(|found| found.index).collect();
    let rules = Pool {
        what: "rule priority",
        key: "policy_routing.rule_priorities",
        help: "widen the pool, or give VIPs disjoint `nodes`",
        movable: true,
        holds: &|priority| routing.rule_priorities.contains(&priority),
        numbers: Series::range(routing.rule_priorities.clone()),
    }
    .fill(from_slots.chain(mark_slots), report, |a, b| meeting(ruled[a], ruled[b]));

    let wider = wider_mask(routing.mark_mask, marked.len());
    let marks = Pool {
        what: "mark",
        key: "policy_routing.mark_mask",
        help: &wider,
        movable: true,
        holds: &|_| true,
        numbers: Series::submasks(routing.mark_mask),
    }
    .fill(
        marked.iter().map(|found| Slot {
            // A mask that changed leaves marks of the old one behind.
            locked: found
                .locked(lock)
                .and_then(|locked| locked.mark)
                .filter(|mark| mark.value & !routing.mark_mask == 0),
            ..found.slot(lock, found.pins.mark)
        }),
        report,
        |a, b| meeting(marked[a].index, marked[b].index),
    );

    let (vrids, tables, rules, marks) = (vrids?, tables?, rules?, marks?);
    // Pins, lock and pool hold 1 to 255.
    let vrid = |vrid: &u32| u8::try_from(*vrid).unwrap_or(u8::MAX);
    let mut numbers: Vec<Numbers> =
        vrids.iter().map(|found| Numbers { vrid: vrid(found), networks: Vec::new() }).collect();
    for (place, found) in routed.iter().enumerate() {
        let mark = marked.iter().position(|marked| std::ptr::eq(*marked, found));
        numbers[found.index].networks.push(RoutingNumbers {
            address: found.address,
            gateway: found.gateway.clone(),
            table: tables[place],
            rule_priority: rules[place],
            mark: mark.map(|mark| MarkNumbers {
                value: marks[mark],
                rule_priority: rules[routed.len() + mark],
            }),
        });
    }
    Some(numbers)
}

/// A network of a VIP.
struct Routed<'a> {
    /// The place of the VIP.
    index: usize,
    vip: &'a Vip,
    address: IpAddr,
    gateway: &'a Label,
    /// True if the VIP's own address is in it.
    is_own: bool,
    pins: RoutingPins,
}

impl<'a> Routed<'a> {
    fn of((index, vip): (usize, &'a Vip)) -> Vec<Self> {
        let networks = vip.networks().into_iter();
        networks
            .filter_map(|network| {
                Some(Self {
                    index,
                    vip,
                    address: network.address(),
                    gateway: network.gateway()?,
                    is_own: network.address() == vip.address.value,
                    pins: network.pins(),
                })
            })
            .collect()
    }

    /// Its numbers in the lock.
    fn locked(&self, lock: &'a Lock) -> Option<&'a LockedRouting> {
        let vip = lock.vip(self.vip.address.value)?;
        match self.is_own {
            true => Some(&vip.routing),
            false => vip.networks.get(self.gateway),
        }
    }

    fn slot(&self, lock: &'a Lock, pin: Option<Loc<u32>>) -> Slot<'a> {
        slot(self.vip, self.address, lock, pin)
    }
}

/// A number that an address of a VIP needs.
fn slot<'a>(vip: &'a Vip, address: IpAddr, lock: &'a Lock, pin: Option<Loc<u32>>) -> Slot<'a> {
    Slot { vip, address, pin, locked: None, known: lock.order(vip.address.value) }
}
