//! Ingresses -> components: one for each backend, and for hosts that have other paths.

use std::collections::{BTreeMap, BTreeSet};

use super::component::{Claim, Component, Refusal};
use super::one_tier::is_canary;
use super::reading::Reading;
use super::split::alike;
use super::{codes, label};
use crate::language::name::{Name as _, UrlPath};
use crate::state::Object;

/// Paths that one backend has on the same hosts; without hosts on any.
struct Part {
    backend: String,
    paths: Vec<Claim>,
    hosts: BTreeSet<String>,
}

/// The Ingress that has a path: the entrypoint, the host, the path and its type, which says if it is a canary's.
pub type Taken = BTreeMap<(String, Option<String>, String, String), String>;

impl<'a, S: Fn(&str) -> (String, String)> Reading<'a, S> {
    /// The components of an Ingress: one for each backend, and for hosts that have other paths.
    /// `wanted` is the name of the first.
    pub(super) fn parts(
        &mut self,
        edge: &str,
        ingress: &'a Object,
        wanted: &str,
        own: &BTreeMap<String, String>,
    ) {
        let parts = self.parts_of(edge, ingress);
        if parts.is_empty() {
            if ingress.paths().is_empty() {
                let title = format!("{} {}", ingress.key, Refusal::NoRules.words());
                self.say(&codes::UNSAYABLE, ingress, title, Refusal::NoRules.help());
            }
            return;
        }
        for (index, part) in parts.into_iter().enumerate() {
            let Some((service, port)) = part
                .backend
                .rsplit_once(':')
                .filter(|(service, port)| !service.is_empty() && !port.is_empty())
            else {
                let title = format!("{} {}", ingress.key, Refusal::Resource.words());
                self.say(&codes::UNSAYABLE, ingress, title, Refusal::Resource.help());
                continue;
            };
            let wanted = match (index, service.strip_prefix(wanted)) {
                (0, _) => wanted.to_owned(),
                (_, Some(rest)) if rest.starts_with('-') => service.to_owned(),
                _ => format!("{wanted}-{service}"),
            };
            let component = Component {
                edge: edge.to_owned(),
                namespace: ingress.key.namespace.clone(),
                service: service.to_owned(),
                port: port.to_owned(),
                paths: part.paths,
                hosts: part.hosts,
                annotations: own.clone(),
                is_ours: ingress.is_ours(),
                addresses: Vec::new(),
            };
            let name = self.free_name(&wanted, &component.namespace);
            if index > 0 {
                let title = format!("a part of {} becomes the component {name}", ingress.key);
                let help = "a component has one backend, the same paths on each of its hosts, and a name of its own; its Ingress is called as it";
                self.say(&codes::OTHERWISE, ingress, title, help);
            } else if name != ingress.key.name {
                let title = format!("{} becomes the component {name}", ingress.key);
                let help = "a component has a name of its own, without dots, and its Ingress is called as it; delete the old one just before the first apply: ingress-nginx refuses a host and path that another Ingress has";
                self.say(&codes::OTHERWISE, ingress, title, help);
            }
            let is_one_tier = self.cluster.edges.get(edge).is_some_and(|edge| edge.is_one_tier);
            let has_domains =
                is_one_tier && self.cluster.domains.values().any(|domain| domain.edge == edge);
            if component.hosts.is_empty() && has_domains && !ingress.is_ours() {
                let title = format!(
                    "{} has no host: it answers on every domain from now on, and on no other host",
                    ingress.key
                );
                let help = "ingress-nginx serves it only on hosts that no Ingress names; give the component `hosts`, or leave it out";
                self.say(&codes::LOST, ingress, title, help);
            }
            self.cluster.components.insert(name, component);
        }
    }

    fn parts_of(&mut self, edge: &str, ingress: &'a Object) -> Vec<Part> {
        let is_canary = is_canary(ingress);
        let mut order: Vec<String> = Vec::new();
        let mut rows: BTreeMap<String, BTreeMap<Option<String>, Vec<Claim>>> = BTreeMap::new();
        for rule in ingress.paths() {
            let claim = Claim {
                path: rule.path.to_owned(),
                kind: rule.kind.unwrap_or("ImplementationSpecific").to_owned(),
                condition: rule.condition,
            };
            if UrlPath::parse(rule.path).is_none() {
                let title =
                    format!("`{}` of {} cannot be a path of a component", rule.path, ingress.key);
                self.say(&codes::UNSAYABLE, ingress, title, UrlPath::about());
                continue;
            }
            let host = rule.host.map(str::to_owned);
            let path = match claim.kind.as_str() {
                "Prefix" => claim.path.trim_end_matches('/').to_owned(),
                _ => claim.path.clone(),
            };
            // A canary stands beside what it takes requests from.
            let kind =
                if is_canary { format!("{} canary", claim.kind) } else { claim.kind.clone() };
            let place = (edge.to_owned(), host.clone(), path, kind);
            if let Some(owner) = self.taken.get(&place).cloned() {
                let on = host.as_deref().unwrap_or("any host");
                let title =
                    format!("`{}` of {} on {on} is of {owner} too", claim.path, ingress.key);
                let help = "ingress-nginx lets the older Ingress answer, and so does the inventory";
                self.say(&codes::LOST, ingress, title, help);
                continue;
            }
            self.taken.insert(place, ingress.key.to_string());
            if !order.contains(&rule.backend) {
                order.push(rule.backend.clone());
            }
            rows.entry(rule.backend).or_default().entry(host).or_default().push(claim);
        }
        let mut parts = Vec::new();
        for backend in order {
            let Some(hosts) = rows.remove(&backend) else { continue };
            let any = hosts.len() > 1 && hosts.contains_key(&None);
            for (paths, hosts) in alike(hosts) {
                let named: BTreeSet<String> = hosts.iter().flatten().cloned().collect();
                let is_mixed = any && hosts.contains(&None) && !named.is_empty();
                if is_mixed {
                    let (backend, paths) = (backend.clone(), paths.clone());
                    parts.push(Part { backend, paths, hosts: BTreeSet::new() });
                }
                parts.push(Part { backend: backend.clone(), paths, hosts: named });
            }
        }
        let is_one_tier = self.cluster.edges.get(edge).is_some_and(|edge| edge.is_one_tier);
        let is_one_backend = parts.windows(2).all(|pair| pair[0].backend == pair[1].backend);
        if is_one_tier && ingress.is_ours() && is_one_backend && parts.len() > 1 {
            return vec![self.for_every_domain(edge, parts)];
        }
        parts
    }

    /// A component for every domain, of which lbgen leaves paths out on a domain where another one has them.
    fn for_every_domain(&mut self, edge: &str, mut parts: Vec<Part>) -> Part {
        let hosts = parts.iter().flat_map(|part| part.hosts.iter().cloned()).collect();
        self.spread.entry(edge.to_owned()).or_default().push(hosts);
        parts.sort_by_key(|part| part.paths.len());
        let all: Vec<Claim> = parts.iter().flat_map(|part| part.paths.iter().cloned()).collect();
        let mut paths = parts.pop().map(|most| most.paths).unwrap_or_default();
        let missing: BTreeSet<Claim> = all.into_iter().filter(|own| !paths.contains(own)).collect();
        paths.extend(missing);
        Part { backend: parts.swap_remove(0).backend, paths, hosts: BTreeSet::new() }
    }

    /// A name that no component has.
    fn free_name(&self, wanted: &str, namespace: &str) -> String {
        let wanted = label(wanted, "component");
        let near = label(&format!("{namespace}-{wanted}"), "component");
        let numbered = (2..).map(|number| label(&format!("{wanted}-{number}"), "component"));
        let mut all = [wanted.clone(), near].into_iter().chain(numbered);
        // The Ingress of a domain is called as its host.
        let is_free = |name: &String| {
            !self.cluster.components.contains_key(name) && !self.cluster.domains.contains_key(name)
        };
        all.find(is_free).unwrap_or(wanted)
    }
}
