//! One routing table: entrypoint -> host -> ordered paths -> who answers. Built once from the model; the lints, the
//! plan and whoever follows a request ask it.

mod claim;
pub mod codes;
mod https;
mod inherit;
mod matcher;
mod regex;
mod single;
mod table;
mod traefik_rule;
mod translation;
mod witness;

pub use https::{
    edge_redirects, forces_https, keeps_slash, routing_keeps_slash, routing_redirects,
};
pub use matcher::{Asked, Considered, Found, Lookup, TraefikRouter, normal};
pub use regex::{Engine, regex_annotation};
use single::Named;
pub use table::RoutingTable;
pub use traefik_rule::TraefikRule;
pub use translation::{
    Canary, Cors, Fate, Mirror, PathMatch, Redirect, Remark, Rewrite, Translation,
    of_other_programs,
};

pub use witness::witnesses;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

use crate::language::name::{Host, Label};
use crate::language::word::PathType;
use crate::model::{Annotations, Component, Condition, Controller, Draft, Path, Tiers};
use crate::source::Span;

/// The rules of one routing tier, and who answers: by the inventory, or by the objects of a state.
#[derive(Debug)]
pub struct Tier<A = Answer> {
    /// By host, `None` being any host that is not named; longest paths first.
    hosts: BTreeMap<Option<Host>, Vec<Rule<A>>>,
    /// Paths of canaries, which take a part of another rule's requests.
    canaries: Vec<(Option<Host>, Rule<A>)>,
    /// Paths of legacy components: a record of what the fallback serves.
    records: Vec<(Option<Host>, Rule<A>)>,
    /// Hosts all of whose paths ingress-nginx takes for regular expressions.
    regex_hosts: BTreeSet<Option<Host>>,
    /// True if that is so of every host.
    all_regex: bool,
    /// In one tier of Ingresses: the domains, which a component without hosts is for. Empty is any host.
    domains: BTreeSet<Host>,
    /// Of a Gateway: the hosts that name a path which another host answers differently, and their answers.
    contested: BTreeMap<PathMatch, Vec<(Host, Condition, A)>>,
    /// Of a Gateway: its listeners for wildcards.
    wildcard_listeners: Vec<Host>,
}

/// Requests for a path, and who answers them.
#[derive(Debug, Clone)]
pub struct Rule<A = Answer> {
    /// The path, and the way in which it is compared.
    pub path: Path,
    /// The answer to requests for it.
    pub answer: A,
    /// True if it is for what no other rule of its host claims. Gateway API has it only without hosts.
    pub is_catch_all: bool,
    /// The settings that annotations of Traefik give it.
    pub traefik: TraefikRule,
    /// The place of the host, or of the path if there is no host.
    pub host: Span,
    /// The path as Gateway API compares it.
    pub found: PathMatch,
    /// Hosts of the listeners that its route is not attached to, where it is read from one.
    pub not_at: Arc<BTreeSet<Host>>,
}

/// The component or fallback that answers requests.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// A component, by its backend or, for a record, by the fallback.
    Component(Label),
    /// The fallback, which serves everything that no component claims.
    Fallback,
}

/// The annotations of an Ingress: those of its tier, and its own, which win.
fn with(tier: &Annotations, own: &Annotations) -> Annotations {
    let mut all = tier.clone();
    all.extend(own.clone());
    all
}

impl Rule {
    /// The component that answers.
    pub fn component(&self) -> Option<&Label> {
        match &self.answer {
            Answer::Component(name) => Some(name),
            Answer::Fallback => None,
        }
    }
}

/// `component shop`, or `the fallback`
impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Component(name) => write!(f, "component {name}"),
            Self::Fallback => f.write_str("the fallback"),
        }
    }
}

impl<A> Rule<A> {
    /// Returns true if a route for it would match just what a route for the other does.
    fn is_like(&self, other: &Self) -> bool {
        self.found == other.found && self.path.condition == other.path.condition
    }

    /// Returns true if it is for every path of its host.
    fn is_whole(&self) -> bool {
        self.path.path.value.as_str() == "/"
            && self.path.kind != PathType::Exact
            && self.path.condition.is_none()
    }
}

impl<A> Default for Tier<A> {
    fn default() -> Self {
        Self {
            hosts: BTreeMap::new(),
            canaries: Vec::new(),
            records: Vec::new(),
            regex_hosts: BTreeSet::new(),
            all_regex: false,
            domains: BTreeSet::new(),
            contested: BTreeMap::new(),
            wildcard_listeners: Vec::new(),
        }
    }
}

impl Tier {
    /// With the rules of an entrypoint.
    fn filled(mut self, name: &Label, tiers: &Tiers, draft: &Draft) -> Self {
        let controller = tiers.controller();
        let tier = &mut self;
        let own = || draft.components().filter(|(_, component)| component.entrypoint == *name);
        let single = own().filter(|_| tiers.is_one_tier());
        let named = Named::of(single.map(|(_, component)| component), tiers);
        if controller.reads_nginx() {
            let everything = Path::everything(tiers.edge.class.span);
            let of_tier = tiers.routing_annotations();
            let whole = tiers.fallback.iter().map(|_| &everything);
            tier.all_regex = regex_annotation(of_tier, whole, controller).is_some();
            // One that is a canary says nothing of its host.
            for (_, component) in own().filter(|(_, found)| !tiers.has_canary(found)) {
                let all = with(of_tier, &component.annotations);
                let turned = regex_annotation(&all, component.paths.iter(), controller).is_some();
                if component.backend.is_some() && turned {
                    // Its Ingress does not name a host where others have all of its paths.
                    let is_left = |host: &Option<&Host>| {
                        component.paths.iter().any(|path| !named.take(component, *host, path))
                    };
                    let hosts = tier.hosts_of(component).filter(is_left);
                    let hosts: Vec<Option<Host>> = hosts.map(Option::<&Host>::cloned).collect();
                    tier.regex_hosts.extend(hosts);
                }
            }
        }
        for (name, component) in own() {
            for (host, rule) in tier.rules_of(name, component, tiers) {
                if named.take(component, host.as_ref(), &rule.path) {
                    continue;
                }
                match (&component.backend, tiers.has_canary(component)) {
                    (None, _) => tier.records.push((host, rule)),
                    (Some(_), true) => tier.canaries.push((host, rule)),
                    (Some(_), false) => tier.hosts.entry(host).or_default().push(rule),
                }
            }
        }
        if let Some(fallback) = &tiers.fallback {
            let path = Path::everything(fallback.name.span);
            tier.catch_all(&Rule {
                found: PathMatch::of(&path, false),
                path,
                answer: Answer::Fallback,
                is_catch_all: true,
                traefik: TraefikRule::of(tiers.routing_annotations()),
                host: fallback.name.span,
                not_at: Arc::default(),
            });
        }
        tier.sort();
        self
    }

    /// The rules of a component, one for each host and path.
    fn rules_of(
        &self,
        name: &Label,
        component: &Component,
        tiers: &Tiers,
    ) -> Vec<(Option<Host>, Rule)> {
        let traefik = TraefikRule::of(&with(tiers.routing_annotations(), &component.annotations));
        let rules = component.paths.iter().flat_map(|path| {
            self.hosts_of(component).map(|host| {
                let named = component.hosts.iter().find(|own| Some(&own.value) == host);
                let place = named.map_or(path.path.span, |host| host.span);
                let host = host.cloned();
                let rule = Rule {
                    path: path.clone(),
                    answer: Answer::Component(name.clone()),
                    is_catch_all: false,
                    traefik: traefik.clone(),
                    host: place,
                    found: PathMatch::of(path, self.is_regex(host.as_ref())),
                    not_at: Arc::default(),
                };
                (host, rule)
            })
        });
        rules.collect()
    }

    /// Lets the fallback answer for what no component claims. A host that some component names has paths of its own and
    /// no others (facts of ingress-nginx, 9), so the fallback is told of it too, unless a component serves all of it.
    fn catch_all(&mut self, rule: &Rule) {
        let named: BTreeSet<Option<Host>> = self
            .hosts
            .keys()
            .chain(self.canaries.iter().map(|(host, _)| host))
            .filter(|host| host.is_some())
            .cloned()
            .chain(self.domains.iter().cloned().map(Some))
            .collect();
        self.hosts.entry(None).or_default().push(rule.clone());
        for host in named {
            let rules = self.hosts.entry(host).or_default();
            if !rules.iter().any(Rule::is_whole) {
                rules.push(rule.clone());
            }
        }
    }
}

impl<A> Tier<A> {
    /// A tier of rows, and of hosts that are named with or without a rule.
    pub fn of_rows(
        rows: impl Iterator<Item = (Option<Host>, Rule<A>)>,
        named: BTreeSet<Host>,
        regex_hosts: BTreeSet<Option<Host>>,
    ) -> Self {
        let mut tier = Self { regex_hosts, ..Self::default() };
        tier.hosts.extend(named.into_iter().map(|host| (Some(host), Vec::new())));
        for (host, rule) in rows {
            tier.hosts.entry(host).or_default().push(rule);
        }
        tier.sort();
        tier
    }

    /// The longest paths of each host first.
    fn sort(&mut self) {
        for rules in self.hosts.values_mut() {
            rules.sort_by(|a, b| {
                let length = |rule: &Rule<A>| rule.path.path.value.as_str().len();
                (length(b), a.path.claim()).cmp(&(length(a), b.path.claim()))
            });
        }
    }

    /// The rules of a host, `None` being any host that is not named; longest paths first.
    pub fn rules(&self, host: Option<&Host>) -> &[Rule<A>] {
        self.hosts.get(&host.cloned()).map_or(&[], Vec::as_slice)
    }

    /// Every host with its rules, `None` being any host that is not named.
    pub fn hosts(&self) -> impl Iterator<Item = (Option<&Host>, &[Rule<A>])> {
        self.hosts.iter().map(|(host, rules)| (host.as_ref(), rules.as_slice()))
    }

    /// Every host that a rule names, with its rules.
    pub fn named_hosts(&self) -> impl Iterator<Item = (&Host, &[Rule<A>])> {
        self.hosts().filter_map(|(host, rules)| Some((host?, rules)))
    }

    /// The host under which requests for `host` are looked up: its own, a wildcard's, or any.
    pub fn server(&self, host: &Host) -> Option<Host> {
        let named = |host: &Host| self.hosts.contains_key(&Some(host.clone()));
        if named(host) {
            return Some(host.clone());
        }
        host.wildcard().filter(named)
    }

    /// Returns true if ingress-nginx takes the paths of a host for regular expressions, because one of its Ingresses
    /// says so.
    pub fn is_regex(&self, host: Option<&Host>) -> bool {
        self.all_regex || self.regex_hosts.contains(&host.cloned())
    }

    /// Returns true if some rule answers every path of a host that no other rule claims.
    pub fn is_whole(&self, host: Option<&Host>) -> bool {
        self.rules(host).iter().any(Rule::is_whole)
    }

    /// The rule of a host that claims just what `path` claims.
    pub fn claimed(&self, host: Option<&Host>, path: &Path) -> Option<&Rule<A>> {
        self.rules(host).iter().find(|rule| rule.path.claim() == path.claim())
    }

    /// The canary of a rule in the routes of a Gateway, which compare paths their own way: `/a` and `/a/` are one prefix.
    pub fn canary(&self, host: Option<&Host>, main: &Rule<A>) -> Option<&Rule<A>> {
        let same = |(of, rule): &(Option<&Host>, &Rule<A>)| {
            *of == host && rule.found == main.found && rule.path.condition == main.path.condition
        };
        self.canaries().find(same).map(|(_, rule)| rule)
    }

    /// Paths of canaries, by host.
    pub fn canaries(&self) -> impl Iterator<Item = (Option<&Host>, &Rule<A>)> {
        self.canaries.iter().map(|(host, rule)| (host.as_ref(), rule))
    }

    /// Paths of legacy components, by host.
    pub fn records(&self) -> impl Iterator<Item = (Option<&Host>, &Rule<A>)> {
        self.records.iter().map(|(host, rule)| (host.as_ref(), rule))
    }
}

impl Tier {
    /// The components whose paths are not served on a host that others name: those for any host, and for a wildcard that
    /// covers it. ingress-nginx serves none of them there; where others have a fallback, that answers for a named host first.
    pub fn hidden_on(&self, host: &Host, controller: Controller) -> BTreeSet<&Label> {
        let mut own = self.rules(Some(host)).iter();
        if controller != Controller::IngressNginx
            && !own.any(|rule| rule.answer == Answer::Fallback)
        {
            return BTreeSet::new();
        }
        let wildcard = host.wildcard();
        let broader = wildcard.iter().flat_map(|wildcard| self.rules(Some(wildcard)));
        broader
            .chain(self.rules(None))
            .filter(|rule| {
                let claimed = self.claimed(Some(host), &rule.path);
                claimed.is_none_or(|rule| rule.component().is_none())
            })
            .filter_map(Rule::component)
            // Who names the host too has said what it wants there.
            .filter(|name| !self.rules(Some(host)).iter().any(|own| own.component() == Some(name)))
            .collect()
    }
}
