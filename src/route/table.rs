//! The routing tables of all entrypoints.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::Tier;
use super::inherit::Listeners;
use crate::language::name::Label;
use crate::model::Draft;

/// The rules of the routing tier of every entrypoint.
#[derive(Debug, Default)]
pub struct RoutingTable {
    tiers: BTreeMap<Label, Tier>,
    gateways: BTreeMap<Label, GatewayRules>,
}

/// The rules of an entrypoint's Gateway, or of the one that it would have.
#[derive(Debug)]
struct GatewayRules {
    listeners: Listeners,
    /// As the inventory says it, where the Ingresses say it otherwise: in one tier, for every domain.
    written: Option<Tier>,
    /// Once somebody asks for them.
    tier: OnceLock<Tier>,
}

impl RoutingTable {
    /// The table of everything that could be understood.
    pub fn of(draft: &Draft) -> Self {
        let mut table = Self::default();
        for (name, entrypoint) in draft.entrypoints() {
            let Some(tiers) = entrypoint.tiers() else { continue };
            let with_listener = |has_tls: bool| {
                let own = draft.domains().filter(|(_, domain)| {
                    domain.entrypoint == *name
                        && domain.tls_secret.is_some() == has_tls
                        && tiers.has_listener(domain)
                });
                own.map(|(host, _)| host.clone()).collect()
            };
            let redirects = tiers.redirects();
            let listeners = Listeners { redirects, hosts: [true, false].map(with_listener) };
            let mut tier = Tier::default();
            let written = tiers.is_one_tier() && tiers.gateway.is_some();
            let written = written.then(|| Tier::default().filled(name, tiers, draft));
            let rules = GatewayRules { listeners, written, tier: OnceLock::new() };
            table.gateways.insert(name.clone(), rules);
            if tiers.is_one_tier() {
                tier.know_domains(draft.domains().filter(|(_, own)| own.entrypoint == *name));
            }
            table.tiers.insert(name.clone(), tier.filled(name, tiers, draft));
        }
        table
    }

    /// The routing tier of an entrypoint.
    pub fn tier(&self, entrypoint: &Label) -> Option<&Tier> {
        self.tiers.get(entrypoint)
    }

    /// The rules of the routes of an entrypoint's Gateway, or of the one that it would have.
    pub fn gateway(&self, entrypoint: &Label) -> Option<&Tier> {
        let found = self.gateways.get(entrypoint)?;
        let written = found.written.as_ref().or_else(|| self.tiers.get(entrypoint))?;
        Some(found.tier.get_or_init(|| written.of_gateway(&found.listeners)))
    }

    /// Every routing tier, by entrypoint.
    pub fn tiers(&self) -> impl Iterator<Item = (&Label, &Tier)> {
        self.tiers.iter()
    }
}
