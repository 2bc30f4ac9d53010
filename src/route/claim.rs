//! One host and path, one answer.

use std::collections::BTreeMap;

use super::{Answer, RoutingTable, Rule, codes};
use crate::diag::{Diagnostic, Report};
use crate::language::name::{Host, Label};
use crate::source::Span;

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
    let mut seen: BTreeMap<_, (Span, &str)> = BTreeMap::new();
    for Claim { host, rule, by } in &claims {
        let path = rule.path.claim();
        let span = rule.path.path.span;
        let Some((first, other)) = seen.insert((*host, path), (span, by)) else { continue };
        let on = host.map_or("any host".to_owned(), |host| format!("`{host}`"));
        let shown = if path.0.is_empty() { "/" } else { path.0 };
        if by == other {
            report.push(
                Diagnostic::new(
                    &codes::PATH_TWICE,
                    span,
                    format!("{by} has `{shown}` on {on} twice"),
                    "second time",
                )
                .also(first, "first time")
                .note("a `Prefix` path is the same with and without a trailing slash")
                .help("remove one of them"),
            );
            continue;
        }
        report.push(
            Diagnostic::new(
                &codes::PATH_TWICE,
                span,
                format!("`{shown}` on {on} is claimed twice"),
                format!("by {by}"),
            )
            .also(first, format!("by {other}"))
            .note("ingress-nginx gives the requests to the older Ingress of the two, whichever that is")
            .help("give the path to one of them, or separate them by `hosts`"),
        );
    }
}
