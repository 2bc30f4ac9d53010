//! A single tier of Ingresses: Ingresses with many hosts, and routers of Traefik's ingress-nginx provider, which answer TLS
//! or plain http, never both.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Controller, Datacenter, Host, Label, Tiers};
use crate::route::{Answer, RoutingTable, Tier};

/// Every new domain changes the Ingress of every component.
const MANY_HOSTS: Code = code!(Warning "LB245", "an Ingress with many hosts, in one tier");
/// Traefik makes routers of one kind of an Ingress.
const MIXED_TLS: Code = code!(Error "LB332", "an Ingress for hosts with and without TLS, read by Traefik's ingress-nginx provider");

/// The codes of this family.
pub const CODES: &[&Code] = &[&MANY_HOSTS, &MIXED_TLS];

/// Reports what a single tier makes of its domains.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (name, tier) in routes.tiers() {
        let Some(tiers) = datacenter.tiers(name).filter(|tiers| tiers.is_one_tier()) else {
            continue;
        };
        many_hosts(datacenter, name, tiers, tier, report);
        if tiers.controller() == Controller::TraefikNginx {
            mixed_tls(datacenter, name, tier, report);
        }
    }
}

fn many_hosts(
    datacenter: &Datacenter,
    name: &Label,
    tiers: &Tiers,
    tier: &Tier,
    report: &mut Report,
) {
    let own = datacenter.components.values().filter(|found| found.entrypoint == *name);
    let open = own.filter(|found| found.backend.is_some() && found.hosts.is_empty());
    let mut open = open.map(|component| tier.hosts_of(component).count());
    let Some(hosts) = open.next().filter(|hosts| *hosts > tiers.edge.max_hosts) else { return };
    let ingresses = match 1 + open.count() {
        1 => "the Ingress of one component names".to_owned(),
        count => format!("the Ingresses of {count} components name"),
    };
    report.push(
        Diagnostic::new(
            &MANY_HOSTS,
            tiers.edge.class.span,
            format!("in `{name}`, {ingresses} {hosts} hosts each"),
            format!("more than {}", tiers.edge.max_hosts),
        )
        .note("in one tier a component without `hosts` is written for every domain: a new domain changes all of their Ingresses, and the controller loads each of the rules")
        .help("add `routing`: a second tier finds the component by path, and a domain is one small Ingress; or raise `edge.max_hosts`"),
    );
}

fn mixed_tls(datacenter: &Datacenter, name: &Label, tier: &Tier, report: &mut Report) {
    let has_tls = |host: &Host| datacenter.domain(host).is_some_and(|own| own.tls_secret.is_some());
    let own = datacenter.components.iter().filter(|(_, found)| found.entrypoint == *name);
    for (component, found) in own.filter(|(_, found)| found.backend.is_some()) {
        let with_tls = tier.hosts_of(found).flatten().find(|host| has_tls(host));
        let mut hosts = tier.hosts_of(found);
        let plain = hosts.find(|host| !host.is_some_and(has_tls));
        let (Some(with_tls), Some(plain)) = (with_tls, plain) else { continue };
        let plain = plain.map_or("any host".to_owned(), |host| format!("`{host}`"));
        report.push(
            Diagnostic::new(
                &MIXED_TLS,
                found.span,
                format!("`{component}` is for `{with_tls}` with TLS and for {plain} without"),
                "one Ingress",
            )
            .note(ROUTERS)
            .help("give it `hosts` of one kind, and write a second component for the others"),
        );
    }
    let beside = tier.named_hosts().find_map(|(host, rules)| {
        let domain = datacenter.domains.get(host).filter(|own| own.tls_secret.is_some())?;
        let is_apart = !datacenter.is_beside_fallback(domain);
        let by_fallback = rules.iter().any(|rule| rule.answer == Answer::Fallback);
        (is_apart && by_fallback).then_some((host, domain))
    });
    if let Some((host, domain)) = beside {
        report.push(
            Diagnostic::new(
                &MIXED_TLS,
                domain.span,
                format!("the fallback does not answer https for `{host}`"),
                "its Ingress stands in another namespace",
            )
            .note(ROUTERS)
            .help("copy the Secret to the namespace of the fallback, and name that one, or let a component have `/` of this host"),
        );
    }
}

/// The reason (Traefik, pkg/provider/kubernetes/ingress-nginx: `hasTLS` of an Ingress).
const ROUTERS: &str = "this provider makes routers for TLS of an Ingress with `tls`, which plain http does not reach, and the reverse of one without";
