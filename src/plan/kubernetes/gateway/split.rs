//! Routes that keep the limits of Gateway API (facts K10): what is too much for one becomes several.

use std::collections::BTreeSet;

use super::route::{HostRules, HttpRoutePlan, Parent, ParentObject, RouteRule};
use super::{Attachment, gateway_name, set_name};
use crate::model::{GatewayTier, Host, Label, Subdomain};
use crate::plan::kubernetes::ObjectMeta;

/// Hosts of a route.
const MOST_HOSTS: usize = 16;
/// Parents of a route beside the Gateway's own listener: 32 in all.
const MOST_OTHERS: usize = 31;
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
    struct Part {
        hosts: Vec<Host>,
        plain: Option<Parent>,
        parents: Vec<Parent>,
        rules: Vec<RouteRule>,
    }
    // Hosts first, then rules; parents last, so that a new set adds routes at the end.
    let mut parts: Vec<Part> = Vec::new();
    for HostRules { hosts, rules, except, .. } in groups {
        let pieces = parts_of(rules);
        let chunks: Vec<&[Host]> =
            if hosts.is_empty() { vec![&[]] } else { hosts.chunks(MOST_HOSTS).collect() };
        for hosts in chunks {
            let (plain, parents) = attachment.parents(hosts, &except);
            parts.extend(pieces.iter().map(|rules| Part {
                hosts: hosts.to_vec(),
                plain: plain.clone(),
                parents: parents.clone(),
                rules: rules.clone(),
            }));
        }
    }
    let most = parts.iter().map(|part| part.parents.len().div_ceil(MOST_OTHERS).max(1)).max();
    let mut routes = Vec::new();
    for turn in 0..most.unwrap_or(0) {
        for part in &parts {
            let plain = part.plain.iter().filter(|_| turn == 0);
            let others = part.parents.chunks(MOST_OTHERS).nth(turn).unwrap_or_default();
            let parents: Vec<Parent> = plain.chain(others).cloned().collect();
            // On no host that a domain has.
            if parents.is_empty() {
                continue;
            }
            routes.push(HttpRoutePlan {
                meta: meta.clone(),
                home: home.clone(),
                parents,
                hosts: part.hosts.clone(),
                rules: part.rules.clone(),
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
    /// The parents of a route with these hosts, none being any, but for some listeners: the Gateway's listener for plain
    /// HTTP, and the others.
    fn parents(&self, hosts: &[Host], except: &BTreeSet<Host>) -> (Option<Parent>, Vec<Parent>) {
        let gateway = || Subdomain::from(self.name);
        let has_plain = !self.tiers.redirects();
        let has_sets = self.has_listener_sets();
        let mut plain = has_plain
            .then(|| Parent::listener(ParentObject::Gateway(gateway()), Subdomain::plain()));
        let mut parents: Vec<Parent> = Vec::new();
        for set in self.sets(hosts) {
            let object = match (has_sets, set) {
                (true, _) => ParentObject::ListenerSet(set_name(self.name, set)),
                (false, 0) => ParentObject::Gateway(gateway()),
                (false, _) => ParentObject::Gateway(gateway_name(self.name, set)),
            };
            // The listener for plain HTTP stands in the Gateway too.
            let is_first_gateway = !has_sets && set == 0;
            let members = || self.places.iter().filter(move |(_, own)| **own == set);
            let is_whole = !members().any(|(host, _)| except.contains(host));
            match is_whole && (has_plain || !is_first_gateway) {
                true if is_first_gateway => plain = Some(Parent::whole(object)),
                true => parents.push(Parent::whole(object)),
                false => parents.extend(
                    members()
                        .map(|(host, _)| host)
                        .filter(|host| !except.contains(*host) && meets(host, hosts))
                        .map(|host| Parent::listener(object.clone(), host.object_name())),
                ),
            }
        }
        (plain, parents)
    }

    /// Returns true if listeners stand in ListenerSets; else they stand in Gateways.
    fn has_listener_sets(&self) -> bool {
        self.tiers.gateway.as_ref().is_none_or(GatewayTier::has_listener_sets)
    }

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

/// Returns true if some request is for a listener's host and for one of these; none are any.
fn meets(listener: &Host, hosts: &[Host]) -> bool {
    hosts.is_empty()
        || hosts.iter().any(|host| listener.is_covered_by(host) || host.is_covered_by(listener))
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
