//! URLs that somebody else answers after a change, and whom that concerns.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answered, Answers, Place, Reply, Tier};
use super::{Class, Controllers};
use crate::language::name::Host;
use crate::model::Condition;
use crate::route::{Asked, witnesses};
use crate::state::State;

/// The answers of two states.
pub(super) struct Served<'a> {
    before: Answers<'a>,
    after: Answers<'a>,
}

/// URLs that get another answer, by whom it concerns.
#[derive(Debug, Clone)]
pub(super) struct Change {
    /// The component.
    pub owner: String,
    pub class: Class,
    /// One URL for each pair of rules: the host, empty for any, and the path.
    pub urls: Vec<String>,
    /// Hosts that rules name.
    pub hosts: BTreeSet<String>,
    /// The answer to the first of them, before
    pub from: Option<String>,
    /// and after.
    pub to: Option<String>,
}

/// A URL with another answer.
struct Differing {
    /// As it is shown: the host that a rule names, empty for any, and the path.
    shown: String,
    /// The host that a rule names.
    host: Option<Host>,
    /// True if it has no method or header that a rule asks for.
    is_plain: bool,
    before: Answered,
    after: Answered,
}

impl<'a> Served<'a> {
    pub fn of(from: &'a State, to: &'a State, controllers: &Controllers) -> Self {
        Self { before: Answers::of(from, controllers), after: Answers::of(to, controllers) }
    }

    /// Every change within pairs of tiers, the first before and the second after. `is_component` tells components from
    /// fallbacks, and `is_changed` those whose own files differ.
    pub fn changes(
        &self,
        pairs: &BTreeSet<[Tier<'a>; 2]>,
        is_component: impl Fn(&str) -> bool,
        is_changed: impl Fn(&str) -> bool,
    ) -> Vec<Change> {
        // Of requests with a method or a header each direction is a change of its own.
        type Direction = Option<(Option<String>, Option<String>)>;
        let mut found: BTreeMap<(String, Class, Direction), Change> = BTreeMap::new();
        let mut told: BTreeSet<(String, Class, Option<Place>, Option<Place>)> = BTreeSet::new();
        for pair in pairs {
            for Differing { shown, host, is_plain, before, after } in self.differing(*pair) {
                let (old, new) = (&before.reply, &after.reply);
                let component = |reply: &Reply| {
                    reply.owners().find(|owner| is_component(owner)).map(str::to_owned)
                };
                let concerned: Vec<(String, Class)> = match (component(old), component(new)) {
                    (None, None) => Vec::new(),
                    (Some(old), None) if *new == Reply::Nothing => vec![(old, Class::Unreachable)],
                    (Some(old), None) => vec![(old, Class::ToFallback)],
                    (None, Some(new)) if *old == Reply::Nothing => vec![(new, Class::New)],
                    (None, Some(new)) => vec![(new, Class::FromFallback)],
                    (Some(old), Some(new)) if old == new => vec![(old, Class::Switches)],
                    // The one who has been edited, or who is pushed aside by an edit elsewhere.
                    (Some(old), Some(new)) => {
                        let gains = is_changed(&new);
                        let loses = is_changed(&old) || !gains;
                        let gains = gains.then_some((new, Class::Switches));
                        loses.then_some((old, Class::Switches)).into_iter().chain(gains).collect()
                    }
                };
                for (owner, class) in concerned {
                    let key = (owner.clone(), class, before.by.clone(), after.by.clone());
                    if !told.insert(key) {
                        continue;
                    }
                    let direction = (!is_plain).then(|| (old.words(), new.words()));
                    let place = (owner.clone(), class, direction);
                    let change = found.entry(place).or_insert_with(|| Change {
                        owner,
                        class,
                        urls: Vec::new(),
                        hosts: BTreeSet::new(),
                        from: old.words(),
                        to: new.words(),
                    });
                    change.urls.push(shown.clone());
                    change.hosts.extend(host.as_ref().map(ToString::to_string));
                }
            }
        }
        found.into_values().collect()
    }

    fn differing(&self, [here, there]: [Tier<'a>; 2]) -> Vec<Differing> {
        let mut found = Vec::new();
        if here == there && self.before.is_like(here, &self.after) {
            return found;
        }
        let hosts: BTreeSet<_> =
            self.before.hosts(here).into_iter().chain(self.after.hosts(there)).collect();
        for asked in hosts {
            let old = self.before.deciding(here, &asked.host);
            let new = self.after.deciding(there, &asked.host);
            if here == there && old == new {
                continue;
            }
            let rules = || old.0.iter().chain(&new.0);
            let texts: BTreeSet<&str> = rules().map(|rule| rule.path).collect();
            let paths = witnesses(&texts);
            let every = Condition::default();
            let conditions = rules().map(|rule| rule.condition).chain([&every]);
            let conditions: BTreeSet<&Condition> = conditions.collect();
            let requests =
                conditions.into_iter().filter_map(|found| Some((found, found.example()?)));
            let requests: Vec<_> = requests.collect();
            let all = requests.iter().flat_map(|with| paths.iter().map(move |path| (with, path)));
            for ((condition, (method, headers)), path) in all {
                let request = Asked { host: &asked.host, path, method: *method, headers };
                let before = self.before.answer(here, request);
                let after = self.after.answer(there, request);
                let is_same = match here.is_other_api(there) {
                    // Their words for a backend differ.
                    true => before.reply.owners().eq(after.reply.owners()),
                    false => is_same(&before.reply, &after.reply),
                };
                if !is_same {
                    let host = asked.rule.clone();
                    let name = host.as_ref().map(ToString::to_string).unwrap_or_default();
                    let shown = format!("{name}{path}{}", condition.with());
                    let is_plain = condition.is_none();
                    found.push(Differing { shown, host, is_plain, before, after });
                }
            }
        }
        found
    }
}

/// True for answers that are alike: a port by its number is the one by its name, as far as anybody can tell.
fn is_same(before: &Reply, after: &Reply) -> bool {
    if before == after {
        return true;
    }
    let (Reply::Backend(old), Reply::Backend(new)) = (before, after) else { return false };
    let port = |text: &str| {
        text.rsplit_once(':').map(|(service, port)| (service.to_owned(), port.to_owned()))
    };
    match (port(&old.backend), port(&new.backend)) {
        (Some((one, first)), Some((other, second))) if old.owner == new.owner && one == other => {
            let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
            is_number(&first) != is_number(&second) || first == second
        }
        // Somebody else's rule that leads to the same backend.
        _ => old.backend == new.backend,
    }
}
