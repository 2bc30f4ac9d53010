//! The differences between the answers of two APIs: every URL that could tell two rules apart is asked of both.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use super::{Outcome, Request, Routes, Scheme, Tracer};
use crate::language::name::{Host, Label, Name};
use crate::model::{Datacenter, Domain};
use crate::route::{Tier, witnesses};

/// The number of URLs asked, and the differences found.
#[derive(Debug)]
pub struct Comparison {
    /// URLs that were asked.
    pub asked: usize,
    /// By entrypoint and answers.
    pub differences: Vec<Difference>,
}

/// URLs that get one answer from one side and another from the other.
#[derive(Debug)]
pub struct Difference {
    /// Their entrypoint.
    pub entrypoint: Label,
    /// The scheme, which says if they come with TLS.
    pub scheme: Scheme,
    /// Each side's answer, in words.
    pub answers: [String; 2],
    /// The URLs.
    pub urls: Vec<String>,
}

/// A host that stands for others: those that the same rules are for.
type Kind = (bool, bool, Vec<bool>);

/// Asks both tracers for every URL that could tell two rules of an entrypoint apart: each path, what lies below it, its near
/// misses, on each kind of host and on one of nobody, with TLS and without; with the method and the headers of `like`.
pub fn compare<'a>(
    datacenter: &'a Datacenter,
    sides: [&Tracer<'a>; 2],
    like: &Request,
) -> Comparison {
    let mut comparison = Comparison { asked: 0, differences: Vec::new() };
    for entrypoint in datacenter.entrypoints.keys() {
        let Some(Routes { tier, .. }) = sides[0].routes_of(entrypoint) else { continue };
        let paths = paths(tier);
        let hosts = hosts(datacenter, entrypoint, tier);
        let ask = |host: &Host| -> Vec<(Scheme, [String; 2], Option<String>)> {
            let urls = [Scheme::Https, Scheme::Http].into_iter().flat_map(|scheme| {
                paths.iter().map(move |path| (scheme, format!("{}://{host}{path}", scheme.word())))
            });
            urls.filter_map(|(scheme, url)| {
                let request = Request {
                    method: like.method,
                    headers: like.headers.clone(),
                    ..Request::parse(&url).ok()?
                };
                let answers = sides.map(|side| side.final_answer(entrypoint, &request));
                let differs = answers[0] != answers[1];
                Some((scheme, answers, differs.then_some(url)))
            })
            .collect()
        };
        let asked: Vec<_> = hosts.par_iter().flat_map_iter(ask).collect();
        comparison.asked += asked.len();
        let mut found: BTreeMap<(Scheme, [String; 2]), Vec<String>> = BTreeMap::new();
        for (scheme, answers, url) in asked {
            if let Some(url) = url {
                found.entry((scheme, answers)).or_default().push(url);
            }
        }
        let differences = found.into_iter().map(|((scheme, answers), urls)| Difference {
            entrypoint: entrypoint.clone(),
            scheme,
            answers,
            urls,
        });
        comparison.differences.extend(differences);
    }
    comparison
}

impl Tracer<'_> {
    /// Returns who answers, in words that say the same where the answers are alike. A redirect to where nobody answers
    /// is no answer.
    fn final_answer(&self, entrypoint: &Label, request: &Request) -> String {
        match self.trace_in(entrypoint, request).answer {
            Outcome::Component { name, .. } => format!("component {name}"),
            Outcome::Fallback { .. } => "fallback".to_owned(),
            Outcome::Redirect { status, location, .. } => {
                let next = Request::parse(&location);
                let leads = next.is_ok_and(|next| {
                    !matches!(self.trace_in(entrypoint, &next).answer, Outcome::Nothing { .. })
                });
                // The address says no more than the request and the kind of redirect do.
                let to = location.split("://").next().unwrap_or_default();
                let path = request.path.trim_end_matches('/');
                let end = location
                    .strip_suffix('/')
                    .is_some_and(|rest| rest.ends_with(path) && request.path == path);
                let ends = request.path.ends_with('/') && !location.ends_with('/');
                let slash = match (end, ends) {
                    _ if path.is_empty() => "",
                    (true, _) => " with a slash",
                    (_, true) => " without the slash",
                    _ => "",
                };
                if leads { format!("redirect {status} to {to}{slash}") } else { "none".to_owned() }
            }
            Outcome::Undecided { candidates } => {
                let all = candidates.iter().map(|found| match found {
                    Outcome::Component { name, .. } => name.to_string(),
                    _ => "fallback".to_owned(),
                });
                // No order says which one is the more likely.
                let all: BTreeSet<String> = all.collect();
                format!("undecided: {}", all.into_iter().collect::<Vec<_>>().join(" or "))
            }
            Outcome::Nothing { .. } => "none".to_owned(),
        }
    }
}

impl Tracer<'_> {
    /// Every URL of an entrypoint that could tell two of its rules apart.
    pub fn urls(&self, entrypoint: &Label) -> Vec<String> {
        let Some(Routes { tier, .. }) = self.routes_of(entrypoint) else { return Vec::new() };
        let (paths, schemes) = (paths(tier), [Scheme::Https, Scheme::Http]);
        let of = |host: &Host| -> Vec<String> {
            let all =
                schemes.iter().flat_map(|scheme| paths.iter().map(move |path| (scheme, path)));
            all.map(|(scheme, path)| format!("{}://{host}{path}", scheme.word())).collect()
        };
        hosts(self.datacenter, entrypoint, tier).iter().flat_map(of).collect()
    }
}

/// Every path that could tell two rules apart.
fn paths(tier: &Tier) -> Vec<String> {
    let canaries = tier.canaries().map(|(_, rule)| rule);
    let rules = tier.hosts().flat_map(|(_, rules)| rules).chain(canaries);
    witnesses(&rules.map(|rule| rule.path.path.value.as_str()).collect())
}

/// A host of each kind: of all domains that the same rules are for, one is asked for, and of a wildcard one with a label
/// more too.
fn hosts(datacenter: &Datacenter, entrypoint: &Label, tier: &Tier) -> Vec<Host> {
    let named: Vec<&Host> = tier.named_hosts().map(|(host, _)| host).collect();
    let mut kinds: BTreeMap<Kind, &Host> = BTreeMap::new();
    let own = |(_, domain): &(&Host, &Domain)| domain.entrypoint == *entrypoint;
    for (host, domain) in datacenter.domains.iter().filter(own) {
        let touched =
            named.iter().map(|rule| host.is_covered_by(rule) || rule.is_covered_by(host)).collect();
        let is_wildcard = host.as_str().starts_with('*');
        kinds.entry((domain.tls_secret.is_some(), is_wildcard, touched)).or_insert(host);
    }
    let mut hosts: BTreeSet<Host> = BTreeSet::new();
    for host in kinds.into_values().chain(named.iter().copied()) {
        match host.as_str().strip_prefix("*.") {
            Some(parent) => {
                for label in ["any", "two.labels"] {
                    hosts.extend(Host::parse(&format!("{label}.{parent}")));
                }
            }
            None => _ = hosts.insert(host.clone()),
        }
    }
    hosts.extend(Host::parse("nobody.invalid"));
    hosts.into_iter().collect()
}
