//! One host and path, one answer.

use std::collections::BTreeMap;

use super::{Answer, Canary, RoutingTable, Rule, Tier, codes};
use crate::diag::{Diagnostic, Report};
use crate::language::name::{Host, Label};
use crate::model::Draft;

impl RoutingTable {
    /// Reports every host and path that two components of one entrypoint claim, or a component and the catch-all.
    pub fn refuse_shared(&self, draft: &Draft, report: &mut Report) {
        for (entrypoint, tier) in self.tiers() {
            let mut claims: Vec<Claim<'_>> = Vec::new();
            for (host, rules) in &tier.hosts {
                claims.extend(rules.iter().map(|rule| Claim {
                    host: host.as_ref(),
                    rule,
                    by: rule.by(entrypoint),
                }));
            }
            let by_header = routes_of_canaries(tier, draft);
            for (host, rule) in &by_header {
                let by = format!("the canary {}", rule.by(entrypoint));
                let canary = Claim { host: *host, rule, by };
                let tied = |claim: &&Claim<'_>| canary.is_route_of(claim);
                for claim in claims.iter().filter(tied) {
                    let is_same = claim.rule.path.condition == rule.path.condition;
                    report.push(if is_same { twice(claim, &canary) } else { both(claim, &canary) });
                }
            }
            refuse(claims, report);
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

/// The routes of canaries by header: the path of the component that each is a canary of, with one more condition.
fn routes_of_canaries<'a>(tier: &'a Tier, draft: &Draft) -> Vec<(Option<&'a Host>, Rule)> {
    let route = |(host, canary): (Option<&'a Host>, &Rule)| {
        let name = canary.component()?;
        let (_, component) = draft.components().find(|(known, _)| *known == name)?;
        let header = Canary::of(&component.annotations).header?;
        let mut rule = tier.claimed(host, &canary.path)?.clone();
        rule.path.path.span = canary.path.path.span;
        rule.path.condition.headers.push(header);
        rule.answer = canary.answer.clone();
        Some((host, rule))
    };
    tier.canaries().filter_map(route).collect()
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

impl Claim<'_> {
    /// The path, for a message; one that is only a slash is compared without it.
    fn path(&self) -> &str {
        match self.rule.path.claim().0 {
            "" => "/",
            path => path,
        }
    }

    /// Returns true if its requests are some of those of the other's host: that host, or a broader one.
    fn is_within(&self, other: &Self) -> bool {
        other.host.is_none_or(|broader| self.host.is_some_and(|own| own.is_covered_by(broader)))
    }

    /// Returns true if some request meets the conditions of both, and nothing says who of the two answers it: on a Gateway a
    /// rule for a broader host is written for this one too.
    fn ties_with(&self, other: &Self) -> bool {
        let [one, two] = [self, other].map(|claim| &claim.rule.path.condition);
        self.is_within(other)
            && self.rule.found == other.rule.found
            && self.rule.answer != other.rule.answer
            && !one.is_apart_from(two)
    }

    /// Returns true if a canary's route ties with that of a `match`.
    fn is_route_of(&self, other: &Self) -> bool {
        let [one, two] = [self, other].map(|claim| &claim.rule.path.condition);
        let is_same = self.host == other.host && self.rule.found == other.rule.found && one == two;
        !two.is_none() && (is_same || self.ties_with(other) || other.ties_with(self))
    }
}

fn refuse(mut claims: Vec<Claim<'_>>, report: &mut Report) {
    claims.sort_by_key(|claim| claim.rule.path.path.span);
    let mut seen: BTreeMap<_, &Claim<'_>> = BTreeMap::new();
    for claim in &claims {
        if let Some(other) = seen.insert((claim.host, claim.rule.path.claim()), claim) {
            report.push(twice(claim, other));
        }
    }
    let conditional = claims.iter().filter(|claim| !claim.rule.path.condition.is_none());
    let conditional: Vec<&Claim<'_>> = conditional.collect();
    for (at, claim) in conditional.iter().enumerate() {
        for other in &conditional[..at] {
            if claim.ties_with(other) || other.ties_with(claim) {
                report.push(both(claim, other));
            }
        }
    }
}

/// The path and the host of a claim, for a message.
fn shown(claim: &Claim<'_>) -> String {
    let on = claim.host.map_or("any host".to_owned(), |host| format!("`{host}`"));
    format!("`{}` on {on}{}", claim.path(), claim.rule.path.condition.with())
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
    .note("ingress-nginx and Gateway API give the requests to the older object of the two, whichever that is")
    .help("give the path to one of them, or separate them by `hosts`")
}

/// Of two routes whose conditions a request meets, the one with more of them answers. Where neither has all of the other's,
/// the order is left to the age of the routes, and implementations count a method in different ways (facts K34).
fn both(claim: &Claim<'_>, other: &Claim<'_>) -> Diagnostic {
    let path = claim.path();
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
