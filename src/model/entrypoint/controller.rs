//! The ingress controllers that may serve a tier.

use std::fmt;

use super::{codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::Text;
use crate::language::version::ControllerVersion;
use crate::language::word::{ControllerName, Switch, TraefikProvider};
use crate::source::{Loc, Span};

/// An ingress controller, which decides how hosts and paths are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Controller {
    /// kubernetes/ingress-nginx
    IngressNginx,
    /// Traefik's provider kubernetesIngress.
    Traefik {
        /// True if a Prefix means whole elements (`strictPrefixMatching`).
        strict_prefix: bool,
        /// The release, where releases differ.
        version: ControllerVersion,
    },
    /// Traefik's provider kubernetesIngressNGINX.
    TraefikNginx,
    /// Any other, by the letter of the API reference.
    Other,
}

impl Controller {
    /// Returns true if annotations of ingress-nginx mean something to the controller.
    pub fn reads_nginx(self) -> bool {
        matches!(self, Self::IngressNginx | Self::TraefikNginx)
    }

    /// Returns true if it answers https for a host without a certificate, with a certificate of its own.
    pub fn has_default_certificate(self) -> bool {
        self == Self::IngressNginx
    }

    /// Returns true if it takes the certificate of a wildcard for a host without one (facts K47).
    pub fn shares_wildcards(self) -> bool {
        self == Self::IngressNginx
    }

    /// Its name in an inventory.
    pub fn name(self) -> ControllerName {
        match self {
            Self::IngressNginx => ControllerName::IngressNginx,
            Self::Traefik { .. } | Self::TraefikNginx => ControllerName::Traefik,
            Self::Other => ControllerName::Other,
        }
    }

    /// The keys of a tier that name it, with their values; none for the default.
    pub fn keys(self) -> Vec<(&'static str, String)> {
        let name = ("controller", self.name().to_string());
        match self {
            Self::IngressNginx => Vec::new(),
            Self::Other => vec![name],
            Self::TraefikNginx => {
                vec![name, ("traefik_provider", TraefikProvider::Nginx.to_string())]
            }
            Self::Traefik { strict_prefix, version } => {
                let strict = strict_prefix.then(|| ("strict_prefix", true.to_string()));
                let version = version.named().map(|version| ("controller_version", version));
                [name].into_iter().chain(strict).chain(version).collect()
            }
        }
    }

    /// By the keys of a tier.
    pub(super) fn of(
        controller: Option<&Loc<Text<ControllerName>>>,
        provider: Option<&Loc<Text<TraefikProvider>>>,
        strict_prefix: Option<&Loc<Text<Switch>>>,
        version: Option<&Loc<Text<ControllerVersion>>>,
        report: &mut Report,
    ) -> Option<Self> {
        let version = version.map_or(Some(ControllerVersion::NEWEST), |raw| release(raw, report));
        let name = controller.map_or(Some(ControllerName::IngressNginx), |raw| {
            value::word(raw, "controller", report)
        });
        let read = provider.map_or(Some(TraefikProvider::Ingress), |raw| {
            value::word(raw, "traefik_provider", report)
        });
        let strict = strict_prefix
            .map_or(Some(Switch::Off), |raw| value::word(raw, "strict_prefix", report));
        let (name, read, strict, version) = (name?, read?, strict?, version?);
        if name != ControllerName::Traefik {
            let provider = provider.map(|raw| ("traefik_provider", raw.span));
            let strict = strict_prefix.map(|raw| ("strict_prefix", raw.span));
            for (key, span) in provider.into_iter().chain(strict) {
                report.push(only_traefik(key, span));
            }
        }
        Some(match (name, read) {
            (ControllerName::IngressNginx, _) => Controller::IngressNginx,
            (ControllerName::Other, _) => Controller::Other,
            (ControllerName::Traefik, TraefikProvider::Nginx) => Controller::TraefikNginx,
            (ControllerName::Traefik, TraefikProvider::Ingress) => {
                Controller::Traefik { strict_prefix: strict == Switch::On, version }
            }
        })
    }
}

pub(super) fn release(
    raw: &Loc<Text<ControllerVersion>>,
    report: &mut Report,
) -> Option<ControllerVersion> {
    let found = ControllerVersion::parse(&raw.value.text);
    if found.is_none() {
        let title = format!("`{}` is no release", raw.value.text);
        report.push(
            Diagnostic::new(&codes::WORD, raw.span, title, "not two or three numbers with dots")
                .help("write it as `\"3.6\"` or `\"3.6.2\"`"),
        );
    }
    found
}

/// `ingress-nginx`, or `traefik 3.6 with strict_prefix`
impl fmt::Display for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.name().fmt(f)?;
        match self {
            Self::Traefik { strict_prefix, version } => {
                version.named().map_or(Ok(()), |version| write!(f, " {version}"))?;
                if *strict_prefix { f.write_str(" with strict_prefix") } else { Ok(()) }
            }
            Self::TraefikNginx => f.write_str(" for ingress-nginx"),
            Self::IngressNginx | Self::Other => Ok(()),
        }
    }
}

fn only_traefik(key: &str, span: Span) -> Diagnostic {
    let title = format!("`{key}` is only for `controller: traefik`");
    Diagnostic::new(&codes::WORD, span, title, "no other controller has it")
        .help(format!("write `controller: traefik` beside it, or remove `{key}`"))
}
