//! Routes beside the default route of a gateway.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::source::Loc;

/// A route to a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The network that it leads to, of the family of `via`; not all addresses.
    pub to: IpNet,
    /// The next hop.
    pub via: IpAddr,
}

/// Routes as written, by network; `link` is the network of their next hops, where it is known.
pub(super) fn build(
    raw: Option<&[raw::Route]>,
    link: Option<&Loc<IpNet>>,
    report: &mut Report,
) -> Option<Vec<Loc<Route>>> {
    let mut routes: Vec<Loc<Route>> = Vec::new();
    let mut sound = true;
    for raw in raw.unwrap_or_default() {
        match route(raw, link, report) {
            Some(route) => {
                sound &= !is_twice(&routes, &route, report);
                routes.push(route);
            }
            None => sound = false,
        }
    }
    routes.sort_by_key(|route| route.value);
    sound.then_some(routes)
}

fn route(raw: &raw::Route, link: Option<&Loc<IpNet>>, report: &mut Report) -> Option<Loc<Route>> {
    let to = raw.to.as_ref().and_then(|raw| value::network(raw, "a route's network", report));
    let via = raw.via.as_ref().and_then(|raw| value::address(raw, "a next hop", report));
    let (to, via) = (to?, via?);
    if to.value.addr().is_ipv4() != via.value.is_ipv4() {
        report.push(
            Diagnostic::new(
                &codes::GATEWAY_NETWORK,
                via.span,
                format!("{} cannot be the next hop to {}", via.value, to.value),
                "of the other family",
            )
            .also(to.span, "this network"),
        );
        return None;
    }
    if let Some(link) = link.filter(|link| !link.value.contains(&via.value)) {
        report.push(
            Diagnostic::new(
                &codes::GATEWAY_NETWORK,
                via.span,
                format!("the next hop {} is outside the gateway's network", via.value),
                "this address",
            )
            .also(link.span, "is not in this network")
            .note("a next hop that is not on the link cannot be reached"),
        );
        return None;
    }
    Some(to.with(Route { to: to.value, via: via.value }))
}

fn is_twice(routes: &[Loc<Route>], route: &Loc<Route>, report: &mut Report) -> bool {
    let Some(first) = routes.iter().find(|other| other.value.to == route.value.to) else {
        return false;
    };
    report.push(
        Diagnostic::new(
            &codes::LIST,
            route.span,
            format!("`routes` has {} twice", route.value.to),
            "second time",
        )
        .also(first.span, "first time")
        .help("remove one of them"),
    );
    true
}
