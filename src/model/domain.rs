//! Branded hosts, at the edge.

use super::entrypoint::{Annotations, Entrypoint, of_tier};
use super::{Names, codes, tiers_of, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Text, raw};
use crate::language::form::TlsSecret;
use crate::language::name::{Host, Label, Subdomain};
use crate::source::{Loc, Span};

/// A branded host.
#[derive(Debug)]
pub struct Domain {
    /// The place of the domain's name.
    pub span: Span,
    /// The entrypoint that it is reached by.
    pub entrypoint: Label,
    /// The Secret of its certificate; `None` is plain HTTP.
    pub tls_secret: Option<Subdomain>,
    /// The namespace of its Ingress and its Secret.
    pub namespace: Label,
    /// Of its Ingress: those of the edge, and its own, which win.
    pub annotations: Annotations,
}

pub(super) fn build(
    raw: &raw::Inventory,
    entrypoints: &Names<Label, Entrypoint>,
    home: Option<&Label>,
    report: &mut Report,
) -> Names<Host, Domain> {
    Names::build(
        raw.given.contains(&"domains"),
        raw.domains.as_ref(),
        "a domain",
        report,
        |name, host: Option<&Host>, raw: &raw::Domain, report| {
            let what = format!("`{name}`");
            let entrypoint =
                tiers_of(raw.entrypoint.as_ref(), &what, raw.span, entrypoints, report);
            let tls_secret = match &raw.tls_secret {
                None => host.map(|host| Some(host.object_name())),
                Some(raw) => tls_secret(raw, report),
            };
            let tiers = entrypoint.as_ref().and_then(|name| {
                let (_, found) = entrypoints.find(name.as_str())?;
                Some((found.span, found.tiers()?))
            });
            let of_edge = tiers.map(|(_, tiers)| tiers.edge.annotations.clone());
            let annotations =
                of_tier(&of_edge.unwrap_or_default(), raw.annotations.as_ref(), report);
            let namespace = match &raw.namespace {
                None => home.cloned(),
                Some(raw) => {
                    let beside =
                        tiers.filter(|(_, tiers)| tiers.gateway.is_some() || !tiers.is_one_tier());
                    if let Some((entrypoint, _)) = beside {
                        report.push(needs_home(raw.span, entrypoint));
                    }
                    value::name_of(raw, "a namespace", report)
                }
            };
            Some(Domain {
                span: raw.span,
                entrypoint: entrypoint?,
                tls_secret: tls_secret?,
                namespace: namespace?,
                annotations,
            })
        },
    )
}

/// The Ingress of a domain leads to a Service beside it, and a listener names a Secret beside it.
fn needs_home(span: Span, entrypoint: Span) -> Diagnostic {
    Diagnostic::new(
        &codes::WORD,
        span,
        "`namespace` of a domain means nothing here",
        "only for an entrypoint with one tier of Ingresses",
    )
    .also(entrypoint, "it has a second tier or a Gateway, which stand in `kubernetes.namespace`")
    .help("copy the Secret there, and remove the key")
}

/// The Secret; `Some(None)` is plain HTTP.
fn tls_secret(raw: &Loc<Text<TlsSecret>>, report: &mut Report) -> Option<Option<Subdomain>> {
    let text = raw.value.text.as_str();
    if raw.value.plain && text == "false" {
        return Some(None);
    }
    if TlsSecret::REFUSED.contains(&text) {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                raw.span,
                format!("`tls_secret` cannot be `{text}`"),
                "the name of a Secret, or `false` without quotes",
            )
            .help("`false` is plain HTTP; without the key, the Secret is named as the host"),
        );
        return None;
    }
    value::name(text, raw.span, "a Secret's name", report).map(Some)
}
