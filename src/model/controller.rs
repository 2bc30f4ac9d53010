//! One Ingress class and one health check port for each controller.
//!
//! Compared as written, so that a mistake elsewhere in an entrypoint hides nothing.

use std::collections::BTreeMap;

use super::codes;
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::word::Api;
use crate::source::{Loc, Span};

/// Reports every class and every health check node port that two controllers have.
pub(super) fn refuse_shared(raw: &raw::Inventory, report: &mut Report) {
    let entrypoints: Vec<&raw::Entrypoint> =
        raw.entrypoints.iter().flatten().filter_map(|(_, entry)| entry.value.as_ref()).collect();
    let edges = || entrypoints.iter().filter_map(|entrypoint| entrypoint.edge.as_ref());
    // A GatewayClass may have many Gateways.
    let of_gateway = |edge: &&raw::Edge| {
        edge.api.as_ref().is_some_and(|api| api.value.text == Api::Gateway.word())
    };
    let ingress = edges().filter(|edge| !of_gateway(edge));
    let routings = entrypoints.iter().filter_map(|entrypoint| entrypoint.routing.as_ref());
    let classes = ingress.map(|edge| &edge.class).chain(routings.map(|routing| &routing.class));
    for (class, first) in repeats(classes.flatten()) {
        report.push(
            Diagnostic::new(&codes::CLASS_TWICE, class.span, format!("the Ingress class `{}` is used twice", class.value.text), "second use")
                .also(first, "first use")
                .note("a controller serves every Ingress of its class: one controller would serve both tiers or both entrypoints")
                .help("give each tier of each entrypoint its own controller and class"),
        );
    }
    for (port, first) in repeats(edges().filter_map(|edge| edge.health_check_node_port.as_ref())) {
        report.push(
            Diagnostic::new(
                &codes::NODE_PORT_TWICE,
                port.span,
                format!("`health_check_node_port` {} is used twice", port.value),
                "second use",
            )
            .also(first, "first use")
            .note("node ports are unique in a cluster: the second Service would be refused")
            .help("choose another one from 30000 to 32767"),
        );
    }
}

/// Returns the values that were written before, each with the place where it was written first.
fn repeats<'a, T: Ord + 'a>(
    written: impl Iterator<Item = &'a Loc<T>>,
) -> impl Iterator<Item = (&'a Loc<T>, Span)> {
    let mut written: Vec<&Loc<T>> = written.collect();
    written.sort_by_key(|value| value.span);
    let mut seen: BTreeMap<&T, Span> = BTreeMap::new();
    written.into_iter().filter_map(move |value| {
        let first = *seen.entry(&value.value).or_insert(value.span);
        (first != value.span).then_some((value, first))
    })
}
