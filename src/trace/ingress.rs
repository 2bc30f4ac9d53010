//! The way through two tiers of Ingresses.

use super::{Outcome, Request, Routes, Scheme, Trace, Tracer};
use crate::model::{Controller, Domain, Host, Tiers, nginx_annotation};
use crate::route::{Found, normal};

impl<'a> Tracer<'a> {
    /// Who answers, as the Ingresses of an entrypoint say.
    pub(super) fn by_ingress(
        &self,
        routes: Routes<'a>,
        domain: Option<(&'a Host, &'a Domain)>,
        trace: &mut Trace<'a>,
    ) -> Outcome<'a> {
        let Some((_, domain)) = domain else {
            return Outcome::nothing(format!("no domain has the host {}", trace.request.host));
        };
        match at_the_edge(trace.request, domain, routes.tiers, &mut trace.notes) {
            Some(answer) => answer,
            None => self.routed(routes, trace),
        }
    }

    /// What the routing tier does.
    fn routed(&self, Routes { tiers, tier }: Routes<'a>, trace: &mut Trace<'a>) -> Outcome<'a> {
        let request = trace.request;
        let controller = tiers.controller();
        let lookup = tier.lookup(controller, &request.host, &normal(&request.path));
        trace.considered = lookup.considered;
        match lookup.found {
            Found::Rule(found) => {
                let canary = self.canary(request, tier, &found, &mut trace.notes);
                self.answer(canary.unwrap_or(&found.rule.answer), tiers, &mut trace.notes)
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

/// What the edge answers itself.
fn at_the_edge<'a>(
    request: &Request,
    domain: &Domain,
    tiers: &Tiers,
    notes: &mut Vec<String>,
) -> Option<Outcome<'a>> {
    let edge = &tiers.edge;
    let is = |name: &str, wanted: &str| {
        nginx_annotation(&edge.annotations, name).is_some_and(|value| value == wanted)
    };
    let nginx = edge.controller == Controller::IngressNginx;
    let has_tls = domain.tls_secret.is_some();
    let redirects = is("force-ssl-redirect", "true") || has_tls && !is("ssl-redirect", "false");
    if nginx && request.scheme == Scheme::Http && redirects {
        return Some(Outcome::to_https(
            request,
            "the edge sends plain http to https (`ssl-redirect`)",
        ));
    }
    if request.scheme == Scheme::Https && !has_tls {
        if !nginx {
            return Some(Outcome::nothing(
                "`tls_secret: false`: the edge has no https for this host",
            ));
        }
        notes.push(
            "`tls_secret: false`: the edge answers https with its own certificate, which browsers refuse".to_owned(),
        );
    }
    None
}
