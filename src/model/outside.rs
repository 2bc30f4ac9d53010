//! Machines outside of the cluster: the addresses behind a Service that selects no pods.

use std::net::IpAddr;

use super::component::BackendPort;
use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Nonempty, Set, Text};
use crate::source::{Loc, Span};

/// Endpoints of an EndpointSlice (KEP-752).
const MOST_ENDPOINTS: usize = 1000;

/// The addresses, sorted; `None` where the list is empty or one of them is wrong.
pub(super) fn addresses(
    list: &Loc<Nonempty<Set<Loc<Text<IpAddr>>>>>,
    what: &str,
    empty: &str,
    report: &mut Report,
) -> Option<Vec<Loc<IpAddr>>> {
    value::refuse_empty(list, "addresses", empty, report);
    value::refuse_repeats(&list.value, "addresses", report);
    let mut addresses: Vec<Loc<IpAddr>> =
        list.value.iter().filter_map(|raw| value::address(raw, what, report)).collect();
    addresses.sort();
    for (family, is_ours) in
        [("IPv4", IpAddr::is_ipv4 as fn(&IpAddr) -> bool), ("IPv6", IpAddr::is_ipv6)]
    {
        let count = addresses.iter().filter(|address| is_ours(&address.value)).count();
        if count > MOST_ENDPOINTS {
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    list.span,
                    format!("`addresses` lists {count} {family} addresses"),
                    format!("at most {MOST_ENDPOINTS} of a family"),
                )
                .note("an EndpointSlice holds no more (KEP-752)")
                .help("put a load balancer in front of them"),
            );
            return None;
        }
    }
    let complete = addresses.len() == list.value.len() && !addresses.is_empty();
    complete.then_some(addresses)
}

/// The port that the machines at `addresses` listen on; a Service's port may have a name, theirs has a number.
pub(super) fn port(port: &Loc<BackendPort>, addresses: Span, report: &mut Report) -> Option<u16> {
    let number = port.value.number();
    if number.is_none() {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                port.span,
                format!("`port` must be a number beside `addresses`, not `{}`", port.value),
                "a name",
            )
            .also(addresses, "the machines that listen there"),
        );
    }
    number
}
