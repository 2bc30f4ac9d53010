//! One entrypoint per kind of traffic: two tiers of ingress controllers and what catches the rest.

mod annotation;
mod controller;
mod edge;
mod fallback;
mod routing;

pub(super) use annotation::annotations;
use annotation::of_tier;
pub use annotation::{Annotations, NGINX, nginx_annotation, nginx_annotations};
pub use controller::Controller;
pub use edge::Edge;
pub use fallback::Fallback;
pub use routing::Routing;

use super::{Names, codes, value};
use crate::diag::Report;
use crate::inventory::{Text, raw};
use crate::language::name::{Label, Name, ServiceName, Subdomain};
use crate::language::number::Port;
use crate::language::word::OnUnhealthy;
use crate::source::{Loc, Span};

/// A kind of traffic.
#[derive(Debug)]
pub struct Entrypoint {
    /// Where its name stands.
    pub span: Span,
    /// First tier.
    pub edge: Edge,
    /// Second tier.
    pub routing: Routing,
    /// Of the Ingresses of both tiers; those of a tier have them too.
    pub annotations: Annotations,
    /// What serves everything that no component claims.
    pub fallback: Option<Fallback>,
    /// What a node does while it is unhealthy.
    pub on_unhealthy: OnUnhealthy,
}

pub(super) fn build(raw: &raw::Inventory, report: &mut Report) -> Names<Label, Entrypoint> {
    let given = raw.given.contains(&"entrypoints");
    Names::build(
        given,
        raw.entrypoints.as_ref(),
        "an entrypoint's name",
        report,
        |_, _, raw, report| entrypoint(raw, report),
    )
}

fn entrypoint(raw: &raw::Entrypoint, report: &mut Report) -> Option<Entrypoint> {
    let both = annotations(raw.annotations.as_ref(), report);
    let edge = raw.edge.as_ref().and_then(|raw| edge::build(raw, &both, report));
    let routing = raw.routing.as_ref().and_then(|raw| routing::build(raw, &both, report));
    let fallback = raw.fallback.as_ref().map(|raw| fallback::build(raw, report));
    let on_unhealthy = raw
        .on_unhealthy
        .as_ref()
        .map_or(Some(OnUnhealthy::Yield), |raw| value::word(raw, "on_unhealthy", report));
    Some(Entrypoint {
        span: raw.span,
        edge: edge?,
        routing: routing?,
        annotations: both,
        fallback: fallback.map_or(Some(None), |fallback| fallback.map(Some))?,
        on_unhealthy: on_unhealthy?,
    })
}

fn class(raw: Option<&Loc<Text<Subdomain>>>, report: &mut Report) -> Option<Loc<Subdomain>> {
    let raw = raw?;
    value::name_of(raw, "an Ingress class", report).map(|class| raw.with(class))
}

/// The Service's name; by default the class.
fn service(
    raw: Option<&Loc<Text<ServiceName>>>,
    class: Option<&Loc<Text<Subdomain>>>,
    report: &mut Report,
) -> Option<Loc<ServiceName>> {
    let Some(raw) = raw else {
        let class = class?;
        // A class that is no name at all was reported as such.
        Subdomain::parse(&class.value.text)?;
        let named = value::name_of(&class.with(class.value.to()), "a Service's name", report);
        return named.map(|service| class.with(service));
    };
    value::name_of(raw, "a Service's name", report).map(|service| raw.with(service))
}

fn port(raw: &Loc<Port>, key: &str, report: &mut Report) -> Option<u16> {
    value::number(raw, key, report).map(|port| port.value)
}
