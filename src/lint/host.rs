//! Hosts that components name, and what that does to the paths of others.

use std::collections::{BTreeMap, BTreeSet};

use crate::diag::{Code, Diagnostic, Report, code, count};
use crate::model::{Controller, Datacenter, Entrypoint, Host, Label, Tiers};
use crate::route::{RoutingTable, Tier};
use crate::source::Span;

/// One component's host hides other components' paths.
const HIDDEN: Code = code!(Warning "LB203", "a host that hides the paths of other components");
/// No domain brings requests for a host.
const NO_DOMAIN: Code = code!(Warning "LB209", "a component's host that no domain serves");
/// Requests that nothing answers.
const NO_ANSWER: Code =
    code!(Warning "LB212", "an entrypoint that leaves some requests without an answer");

/// The codes of this family.
pub const CODES: &[&Code] = &[&HIDDEN, &NO_DOMAIN, &NO_ANSWER];

/// Reports hosts that hide, hosts that nobody asks for, and hosts that are not served as a whole.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for (entrypoint, tier) in routes.tiers() {
        let found = datacenter.entrypoints.get(entrypoint);
        if let Some(controller) = found.and_then(Entrypoint::ingress_controller) {
            hiding(datacenter, tier, controller, report);
        }
        unanswered(datacenter, entrypoint, tier, report);
    }
    without_domain(datacenter, report);
}

/// The component that names a host first, or none where only a domain does, and those that are hidden there.
type Finding<'a> = (Option<&'a Label>, BTreeSet<&'a Label>);

/// A host that is named has a server of its own in ingress-nginx, with only the paths that name it: paths for any host,
/// and those of a wildcard that covers it, are not served there.
///
/// Other controllers look for rules for any host too, but where there is a fallback, it answers for a named host first.
fn hiding(datacenter: &Datacenter, tier: &Tier, controller: Controller, report: &mut Report) {
    let is_nginx = controller == Controller::IngressNginx;
    let note = if is_nginx {
        "in ingress-nginx one Ingress that names a host hides, for that host, every path that does not name it"
    } else {
        "the fallback answers there for every path that no component claims by that host's name"
    };
    // By the component that names a host first, and what is hidden there: one message, whatever the number of hosts.
    let mut findings: BTreeMap<Finding<'_>, Vec<(&Host, Span)>> = BTreeMap::new();
    for (host, rules) in tier.named_hosts() {
        let namers = rules.iter().filter_map(|rule| Some((rule.host, rule.component()?)));
        // In one tier the Ingress of a domain names its host too.
        let domain = || datacenter.domains.get(host).filter(|_| tier.is_domain(host));
        let (span, namer) = match (namers.min(), domain()) {
            (Some((span, namer)), _) => (span, Some(namer)),
            (None, Some(domain)) => (domain.span, None),
            (None, None) => continue,
        };
        let hidden = tier.hidden_on(host, controller);
        if !hidden.is_empty() {
            findings.entry((namer, hidden)).or_default().push((host, span));
        }
    }
    for ((namer, hidden), hosts) in findings {
        let on: Vec<String> = hosts.iter().map(|(host, _)| format!("`{host}`")).collect();
        let there = if hosts.len() == 1 { "that host" } else { "those hosts" };
        let (who, help) = match namer {
            Some(namer) => (
                match hidden.len() {
                    1 => format!("`{namer}` hides the paths of another component"),
                    count => format!("`{namer}` hides the paths of {count} other components"),
                },
                format!(
                    "give the hidden components the same `hosts`, or remove `hosts` from `{namer}`"
                ),
            ),
            None => (
                format!("a domain hides the paths of {}", count(hidden.len(), "component")),
                "give the hidden components its host too".to_owned(),
            ),
        };
        let title = format!("{who} on {}", listed(&on));
        report.push(
            Diagnostic::new(&HIDDEN, hosts[0].1, title, "named here")
                .note(format!("not served on {there}: {}", names(&hidden)))
                .note(note)
                .help(help),
        );
    }
}

/// The most names that a message lists.
const LISTED: usize = 12;

fn names(names: &BTreeSet<&Label>) -> String {
    listed(&names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>())
}

/// The first of some names, and how many more there are.
fn listed(names: &[String]) -> String {
    match names.len() {
        0..=LISTED => names.join(", "),
        count => format!("{} and {} more", names[..LISTED].join(", "), count - LISTED),
    }
}

/// The hosts of components that no request can have: an edge before a second tier knows no domain for them.
fn without_domain(datacenter: &Datacenter, report: &mut Report) {
    let is_one_tier = |name: &Label| datacenter.tiers(name).is_some_and(Tiers::is_one_tier);
    let all = datacenter.components.iter();
    for (name, component) in all.filter(|(_, found)| !is_one_tier(&found.entrypoint)) {
        for host in component.hosts.iter().filter(|_| component.backend.is_some()) {
            let is_served = |domain: &Host| {
                *domain == host.value
                    || domain.wildcard().as_ref() == Some(&host.value)
                    || host.value.wildcard().as_ref() == Some(domain)
            };
            let mut domains = datacenter.domains.iter().filter(|(domain, _)| is_served(domain));
            let mut elsewhere = domains.clone();
            if domains.any(|(_, domain)| domain.entrypoint == component.entrypoint) {
                continue;
            }
            let diagnostic = Diagnostic::new(
                &NO_DOMAIN,
                host.span,
                format!(
                    "no domain of `{}` serves `{}`, which `{name}` names",
                    component.entrypoint, host.value
                ),
                "no request for this host arrives",
            );
            report.push(match elsewhere.next() {
                Some((_, domain)) => diagnostic
                    .also(domain.span, format!("a domain of `{}`", domain.entrypoint))
                    .help("give the component and the domain the same `entrypoint`"),
                None => diagnostic
                    .did_you_mean(
                        host.value.as_str(),
                        host.span,
                        datacenter
                            .domains
                            .keys()
                            .map(Host::as_str)
                            .filter(|host| !host.starts_with('*')),
                    )
                    .help("add the domain, or remove the host"),
            });
        }
    }
}

/// An entrypoint without a fallback answers 404 to what no component claims.
fn unanswered(datacenter: &Datacenter, name: &Label, tier: &Tier, report: &mut Report) {
    let Some(entrypoint) = datacenter.entrypoints.get(name) else { return };
    if entrypoint.fallback().is_some() {
        return;
    }
    let domains = datacenter.domains.iter().filter(|(_, domain)| domain.entrypoint == *name);
    let is_nginx = entrypoint.ingress_controller() == Some(Controller::IngressNginx);
    // A host that somebody names is closed to the rules for any host in ingress-nginx alone.
    let is_whole = |host: &Host| {
        tier.is_whole(tier.server(host).as_ref())
            || !is_nginx && (tier.is_whole(host.wildcard().as_ref()) || tier.is_whole(None))
    };
    let open: Vec<String> =
        domains.filter(|(host, _)| !is_whole(host)).map(|(host, _)| format!("`{host}`")).collect();
    if open.is_empty() {
        return;
    }
    report.push(
        Diagnostic::new(
            &NO_ANSWER,
            entrypoint.span,
            format!("`{name}` has no fallback, and nothing serves every path of {}", listed(&open)),
            "no `fallback`",
        )
        .note("the controller answers 404 to requests that no component claims")
        .help("add a `fallback`, or a component with the path `/`"),
    );
}
