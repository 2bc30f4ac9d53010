//! VIPs that two datacenters of a fleet both have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::codes;
use super::raw::Inventory;
use crate::diag::{Diagnostic, Report};
use crate::source::Span;

/// Two datacenters that share VIPs: where the first one stands in each, and how many there are.
struct Shared {
    address: IpAddr,
    first: Span,
    second: Span,
    count: usize,
}

/// Warns once of each two datacenters that have the same VIPs, and do not have them from one file.
pub fn warn_of_shared_vips(inventories: &[&Inventory], report: &mut Report) {
    let mut owners: BTreeMap<IpAddr, (usize, Span)> = BTreeMap::new();
    let mut pairs: BTreeMap<(usize, usize), Shared> = BTreeMap::new();
    for (index, inventory) in inventories.iter().enumerate() {
        for written in inventory.vips.iter().flatten().filter_map(|vip| vip.address.as_ref()) {
            let Ok(address) = written.value.text.parse::<IpAddr>() else { continue };
            let (owner, first) = *owners.entry(address).or_insert((index, written.span));
            let is_own = owner == index || first == written.span;
            if is_own || is_waived(inventories[owner], first) || is_waived(inventory, written.span)
            {
                continue;
            }
            let shared = Shared { address, first, second: written.span, count: 0 };
            pairs.entry((owner, index)).or_insert(shared).count += 1;
        }
    }
    for ((owner, index), shared) in pairs {
        let [one, other] = [owner, index].map(|index| {
            inventories[index].datacenter.as_ref().map_or("", |name| name.value.text.as_str())
        });
        let address = shared.address;
        let mut diagnostic = Diagnostic::new(
            &codes::SHARED_VIP,
            shared.second,
            format!("{address} is a VIP of `{one}` and of `{other}`"),
            format!("of `{other}`"),
        )
        .also(shared.first, format!("of `{one}`"));
        if shared.count > 1 {
            diagnostic = diagnostic.note(format!("they share {} VIPs", shared.count));
        }
        report.push(
            diagnostic
                .note("one of the two may be a copy of the other: its rollout would change the other's nodes")
                .help("give each datacenter addresses of its own; where both announce the VIP on purpose, write `allow: [LB229]` at it"),
        );
    }
}

fn is_waived(inventory: &Inventory, span: Span) -> bool {
    inventory.waivers().iter().any(|waiver| waiver.covers(codes::SHARED_VIP.id, span))
}
