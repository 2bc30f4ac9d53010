//! The legacy proxy, which serves everything that no component claims.

use std::net::IpAddr;

use super::{codes, port, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::ServiceName;
use crate::source::Loc;

/// The legacy proxy.
#[derive(Debug)]
pub struct Fallback {
    /// Of the Service, its endpoints and the catch-all Ingress.
    pub name: Loc<ServiceName>,
    /// Not empty, no repeats, sorted.
    pub addresses: Vec<Loc<IpAddr>>,
    /// The port that the addresses listen on.
    pub port: u16,
}

/// Endpoints of an EndpointSlice (KEP-752).
const MOST_ENDPOINTS: usize = 1000;

pub(super) fn build(raw: &raw::Fallback, report: &mut Report) -> Option<Fallback> {
    let name = raw
        .name
        .as_ref()
        .and_then(|raw| Some(raw.with(value::name_of(raw, "a fallback's name", report)?)));
    let port = raw.port.as_ref().and_then(|raw| port(raw, "port", report));
    let list = raw.addresses.as_ref()?;
    value::refuse_empty(
        list,
        "addresses",
        "list what serves the fallback, or remove `fallback`",
        report,
    );
    value::refuse_repeats(&list.value, "addresses", report);
    let mut addresses: Vec<Loc<IpAddr>> = list
        .value
        .iter()
        .filter_map(|raw| value::address(raw, "a fallback's address", report))
        .collect();
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
    complete.then_some(())?;
    Some(Fallback { name: name?, addresses, port: port? })
}
