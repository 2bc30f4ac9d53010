//! Giving out numbers: pins, then the lock, then the first free one from the VIP's own place on.
//!
//! The place comes from a hash of the address: two people who each add a VIP on a branch rarely get one number, and a
//! lost lock gives nearly every number again.

use std::net::IpAddr;

use sha2::{Digest, Sha256};

use super::series::Series;
use crate::diag::{Diagnostic, Report};
use crate::model::{Subdomain, Vip};
use crate::plan::codes;
use crate::source::Loc;

/// A number that is wanted.
#[derive(Clone, Copy)]
pub(super) struct Slot<'a> {
    pub vip: &'a Vip,
    /// The address that it is for: the VIP's, or an extra one in a network of its own.
    pub address: IpAddr,
    /// The number that the inventory pins.
    pub pin: Option<Loc<u32>>,
    /// The number that the lock holds.
    pub locked: Option<Loc<u32>>,
    /// The nodes that could hold the VIP when the lock was written.
    pub known: &'a [Subdomain],
}

impl Slot<'_> {
    /// The number of the lock, where no pin beats it.
    fn kept(&self) -> Option<Loc<u32>> {
        self.locked.filter(|_| self.pin.is_none())
    }
}

/// Numbers to give out.
pub(super) struct Pool<'a> {
    pub what: &'a str,
    pub key: &'a str,
    /// The advice for when there are too few.
    pub help: &'a str,
    /// True if a VIP can get another number without its traffic noticing.
    pub movable: bool,
    /// Returns true if a number is one of the pool's.
    pub holds: &'a dyn Fn(u32) -> bool,
    pub numbers: Series,
}

impl Pool<'_> {
    /// A number for every slot, such that slots that clash differ: pins, then the lock, then the first free one from the
    /// place of the VIP on.
    pub fn fill<'s>(
        &self,
        slots: impl Iterator<Item = Slot<'s>>,
        report: &mut Report,
        clash: impl Fn(usize, usize) -> bool,
    ) -> Option<Vec<u32>> {
        let slots: Vec<Slot<'s>> = slots.collect();
        let mut sound = self.check_pins(&slots, report, &clash);
        let mut numbers: Vec<Option<u32>> =
            slots.iter().map(|slot| Some(slot.pin?.value)).collect();
        let mut outside: Vec<Loc<u32>> = Vec::new();
        for (index, slot) in slots.iter().enumerate() {
            let Some(locked) = slot.kept() else { continue };
            let holder = (0..slots.len()).find(|other| {
                *other != index && numbers[*other] == Some(locked.value) && clash(index, *other)
            });
            match holder.map(|holder| &slots[holder]) {
                Some(other) => {
                    // A pin says which number is wanted, not which of the two runs.
                    let first = other.locked.filter(|first| first.value == locked.value);
                    if let Some(first) = first {
                        sound &= self.movable;
                        report.push(self.locked_twice(slot, &locked, other, &first));
                    }
                }
                None => {
                    numbers[index] = Some(locked.value);
                    outside.extend((!(self.holds)(locked.value)).then_some(locked));
                }
            }
        }
        self.warn_outside(&outside, report);
        if !sound {
            return None;
        }
        let mut missing: Vec<&Slot<'_>> = Vec::new();
        for (index, slot) in slots.iter().enumerate() {
            if numbers[index].is_some() {
                continue;
            }
            let clashing = (0..slots.len()).filter(|other| *other != index && clash(index, *other));
            let mut taken: Vec<u32> = clashing
                .flat_map(|other| {
                    // What a VIP runs with until this render is rolled out is not free yet either.
                    let runs = slots[other].locked.filter(|_| !self.movable);
                    [numbers[other], runs.map(|locked| locked.value)]
                })
                .flatten()
                .collect();
            taken.sort_unstable();
            let size = self.numbers.size;
            let start = place(slot.address, size);
            numbers[index] = (0..size)
                .map(|step| self.numbers.at((start + step) % size))
                .find(|number| taken.binary_search(number).is_err());
            if numbers[index].is_none() {
                missing.push(slot);
            }
        }
        self.refuse_missing(&missing, report);
        numbers.into_iter().collect()
    }

    /// Returns true if every pin can be had: a number whose change recreates the instance cannot go from one VIP to
    /// another in one render.
    fn check_pins(
        &self,
        slots: &[Slot<'_>],
        report: &mut Report,
        clash: &impl Fn(usize, usize) -> bool,
    ) -> bool {
        let mut sound = true;
        for (index, slot) in slots.iter().enumerate() {
            let Some(pin) = slot.pin else { continue };
            let has_it = slot.locked.is_some_and(|locked| locked.value == pin.value);
            for (other_index, other) in slots.iter().enumerate() {
                let Some(locked) = other.locked.filter(|locked| locked.value == pin.value) else {
                    continue;
                };
                if has_it || other_index == index || !clash(index, other_index) {
                    continue;
                }
                if !self.movable {
                    sound = false;
                    report.push(self.taken_from(slot, &pin, other, &locked));
                } else if other.pin.is_none() {
                    report.push(self.moved_away(slot, &pin, other, &locked));
                }
            }
        }
        sound
    }

    fn taken_from(
        &self,
        slot: &Slot<'_>,
        pin: &Loc<u32>,
        other: &Slot<'_>,
        locked: &Loc<u32>,
    ) -> Diagnostic {
        let (what, value) = (self.what, pin.value);
        let (vip, other) = (slot.address, other.address);
        Diagnostic::new(
            &codes::TAKEN,
            pin.span,
            format!("{what} {value} is pinned for {vip}, but {other} runs with it"),
            format!("pinned for {vip}"),
        )
        .also(locked.span, format!("the lock has it for {other}"))
        .note("both would change in one rollout, and a node that has reloaded mistakes the other VIP's adverts for its own: an address can be lost for good")
        .help(format!("pin another number; or first give {other} another one in a separate render and rollout"))
    }

    fn moved_away(
        &self,
        slot: &Slot<'_>,
        pin: &Loc<u32>,
        other: &Slot<'_>,
        locked: &Loc<u32>,
    ) -> Diagnostic {
        let (what, value) = (self.what, pin.value);
        let (vip, other) = (slot.address, other.address);
        Diagnostic::new(
            &codes::LOCK_MENDED,
            pin.span,
            format!("the pin for {vip} takes {what} {value} from {other}"),
            format!("pinned for {vip}"),
        )
        .also(locked.span, format!("the lock had it for {other}"))
        .help(format!(
            "{other} gets another one, which moves no traffic; to avoid that, pin another number"
        ))
    }

    fn warn_outside(&self, outside: &[Loc<u32>], report: &mut Report) {
        let Some(first) = outside.first() else { return };
        let (key, what, count) = (self.key, self.what, outside.len());
        report.push(
            Diagnostic::new(
                &codes::LOCK_OUTSIDE,
                first.span,
                format!("{what} {} of the lock is not in `{key}`", first.value),
                if count > 1 { format!("and {} more", count - 1) } else { String::new() },
            )
            .note("the lock wins over the pool, so that nothing that runs changes by accident")
            .help(format!("remove the {what} from the lock's line to get one from the pool; a changed VRID causes a failover")),
        );
    }

    fn refuse_missing(&self, missing: &[&Slot<'_>], report: &mut Report) {
        let Some(first) = missing.first() else { return };
        let (what, key, count) = (self.what, self.key, missing.len());
        let plural = match what.strip_suffix('y') {
            Some(stem) => format!("{stem}ies"),
            None => format!("{what}s"),
        };
        let counted = if count == 1 { what.to_owned() } else { plural };
        report.push(
            Diagnostic::new(
                &codes::POOL,
                first.vip.address.span,
                format!("`{key}` is {count} {counted} short"),
                format!("the first VIP without a {what}"),
            )
            .note("VIPs that share a node need different numbers")
            .help(self.help),
        );
    }

    fn locked_twice(
        &self,
        slot: &Slot<'_>,
        locked: &Loc<u32>,
        other: &Slot<'_>,
        first: &Loc<u32>,
    ) -> Diagnostic {
        let (what, value) = (self.what, locked.value);
        let (vip, second) = (slot.address, other.address);
        if self.movable {
            return Diagnostic::new(
                &codes::LOCK_MENDED,
                locked.span,
                format!("the lock gives {what} {value} to two VIPs that share a node"),
                format!("to {vip}"),
            )
            .also(first.span, format!("to {second}"))
            .help(format!("the next render gives {vip} another one, which moves no traffic"));
        }
        let note = "one of the two must be recreated with another VRID";
        let way = format!("remove `vrid` from the lock's line of {vip} or {second}");
        // While no node could hold both, they rightly shared it: then it is the inventory that changed.
        let met = slot.known.is_empty()
            || other.known.is_empty()
            || slot.known.iter().any(|node| other.known.contains(node));
        if met {
            return Diagnostic::new(
                &codes::LOCKED_TWICE,
                locked.span,
                format!("the lock gives {what} {value} to two VIPs that share a node"),
                format!("to {vip}"),
            )
            .also(first.span, format!("to {second}"))
            .note(format!("{note}, and the lock does not say which one runs"))
            .help(match other.pin {
                None => format!("{way}: the one that does not run yet"),
                Some(_) => format!("{way}: the one that does not run yet; if that is {second}, pin another number too"),
            });
        }
        let widened = [slot, other]
            .into_iter()
            .find(|slot| slot.vip.nodes.iter().any(|node| !slot.known.contains(node)));
        let widened = widened.unwrap_or(slot).vip;
        let node = slot.vip.nodes.iter().find(|node| other.vip.nodes.contains(node));
        let node = node.map_or("a node".to_owned(), |node| format!("`{node}`"));
        Diagnostic::new(
            &codes::LOCKED_TWICE,
            widened.limit.unwrap_or(widened.address.span),
            format!("{vip} and {second} both have {what} {value}, and {node} can hold both now"),
            format!("more nodes than before can hold {}", widened.address.value),
        )
        .note(format!("they could share it while no node could hold both; now {note}"))
        .help(format!("{way}, which is a failover of that VIP; or keep their `nodes` apart"))
    }
}

/// The place where the search for a VIP's number begins: the first 8 bytes of the SHA-256 of its text, modulo the size
/// of the pool.
fn place(vip: IpAddr, size: u64) -> u64 {
    let digest = Sha256::digest(vip.to_string());
    let head = digest.iter().take(8).fold(0, |head, byte| head << 8 | u64::from(*byte));
    head.checked_rem(size).unwrap_or_default()
}
