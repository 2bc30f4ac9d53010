//! VIPs that are checked alike are of one entrypoint.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::check::{Asked, Health};
use super::cluster::Cluster;
use super::finding::Findings;
use super::fleet::{Vip, most};
use super::{codes, label};
use crate::model::Timing;
use crate::plan::Check;
use crate::state::Preemption;

/// An entrypoint as it will be written.
#[derive(Debug)]
pub struct Entrypoint {
    /// True if its tiers are in the cluster.
    pub in_cluster: bool,
    /// Port of kube-proxy that says whether a ready pod is on the node.
    pub port: Option<u16>,
    /// Commands of its check.
    pub commands: Vec<Asked>,
    pub timing: Timing,
    /// `yield`, `fault` or `ignore`.
    pub on_unhealthy: &'static str,
}

/// The entrypoints, and which VIP is of which.
#[derive(Debug, Default)]
pub struct Entrypoints {
    /// By name.
    pub all: BTreeMap<String, Entrypoint>,
    /// By VIP.
    pub of: BTreeMap<IpAddr, String>,
}

/// The checks of a VIP; VIPs with equal ones belong to one entrypoint.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    health: Health,
    on_unhealthy: &'static str,
}

impl Entrypoints {
    pub fn of(vips: &[Vip], cluster: &Cluster, findings: &mut Findings) -> Self {
        let mut found = Self::default();
        // What an instance that is never preempted does says nothing: only FAULT lets its VIP go.
        let is_open = |vip: &&Vip| {
            vip.most(|member| member.instance.preempt == Preemption::Never) != Some(true)
        };
        let (clear, vague): (Vec<&Vip>, Vec<&Vip>) = vips.iter().partition(is_open);
        for vip in clear.into_iter().chain(vague) {
            let (script, mut key) = key(vip);
            let edge = cluster.edges.iter().find(|(_, edge)| {
                let by_port =
                    edge.health_port.map(|port| Some(port) == key.health.port.map(u64::from));
                by_port == Some(true) || edge.vips.contains(&vip.address)
            });
            let by_script = script.as_deref().and_then(|script| script.strip_prefix(Check::PREFIX));
            let name = match (edge, by_script) {
                (Some((name, _)), _) => name.clone(),
                (None, Some(name)) => name.to_owned(),
                (None, None) => found.named(script.as_deref(), &key),
            };
            if !is_open(&vip)
                && let Some(known) = found.all.get(&name)
                && known.commands == key.health.commands
            {
                key.on_unhealthy = known.on_unhealthy;
            }
            let entrypoint = Entrypoint {
                in_cluster: edge.is_some() || key.health.port.is_some(),
                port: key.health.port,
                commands: key.health.commands,
                timing: key.health.timing,
                on_unhealthy: key.on_unhealthy,
            };
            let at = vip.members.values().next().map(|member| member.at);
            if let (None, Some(port), Some(at)) = (edge, entrypoint.port, at) {
                findings.add(
                    &codes::UNSAYABLE,
                    at,
                    format!("no Service has the health port {port}"),
                    "give the cluster's objects with --objects, or write `edge` and `routing` by hand",
                );
            }
            match found.all.get(&name) {
                Some(known) if !known.is_like(&entrypoint) => {
                    if let Some(at) = at {
                        findings.add(
                            &codes::OTHERWISE,
                            at,
                            format!("{} is checked as the other VIPs of `{name}`", vip.address),
                            "an entrypoint has one check",
                        );
                    }
                }
                Some(_) => {}
                None => drop(found.all.insert(name.clone(), entrypoint)),
            }
            found.of.insert(vip.address, name);
        }
        for (name, edge) in &cluster.edges {
            found.all.entry(name.clone()).or_insert_with(|| Entrypoint {
                in_cluster: true,
                port: edge.health_port.and_then(|port| u16::try_from(port).ok()),
                on_unhealthy: "yield",
                commands: Vec::new(),
                timing: Timing::DEFAULT,
            });
        }
        found
    }

    /// The name of what is checked like this: that of its script, without what all of them begin with.
    fn named(&self, script: Option<&str>, key: &Key) -> String {
        let script = script.unwrap_or("services").to_ascii_lowercase();
        let prefixes = ["vrrp_", "check_", "chk_", "check-", "chk-", "track_", "is_"];
        let mut stem = script.as_str();
        while let Some(rest) = prefixes.iter().find_map(|prefix| stem.strip_prefix(prefix)) {
            stem = rest;
        }
        let stem = label(stem, "services");
        let fits = |name: &String| {
            self.all.get(name).is_none_or(|known| {
                !known.in_cluster
                    && known.commands == key.health.commands
                    && known.timing == key.health.timing
                    && known.on_unhealthy == key.on_unhealthy
            })
        };
        let numbered = (2..).map(|number| format!("{stem}-{number}"));
        std::iter::once(stem.clone()).chain(numbered).find(fits).unwrap_or(stem)
    }
}

impl Entrypoint {
    fn is_like(&self, other: &Self) -> bool {
        (self.port, &self.commands, self.timing, self.on_unhealthy)
            == (other.port, &other.commands, other.timing, other.on_unhealthy)
    }
}

/// Returns the checks that most instances of a VIP track, and the name of the first script.
fn key(vip: &Vip) -> (Option<String>, Key) {
    let tracked = vip.members.values().map(|member| {
        let mut all = member.health.clone();
        all.sort();
        let is_fault = all.iter().any(|(_, _, weight)| weight.is_none());
        let names: Vec<String> = all.iter().map(|(name, ..)| name.clone()).collect();
        let mut health = Health::default();
        for (index, (_, part, _)) in all.into_iter().enumerate() {
            health.port = health.port.or(part.port);
            health.commands.extend(part.commands);
            health.timing = match index {
                0 => part.timing,
                _ => health.timing.with(part.timing),
            };
        }
        let on_unhealthy = match (names.is_empty(), is_fault) {
            (true, _) => "ignore",
            (false, true) => "fault",
            (false, false) => "yield",
        };
        (names, Key { health, on_unhealthy })
    });
    // Of two that are as frequent, the one that asks: a check that is lost is worse than one too many.
    let tracked = tracked.map(|(names, key)| (names.is_empty(), names, key));
    match most(tracked) {
        Some((_, names, key)) => (names.into_iter().next(), key),
        None => (None, Key { health: Health::default(), on_unhealthy: "ignore" }),
    }
}
