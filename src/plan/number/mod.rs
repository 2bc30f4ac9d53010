//! VRIDs, tables, rule priorities and marks: pins, then the lock, then a free number by the VIP's hash.
//!
//! Two VIPs may share a number where no node holds both: with unicast adverts, a node hears only VIPs that it may
//! hold, and tables, rules and marks are a node's own.

mod mask;
mod meet;
mod pool;
mod series;

use super::lock::Lock;
use crate::diag::Report;
use crate::model::{Datacenter, RESERVED_TABLES, Vip};
use crate::source::Loc;
use mask::wider_mask;
use meet::Meet;
use pool::{Pool, Slot};
use series::Series;

/// The numbers of a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Virtual router id.
    pub vrid: u8,
    /// The numbers by which its replies find their gateway, or `None` if it has none.
    pub routing: Option<RoutingNumbers>,
}

/// The numbers of a VIP that has a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RoutingNumbers {
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
    let locked = |vip: usize| lock.vip(vips[vip].address.value);

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
            locked: locked(index).and_then(|locked| locked.vrid),
            ..slot(vip, lock, vip.pins.vrid.map(|pin| pin.with(pin.value.into())))
        }),
        report,
        |a, b| meeting(a, b) && same_family(a, b),
    );
    // VIPs with a gateway, and those of them whose replies kube-proxy translates.
    let routed: Vec<usize> = (0..vips.len()).filter(|vip| vips[*vip].gateway.is_some()).collect();
    let needs_marks = datacenter.kubernetes.kube_proxy.needs_marks();
    let in_cluster = |vip: &Vip| {
        let entrypoint = datacenter.entrypoints.get(&vip.entrypoint);
        entrypoint.is_some_and(|entrypoint| entrypoint.tiers().is_some())
    };
    let marked: Vec<usize> =
        routed.iter().copied().filter(|vip| needs_marks && in_cluster(&vips[*vip])).collect();
    let tables = Pool {
        what: "table",
        key: "policy_routing.tables",
        help: "widen the pool, or give VIPs disjoint `nodes`",
        movable: true,
        holds: &|table| routing.tables.contains(&table),
        numbers: Series::without(&routing.tables, &RESERVED_TABLES),
    }
    .fill(
        routed.iter().map(|index| Slot {
            locked: locked(*index).and_then(|locked| locked.table),
            ..slot(&vips[*index], lock, vips[*index].pins.table)
        }),
        report,
        |a, b| meeting(routed[a], routed[b]),
    );

    // One pool for both kinds of rules: first the `from` rules, then the `fwmark` rules.
    let from_slots = routed.iter().map(|index| Slot {
        locked: locked(*index).and_then(|locked| locked.rule_priority),
        ..slot(&vips[*index], lock, vips[*index].pins.rule_priority)
    });
    let mark_slots = marked.iter().map(|index| Slot {
        locked: locked(*index).and_then(|locked| locked.mark_rule_priority),
        ..slot(&vips[*index], lock, vips[*index].pins.mark_rule_priority)
    });
    let ruled: Vec<usize> = routed.iter().chain(&marked).copied().collect();
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
        marked.iter().map(|index| Slot {
            // A mask that changed leaves marks of the old one behind.
            locked: locked(*index)
                .and_then(|locked| locked.mark)
                .filter(|mark| mark.value & !routing.mark_mask == 0),
            ..slot(&vips[*index], lock, vips[*index].pins.mark)
        }),
        report,
        |a, b| meeting(marked[a], marked[b]),
    );

    let (vrids, tables, rules, marks) = (vrids?, tables?, rules?, marks?);
    // Pins, lock and pool hold 1 to 255.
    let vrid = |vrid: &u32| u8::try_from(*vrid).unwrap_or(u8::MAX);
    let mut numbers: Vec<Numbers> =
        vrids.iter().map(|found| Numbers { vrid: vrid(found), routing: None }).collect();
    for (place, index) in routed.iter().enumerate() {
        let mark = marked.iter().position(|marked| marked == index);
        numbers[*index].routing = Some(RoutingNumbers {
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

/// A number that a VIP needs.
fn slot<'a>(vip: &'a Vip, lock: &'a Lock, pin: Option<Loc<u32>>) -> Slot<'a> {
    Slot { vip, pin, locked: None, known: lock.order(vip.address.value) }
}
