//! URLs that somebody else answers after a change, and whom that concerns.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answered, Answers, Backend, Place, Reply, Tier};
use super::{Class, Controllers};
use crate::language::name::Host;
use crate::language::word::{HttpMethod, Word as _};
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
    /// The component, or a fallback without which nothing answers.
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

/// The answers to one request.
struct Pair {
    before: Answered,
    after: Answered,
    is_same: bool,
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
                    // A fallback goes, and nothing comes in its place.
                    (None, None) if *new == Reply::Nothing => {
                        let fallback = old.owners().next().map(str::to_owned);
                        fallback.map(|owner| (owner, Class::Unreachable)).into_iter().collect()
                    }
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
                    let (from, to) = words(old, new);
                    let change = found.entry(place).or_insert_with(|| Change {
                        owner,
                        class,
                        urls: Vec::new(),
                        hosts: BTreeSet::new(),
                        from,
                        to,
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
            let conditions: BTreeSet<&Condition> =
                rules().map(|rule| rule.condition).filter(|found| !found.is_none()).collect();
            let plain_method = other_method(&conditions);
            let examples = conditions.iter().filter_map(|with| Some((*with, with.example()?)));
            let examples: Vec<_> = examples.collect();
            for path in &paths {
                let ask = |method, headers: &[(String, String)]| {
                    let request = Asked { host: &asked.host, path, method, headers };
                    let before = self.before.answer(here, request);
                    let after = self.after.answer(there, request);
                    let is_same = match here.is_other_api(there) {
                        // Their words for a backend differ.
                        true => before.reply.owners().eq(after.reply.owners()),
                        false => is_same(&before.reply, &after.reply),
                    };
                    Pair { before, after, is_same }
                };
                let name = asked.rule.as_ref().map(ToString::to_string).unwrap_or_default();
                let mut add = |words: String, is_plain, Pair { before, after, .. }| {
                    let (shown, host) = (format!("{name}{path}{words}"), asked.rule.clone());
                    found.push(Differing { shown, host, is_plain, before, after });
                };
                let asked_with = examples.iter();
                let answers: Vec<(&Condition, Pair)> = asked_with
                    .map(|(with, (method, headers))| (*with, ask(*method, headers)))
                    .collect();
                let plain = ask(plain_method, &[]);
                if !plain.is_same {
                    let stay = answers
                        .iter()
                        .filter(|(_, pair)| pair.is_same && pair.before.reply != Reply::Nothing);
                    let stay: Vec<String> = stay.map(|(with, _)| with.to_string()).collect();
                    let without = match stay.is_empty() {
                        true => String::new(),
                        false => format!(" without {}", stay.join(" or ")),
                    };
                    add(without, true, plain);
                }
                for (condition, pair) in answers.into_iter().filter(|(_, pair)| !pair.is_same) {
                    add(condition.with(), false, pair);
                }
            }
        }
        found
    }
}

/// A method that no condition names: GET, if that is one.
fn other_method(conditions: &BTreeSet<&Condition>) -> HttpMethod {
    let is_named =
        |method: &HttpMethod| conditions.iter().any(|condition| condition.method == Some(*method));
    let mut all = HttpMethod::WORDS.iter().map(|(_, method)| *method);
    let get = Some(HttpMethod::Get).filter(|method| !is_named(method));
    get.or_else(|| all.find(|method| !is_named(method))).unwrap_or(HttpMethod::Get)
}

/// Two answers in words, with their namespaces where nothing else tells them apart.
fn words(old: &Reply, new: &Reply) -> (Option<String>, Option<String>) {
    let with_namespace = |reply: &Reply, words: String| match reply {
        Reply::Backend(Backend { namespace: Some(namespace), .. }) => {
            format!("{namespace}/{words}")
        }
        _ => words,
    };
    match (old.words(), new.words()) {
        (Some(from), Some(to)) if from == to => {
            (Some(with_namespace(old, from)), Some(with_namespace(new, to)))
        }
        words => words,
    }
}

/// True for answers that are alike: a port by its number is the one by its name, as far as anybody can tell.
fn is_same(before: &Reply, after: &Reply) -> bool {
    if before == after {
        return true;
    }
    let (Reply::Backend(old), Reply::Backend(new)) = (before, after) else { return false };
    if old.namespace != new.namespace {
        return false;
    }
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
