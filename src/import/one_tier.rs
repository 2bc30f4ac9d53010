//! Ingresses of an edge that no second tier is behind -> domains, components and the fallback.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Domain, annotations};
use super::codes;
use super::reading::{Reading, is_whole};
use crate::bundle::Place;
use crate::language::name::{Host, Name as _};
use crate::model::{NGINX, is_true};
use crate::state::{Object, PathRule};

/// Annotations by which cert-manager issues the certificates of an Ingress: in an inventory they are a domain's.
const ISSUERS: &[&str] = &["cert-manager.io/", "acme.cert-manager.io/", "kubernetes.io/tls-acme"];

/// Annotations of ingress-nginx that say something of the paths of one Ingress.
const OF_PATHS: &[&str] =
    &["rewrite-target", "use-regex", "app-root", "canary", "permanent-", "temporal-"];

impl<'a, S: Fn(&str) -> (String, String)> Reading<'a, S> {
    /// The edges whose Ingresses lead to components by themselves.
    pub(super) fn one_tiers(
        &self,
        by_edge: &BTreeMap<String, Vec<&'a Object>>,
        is_any_routed: bool,
    ) -> BTreeSet<String> {
        let home = self.cluster.namespace.clone().unwrap_or_default();
        let is_only = |ingresses: &[&Object]| {
            // A cluster does not say which file an Ingress is from.
            let to_second = |ingress: &Object| {
                let is_domain = match Place::of(&ingress.file) {
                    Place::Foreign(_) => is_any_routed && is_whole(ingress),
                    place => matches!(place, Place::Domain(_)),
                };
                let mut paths = ingress.paths().into_iter();
                is_domain && paths.any(|path| path.kind == Some("ImplementationSpecific"))
            };
            if ingresses.iter().all(|ingress| ingress.is_ours()) {
                return !ingresses.iter().any(|ingress| to_second(ingress));
            }
            let mut whole: BTreeMap<String, usize> = BTreeMap::new();
            for ingress in ingresses.iter().filter(|found| found.key.namespace == home) {
                if is_whole(ingress) {
                    *whole.entry(ingress.paths()[0].backend.clone()).or_default() += 1;
                }
            }
            let behind = whole.values().max().copied().unwrap_or_default();
            !is_any_routed || 2 * behind < ingresses.len()
        };
        let found = by_edge.iter().filter(|(_, ingresses)| is_only(ingresses));
        found.map(|(edge, _)| edge.clone()).collect()
    }

    /// Adds what the Ingresses of one of them are.
    pub(super) fn one_tier(&mut self, edge: &str, mut ingresses: Vec<&'a Object>) {
        let age = |ingress: &Object| {
            let created = ingress.field("/metadata/creationTimestamp");
            created.and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
        };
        // Of two that have a path, ingress-nginx lets the older one answer.
        ingresses.sort_by_key(|ingress| age(ingress));
        let fallbacks =
            self.cluster.fallbacks(self.objects(), &ingresses, &|_| Some(edge.to_owned()));
        let common = common(&ingresses);
        for ingress in ingresses.iter().filter(|found| fallbacks.contains(&found.key)) {
            let everything = (edge.to_owned(), None, String::new(), "Prefix".to_owned());
            self.taken.insert(everything, ingress.key.to_string());
        }
        let class = self.cluster.edges.get(edge).map(|edge| edge.class.clone()).unwrap_or_default();
        for ingress in &ingresses {
            if ingress.class().is_none() {
                let title = format!("{} names no class, and gets {class}", ingress.key);
                let help = "the default class of the cluster had it; correct `class` of the edge if that is another one";
                self.say(&codes::OTHERWISE, ingress, title, help);
            }
            // ingress-nginx makes no server of a canary.
            if !is_canary(ingress) {
                self.certificates(edge, ingress, &common);
            }
        }
        for ingress in &ingresses {
            if !fallbacks.contains(&ingress.key) && !self.is_of_fallback(edge, ingress) {
                let mut own = annotations(ingress);
                // Without `tls` it issues nothing, and stays where it is.
                let is_moved = |key: &str| is_issuer(key) && ingress.tls().is_some();
                own.retain(|key, value| common.get(key) != Some(value) && !is_moved(key));
                self.parts(edge, ingress, &ingress.key.name, &own);
            }
        }
        // A host without a certificate that such a component is not for is no domain, but one that others name.
        let spread = self.spread.remove(edge).unwrap_or_default();
        self.cluster.domains.retain(|host, domain| {
            let is_for_all = spread.iter().all(|hosts| hosts.contains(host));
            domain.edge != edge || domain.secret.is_some() || is_for_all
        });
        let own = self.cluster.domains.iter().filter(|(_, domain)| domain.edge == edge);
        let every: BTreeSet<String> = own.map(|(host, _)| host.clone()).collect();
        // As lbgen writes one without hosts.
        for component in self.cluster.components.values_mut() {
            if component.edge == edge && component.is_ours && component.hosts == every {
                component.hosts.clear();
            }
        }
        if let Some(edge) = self.cluster.edges.get_mut(edge) {
            edge.annotations = common;
        }
    }

    /// Returns true if an Ingress says no more than the certificate of its hosts, and that the fallback has the rest.
    fn is_of_fallback(&self, edge: &str, ingress: &Object) -> bool {
        let fallback = self.cluster.edges.get(edge).and_then(|edge| edge.fallback.as_ref());
        let leads = |path: &PathRule<'_>| {
            path.path == "/"
                && path.kind != Some("Exact")
                && fallback.is_some_and(|own| own.name == path.service())
        };
        ingress.field("/spec/tls").is_some()
            && (ingress.paths().is_empty()
                || fallback.is_some_and(|own| ingress.key.namespace == own.namespace))
            && !ingress.hosts().is_empty()
            && ingress.paths().iter().all(leads)
            && ingress.field("/spec/defaultBackend").is_none()
    }

    /// The domains of an Ingress.
    fn certificates(&mut self, edge: &str, ingress: &'a Object, common: &BTreeMap<String, String>) {
        let is_domain = matches!(Place::of(&ingress.file), Place::Domain(_)) && ingress.is_ours();
        let mut own = annotations(ingress);
        own.retain(|key, value| common.get(key) != Some(value) && (is_domain || is_issuer(key)));
        let mut moved: BTreeSet<String> = BTreeSet::new();
        let hosts: BTreeSet<&str> = ingress.hosts().into_iter().flatten().collect();
        for host in hosts {
            let secret = ingress.certificate_of(host).map(str::to_owned);
            if secret.is_none() && !ingress.paths().iter().any(|path| path.host == Some(host)) {
                let title = format!("{host} of {} has no paths", ingress.key);
                let help = "ingress-nginx answers 404 for a host that is named without paths; afterwards a wildcard may answer";
                self.say(&codes::LOST, ingress, title, help);
                continue;
            }
            let known = self.cluster.domains.get(host);
            if known.is_some_and(|known| known.edge != edge) {
                self.say_shared(ingress, host);
                continue;
            }
            let namespace = ingress.key.namespace.clone();
            let is_known = known.is_some();
            let certificate =
                known.and_then(|known| Some((known.secret.clone()?, known.namespace.clone())));
            let is_same = secret.as_ref().is_some_and(|own| {
                certificate.as_ref().is_none_or(|found| *found == (own.clone(), namespace.clone()))
            });
            if certificate.is_some() && secret.is_some() && !is_same && !ingress.is_ours() {
                let title = format!("{} has another Secret for {host}", ingress.key);
                let help =
                    "ingress-nginx takes that of the older Ingress, and so does the inventory";
                self.say(&codes::OTHERWISE, ingress, title, help);
            }
            // The Ingress of a domain says it, whoever names the host before.
            let is_decided = certificate.is_some() || is_known && secret.is_none();
            if is_decided && !is_domain {
                continue;
            }
            let annotations = if secret.is_some() { own.clone() } else { BTreeMap::new() };
            if secret.is_some()
                && Host::parse(host)
                    .is_some_and(|host| host.object_name().to_string() != ingress.key.name)
            {
                moved.insert(host.to_owned());
            }
            let domain = Domain { edge: edge.to_owned(), secret, namespace, annotations };
            self.cluster.domains.insert(host.to_owned(), domain);
        }
        if !moved.is_empty() {
            let hosts = moved.into_iter().collect::<Vec<_>>().join(", ");
            let title = format!("the certificate of {hosts} moves out of {}", ingress.key);
            let help = "lbgen writes an Ingress for each domain with a certificate, named as the host, with `tls` and the annotations of cert-manager";
            self.say(&codes::OTHERWISE, ingress, title, help);
        }
    }
}

pub(super) fn is_canary(ingress: &Object) -> bool {
    annotations(ingress).get(&format!("{NGINX}canary")).is_some_and(|value| is_true(value))
}

fn is_issuer(key: &str) -> bool {
    ISSUERS.iter().any(|own| key.starts_with(own))
}

/// Annotations that all Ingresses have, and that say nothing of their paths.
fn common(ingresses: &[&Object]) -> BTreeMap<String, String> {
    let mut found = super::component::common_annotations(ingresses);
    let of_paths = |key: &str| {
        let name = key.strip_prefix(NGINX);
        name.is_some_and(|name| OF_PATHS.iter().any(|own| name.starts_with(own)))
    };
    let is_ours = ingresses.iter().all(|ingress| ingress.is_ours());
    found.retain(|key, _| is_ours || ingresses.len() > 1 && !is_issuer(key) && !of_paths(key));
    found
}
