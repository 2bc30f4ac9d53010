//! Who answers a path of an entrypoint's routing tier, from the Ingresses of a state.

use std::collections::BTreeMap;

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

    /// Who answers: the rules of the host, where it has any, else those of any host; the longest path.
    pub fn answer(&self, class: &str, host: Option<&str>, path: &str) -> Option<&PathRule<'a>> {
        let hosts = self.claims.get(class)?;
        let claims = host.and_then(|host| hosts.get(host)).or_else(|| hosts.get(""))?;
        let matches = claims.iter().filter(|rule| rule.matches(path));
        matches.max_by_key(|rule| (rule.exact, rule.path.len()))
    }
}
