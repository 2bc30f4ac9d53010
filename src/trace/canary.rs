//! Canaries: who takes a request from the component that has its path.

use super::{Request, Tracer};
use crate::language::name::Label;
use crate::model::{Component, Exposed, HeaderMatch, Path};
use crate::route::{Answer, Canary, Considered, Rule, Tier};

impl<'a> Tracer<'a> {
    /// The canary that takes the request instead of a rule's answer, by a header. One that takes a share is noted.
    pub(super) fn canary(
        &self,
        request: &Request,
        tier: &'a Tier,
        found: &Considered<'_>,
        api: Exposed,
        notes: &mut Vec<String>,
    ) -> Option<&'a Answer> {
        let main = self.component(found.rule.component()?)?;
        let rule = match api {
            Exposed::Ingress => self.canary_of_service(tier, main)?,
            Exposed::Gateway => tier.canary(found.host, found.rule)?,
        };
        let name = rule.component()?;
        let component = self.component(name)?;
        let canary = Canary::of(&component.annotations);
        let has = |header: &HeaderMatch| {
            request.header(&header.name).is_some_and(|value| header.is_met_by(value))
        };
        if canary.header.as_ref().is_some_and(has) {
            return Some(&rule.answer);
        }
        // Shares are among the backends of one rule, which are in the namespace of its route.
        let is_beside = api == Exposed::Ingress || component.namespace == main.namespace;
        if canary.weight > 0 && is_beside && !canary.never.as_ref().is_some_and(has) {
            let share = match canary.total {
                100 => format!("{} %", canary.weight),
                total => format!("{} of {total}", canary.weight),
            };
            notes.push(format!("the canary `{name}` takes {share} of these requests"));
        }
        None
    }

    /// In ingress-nginx a canary is one of the main rule's Service, wherever that answers; one whose own Service answers
    /// somewhere as it is has no effect (facts K29).
    fn canary_of_service(&self, tier: &'a Tier, main: &Component) -> Option<&'a Rule> {
        let service = main.upstream()?;
        let mut canaries = tier.canaries().filter(|(host, rule)| {
            let claims = || tier.rules(*host).iter();
            // The texts of the paths are compared, and their types (mergeAlternativeBackends of ingress-nginx).
            let is_same = |path: &Path| {
                (&path.path.value, path.kind) == (&rule.path.path.value, rule.path.kind)
            };
            let first = claims().find(|found| is_same(&found.path));
            let first = first.and_then(|found| self.component(found.component()?));
            let own = rule.component().and_then(|name| self.component(name)?.upstream());
            let is_used = || {
                let mut all = tier.all().filter_map(|found| found.rule.component());
                all.any(|name| self.component(name).and_then(Component::upstream) == own)
            };
            first.and_then(Component::upstream) == Some(service) && !is_used()
        });
        canaries.next().map(|(_, rule)| rule)
    }

    fn component(&self, name: &Label) -> Option<&'a Component> {
        self.datacenter.components.get(name)
    }
}
