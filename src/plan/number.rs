//! VRIDs, tables, rule priorities and marks: pins first, then the lowest free number.
//!
//! Two VIPs may share a number where no node holds both: with unicast adverts, a node hears only VIPs that it may
//! hold, and tables, rules and marks are a node's own.

use super::codes;
use crate::diag::{Diagnostic, Report};
use crate::model::{Datacenter, RESERVED_TABLES, Vip};
use crate::source::Span;

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

/// The numbers of every VIP, in the order of `datacenter.vips`; `None` where a pool is too small.
pub(super) fn allocate(datacenter: &Datacenter, report: &mut Report) -> Option<Vec<Numbers>> {
    let vips = &datacenter.vips;
    let routing = &datacenter.policy_routing;
    let meet = Meet::of(datacenter);
    let same_family =
        |a: usize, b: usize| vips[a].address.value.is_ipv4() == vips[b].address.value.is_ipv4();

    let mut vrids =
        Pool::new("VRID", "keepalived.vrids", datacenter.keepalived.vrids.clone().map(u32::from));
    vrids.help =
        "give VIPs disjoint `nodes`, or put addresses that share their fate into `extra_addresses`";
    let vrids = vrids.fill(
        vips,
        report,
        |vip| vip.pins.vrid.map(|pin| pin.value.into()),
        |a, b| meet.on_a_node(a, b) && same_family(a, b),
    );
    let tables = routing.tables.clone().filter(|table| !RESERVED_TABLES.contains(table));
    let tables = Pool::new("table", "policy_routing.tables", tables).fill(
        vips,
        report,
        |vip| vip.pins.table.map(|pin| pin.value),
        |a, b| meet.on_a_node(a, b),
    );
    let marked = datacenter.kubernetes.kube_proxy.needs_marks();
    let rules = rule_priorities(datacenter, &meet, marked, report);
    let marks = if marked {
        let mut pool = Pool::new("mark", "policy_routing.mark_mask", submasks(routing.mark_mask));
        let help = wider_mask(routing.mark_mask, vips.len());
        pool.help = &help;
        let marks = pool.fill(
            vips,
            report,
            |vip| vip.pins.mark.map(|pin| pin.value),
            |a, b| meet.on_a_node(a, b),
        );
        Some(marks?)
    } else {
        None
    };
    let (vrids, tables, (from_rules, mark_rules)) = (vrids?, tables?, rules?);
    Some(
        (0..vips.len())
            .map(|index| Numbers {
                // The pool holds 1 to 255.
                vrid: u8::try_from(vrids[index]).unwrap_or(u8::MAX),
                table: tables[index],
                rule_priority: from_rules[index],
                mark: marks.as_ref().map(|marks| MarkNumbers {
                    value: marks[index],
                    rule_priority: mark_rules[index],
                }),
            })
            .collect(),
    )
}

/// Priorities of the `from` rules, and of the `fwmark` rules where there are any; one pool for both.
fn rule_priorities(
    datacenter: &Datacenter,
    meet: &Meet,
    marked: bool,
    report: &mut Report,
) -> Option<(Vec<u32>, Vec<u32>)> {
    let vips = &datacenter.vips;
    let pool = datacenter.policy_routing.rule_priorities.clone();
    // Slot `i` is the `from` rule of VIP `i`, slot `n + i` its `fwmark` rule.
    let slots: Vec<&Vip> =
        if marked { vips.iter().chain(vips).collect() } else { vips.iter().collect() };
    let count = vips.len();
    let mut filled = Pool::new("rule priority", "policy_routing.rule_priorities", pool)
        .fill_slots(
            &slots,
            report,
            |slot| slots[slot].pins.rule_priority.filter(|_| slot < count).map(|pin| pin.value),
            |a, b| meet.on_a_node(a % count, b % count),
        )?;
    let mark_rules = filled.split_off(count);
    Some((filled, mark_rules))
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

/// Numbers to give out.
struct Pool<'a, I> {
    what: &'a str,
    key: &'a str,
    help: &'a str,
    numbers: I,
}

impl<'a, I: Iterator<Item = u32> + Clone> Pool<'a, I> {
    fn new(what: &'a str, key: &'a str, numbers: I) -> Self {
        Self { what, key, help: "widen the pool, or give VIPs disjoint `nodes`", numbers }
    }

    fn fill(
        &mut self,
        vips: &[Vip],
        report: &mut Report,
        pin: impl Fn(&Vip) -> Option<u32>,
        clash: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<u32>> {
        let slots: Vec<&Vip> = vips.iter().collect();
        self.fill_slots(&slots, report, |slot| pin(&vips[slot]), clash)
    }

    /// A number for every slot, such that slots that clash differ.
    fn fill_slots(
        &mut self,
        slots: &[&Vip],
        report: &mut Report,
        fixed: impl Fn(usize) -> Option<u32>,
        clash: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<u32>> {
        let mut numbers: Vec<Option<u32>> = (0..slots.len()).map(fixed).collect();
        let mut missing: Vec<Span> = Vec::new();
        for slot in 0..slots.len() {
            if numbers[slot].is_some() {
                continue;
            }
            let mut taken: Vec<u32> = (0..slots.len())
                .filter(|other| clash(slot, *other))
                .filter_map(|other| numbers[other])
                .collect();
            taken.sort_unstable();
            numbers[slot] =
                self.numbers.clone().find(|number| taken.binary_search(number).is_err());
            if numbers[slot].is_none() {
                missing.push(slots[slot].address.span);
            }
        }
        if let Some(first) = missing.first() {
            let (what, key, count) = (self.what, self.key, missing.len());
            let s = if count == 1 { "" } else { "s" };
            report.push(
                Diagnostic::new(
                    &codes::POOL,
                    *first,
                    format!("`{key}` has {count} {what}{s} too few"),
                    format!("the first VIP that gets no {what}"),
                )
                .note("VIPs that one node may hold need different numbers")
                .help(self.help),
            );
        }
        numbers.into_iter().collect()
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
