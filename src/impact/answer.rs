//! Who answers a path of an entrypoint's routing tier, from the Ingresses of a state.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{Object, PathRule, State};

/// The paths of every class.
#[derive(Debug, Default)]
pub(super) struct Answers<'a> {
    /// By tier, then by host, the empty one being any.
    claims: BTreeMap<Tier<'a>, BTreeMap<&'a str, Vec<PathRule<'a>>>>,
}

/// What answers together: the Ingresses of a class, or the routes of a Gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tier<'a> {
    /// A class.
    Class(&'a str),
    /// The name of a Gateway.
    Gateway(&'a str),
}

impl<'a> Tier<'a> {
    /// Whether one is of Ingresses and the other of a Gateway.
    pub fn is_other_api(self, other: Self) -> bool {
        matches!(self, Self::Class(_)) != matches!(other, Self::Class(_))
    }

    /// The tier of an Ingress or an HTTPRoute.
    pub fn of(object: &'a Object) -> Option<Self> {
        match object.key.kind.as_str() {
            "Ingress" => object.class().map(Self::Class),
            "HTTPRoute" => object.gateway().map(Self::Gateway),
            _ => None,
        }
    }
}

impl<'a> Answers<'a> {
    pub fn of(state: &'a State) -> Self {
        let mut answers = Self::default();
        for object in state.objects.values() {
            let Some(class) = Tier::of(object) else { continue };
            for rule in object.paths() {
                let hosts = answers.claims.entry(class).or_default();
                hosts.entry(rule.host.unwrap_or_default()).or_default().push(rule);
            }
        }
        answers
    }

    /// Hosts of a class whose own rules are others in `after`, with every path that a request for them may have.
    pub fn changed_hosts(&self, after: &Self) -> Vec<(Tier<'a>, &'a str, BTreeSet<&'a str>)> {
        let mut found = Vec::new();
        let classes: BTreeSet<Tier<'a>> =
            self.claims.keys().chain(after.claims.keys()).copied().collect();
        for class in classes {
            let of = |answers: &Self, host: &str| -> Vec<PathRule<'a>> {
                let hosts = answers.claims.get(&class);
                hosts.and_then(|hosts| hosts.get(host)).cloned().unwrap_or_default()
            };
            let hosts = |answers: &Self| -> Vec<&'a str> {
                answers
                    .claims
                    .get(&class)
                    .into_iter()
                    .flat_map(|hosts| hosts.keys().copied())
                    .collect()
            };
            let hosts: BTreeSet<&'a str> = hosts(self).into_iter().chain(hosts(after)).collect();
            for host in hosts.into_iter().filter(|host| !host.is_empty()) {
                if of(self, host) == of(after, host) {
                    continue;
                }
                let both = [self, after];
                let rules = both.iter().flat_map(|answers| [of(answers, host), of(answers, "")]);
                found.push((class, host, rules.flatten().map(|rule| rule.path).collect()));
            }
        }
        found
    }

    /// Who answers: of the rules of the host, where it has any, else of those for any host, the longest path. On a Gateway
    /// nothing hides the rules for any host.
    pub fn answer(&self, tier: Tier<'a>, host: Option<&str>, path: &str) -> Option<&PathRule<'a>> {
        let hosts = self.claims.get(&tier)?;
        let best = |claims: &[PathRule<'a>]| -> Option<usize> {
            let matches = claims.iter().enumerate().filter(|(_, rule)| rule.matches(path));
            let best = matches.max_by_key(|(_, rule)| (rule.exact, rule.path.len()));
            best.map(|(index, _)| index)
        };
        let own = host.and_then(|host| hosts.get(host));
        let found = own.and_then(|claims| Some(&claims[best(claims)?]));
        if found.is_some() || own.is_some() && matches!(tier, Tier::Class(_)) {
            return found;
        }
        let claims = hosts.get("")?;
        Some(&claims[best(claims)?])
    }
}
