//! Canaries: a share of another component's requests, or those with a header.

use super::route::{HeaderMatch, HostRules, RouteBackend, RouteMatch, RouteRule, add, translated};
use crate::model::{Component, Host, Label, Tiers, nginx_annotation};
use crate::plan::kubernetes::Planner;
use crate::route::{Rule, Tier, Translation};

/// What the annotations of a canary take.
struct Canary<'a> {
    weight: u32,
    total: u32,
    header: Option<HeaderMatch>,
    /// Requests that it never gets, by the header's word for that.
    never: Option<&'a str>,
}

impl<'a> Canary<'a> {
    fn of(component: &'a Component) -> Self {
        let says = |name: &str| nginx_annotation(&component.annotations, name);
        let number = |name: &str| says(name).and_then(|text| text.parse::<u32>().ok());
        let total = number("canary-weight-total").filter(|total| *total > 0).unwrap_or(100);
        let name = says("canary-by-header");
        let value = says("canary-by-header-value");
        let pattern = says("canary-by-header-pattern").filter(|_| value.is_none());
        let header = name.filter(|name| is_header(name)).map(|name| HeaderMatch {
            name: name.to_owned(),
            value: value.or(pattern).unwrap_or("always").to_owned(),
            is_regex: pattern.is_some(),
        });
        let header = header.filter(|header| {
            (1..=4096).contains(&header.value.len())
                && (!header.is_regex || regex::Regex::new(&header.value).is_ok())
        });
        let never = name.filter(|_| header.is_some() && value.is_none() && pattern.is_none());
        let weight = number("canary-weight").unwrap_or(0).min(total);
        // A weight is at most a million (HTTPBackendRef).
        let most = total.div_ceil(1_000_000);
        Self { weight: weight / most, total: total / most, header, never }
    }
}

/// Whether a text is a header's name (RFC 9110, 5.1), of at most 256 characters.
fn is_header(name: &str) -> bool {
    (1..=256).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

impl Planner<'_> {
    /// The canary that takes a share of a rule's requests, and the backends with their shares. One in another namespace
    /// takes none: routes lead to Services beside them.
    pub(super) fn shared(
        &self,
        tier: &Tier,
        host: Option<&Host>,
        rule: &Rule,
        main: &Component,
    ) -> Option<(Label, Vec<RouteBackend>)> {
        let same = |(of, canary): &(Option<&Host>, &Rule)| {
            *of == host && canary.path.claim() == rule.path.claim()
        };
        let (_, found) = tier.canaries().find(same)?;
        let name = found.component()?;
        let component = self.datacenter.components.get(name)?;
        let canary = Canary::of(component);
        if canary.weight == 0 || component.namespace != main.namespace {
            return None;
        }
        let rest = RouteBackend::of(main, Some(canary.total - canary.weight))?;
        let share = RouteBackend::of(component, Some(canary.weight))?;
        Some((name.clone(), vec![rest, share]))
    }

    /// The rules of a canary itself: for requests with its header, where another component has the path.
    pub(super) fn of_canary(
        &self,
        name: &Label,
        component: &Component,
        tier: &Tier,
        tiers: &Tiers,
    ) -> Vec<HostRules> {
        let canary = Canary::of(component);
        let Some(header) = canary.header else { return Vec::new() };
        let mut groups: Vec<HostRules> = Vec::new();
        for host in component.claimed_hosts() {
            let host = host.map(|host| &host.value);
            let mut rules: Vec<RouteRule> = Vec::new();
            let own =
                tier.canaries().filter(|(of, rule)| *of == host && rule.component() == Some(name));
            for (_, rule) in own {
                let Some(main) = tier.claimed(host, &rule.path) else { continue };
                let main = main.component().and_then(|name| self.datacenter.components.get(name));
                // ingress-nginx does to a canary's requests what the main Ingress says.
                let translation = match main {
                    Some(main) => Translation::of_component(tiers, main),
                    None => Translation::of_fallback(tiers),
                };
                if translation.redirect.is_some() {
                    continue;
                }
                let path = rule.found.clone();
                let found = RouteMatch { path: path.clone(), header: Some(header.clone()) };
                let backends = RouteBackend::of(component, None).into_iter().collect();
                add(&mut rules, translated(found, backends, &translation));
                let beside = main.filter(|main| main.namespace == component.namespace);
                if let (Some(name), true, Some(main)) = (canary.never, canary.weight > 0, beside) {
                    let value = "never".to_owned();
                    let header = HeaderMatch { name: name.to_owned(), value, is_regex: false };
                    let found = RouteMatch { path, header: Some(header) };
                    let backends = RouteBackend::of(main, None).into_iter().collect();
                    add(&mut rules, translated(found, backends, &translation));
                }
            }
            if rules.is_empty() {
                continue;
            }
            match groups.iter_mut().find(|(_, known)| *known == rules) {
                Some((hosts, _)) => hosts.extend(host.cloned()),
                None => groups.push((host.cloned().into_iter().collect(), rules)),
            }
        }
        groups
    }
}
