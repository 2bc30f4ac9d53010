//! Branded hosts, at the edge tier.

use super::entrypoint::Entrypoint;
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
}

pub(super) fn build(
    raw: &raw::Inventory,
    entrypoints: &Names<Label, Entrypoint>,
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
            Some(Domain { span: raw.span, entrypoint: entrypoint?, tls_secret: tls_secret? })
        },
    )
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
