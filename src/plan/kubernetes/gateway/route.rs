//! HTTPRoutes: of components and the catch-all.

use std::collections::BTreeSet;

use super::Attachment;
use super::split;
use crate::model::{
    Component, Condition, Entry, Fallback, HeaderMatch, Host, Label, Path, ServiceName, Subdomain,
};
use crate::plan::kubernetes::{ObjectMeta, Planner, written};
use crate::route::{
    Cors, Mirror, PathMatch, Redirect, Rewrite, Rule, Tier, Translation, of_other_programs,
};

/// An HTTPRoute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpRoutePlan {
    /// The metadata of the HTTPRoute.
    pub meta: ObjectMeta,
    /// The namespace of what it attaches to.
    pub home: Label,
    /// The parents that it attaches to; not empty, at most 32.
    pub parents: Vec<Parent>,
    /// Empty is any; at most 16.
    pub hosts: Vec<Host>,
    /// At most 16, with at most 128 matches in all.
    pub rules: Vec<RouteRule>,
}

/// A parent that a route attaches to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parent {
    /// The object.
    pub object: ParentObject,
    /// One of its listeners; `None` is all.
    pub listener: Option<Subdomain>,
}

/// An object with listeners.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParentObject {
    /// A Gateway.
    Gateway(Subdomain),
    /// A ListenerSet.
    ListenerSet(Subdomain),
}

impl Parent {
    /// All listeners of an object.
    pub fn whole(object: ParentObject) -> Self {
        Self { object, listener: None }
    }

    /// One listener of an object.
    pub fn listener(object: ParentObject, name: Subdomain) -> Self {
        Self { object, listener: Some(name) }
    }
}

/// Requests that are treated alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteRule {
    /// Any of them; not empty, at most 64.
    pub matches: Vec<RouteMatch>,
    /// The changes to requests and answers.
    pub filters: Vec<Filter>,
    /// Seconds until a request is given up.
    pub timeout: Option<u32>,
    /// The backends that answer; empty where a filter does.
    pub backends: Vec<RouteBackend>,
}

/// The conditions that a request must meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch {
    /// The path that it must have.
    pub path: PathMatch,
    /// The method and headers that it must have.
    pub condition: Condition,
}

impl RouteMatch {
    /// Every request.
    pub fn everything() -> Self {
        Self { path: PathMatch::Prefix("/".to_owned()), condition: Condition::default() }
    }

    /// The requests of a rule.
    pub fn of(rule: &Rule) -> Self {
        Self { path: rule.found.clone(), condition: rule.path.condition.clone() }
    }

    /// Those of them that have a header too.
    pub fn with_header(mut self, header: &HeaderMatch) -> Self {
        self.condition.headers.push(header.clone());
        self
    }
}

/// A change that a route makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// Another address for the client.
    Redirect(Redirect),
    /// Another host or path for the backend.
    Rewrite {
        /// The host.
        host: Option<Host>,
        /// The path.
        path: Option<Rewrite>,
    },
    /// A header that the backend sees.
    RequestHeader(&'static str, String),
    /// Answers to browsers of other origins.
    Cors(Cors),
    /// A copy of each request, for another Service beside the route.
    Mirror(Mirror),
}

/// A Service in the namespace of the route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteBackend {
    /// The name of the Service.
    pub service: ServiceName,
    /// Its port.
    pub port: u16,
    /// Its part of the requests, where there are several.
    pub weight: Option<u32>,
}

impl RouteBackend {
    /// Returns the backend that serves a component, or `None` if it has none. A port by its name was refused when the
    /// inventory was read.
    pub fn of(component: &Component, weight: Option<u32>) -> Option<Self> {
        let backend = component.backend.as_ref()?;
        let port = backend.port.number()?;
        Some(Self { service: backend.service.clone(), port, weight })
    }
}

impl Planner<'_> {
    /// Returns the parents that the routes of an entrypoint attach to, or `None` if it has no Gateway.
    pub(in crate::plan::kubernetes) fn attachment<'a>(
        &'a self,
        name: &'a Label,
    ) -> Option<Attachment<'a>> {
        let tiers = self.datacenter.entrypoints.get(name)?.tiers()?;
        Some(Attachment { name, tiers, places: self.listener_sets.get(name)? })
    }

    /// The HTTPRoutes of a component, and the canaries that they name.
    pub(in crate::plan::kubernetes) fn routes(
        &self,
        name: &Label,
        component: &Component,
    ) -> (Vec<HttpRoutePlan>, Vec<Entry>) {
        let (Some(attachment), Some(tier)) =
            (self.attachment(&component.entrypoint), self.routes.gateway(&component.entrypoint))
        else {
            return (Vec::new(), Vec::new());
        };
        let tiers = attachment.tiers;
        let (groups, from) = match tiers.has_canary(component) {
            true => (self.of_canary(name, component, &attachment, tier), Vec::new()),
            false => self.of_component(name, component, &attachment, tier),
        };
        let mut annotations = of_other_programs(tiers.routing_annotations());
        annotations.extend(of_other_programs(&component.annotations));
        let meta = ObjectMeta {
            name: name.into(),
            namespace: component.namespace.clone(),
            part_of: self.datacenter.name.clone(),
            annotations: written(&annotations),
        };
        (split::routes(&attachment, &meta, &self.datacenter.kubernetes.namespace, groups.0), from)
    }

    /// The HTTPRoutes that give to the fallback what nobody claims.
    pub(in crate::plan::kubernetes) fn catch_all_routes(
        &self,
        entrypoint: &Label,
        fallback: &Fallback,
    ) -> Vec<HttpRoutePlan> {
        let Some(attachment) = self.attachment(entrypoint) else { return Vec::new() };
        // A port by its name was refused when the inventory was read.
        let Some(port) = fallback.port_number() else { return Vec::new() };
        let backend = RouteBackend { service: fallback.service().clone(), port, weight: None };
        let translation = Translation::of_fallback(attachment.tiers);
        let root = Path::everything(fallback.name.span);
        let rule = translated(RouteMatch::everything(), &root, vec![backend], &translation);
        let mut meta = self.fallback_meta(fallback);
        meta.annotations = written(&of_other_programs(attachment.tiers.routing_annotations()));
        let Some(tier) = self.routes.gateway(entrypoint) else { return Vec::new() };
        let mut groups = Groups::default();
        for found in tier.all().filter(|found| found.rule.is_catch_all) {
            groups.add(&attachment, tier, found.host, vec![(found.rule, rule.clone())]);
        }
        let home = &self.datacenter.kubernetes.namespace;
        split::routes(&attachment, &meta, home, groups.0)
    }

    /// By hosts that have the same rules: the rules of a component. Its paths that are treated alike are one rule.
    fn of_component(
        &self,
        name: &Label,
        component: &Component,
        attachment: &Attachment<'_>,
        tier: &Tier,
    ) -> (Groups, Vec<Entry>) {
        let translation = Translation::of_component(attachment.tiers, component);
        let mut from = Vec::new();
        let mut groups = Groups::default();
        for (host, rules) in tier.hosts() {
            let mut said: Vec<(&Rule, RouteRule)> = Vec::new();
            for rule in rules.iter().filter(|rule| rule.component() == Some(name)) {
                let backends = match self.shared(tier, host, rule, component) {
                    Some((canary, backends)) => {
                        from.push(Entry::Component(canary));
                        backends
                    }
                    None => RouteBackend::of(component, None).into_iter().collect(),
                };
                let found = RouteMatch::of(rule);
                said.push((rule, translated(found, &rule.path, backends, &translation)));
            }
            groups.add(attachment, tier, host, said);
        }
        from.sort();
        from.dedup();
        (groups, from)
    }
}

/// Rules of a component that stand in one route.
pub(super) struct HostRules {
    /// None is any.
    pub hosts: Vec<Host>,
    pub rules: Vec<RouteRule>,
    /// The listeners at which somebody else answers.
    pub except: BTreeSet<Host>,
    /// True if no other host may join.
    is_alone: bool,
}

impl HostRules {
    /// Rules for a host that attach to every listener.
    fn of(host: Option<&Host>, rules: Vec<RouteRule>) -> Self {
        let hosts = host.cloned().into_iter().collect();
        Self { hosts, rules, except: BTreeSet::new(), is_alone: false }
    }
}

/// The routes of a component as they come to be.
#[derive(Default)]
pub(super) struct Groups(pub Vec<HostRules>);

impl Groups {
    /// Adds what a component says of a host; each rule with the one of the table that it is written for.
    pub fn add(
        &mut self,
        attachment: &Attachment<'_>,
        tier: &Tier,
        host: Option<&Host>,
        said: Vec<(&Rule, RouteRule)>,
    ) {
        let mut rules: Vec<RouteRule> = Vec::new();
        for (rule, written) in said {
            match tier.loses(host, rule) {
                true => self.add_alone(attachment.lost(tier, host, rule), host, written),
                false => add(&mut rules, written),
            }
        }
        if rules.is_empty() {
            return;
        }
        // A route for any host has no hosts, so it takes none either.
        let takes = |known: &&mut HostRules| {
            host.is_some() && !known.hosts.is_empty() && !known.is_alone && known.rules == rules
        };
        match self.0.iter_mut().find(takes) {
            Some(known) => known.hosts.extend(host.cloned()),
            None => self.0.push(HostRules::of(host, rules)),
        }
    }

    /// Adds a rule that a more precise host answers otherwise. Its route has that rule and one host: Traefik ranks a route by
    /// its longest host, and its rules by their order.
    fn add_alone(&mut self, except: BTreeSet<Host>, host: Option<&Host>, rule: RouteRule) {
        let own = self.0.iter_mut().filter(|known| {
            known.is_alone && known.hosts.first() == host && known.except == except
        });
        for known in own {
            if known.rules[0].takes(&rule) {
                known.rules[0].matches.extend(rule.matches);
                return;
            }
        }
        self.0.push(HostRules { except, is_alone: true, ..HostRules::of(host, vec![rule]) });
    }
}

impl Attachment<'_> {
    /// The listeners at which another rule answers instead.
    fn lost(&self, tier: &Tier, host: Option<&Host>, rule: &Rule) -> BTreeSet<Host> {
        let all = self.places.keys();
        all.filter(|listener| tier.loses_at(host, rule, listener)).cloned().collect()
    }
}

/// Puts a rule among others: with the one that says the same of other requests, where both may have several.
pub(super) fn add(rules: &mut Vec<RouteRule>, rule: RouteRule) {
    match rules.iter_mut().find(|known| known.takes(&rule)) {
        Some(known) => known.matches.extend(rule.matches),
        None => rules.push(rule),
    }
}

impl RouteRule {
    /// Returns true if the matches of another rule may stand in this one: both say the same.
    fn takes(&self, other: &Self) -> bool {
        self.filters == other.filters
            && self.timeout == other.timeout
            && self.backends == other.backends
            && !self.is_alone()
    }

    /// Returns true if the rule may have one match only, because a filter replaces the prefix.
    fn is_alone(&self) -> bool {
        let replaces = |filter: &Filter| {
            matches!(filter, Filter::Rewrite { path: Some(Rewrite::Prefix(_)), .. })
        };
        self.filters.iter().any(replaces)
    }
}

/// A rule with what annotations do to requests of a path, as it is written.
pub(super) fn translated(
    found: RouteMatch,
    written: &Path,
    backends: Vec<RouteBackend>,
    translation: &Translation,
) -> RouteRule {
    let mut filters = Vec::new();
    if let Some(redirect) = &translation.redirect {
        filters.push(Filter::Redirect(redirect.clone()));
        return RouteRule { matches: vec![found], filters, timeout: None, backends: Vec::new() };
    }
    // A prefix is replaced where a prefix was matched.
    let is_prefix = matches!(found.path, PathMatch::Prefix(_));
    let path = translation.rewrite(written);
    let path = path.filter(|rewrite| is_prefix || matches!(rewrite, Rewrite::Whole(_)));
    if path.is_some() || translation.host.is_some() {
        filters.push(Filter::Rewrite { host: translation.host.clone(), path });
    }
    if let Some(prefix) = &translation.forwarded_prefix {
        filters.push(Filter::RequestHeader("X-Forwarded-Prefix", prefix.clone()));
    }
    filters.extend(translation.cors.clone().map(Filter::Cors));
    filters.extend(translation.mirror.clone().map(Filter::Mirror));
    RouteRule { matches: vec![found], filters, timeout: translation.timeout, backends }
}
