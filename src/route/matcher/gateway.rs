//! Gateway API: the most precise host, then Exact, then the longest prefix (HTTPRouteRule, "matches"; facts K10), and what
//! implementations make of it (facts K33, K37).
//!
//! What else decides there cannot differ here: one route has each host and path, so the age of routes says nothing.

use std::cmp::Reverse;

use super::{Asked, Considered, Found, Lookup, Tier};
use crate::language::name::Host;
use crate::model::{HostOrder, Implementation, RegexOrder};
use crate::route::{PathMatch, Rule};

pub(super) fn lookup<'a, A: PartialEq>(
    tier: &'a Tier<A>,
    implementation: Implementation,
    listener: Option<&Host>,
    asked: Asked<'_>,
) -> Lookup<'a, A> {
    let Asked { host, path, method, headers } = asked;
    // Traefik's listeners are not apart from each other.
    let is_attached = |rule: &Considered<'a, A>| match implementation.host_order() {
        HostOrder::PathFirst => true,
        _ => listener.is_none_or(|listener| !rule.rule.not_at.contains(listener)),
    };
    let rules = tier.all().filter(is_attached).filter_map(|rule| {
        let at_listener = precision(common(rule.host, listener)?, host)?;
        Some((at_listener, rule))
    });
    let rules: Vec<(Precision, Considered<'a, A>)> = match implementation.host_order() {
        // A request that none of its routes takes is 404.
        HostOrder::VirtualHosts => {
            // A route counts for its virtual host whatever its conditions are.
            let all: Vec<_> = rules.collect();
            let best = all.iter().map(|(at_listener, _)| *at_listener).max();
            all.into_iter().filter(|(at_listener, _)| Some(*at_listener) == best).collect()
        }
        HostOrder::Specification => rules.collect(),
        HostOrder::PathFirst => rules.map(|(_, rule)| ((false, 0), rule)).collect(),
    };
    let order = implementation.regex_order();
    let is_path_first = implementation.host_order() == HostOrder::PathFirst;
    let mut found: Vec<(Reverse<Place>, Considered<'a, A>)> = rules
        .into_iter()
        .filter_map(|(at_listener, rule)| {
            if !rule.rule.path.condition.is_met_by(method, headers) {
                return None;
            }
            let rank = match is_path_first {
                true => score(rule.rule, path)?,
                false => rank(rule.rule, path, order)?,
            };
            // Rules of one path: the one whose own host is the more precise; Traefik counts its letters.
            let written = precision(rule.host, host)?;
            let written = if is_path_first { (false, longest(tier, &rule, host)) } else { written };
            Some((Reverse((at_listener, rank, written)), rule))
        })
        .collect();
    found.sort_by_key(|(order, _)| *order);
    let at_first = found.first().map(|(Reverse((at_listener, ..)), _)| *at_listener);
    let is_first = |(Reverse((at, ..)), _): &&(Reverse<Place>, _)| Some(*at) == at_first;
    let rivals = || found.iter().take_while(is_first).copied().collect();
    let undecided = (order == RegexOrder::Unknown).then(|| rivals_of(rivals())).flatten();
    let best = found.first().map(|(order, _)| *order);
    let equal = found.iter().take_while(|(order, _)| Some(*order) == best).count();
    let lookup = Lookup::of_equals(found.into_iter().map(|(_, rule)| rule).collect(), equal);
    match undecided {
        Some(rivals) => Lookup { found: Found::Undecided(rivals), ..lookup },
        None => lookup,
    }
}

/// The first expression and the first prefix of rules in their order, with those that tie with one of them, where any may
/// answer.
fn rivals_of<A: PartialEq>(
    rules: Vec<(Reverse<Place>, Considered<'_, A>)>,
) -> Option<Vec<Considered<'_, A>>> {
    let is_regex = |found: &PathMatch| matches!(found, PathMatch::Regex(_));
    let is_prefix = |found: &PathMatch| matches!(found, PathMatch::Prefix(_));
    if matches!(rules.first()?.1.rule.found, PathMatch::Exact(_)) {
        return None;
    }
    let (regex, _) = *rules.iter().find(|(_, rule)| is_regex(&rule.rule.found))?;
    let (prefix, _) = *rules.iter().find(|(_, rule)| is_prefix(&rule.rule.found))?;
    let rivals = rules.into_iter().filter(|(order, rule)| {
        let found = &rule.rule.found;
        is_regex(found) && *order == regex || is_prefix(found) && *order == prefix
    });
    let rivals: Vec<Considered<'_, A>> = rivals.map(|(_, rule)| rule).collect();
    let differ = rivals.iter().any(|rival| rival.rule.answer != rivals[0].rule.answer);
    differ.then_some(rivals)
}

/// The longest host that a rule has at some listener of a request: Traefik's listeners are not apart from each other.
fn longest<A: PartialEq>(tier: &Tier<A>, rule: &Considered<'_, A>, host: &Host) -> usize {
    let own = rule.host.map_or(0, |own| own.as_str().len());
    let wider = tier.narrower_listeners(rule).filter(|listener| host.is_covered_by(listener));
    wider.map(|listener| listener.as_str().len()).max().unwrap_or(0).max(own)
}

impl<A: PartialEq> Tier<A> {
    /// The wildcard listeners at which a rule has the listener's host, since its own is wider, and does not lose to another.
    pub fn narrower_listeners(&self, rule: &Considered<'_, A>) -> impl Iterator<Item = &Host> {
        self.wildcard_listeners.iter().filter(move |listener| {
            rule.host.is_none_or(|own| listener.is_covered_by(own))
                && !self.loses_at(rule.host, rule.rule, listener)
        })
    }
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

/// The type of a path, the best first; then the longest; then the number of conditions.
type Rank = (u8, usize, usize);

fn rank<A>(rule: &Rule<A>, path: &str, order: RegexOrder) -> Option<Rank> {
    let found = &rule.found;
    let kind = match (found, order) {
        (PathMatch::Exact(_), _) => 3,
        (PathMatch::Regex(_), RegexOrder::BeforePrefixes) => 2,
        (PathMatch::Regex(_), RegexOrder::AfterPrefixes) => 0,
        (PathMatch::Regex(_) | PathMatch::Prefix(_), _) => 1,
    };
    found.matches(path).then_some((kind, found.value().len(), rule.path.condition.count()))
}

/// Traefik adds up a number for the path, 1,000 for a method and 100 for each header: one more letter of a path is worth
/// as much as a header (pkg/provider/kubernetes/gateway/httproute.go of 3.7).
fn score<A>(rule: &Rule<A>, path: &str) -> Option<Rank> {
    let of_path = match &rule.found {
        PathMatch::Exact(_) => 100_000,
        PathMatch::Prefix(value) if value == "/" => 1,
        PathMatch::Prefix(value) | PathMatch::Regex(value) => 10_000 + 100 * value.len(),
    };
    let condition = &rule.path.condition;
    let of_method = if condition.method.is_some() { 1_000 } else { 0 };
    let all = of_path + of_method + 100 * condition.headers.len();
    rule.found.matches(path).then_some((0, all, 0))
}
