//! What ingress-nginx makes of paths and annotations that the API server takes.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{
    Annotations, Controller, Datacenter, Entrypoint, Label, PathType, Tiers, nginx_annotations,
};
use crate::route::{self, RoutingTable};
use crate::source::Span;

/// Characters that the admission webhook refuses, most of them of regular expressions.
const REGEX: Code = code!(Warning "LB204", "a path with characters that ingress-nginx refuses");
/// An annotation that changes how all paths of a host are compared.
const ALL_REGEX: Code =
    code!(Warning "LB205", "an annotation that turns all paths of a host into regular expressions");
/// An annotation that ingress-nginx ignores or refuses unless it is allowed.
const SNIPPET: Code = code!(Warning "LB206", "a snippet annotation");

/// The codes of this family.
pub const CODES: &[&Code] = &[&REGEX, &ALL_REGEX, &SNIPPET];

/// Reports what would be routed otherwise than it reads.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    // The webhook and the annotations are those of ingress-nginx.
    let nginx = |name: &Label| {
        let entrypoint = datacenter.entrypoints.get(name);
        let controller = entrypoint.and_then(Entrypoint::ingress_controller);
        controller == Some(Controller::IngressNginx)
    };
    let live = || {
        let live = datacenter.components.iter().filter(|(_, found)| found.backend.is_some());
        live.filter(|(_, found)| nginx(&found.entrypoint))
    };
    for (_, component) in live() {
        for path in
            component.paths.iter().filter(|path| path.kind != PathType::ImplementationSpecific)
        {
            let text = path.path.value.as_str();
            if let Some(character) = text.chars().find(|c| !is_plain(*c)) {
                let refused = Diagnostic::new(
                    &REGEX,
                    path.path.span,
                    format!("ingress-nginx refuses `{text}`"),
                    format!("because of the `{character}`"),
                )
                .note("with strict-validate-path-type, its default from 1.12, `Prefix` and `Exact` paths may contain only letters, digits and `/._-`");
                // Where a glob is meant, a Prefix does it.
                report.push(
                    match text
                        .strip_suffix("/*")
                        .filter(|rest| !rest.is_empty() && rest.chars().all(is_plain))
                    {
                        Some(prefix) => refused
                            .help("a `Prefix` path includes everything below it")
                            .replace(path.path.span, prefix),
                        None => refused.help(
                            "write `type: ImplementationSpecific`, also for regular expressions",
                        ),
                    },
                );
            }
        }
        annotations(&component.annotations, component.span, report);
    }
    for entrypoint in datacenter.entrypoints.values() {
        let Some(Tiers { edge, routing: Some(routing), .. }) = entrypoint.tiers() else {
            continue;
        };
        let mut all = Annotations::new();
        for (controller, found) in
            [(edge.controller, &edge.annotations), (routing.controller, &routing.annotations)]
        {
            if controller == Controller::IngressNginx {
                all.extend(found.clone());
            }
        }
        annotations(&all, entrypoint.span, report);
    }
}

/// Whether a character of a path is no regular expression's.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-".contains(c)
}

fn annotations(annotations: &Annotations, span: Span, report: &mut Report) {
    for (name, value) in nginx_annotations(annotations) {
        if name.ends_with("-snippet") {
            report.push(
                Diagnostic::new(&SNIPPET, span, format!("`{name}` is off by default"), "annotated here")
                    .note("ingress-nginx accepts snippets only with `allow-snippet-annotations`; otherwise it refuses the Ingress"),
            );
        }
        if route::is_regex(name, value) {
            report.push(
                Diagnostic::new(&ALL_REGEX, span, format!("`{name}` affects every path of its host"), "annotated here")
                    .note("ingress-nginx then treats every path of the host, including those of other components, as a case-insensitive regular expression"),
            );
        }
    }
}
