//! Paths and annotations that the API server takes, and that ingress-nginx refuses or reads otherwise.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{
    Annotations, Controller, Datacenter, Entrypoint, Label, Path, PathType, Tiers, is_true,
    nginx_annotation, nginx_annotation_span, nginx_annotations,
};
use crate::route::{Engine, RoutingTable, regex_annotation};

/// Characters that the admission webhook refuses, most of them of regular expressions.
const REGEX: Code = code!(Warning "LB204", "a path with characters that ingress-nginx refuses");
/// An annotation that changes how all paths of a host are compared.
const ALL_REGEX: Code =
    code!(Warning "LB205", "an annotation that turns all paths of a host into regular expressions");
/// An annotation that ingress-nginx ignores or refuses unless it is allowed.
const SNIPPET: Code = code!(Warning "LB206", "a snippet annotation");
/// A redirect that goes round in circles.
const FORCED: Code = code!(Warning "LB232", "a redirect to https on the second tier");
/// nginx does not load it.
const BROKEN: Code =
    code!(Warning "LB235", "a path that is no regular expression, where it has to be one");

/// The codes of this family.
pub const CODES: &[&Code] = &[&REGEX, &ALL_REGEX, &SNIPPET, &FORCED, &BROKEN];

/// Reports what would be routed otherwise than it reads.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    let controller =
        |name: &Label| datacenter.entrypoints.get(name).and_then(Entrypoint::ingress_controller);
    let is_one_tier = |name: &Label| datacenter.tiers(name).is_some_and(Tiers::is_one_tier);
    let components = datacenter.components.values().filter(|found| found.backend.is_some());
    for component in components {
        let Some(controller) = controller(&component.entrypoint) else { continue };
        if !controller.reads_nginx() {
            continue;
        }
        // The webhook is that of ingress-nginx.
        if controller == Controller::IngressNginx {
            component.paths.iter().for_each(|path| refused(path, report));
            snippets(&component.annotations, report);
        }
        if !is_one_tier(&component.entrypoint) {
            forced(&component.annotations, report);
        }
        let turned = regex_annotation(&component.annotations, component.paths.iter(), controller);
        if let Some(name) = turned.filter(|_| !component.is_canary()) {
            all_regex(name, &component.annotations, report);
        }
    }
    for (name, entrypoint) in &datacenter.entrypoints {
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
        snippets(&all, report);
        if !routing.controller.reads_nginx() {
            continue;
        }
        if !is_one_tier(name) {
            forced(&routing.annotations, report);
        }
        let own = datacenter.components.values().filter(|found| found.entrypoint == *name);
        let paths = own.flat_map(|component| &component.paths);
        if let Some(name) = regex_annotation(&routing.annotations, paths, routing.controller) {
            all_regex(name, &routing.annotations, report);
        }
    }
    broken(routes, report, controller);
}

/// Returns true if a character of a path is plain, and not part of a regular expression.
pub(super) fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "/._-".contains(c)
}

/// Reports a path that the admission webhook refuses.
fn refused(path: &Path, report: &mut Report) {
    let text = path.path.value.as_str();
    let found = text.chars().find(|c| !is_plain(*c));
    let Some(character) = found.filter(|_| path.kind != PathType::ImplementationSpecific) else {
        return;
    };
    let refused = Diagnostic::new(
        &REGEX,
        path.path.span,
        format!("ingress-nginx refuses `{text}`"),
        format!("because of the `{character}`"),
    )
    .note("with strict-validate-path-type, its default from 1.12, `Prefix` and `Exact` paths may contain only letters, digits and `/._-`");
    let prefix = text.strip_suffix("/*");
    let prefix = prefix.filter(|rest| !rest.is_empty() && rest.chars().all(is_plain));
    // Where a glob is meant, a Prefix does it.
    report.push(match prefix {
        Some(prefix) => refused
            .help("a `Prefix` path includes everything below it")
            .replace(path.path.span, prefix),
        None => refused.help("write `type: ImplementationSpecific`, also for regular expressions"),
    });
}

fn snippets(annotations: &Annotations, report: &mut Report) {
    let found = nginx_annotations(annotations).filter(|(name, _)| name.ends_with("-snippet"));
    for (name, _) in found {
        let Some(span) = nginx_annotation_span(annotations, name) else { continue };
        report.push(
            Diagnostic::new(&SNIPPET, span, format!("`{name}` is off by default"), "annotated here")
                .note("ingress-nginx accepts snippets only with `allow-snippet-annotations`; otherwise it refuses the Ingress"),
        );
    }
}

fn all_regex(name: &str, annotations: &Annotations, report: &mut Report) {
    let Some(span) = nginx_annotation_span(annotations, name) else { return };
    report.push(
        Diagnostic::new(&ALL_REGEX, span, format!("`{name}` affects every path of its host"), "annotated here")
            .note("the controller then treats every path of the host, including those of other components, as a case-insensitive regular expression"),
    );
}

fn forced(annotations: &Annotations, report: &mut Report) {
    const FORCE: &str = "force-ssl-redirect";
    if let Some(span) = nginx_annotation_span(annotations, FORCE)
        && nginx_annotation(annotations, FORCE).is_some_and(is_true)
    {
        report.push(
            Diagnostic::new(&FORCED, span, "`force-ssl-redirect` on the second tier, which sees plain http", "annotated here")
                .note("TLS ends at the edge: without `use-forwarded-headers` in the routing controller the browser is sent round in circles")
                .help("write it at the entrypoint's `edge`, or set `use-forwarded-headers: \"true\"` in the routing controller and waive this warning"),
        );
    }
}

/// Reports paths of hosts of regular expressions that are none.
fn broken(
    routes: &RoutingTable,
    report: &mut Report,
    controller: impl Fn(&Label) -> Option<Controller>,
) {
    let mut told = BTreeSet::new();
    for (_, tier) in
        routes.tiers().filter(|(name, _)| controller(name) == Some(Controller::IngressNginx))
    {
        for found in tier.all().filter(|found| tier.is_regex(found.host)) {
            let path = &found.rule.path.path;
            if Engine::of(path.value.as_str()) == Engine::Broken && told.insert(path.span) {
                report.push(
                    Diagnostic::new(&BROKEN, path.span, format!("`{}` is no regular expression", path.value), "has to be one")
                        .note("`use-regex` or `rewrite-target` on the host makes every path of it one, and nginx loads none of its changes while one is broken")
                        .help("close its brackets, or remove the annotation"),
                );
            }
        }
    }
}
