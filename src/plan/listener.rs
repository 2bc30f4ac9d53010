//! The ListenerSet of each domain of a Gateway: as the lock says, else in the lowest hole, so that a change of domains
//! changes few objects.

use std::collections::BTreeMap;

use super::Lock;
use crate::model::{Datacenter, GatewayTier, Host, Label};
use crate::route::RoutingTable;

/// The ListenerSets of a Gateway, or further Gateways where the implementation has none: the number of each domain's.
pub type Places = BTreeMap<Host, usize>;

/// The places of every entrypoint that has a Gateway.
pub(super) fn allocate(
    datacenter: &Datacenter,
    routes: &RoutingTable,
    lock: &Lock,
) -> BTreeMap<Label, Places> {
    let mut domains: BTreeMap<&Label, Vec<&Host>> = BTreeMap::new();
    for (host, domain) in &datacenter.domains {
        domains.entry(&domain.entrypoint).or_default().push(host);
    }
    let mut all = BTreeMap::new();
    for (name, entrypoint) in &datacenter.entrypoints {
        let Some(tiers) = entrypoint.tiers() else { continue };
        let Some(gateway) = &tiers.gateway else { continue };
        let has_listener = |host: &&Host| {
            let domain = datacenter.domains.get(*host);
            domain.is_some_and(|domain| tiers.has_listener(domain))
        };
        let own = domains.get(name).into_iter().flatten().copied().filter(has_listener);
        let mut sets = Sets::new(gateway);
        let contested = contested(gateway, routes, name);
        let mut homeless = Vec::new();
        for host in own {
            // If a merge put too many into one, the last by name move.
            match lock.listener_set(name, host).filter(|set| sets.has_room(*set)) {
                Some(set) => sets.add(host, set, contested(host)),
                None => homeless.push(host),
            }
        }
        for host in homeless {
            let is_contested = contested(host);
            sets.add(host, sets.lowest(is_contested), is_contested);
        }
        all.insert(name.clone(), sets.places);
    }
    all
}

/// Returns the question whether some route leaves out a domain's listener, because a more precise host has its path. Such
/// a route lists the other listeners of the set, so that these domains have sets of their own: then a new domain
/// does not change the route.
fn contested<'a>(
    gateway: &GatewayTier,
    routes: &'a RoutingTable,
    name: &Label,
) -> impl Fn(&Host) -> bool + use<'a> {
    let tier = routes.gateway(name).filter(|_| gateway.has_listener_sets());
    let losers = tier.map_or(Vec::new(), |tier| {
        tier.all().filter(|found| tier.loses(found.host, found.rule)).collect()
    });
    move |listener| {
        tier.is_some_and(|tier| {
            losers.iter().any(|found| tier.loses_at(found.host, found.rule, listener))
        })
    }
}

/// The sets of a Gateway while they are filled.
struct Sets {
    places: Places,
    /// The number of listeners, and whether one of them is contested.
    sets: Vec<(usize, bool)>,
    /// Listeners that fit into the first one.
    first: usize,
}

impl Sets {
    fn new(gateway: &GatewayTier) -> Self {
        Self { places: Places::new(), sets: Vec::new(), first: gateway.first_room() }
    }

    fn has_room(&self, set: usize) -> bool {
        let most = if set == 0 { self.first } else { GatewayTier::MOST_LISTENERS };
        self.sets.get(set).is_none_or(|(count, _)| *count < most)
    }

    /// The lowest set with room for a domain of a kind.
    fn lowest(&self, is_contested: bool) -> usize {
        let fits = |set: &usize| {
            let (count, kind) = self.sets[*set];
            self.has_room(*set) && (count == 0 || kind == is_contested)
        };
        (0..self.sets.len()).find(fits).unwrap_or(self.sets.len())
    }

    fn add(&mut self, host: &Host, set: usize, is_contested: bool) {
        self.sets.resize(self.sets.len().max(set + 1), (0, false));
        let (count, kind) = &mut self.sets[set];
        *count += 1;
        *kind |= is_contested;
        self.places.insert(host.clone(), set);
    }
}
