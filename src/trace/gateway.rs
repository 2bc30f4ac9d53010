//! The way through one Gateway.

use super::{Outcome, Routes, Scheme, Trace, Tracer};
use crate::model::{Domain, Exposed, Host};
use crate::route::{Asked, Found, normal};

impl<'a> Tracer<'a> {
    /// Returns who answers, as the Gateway of an entrypoint and its routes say.
    pub(super) fn by_gateway(
        &self,
        routes: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let tiers = routes.tiers;
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
                    true,
                    "the listener for plain http sends every host to https",
                );
            }
            (Scheme::Http, _) => None,
        };
        let path = normal(&request.path);
        let implementation = tiers.implementation();
        let (method, headers) = (request.method, request.headers.as_slice());
        let asked = Asked { host: &request.host, path: &path, method, headers };
        let lookup = routes.tier.lookup_gateway(implementation, listener, asked);
        for rule in routes.tier.all().map(|found| found.rule) {
            let condition = &rule.path.condition;
            let Some((method, headers)) = condition.example() else { continue };
            let other = Asked { method, headers: &headers, ..asked };
            let is_met = condition.is_met_by(asked.method, asked.headers);
            if is_met || !rule.found.matches(&path) {
                continue;
            }
            let found = routes.tier.lookup_gateway(implementation, listener, other).found;
            if matches!(found, Found::Rule(found) if std::ptr::eq(found.rule, rule)) {
                trace.notes.push(format!("with {condition}, {} answers", rule.answer));
            }
        }
        trace.considered = lookup.considered;
        match lookup.found {
            Found::Rule(found) => self.found(&found, Exposed::Gateway, routes, trace),
            Found::Undecided(found) => self.undecided(&found, Exposed::Gateway, routes, trace),
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
        plain.map(|(own, _)| own).max_by_key(|own| own.precision())
    }
}
