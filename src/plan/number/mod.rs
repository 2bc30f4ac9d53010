//! VRIDs, tables, rule priorities and marks: pins, then the lock, then the lowest free number.
//!
//! Two VIPs may share a number where no node holds both: with unicast adverts, a node hears only VIPs that it may
//! hold, and tables, rules and marks are a node's own.

mod mask;
mod meet;
mod pool;

use super::lock::Lock;
use crate::diag::Report;
use crate::model::{Datacenter, RESERVED_TABLES, Vip};
use crate::source::Loc;
use mask::{submasks, wider_mask};
use meet::Meet;
use pool::{Pool, Slot};

/// The numbers of a VIP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbers {
    /// Virtual router id.
    pub vrid: u8,
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

    let vrids = Pool {
        what: "VRID",
        key: "keepalived.vrids",
        help: "widen `keepalived.vrids` where it is not 1-255 yet, give VIPs disjoint `nodes`, or put addresses that share their fate into `extra_addresses`",
        // A running instance would be taken down and made anew.
        movable: false,
        holds: &|vrid| u8::try_from(vrid).is_ok_and(|vrid| datacenter.keepalived.vrids.contains(&vrid)),
        numbers: datacenter.keepalived.vrids.clone().map(u32::from),
    }
    .fill(
        vips.iter().enumerate().map(|(index, vip)| Slot {
            locked: locked(index).and_then(|locked| locked.vrid),
            ..slot(vip, lock, vip.pins.vrid.map(|pin| pin.with(pin.value.into())))
        }),
        report,
        |a, b| meeting(a, b) && same_family(a, b),
    );
    let tables = Pool {
        what: "table",
        key: "policy_routing.tables",
        help: "widen the pool, or give VIPs disjoint `nodes`",
        movable: true,
        holds: &|table| routing.tables.contains(&table),
        numbers: routing.tables.clone().filter(|table| !RESERVED_TABLES.contains(table)),
    }
    .fill(
        vips.iter().enumerate().map(|(index, vip)| Slot {
            locked: locked(index).and_then(|locked| locked.table),
            ..slot(vip, lock, vip.pins.table)
        }),
        report,
        meeting,
    );

    let marked = datacenter.kubernetes.kube_proxy.needs_marks();
    // Slot `i` is the `from` rule of VIP `i`, slot `n + i` its `fwmark` rule: one pool for both.
    let count = vips.len();
    let from_slots = vips.iter().enumerate().map(|(index, vip)| Slot {
        locked: locked(index).and_then(|locked| locked.rule_priority),
        ..slot(vip, lock, vip.pins.rule_priority)
    });
    let mark_slots = vips.iter().enumerate().filter(|_| marked).map(|(index, vip)| Slot {
        locked: locked(index).and_then(|locked| locked.mark_rule_priority),
        ..slot(vip, lock, None)
    });
    let rules = Pool {
        what: "rule priority",
        key: "policy_routing.rule_priorities",
        help: "widen the pool, or give VIPs disjoint `nodes`",
        movable: true,
        holds: &|priority| routing.rule_priorities.contains(&priority),
        numbers: routing.rule_priorities.clone(),
    }
    .fill(from_slots.chain(mark_slots), report, |a, b| meeting(a % count, b % count));

    let wider = wider_mask(routing.mark_mask, count);
    let marks = Pool {
        what: "mark",
        key: "policy_routing.mark_mask",
        help: &wider,
        movable: true,
        holds: &|_| true,
        numbers: submasks(routing.mark_mask),
    }
    .fill(
        vips.iter().enumerate().filter(|_| marked).map(|(index, vip)| Slot {
            // A mask that changed leaves marks of the old one behind.
            locked: locked(index)
                .and_then(|locked| locked.mark)
                .filter(|mark| mark.value & !routing.mark_mask == 0),
            ..slot(vip, lock, vip.pins.mark)
        }),
        report,
        meeting,
    );

    let (vrids, tables, rules, marks) = (vrids?, tables?, rules?, marks?);
    Some(
        (0..count)
            .map(|index| Numbers {
                // Pins, lock and pool hold 1 to 255.
                vrid: u8::try_from(vrids[index]).unwrap_or(u8::MAX),
                table: tables[index],
                rule_priority: rules[index],
                mark: marked.then(|| MarkNumbers {
                    value: marks[index],
                    rule_priority: rules[count + index],
                }),
            })
            .collect(),
    )
}

/// A number that a VIP needs.
fn slot<'a>(vip: &'a Vip, lock: &'a Lock, pin: Option<Loc<u32>>) -> Slot<'a> {
    Slot { vip, pin, locked: None, known: lock.order(vip.address.value) }
}
