//! Pinned numbers of VIPs that share a node must differ.

use super::{Vip, codes};
use crate::diag::{Code, Diagnostic, Report};
use crate::source::Loc;

/// Reports every pin that two VIPs on one node share.
pub(super) fn refuse_shared(vips: &[Vip], report: &mut Report) {
    compare(
        vips,
        &codes::VRID_TWICE,
        "VRID",
        "VRRP routers that share a VRID on one link answer each other's adverts",
        report,
        |vip| vip.pins.vrid.map(|vrid| vrid.with(u32::from(vrid.value))),
        |a, b| a.address.value.is_ipv4() == b.address.value.is_ipv4(),
    );
    let any = |_: &Vip, _: &Vip| true;
    let note = "the routes of one VIP would carry the replies of the other";
    compare(vips, &codes::NUMBER_TWICE, "table", note, report, |vip| vip.pins.table, any);
    let apart = "the kernel tells the rules of the two apart by their addresses, but a person who reads `ip rule` may not";
    let code = &codes::PRIORITY_SHARED;
    compare(vips, code, "rule priority", apart, report, |vip| vip.pins.rule_priority, any);
    let apart = "the kernel tells the rules of the two apart by their marks, but a person who reads `ip rule` may not";
    compare(
        vips,
        code,
        "mark rule priority",
        apart,
        report,
        |vip| vip.pins.mark_rule_priority,
        any,
    );
    compare(vips, &codes::NUMBER_TWICE, "mark", note, report, |vip| vip.pins.mark, any);
}

fn compare(
    vips: &[Vip],
    code: &'static Code,
    what: &str,
    note: &str,
    report: &mut Report,
    pin: impl Fn(&Vip) -> Option<Loc<u32>>,
    meet: impl Fn(&Vip, &Vip) -> bool,
) {
    let mut pinned: Vec<(&Vip, Loc<u32>)> =
        vips.iter().filter_map(|vip| Some((vip, pin(vip)?))).collect();
    pinned.sort_by_key(|(_, pin)| (pin.value, pin.span));
    for (index, (vip, pin)) in pinned.iter().enumerate() {
        let same = pinned[..index].iter().rev().take_while(|(_, other)| other.value == pin.value);
        let clash = same.filter(|(other, _)| meet(vip, other)).find_map(|(other, first)| {
            let shared = vip.nodes.iter().find(|node| other.nodes.contains(node))?;
            Some((other, first, shared))
        });
        if let Some((other, first, node)) = clash {
            report.push(
                Diagnostic::new(
                    code,
                    pin.span,
                    format!("{what} {} is used by two VIPs that `{node}` can hold", pin.value),
                    format!("second use, by VIP {}", vip.address.value),
                )
                .also(first.span, format!("first use, by VIP {}", other.address.value))
                .note(note)
                .help("remove one of the pins and a free number is allocated"),
            );
        }
    }
}
