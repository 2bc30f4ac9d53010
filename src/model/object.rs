//! One name, one Kubernetes object.

use indexmap::IndexMap;

use super::{Component, Domain, Entrypoint, FallbackTarget, Names, Tiers, codes};
use crate::diag::{Diagnostic, Report};
use crate::language::name::{Host, Label};
use crate::source::Span;

/// Reports every Service and Ingress that two entries would write.
pub(super) fn refuse_shared(
    namespace: &Label,
    entrypoints: &Names<Label, Entrypoint>,
    domains: &Names<Host, Domain>,
    components: &Names<Label, Component>,
    report: &mut Report,
) {
    let home = namespace.as_str();
    let mut objects: Vec<(Span, &str, &str, String)> = Vec::new();
    let tiers = || entrypoints.iter().filter_map(|(_, entrypoint)| entrypoint.tiers());
    for (name, tiers) in entrypoints.iter().filter_map(|(name, found)| Some((name, found.tiers()?)))
    {
        let service = &tiers.edge.service;
        let beside = tiers.service_namespace().unwrap_or(home);
        objects.push((service.span, "Service", beside, service.value.to_string()));
        // With its pods beside the Gateway, Envoy Gateway makes a Service of the Gateway's name.
        let gateway = tiers.gateway.as_ref().filter(|gateway| gateway.is_managed);
        if let Some(gateway) = gateway.filter(|_| beside == home) {
            objects.push((gateway.class.span, "Service", home, name.to_string()));
        }
        if let Some(fallback) = &tiers.fallback {
            let (at, named) = (fallback.name.span, &fallback.name.value);
            if let FallbackTarget::Machines(..) = fallback.target {
                objects.push((at, "Service", home, named.to_string()));
            }
            if tiers.routing.is_some() {
                let beside = fallback.namespace(namespace).as_str();
                objects.push((at, "Ingress", beside, named.to_string()));
            }
        }
    }
    let has_ingresses = |entrypoint: &Label| {
        let found = entrypoints.find(entrypoint.as_str());
        found.is_some_and(|(_, found)| found.ingress_controller().is_some())
    };
    // In one tier a domain without a certificate is only a name.
    let is_name = |domain: &Domain| {
        let found = entrypoints.find(domain.entrypoint.as_str());
        let tiers = found.and_then(|(_, found)| found.tiers());
        tiers.is_some_and(Tiers::is_one_tier) && domain.tls_secret.is_none()
    };
    for (host, domain) in domains.iter().filter(|(_, domain)| !is_name(domain)) {
        // A Gateway's listeners are called alike, and their Secrets.
        let kind = if has_ingresses(&domain.entrypoint) { "Ingress" } else { "listener" };
        let name = host.object_name().to_string();
        objects.push((domain.span, kind, domain.namespace.as_str(), name));
    }
    for (_, component) in components.iter() {
        let Some(backend) = &component.backend else { continue };
        if !backend.addresses.is_empty() {
            let (at, home) = (component.span, component.namespace.as_str());
            objects.push((at, "Service", home, backend.service.to_string()));
        }
    }
    for (name, component) in components.iter() {
        if component.backend.is_some() && has_ingresses(&component.entrypoint) {
            objects.push((
                component.span,
                "Ingress",
                component.namespace.as_str(),
                name.to_string(),
            ));
        }
    }
    // Not written by lbgen, but there: requests that pass the edge tier are sent to it.
    let services = tiers().filter_map(|tiers| Some(&tiers.routing.as_ref()?.behind.as_ref()?.name));
    objects
        .extend(services.map(|service| (service.span, "Service", home, service.value.to_string())));
    objects.sort();
    let mut seen: IndexMap<(&str, &str, &str), Span> = IndexMap::with_capacity(objects.len());
    for (span, kind, namespace, name) in &objects {
        let Some(first) = seen.get(&(*kind, *namespace, name.as_str())) else {
            seen.insert((kind, namespace, name), *span);
            continue;
        };
        report.push(
            Diagnostic::new(
                &codes::OBJECT_TWICE,
                *span,
                format!("two {kind} objects would be called `{name}` in namespace `{namespace}`"),
                "the second one",
            )
            .also(*first, "the first one")
            .note("the one applied last would replace the other")
            .help("give one of them another name"),
        );
    }
}
