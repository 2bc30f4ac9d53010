//! Second tier: requests to components.

use super::controller::Controller;
use super::{Annotations, class, of_tier, port, service};
use crate::diag::Report;
use crate::inventory::raw;
use crate::language::name::{ServiceName, Subdomain};
use crate::source::Loc;

/// Second tier: requests to components.
#[derive(Debug)]
pub struct SecondTier {
    /// Its Ingress class; no other controller has it.
    pub class: Loc<Subdomain>,
    /// Its Service; no other controller or fallback has it.
    pub service: Loc<ServiceName>,
    /// The Service's port.
    pub port: u16,
    /// The controller, which decides how hosts and paths are compared.
    pub controller: Controller,
    /// Copied to every routing Ingress.
    pub annotations: Annotations,
}

pub(super) fn build(
    raw: &raw::Routing,
    both: &Annotations,
    report: &mut Report,
) -> Option<SecondTier> {
    let class = class(raw.class.as_ref(), report);
    let service = service(raw.service.as_ref(), raw.class.as_ref(), report);
    let port = raw.port.as_ref().map_or(Some(80), |raw| port(raw, "port", report));
    let annotations = of_tier(both, raw.annotations.as_ref(), report);
    let controller = Controller::of(
        raw.controller.as_ref(),
        raw.traefik_provider.as_ref(),
        raw.strict_prefix.as_ref(),
        raw.controller_version.as_ref(),
        report,
    )?;
    Some(SecondTier { class: class?, service: service?, port: port?, controller, annotations })
}
