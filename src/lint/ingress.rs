//! What ingress-nginx makes of paths and annotations that the API server takes.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Annotations, Component, Datacenter, Label, PathType};
use crate::source::Span;

/// One component's host hides another one's path.
const HIDDEN: Code = code!(Warning "LB203", "a path that is hidden by another component's host");
/// Characters that the admission webhook refuses, most of them of regular expressions.
const REGEX: Code = code!(Warning "LB204", "a path with characters that ingress-nginx refuses");
/// An annotation that changes how all paths of a host are compared.
const ALL_REGEX: Code =
    code!(Warning "LB205", "an annotation that turns all paths of a host into regular expressions");
/// An annotation that ingress-nginx ignores or refuses unless it is allowed.
const SNIPPET: Code = code!(Warning "LB206", "a snippet annotation");

/// The codes of this family.
pub const CODES: &[&Code] = &[&HIDDEN, &REGEX, &ALL_REGEX, &SNIPPET];

/// Reports what would be routed otherwise than it reads.
pub fn check(datacenter: &Datacenter, report: &mut Report) {
    let live = || datacenter.components.iter().filter(|(_, component)| component.backend.is_some());
    hidden_paths(live(), report);
    for (_, component) in live() {
        for path in
            component.paths.iter().filter(|path| path.kind != PathType::ImplementationSpecific)
        {
            let text = path.path.value.as_str();
            let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
            if let Some(character) = text.chars().find(|c| !plain(*c)) {
                report.push(
                    Diagnostic::new(&REGEX, path.path.span, format!("ingress-nginx refuses `{text}`"), format!("because of the `{character}`"))
                        .note("with strict-validate-path-type, its default from 1.12, `Prefix` and `Exact` paths have letters, digits and `/._-` only")
                        .help("write `type: ImplementationSpecific`, also where a regular expression is meant"),
                );
            }
        }
        annotations(&component.annotations, component.span, report);
    }
    for entrypoint in datacenter.entrypoints.values() {
        annotations(&entrypoint.edge.annotations, entrypoint.span, report);
        annotations(&entrypoint.routing.annotations, entrypoint.span, report);
    }
}

/// Paths for any host stand in one server of ingress-nginx; a host that any component names has another one, which
/// holds only what names that host.
fn hidden_paths<'a>(
    components: impl Iterator<Item = (&'a Label, &'a Component)> + Clone,
    report: &mut Report,
) {
    let mut hosts: BTreeMap<(&Label, &str), (&Label, Span)> = BTreeMap::new();
    for (name, component) in components.clone() {
        for host in &component.hosts {
            hosts.entry((&component.entrypoint, host.value.as_str())).or_insert((name, host.span));
        }
    }
    for (name, component) in components.filter(|(_, component)| component.hosts.is_empty()) {
        let hiding = hosts.iter().find(|((entrypoint, _), _)| *entrypoint == &component.entrypoint);
        if let (Some(((_, host), (other, span))), Some(path)) = (hiding, component.paths.first()) {
            report.push(
                Diagnostic::new(
                    &HIDDEN,
                    path.path.span,
                    format!("the paths of `{name}` are not served on `{host}`"),
                    "for any host, but not for that one",
                )
                .also(*span, format!("`{other}` names it"))
                .note("in ingress-nginx one Ingress that names a host hides every path without a host for that host")
                .help(format!("add `{host}` to the `hosts` of `{name}` too, or take it out of `{other}`")),
            );
        }
    }
}

fn annotations(annotations: &Annotations, span: Span, report: &mut Report) {
    for name in annotations
        .keys()
        .filter_map(|key| key.as_str().strip_prefix("nginx.ingress.kubernetes.io/"))
    {
        if name.ends_with("-snippet") {
            report.push(
                Diagnostic::new(&SNIPPET, span, format!("`{name}` is off by default"), "annotated here")
                    .note("ingress-nginx takes snippets only with allow-snippet-annotations, and refuses the Ingress without"),
            );
        }
        if matches!(name, "use-regex" | "rewrite-target") {
            report.push(
                Diagnostic::new(&ALL_REGEX, span, format!("`{name}` concerns every path of its host"), "annotated here")
                    .note("ingress-nginx then takes all paths of the host, those of other components too, for regular expressions that ignore case"),
            );
        }
    }
}
