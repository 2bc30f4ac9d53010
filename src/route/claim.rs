//! One host and path, one answer.

use std::collections::BTreeMap;

use super::{Answer, RoutingTable, Rule, Tier, codes};
use crate::diag::{Diagnostic, Report};
use crate::language::name::{Host, Label};

impl RoutingTable {
    /// Reports every host and path that two components of one entrypoint claim, or a component and the catch-all.
    pub fn refuse_shared(&self, report: &mut Report) {
        for (entrypoint, tier) in &self.tiers {
            let mut claims: Vec<Claim<'_>> = Vec::new();
            for (host, rules) in &tier.hosts {
                claims.extend(rules.iter().map(|rule| Claim {
                    host: host.as_ref(),
                    rule,
                    by: rule.by(entrypoint),
                }));
            }
            refuse(claims, report);
            tier.refuse_ties(entrypoint, report);
            let canaries = tier.canaries();
            let canaries = canaries.map(|(host, rule)| Claim {
                host,
                rule,
                by: format!("the canary {}", rule.by(entrypoint)),
            });
            refuse(canaries.collect(), report);
        }
    }
}

impl Tier {
    /// Reports rules for one path on a host and on a broader one whose conditions a request meets: on a Gateway the broader
    /// one is written for that host too.
    fn refuse_ties(&self, entrypoint: &Label, report: &mut Report) {
        let conditional = || self.all().filter(|found| !found.rule.path.condition.is_none());
        for near in conditional() {
            let (path, kind, condition) = near.rule.path.claim();
            let Some(host) = near.host else { continue };
            let tied = conditional().filter(|far| {
                let (other, same, _) = far.rule.path.claim();
                let is_broader = far.host.is_none_or(|far| far != host && host.is_covered_by(far));
                let is_apart = far.rule.path.condition.is_apart_from(condition);
                is_broader
                    && (path, kind) == (other, same)
                    && far.rule.answer != near.rule.answer
                    && !is_apart
            });
            for far in tied {
                let [one, other] = [near.rule, far.rule].map(|rule| Claim {
                    host: Some(host),
                    rule,
                    by: rule.by(entrypoint),
                });
                report.push(both(&one, &other));
            }
        }
    }
}

impl Rule {
    /// Names the component or fallback that answers, for a message.
    fn by(&self, entrypoint: &Label) -> String {
        match &self.answer {
            Answer::Component(name) => format!("`{name}`"),
            Answer::Fallback => format!("the fallback of `{entrypoint}`"),
        }
    }
}

/// A rule with its host, and who has it.
struct Claim<'a> {
    host: Option<&'a Host>,
    rule: &'a Rule,
    by: String,
}

fn refuse(mut claims: Vec<Claim<'_>>, report: &mut Report) {
    claims.sort_by_key(|claim| claim.rule.path.path.span);
    let mut seen: BTreeMap<_, Vec<&Claim<'_>>> = BTreeMap::new();
    for claim in &claims {
        let (path, kind, condition) = claim.rule.path.claim();
        let known = seen.entry((claim.host, path, kind)).or_default();
        let same = known.iter().find(|other| other.rule.path.condition == *condition);
        let meets_both = || {
            known.iter().find(|other| {
                other.rule.answer != claim.rule.answer
                    && !other.rule.path.condition.is_apart_from(condition)
            })
        };
        match (same, meets_both()) {
            (Some(other), _) => report.push(twice(claim, other)),
            (None, Some(other)) => report.push(both(claim, other)),
            (None, None) => {}
        }
        known.push(claim);
    }
}

/// The path and the host of a claim, for a message.
fn shown(claim: &Claim<'_>) -> String {
    let (path, _, condition) = claim.rule.path.claim();
    let path = if path.is_empty() { "/" } else { path };
    let on = claim.host.map_or("any host".to_owned(), |host| format!("`{host}`"));
    match condition.is_none() {
        true => format!("`{path}` on {on}"),
        false => format!("`{path}` on {on} with {condition}"),
    }
}

fn twice(claim: &Claim<'_>, other: &Claim<'_>) -> Diagnostic {
    let [span, first] = [claim, other].map(|claim| claim.rule.path.path.span);
    let shown = shown(claim);
    if claim.by == other.by {
        return Diagnostic::new(
            &codes::PATH_TWICE,
            span,
            format!("{} has {shown} twice", claim.by),
            "second time",
        )
        .also(first, "first time")
        .note("a `Prefix` path is the same with and without a trailing slash")
        .help("remove one of them");
    }
    Diagnostic::new(
        &codes::PATH_TWICE,
        span,
        format!("{shown} is claimed twice"),
        format!("by {}", claim.by),
    )
    .also(first, format!("by {}", other.by))
    .note("ingress-nginx gives the requests to the older Ingress of the two, whichever that is")
    .help("give the path to one of them, or separate them by `hosts`")
}

/// Of two routes whose conditions a request meets, the one with more of them answers. Where neither has all of the other's,
/// the order is left to the age of the routes, and implementations count a method in different ways (facts K34).
fn both(claim: &Claim<'_>, other: &Claim<'_>) -> Diagnostic {
    let (path, ..) = claim.rule.path.claim();
    let path = if path.is_empty() { "/" } else { path };
    let [one, two] = [claim, other].map(|claim| &claim.rule.path.condition);
    Diagnostic::new(
        &codes::PATH_TWICE,
        claim.rule.path.path.span,
        format!("a request for `{path}` with {one} and {two} is claimed twice"),
        format!("by {}", claim.by),
    )
    .also(other.rule.path.path.span, format!("by {}", other.by))
    .note("neither `match` has all of the other's conditions, so nothing decides between the two routes")
    .help("add to one of them what the other has, or other values of the same header")
}
