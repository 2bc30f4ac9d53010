//! The rules that the routes of a Gateway say. Implementations differ in where they look when no route of a host takes a
//! request (facts K37), so what holds for broader hosts is said once more for every host that somebody names: nobody has
//! to look further.

use std::collections::{BTreeMap, BTreeSet};

use super::{PathMatch, Rule, Tier};
use crate::language::name::Host;
use crate::model::Condition;

/// The listeners of a Gateway.
#[derive(Debug)]
pub(super) struct Listeners {
    /// True if the one for all hosts sends everything to HTTPS.
    pub redirects: bool,
    /// The domains with TLS, and those without that have one too.
    pub hosts: [BTreeSet<Host>; 2],
}

impl Listeners {
    /// Returns true if a host is looked up together with broader ones: at the listener for all hosts, or at that of a
    /// wildcard. At its own every route has its host.
    fn share(&self, host: &Host) -> bool {
        let shares = |own: &BTreeSet<Host>| {
            !own.contains(host) && own.iter().any(|listener| host.is_covered_by(listener))
        };
        !self.redirects || self.hosts.iter().any(shares)
    }
}

impl Tier {
    /// The rules of a Gateway's routes.
    pub(super) fn of_gateway(&self, listeners: &Listeners) -> Self {
        let mut hosts: BTreeMap<Option<Host>, Vec<Rule>> = BTreeMap::new();
        for (host, rules) in &self.hosts {
            // The fallback's own route is for any host.
            let said = rules.iter().filter(|rule| host.is_none() || !rule.is_catch_all);
            hosts.insert(host.clone(), said.cloned().collect());
        }
        // One without a component of the same host and path gets no request (LB208), also where it would inherit one.
        let has_main = |(host, canary): &&(Option<Host>, Rule)| {
            let main = self.claimed(host.as_ref(), &canary.path);
            main.is_some_and(|main| main.component().is_some())
        };
        let mut found = Self {
            hosts,
            canaries: self.canaries.iter().filter(has_main).cloned().collect(),
            records: self.records.clone(),
            regex_hosts: self.regex_hosts.clone(),
            all_regex: self.all_regex,
            domains: BTreeSet::new(),
            contested: BTreeMap::new(),
            wildcard_listeners: Vec::new(),
        };
        let of_canaries = self.canaries.iter().map(|(host, _)| host);
        let named: BTreeSet<&Host> = self
            .hosts
            .keys()
            .chain(of_canaries)
            .flatten()
            .filter(|host| listeners.share(host))
            .collect();
        for host in named {
            found.inherit(host, self);
        }
        found.hosts.retain(|_, rules| !rules.is_empty());
        found.sort();
        found.with_listeners(listeners.hosts.iter().flatten())
    }

    /// Adds the rules of all broader hosts that nobody gives more precisely, with their canaries.
    fn inherit(&mut self, host: &Host, written: &Self) {
        let mut broader: Vec<&Option<Host>> = written
            .hosts
            .keys()
            .filter(|other| {
                other.as_ref().is_none_or(|other| other != host && host.is_covered_by(other))
            })
            .collect();
        broader.sort_by_key(|other| std::cmp::Reverse(other.as_ref().map(Host::precision)));
        for other in broader {
            for rule in &written.hosts[other] {
                let own = self.hosts.entry(Some(host.clone())).or_default();
                let is_taken = own.iter().any(|own| own.is_like(rule));
                if is_taken || other.is_some() && rule.is_catch_all {
                    continue;
                }
                own.push(rule.clone());
                let shares = written
                    .canaries
                    .iter()
                    .filter(|(of, canary)| of == other && canary.path.claim() == rule.path.claim());
                let shares = shares.map(|(_, canary)| (Some(host.clone()), canary.clone()));
                self.canaries.extend(shares);
            }
        }
    }
}

impl<A: PartialEq + Clone> Tier<A> {
    /// The same for a Gateway, of which the rows are its routes.
    pub fn with_listeners<'h>(mut self, listeners: impl Iterator<Item = &'h Host>) -> Self {
        let wildcards = listeners.filter(|host| host.as_str().starts_with('*'));
        self.wildcard_listeners = wildcards.cloned().collect();
        self.find_contests();
        self
    }

    /// Remembers the paths that different hosts answer differently.
    fn find_contests(&mut self) {
        let mut all: BTreeMap<_, Vec<(Option<&Host>, &A)>> = BTreeMap::new();
        for (host, rules) in self.hosts() {
            for rule in rules {
                let key = (&rule.found, &rule.path.condition);
                all.entry(key).or_default().push((host, &rule.answer));
            }
        }
        all.retain(|_, claims| claims.iter().any(|(_, answer)| *answer != claims[0].1));
        let mut contested: BTreeMap<PathMatch, Vec<(Host, Condition, A)>> = BTreeMap::new();
        for ((found, condition), claims) in all {
            let named = claims.into_iter().filter_map(|(host, answer)| {
                Some((host?.clone(), condition.clone(), answer.clone()))
            });
            contested.entry(found.clone()).or_default().extend(named);
        }
        self.contested = contested;
    }
}

impl<A: PartialEq> Tier<A> {
    /// The more precise hosts that have another answer to the same path.
    fn winners<'a>(
        &'a self,
        host: Option<&'a Host>,
        rule: &'a Rule<A>,
    ) -> impl Iterator<Item = &'a Host> {
        let claims = self.contested.get(&rule.found).into_iter().flatten();
        let others = claims.filter(|(_, condition, answer)| {
            *condition == rule.path.condition && *answer != rule.answer
        });
        let others = others.map(|(other, ..)| other);
        others.filter(move |other| {
            host.is_none_or(|host| *other != host && other.is_covered_by(host))
        })
    }

    /// Returns true if different hosts answer the path of a rule differently.
    pub fn is_contested(&self, rule: &Rule<A>) -> bool {
        self.contested
            .get(&rule.found)
            .is_some_and(|claims| claims.iter().any(|(_, own, _)| *own == rule.path.condition))
    }

    /// Returns true if a more precise host has another answer to the same path: only the precision of the hosts tells
    /// the two rules apart.
    pub fn loses(&self, host: Option<&Host>, rule: &Rule<A>) -> bool {
        self.winners(host, rule).next().is_some()
    }

    /// Returns true if it does so at a listener, where the routes of both have the listener's host, and nothing would tell
    /// them apart (facts K34).
    pub fn loses_at(&self, host: Option<&Host>, rule: &Rule<A>, listener: &Host) -> bool {
        host.is_none_or(|host| listener.is_covered_by(host))
            && self.winners(host, rule).any(|winner| listener.is_covered_by(winner))
    }
}
