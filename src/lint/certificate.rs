//! Certificates that cert-manager issues for Ingresses.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, Domain, Host, Label, Subdomain};
use crate::route::RoutingTable;

/// The second Ingress is refused its Certificate.
const SHARED_SECRET: Code =
    code!(Warning "LB236", "one Secret for the certificates of two domains");

/// The codes of this family.
pub const CODES: &[&Code] = &[&SHARED_SECRET];

/// Reports Secrets that cert-manager would fill for two domains: each has an Ingress of its own, which owns its Certificate.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for (name, entrypoint) in &datacenter.entrypoints {
        let issues = |domain: &Domain| {
            let mut keys = domain.annotations.keys();
            keys.any(|key| key.as_str().starts_with("cert-manager.io/"))
        };
        let has_ingress = entrypoint.ingress_controller().is_some();
        let own = datacenter.domains.iter().filter(|(_, domain)| domain.entrypoint == *name);
        let mut seen: BTreeMap<(&Label, &Subdomain), &Host> = BTreeMap::new();
        for (host, domain) in own.filter(|(_, domain)| has_ingress && issues(domain)) {
            let Some(secret) = domain.tls_secret.as_ref().and_then(|found| found.secret()) else {
                continue;
            };
            let Some(first) = seen.insert((&domain.namespace, secret), host) else { continue };
            report.push(
                Diagnostic::new(
                    &SHARED_SECRET,
                    domain.span,
                    format!("`{first}` and `{host}` have one Secret, `{secret}`"),
                    "the second domain",
                )
                .note("cert-manager makes a Certificate for each Ingress, and refuses the second one for a Secret: \"certificate resource is not owned by this ingress\"")
                .help("give each domain a Secret of its own, or remove the annotations `cert-manager.io/` and issue the certificate by a Certificate object"),
            );
        }
    }
}
