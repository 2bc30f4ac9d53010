//! Who answers each URL of a state, by the matchers that `lbgen trace` asks, from its Ingresses and routes.

use std::collections::{BTreeMap, BTreeSet};

use super::Controllers;
use crate::language::name::{Host, Name, UrlPath};
use crate::language::word::PathType;
use crate::model::{Controller, Path, is_true};
use crate::route::{
    Considered, Found, PathMatch, Rule, Tier as Table, TraefikRule, normal, regex_annotation,
};
use crate::source::{Loc, Span};
use crate::state::{Object, PathRule, State};

/// The objects that answer together: the Ingresses of a class, or the routes of a Gateway.
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

/// The backend of a rule, and whose rule it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Backend {
    /// The Ingress, or the component of a route.
    pub owner: String,
    /// Its Service and port.
    pub backend: String,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Reply {
    Backend(Backend),
    /// To the path with a slash.
    Redirect(Backend),
    /// One of several.
    Undecided(Vec<Backend>),
    Nothing,
}

impl Reply {
    /// Whose rule answers; all of them, where several may.
    pub fn owners(&self) -> impl Iterator<Item = &str> {
        let all: &[Backend] = match self {
            Self::Backend(found) | Self::Redirect(found) => std::slice::from_ref(found),
            Self::Undecided(all) => all,
            Self::Nothing => &[],
        };
        all.iter().map(|found| found.owner.as_str())
    }

    /// In words.
    pub fn words(&self) -> Option<String> {
        match self {
            Self::Backend(found) => Some(found.backend.clone()),
            Self::Redirect(found) => {
                Some(format!("a redirect to the path with a slash, then {}", found.backend))
            }
            Self::Undecided(all) => {
                let all: Vec<&str> = all.iter().map(|found| found.backend.as_str()).collect();
                Some(format!("undecided: {}", all.join(" or ")))
            }
            Self::Nothing => None,
        }
    }
}

/// Everything that a rule does.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Compared<'a> {
    host: Option<&'a Host>,
    pub path: &'a str,
    kind: PathType,
    found: &'a PathMatch,
    answer: &'a Backend,
    traefik: &'a TraefikRule,
    is_regex: bool,
}

/// What a rule compares, as the key of a matched rule.
pub(super) type Place = (Option<Host>, String, PathType);

/// Rules with their hosts.
type Rows = Vec<(Option<Host>, Rule<Backend>)>;

/// The tables of a state.
#[derive(Debug, Default)]
pub(super) struct Answers<'a> {
    tables: BTreeMap<Tier<'a>, Table<Backend>>,
    controllers: BTreeMap<Tier<'a>, Controller>,
    /// Hosts of listeners with TLS, by Gateway.
    listeners: BTreeMap<&'a str, Vec<Host>>,
}

/// A host of each kind of request that some rule could tell apart, and how a finding shows it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    /// `None` is any host.
    pub rule: Option<Host>,
    pub host: Host,
}

impl<'a> Answers<'a> {
    pub fn of(state: &'a State, controllers: &Controllers) -> Self {
        let mut answers = Self::default();
        let mut rows: BTreeMap<Tier<'a>, Rows> = BTreeMap::new();
        let mut regex_hosts: BTreeMap<Tier<'a>, BTreeSet<Option<Host>>> = BTreeMap::new();
        for object in state.objects.values() {
            let Some(tier) = Tier::of(object) else { continue };
            let controller = match tier {
                Tier::Class(class) => {
                    controllers.get(class).copied().unwrap_or(Controller::IngressNginx)
                }
                Tier::Gateway(_) => Controller::Other,
            };
            answers.controllers.insert(tier, controller);
            let own = rows.entry(tier).or_default();
            let annotations = object.annotations();
            // A canary takes a part of what another one has.
            let canary = annotations
                .iter()
                .find(|(key, _)| key.as_str().ends_with("ingress.kubernetes.io/canary"));
            if canary.is_some_and(|(_, value)| is_true(&value.value)) {
                continue;
            }
            let paths: Vec<(Option<Host>, Path, PathRule<'_>)> = object
                .paths()
                .into_iter()
                .filter_map(|rule| Some((host(rule.host)?, path(&rule)?, rule)))
                .collect();
            let written = paths.iter().map(|(_, path, _)| path);
            if controller.reads_nginx()
                && regex_annotation(&annotations, written, controller).is_some()
            {
                let hosts = paths.iter().map(|(host, ..)| host.clone());
                regex_hosts.entry(tier).or_default().extend(hosts);
            }
            own.extend(paths.into_iter().map(|(host, path, rule)| {
                let found = match rule.kind {
                    Some("RegularExpression") => PathMatch::Regex(rule.path.to_owned()),
                    _ => PathMatch::of(&path, false),
                };
                let answer = Backend { owner: rule.owner.to_owned(), backend: rule.backend };
                let traefik = TraefikRule::of(&annotations);
                let host_span = path.path.span;
                (host, Rule { path, answer, is_catch_all: false, traefik, host: host_span, found })
            }));
        }
        for (tier, rows) in rows {
            let regex = regex_hosts.remove(&tier).unwrap_or_default();
            answers.tables.insert(tier, Table::of_rows(rows.into_iter(), regex));
        }
        for listener in state.objects.values().flat_map(Object::listeners) {
            let gateway = listener.set.gateway().filter(|_| listener.secret.is_some());
            if let (Some(gateway), Some(host)) = (gateway, Host::parse(listener.host)) {
                answers.listeners.entry(gateway).or_default().push(host);
            }
        }
        answers
    }

    /// The answer to a request, and the rule that decides.
    pub fn answer(&self, tier: Tier<'_>, host: &Host, path: &str) -> (Reply, Option<Place>) {
        let Some((tier, table)) = self.tables.get_key_value(&tier) else {
            return (Reply::Nothing, None);
        };
        let path = normal(path);
        let lookup = match tier {
            Tier::Gateway(gateway) => {
                let listeners = self.listeners.get(gateway).into_iter().flatten();
                let near = listeners.filter(|own| host.is_covered_by(own));
                let near =
                    near.max_by_key(|own| (!own.as_str().starts_with('*'), own.as_str().len()));
                table.lookup_gateway(near, host, &path)
            }
            Tier::Class(_) => {
                let controller = self.controllers.get(tier).copied();
                table.lookup(controller.unwrap_or(Controller::IngressNginx), host, &path)
            }
        };
        let place = |found: &Considered<'_, Backend>| {
            let path = &found.rule.path;
            Some((found.host.cloned(), path.path.value.as_str().to_owned(), path.kind))
        };
        match lookup.found {
            Found::Rule(found) => (Reply::Backend(found.rule.answer.clone()), place(&found)),
            Found::Redirect(_, found) => {
                (Reply::Redirect(found.rule.answer.clone()), place(&found))
            }
            Found::Undecided(all) => {
                let answers = all.iter().map(|found| found.rule.answer.clone()).collect();
                (Reply::Undecided(answers), all.first().and_then(place))
            }
            Found::Nothing => (Reply::Nothing, None),
        }
    }

    /// Every host that some rule of a tier could treat in its own way.
    pub fn hosts(&self, tier: Tier<'_>) -> BTreeSet<Asked> {
        let Some(table) = self.tables.get(&tier) else { return BTreeSet::new() };
        let named = table.hosts().map(|(host, _)| host.cloned());
        let asked = named.chain([None]).filter_map(|rule| {
            let text = match &rule {
                None => "nobody.invalid".to_owned(),
                Some(host) => host.as_str().replacen('*', "any-other", 1),
            };
            Some(Asked { host: Host::parse(&text)?, rule })
        });
        asked.collect()
    }

    /// The rules that can decide of requests for a host.
    pub fn rules(&self, tier: Tier<'_>, host: &Host) -> Vec<Compared<'_>> {
        let own = self.compared(tier).into_iter();
        own.filter(|rule| rule.host.is_none_or(|own| host.is_covered_by(own))).collect()
    }

    /// Whether a tier has the same rules and listeners as another side's.
    pub fn is_like(&self, tier: Tier<'_>, other: &Self) -> bool {
        let listeners = |side: &Self| match tier {
            Tier::Class(_) => None,
            Tier::Gateway(gateway) => side.listeners.get(gateway).cloned(),
        };
        self.compared(tier) == other.compared(tier) && listeners(self) == listeners(other)
    }

    fn compared<'s>(&'s self, tier: Tier<'_>) -> Vec<Compared<'s>> {
        let table = self.tables.iter().find(|(own, _)| **own == tier);
        let all = table.into_iter().flat_map(|(_, table)| {
            table.all().map(|found| Compared {
                host: found.host,
                path: found.rule.path.path.value.as_str(),
                kind: found.rule.path.kind,
                found: &found.rule.found,
                answer: &found.rule.answer,
                traefik: &found.rule.traefik,
                is_regex: table.is_regex(found.host),
            })
        });
        all.collect()
    }

    /// The listeners of a tier that cover a host.
    pub fn has_listener(&self, tier: Tier<'_>, host: &Host) -> bool {
        match tier {
            Tier::Class(_) => false,
            Tier::Gateway(gateway) => {
                let mut all = self.listeners.get(gateway).into_iter().flatten();
                all.any(|own| host.is_covered_by(own))
            }
        }
    }
}

/// `Some(None)` is any host.
fn host(text: Option<&str>) -> Option<Option<Host>> {
    match text {
        None | Some("") => Some(None),
        Some(text) => Host::parse(text).map(Some),
    }
}

fn path(rule: &PathRule<'_>) -> Option<Path> {
    let text = rule.path.strip_prefix("(?i)^").unwrap_or(rule.path);
    let value = UrlPath::parse(text).or_else(|| UrlPath::parse("/"))?;
    let kind = match rule.kind {
        Some("Exact") => PathType::Exact,
        Some("ImplementationSpecific" | "RegularExpression") | None => {
            PathType::ImplementationSpecific
        }
        _ => PathType::Prefix,
    };
    Some(Path { path: Loc { value, span: Span::NOWHERE }, kind })
}
