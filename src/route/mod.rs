//! One routing table: entrypoint -> host -> ordered paths -> who answers. Built once from the model; the lints, the
//! plan and whoever follows a request ask it.

mod claim;
pub mod codes;
mod matcher;
mod translation;

pub use matcher::{Considered, Found, Lookup, normal};
pub use translation::{
    Canary, Cors, Fate, HeaderMatch, PathMatch, Redirect, Remark, Rewrite, Translation,
    of_other_programs,
};

use std::collections::{BTreeMap, BTreeSet};

use crate::language::name::{Host, Label};
use crate::language::word::PathType;
use crate::model::{
    Annotations, Component, Controller, Draft, Path, Tiers, is_true, nginx_annotations,
};
use crate::source::Span;

/// What the routing tier of every entrypoint is told.
#[derive(Debug, Default)]
pub struct RoutingTable {
    tiers: BTreeMap<Label, Tier>,
}

/// What the routing tier of one entrypoint is told.
#[derive(Debug, Default)]
pub struct Tier {
    /// By host, `None` being any host that is not named; longest paths first.
    hosts: BTreeMap<Option<Host>, Vec<Rule>>,
    /// Paths of canaries, which take a part of another rule's requests.
    canaries: Vec<(Option<Host>, Rule)>,
    /// Paths of legacy components: a record of what the fallback serves.
    records: Vec<(Option<Host>, Rule)>,
    /// Hosts all of whose paths ingress-nginx takes for regular expressions.
    regex_hosts: BTreeSet<Option<Host>>,
    /// Whether that is so of every host.
    all_regex: bool,
}

/// Requests for a path, and who answers them.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What is compared, and how.
    pub path: Path,
    /// Who answers.
    pub answer: Answer,
    /// Where the host is written; the path's place where there is none.
    pub host: Span,
    /// How Gateway API compares the path.
    pub found: PathMatch,
}

/// Who answers requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// A component, by its backend or, for a record, by the fallback.
    Component(Label),
    /// What serves everything that no component claims.
    Fallback,
}

/// Annotations of ingress-nginx that change how every path of a host is compared (facts-kubernetes 9).
const REGEX: [&str; 2] = ["use-regex", "rewrite-target"];

fn turns_into_regex(annotations: &Annotations) -> bool {
    nginx_annotations(annotations).any(|(name, value)| is_regex(name, value))
}

/// Whether an annotation of ingress-nginx turns paths into regular expressions.
pub fn is_regex(name: &str, value: &str) -> bool {
    match name {
        "use-regex" => is_true(value),
        name => REGEX.contains(&name),
    }
}

impl Rule {
    /// The component that answers.
    pub fn component(&self) -> Option<&Label> {
        match &self.answer {
            Answer::Component(name) => Some(name),
            Answer::Fallback => None,
        }
    }

    /// Whether it is for every path of its host.
    fn is_whole(&self) -> bool {
        self.path.path.value.as_str() == "/" && self.path.kind != PathType::Exact
    }
}

impl RoutingTable {
    /// The table of everything that could be understood.
    pub fn of(draft: &Draft) -> Self {
        let mut table = Self::default();
        for (name, entrypoint) in draft.entrypoints() {
            if let Some(tiers) = entrypoint.tiers() {
                table.tiers.insert(name.clone(), Tier::of(name, tiers, draft));
            }
        }
        table
    }

    /// The routing tier of an entrypoint.
    pub fn tier(&self, entrypoint: &Label) -> Option<&Tier> {
        self.tiers.get(entrypoint)
    }

    /// Every routing tier, by entrypoint.
    pub fn tiers(&self) -> impl Iterator<Item = (&Label, &Tier)> {
        self.tiers.iter()
    }
}

impl Tier {
    fn of(name: &Label, tiers: &Tiers, draft: &Draft) -> Self {
        let reads_nginx = tiers.controller().reads_nginx();
        let all_regex = reads_nginx && turns_into_regex(tiers.routing_annotations());
        let mut tier = Self { all_regex, ..Self::default() };
        let own = draft.components().filter(|(_, component)| component.entrypoint == *name);
        for (name, component) in own {
            let is_regex = reads_nginx && turns_into_regex(&component.annotations);
            if component.backend.is_some() && is_regex {
                let hosts = component.claimed_hosts();
                tier.regex_hosts.extend(hosts.map(|host| host.map(|host| host.value.clone())));
            }
            for (host, rule) in rules(name, component, all_regex || is_regex) {
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
                host: fallback.name.span,
            });
        }
        for rules in tier.hosts.values_mut() {
            rules.sort_by(|a, b| {
                let length = |rule: &Rule| rule.path.path.value.as_str().len();
                (length(b), a.path.claim()).cmp(&(length(a), b.path.claim()))
            });
        }
        tier
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
            .collect();
        self.hosts.entry(None).or_default().push(rule.clone());
        for host in named {
            let rules = self.hosts.entry(host).or_default();
            if !rules.iter().any(Rule::is_whole) {
                rules.push(rule.clone());
            }
        }
    }

    /// The rules of a host, `None` being any host that is not named; longest paths first.
    pub fn rules(&self, host: Option<&Host>) -> &[Rule] {
        self.hosts.get(&host.cloned()).map_or(&[], Vec::as_slice)
    }

    /// Every host with its rules, `None` being any host that is not named.
    pub fn hosts(&self) -> impl Iterator<Item = (Option<&Host>, &[Rule])> {
        self.hosts.iter().map(|(host, rules)| (host.as_ref(), rules.as_slice()))
    }

    /// Every host that a rule names, with its rules.
    pub fn named_hosts(&self) -> impl Iterator<Item = (&Host, &[Rule])> {
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

    /// Whether ingress-nginx takes the paths of a host for regular expressions, because one of its Ingresses says so.
    pub fn is_regex(&self, host: Option<&Host>) -> bool {
        self.all_regex || self.regex_hosts.contains(&host.cloned())
    }

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

    /// Whether some rule answers every path of a host that no other rule claims.
    pub fn is_whole(&self, host: Option<&Host>) -> bool {
        self.rules(host).iter().any(Rule::is_whole)
    }

    /// The rule of a host that claims just what `path` claims.
    pub fn claimed(&self, host: Option<&Host>, path: &Path) -> Option<&Rule> {
        self.rules(host).iter().find(|rule| rule.path.claim() == path.claim())
    }

    /// The canary of a host and path.
    pub fn canary(&self, host: Option<&Host>, path: &Path) -> Option<&Rule> {
        let same =
            |(of, rule): &(Option<&Host>, &Rule)| *of == host && rule.path.claim() == path.claim();
        self.canaries().find(same).map(|(_, rule)| rule)
    }

    /// Paths of canaries, by host.
    pub fn canaries(&self) -> impl Iterator<Item = (Option<&Host>, &Rule)> {
        self.canaries.iter().map(|(host, rule)| (host.as_ref(), rule))
    }

    /// Paths of legacy components, by host.
    pub fn records(&self) -> impl Iterator<Item = (Option<&Host>, &Rule)> {
        self.records.iter().map(|(host, rule)| (host.as_ref(), rule))
    }
}

/// The rules of a component, one for each host and path.
fn rules<'a>(
    name: &'a Label,
    component: &'a Component,
    is_regex: bool,
) -> impl Iterator<Item = (Option<Host>, Rule)> + 'a {
    component.paths.iter().flat_map(move |path| {
        component.claimed_hosts().map(move |host| {
            let rule = Rule {
                path: path.clone(),
                answer: Answer::Component(name.clone()),
                host: host.map_or(path.path.span, |host| host.span),
                found: PathMatch::of(path, is_regex),
            };
            (host.map(|host| host.value.clone()), rule)
        })
    })
}
