//! Components, as an inventory will say them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::cluster::{Cluster, annotations, outside};
use crate::model::Condition;
use crate::state::Object;

/// The target that requests are routed to.
#[derive(Debug)]
pub struct Component {
    pub edge: String,
    pub namespace: String,
    pub service: String,
    pub port: String,
    pub paths: Vec<Claim>,
    pub hosts: BTreeSet<String>,
    pub annotations: BTreeMap<String, String>,
    /// True for an Ingress that lbgen wrote.
    pub is_ours: bool,
    /// The machines outside of the cluster behind its Service, where lbgen wrote that too.
    pub addresses: Vec<IpAddr>,
}

/// A path that is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Claim {
    pub path: String,
    /// `Prefix`, `Exact` or `ImplementationSpecific`.
    pub kind: String,
    pub condition: Condition,
}

/// A reason why an Ingress cannot be a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    NoRules,
    Resource,
}

impl Refusal {
    /// Returns the reason in words, as a predicate of the Ingress.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoRules => "has no rules with paths",
            Self::Resource => "leads to a resource, or to a Service without a port",
        }
    }

    pub fn help(self) -> &'static str {
        match self {
            Self::NoRules => {
                "a component has paths: `/` is everything; a default backend is an entrypoint's `fallback`"
            }
            Self::Resource => "a component has a Service and its port",
        }
    }
}

impl Cluster {
    /// Finds the machines outside of the cluster that lbgen wrote down for components; the first one has them where several
    /// share a Service. Those of somebody else stay where they are.
    pub fn find_machines(&mut self, objects: &[Object]) {
        let mut seen = BTreeSet::new();
        for found in self.components.values_mut() {
            let is_own = |object: &&Object| {
                object.key.kind == "Service"
                    && object.key.namespace == found.namespace
                    && object.key.name == found.service
                    && object.is_ours()
            };
            let Some(service) = objects.iter().find(is_own) else { continue };
            let Some((form, machines)) = outside(objects, &found.namespace, &found.service) else {
                continue;
            };
            let is_written = machines.port == found.port;
            if is_written && seen.insert(&service.key) {
                self.endpoints = Some(form);
                found.addresses = machines.addresses;
            }
        }
    }

    /// Moves annotations that all Ingresses of a second tier carry to the tier.
    pub fn factor_annotations(&mut self) {
        for (name, edge) in &mut self.edges {
            let Some(routing) = &mut edge.routing else { continue };
            let mut own =
                self.components.values_mut().filter(|found| found.edge == *name).peekable();
            if edge.fallback.is_none() {
                routing.annotations =
                    own.peek().map(|first| first.annotations.clone()).unwrap_or_default();
            }
            let mut own: Vec<&mut Component> = own.collect();
            routing.annotations.retain(|key, value| {
                own.iter().all(|found| found.annotations.get(key) == Some(value))
                    || own.is_empty()
                    // A component may override what the fallback shows.
                    || edge.fallback.is_some() && own.iter().all(|found| found.annotations.contains_key(key))
            });
            for found in &mut own {
                found.annotations.retain(|key, value| routing.annotations.get(key) != Some(value));
            }
        }
    }
}

/// Annotations that all Ingresses have.
pub fn common_annotations(ingresses: &[&Object]) -> BTreeMap<String, String> {
    let mut all = ingresses.iter().map(|ingress| annotations(ingress));
    let first = all.next().unwrap_or_default();
    all.fold(first, |mut common, other| {
        common.retain(|key, value| other.get(key) == Some(value));
        common
    })
}
