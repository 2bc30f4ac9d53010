//! ingress-nginx: a server per host, locations by length (facts K9, K16, K17, K30).

use std::cmp::Reverse;

use super::{Considered, Found, Lookup, Tier, is_below};
use crate::language::name::Host;
use crate::language::word::PathType;
use crate::route::regex;

pub(super) fn lookup<'a, A>(tier: &'a Tier<A>, host: &Host, path: &str) -> Lookup<'a, A> {
    // A host that some Ingress names has a server of its own, and nothing else serves there.
    let server = tier.server(host);
    let named = tier.hosts().find(|(own, _)| *own == server.as_ref());
    let (own, rules) = named.unwrap_or((None, &[]));
    let rules = || rules.iter().map(|rule| Considered { host: own, rule });
    if tier.is_regex(own) {
        return by_regex(rules().collect(), path);
    }
    let exact = |rule: &Considered<'_, A>| rule.path() == path && is_exact_location(rule);
    let mut found: Vec<Considered<'a, A>> =
        rules().filter(|rule| exact(rule) || matches(rule, path)).collect();
    // `=` wins, an Exact before what a Prefix without a slash brings along; then the longest.
    let order = |rule: &Considered<'_, A>| {
        (!exact(rule), rule.kind() != PathType::Exact, Reverse(rule.path().len()))
    };
    found.sort_by_key(order);
    let with_slash = format!("{path}/");
    if !found.first().is_some_and(exact)
        && let Some(rule) = rules().find(|rule| rule.path() == with_slash)
    {
        found.insert(0, rule);
        return Lookup { found: Found::Redirect(with_slash, rule), considered: found };
    }
    Lookup::of(found)
}

/// `location ~* "^/path"`, whatever the type of the path: the longest first, of equal ones the last in the alphabet, and
/// the first that matches answers. nginx refuses to load one that is no regular expression.
fn by_regex<'a, A>(mut rules: Vec<Considered<'a, A>>, path: &str) -> Lookup<'a, A> {
    rules.sort_by(|a, b| (b.path().len(), b.path()).cmp(&(a.path().len(), a.path())));
    let mut considered: Vec<Considered<'a, A>> = Vec::new();
    // Those that may match come before the first that does.
    let mut open = None;
    for rule in rules {
        match regex::matches(rule.path(), path) {
            Some(false) => continue,
            Some(true) => _ = open.get_or_insert(considered.len()),
            None => {}
        }
        considered.push(rule);
    }
    match open {
        None if considered.is_empty() => Lookup::of(considered),
        Some(0) => Lookup::of(considered),
        first => {
            let end = first.map_or(considered.len(), |at| at + 1);
            Lookup { found: Found::Undecided(considered[..end].to_vec()), considered }
        }
    }
}

/// Returns true if there is a location for just the rule's path: of an Exact path, and of a Prefix that does not end in
/// a slash.
fn is_exact_location<A>(rule: &Considered<'_, A>) -> bool {
    match rule.kind() {
        PathType::Exact => true,
        PathType::Prefix => !rule.path().ends_with('/'),
        PathType::ImplementationSpecific => false,
    }
}

fn matches<A>(rule: &Considered<'_, A>, path: &str) -> bool {
    match rule.kind() {
        PathType::Exact => rule.path() == path,
        PathType::Prefix if rule.path().ends_with('/') => path.starts_with(rule.path()),
        PathType::Prefix => is_below(path, rule.path()),
        // A location as it is written: letters, not elements.
        PathType::ImplementationSpecific => path.starts_with(rule.path()),
    }
}
