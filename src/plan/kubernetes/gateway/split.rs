//! Routes that keep the limits of Gateway API (facts K10): what is too much for one becomes several.

use std::collections::BTreeSet;

use super::route::{HostRules, HttpRoutePlan, Parent, RouteRule};
use super::{Attachment, set_name};
use crate::model::{Host, Label};
use crate::plan::kubernetes::ObjectMeta;

/// Hosts of a route.
const MOST_HOSTS: usize = 16;
/// ListenerSets of a route: 32 parents, of which one is the Gateway's own listener.
const MOST_SETS: usize = 31;
/// Rules of a route.
const MOST_RULES: usize = 16;
/// Matches of a rule,
const MOST_MATCHES_OF_RULE: usize = 64;
/// and of all rules of a route.
const MOST_MATCHES: usize = 128;

/// The routes of some rules: one called as `meta` says, or several with a number behind that name.
pub(super) fn routes(
    attachment: &Attachment<'_>,
    meta: &ObjectMeta,
    home: &Label,
    groups: Vec<HostRules>,
) -> Vec<HttpRoutePlan> {
    // Hosts first, then rules; sets last, so that a new set adds routes at the end.
    let mut parts: Vec<(&[Host], Vec<usize>, &[RouteRule])> = Vec::new();
    let split: Vec<(Vec<Host>, Vec<Vec<RouteRule>>)> =
        groups.into_iter().map(|(hosts, rules)| (hosts, parts_of(rules))).collect();
    for (hosts, pieces) in &split {
        let chunks: Vec<&[Host]> =
            if hosts.is_empty() { vec![&[]] } else { hosts.chunks(MOST_HOSTS).collect() };
        for hosts in chunks {
            let sets: Vec<usize> = attachment.sets(hosts).into_iter().collect();
            parts.extend(pieces.iter().map(|rules| (hosts, sets.clone(), rules.as_slice())));
        }
    }
    let most = parts.iter().map(|(_, sets, _)| sets.len().div_ceil(MOST_SETS).max(1)).max();
    let mut routes = Vec::new();
    for turn in 0..most.unwrap_or(0) {
        for (hosts, sets, rules) in &parts {
            let sets = sets.chunks(MOST_SETS).nth(turn).unwrap_or_default();
            let plain = (turn == 0 && !attachment.tiers.redirects())
                .then(|| Parent::Plain(attachment.name.into()));
            let sets = sets.iter().map(|set| Parent::Set(set_name(attachment.name, *set)));
            let parents: Vec<Parent> = plain.into_iter().chain(sets).collect();
            // On no host that a domain has.
            if parents.is_empty() {
                continue;
            }
            routes.push(HttpRoutePlan {
                meta: meta.clone(),
                home: home.clone(),
                parents,
                hosts: hosts.to_vec(),
                rules: rules.to_vec(),
            });
        }
    }
    if routes.len() > 1 {
        for (index, route) in routes.iter_mut().enumerate() {
            route.meta.name = meta.name.with_suffix(&(index + 1).to_string());
        }
    }
    routes
}

impl Attachment<'_> {
    /// The ListenerSets with a domain that one of these hosts is served on; of no hosts, all.
    fn sets(&self, hosts: &[Host]) -> BTreeSet<usize> {
        if hosts.is_empty() {
            return self.places.values().copied().collect();
        }
        let mut sets = BTreeSet::new();
        for host in hosts {
            sets.extend(self.places.get(host));
            if host.as_str().starts_with('*') {
                let below = self.places.iter().filter(|(domain, _)| domain.is_covered_by(host));
                sets.extend(below.map(|(_, set)| *set));
            }
            let mut rest = host.as_str();
            while let Some((_, parent)) = rest.split_once('.') {
                sets.extend(self.places.get(format!("*.{parent}").as_str()));
                rest = parent;
            }
        }
        sets
    }
}

/// Rules in pieces that a route takes.
fn parts_of(rules: Vec<RouteRule>) -> Vec<Vec<RouteRule>> {
    let mut parts: Vec<Vec<RouteRule>> = Vec::new();
    let mut matches = 0;
    for rule in rules {
        for chunk in rule.matches.chunks(MOST_MATCHES_OF_RULE) {
            let piece = RouteRule { matches: chunk.to_vec(), ..rule.clone() };
            let fits = parts.last().is_some_and(|part| part.len() < MOST_RULES)
                && matches + chunk.len() <= MOST_MATCHES;
            match parts.last_mut().filter(|_| fits) {
                Some(part) => {
                    matches += chunk.len();
                    part.push(piece);
                }
                None => {
                    matches = chunk.len();
                    parts.push(vec![piece]);
                }
            }
        }
    }
    parts
}
