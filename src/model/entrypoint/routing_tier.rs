//! The tier whose Ingresses lead to components: the second one, or the edge itself.

use super::controller::Controller;
use super::{Annotations, Edge, class, of_tier, port, service};
use crate::diag::Report;
use crate::inventory::raw;
use crate::language::name::{ServiceName, Subdomain};
use crate::source::Loc;

/// The tier whose Ingresses lead to components.
#[derive(Debug)]
pub struct RoutingTier {
    /// Its Ingress class; no controller of another tier has it.
    pub class: Loc<Subdomain>,
    /// The controller, which decides how hosts and paths are compared.
    pub controller: Controller,
    /// Copied to every Ingress of a component and of the fallback.
    pub annotations: Annotations,
    /// The Service that the edge sends its requests to; `None` where the edge is this tier itself.
    pub behind: Option<TierService>,
}

/// The Service of a second tier.
#[derive(Debug)]
pub struct TierService {
    /// Its name; no other controller or fallback has it.
    pub name: Loc<ServiceName>,
    /// Its port.
    pub port: u16,
}

/// A tier behind the edge.
pub(super) fn second(
    raw: &raw::Routing,
    both: &Annotations,
    report: &mut Report,
) -> Option<RoutingTier> {
    let class = class(raw.class.as_ref(), report);
    let name = service(raw.service.as_ref(), raw.class.as_ref(), report);
    let port = raw.port.as_ref().map_or(Some(80), |raw| port(raw, "port", report));
    let annotations = of_tier(both, raw.annotations.as_ref(), report);
    let controller = Controller::of(
        raw.controller.as_ref(),
        raw.traefik_provider.as_ref(),
        raw.strict_prefix.as_ref(),
        raw.controller_version.as_ref(),
        report,
    )?;
    let behind = Some(TierService { name: name?, port: port? });
    Some(RoutingTier { class: class?, controller, annotations, behind })
}

/// The edge, where no tier is behind it.
pub(super) fn only(edge: &Edge) -> RoutingTier {
    RoutingTier {
        class: edge.class.clone(),
        controller: edge.controller,
        annotations: edge.annotations.clone(),
        behind: None,
    }
}
