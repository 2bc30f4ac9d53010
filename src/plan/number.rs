//! VRIDs, tables, rule priorities and marks: pins, then the lock, then the lowest free number.
//!
//! Two VIPs may share a number where no node holds both: with unicast adverts, a node hears only VIPs that it may
//! hold, and tables, rules and marks are a node's own.

use std::net::IpAddr;

use super::codes;
use super::lock::Lock;
use crate::diag::{Diagnostic, Report};
use crate::model::{Datacenter, RESERVED_TABLES, Vip};
use crate::source::Loc;

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
            ..slot(vip, vip.pins.vrid.map(|pin| pin.with(pin.value.into())))
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
            ..slot(vip, vip.pins.table)
        }),
        report,
        meeting,
    );

    let marked = datacenter.kubernetes.kube_proxy.needs_marks();
    // Slot `i` is the `from` rule of VIP `i`, slot `n + i` its `fwmark` rule: one pool for both.
    let count = vips.len();
    let from_slots = vips.iter().enumerate().map(|(index, vip)| Slot {
        locked: locked(index).and_then(|locked| locked.rule_priority),
        ..slot(vip, vip.pins.rule_priority)
    });
    let mark_slots = vips.iter().enumerate().filter(|_| marked).map(|(index, vip)| Slot {
        locked: locked(index).and_then(|locked| locked.mark_rule_priority),
        ..slot(vip, None)
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
            ..slot(vip, vip.pins.mark)
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

fn slot(vip: &Vip, pin: Option<Loc<u32>>) -> Slot {
    Slot { vip: vip.address, pin, locked: None }
}

/// The values of a mask other than 0, rising.
fn submasks(mask: u32) -> impl Iterator<Item = u32> + Clone {
    std::iter::successors(Some(0u32), move |value| {
        let next = value.wrapping_sub(mask) & mask;
        (next != 0).then_some(next)
    })
    .skip(1)
}

/// The help for a mask that has too few values.
fn wider_mask(mask: u32, vips: usize) -> String {
    let needed = usize::BITS - vips.leading_zeros();
    let low = mask.trailing_zeros();
    let wider = (((1u64 << needed) - 1) << low) | u64::from(mask);
    match u32::try_from(wider) {
        Ok(wider) => format!(
            "write `mark_mask: {wider:#x}`, after making sure that nothing else uses those bits"
        ),
        Err(_) => "give VIPs disjoint `nodes`".to_owned(),
    }
}

/// Which VIPs one node may hold together.
struct Meet {
    nodes: Vec<Vec<u64>>,
}

impl Meet {
    fn of(datacenter: &Datacenter) -> Self {
        let names: Vec<_> = datacenter.nodes.keys().collect();
        let words = names.len().div_ceil(64);
        let bits = |vip: &Vip| {
            let mut bits = vec![0u64; words];
            for node in &vip.nodes {
                if let Ok(index) = names.binary_search(&node) {
                    bits[index / 64] |= 1 << (index % 64);
                }
            }
            bits
        };
        Self { nodes: datacenter.vips.iter().map(bits).collect() }
    }

    fn on_a_node(&self, a: usize, b: usize) -> bool {
        self.nodes[a].iter().zip(&self.nodes[b]).any(|(a, b)| a & b != 0)
    }
}

/// A number that is wanted.
#[derive(Clone, Copy)]
struct Slot {
    vip: Loc<IpAddr>,
    /// What the inventory says.
    pin: Option<Loc<u32>>,
    /// What the lock says.
    locked: Option<Loc<u32>>,
}

/// Numbers to give out.
struct Pool<'a, I> {
    what: &'a str,
    key: &'a str,
    /// What to do when there are too few.
    help: &'a str,
    /// Whether a VIP can get another number without its traffic noticing.
    movable: bool,
    /// Whether a number is one of the pool's.
    holds: &'a dyn Fn(u32) -> bool,
    numbers: I,
}

impl<I: Iterator<Item = u32> + Clone> Pool<'_, I> {
    /// A number for every slot, such that slots that clash differ: pins, then the lock, then the lowest free one.
    fn fill(
        &self,
        slots: impl Iterator<Item = Slot>,
        report: &mut Report,
        clash: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<u32>> {
        let slots: Vec<Slot> = slots.collect();
        let mut numbers: Vec<Option<u32>> =
            slots.iter().map(|slot| Some(slot.pin?.value)).collect();
        let mut sound = true;
        let mut outside: Vec<Loc<u32>> = Vec::new();
        for (index, slot) in slots.iter().enumerate() {
            let Some(locked) = slot.locked.filter(|_| slot.pin.is_none()) else { continue };
            let holder = (0..slots.len()).find(|other| {
                *other != index && numbers[*other] == Some(locked.value) && clash(index, *other)
            });
            let other = holder.map(|holder| &slots[holder]);
            match other
                .and_then(|other| Some((other, other.locked.filter(|_| other.pin.is_none())?)))
            {
                Some((other, first)) => {
                    sound &= self.movable;
                    report.push(self.locked_twice(slot, &locked, other, &first));
                }
                // What a pin takes is free no more.
                None if other.is_some() => {}
                None => {
                    numbers[index] = Some(locked.value);
                    outside.extend((!(self.holds)(locked.value)).then_some(locked));
                }
            }
        }
        if let Some(first) = outside.first() {
            let (key, what, count) = (self.key, self.what, outside.len());
            report.push(
                Diagnostic::new(
                    &codes::LOCK_OUTSIDE,
                    first.span,
                    format!("{what} {} of the lock is not in `{key}`", first.value),
                    if count > 1 { format!("and {} more", count - 1) } else { String::new() },
                )
                .note("the lock beats the pool, so that what runs is not changed by accident")
                .help(format!("take the {what} out of the lock's line to get one of the pool; a VRID that changes is a failover")),
            );
        }
        if !sound {
            return None;
        }
        let mut missing: Vec<&Slot> = Vec::new();
        for (index, slot) in slots.iter().enumerate() {
            if numbers[index].is_some() {
                continue;
            }
            let clashing =
                (0..slots.len()).filter(|other| numbers[*other].is_some() && clash(index, *other));
            let mut taken: Vec<u32> = clashing.filter_map(|other| numbers[other]).collect();
            taken.sort_unstable();
            numbers[index] =
                self.numbers.clone().find(|number| taken.binary_search(number).is_err());
            if numbers[index].is_none() {
                missing.push(slot);
            }
        }
        if let Some(first) = missing.first() {
            let (what, key, count) = (self.what, self.key, missing.len());
            let what = if count == 1 {
                what.to_owned()
            } else {
                format!(
                    "{}s",
                    what.strip_suffix('y').map_or(what.to_owned(), |stem| format!("{stem}ie"))
                )
            };
            report.push(
                Diagnostic::new(
                    &codes::POOL,
                    first.vip.span,
                    format!("`{key}` has {count} {what} too few"),
                    format!("the first VIP that gets no {}", self.what),
                )
                .note("VIPs that one node may hold need different numbers")
                .help(self.help),
            );
        }
        numbers.into_iter().collect()
    }

    fn locked_twice(
        &self,
        slot: &Slot,
        locked: &Loc<u32>,
        other: &Slot,
        first: &Loc<u32>,
    ) -> Diagnostic {
        let (what, value) = (self.what, locked.value);
        let (vip, other) = (slot.vip.value, other.vip.value);
        let code = if self.movable { &codes::LOCK_MENDED } else { &codes::LOCKED_TWICE };
        let diagnostic = Diagnostic::new(
            code,
            locked.span,
            format!("the lock gives {what} {value} to two VIPs that meet on a node"),
            format!("to {vip}"),
        )
        .also(first.span, format!("to {other}"));
        match self.movable {
            true => diagnostic.help(format!("`lbgen render` gives {vip} another one, which moves no traffic")),
            false => diagnostic
                .note("one of the two has to be made anew with another VRID, and the lock does not say which one runs")
                .help(format!("take `vrid` out of the lock's line of the one that does not run yet: {vip} or {other}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_all_its_values_but_zero() {
        assert_eq!(submasks(0xff).count(), 255);
        assert_eq!(submasks(0x30).collect::<Vec<_>>(), [0x10, 0x20, 0x30]);
        assert_eq!(submasks(0x8000_0001).collect::<Vec<_>>(), [1, 0x8000_0000, 0x8000_0001]);
    }

    #[test]
    fn a_wider_mask_is_wide_enough() {
        assert!(wider_mask(0xf, 16).contains("0x1f"));
        assert!(wider_mask(0xf0, 300).contains("0x1ff0"));
    }
}
