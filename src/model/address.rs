//! One address, one thing.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::name::{Label, Subdomain};
use super::{Entrypoint, Gateway, Names, Node, Vip, codes};
use crate::diag::{Diagnostic, Report};
use crate::source::Span;

/// Reports every address that two things have.
pub(super) fn refuse_shared(
    gateways: &Names<Label, Gateway>,
    nodes: &Names<Subdomain, Node>,
    entrypoints: &Names<Label, Entrypoint>,
    vips: &[Vip],
    report: &mut Report,
) {
    let mut uses: Vec<(Span, IpAddr, String)> = Vec::new();
    for (name, gateway) in gateways.iter() {
        uses.push((gateway.address.span, gateway.address.value, format!("the gateway `{name}`")));
    }
    for (name, node) in nodes.iter() {
        let v4 = node.address.map(|address| (address.span, address.value.into()));
        let v6 = node.address6.map(|address| (address.span, address.value.into()));
        uses.extend(
            [v4, v6]
                .into_iter()
                .flatten()
                .map(|(span, address)| (span, address, format!("the node `{name}`"))),
        );
    }
    for vip in vips {
        uses.push((vip.address.span, vip.address.value, "a VIP".to_owned()));
        uses.extend(vip.extra.iter().map(|(extra, _)| {
            (extra.span, extra.value, format!("an extra address of {}", vip.address.value))
        }));
    }
    uses.sort();
    let mut seen: BTreeMap<IpAddr, (Span, &str)> = BTreeMap::new();
    for (span, address, what) in &uses {
        refuse(*span, *address, what, &seen, report);
        seen.entry(*address).or_insert((*span, what));
    }
    // Several entrypoints may share a legacy proxy, so fallbacks are compared with the others only.
    for (name, entrypoint) in entrypoints.iter() {
        for address in entrypoint.fallback.iter().flat_map(|fallback| &fallback.addresses) {
            refuse(
                address.span,
                address.value,
                &format!("the fallback of `{name}`"),
                &seen,
                report,
            );
        }
    }
}

fn refuse(
    span: Span,
    address: IpAddr,
    what: &str,
    seen: &BTreeMap<IpAddr, (Span, &str)>,
    report: &mut Report,
) {
    let Some((first, other)) = seen.get(&address) else { return };
    report.push(
        Diagnostic::new(
            &codes::ADDRESS_TWICE,
            span,
            format!("{address} is used twice"),
            format!("{what} has it"),
        )
        .also(*first, format!("{other} has it"))
        .note("two hosts that answer for one address take each other's packets"),
    );
}
