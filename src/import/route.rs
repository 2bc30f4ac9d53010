//! HTTPRoutes -> components and fallbacks.

use std::collections::BTreeSet;

use super::codes;
use super::component::Claim;
use super::edge::Fallback;
use super::filter::Treatment;
use super::gateway::home_of;
use super::reading::Reading;
use super::split::{Annotations, Part, Split};
use crate::bundle::Place;
use crate::language::name::{HeaderName, HeaderValue, Name as _};
use crate::model::{HeaderMatch, NGINX};
use crate::state::Object;
use crate::state::http_route::{BackendRef, HttpRoute, RouteRule};

/// Requests for one path of one host, and what is done to them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// `None` is any.
    pub host: Option<String>,
    pub claim: Claim,
    pub target: Target,
}

/// Who answers a request, and how.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// The name of the route, without a number that a split gave it.
    pub owner: String,
    pub namespace: String,
    /// Services, ports and weights; none where a redirect answers.
    pub backends: Vec<(String, u16, u32)>,
    pub treatment: Treatment,
}

/// The types of a path (HTTPPathMatch), and what an inventory calls them.
const KINDS: &[(&str, &str)] = &[
    ("Exact", "Exact"),
    ("PathPrefix", "Prefix"),
    ("RegularExpression", "ImplementationSpecific"),
];

impl<'a, S: Fn(&str) -> (String, String)> Reading<'a, S> {
    /// Adds the fallback and the components of a Gateway's routes.
    pub(super) fn routes(&mut self, entrypoint: &str) {
        let Some(gateway) = self.gateways.get(entrypoint).copied() else { return };
        let of_gateway = |object: &&Object| self.is_attached(object, gateway);
        let objects: Vec<&Object> = self.of_kind("HTTPRoute").filter(of_gateway).collect();
        let names: BTreeSet<&str> = objects.iter().map(|object| object.key.name.as_str()).collect();
        let mut rows = Vec::new();
        for object in &objects {
            let Some(route) = object.http_route() else { continue };
            let owner = owner(object, &names);
            let hosts = self.hosts(object, &route);
            self.tell_scheme(object, &route, entrypoint);
            for rule in &route.rules {
                if rule.is_to_https() {
                    continue;
                }
                let Some(target) = self.target(object, owner, rule) else { continue };
                for claim in self.claims(object, rule) {
                    for host in &hosts {
                        let (host, claim, target) = (host.clone(), claim.clone(), target.clone());
                        let row = Row { host, claim, target };
                        if !self.is_taken(&rows, &row, object) {
                            rows.push(row);
                        }
                    }
                }
            }
        }
        self.fallback(entrypoint, &mut rows);
        let place = |owner: &str| objects.iter().find(|found| found.key.name == owner).copied();
        for found in Split::of(rows).components(entrypoint) {
            let Part { name, route, component } = match found {
                Ok(part) => part,
                Err((route, why)) => {
                    if let Some(object) = place(&route) {
                        let title = format!("{} {why}", object.key);
                        let help =
                            "split it into a component each, and let all but one be canaries";
                        self.say(&codes::UNSAYABLE, object, title, help);
                    }
                    continue;
                }
            };
            if let Some(object) = place(&route).filter(|_| name != route) {
                let title = format!("a part of {} becomes the component {name}", object.key);
                let help = "a component has one Service, and the same paths on each of its hosts; its route is called as it";
                self.say(&codes::OTHERWISE, object, title, help);
            }
            let unique = match self.cluster.components.contains_key(&name) {
                true => format!("{}-{name}", component.namespace),
                false => name,
            };
            self.cluster.components.insert(unique, component);
        }
    }

    /// Says where a route is for one scheme only: a component answers for both, unless the entrypoint redirects.
    fn tell_scheme(&mut self, object: &Object, route: &HttpRoute<'_>, entrypoint: &str) {
        if object.is_ours() || route.rules.iter().all(RouteRule::is_to_https) {
            return;
        }
        let named = route.parent_refs.iter().flat_map(|parent| self.named(parent, object));
        let protocols: BTreeSet<&str> = named.map(|listener| listener.protocol).collect();
        let edge = self.cluster.edges.get(entrypoint);
        let redirects =
            edge.is_some_and(|edge| edge.annotations.contains_key(&format!("{NGINX}ssl-redirect")));
        let also = match (protocols.contains("HTTP"), protocols.contains("HTTPS")) {
            (true, false) if !self.cluster.domains.is_empty() => "with TLS",
            (false, true) if !redirects => "over plain http",
            _ => return,
        };
        let title = format!("{} answers {also} too", object.key);
        let help = "a component answers for both schemes; `ssl-redirect` on the entrypoint sends plain http to https";
        self.say(&codes::OTHERWISE, object, title, help);
    }

    /// Routes that attach to no Gateway that was given.
    pub(super) fn tell_loose_routes(&mut self) {
        let gateways: Vec<&Object> = self.gateways.values().copied().collect();
        let is_loose = |object: &&Object| {
            object.fault().is_none()
                && !gateways.iter().any(|gateway| self.is_attached(object, gateway))
        };
        let loose: Vec<&Object> = self.of_kind("HTTPRoute").filter(is_loose).collect();
        for object in loose {
            let title =
                format!("{} attaches to no Gateway that was given and allows it", object.key);
            let help =
                "give its Gateway too; without a namespace it is looked for in the route's own";
            self.say(&codes::UNSAYABLE, object, title, help);
        }
    }

    /// Returns true if an earlier rule has the requests of a row: of one route the first rule answers, of several the older.
    fn is_taken(&mut self, rows: &[Row], row: &Row, object: &Object) -> bool {
        let same = rows.iter().find(|other| other.host == row.host && other.claim == row.claim);
        // Those of lbgen repeat a rule at other listeners.
        let Some(other) = same.filter(|other| other.target != row.target) else { return false };
        if object.is_ours() {
            return false;
        }
        let (path, owner) = (&row.claim.path, &other.target.owner);
        let title = format!("`{path}` of {} is claimed by {owner} too", object.key);
        let help =
            "of one route the first rule answers, of several the older route; remove the other";
        self.say(&codes::UNSAYABLE, object, title, help);
        true
    }

    /// The hosts of a route: its own, or those of the listeners that it names.
    fn hosts(&self, object: &Object, route: &HttpRoute<'_>) -> BTreeSet<Option<String>> {
        let own = route.hostnames.iter().map(|host| Some((*host).to_owned()));
        let own: BTreeSet<Option<String>> = own.collect();
        if !own.is_empty() {
            return own;
        }
        // Ours names listeners to leave out those at which somebody else answers.
        if object.is_ours() {
            return [None].into();
        }
        let mut hosts = BTreeSet::new();
        for parent in &route.parent_refs {
            let named = self.named(parent, object).into_iter();
            match parent.section_name.is_none() && parent.kind != Some("ListenerSet") {
                true => _ = hosts.insert(None),
                false => hosts.extend(named.map(|one| one.hostname.map(str::to_owned))),
            }
        }
        hosts
    }

    fn claims(&mut self, object: &Object, rule: &RouteRule<'_>) -> Vec<Claim> {
        let mut found = Vec::new();
        for matched in rule.matches() {
            let (path, kind) = matched.path();
            let Some(condition) = matched.condition() else {
                let title =
                    format!("{} matches `{path}` by its query, or a method of its own", object.key);
                let help = "a component has paths, the methods of HTTP, and headers";
                self.say(&codes::UNSAYABLE, object, title, help);
                continue;
            };
            if condition.headers.iter().any(|header| header.is_regex) && !object.is_ours() {
                let title = format!("{} matches a header of `{path}` by an expression", object.key);
                let help = "a `match` has values; a canary may have `canary-by-header-pattern`";
                self.say(&codes::UNSAYABLE, object, title, help);
                continue;
            }
            let is_written = |header: &HeaderMatch| {
                let is_value = header.is_regex || HeaderValue::parse(&header.value).is_some();
                is_value && HeaderName::parse(&header.name).is_some()
            };
            if let Some(header) = condition.headers.iter().find(|header| !is_written(header)) {
                let title = format!("{} matches `{path}` by {header}", object.key);
                let help =
                    "a `match` has names and values of printable characters, none of them empty";
                self.say(&codes::UNSAYABLE, object, title, help);
                continue;
            }
            let written = path.strip_prefix("(?i)^").unwrap_or(path);
            if kind == "RegularExpression" && written == path {
                let title = format!("`{path}` of {} is compared in another way", object.key);
                let help = "an inventory has the expressions of ingress-nginx: without case, and for all that lies behind them";
                self.say(&codes::OTHERWISE, object, title, help);
            }
            let kind = KINDS.iter().find(|(word, _)| *word == kind);
            let kind = kind.map_or("ImplementationSpecific", |(_, kind)| *kind).to_owned();
            found.push(Claim { path: written.to_owned(), kind, condition });
        }
        found
    }

    fn target(&mut self, object: &Object, owner: &str, rule: &RouteRule<'_>) -> Option<Target> {
        let treatment = Treatment::of(rule, home_of(object));
        for lost in &treatment.lost {
            let title = format!("{lost} of {} is left behind", object.key);
            self.say(&codes::LOST, object, title, "an inventory has no word for it");
        }
        let namespace = home_of(object);
        let is_redirect = ["permanent-redirect", "temporal-redirect"]
            .iter()
            .any(|name| treatment.annotations.contains_key(&format!("{NGINX}{name}")));
        let is_beside = |backend: &BackendRef<'_>| {
            backend.kind.is_none_or(|kind| kind == "Service")
                && backend.namespace.is_none_or(|own| own == namespace)
                && backend.port.is_some()
        };
        if let Some(other) = rule.backend_refs.iter().find(|backend| !is_beside(backend)) {
            let title =
                format!("{} leads to `{}`, which is no Service beside it", object.key, other.name);
            let help = "a component has a Service of its own namespace, and the number of its port";
            self.say(&codes::UNSAYABLE, object, title, help);
            return None;
        }
        let backends = rule.backend_refs.iter().filter_map(|backend| {
            let weight = backend.weight.unwrap_or(1);
            Some((backend.name.to_owned(), backend.port?, weight)).filter(|_| weight > 0)
        });
        let backends: Vec<(String, u16, u32)> = backends.collect();
        if backends.is_empty() && !is_redirect {
            let title = format!("a rule of {} has no backend", object.key);
            self.say(&codes::UNSAYABLE, object, title, "a component has a Service and its port");
            return None;
        }
        Some(Target {
            owner: owner.to_owned(),
            namespace: namespace.to_owned(),
            backends,
            treatment,
        })
    }

    /// Takes the rows of the fallback: the Service of addresses outside to which everything of any host goes.
    fn fallback(&mut self, gateway: &str, rows: &mut Vec<Row>) {
        let is_everything = |row: &Row| {
            row.claim.path == "/" && row.claim.kind == "Prefix" && row.claim.condition.is_none()
        };
        let home = self.cluster.namespace.clone();
        let mut wide = rows.iter().filter(|row| is_everything(row) && row.host.is_none());
        let found = wide.find_map(|row| {
            let [(service, port, _)] = row.target.backends.as_slice() else { return None };
            let namespace = &row.target.namespace;
            let place = self.of_kind("HTTPRoute").find_map(|object| {
                let own = object.key.name.starts_with(row.target.owner.as_str());
                (own && object.key.namespace == *namespace).then(|| Place::of(&object.file))
            });
            let machines = match home.as_ref() == Some(namespace) {
                true if !matches!(place, Some(Place::Component(_))) => {
                    self.outside(namespace, service)
                }
                _ => None,
            };
            let in_cluster = || {
                matches!(place, Some(Place::Fallback(_))).then(|| Fallback {
                    name: service.clone(),
                    ingress: Some(row.target.owner.clone()).filter(|owner| owner != service),
                    addresses: Vec::new(),
                    namespace: namespace.clone(),
                    port: port.to_string(),
                })
            };
            Some((row.target.clone(), machines.or_else(in_cluster)?))
        });
        let (annotations, fallback) = match found {
            Some((target, fallback)) => {
                rows.retain(|row| !(is_everything(row) && row.target.backends == target.backends));
                (target.treatment.annotations, fallback)
            }
            // No route leads to it: components answer everything.
            None => {
                let own = |found: &&Object| Place::of(&found.file).entrypoint() == Some(gateway);
                let services: Vec<&Object> = self.of_kind("Service").filter(own).collect();
                let mut all = services.into_iter();
                let unused =
                    all.find_map(|found| self.outside(&found.key.namespace, &found.key.name));
                let Some(fallback) = unused else { return };
                (Annotations::new(), fallback)
            }
        };
        if let Some(edge) = self.cluster.edges.get_mut(gateway) {
            edge.annotations.extend(annotations);
            edge.fallback = Some(fallback);
        }
    }
}

/// The name that a route had before lbgen split it: `cart` of `cart-2`, where `cart-1` is there too.
fn owner<'o>(object: &'o Object, names: &BTreeSet<&str>) -> &'o str {
    let name = object.key.name.as_str();
    if let Some(component) = object.component() {
        return component;
    }
    let stem = name.rsplit_once('-').filter(|(stem, number)| {
        number.parse::<usize>().is_ok() && names.contains(format!("{stem}-1").as_str())
    });
    match stem.filter(|_| object.is_ours()) {
        Some((stem, _)) => stem,
        None => name,
    }
}
