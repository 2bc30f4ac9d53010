//! Canaries: a share of another component's requests, or those with a header.

use super::route::{HostRules, RouteBackend, RouteMatch, RouteRule, add, add_host, translated};
use crate::model::{Component, Host, Label, Tiers};
use crate::plan::kubernetes::Planner;
use crate::route::{Canary, Rule, Tier, Translation};

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
        let name = tier.canary(host, &rule.path)?.component()?;
        let component = self.datacenter.components.get(name)?;
        let canary = Canary::of(&component.annotations);
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
        let canary = Canary::of(&component.annotations);
        let Some(header) = canary.header else { return Vec::new() };
        let mut groups: Vec<HostRules> = Vec::new();
        for host in component.claimed_hosts() {
            let host = host.map(|host| &host.value);
            let mut rules: Vec<RouteRule> = Vec::new();
            let own =
                tier.canaries().filter(|(of, rule)| *of == host && rule.component() == Some(name));
            for (_, rule) in own {
                let Some(claimed) = tier.claimed(host, &rule.path) else { continue };
                let main =
                    claimed.component().and_then(|name| self.datacenter.components.get(name));
                // ingress-nginx does to a canary's requests what the main Ingress says.
                let translation = match main {
                    Some(main) => Translation::of_component(tiers, main),
                    None => Translation::of_fallback(tiers),
                };
                if translation.redirect.is_some() {
                    continue;
                }
                let path = claimed.found.clone();
                let found = RouteMatch { path: path.clone(), header: Some(header.clone()) };
                let backends = RouteBackend::of(component, None).into_iter().collect();
                add(&mut rules, translated(found, &claimed.path, backends, &translation));
                let beside = main.filter(|main| main.namespace == component.namespace);
                if let (Some(never), Some(main)) = (&canary.never, beside) {
                    let found = RouteMatch { path, header: Some(never.clone()) };
                    let backends = RouteBackend::of(main, None).into_iter().collect();
                    add(&mut rules, translated(found, &claimed.path, backends, &translation));
                }
            }
            if !rules.is_empty() {
                add_host(&mut groups, host, rules);
            }
        }
        groups
    }
}
