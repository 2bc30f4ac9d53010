//! References to an entrypoint: by its name, or without one where there is only one.

use super::Entrypoint;
use crate::diag::{Diagnostic, Report};
use crate::inventory::Text;
use crate::language::name::Label;
use crate::model::{Names, codes, value};
use crate::source::{Loc, Span};

/// The entrypoint that is named, or the only one.
pub fn entrypoint_of(
    raw: Option<&Loc<Text<Label>>>,
    what: &str,
    span: Span,
    entrypoints: &Names<Label, Entrypoint>,
    fits: impl Fn(&Entrypoint) -> bool,
    report: &mut Report,
) -> Option<Label> {
    if let Some(raw) = raw {
        entrypoints.knows(raw.as_str(), "entrypoint", report);
        return entrypoints.find(&raw.value.text).map(|(name, _)| name.clone());
    }
    let written: Vec<&str> = entrypoints.written.iter().map(String::as_str).take(13).collect();
    match written.as_slice() {
        [only] => entrypoints.find(only).map(|(name, _)| name.clone()),
        [] if !entrypoints.complete => None,
        [] => {
            report.push(
                Diagnostic::new(
                    &codes::WHICH_ENTRYPOINT,
                    span,
                    format!("{what} has no entrypoint"),
                    "an entrypoint is needed",
                )
                .help("define one under `entrypoints`"),
            );
            None
        }
        several => {
            let fitting = several.iter().filter(|name| {
                entrypoints.find(name).is_none_or(|(_, entrypoint)| fits(entrypoint))
            });
            let fitting: Vec<&str> = fitting.copied().collect();
            let several = if fitting.is_empty() { several } else { &fitting };
            report.push(Diagnostic::new(
                &codes::WHICH_ENTRYPOINT,
                span,
                format!("{what} does not name its entrypoint"),
                format!("`entrypoint` is missing; choose {}", value::either(several)),
            ));
            None
        }
    }
}

/// The entrypoint of something that is in the cluster.
pub fn tiers_of(
    raw: Option<&Loc<Text<Label>>>,
    what: &str,
    span: Span,
    entrypoints: &Names<Label, Entrypoint>,
    report: &mut Report,
) -> Option<Label> {
    let in_cluster = |entrypoint: &Entrypoint| entrypoint.tiers().is_some();
    let name = entrypoint_of(raw, what, span, entrypoints, in_cluster, report)?;
    let (_, found) = entrypoints.find(name.as_str())?;
    if found.tiers().is_none() {
        report.push(
            Diagnostic::new(
                &codes::NOT_IN_CLUSTER,
                raw.map_or(span, |raw| raw.span),
                format!("{what} cannot be of the entrypoint `{name}`"),
                "no ingress controller serves that",
            )
            .also(found.span, "it is a service on the nodes (`host`)")
            .help("name an entrypoint that has `edge`"),
        );
        return None;
    }
    Some(name)
}
