//! Redirects from plain http to https, as annotations of ingress-nginx ask for them.

use super::with;
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

/// Returns true if the tier that routes redirects plain http for a rule of a component, or for those of nobody. A second
/// tier sees plain http from the edge, whatever the client sent, and only `force-ssl-redirect` counts there (facts K15, K32).
pub fn routing_redirects(tiers: &Tiers, component: Option<&Component>, has_tls: bool) -> bool {
    let all = rule_annotations(tiers, component);
    match tiers.is_one_tier() {
        true => edge_redirects(tiers.controller(), &all, has_tls),
        false => forces_https(tiers.controller(), &all),
    }
}

/// Returns true if such a redirect keeps a slash at the end.
pub fn routing_keeps_slash(tiers: &Tiers, component: Option<&Component>) -> bool {
    keeps_slash(tiers.controller(), &rule_annotations(tiers, component))
}

fn rule_annotations(tiers: &Tiers, component: Option<&Component>) -> Annotations {
    let none = Annotations::new();
    with(tiers.routing_annotations(), component.map_or(&none, |found| &found.annotations))
}
