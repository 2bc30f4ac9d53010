//! Gateway API: the most precise host, then Exact, then the longest prefix (HTTPRouteRule, "matches"; facts K10).
//!
//! What else decides there cannot differ here: one route has each host and path, so the age of routes says nothing.

use std::cmp::Reverse;

use super::{Considered, Lookup, Tier};
use crate::language::name::Host;
use crate::route::PathMatch;

pub(super) fn lookup<'a, A: PartialEq>(
    tier: &'a Tier<A>,
    listener: Option<&Host>,
    host: &Host,
    path: &str,
) -> Lookup<'a, A> {
    let mut found: Vec<(Reverse<Place>, Considered<'a, A>)> = tier
        .all()
        // The catch-all has no hosts: nothing is hidden on a host that somebody names.
        .filter(|rule| rule.host.is_none() || !rule.rule.is_catch_all)
        .filter_map(|rule| {
            let own = common(rule.host, listener)?;
            let at_listener = precision(own, host)?;
            let rank = rank(&rule.rule.found, path)?;
            // Rules of one path: the one whose own host is the more precise.
            let written = precision(rule.host, host)?;
            Some((Reverse((at_listener, rank, written)), rule))
        })
        .collect();
    found.sort_by_key(|(order, _)| *order);
    Lookup::of(found.into_iter().map(|(_, rule)| rule).collect())
}

/// The host of a rule at a listener: of two that overlap the more precise one. `Some(None)` is any, `None` is none.
fn common<'a>(rule: Option<&'a Host>, listener: Option<&'a Host>) -> Option<Option<&'a Host>> {
    match (rule, listener) {
        (None, other) | (other, None) => Some(other),
        (Some(rule), Some(listener)) if rule.is_covered_by(listener) => Some(Some(rule)),
        (Some(rule), Some(listener)) if listener.is_covered_by(rule) => Some(Some(listener)),
        _ => None,
    }
}

/// The order of precedence of a rule, the decisive part first.
type Place = (Precision, Rank, Precision);

/// The precision of a host: true if it is a name and not a wildcard, and the length of its text.
type Precision = (bool, usize);

fn precision(own: Option<&Host>, host: &Host) -> Option<Precision> {
    let Some(own) = own else { return Some((false, 0)) };
    host.is_covered_by(own).then_some(own.precision())
}

/// Exact before a prefix before a regular expression, whose place an implementation chooses; then the longest.
type Rank = (u8, usize);

fn rank(found: &PathMatch, path: &str) -> Option<Rank> {
    let kind = if let PathMatch::Exact(_) = found { 2 } else { 1 };
    found.matches(path).then_some((kind, found.value().len()))
}
