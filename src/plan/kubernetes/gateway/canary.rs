//! Canaries: a share of another component's requests, or those with a header.

use super::route::{HeaderMatch, HostRules, RouteBackend, RouteMatch, RouteRule, add, translated};
use crate::model::{Component, Host, Label, nginx_annotation};
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
        let header = name.map(|name| HeaderMatch {
            name: name.to_owned(),
            value: value.or(pattern).unwrap_or("always").to_owned(),
            is_regex: pattern.is_some(),
        });
        let never = name.filter(|_| value.is_none() && pattern.is_none());
        Self { weight: number("canary-weight").unwrap_or(0).min(total), total, header, never }
    }
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
        translation: &Translation,
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
                let path = tier.path_match(rule);
                let found = RouteMatch { path: path.clone(), header: Some(header.clone()) };
                let backends = RouteBackend::of(component, None).into_iter().collect();
                add(&mut rules, translated(found, backends, translation));
                let beside = main.filter(|main| main.namespace == component.namespace);
                if let (Some(name), true, Some(main)) = (canary.never, canary.weight > 0, beside) {
                    let value = "never".to_owned();
                    let header = HeaderMatch { name: name.to_owned(), value, is_regex: false };
                    let found = RouteMatch { path, header: Some(header) };
                    let backends = RouteBackend::of(main, None).into_iter().collect();
                    add(&mut rules, translated(found, backends, translation));
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
