//! ingress-nginx: a server per host, locations by length (facts-kubernetes 9, 16, 17).

use regex::RegexBuilder;

use super::{Considered, Found, Lookup, Tier, is_below};
use crate::language::name::Host;
use crate::language::word::PathType;

pub(super) fn lookup<'a>(tier: &'a Tier, host: &Host, path: &str) -> Lookup<'a> {
    // A host that some Ingress names has a server of its own, and nothing else serves there.
    let server = tier.server(host);
    let named = tier.hosts().find(|(own, _)| *own == server.as_ref());
    let (own, rules) = named.unwrap_or((None, &[]));
    let rules = || rules.iter().map(|rule| Considered { host: own, rule });
    if tier.is_regex(own) {
        // The longest paths come first, and the first that matches answers.
        return Lookup::of(rules().filter(|rule| matches_as_regex(rule.path(), path)).collect());
    }
    let exact = |rule: &Considered<'_>| rule.path() == path && is_exact_location(rule);
    let mut found: Vec<Considered<'a>> =
        rules().filter(|rule| exact(rule) || matches(rule, path)).collect();
    // `=` wins, an Exact before what a Prefix without a slash brings along; then the longest.
    let order = |rule: &Considered<'_>| {
        (!exact(rule), rule.kind() != PathType::Exact, std::cmp::Reverse(rule.path().len()))
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

/// Whether there is a location for just the rule's path: of an Exact path, and of a Prefix that does not end in a slash.
fn is_exact_location(rule: &Considered<'_>) -> bool {
    match rule.kind() {
        PathType::Exact => true,
        PathType::Prefix => !rule.path().ends_with('/'),
        PathType::ImplementationSpecific => false,
    }
}

fn matches(rule: &Considered<'_>, path: &str) -> bool {
    match rule.kind() {
        PathType::Exact => rule.path() == path,
        PathType::Prefix if rule.path().ends_with('/') => path.starts_with(rule.path()),
        PathType::Prefix => is_below(path, rule.path()),
        // A location as it is written: letters, not elements.
        PathType::ImplementationSpecific => path.starts_with(rule.path()),
    }
}

/// `location ~* "^/path"`, whatever the type of the path.
fn matches_as_regex(pattern: &str, path: &str) -> bool {
    let built = RegexBuilder::new(&format!("^{pattern}")).case_insensitive(true).build();
    // What is no regular expression nginx refuses to load; the linter says so.
    built.is_ok_and(|built| built.is_match(path))
}
