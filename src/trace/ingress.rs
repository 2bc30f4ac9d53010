//! The way through one or two tiers of Ingresses.

use super::{Outcome, Request, Routes, Scheme, Trace, Tracer};
use crate::model::{Controller, Domain, Exposed, Host, Tiers};
use crate::route::{
    Considered, Engine, Found, Tier, edge_redirects, keeps_slash, normal, routing_keeps_slash,
    routing_redirects,
};

impl<'a> Tracer<'a> {
    /// Returns who answers, as the Ingresses of an entrypoint say.
    pub(super) fn by_ingress(
        &self,
        routes: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let tiers = routes.tiers;
        let mut has_tls = domain.is_some_and(|(_, domain)| domain.tls_secret.is_some());
        if let Some(wildcard) = domain.and_then(|(host, domain)| self.covering(host, domain)) {
            has_tls = true;
            let own = &trace.request.host;
            trace.notes.push(format!(
                "`tls_secret: false` does not keep {own} from TLS: the controller takes the certificate of {wildcard} for it"
            ));
        }
        if !tiers.is_one_tier() {
            if domain.is_none() {
                return Outcome::nothing(format!("no domain has the host {}", trace.request.host));
            }
            if let Some(redirect) = at_the_edge(trace.request, has_tls, tiers) {
                return redirect;
            }
        }
        if trace.request.scheme == Scheme::Https && !has_tls {
            if !tiers.edge.controller.has_default_certificate() {
                return Outcome::nothing(format!(
                    "{} has no https at the edge",
                    trace.request.host
                ));
            }
            trace.notes.push(format!(
                "{} has no Secret: the edge answers https with its own certificate, which browsers refuse",
                trace.request.host
            ));
        }
        let outcome = self.routed(routes, trace);
        self.forced_to_https(tiers, has_tls, trace).unwrap_or(outcome)
    }

    /// Returns the wildcard domain whose certificate stands for a domain without one.
    fn covering(&self, host: &Host, domain: &Domain) -> Option<Host> {
        let tiers = self.datacenter.tiers(&domain.entrypoint)?;
        let wildcard = host.wildcard().filter(|_| domain.tls_secret.is_none())?;
        let above = self.datacenter.domains.get(&wildcard)?;
        let is_covered = tiers.shares_wildcards()
            && above.entrypoint == domain.entrypoint
            && above.tls_secret.is_some();
        is_covered.then_some(wildcard)
    }

    /// Returns the answer of the tier that routes.
    fn routed(&self, routes: Routes<'a>, trace: &mut Trace<'a>) -> Outcome<'a> {
        let Routes { tiers, tier } = routes;
        let request = trace.request;
        let controller = tiers.controller();
        let lookup = tier.lookup(controller, &request.host, &normal(&request.path));
        trace.considered = lookup.considered;
        match lookup.found {
            Found::Rule(found) => {
                trace.notes.extend(tried_elsewhere(tier, &found));
                self.found(&found, Exposed::Ingress, routes, trace)
            }
            Found::Undecided(found) => {
                trace.notes.push(match controller.reads_nginx() && tier.is_regex(found[0].host) {
                    true => format!(
                        "cannot say: `{}` is a regular expression that only PCRE knows",
                        found[0].rule.path.path.value
                    ),
                    false => {
                        "cannot say: the texts of these rules are equally long, and Traefik's choice is random"
                            .to_owned()
                    }
                });
                self.undecided(&found, Exposed::Ingress, routes, trace)
            }
            Found::Redirect(path, because) => Outcome::Redirect {
                status: 301,
                location: format!("http://{}{path}", request.host),
                why: format!("the path `{}` ends in a slash", because.rule.path.path.value),
            },
            Found::Nothing => {
                let named = tier.server(&request.host);
                match named.filter(|_| controller == Controller::IngressNginx) {
                    Some(host) => Outcome::nothing(format!(
                        "no rule of {host} matches, and rules for any host are hidden there"
                    )),
                    None => Outcome::nothing("no rule matches"),
                }
            }
        }
    }
}

impl<'a> Tracer<'a> {
    /// The redirect to https of the tier that routes, or what a second tier needs for it where the client came by https.
    fn forced_to_https(
        &self,
        tiers: &Tiers,
        has_tls: bool,
        trace: &mut Trace<'a>,
    ) -> Option<Outcome<'a>> {
        let rule = trace.considered.first();
        // Without a rule the only tier does as its own annotations say.
        if rule.is_none() && !tiers.is_one_tier() {
            return None;
        }
        let component = rule.and_then(|rule| rule.rule.component());
        let component = component.and_then(|name| self.datacenter.components.get(name));
        if !routing_redirects(tiers, component, has_tls) {
            return None;
        }
        let why = match tiers.is_one_tier() {
            true => "the edge sends plain http to https (`ssl-redirect`)",
            false => "the routing tier sends plain http to https (`force-ssl-redirect`)",
        };
        match trace.request.scheme {
            Scheme::Http => {
                Some(Outcome::to_https(trace.request, routing_keeps_slash(tiers, component), why))
            }
            Scheme::Https if tiers.is_one_tier() => None,
            Scheme::Https => {
                trace.notes.push(
                    "`force-ssl-redirect` needs `use-forwarded-headers` in the routing controller: without it, that sees plain http and sends the browser round in circles".to_owned(),
                );
                None
            }
        }
    }
}

/// A regular expression that PCRE has and the engine here imitates.
fn tried_elsewhere(tier: &Tier, found: &Considered<'_>) -> Option<String> {
    let path = found.rule.path.path.value.as_str();
    let is_special = tier.is_regex(found.host) && Engine::of(path) == Engine::Backtracking;
    is_special.then(|| {
        format!("`{path}` is PCRE's own: it was tried with another engine than nginx's PCRE")
    })
}

/// The redirect of an edge that a second tier is behind.
fn at_the_edge<'a>(request: &Request, has_tls: bool, tiers: &Tiers) -> Option<Outcome<'a>> {
    let edge = &tiers.edge;
    let redirects = edge_redirects(edge.controller, &edge.annotations, has_tls);
    (request.scheme == Scheme::Http && redirects).then(|| {
        Outcome::to_https(
            request,
            keeps_slash(edge.controller, &edge.annotations),
            "the edge sends plain http to https (`ssl-redirect`)",
        )
    })
}

impl Outcome<'_> {
    /// The same address with TLS, with or without a slash at its end.
    pub(super) fn to_https(request: &Request, keeps_slash: bool, why: &str) -> Self {
        let path = request.path.strip_suffix('/').filter(|_| !keeps_slash);
        let path = path.unwrap_or(&request.path);
        let location = format!("https://{}{path}", request.host);
        Self::Redirect { status: 308, location, why: why.to_owned() }
    }
}
