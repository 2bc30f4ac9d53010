//! Which component answers for a host and path, where two of them say something about it.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Component, Datacenter, Host, Label, Path, PathType};

/// A legacy component's record of what a migrated one serves.
const TAKEN: Code =
    code!(Warning "LB207", "a path of a legacy component that a migrated one serves");
/// A canary that shares no path with a component.
const NO_MAIN: Code =
    code!(Warning "LB208", "a canary without a component that it is the canary of");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TAKEN, &NO_MAIN];

/// What a component claims: entrypoint, host and path.
type Claim<'a> = (&'a Label, Option<&'a Host>, (&'a str, PathType));

/// Reports records that are out of date, and canaries that get no request.
pub fn check(datacenter: &Datacenter, report: &mut Report) {
    let mut served: BTreeMap<Claim<'_>, (&Label, &Path)> = BTreeMap::new();
    for (name, component) in &datacenter.components {
        if component.backend.is_some() && !component.is_canary() {
            let claims = claims(component).map(|(claim, path)| (claim, (name, path)));
            served.extend(claims);
        }
    }
    for (name, component) in &datacenter.components {
        for (claim, path) in claims(component) {
            let shown = path.path.value.as_str();
            match (served.get(&claim), &component.backend) {
                (Some((other, first)), None) => report.push(
                    Diagnostic::new(
                        &TAKEN,
                        path.path.span,
                        format!("`{shown}` of the legacy component `{name}` is served by `{other}`"),
                        "on record as legacy",
                    )
                    .also(first.path.span, format!("`{other}` is migrated"))
                    .note("the catch-all gets only what no migrated component claims")
                    .help("take the path off the legacy component, or remove the component when nothing is left"),
                ),
                (None, Some(_)) if component.is_canary() => report.push(
                    Diagnostic::new(
                        &NO_MAIN,
                        path.path.span,
                        format!("`{name}` is a canary on `{shown}`, where no component is"),
                        "gets no request",
                    )
                    .note("ingress-nginx takes a canary only beside an Ingress with the same host and path")
                    .help("give both the same `hosts` and `paths`"),
                ),
                _ => {}
            }
        }
    }
}

fn claims(component: &Component) -> impl Iterator<Item = (Claim<'_>, &Path)> {
    component.paths.iter().flat_map(move |path| {
        component
            .claimed_hosts()
            .map(move |host| ((&component.entrypoint, host, path.claim()), path))
    })
}
