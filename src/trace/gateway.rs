//! The way through one Gateway.

use super::{Outcome, Routes, Scheme, Trace, Tracer};
use crate::model::{Domain, Exposed, Host};
use crate::route::{Considered, Found, normal};

impl<'a> Tracer<'a> {
    /// Returns who answers, as the Gateway of an entrypoint and its routes say.
    pub(super) fn by_gateway(
        &self,
        routes: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let Routes { tiers, tier } = routes;
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
        let lookup = tier.lookup_gateway(listener, &request.host, &path);
        trace.considered = lookup.considered;
        let outcome = match lookup.found {
            Found::Rule(found) => {
                trace.notes.extend(longer_elsewhere(&found, &trace.considered, listener));
                self.found(&found, Exposed::Gateway, routes, trace)
            }
            Found::Undecided(found) => self.undecided(&found, Exposed::Gateway, routes, trace),
            Found::Redirect(..) | Found::Nothing => Outcome::nothing("no route matches"),
        };
        trace.notes.extend(tied_at_listener(&trace.considered, listener));
        outcome
    }
}

/// Traefik's Gateway compares paths before hosts where the listener is for several (facts K33).
fn longer_elsewhere(
    found: &Considered<'_>,
    considered: &[Considered<'_>],
    listener: Option<&Host>,
) -> Option<String> {
    let length = |rule: &Considered<'_>| rule.rule.found.value().len();
    let is_open = listener.is_none_or(|host| host.as_str().starts_with('*'));
    let longer = considered.iter().filter(|rule| rule.rule.answer != found.rule.answer);
    let longest =
        longer.filter(|rule| length(rule) > length(found)).max_by_key(|rule| length(rule));
    let by = longest.filter(|_| is_open)?;
    Some(format!(
        "Traefik's Gateway would give it to {}: there a longer path counts more than a more precise host",
        by.rule.answer
    ))
}

/// Two rules of one listener that only the hosts of their routes tell apart: the older route may answer.
fn tied_at_listener(considered: &[Considered<'_>], listener: Option<&Host>) -> Option<String> {
    let [first, second, ..] = considered else { return None };
    let host = listener.filter(|host| !host.as_str().starts_with('*'))?;
    let is_tie = first.rule.found == second.rule.found && first.rule.answer != second.rule.answer;
    is_tie.then(|| {
        format!(
            "at the listener of {host} the route of {} is the same: implementations may let the older one of the two answer",
            second.rule.answer
        )
    })
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
