//! Canaries: a share of another component's requests, or those with a header.

use std::collections::BTreeSet;

use super::Attachment;
use super::route::{Groups, RouteBackend, RouteMatch, RouteRule, translated};
use crate::model::{Component, Host, Label};
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
        let name = tier.canary(host, rule)?.component()?;
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
        attachment: &Attachment<'_>,
        tier: &Tier,
    ) -> Groups {
        let tiers = attachment.tiers;
        let canary = Canary::of(&component.annotations);
        let mut groups = Groups::default();
        let Some(header) = canary.header else { return groups };
        let own = || tier.canaries().filter(|(_, rule)| rule.component() == Some(name));
        let hosts: BTreeSet<Option<&Host>> = own().map(|(host, _)| host).collect();
        for host in hosts {
            let mut said: Vec<(&Rule, RouteRule)> = Vec::new();
            for (_, rule) in own().filter(|(of, _)| *of == host) {
                let Some(claimed) = tier.claimed(host, &rule.path) else { continue };
                let main =
                    claimed.component().and_then(|name| self.datacenter.components.get(name));
                let Some(main) = main else { continue };
                // ingress-nginx does to a canary's requests what the main Ingress says.
                let translation = Translation::of_component(tiers, main);
                if translation.redirect.is_some() {
                    continue;
                }
                let found = RouteMatch::of(claimed).with_header(&header);
                let backends = RouteBackend::of(component, None).into_iter().collect();
                said.push((claimed, translated(found, &claimed.path, backends, &translation)));
                let is_beside = main.namespace == component.namespace;
                if let Some(never) = canary.never.as_ref().filter(|_| is_beside) {
                    let found = RouteMatch::of(claimed).with_header(never);
                    let backends = RouteBackend::of(main, None).into_iter().collect();
                    said.push((claimed, translated(found, &claimed.path, backends, &translation)));
                }
            }
            groups.add(attachment, tier, host, said);
        }
        groups
    }
}
