//! The ListenerSet of each domain of a Gateway: as the lock says, else in the lowest hole, so that a change of domains
//! changes few objects.

use std::collections::BTreeMap;

use super::Lock;
use crate::model::{Datacenter, Domain, Host, Label, Tiers};

/// Listeners of a ListenerSet (Gateway API, `maxItems`).
pub const MOST_LISTENERS: usize = 64;

/// The ListenerSets of a Gateway: the number of each of its domains.
pub type Places = BTreeMap<Host, usize>;

/// The places of every entrypoint that has a Gateway.
pub(super) fn allocate(datacenter: &Datacenter, lock: &Lock) -> BTreeMap<Label, Places> {
    let mut domains: BTreeMap<&Label, Vec<&Host>> = BTreeMap::new();
    for (host, domain) in &datacenter.domains {
        domains.entry(&domain.entrypoint).or_default().push(host);
    }
    let entrypoints = datacenter.entrypoints.iter();
    entrypoints
        .filter_map(|(name, entrypoint)| {
            let tiers = entrypoint.tiers().filter(|tiers| tiers.gateway.is_some())?;
            let own = domains.get(name).into_iter().flatten().copied();
            let has_listener = |host: &&Host| {
                let domain = datacenter.domains.get(*host);
                domain.is_some_and(|domain| has_listener(tiers, domain))
            };
            Some((name.clone(), places(own.filter(has_listener), lock, name)))
        })
        .collect()
}

/// Returns true if a domain has a listener of its own. One without TLS needs none where the Gateway serves plain HTTP
/// on all hosts.
pub fn has_listener(tiers: &Tiers, domain: &Domain) -> bool {
    domain.tls_secret.is_some() || tiers.redirects()
}

/// The set of each domain. Where a merge put too many into one, the last by name move.
fn places<'a>(domains: impl Iterator<Item = &'a Host>, lock: &Lock, entrypoint: &Label) -> Places {
    let mut places = Places::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut homeless = Vec::new();
    for host in domains {
        match lock.listener_set(entrypoint, host) {
            Some(set) => {
                counts.resize(counts.len().max(set + 1), 0);
                if counts[set] < MOST_LISTENERS {
                    counts[set] += 1;
                    places.insert(host.clone(), set);
                } else {
                    homeless.push(host);
                }
            }
            None => homeless.push(host),
        }
    }
    let mut lowest = 0;
    for host in homeless {
        while counts.get(lowest).is_some_and(|count| *count >= MOST_LISTENERS) {
            lowest += 1;
        }
        counts.resize(counts.len().max(lowest + 1), 0);
        counts[lowest] += 1;
        places.insert(host.clone(), lowest);
    }
    places
}
