//! Who answers a path of an entrypoint's routing tier, from the Ingresses of a state.

use std::collections::{BTreeMap, BTreeSet};

use crate::state::{PathRule, State};

/// The paths of every class.
#[derive(Debug, Default)]
pub(super) struct Answers<'a> {
    /// By class, then by host, the empty one being any.
    claims: BTreeMap<&'a str, BTreeMap<&'a str, Vec<PathRule<'a>>>>,
}

impl<'a> Answers<'a> {
    pub fn of(state: &'a State) -> Self {
        let mut answers = Self::default();
        for object in state.objects.values().filter(|object| object.key.kind == "Ingress") {
            let Some(class) = object.class() else { continue };
            for rule in object.paths() {
                let hosts = answers.claims.entry(class).or_default();
                hosts.entry(rule.host.unwrap_or_default()).or_default().push(rule);
            }
        }
        answers
    }

    /// Hosts of a class whose own rules are others in `after`, with every path that a request for them may have.
    pub fn changed_hosts(&self, after: &Self) -> Vec<(&'a str, &'a str, BTreeSet<&'a str>)> {
        let mut found = Vec::new();
        let classes: BTreeSet<&'a str> =
            self.claims.keys().chain(after.claims.keys()).copied().collect();
        for class in classes {
            let of = |answers: &Self, host: &str| -> Vec<PathRule<'a>> {
                let hosts = answers.claims.get(class);
                hosts.and_then(|hosts| hosts.get(host)).cloned().unwrap_or_default()
            };
            let hosts = |answers: &Self| -> Vec<&'a str> {
                answers
                    .claims
                    .get(class)
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

    /// Who answers: the rules of the host, where it has any, else those of any host; the longest path.
    pub fn answer(&self, class: &str, host: Option<&str>, path: &str) -> Option<&PathRule<'a>> {
        let hosts = self.claims.get(class)?;
        let claims = host.and_then(|host| hosts.get(host)).or_else(|| hosts.get(""))?;
        let matches = claims.iter().filter(|rule| rule.matches(path));
        matches.max_by_key(|rule| (rule.exact, rule.path.len()))
    }
}
