//! Ingress as the API reference has it: the more precise host, then Exact, then the longest Prefix.

use super::{Considered, Lookup, Tier, is_below};
use crate::language::name::Host;
use crate::language::word::PathType;

pub(super) fn lookup<'a, A>(tier: &'a Tier<A>, host: &Host, path: &str) -> Lookup<'a, A> {
    let matches = |rule: &Considered<'_, A>| {
        rule.is_for(host)
            && match rule.kind() {
                PathType::Exact => path == rule.path(),
                PathType::Prefix | PathType::ImplementationSpecific => is_below(path, rule.path()),
            }
    };
    let mut found: Vec<Considered<'a, A>> = tier.all().filter(matches).collect();
    let precision = |rule: &Considered<'_, A>| match rule.host {
        Some(own) if own == host => 0,
        Some(_) => 1,
        None => 2,
    };
    found.sort_by_key(|rule| {
        let longest = std::cmp::Reverse(rule.path().trim_end_matches('/').len());
        (precision(rule), rule.kind() != PathType::Exact, longest)
    });
    Lookup::of(found)
}
