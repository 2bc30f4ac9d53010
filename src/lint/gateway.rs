//! Settings of an inventory that Gateway API cannot express, for entrypoints that have a Gateway.

use std::collections::BTreeSet;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{
    BackendPort, Component, Datacenter, FallbackTarget, GatewayTier, Implementation, Label, NGINX,
};
use crate::route::{Canary, Engine, Fate, PathMatch, Remark, RoutingTable, Tier, Translation};
use crate::source::Span;

/// Nothing says it.
const LOST: Code = code!(Warning "LB320", "an annotation that has no counterpart in Gateway API");
/// The annotation has a counterpart that means something else.
const CHANGED: Code =
    code!(Warning "LB321", "an annotation that means something else in Gateway API");
/// A route needs a number.
const PORT_NAME: Code =
    code!(Error "LB322", "a port by its name, where Gateway API wants a number");
/// The API server refuses it.
const PATH: Code = code!(Error "LB323", "a path that Gateway API refuses");

/// It is not written for an implementation that would do something else.
const UNABLE: Code =
    code!(Warning "LB327", "a setting that the implementation of Gateway API does not have");
/// They fit into no object.
const TOO_MANY: Code = code!(Error "LB328", "more domains than the listeners of a Gateway");

/// Its objects are written for another one.
const OTHER_CLASS: Code =
    code!(Warning "LB329", "a GatewayClass named after another implementation");

/// Ingress has hosts and paths only.
const NO_MATCH: Code =
    code!(Error "LB330", "a match on a method or headers, where Ingresses are written");

/// One's requests are answered by the other.
const SHARED_PODS: Code = code!(Warning "LB324", "two Gateways on the same pods and ports");

/// The codes of this family.
pub const CODES: &[&Code] = &[
    &LOST,
    &CHANGED,
    &PORT_NAME,
    &PATH,
    &SHARED_PODS,
    &UNABLE,
    &TOO_MANY,
    &OTHER_CLASS,
    &NO_MATCH,
];

/// Reports what the routes of a Gateway do not say, or not as it is meant.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    shared_pods(datacenter, report);
    let mut remarks: Vec<Remark> = Vec::new();
    for entrypoint in datacenter.entrypoints.values() {
        let tiers = entrypoint.tiers().filter(|tiers| tiers.gateway.is_some());
        remarks.extend(tiers.into_iter().flat_map(|tiers| Translation::of_fallback(tiers).remarks));
        if let Some(fallback) = tiers.and_then(|tiers| tiers.fallback.as_ref())
            && let FallbackTarget::Service { port, .. } = &fallback.target
        {
            let namespace = fallback.namespace(&datacenter.kubernetes.namespace);
            refuse_name("the fallback", &port.value, port.span, namespace, report);
        }
    }
    for (name, component) in &datacenter.components {
        let entrypoint = datacenter.entrypoints.get(&component.entrypoint);
        let Some(tiers) = entrypoint.and_then(|found| found.tiers()) else { continue };
        if tiers.routing.is_some() {
            no_match(component, report);
        }
        let (Some(_), Some(_), Some(tier)) =
            (&tiers.gateway, &component.backend, routes.tier(&component.entrypoint))
        else {
            continue;
        };
        if tiers.has_canary(component) {
            remarks.extend(Canary::of(&component.annotations).remarks);
            remarks.extend(canary_elsewhere(datacenter, name, component, tier));
        } else {
            remarks.extend(Translation::of_component(tiers, component).remarks);
        }
        if let Some(backend) = &component.backend {
            let (what, at) = (format!("the backend of `{name}`"), component.backend_span);
            refuse_name(&what, &backend.port, at, &component.namespace, report);
        }
        paths(name, tier, report);
    }
    // An annotation of an entrypoint is one of all its components.
    let mut told: BTreeSet<Span> = BTreeSet::new();
    remarks.retain(|remark| told.insert(remark.span));
    remarks.iter().for_each(|remark| report.push(remarked(remark)));
    too_many(datacenter, report);
    other_class(datacenter, report);
}

/// Without ListenerSets the listeners of domains stand in the Gateway, or in several where these have the same pods.
fn too_many(datacenter: &Datacenter, report: &mut Report) {
    for (name, entrypoint) in &datacenter.entrypoints {
        let Some(tiers) = entrypoint.tiers() else { continue };
        let Some(gateway) = &tiers.gateway else { continue };
        let implementation = gateway.implementation;
        if gateway.has_listener_sets() || implementation.shares_pods() {
            continue;
        }
        let own = datacenter.domains.values().filter(|domain| domain.entrypoint == *name);
        let count = own.filter(|domain| tiers.has_listener(domain)).count();
        let most = gateway.first_room();
        if count > most {
            let title = format!(
                "the Gateway of `{name}` has {count} domains, and {implementation} has no ListenerSets"
            );
            report.push(
                Diagnostic::new(&TOO_MANY, gateway.class.span, title, format!("at most {most} of them fit"))
                    .note("a Gateway has 64 listeners (maxItems), of which one is for plain http")
                    .help("name an implementation that has them (docs/gateway.md), use wildcard domains, or make several entrypoints"),
            );
        }
    }
}

/// The implementation is never derived from the class, whose name is free; but the name may say that it was forgotten.
fn other_class(datacenter: &Datacenter, report: &mut Report) {
    let gateways =
        datacenter.entrypoints.values().filter_map(|found| found.tiers()?.gateway.as_ref());
    for gateway in gateways.filter(|gateway| !gateway.is_implementation_named) {
        let class = gateway.class.value.as_str();
        let Some(other) = Implementation::called_like(class) else { continue };
        let taken = gateway.implementation;
        let title =
            format!("the class is called `{class}`, and its objects are written for {taken}");
        report.push(
            Diagnostic::new(&OTHER_CLASS, gateway.class.span, title, "no `implementation` beside it")
                .note("implementations differ in what they can do; which one it is does not follow from the name of a class")
                .help(format!("write `implementation: {other}`, or `implementation: {taken}` if that is meant")),
        );
    }
}

fn remarked(remark: &Remark) -> Diagnostic {
    let key = remark.key.rsplit('/').next().unwrap_or_default();
    match remark.fate {
        Fate::Lost(instead) => Diagnostic::new(
            &LOST,
            remark.span,
            format!("`{key}` has no counterpart in Gateway API"),
            "not carried over to the HTTPRoutes",
        )
        .help(format!("what may do it instead: {instead}")),
        Fate::Unable(what, instead) => Diagnostic::new(
            &UNABLE,
            remark.span,
            format!("`{key}` needs {what}, which the implementation does not have"),
            "not carried over to the HTTPRoutes",
        )
        .note("docs/gateway.md lists what each `implementation` can do")
        .help(format!("what may do it instead: {instead}")),
        Fate::Changed(how) => Diagnostic::new(
            &CHANGED,
            remark.span,
            format!("`{key}` means something else in Gateway API"),
            "translated as far as it goes",
        )
        .note(how),
    }
}

/// A route leads to Services beside it, so a canary in another namespace takes no share.
fn canary_elsewhere(
    datacenter: &Datacenter,
    name: &Label,
    component: &Component,
    tier: &Tier,
) -> Option<Remark> {
    let (host, rule) = tier.canaries().find(|(_, rule)| rule.component() == Some(name))?;
    let main = datacenter.components.get(tier.claimed(host, &rule.path)?.component()?)?;
    let mut all = component.annotations.iter();
    let (key, value) =
        all.find(|(key, _)| key.as_str().strip_prefix(NGINX) == Some("canary-weight"))?;
    (main.namespace != component.namespace).then(|| Remark {
        key: key.as_str().to_owned(),
        span: value.span,
        fate: Fate::Lost(
            "the canary in the namespace of the component whose requests it shares; a route leads to Services beside it",
        ),
    })
}

fn no_match(component: &Component, report: &mut Report) {
    for path in component.paths.iter().filter(|path| !path.condition.is_none()) {
        report.push(
            Diagnostic::new(
                &NO_MATCH,
                path.path.span,
                format!("an Ingress cannot match {}", path.condition),
                "this path has a `match`",
            )
            .note("an Ingress has hosts and paths only; HTTPRoutes of Gateway API match methods and headers too")
            .help("give the component an entrypoint with `edge.api: gateway`, or remove the `match`"),
        );
    }
}

fn refuse_name(what: &str, port: &BackendPort, at: Span, namespace: &Label, report: &mut Report) {
    if let BackendPort::Name(port) = port {
        report.push(
            Diagnostic::new(
                &PORT_NAME,
                at,
                format!("{what} has the port `{port}`, and Gateway API wants a number"),
                "a name",
            )
            .note("an HTTPRoute names the port of a Service by its number (HTTPBackendRef.port)")
            .help(format!("`kubectl get service -n {namespace}` shows the number")),
        );
    }
}

/// Two Gateways on the same pods and ports answer for each other.
fn shared_pods(datacenter: &Datacenter, report: &mut Report) {
    let mut seen: Vec<(&Label, &GatewayTier)> = Vec::new();
    for (name, entrypoint) in &datacenter.entrypoints {
        let Some(gateway) = entrypoint.tiers().and_then(|tiers| tiers.gateway.as_ref()) else {
            continue;
        };
        let same = seen.iter().find(|(_, other)| {
            !gateway.is_managed
                && other.selector == gateway.selector
                && [other.http, other.https] == [gateway.http, gateway.https]
        });
        if let Some((first, other)) = same {
            report.push(
                Diagnostic::new(
                    &SHARED_PODS,
                    gateway.class.span,
                    format!("the Gateways of `{first}` and `{name}` have the same pods and ports"),
                    "the second one",
                )
                .also(other.class.span, "the first one")
                .note("the same listeners of the same pods answer on the VIPs of both entrypoints: plain http reaches the routes of either, and one's outage is the other's")
                .help("give each entrypoint pods of its own, or other ports, or make one entrypoint of them"),
            );
        }
        seen.push((name, gateway));
    }
}

fn paths(name: &Label, tier: &Tier, report: &mut Report) {
    let own =
        tier.hosts().flat_map(|(_, rules)| rules).filter(|rule| rule.component() == Some(name));
    let mut told = BTreeSet::new();
    for rule in own {
        let path = &rule.path.path;
        if let PathMatch::Regex(value) = &rule.found
            && Engine::of(value) != Engine::Any
            && told.insert(path.span)
        {
            report.push(match Engine::of(value) {
                Engine::Backtracking | Engine::Unknown => Diagnostic::new(
                    &PATH,
                    path.span,
                    format!("no implementation of Gateway API takes `{}`", path.value),
                    "only PCRE has it",
                )
                .note("nginx has PCRE; the implementations have RE2 or Go's regular expressions, which have neither `(?!..)`, `(?=..)`, `(?<..)`, `(?>..)` and `a++` nor `\\1`")
                .help("write the paths that are meant, or keep the component on Ingresses"),
                Engine::Any | Engine::Broken => Diagnostic::new(
                    &PATH,
                    path.span,
                    format!("`{}` is not a regular expression", path.value),
                    "with `use-regex` or `rewrite-target` it has to be one",
                )
                .help("close its brackets, or remove the annotation"),
            });
        }
        let Some(refused) = rule.found.refused() else { continue };
        if told.insert(path.span) {
            report.push(
                Diagnostic::new(
                    &PATH,
                    path.span,
                    format!("Gateway API refuses `{}`", path.value),
                    format!("because of the `{refused}`"),
                )
                .note("a path has letters, digits and -/._~!$&'()*+,;=:@ (HTTPPathMatch); everything else is written as %xx")
                .help("write it with an escape; a regular expression needs the annotation `use-regex` of ingress-nginx"),
            );
        }
    }
}
