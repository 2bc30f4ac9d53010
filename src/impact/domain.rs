//! The effects of a change on domains that Ingresses answer for.

use std::collections::{BTreeMap, BTreeSet};

use super::cluster::{Cluster, in_place, moved};
use super::gateway::{GIVES_BACK, TAKES_OVER};
use super::virtual_host::VirtualHost;
use super::{Class, Finding, exposed};
use crate::bundle::{Controllers, Place};
use crate::language::name::{Host, Label, Name};
use crate::model::Entry;
use crate::route::edge_redirects;
use crate::state::{Object, State};

impl<'a> Cluster<'a> {
    /// The findings for a change of its Ingress.
    pub(super) fn domain(&self, name: &str) -> Vec<Finding> {
        let (from, to) = (ingress(self.comparison.from, name), ingress(self.comparison.to, name));
        let hosts = |object: Option<&'a Object>| object.map(Object::hosts).unwrap_or_default();
        let host = hosts(from).into_iter().chain(hosts(to)).flatten().find_map(Host::parse);
        let Some(host) = host else { return Vec::new() };
        let finding =
            |class, reason: String| Finding::new(class, Entry::Domain(host.clone()), reason);
        let [first, second] = self.comparison.readers();
        let is_only = |ingress: &Object, controllers: &Controllers| {
            ingress.class().is_some_and(|class| controllers.is_one_tier(class))
        };
        match (from, to) {
            (None, Some(_)) if self.gateways.takes_over(host.as_str()) => {
                vec![finding(Class::New, "an Ingress beside the Gateway's listener".to_owned())]
            }
            (Some(_), None) if self.gateways.had(host.as_str()) => vec![finding(
                Class::Removed,
                "its Ingress; the Gateway's listener answers as before".to_owned(),
            )],
            (None, Some(_)) if self.gateways.had(host.as_str()) => {
                vec![finding(Class::Switches, GIVES_BACK.to_owned())]
            }
            (None, Some(to)) if is_only(to, first) && !is_only(to, second) => {
                vec![finding(Class::Tuned, "its Ingress leads to the second tier".to_owned())]
            }
            (None, Some(to)) => {
                let own = VirtualHost::of_ingress(to, second);
                let by_wildcard = self.gateways.by_wildcard(&host, [None, own]);
                let without = HttpsWithout::of(to, second);
                let moved = without.as_ref().and_then(|_| self.had_certificate(to, &host));
                let moved = moved
                    .map(|owner| finding(Class::Tuned, format!("its certificate was in {owner}")));
                let new = || match without {
                    Some(HttpsWithout::DefaultCertificate) => {
                        finding(Class::Tls, tls_words([None, Some(to.key.name.as_str())]))
                    }
                    Some(HttpsWithout::Nothing) => {
                        finding(Class::New, "https is answered from now on".to_owned())
                    }
                    None => finding(Class::New, "a new host".to_owned()),
                };
                vec![moved.or(by_wildcard).unwrap_or_else(new)]
            }
            (Some(_), None) if self.gateways.takes_over(host.as_str()) => {
                vec![finding(Class::Switches, TAKES_OVER.to_owned())]
            }
            (Some(from), None) if is_only(from, second) && !is_only(from, first) => {
                vec![match secret(from, &host) {
                    Some(name) => finding(Class::Tls, tls_words([Some(name.as_str()), None])),
                    None => finding(Class::Tuned, "its rules are those of components".to_owned()),
                }]
            }
            (Some(from), None) => {
                let own = VirtualHost::of_ingress(from, first);
                let by_wildcard = self.gateways.by_wildcard(&host, [own, None]);
                let unreachable = |reason: &str| finding(Class::Unreachable, reason.to_owned());
                let gone = || match HttpsWithout::of(from, first) {
                    Some(HttpsWithout::DefaultCertificate) => {
                        finding(Class::Tls, tls_words([Some(from.key.name.as_str()), None]))
                    }
                    Some(HttpsWithout::Nothing) => unreachable("https is not answered any more"),
                    None => unreachable("no Ingress has this host any more"),
                };
                vec![by_wildcard.unwrap_or_else(gone)]
            }
            (Some(from), Some(to)) => {
                let mut found = Vec::new();
                if from.key != to.key {
                    found.push(finding(Class::Switches, moved(from, to)));
                }
                if from.class() != to.class() {
                    let class = |object: &Object| object.class().unwrap_or("none").to_owned();
                    let entrypoints = [(from, first), (to, second)]
                        .map(|(object, controllers)| controllers.entrypoint_of(object.class()?));
                    let dns = exposed::dns(self.comparison, entrypoints[0], entrypoints[1]);
                    let reason = format!("another controller answers{dns}");
                    let mut switches = finding(Class::Switches, reason);
                    (switches.from, switches.to) = (Some(class(from)), Some(class(to)));
                    found.push(switches);
                }
                let in_one_tier = is_only(from, first) || is_only(to, second);
                if from.rules() != to.rules() && !in_one_tier {
                    let mut switches =
                        finding(Class::Switches, "another backend answers".to_owned());
                    (switches.from, switches.to) = (backends(from), backends(to));
                    found.push(switches);
                }
                if let Some(words) = self.plain_http(from, to) {
                    found.push(finding(Class::Switches, words.to_owned()));
                }
                let [old, new] = self.certificates(from, to);
                if old != new {
                    let mut tls = finding(Class::Tls, tls_words([old, new]));
                    (tls.from, tls.to) = (old.map(str::to_owned), new.map(str::to_owned));
                    found.push(tls);
                }
                if found.is_empty() && from.value != to.value {
                    found.push(finding(Class::Tuned, in_place(from, to)));
                }
                found
            }
            (None, None) => Vec::new(),
        }
    }

    /// The Ingress in which the certificate of a domain was, of the same class.
    fn had_certificate(&self, ingress: &Object, host: &Host) -> Option<String> {
        let same = |other: &&Object| {
            other.key.kind == "Ingress"
                && other.class() == ingress.class()
                && other.key.namespace == ingress.key.namespace
                && other.hosts().contains(&Some(host.as_str()))
                && secret(other, host) == secret(ingress, host)
        };
        let mut all = self.comparison.from.objects.values();
        all.find(same).map(|other| other.key.to_string())
    }

    /// Domains that move to where nothing answers some of their URLs.
    pub(super) fn emptied(&self) -> Vec<Finding> {
        let lost = self.served.lost().into_iter().map(|(host, urls)| {
            let urls: Vec<String> = urls.into_iter().collect();
            let reason = format!("nothing answers any more: {}", urls.join(", "));
            let files = self.files_naming(host.as_str());
            Finding::new(Class::Unreachable, Entry::Domain(host), reason).in_files(files)
        });
        lost.collect()
    }

    /// Entrypoints whose edge another controller serves, and answers plain http of the domains in another way.
    pub(super) fn redirected(&self) -> Vec<Finding> {
        let [_, second] = self.comparison.readers();
        let mut told: BTreeMap<&str, &str> = BTreeMap::new();
        for (key, from) in &self.comparison.from.objects {
            let Some(to) = self.comparison.to.objects.get(key).filter(|to| *to == from) else {
                continue;
            };
            let entrypoint = to.class().and_then(|class| second.entrypoint_of(class));
            let words = entrypoint.and_then(|name| Some((name, self.plain_http(from, to)?)));
            told.extend(words);
        }
        let findings = told.into_iter().filter_map(|(name, words)| {
            let entry = Entry::Entrypoint(Label::parse(name)?);
            let list = Place::List.to_string();
            Some(Finding::new(Class::Switches, entry, words).in_files([list.as_str()]))
        });
        findings.collect()
    }

    /// The certificates of a domain's Ingress, before and after.
    fn certificates(&self, from: &'a Object, to: &'a Object) -> [Option<&'a str>; 2] {
        let [first, second] = self.comparison.readers();
        let host = from.hosts().into_iter().flatten().find_map(Host::parse);
        let Some(host) = host else { return [None; 2] };
        let sides = [VirtualHost::of_ingress(from, first), VirtualHost::of_ingress(to, second)];
        self.gateways.certificates(&host, sides)
    }

    /// The change of the answer to plain http, where it changes and no certificate comes or goes.
    fn plain_http(&self, from: &'a Object, to: &'a Object) -> Option<&'static str> {
        let is_redirected = |object: &Object, controllers: &Controllers, has_tls: bool| {
            let controller = controllers.of_class(object.class().unwrap_or(""));
            edge_redirects(controller, &object.annotations(), has_tls)
        };
        let [first, second] = self.comparison.readers();
        let [old, new] = self.certificates(from, to).map(|found| found.is_some());
        match (is_redirected(from, first, old), is_redirected(to, second, new)) {
            _ if old != new => None,
            (false, true) => Some("plain http is sent to https"),
            (true, false) => Some("plain http is answered, and not sent to https any more"),
            _ => None,
        }
    }
}

fn ingress<'a>(state: &'a State, name: &str) -> Option<&'a Object> {
    let mut found = state.objects.values();
    found.find(|object| object.key.kind == "Ingress" && object.key.name == name)
}

fn backends(object: &Object) -> Option<String> {
    let found: BTreeSet<String> = object.paths().into_iter().map(|rule| rule.backend).collect();
    (!found.is_empty()).then(|| found.into_iter().collect::<Vec<_>>().join(", "))
}

fn secret(object: &Object, host: &Host) -> Option<String> {
    object.certificate_of(host.as_str()).map(str::to_owned)
}

/// The answer to https for a host without a certificate of its own, in one tier: there the Ingress of a domain says which
/// certificate its host has, and others say who answers.
enum HttpsWithout {
    /// As by http, with the certificate of the controller.
    DefaultCertificate,
    Nothing,
}

impl HttpsWithout {
    /// `None` where a second tier is behind the class of an Ingress.
    fn of(ingress: &Object, controllers: &Controllers) -> Option<Self> {
        let class = ingress.class().filter(|class| controllers.is_one_tier(class))?;
        Some(match controllers.of_class(class) {
            controller if controller.has_default_certificate() => Self::DefaultCertificate,
            _ => Self::Nothing,
        })
    }
}

fn tls_words(certificates: [Option<&str>; 2]) -> String {
    match certificates {
        [None, Some(_)] => "TLS from now on".to_owned(),
        [Some(_), None] => "no TLS any more".to_owned(),
        _ => "another Secret".to_owned(),
    }
}
