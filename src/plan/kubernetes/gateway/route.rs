//! HTTPRoutes: of components and the catch-all.

use super::Attachment;
use super::split;
use crate::model::{
    BackendPort, Component, Entry, Fallback, Host, Label, Path, ServiceName, Subdomain, Tiers,
};
use crate::plan::kubernetes::{ObjectMeta, Planner, written};
use crate::route::{
    Cors, HeaderMatch, PathMatch, Redirect, Rewrite, Tier, Translation, of_other_programs,
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
pub enum Parent {
    /// The listener for plain HTTP of a Gateway.
    Plain(Subdomain),
    /// All listeners of a ListenerSet.
    Set(Subdomain),
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
    /// The header that it must have, if any.
    pub header: Option<HeaderMatch>,
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
        match backend.port {
            BackendPort::Number(port) => {
                Some(Self { service: backend.service.clone(), port, weight })
            }
            BackendPort::Name(_) => None,
        }
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
            (self.attachment(&component.entrypoint), self.routes.tier(&component.entrypoint))
        else {
            return (Vec::new(), Vec::new());
        };
        let tiers = attachment.tiers;
        let (groups, from) = match tiers.has_canary(component) {
            true => (self.of_canary(name, component, tier, tiers), Vec::new()),
            false => self.of_component(name, component, tier, tiers),
        };
        let mut annotations = of_other_programs(tiers.routing_annotations());
        annotations.extend(of_other_programs(&component.annotations));
        let meta = ObjectMeta {
            name: name.into(),
            namespace: component.namespace.clone(),
            part_of: self.datacenter.name.clone(),
            annotations: written(&annotations),
        };
        (split::routes(&attachment, &meta, &self.datacenter.kubernetes.namespace, groups), from)
    }

    /// The HTTPRoutes that give to the fallback what nobody claims.
    pub(in crate::plan::kubernetes) fn catch_all_routes(
        &self,
        entrypoint: &Label,
        fallback: &Fallback,
    ) -> Vec<HttpRoutePlan> {
        let Some(attachment) = self.attachment(entrypoint) else { return Vec::new() };
        let backend = RouteBackend { service: fallback.name.value.clone(), port: 80, weight: None };
        let everything = RouteMatch { path: PathMatch::Prefix("/".to_owned()), header: None };
        let translation = Translation::of_fallback(attachment.tiers);
        let root = Path::everything(fallback.name.span);
        let rule = translated(everything, &root, vec![backend], &translation);
        let mut meta = self.meta((&fallback.name.value).into());
        meta.annotations = written(&of_other_programs(attachment.tiers.routing_annotations()));
        let groups = vec![(Vec::new(), vec![rule])];
        let home = &self.datacenter.kubernetes.namespace;
        split::routes(&attachment, &meta, home, groups)
    }

    /// By hosts that have the same rules: the rules of a component. Its paths that are treated alike are one rule.
    fn of_component(
        &self,
        name: &Label,
        component: &Component,
        tier: &Tier,
        tiers: &Tiers,
    ) -> (Vec<HostRules>, Vec<Entry>) {
        let translation = Translation::of_component(tiers, component);
        let mut from = Vec::new();
        let mut groups: Vec<HostRules> = Vec::new();
        for host in component.claimed_hosts() {
            let host = host.map(|host| &host.value);
            let mut rules: Vec<RouteRule> = Vec::new();
            let own = tier.rules(host).iter().filter(|rule| rule.component() == Some(name));
            for rule in own {
                let backends = match self.shared(tier, host, rule, component) {
                    Some((canary, backends)) => {
                        from.push(Entry::Component(canary));
                        backends
                    }
                    None => RouteBackend::of(component, None).into_iter().collect(),
                };
                let path = rule.found.clone();
                let found = RouteMatch { path, header: None };
                add(&mut rules, translated(found, &rule.path, backends, &translation));
            }
            add_host(&mut groups, host, rules);
        }
        from.sort();
        from.dedup();
        (groups, from)
    }
}

/// Hosts, none being any, and their rules.
pub(super) type HostRules = (Vec<Host>, Vec<RouteRule>);

/// Puts a host among those with the same rules.
pub(super) fn add_host(groups: &mut Vec<HostRules>, host: Option<&Host>, rules: Vec<RouteRule>) {
    match groups.iter_mut().find(|(_, known)| *known == rules) {
        Some((hosts, _)) => hosts.extend(host.cloned()),
        None => groups.push((host.cloned().into_iter().collect(), rules)),
    }
}

/// Puts a rule among others: with the one that says the same of other requests, where both may have several.
pub(super) fn add(rules: &mut Vec<RouteRule>, rule: RouteRule) {
    let is_like = |known: &&mut RouteRule| {
        known.filters == rule.filters
            && known.timeout == rule.timeout
            && known.backends == rule.backends
            && !known.is_alone()
    };
    match rules.iter_mut().find(is_like) {
        Some(known) => known.matches.extend(rule.matches),
        None => rules.push(rule),
    }
}

impl RouteRule {
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
    RouteRule { matches: vec![found], filters, timeout: translation.timeout, backends }
}
