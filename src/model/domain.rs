//! Branded hosts, at the edge.

use std::fmt;

use super::entrypoint::tiers_of;
use super::entrypoint::{Annotations, Entrypoint, of_tier};
use super::{Names, Tiers, codes, value};
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
    /// Its certificate; `None` is plain HTTP.
    pub tls_secret: Option<Certificate>,
    /// The namespace of its Ingress and its Secret.
    pub namespace: Label,
    /// Of its Ingress: those of the edge, and its own, which win.
    pub annotations: Annotations,
}

/// The certificate of a domain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Certificate {
    /// Of a Secret in its namespace.
    Secret(Subdomain),
    /// The controller's own.
    Default,
}

impl Certificate {
    /// The Secret, or `None` for that of the controller.
    pub fn secret(&self) -> Option<&Subdomain> {
        match self {
            Self::Secret(name) => Some(name),
            Self::Default => None,
        }
    }
}

/// As an inventory writes it.
impl fmt::Display for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => name.fmt(f),
            Self::Default => f.write_str("default"),
        }
    }
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
                None => host.map(|host| Some(Certificate::Secret(host.object_name()))),
                Some(raw) => tls_secret(raw, report),
            };
            let tiers = entrypoint.as_ref().and_then(|name| {
                let (_, found) = entrypoints.find(name.as_str())?;
                Some((found.span, found.tiers()?))
            });
            if let (Some((entrypoint, tiers)), Some(Some(Certificate::Default))) =
                (tiers, &tls_secret)
                && tiers.gateway.is_some()
            {
                let at = raw.tls_secret.as_ref().map_or(raw.span, |raw| raw.span);
                report.push(
                    Diagnostic::new(
                        &codes::WORD,
                        at,
                        "`tls_secret: default` means nothing to a Gateway",
                        "a listener needs a Secret",
                    )
                    .also(entrypoint, "it has a Gateway")
                    .help("name the Secret of the certificate"),
                );
            }
            let none = Annotations::new();
            let of_edge = tiers.map_or(&none, |(_, tiers)| &tiers.edge.annotations);
            let annotations = of_tier(of_edge, raw.annotations.as_ref(), report);
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
            if let Some((_, tiers)) = tiers
                && !has_ingress(tiers, tls_secret.as_ref())
            {
                let written =
                    raw.annotations.as_ref().and_then(|map| Some(map.iter().next()?.1.key));
                // With a Gateway that was refused already.
                let namespace = raw.namespace.as_ref().filter(|_| tiers.routing.is_some());
                let namespace = namespace.map(|raw| raw.span);
                let keys = [("annotations", written), ("namespace", namespace)];
                for (key, span) in keys.into_iter().filter_map(|(key, span)| Some((key, span?))) {
                    report.push(without_ingress(key, span));
                }
            }
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

/// Returns true if a domain has an Ingress of its own, or its certificate could not be understood.
fn has_ingress(tiers: &Tiers, tls_secret: Option<&Option<Certificate>>) -> bool {
    let is_plain = matches!(tls_secret, Some(None));
    let routing = tiers.routing.as_ref();
    routing.is_some_and(|routing| routing.behind.is_some() || !is_plain)
}

fn without_ingress(key: &str, span: Span) -> Diagnostic {
    Diagnostic::new(
        &codes::WORD,
        span,
        format!("`{key}` of a domain without an Ingress means nothing"),
        "no object would have it",
    )
    .note("in one tier a domain without a certificate is only a name, and a Gateway has listeners instead")
    .help("remove it, or write it at the component")
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
fn tls_secret(raw: &Loc<Text<TlsSecret>>, report: &mut Report) -> Option<Option<Certificate>> {
    let text = raw.value.text.as_str();
    match (raw.value.plain, text) {
        (true, "false") => return Some(None),
        (true, "default") => return Some(Some(Certificate::Default)),
        _ => {}
    }
    if TlsSecret::REFUSED.contains(&text) {
        report.push(
            Diagnostic::new(
                &codes::WORD,
                raw.span,
                format!("`tls_secret` cannot be `{text}`"),
                "the name of a Secret, or `false` or `default` without quotes",
            )
            .help("`false` is plain HTTP, `default` the controller's own certificate; without the key, the Secret is named as the host"),
        );
        return None;
    }
    let name = value::name(text, raw.span, "a Secret's name", report);
    name.map(|name| Some(Certificate::Secret(name)))
}
