//! Redirects from plain http to https, as annotations of ingress-nginx ask for them.

use crate::model::{
    Annotations, Component, Controller, Tiers, is_true, nginx_annotation, nginx_switch,
};

/// Returns true if a redirect keeps a slash at the end: ingress-nginx takes it off without `preserve-trailing-slash`
/// (facts K31).
pub fn keeps_slash(controller: Controller, annotations: &Annotations) -> bool {
    let keeps = nginx_annotation(annotations, "preserve-trailing-slash").is_some_and(is_true);
    controller != Controller::IngressNginx || keeps
}

/// Returns true if an Ingress edge redirects requests for a domain: for one with TLS unless `ssl-redirect` says otherwise, for
/// any if `force-ssl-redirect` says so.
pub fn edge_redirects(controller: Controller, annotations: &Annotations, has_tls: bool) -> bool {
    let says = |name: &str| nginx_switch(annotations, name);
    let forces = says(FORCE) == Some(true);
    controller.reads_nginx() && (forces || has_tls && says("ssl-redirect") != Some(false))
}

const FORCE: &str = "force-ssl-redirect";

/// Returns true if an Ingress of the second tier redirects plain http, by its own annotations.
pub fn forces_https(controller: Controller, annotations: &Annotations) -> bool {
    controller.reads_nginx() && nginx_annotation(annotations, FORCE).is_some_and(is_true)
}

/// Returns true if the second tier redirects: it sees plain http from the edge, whatever the client sent
/// (facts K15, K32).
pub fn is_forced(tiers: &Tiers, component: Option<&Component>) -> bool {
    let own = component.and_then(|found| nginx_annotation(&found.annotations, FORCE));
    let says = own.or_else(|| nginx_annotation(tiers.routing_annotations(), FORCE));
    tiers.controller().reads_nginx() && says.is_some_and(is_true)
}
