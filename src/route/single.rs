//! A single tier of Ingresses: a component without hosts is for every domain of it, and gives way to one that names a domain.

use std::collections::BTreeSet;

use super::{Rule, Tier};
use crate::language::name::{Host, Label};
use crate::language::word::PathType;
use crate::model::{Component, Condition, Domain, Path, Tiers};

/// The paths that components claim by the names of hosts.
pub(super) struct Named<'d> {
    claims: BTreeSet<Claim<'d>>,
    tiers: &'d Tiers,
}

/// True for that of a canary, the host, and what the path claims.
type Claim<'d> = (bool, &'d Host, (&'d str, PathType, &'d Condition));

impl<'d> Named<'d> {
    pub fn of(components: impl Iterator<Item = &'d Component>, tiers: &'d Tiers) -> Self {
        let served = components.filter(|found| found.backend.is_some());
        let claims = served.flat_map(|component| {
            let is_canary = tiers.has_canary(component);
            component.hosts.iter().flat_map(move |host| {
                component.paths.iter().map(move |path| (is_canary, &host.value, path.claim()))
            })
        });
        Self { claims: claims.collect(), tiers }
    }

    /// Returns true if they have a path of a component that names no hosts: on this host another one answers, or is the
    /// canary.
    pub fn take(&self, component: &Component, host: Option<&Host>, path: &Path) -> bool {
        let has = |is_canary| {
            host.is_some_and(|host| self.claims.contains(&(is_canary, host, path.claim())))
        };
        component.hosts.is_empty() && (has(false) || self.tiers.has_canary(component) && has(true))
    }
}

impl Tier {
    /// Tells a single tier of Ingresses of its domains. The Ingress of one with a certificate names the host, whether or
    /// not it has a rule for it.
    pub(super) fn know_domains<'d>(
        &mut self,
        domains: impl Iterator<Item = (&'d Host, &'d Domain)>,
    ) {
        for (host, domain) in domains {
            self.domains.insert(host.clone());
            if domain.tls_secret.is_some() {
                self.hosts.entry(Some(host.clone())).or_default();
            }
        }
    }

    /// Returns true for a domain of a single tier of Ingresses.
    pub fn is_domain(&self, host: &Host) -> bool {
        self.domains.contains(host)
    }

    /// The hosts that the paths of a component are claimed on; `None` is any.
    pub fn hosts_of<'c>(
        &'c self,
        component: &'c Component,
    ) -> impl Iterator<Item = Option<&'c Host>> {
        let own = component.hosts.iter().map(|host| &host.value);
        let every = self.domains.iter().filter(|_| component.hosts.is_empty());
        let any = component.hosts.is_empty() && self.domains.is_empty();
        any.then_some(None).into_iter().chain(own.chain(every).map(Some))
    }

    /// Returns true if a component has a path on a host: as its answer or as a canary.
    pub fn gives(&self, name: &Label, host: Option<&Host>, path: &Path) -> bool {
        let is_own =
            |rule: &Rule| rule.component() == Some(name) && rule.path.claim() == path.claim();
        let beside = || self.canaries().filter(|(own, _)| *own == host).map(|(_, rule)| rule);
        self.rules(host).iter().any(is_own) || beside().any(is_own)
    }
}
