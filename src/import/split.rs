//! Rows of routes -> components: one Service each, and the same paths on each host.

use std::collections::{BTreeMap, BTreeSet};

use super::component::{Claim, Component};
use super::route::{Row, Target};
use crate::language::name::{Host, Name as _};
use crate::model::{Condition, HeaderMatch, NGINX};

/// Annotations by their keys.
pub type Annotations = BTreeMap<String, String>;

/// A component of a route.
pub struct Part {
    pub name: String,
    /// The route that it comes from.
    pub route: String,
    pub component: Component,
}

/// A part; or a route, and why it cannot be one.
type Outcome = Result<Part, (String, String)>;

/// The rows of the routes of a Gateway.
pub struct Split {
    rows: Vec<Row>,
    /// Canaries, by the Service and port that they share with.
    canaries: Vec<Canary>,
}

/// A Service that takes a part of another one's requests.
struct Canary {
    name: String,
    main: Target,
    backend: (String, u16, u32),
    total: u32,
    header: Option<HeaderMatch>,
    claims: Vec<(Option<String>, Claim)>,
}

impl Split {
    /// The rows without the copies that routes have for named hosts, and without shares.
    pub fn of(rows: Vec<Row>) -> Self {
        let mut split = Self { rows, canaries: Vec::new() };
        split.drop_copies();
        split.part_shares();
        split.join_rewrites();
        split
    }

    /// A rule for a broader host is repeated for a host that somebody names (docs/gateway.md): where one stands on its own
    /// there, the others follow from it. Where none does, one of a wildcard named the host too.
    fn drop_copies(&mut self) {
        let mut by_host: BTreeMap<Option<String>, Vec<Row>> = BTreeMap::new();
        for row in std::mem::take(&mut self.rows) {
            let rows = by_host.entry(row.host.clone()).or_default();
            // Several routes of a component say it, each at other listeners.
            if !rows.contains(&row) {
                rows.push(row);
            }
        }
        let mut hosts: Vec<(Option<String>, Vec<Row>)> = by_host.into_iter().collect();
        // The broadest first: a copy of a copy is none of its own.
        let parsed = |host: &Option<String>| host.as_deref().and_then(Host::parse);
        hosts.sort_by_key(|(host, _)| parsed(host).map(|host| host.precision()));
        for (host, rows) in hosts {
            let sources = |row: &Row| -> Vec<bool> {
                let same = self.rows.iter().filter(|other| {
                    other.claim == row.claim
                        && other.target == row.target
                        && is_within(&host, &other.host)
                });
                same.map(|other| other.host.is_some()).collect()
            };
            let sources: Vec<Vec<bool>> = rows.iter().map(sources).collect();
            let is_named = sources.iter().any(Vec::is_empty);
            let is_below = sources.iter().any(|found| found.contains(&true));
            let is_kept = |found: &[bool]| match (is_named, is_below) {
                (true, _) => found.is_empty(),
                (false, true) => found.contains(&true),
                (false, false) => true,
            };
            let kept = rows.into_iter().zip(sources).filter(|(_, found)| is_kept(found));
            self.rows.extend(kept.map(|(row, _)| row));
        }
    }

    /// Takes the smaller of two shares out of its rows, and the rows that lead to it by a header.
    fn part_shares(&mut self) {
        for row in &mut self.rows {
            let main = row.target.backends.clone();
            let [first, second] = main.as_slice() else { continue };
            let (main, share) = if second.2 > first.2 { (second, first) } else { (first, second) };
            row.target.backends = vec![(main.0.clone(), main.1, 1)];
            let known = self
                .canaries
                .iter_mut()
                .find(|known| known.main == row.target && known.backend == *share);
            let claim = (row.host.clone(), row.claim.clone());
            match known {
                Some(known) => known.claims.push(claim),
                None => self.canaries.push(Canary {
                    name: share.0.clone(),
                    main: row.target.clone(),
                    backend: share.clone(),
                    total: first.2 + second.2,
                    header: None,
                    claims: vec![claim],
                }),
            }
        }
        for canary in &mut self.canaries {
            let own = (canary.backend.0.as_str(), canary.backend.1);
            let leads = |row: &Row, to: (&str, u16)| {
                let [(service, port, _)] = row.target.backends.as_slice() else { return false };
                (service.as_str(), *port) == to && row.target.namespace == canary.main.namespace
            };
            let beyond = |row: &Row| {
                let mut same = canary.claims.iter().filter(|(host, claim)| {
                    *host == row.host
                        && claim.path == row.claim.path
                        && claim.kind == row.claim.kind
                });
                same.find_map(|(_, claim)| header_beyond(&row.claim.condition, &claim.condition))
            };
            let Some((name, header)) = self.rows.iter().find_map(|row| {
                let header = beyond(row).filter(|_| leads(row, own))?;
                Some((row.target.owner.clone(), header))
            }) else {
                continue;
            };
            let main =
                canary.main.backends.first().map(|(service, port, _)| (service.clone(), *port));
            let main = main.as_ref().map(|(service, port)| (service.as_str(), *port));
            let mut order = Vec::new();
            self.rows.retain(|row| {
                let found = beyond(row);
                let is_own = leads(row, own) && found.as_ref() == Some(&header);
                let never =
                    found.is_some_and(|found| found.name == header.name && found.value == "never");
                let is_never =
                    never && row.target.owner == name && main.is_some_and(|main| leads(row, main));
                order.extend(is_own.then(|| (row.host.clone(), row.claim.path.clone())));
                !is_own && !is_never
            });
            // As its own route has them.
            canary.claims.sort_by_key(|(host, claim)| {
                order.iter().position(|(of, path)| of == host && *path == claim.path)
            });
            canary.name = name;
            canary.header = Some(header);
        }
    }

    /// A `rewrite-target` does nothing to the path that it names, so the rows of that path have none.
    fn join_rewrites(&mut self) {
        let key = format!("{NGINX}rewrite-target");
        let rewriting: Vec<Target> = self
            .rows
            .iter()
            .map(|row| row.target.clone())
            .filter(|target| target.treatment.annotations.contains_key(&key))
            .collect();
        for row in &mut self.rows {
            let same = rewriting.iter().find(|target| {
                let mut without = (*target).clone();
                let to = without.treatment.annotations.remove(&key);
                without == row.target && to.as_deref() == Some(&row.claim.path)
            });
            if let Some(target) = same {
                row.target = target.clone();
            }
        }
    }

    /// Every component by its name, and the route that it comes from.
    pub fn components(self, gateway: &str) -> Vec<Outcome> {
        let mut by_target: BTreeMap<Target, BTreeMap<Option<String>, Vec<Claim>>> = BTreeMap::new();
        for Row { host, claim, target } in self.rows {
            by_target.entry(target).or_default().entry(host).or_default().push(claim);
        }
        let mut taken: BTreeMap<String, usize> = BTreeMap::new();
        let mut found = Vec::new();
        for (target, hosts) in by_target {
            for (paths, hosts) in alike(hosts) {
                let number = taken.entry(target.owner.clone()).or_default();
                *number += 1;
                let name = match number {
                    1 => target.owner.clone(),
                    number => format!("{}-part-{number}", target.owner),
                };
                let annotations = target.treatment.annotations.clone();
                found.push(component(gateway, &target, name, paths, hosts, annotations));
            }
        }
        for canary in self.canaries {
            let mut hosts: BTreeMap<Option<String>, Vec<Claim>> = BTreeMap::new();
            for (host, claim) in &canary.claims {
                hosts.entry(host.clone()).or_default().push(claim.clone());
            }
            let backends = vec![canary.backend.clone()];
            let owner = match canary.header {
                Some(_) => canary.name.clone(),
                None => canary.main.owner.clone(),
            };
            let target = Target { backends, owner, ..canary.main.clone() };
            for (index, (paths, hosts)) in alike(hosts).into_iter().enumerate() {
                let name = match index {
                    0 => canary.name.clone(),
                    more => format!("{}-part-{}", canary.name, more + 1),
                };
                let said = canary.annotations();
                found.push(component(gateway, &target, name, paths, hosts, said));
            }
        }
        found
    }
}

impl Canary {
    fn annotations(&self) -> Annotations {
        let mut found = Annotations::new();
        let mut say = |name: &str, value: String| {
            found.insert(format!("{NGINX}{name}"), value);
        };
        say("canary", "true".to_owned());
        say("canary-weight", self.backend.2.to_string());
        if self.total != 100 {
            say("canary-weight-total", self.total.to_string());
        }
        if let Some(header) = &self.header {
            say("canary-by-header", header.name.clone());
            match (header.is_regex, header.value.as_str()) {
                (true, pattern) => say("canary-by-header-pattern", pattern.to_owned()),
                (false, "always") => {}
                (false, value) => say("canary-by-header-value", value.to_owned()),
            }
        }
        found
    }
}

/// Hosts that have the same paths together.
pub fn alike(
    hosts: BTreeMap<Option<String>, Vec<Claim>>,
) -> Vec<(Vec<Claim>, BTreeSet<Option<String>>)> {
    let mut found: Vec<(Vec<Claim>, BTreeSet<Option<String>>)> = Vec::new();
    for (host, claims) in hosts {
        let sorted = |claims: &[Claim]| claims.iter().cloned().collect::<BTreeSet<_>>();
        let same = found.iter_mut().find(|(known, _)| sorted(known) == sorted(&claims));
        match same {
            Some((_, hosts)) => _ = hosts.insert(host),
            None => found.push((claims, [host].into())),
        }
    }
    found
}

fn component(
    gateway: &str,
    target: &Target,
    name: String,
    mut paths: Vec<Claim>,
    hosts: BTreeSet<Option<String>>,
    mut annotations: Annotations,
) -> Outcome {
    let (service, port) = match target.backends.as_slice() {
        [(service, port, _)] => (service.clone(), *port),
        // A redirect answers, and nobody is asked.
        [] => (name.clone(), 80),
        all => {
            return Err((
                target.owner.clone(),
                format!("shares requests among {} Services", all.len()),
            ));
        }
    };
    if let Some(prefix) = &target.treatment.prefix {
        let to = format!("{}/$2", prefix.trim_end_matches('/'));
        annotations.insert(format!("{NGINX}rewrite-target"), to);
        for claim in &mut paths {
            let base = if claim.path == "/" { "/" } else { claim.path.trim_end_matches('/') };
            claim.path = format!("{base}(/|$)(.*)");
            "ImplementationSpecific".clone_into(&mut claim.kind);
        }
    }
    let is_regex = |claim: &Claim| claim.kind == "ImplementationSpecific";
    if target.treatment.prefix.is_none() && paths.iter().any(is_regex) {
        annotations.insert(format!("{NGINX}use-regex"), "true".to_owned());
    }
    let component = Component {
        edge: gateway.to_owned(),
        namespace: target.namespace.clone(),
        service,
        port: port.to_string(),
        paths,
        hosts: hosts.into_iter().flatten().collect(),
        annotations,
        is_ours: false,
        addresses: Vec::new(),
    };
    Ok(Part { name, route: target.owner.clone(), component })
}

/// Returns true if requests for `host` are requests for a broader host too; `None` is any.
fn is_within(host: &Option<String>, broader: &Option<String>) -> bool {
    match (host, broader) {
        (Some(_), None) => true,
        (Some(host), Some(broader)) if host != broader => {
            let hosts = Host::parse(host).zip(Host::parse(broader));
            hosts.is_some_and(|(host, broader)| host.is_covered_by(&broader))
        }
        _ => false,
    }
}

/// Returns the condition that a claim has beyond another's: one header.
fn header_beyond(claim: &Condition, base: &Condition) -> Option<HeaderMatch> {
    if claim.method != base.method || !claim.implies(base) {
        return None;
    }
    let mut more = claim.headers.iter().filter(|header| !base.headers.contains(header));
    more.next().filter(|_| claim.headers.len() == base.headers.len() + 1).cloned()
}
