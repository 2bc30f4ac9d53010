//! The way through one Gateway.

use super::{Outcome, Request, Routes, Scheme, Trace, Tracer};
use crate::model::{Domain, Host};
use crate::route::{Found, normal};

impl<'a> Tracer<'a> {
    /// Who answers, as the Gateway of an entrypoint and its routes say.
    pub(super) fn by_gateway(
        &self,
        Routes { tiers, tier }: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let request = trace.request;
        // A domain without TLS has a listener of its own where the one for all hosts redirects, and a wildcard takes hosts of
        // other domains too.
        let plain = self.plain_listener(&request.host);
        let has_tls = domain.is_some_and(|(_, domain)| domain.tls_secret.is_some());
        let listener = match (request.scheme, domain) {
            (Scheme::Https, Some((host, _))) if has_tls => Some(host),
            (Scheme::Https, _) => {
                let why = format!("no listener has a certificate for {}", request.host);
                return Outcome::unconnected(why);
            }
            (Scheme::Http, _) if tiers.redirects() && plain.is_some() => plain,
            (Scheme::Http, _) if tiers.redirects() => {
                return Outcome::to_https(
                    request,
                    "the listener for plain http sends every host to https",
                );
            }
            (Scheme::Http, _) => None,
        };
        let lookup = tier.lookup_gateway(listener, &request.host, &normal(&request.path));
        trace.considered = lookup.considered;
        match lookup.found {
            Found::Rule(found) => {
                let canary = self.canary(request, tier, &found, &mut trace.notes);
                self.answer(canary.unwrap_or(&found.rule.answer), tiers, &mut trace.notes)
            }
            Found::Redirect(..) | Found::Nothing => Outcome::nothing("no route matches"),
        }
    }
}

impl<'a> Tracer<'a> {
    /// The most precise domain without TLS that covers a host.
    fn plain_listener(&self, host: &Host) -> Option<&'a Host> {
        let domains = self.datacenter.domains.iter();
        let plain =
            domains.filter(|(own, found)| found.tls_secret.is_none() && host.is_covered_by(own));
        plain
            .map(|(own, _)| own)
            .max_by_key(|own| (!own.as_str().starts_with('*'), own.as_str().len()))
    }
}

impl Outcome<'_> {
    /// The same address with TLS.
    pub(super) fn to_https(request: &Request, why: &str) -> Self {
        let location = format!("https://{}{}", request.host, request.path);
        Self::Redirect { status: 308, location, why: why.to_owned() }
    }
}
