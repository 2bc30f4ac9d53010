//! Which component answers for a host and path, where two of them say something about it.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::Datacenter;
use crate::route::{Answer, RoutingTable};

/// A legacy component's record of what a migrated one serves.
const TAKEN: Code =
    code!(Warning "LB207", "a path of a legacy component that a migrated one serves");
/// A canary that shares no path with a component.
const NO_MAIN: Code =
    code!(Warning "LB208", "a canary without a component that it is the canary of");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TAKEN, &NO_MAIN];

/// Reports records that are out of date, and canaries that get no request.
pub fn check(_: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (_, tier) in routes.tiers() {
        for (host, record) in tier.records() {
            let Some(first) = tier.claimed(host, &record.path) else { continue };
            let (Answer::Component(name), Answer::Component(other)) =
                (&record.answer, &first.answer)
            else {
                continue;
            };
            let shown = &record.path.path.value;
            report.push(
                Diagnostic::new(
                    &TAKEN,
                    record.path.path.span,
                    format!("`{shown}` of the legacy component `{name}` is served by `{other}`"),
                    "on record as legacy",
                )
                .also(first.path.path.span, format!("`{other}` is migrated"))
                .note("the catch-all gets only what no migrated component claims")
                .help("remove the path from the legacy component, or remove the component if nothing is left"),
            );
        }
        for (host, canary) in tier.canaries() {
            let Answer::Component(name) = &canary.answer else { continue };
            let main = tier.claimed(host, &canary.path);
            if main.is_some_and(|main| main.answer != Answer::Fallback) {
                continue;
            }
            let shown = &canary.path.path.value;
            report.push(
                Diagnostic::new(
                    &NO_MAIN,
                    canary.path.path.span,
                    format!("`{name}` is a canary on `{shown}`, but no component serves that path"),
                    "gets no request",
                )
                .note("ingress-nginx accepts a canary only if another Ingress has the same host and path")
                .help("give both the same `hosts` and `paths`"),
            );
        }
    }
}
