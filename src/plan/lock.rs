//! The lock: what earlier renders allocated, so that numbers and orders do not move by accident.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::IpAddr;

use super::listener::Places;
use super::{Plan, RoutingNumbers, codes};
use crate::diag::{Diagnostic, Report};
use crate::inventory::lock::{LockedVip, RawLock};
use crate::language::number::Any;
use crate::model::{Host, Label, Name, RESERVED_TABLES, Subdomain};
use crate::source::Loc;

/// The allocations of earlier renders, by VIP.
#[derive(Debug, Default)]
pub struct Lock {
    vips: BTreeMap<IpAddr, Locked>,
    listener_sets: BTreeMap<Label, Places>,
}

/// The numbers and the order allocated to a VIP; anything missing is allocated again.
#[derive(Debug, Default)]
pub struct Locked {
    /// Virtual router id.
    pub vrid: Option<Loc<u32>>,
    /// Of its own network.
    pub routing: LockedRouting,
    /// Of further networks, by gateway.
    pub networks: BTreeMap<Label, LockedRouting>,
    /// Failover order.
    pub order: Vec<Subdomain>,
}

/// The numbers allocated to a network of a VIP.
#[derive(Debug, Default)]
pub struct LockedRouting {
    /// Routing table.
    pub table: Option<Loc<u32>>,
    /// Priority of its `from` rules.
    pub rule_priority: Option<Loc<u32>>,
    /// Packet mark.
    pub mark: Option<Loc<u32>>,
    /// Priority of its `fwmark` rules.
    pub mark_rule_priority: Option<Loc<u32>>,
}

impl Lock {
    /// The lock that was read. What no VIP can have is reported.
    pub fn build(raw: &RawLock, report: &mut Report) -> Self {
        let mut vips = BTreeMap::new();
        for (address, entry) in raw.vips.iter().flatten() {
            let Ok(parsed) = address.parse::<IpAddr>() else {
                report.push(
                    Diagnostic::new(
                        &codes::LOCK,
                        entry.key,
                        format!("`{}` is not a VIP", address),
                        "an IP address",
                    )
                    .help("remove the line; the VIP that it was for gets numbers again"),
                );
                continue;
            };
            if let Some(raw) = &entry.value {
                vips.insert(parsed, locked(raw, report));
            }
        }
        let listener_sets = listener_sets(raw, report);
        Self { vips, listener_sets }
    }

    /// The ListenerSet of a domain.
    pub fn listener_set(&self, entrypoint: &Label, host: &Host) -> Option<usize> {
        self.listener_sets.get(entrypoint)?.get(host).copied()
    }

    /// Returns the allocations of a VIP, or `None` if the lock has none.
    pub fn vip(&self, address: IpAddr) -> Option<&Locked> {
        self.vips.get(&address)
    }

    /// The failover order of a VIP; empty where there is none.
    pub fn order(&self, address: IpAddr) -> &[Subdomain] {
        self.vips.get(&address).map_or(&[], |locked| locked.order.as_slice())
    }
}

/// The ListenerSets that were read. Names that nothing has are those of entries that were removed.
fn listener_sets(raw: &RawLock, report: &mut Report) -> BTreeMap<Label, Places> {
    let mut all = BTreeMap::new();
    for (entrypoint, entry) in raw.listener_sets.iter().flatten() {
        let mut places = Places::new();
        for (domain, place) in entry.value.iter().flatten() {
            let (Some(host), Some(raw)) = (Host::parse(domain), &place.value) else { continue };
            match usize::try_from(raw.value.0).ok().filter(|set| *set < MOST_SETS) {
                Some(set) => _ = places.insert(host, set),
                None => report.push(
                    Diagnostic::new(
                        &codes::LOCK,
                        raw.span,
                        format!("{} is out of range", raw.value),
                        format!("0 to {}", MOST_SETS - 1),
                    )
                    .help("remove the line, and the domain gets the lowest place that is free"),
                ),
            }
        }
        if let Some(entrypoint) = Label::parse(entrypoint) {
            all.insert(entrypoint, places);
        }
    }
    all
}

/// ListenerSets of an entrypoint: more than domains fit into an inventory's 64 MiB.
const MOST_SETS: usize = 100_000;

fn locked(raw: &LockedVip, report: &mut Report) -> Locked {
    let vrid = number(&raw.vrid, 255, report);
    let own = [&raw.table, &raw.rule_priority, &raw.mark, &raw.mark_rule_priority];
    let routing = locked_routing(own, report);
    let mut networks = BTreeMap::new();
    for (gateway, entry) in raw.networks.iter().flatten() {
        // A name that no gateway has is one that was removed.
        if let (Some(gateway), Some(raw)) = (Label::parse(gateway), &entry.value) {
            let own = [&raw.table, &raw.rule_priority, &raw.mark, &raw.mark_rule_priority];
            networks.insert(gateway, locked_routing(own, report));
        }
    }
    if raw.order.as_ref().is_some_and(Vec::is_empty) {
        report.push(
            Diagnostic::new(&codes::LOCK, raw.span, "the failover order is empty", "of this VIP")
                .note("without it the VIP would be planned anew, and could move")
                .help("restore the lock from git; to plan the VIP anew, remove its line"),
        );
    }
    let mut order: Vec<Subdomain> = Vec::new();
    for name in raw.order.iter().flatten() {
        // A name that no node has is a node that was removed.
        let Some(node) = Subdomain::parse(&name.value.text) else { continue };
        if order.contains(&node) {
            report.push(
                Diagnostic::new(
                    &codes::LOCK,
                    name.span,
                    format!("`{node}` is twice in an order"),
                    "second time",
                )
                .help("remove it"),
            );
        } else {
            order.push(node);
        }
    }
    Locked { vrid, routing, networks, order }
}

fn locked_routing(
    [table, rule_priority, mark, mark_rule_priority]: [&Option<Loc<Any>>; 4],
    report: &mut Report,
) -> LockedRouting {
    let found = LockedRouting {
        table: number(table, u32::MAX, report),
        rule_priority: number(rule_priority, 32765, report),
        mark: number(mark, u32::MAX, report),
        mark_rule_priority: number(mark_rule_priority, 32765, report),
    };
    if let Some(table) = found.table.filter(|table| RESERVED_TABLES.contains(&table.value)) {
        report.push(
            Diagnostic::new(
                &codes::LOCK,
                table.span,
                format!("table {} is the kernel's own", table.value),
                "reserved",
            )
            .help("remove it, and a free number is allocated"),
        );
    }
    found
}

/// A number from 1 to `most`.
fn number(raw: &Option<Loc<Any>>, most: u32, report: &mut Report) -> Option<Loc<u32>> {
    let raw = raw.as_ref()?;
    let value = u32::try_from(raw.value.0).ok().filter(|value| (1..=most).contains(value));
    if value.is_none() {
        report.push(
            Diagnostic::new(
                &codes::LOCK,
                raw.span,
                format!("{} is out of range", raw.value),
                format!("1 to {most}"),
            )
            .help("restore the lock from git; without the number a free one is allocated, and another VRID is a failover"),
        );
    }
    value.map(|value| raw.with(value))
}

/// The lock of a plan: one line per VIP and per domain of a Gateway, so that git merges what two branches added.
pub fn text(plan: &Plan) -> String {
    let vips = &plan.vips;
    let mut text = String::from(
        "# Written by lbgen render; commit it. Remove a VIP's line to let it be planned anew.\nversion: 1\n",
    );
    text += if vips.is_empty() { "vips: {}\n" } else { "vips:\n" };
    for vip in vips {
        let numbers = &vip.numbers;
        let order: Vec<&str> = vip.base_order.iter().map(Subdomain::as_str).collect();
        let own = numbers.networks.iter().find(|network| network.address == vip.address);
        let routing = own.map_or(String::new(), |network| format!(", {}", in_words(network)));
        let further = numbers.networks.iter().filter(|network| network.address != vip.address);
        let further: Vec<String> = further
            .map(|network| {
                format!("{}: {{ {} }}", quoted(network.gateway.as_str()), in_words(network))
            })
            .collect();
        let further = match further.is_empty() {
            true => String::new(),
            false => format!(", networks: {{ {} }}", further.join(", ")),
        };
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "  \"{}\": {{ vrid: {}{routing}{further}, order: [{}] }}",
            vip.address,
            numbers.vrid,
            order.join(", "),
        );
    }
    let gateways = plan.listener_sets.iter().filter(|(_, places)| !places.is_empty());
    for (index, (entrypoint, places)) in gateways.enumerate() {
        if index == 0 {
            text += "listener_sets:\n";
        }
        let _ = writeln!(text, "  {}:", quoted(entrypoint.as_str()));
        for (host, set) in places {
            let _ = writeln!(text, "    {}: {set}", quoted(host.as_str()));
        }
    }
    text
}

/// The numbers of a network of a VIP.
fn in_words(numbers: &RoutingNumbers) -> String {
    let mark = numbers.mark.as_ref().map_or(String::new(), |mark| {
        format!(", mark: {:#x}, mark_rule_priority: {}", mark.value, mark.rule_priority)
    });
    format!("table: {}, rule_priority: {}{mark}", numbers.table, numbers.rule_priority)
}

/// A key as YAML reads it back: a wildcard begins like an alias, and names may be numbers.
fn quoted(name: &str) -> String {
    let is_plain = name.starts_with(|c: char| c.is_ascii_lowercase()) && name.contains('.');
    if is_plain { name.to_owned() } else { format!("\"{name}\"") }
}
