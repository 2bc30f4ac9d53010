//! Limits that one of the two tiers does not know.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Controller, Datacenter, Label, Tiers, nginx_annotation, nginx_annotation_span};
use crate::route::RoutingTable;

/// The other tier's default holds.
const ONE_TIER: Code = code!(Warning "LB225", "a limit that only one of the two tiers has");

/// The codes of this family.
pub const CODES: &[&Code] = &[&ONE_TIER];

/// Annotations of ingress-nginx that limit a request, and what holds without them (its ConfigMap's defaults).
const LIMITS: &[(&str, &str)] = &[
    ("proxy-body-size", "1m"),
    ("proxy-read-timeout", "60"),
    ("proxy-send-timeout", "60"),
    ("proxy-buffering", "off"),
    ("proxy-request-buffering", "on"),
];

/// Reports limits of one tier that the other would undo (facts K18).
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for (name, entrypoint) in &datacenter.entrypoints {
        let Some(tiers) = entrypoint.tiers().filter(|tiers| !tiers.is_one_tier()) else { continue };
        let Tiers { edge, routing: Some(routing), .. } = tiers else { continue };
        if [edge.controller, routing.controller] != [Controller::IngressNginx; 2] {
            continue;
        }
        let own = datacenter.components.iter().filter(|(_, found)| found.entrypoint == *name);
        for (limit, default) in LIMITS {
            let on_edge = nginx_annotation(&edge.annotations, limit).is_some();
            let on_routing = nginx_annotation(&routing.annotations, limit).is_some();
            let components: BTreeSet<&Label> = own
                .clone()
                .filter(|(_, found)| {
                    found.backend.is_some() && nginx_annotation(&found.annotations, limit).is_some()
                })
                .map(|(name, _)| name)
                .collect();
            let (only, other) = match (on_edge, on_routing || !components.is_empty()) {
                (true, false) => ("edge", "routing"),
                (false, true) => ("routing", "edge"),
                _ => continue,
            };
            let first = components.first().filter(|_| !on_routing && !on_edge);
            let component = first.and_then(|name| datacenter.components.get(*name));
            let by = match component {
                Some(component) => &component.annotations,
                None if on_edge => &edge.annotations,
                None => &routing.annotations,
            };
            let span = nginx_annotation_span(by, limit).unwrap_or(entrypoint.span);
            report.push(
                Diagnostic::new(
                    &ONE_TIER,
                    span,
                    format!("`{limit}` of `{name}` is set on the {only} tier only"),
                    "annotated here",
                )
                .note(format!("a request passes both tiers, and the {other} tier's default of `{default}` holds too"))
                .help(format!("put it into `annotations` of the entrypoint: both tiers get it; or into `{other}.annotations` too")),
            );
        }
    }
}
