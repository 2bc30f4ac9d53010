//! URLs that somebody else answers after a change, and whom that concerns.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Class;
use super::answer::{Answered, Answers, Backend, Place, Reply, Tier};
use super::domains::example;
use crate::bundle::Controllers;
use crate::language::name::Host;
use crate::language::word::{HttpMethod, Word as _};
use crate::model::Condition;
use crate::route::{self, witnesses};
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

/// A host to ask for.
struct Asked {
    /// The one that rules name; `None` is any other.
    rule: Option<Host>,
    host: Host,
}

/// A URL with another answer.
struct Differing {
    /// As it is shown: the host that a rule names, empty for any, and the path.
    shown: String,
    /// The host that a rule names.
    host: Option<Host>,
    /// True if requests come on one side only: a domain is new, or gone.
    by_domain: bool,
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
    /// Each state as its own controllers read it.
    pub fn of(states: [&'a State; 2], [first, second]: [&'a Controllers; 2]) -> Self {
        let [from, to] = states;
        let (mut before, mut after) = (Answers::of(from, first), Answers::of(to, second));
        // A state without domains says nothing about who can ask.
        match [&before, &after].map(|side| side.domains.is_empty()) {
            [true, false] => before.domains = Arc::clone(&after.domains),
            [false, true] => after.domains = Arc::clone(&before.domains),
            _ => {}
        }
        Self { before, after }
    }

    /// The pairs of tiers between which domains move.
    pub fn moves(&self) -> BTreeSet<[Tier<'a>; 2]> {
        self.moved().map(|(_, pair)| pair).collect()
    }

    /// Domains that move from one tier to another.
    fn moved(&self) -> impl Iterator<Item = (&Host, [Tier<'a>; 2])> {
        let all: BTreeSet<&Host> =
            self.before.domains.hosts().chain(self.after.domains.hosts()).collect();
        let ways = all.into_iter().filter_map(|host| Some((host, self.way(&example(host)?)?)));
        ways.filter(|(_, [from, to])| from != to)
    }

    /// Returns true if some side says which hosts requests can come for.
    pub fn has_domains(&self) -> bool {
        !self.before.domains.is_empty()
    }

    /// The tiers that requests for a host come to, before and after.
    fn way(&self, host: &Host) -> Option<[Tier<'a>; 2]> {
        Some([self.before.tier_of(host)?, self.after.tier_of(host)?])
    }

    /// URLs of domains that move to another tier, where nothing answers any more: one for each rule.
    pub fn lost(&self) -> BTreeMap<Host, BTreeSet<String>> {
        // Domains that the same rules are for lose the same.
        let mut known: BTreeMap<([Tier<'a>; 2], Option<Host>), Vec<String>> = BTreeMap::new();
        let mut named: BTreeMap<[Tier<'a>; 2], BTreeSet<&Host>> = BTreeMap::new();
        let mut all: BTreeMap<Host, BTreeSet<String>> = BTreeMap::new();
        for (host, pair) in self.moved() {
            let [here, there] = pair;
            let rules = || self.before.hosts(here).chain(self.after.hosts(there)).collect();
            let named = named.entry(pair).or_insert_with(rules);
            let mut near = std::iter::once(host.clone()).chain(host.wildcards());
            let kind = (pair, near.find(|own| named.contains(own)));
            let lost = known.entry(kind).or_insert_with(|| self.lost_of(host, pair));
            if !lost.is_empty() {
                all.insert(host.clone(), lost.iter().map(|url| format!("{host}{url}")).collect());
            }
        }
        all
    }

    /// The URLs of one of them, without the host.
    fn lost_of(&self, host: &Host, pair: [Tier<'a>; 2]) -> Vec<String> {
        let mut told: BTreeSet<Option<Place>> = BTreeSet::new();
        let differing = self.differing(pair, Some(host)).into_iter();
        let lost = differing.filter(|found| {
            found.after.reply == Reply::Nothing && found.before.reply != Reply::Nothing
        });
        lost.filter(|found| told.insert(found.before.by.clone()))
            .filter_map(|found| Some(found.shown.strip_prefix(host.as_str())?.to_owned()))
            .collect()
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
            for differing in self.differing(*pair, None) {
                let Differing { shown, host, by_domain, is_plain, before, after } = differing;
                let (old, new) = (&before.reply, &after.reply);
                let components = |reply: &Reply| -> BTreeSet<String> {
                    let own = reply.owners().filter(|owner| is_component(owner));
                    own.map(str::to_owned).collect()
                };
                let (losing, gaining) = (components(old), components(new));
                let (owners, class) = match (losing.is_empty(), gaining.is_empty()) {
                    // A fallback goes, and nothing comes in its place.
                    (true, true) if *new == Reply::Nothing => {
                        (old.owners().map(str::to_owned).collect(), Class::Unreachable)
                    }
                    (true, true) => continue,
                    (false, true) if *new == Reply::Nothing => (losing, Class::Unreachable),
                    (false, true) => (losing, Class::ToFallback),
                    (true, false) if *old == Reply::Nothing => (gaining, Class::New),
                    (true, false) => (gaining, Class::FromFallback),
                    // Those who have been edited, or who are pushed aside by an edit elsewhere.
                    (false, false) => {
                        let all = losing.union(&gaining).cloned();
                        let edited: BTreeSet<String> =
                            all.filter(|name| is_changed(name)).collect();
                        (if edited.is_empty() { losing } else { edited }, Class::Switches)
                    }
                };
                // The domain speaks for those who stay as they are.
                for owner in owners.into_iter().filter(|owner| !by_domain || is_changed(owner)) {
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

    /// A host of each kind of request that the rules of two tiers, or their edges, could tell apart.
    fn hosts(&self, [here, there]: [Tier<'a>; 2]) -> Vec<Asked> {
        let named: BTreeSet<Host> =
            self.before.hosts(here).chain(self.after.hosts(there)).cloned().collect();
        let examples = named.iter().filter_map(|rule| Some((example(rule)?, Some(rule.clone()))));
        let mut hosts: BTreeMap<Host, Option<Host>> = examples.collect();
        hosts.retain(|host, _| self.is_asked([here, there], host));
        let mut kinds: BTreeSet<(Option<Host>, [bool; 2])> = BTreeSet::new();
        for host in self.before.let_through(here).chain(self.after.let_through(there)) {
            let rule = host.wildcards().find(|wildcard| named.contains(wildcard));
            let comes =
                [self.before.lets_through(here, &host), self.after.lets_through(there, &host)];
            if !hosts.contains_key(&host)
                && self.is_asked([here, there], &host)
                && kinds.insert((rule.clone(), comes))
            {
                hosts.insert(host, rule);
            }
        }
        hosts.into_iter().map(|(host, rule)| Asked { rule, host }).collect()
    }

    /// Returns true if requests for a host can tell the answers of two tiers apart: a domain that moves is asked in the
    /// tier that it leaves and in the one that it comes to.
    fn is_asked(&self, [here, there]: [Tier<'a>; 2], host: &Host) -> bool {
        match self.way(host) {
            Some([from, to]) if from != to => [from, to] == [here, there],
            _ if !self.has_domains() => true,
            _ if here != there => false,
            Some(_) => true,
            // Plain http of a host that nobody has is no reason to tell of a Gateway that comes or goes.
            None => {
                let is_known = [&self.before, &self.after].map(|side| side.tier_of(host).is_some());
                is_known != [false; 2] || self.before.has(here) == self.after.has(here)
            }
        }
    }

    /// `only` is the domain to ask for; each kind of host without.
    fn differing(&self, [here, there]: [Tier<'a>; 2], only: Option<&Host>) -> Vec<Differing> {
        let mut found = Vec::new();
        if here == there && self.before.is_like(here, &self.after) {
            return found;
        }
        let is_read_alike = self.before.is_read_alike(here, &self.after);
        let asked = match only {
            Some(rule) => {
                let host = example(rule).into_iter();
                host.map(|host| Asked { rule: Some(rule.clone()), host }).collect()
            }
            None => self.hosts([here, there]),
        };
        for asked in asked {
            let by_domain = here != there && self.has_domains()
                || self.before.lets_through(here, &asked.host)
                    != self.after.lets_through(there, &asked.host);
            let old = self.before.deciding(here, &asked.host);
            let new = self.after.deciding(there, &asked.host);
            if here == there && old == new && is_read_alike {
                continue;
            }
            let rules = || old.rules.iter().chain(&new.rules);
            let texts: BTreeSet<&str> = rules().map(|rule| rule.path).collect();
            let paths = witnesses(&texts);
            let conditions: BTreeSet<&Condition> =
                rules().map(|rule| rule.condition).filter(|found| !found.is_none()).collect();
            let plain_method = other_method(&conditions);
            let examples = conditions.iter().filter_map(|with| Some((*with, with.example()?)));
            let examples: Vec<_> = examples.collect();
            for path in &paths {
                let ask = |method, headers: &[(String, String)]| {
                    let request = route::Asked { host: &asked.host, path, method, headers };
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
                    found.push(Differing { shown, host, by_domain, is_plain, before, after });
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
    // The path with the slash is asked for too.
    if matches!((before, after), (Reply::Redirect(_), Reply::Redirect(_))) {
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
