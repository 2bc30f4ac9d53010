//! One address, one thing.
//!
//! Compared as written, so that a mistake elsewhere in an entry hides nothing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw::{self, Either};
use crate::inventory::{Map, Text};
use crate::source::{Loc, Span};

const VIP: &str = "a VIP";

/// Reports every address that two things have.
pub(super) fn refuse_shared(raw: &raw::Inventory, report: &mut Report) {
    let mut uses: Vec<(Span, IpAddr, String)> = Vec::new();
    let mut add = |address: Option<Loc<IpAddr>>, what: String| {
        uses.extend(address.map(|address| (address.span, address.value, what)));
    };
    for (name, gateway) in entries(raw.gateways.as_ref()) {
        add(usable(gateway.address.as_ref()), format!("the gateway `{name}`"));
    }
    for (name, node) in entries(raw.nodes.as_ref()) {
        add(usable(node.address.as_ref()), format!("the node `{name}`"));
        add(usable(node.address6.as_ref()), format!("the node `{name}`"));
    }
    for vip in raw.vips.iter().flatten() {
        add(usable(vip.address.as_ref()), VIP.to_owned());
        for extra in vip.extra_addresses.iter().flatten() {
            let of = vip.address.as_ref().map_or("a VIP", |address| address.value.text.as_str());
            let address = match extra {
                Either::Short(address) => Some(address),
                Either::Long(long) => long.address.as_ref(),
            };
            add(usable(address), format!("an extra address of {}", of));
        }
    }
    uses.sort();
    let mut seen: BTreeMap<IpAddr, (Span, &str)> = BTreeMap::new();
    for (span, address, what) in &uses {
        refuse(*span, *address, what, &seen, report);
        seen.entry(*address).or_insert((*span, what));
    }
    // Several entrypoints may share a legacy proxy, and components a machine, so these are compared with the others only.
    let fallbacks = entries(raw.entrypoints.as_ref()).filter_map(|(name, entrypoint)| {
        let fallback = entrypoint.fallback.as_ref()?;
        Some((format!("the fallback of `{name}`"), fallback.addresses.as_ref()?))
    });
    let backends = entries(raw.components.as_ref()).filter_map(|(name, component)| {
        let backend = component.backend.as_ref()?;
        Some((format!("the backend of `{name}`"), backend.addresses.as_ref()?))
    });
    for (what, list) in fallbacks.chain(backends) {
        for address in list.value.iter().filter_map(|raw| usable(Some(raw))) {
            refuse(address.span, address.value, &what, &seen, report);
        }
    }
}

/// The address, where it is one that a host may have.
fn usable<T>(raw: Option<&Loc<Text<T>>>) -> Option<Loc<IpAddr>> {
    raw.and_then(|raw| Some(raw.with(value::usable_address(raw)?)))
}

fn entries<K, T>(map: Option<&Map<K, T>>) -> impl Iterator<Item = (String, &T)> {
    map.into_iter()
        .flatten()
        .filter_map(|(name, entry)| Some((name.clone(), entry.value.as_ref()?)))
}

fn refuse(
    span: Span,
    address: IpAddr,
    what: &str,
    seen: &BTreeMap<IpAddr, (Span, &str)>,
    report: &mut Report,
) {
    let Some((first, other)) = seen.get(&address) else { return };
    let twice = Diagnostic::new(
        &codes::ADDRESS_TWICE,
        span,
        format!("{address} is used twice"),
        format!("{what} has it"),
    )
    .also(*first, format!("{other} has it"));
    report.push(match [what, *other] == [VIP; 2] {
        true => twice.help("the VIP is listed twice: remove one of the two"),
        false => twice
            .note("two hosts that answer for one address receive each other's packets")
            .help("give one of them another address, or remove it"),
    });
}
