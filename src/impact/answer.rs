//! The answer to each URL of a state, by the matchers that `lbgen trace` asks, from its Ingresses and routes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::attachment::Listeners;
use super::domains::Domains;
use super::gateway::is_exposed;
use super::row;
use crate::bundle::Controllers;
use crate::language::name::{Host, Name};
use crate::language::word::PathType;
use crate::model::{Condition, Controller, Implementation, Path, is_canary};
use crate::route::{
    self, Considered, Found, PathMatch, Rule, TraefikRule, Translation, normal, regex_annotation,
};
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
    /// Returns true if one is of Ingresses and the other of a Gateway.
    pub fn is_other_api(self, other: Self) -> bool {
        matches!(self, Self::Class(_)) != matches!(other, Self::Class(_))
    }

    /// The name of the class or the Gateway.
    pub fn name(self) -> &'a str {
        match self {
            Self::Class(name) | Self::Gateway(name) => name,
        }
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
    /// The namespace of its Service; `None` for an Ingress, which moves as a whole.
    pub namespace: Option<String>,
    /// Its Service and port, or the redirect in their place.
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
    /// Returns the owner of the rule that answers; all owners, if several rules may.
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
    pub condition: &'a Condition,
    found: &'a PathMatch,
    answer: &'a Backend,
    traefik: &'a TraefikRule,
    not_at: &'a BTreeSet<Host>,
    is_regex: bool,
}

/// The rules, listeners and host that decide of a request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Deciding<'a> {
    pub rules: Vec<Compared<'a>>,
    listeners: Vec<&'a Host>,
    server: Option<Host>,
}

/// The host, the path, the type and the conditions of a rule.
pub(super) type Place = (Option<Host>, String, PathType, Condition);

/// The tables of a state.
#[derive(Debug, Default)]
pub(super) struct Answers<'a> {
    tiers: BTreeMap<Tier<'a>, Table>,
    /// The tier that requests to each entrypoint come to.
    ways: BTreeMap<&'a str, Tier<'a>>,
    pub domains: Arc<Domains>,
}

/// The table of a tier, and who asks it.
#[derive(Debug)]
struct Table {
    rules: route::Tier<Backend>,
    by: Asker,
    /// `None` where nobody knows whose class it is.
    entrypoint: Option<String>,
    /// True if requests for any host come: no edge is in front.
    is_open: bool,
}

/// The program that looks up requests in a table.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Asker {
    /// The controller of a class.
    Controller(Controller),
    /// A Gateway, with the hosts of its listeners with TLS.
    Gateway(Implementation, Vec<Host>),
}

/// An answer, and the rule that decides.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub reply: Reply,
    pub by: Option<Place>,
}

impl<'a> Answers<'a> {
    pub fn of(state: &'a State, controllers: &'a Controllers) -> Self {
        let mut objects: BTreeMap<Tier<'a>, Vec<&Object>> = BTreeMap::new();
        for object in state.objects.values() {
            if let Some(tier) = Tier::of(object) {
                objects.entry(tier).or_default().push(object);
            }
        }
        let tables = objects.into_iter().map(|(tier, objects)| {
            let table = match tier {
                Tier::Class(class) => {
                    let by = Asker::Controller(controllers.of_class(class));
                    let entrypoint = controllers.entrypoint_behind(class);
                    let table = Table::of(&objects, by, entrypoint, &Listeners::default());
                    Table { is_open: controllers.is_one_tier(class), ..table }
                }
                Tier::Gateway(gateway) => {
                    let listeners = Listeners::of(state, gateway);
                    let by = Asker::Gateway(controllers.of_gateway(gateway), listeners.hosts());
                    Table::of(&objects, by, Some(gateway), &listeners)
                }
            };
            (tier, table)
        });
        let ways = controllers.entrypoints().map(|(name, class)| {
            let class = class.filter(|_| !is_exposed(state, name));
            (name, class.map_or(Tier::Gateway(name), Tier::Class))
        });
        let domains = Arc::new(Domains::of(state, controllers));
        Self { tiers: tables.collect(), ways: ways.collect(), domains }
    }

    /// The tier that requests for a host come to, where a domain says so.
    pub fn tier_of(&self, host: &Host) -> Option<Tier<'a>> {
        self.ways.get(self.domains.entrypoint(host)?).copied()
    }

    /// Returns true if a tier has rules.
    pub fn has(&self, tier: Tier<'_>) -> bool {
        self.table(tier).is_some()
    }

    /// The answer to a request.
    pub fn answer(&self, tier: Tier<'_>, asked: route::Asked<'_>) -> Answered {
        match self.table(tier).filter(|_| self.lets_through(tier, asked.host)) {
            Some(table) => table.answer(route::Asked { path: &normal(asked.path), ..asked }),
            None => Answered { reply: Reply::Nothing, by: None },
        }
    }

    /// Every host that a rule of a tier names.
    pub fn hosts(&self, tier: Tier<'_>) -> impl Iterator<Item = &Host> {
        let table = self.table(tier).into_iter();
        table.flat_map(|table| table.rules.hosts().filter_map(|(host, _)| host))
    }

    /// Hosts that requests to a tier can come for, as the edge lets them through.
    pub fn let_through(&self, tier: Tier<'_>) -> impl Iterator<Item = Host> {
        let table = self.table(tier).into_iter();
        table.flat_map(|table| match table.is_open {
            true => Host::parse("nobody.invalid").into_iter().collect(),
            false => self.domains.examples(table.entrypoint.as_deref()),
        })
    }

    /// Returns true if requests for a host come to a tier.
    pub fn lets_through(&self, tier: Tier<'_>, host: &Host) -> bool {
        self.table(tier).is_some_and(|table| {
            table.is_open || self.domains.lead(host, table.entrypoint.as_deref())
        })
    }

    /// The rules and the listeners that can decide of requests for a host, and the host under which it is looked up.
    pub fn deciding(&self, tier: Tier<'_>, host: &Host) -> Deciding<'_> {
        let Some(table) = self.table(tier) else { return Deciding::default() };
        let listeners = match &table.by {
            Asker::Controller(_) => &[][..],
            Asker::Gateway(_, listeners) => listeners,
        };
        let rules =
            table.compared().filter(|rule| rule.host.is_none_or(|own| host.is_covered_by(own)));
        Deciding {
            rules: rules.collect(),
            listeners: listeners.iter().filter(|own| host.is_covered_by(own)).collect(),
            server: table.rules.server(host),
        }
    }

    /// True where the same program reads a tier on the other side.
    pub fn is_read_alike(&self, tier: Tier<'_>, other: &Self) -> bool {
        match [self.table(tier), other.table(tier)].map(|table| table.map(|table| &table.by)) {
            [Some(Asker::Gateway(one, _)), Some(Asker::Gateway(other, _))] => one == other,
            [one, other] => one == other,
        }
    }

    /// True where a tier has the same rules and listeners on the other side.
    pub fn is_like(&self, tier: Tier<'_>, other: &Self) -> bool {
        match (self.table(tier), other.table(tier)) {
            (Some(one), Some(other)) => one.is_like(other),
            (one, other) => one.is_none() && other.is_none(),
        }
    }

    fn table<'s>(&'s self, tier: Tier<'_>) -> Option<&'s Table> {
        self.tiers.iter().find(|(own, _)| **own == tier).map(|(_, table)| table)
    }
}

impl Table {
    fn of(
        objects: &[&Object],
        by: Asker,
        entrypoint: Option<&str>,
        listeners: &Listeners<'_>,
    ) -> Self {
        let reader = match &by {
            Asker::Controller(controller) if controller.reads_nginx() => Some(*controller),
            Asker::Controller(_) | Asker::Gateway(..) => None,
        };
        let mut rows: Vec<(Option<Host>, Rule<Backend>)> = Vec::new();
        let mut regex_hosts: BTreeSet<Option<Host>> = BTreeSet::new();
        let mut named: BTreeSet<Host> = BTreeSet::new();
        for object in objects {
            let annotations = object.annotations();
            // A canary takes a part of what another one has.
            if reader.is_some() && is_canary(&annotations) {
                continue;
            }
            named.extend(object.hosts().into_iter().flatten().filter_map(Host::parse));
            let paths = object.paths().into_iter();
            let paths: Vec<(Option<Host>, Path, PathRule<'_>)> = paths
                .filter_map(|rule| Some((row::host(rule.host)?, row::path(&rule)?, rule)))
                .collect();
            let written = paths.iter().map(|(_, path, _)| path);
            if reader
                .is_some_and(|reader| regex_annotation(&annotations, written, reader).is_some())
            {
                regex_hosts.extend(paths.iter().map(|(host, ..)| host.clone()));
            }
            let redirect = reader.and_then(|reader| Translation::redirect_in(&annotations, reader));
            let traefik = TraefikRule::of(&annotations);
            let not_at = Arc::new(listeners.beside(object));
            rows.extend(paths.into_iter().map(|(host, path, rule)| {
                let found = match rule.kind {
                    Some("RegularExpression") => PathMatch::Regex(rule.path.to_owned()),
                    _ => PathMatch::of(&path, false),
                };
                let namespace = match by {
                    Asker::Gateway(..) => Some(rule.namespace.to_owned()),
                    Asker::Controller(_) => None,
                };
                let backend = redirect.as_ref().map_or(rule.backend, ToString::to_string);
                let answer = Backend { owner: rule.owner.to_owned(), namespace, backend };
                let (traefik, is_catch_all) = (traefik.clone(), false);
                let place = path.path.span;
                let not_at = Arc::clone(&not_at);
                (host, Rule { path, answer, is_catch_all, traefik, host: place, found, not_at })
            }));
        }
        let rules = route::Tier::of_rows(rows.into_iter(), named, regex_hosts);
        let rules = match &by {
            Asker::Gateway(_, listeners) => rules.with_listeners(listeners.iter()),
            Asker::Controller(_) => rules,
        };
        // A Gateway answers plain http for any host.
        let is_open = matches!(by, Asker::Gateway(..));
        Self { rules, by, entrypoint: entrypoint.map(str::to_owned), is_open }
    }

    fn answer(&self, asked: route::Asked<'_>) -> Answered {
        let route::Asked { host, path, .. } = asked;
        let lookup = match &self.by {
            Asker::Controller(controller) => self.rules.lookup(*controller, host, path),
            Asker::Gateway(implementation, listeners) => {
                let near = listeners.iter().filter(|own| host.is_covered_by(own));
                let near = near.max_by_key(|own| own.precision());
                self.rules.lookup_gateway(*implementation, near, asked)
            }
        };
        let by = |found: &Considered<'_, Backend>| {
            let path = &found.rule.path;
            let text = path.path.value.as_str().to_owned();
            Some((found.host.cloned(), text, path.kind, path.condition.clone()))
        };
        let backend = |found: &Considered<'_, Backend>| found.rule.answer.clone();
        match lookup.found {
            Found::Rule(found) => {
                Answered { reply: Reply::Backend(backend(&found)), by: by(&found) }
            }
            // Another rule may answer there: an Exact path with the slash.
            Found::Redirect(slashed, found) => {
                let then = self.answer(route::Asked { path: &slashed, ..asked });
                let backend = match then.reply {
                    Reply::Backend(there) => there,
                    _ => backend(&found),
                };
                Answered { reply: Reply::Redirect(backend), by: by(&found) }
            }
            Found::Undecided(all) => {
                let mut backends: Vec<Backend> = all.iter().map(backend).collect();
                backends.sort();
                Answered { reply: Reply::Undecided(backends), by: all.first().and_then(by) }
            }
            Found::Nothing => Answered { reply: Reply::Nothing, by: None },
        }
    }

    /// True for the same rules and named hosts, read by the same program.
    fn is_like(&self, other: &Self) -> bool {
        let hosts = self.rules.named_hosts().map(|(host, _)| host);
        self.by == other.by
            && self.compared().eq(other.compared())
            && hosts.eq(other.rules.named_hosts().map(|(host, _)| host))
    }

    fn compared(&self) -> impl Iterator<Item = Compared<'_>> {
        self.rules.all().map(|found| Compared {
            host: found.host,
            path: found.rule.path.path.value.as_str(),
            kind: found.rule.path.kind,
            condition: &found.rule.path.condition,
            found: &found.rule.found,
            answer: &found.rule.answer,
            traefik: &found.rule.traefik,
            not_at: &found.rule.not_at,
            is_regex: self.rules.is_regex(found.host),
        })
    }
}
