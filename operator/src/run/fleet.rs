//! The nodes of a front end, by their names in the inventory. In the cluster some have another name (`hostname`).

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::nodes::{Nodes, Request};
use crate::api::{Desired, FrontEndNode};

/// The nodes of a front end.
#[derive(Clone)]
pub struct Fleet {
    nodes: Arc<Nodes>,
    /// The name in the cluster of each node that has another one there.
    hostnames: BTreeMap<String, String>,
}

impl Fleet {
    /// Those that the cluster calls so.
    pub fn new(nodes: Arc<Nodes>, hostnames: BTreeMap<String, String>) -> Self {
        Self { nodes, hostnames }
    }

    fn hostname<'a>(&'a self, node: &'a str) -> &'a str {
        self.hostnames.get(node).map_or(node, String::as_str)
    }

    /// All that the API server has, or `None` while it does not say.
    pub fn all(&self) -> Option<BTreeMap<String, FrontEndNode>> {
        let mut all = self.nodes.all()?;
        // All of them first: the name of one may be the hostname of another.
        let found: Vec<_> =
            self.hostnames.iter().map(|(node, host)| (node, all.remove(host))).collect();
        for (node, found) in found {
            match found {
                Some(found) => drop(all.insert(node.clone(), found)),
                None => drop(all.remove(node)),
            }
        }
        Some(all)
    }

    /// Returns true if a node's agent has given no sign of life for a while.
    pub fn is_silent(&self, node: &str) -> bool {
        self.nodes.is_silent(self.hostname(node))
    }

    /// Makes the spec of a node what it should be besides what is asked of it.
    pub fn settle(&self, node: &str, files: &[String], vips: &[String]) -> Result<(), String> {
        self.nodes.settle(self.hostname(node), files, vips)
    }

    /// The places of what nodes were told in a run of a step.
    pub fn told(&self, run: &str) -> Vec<u32> {
        self.nodes.told(run)
    }

    /// Tells a node something, unless it was told so before in the same run of the step.
    pub fn tell_once(&self, node: &str, desired: Desired) -> Result<Request<'_>, String> {
        self.nodes.tell_once(self.hostname(node), desired)
    }

    /// Takes over what a node was told in the same run of the step, or returns `None`.
    pub fn adopt(&self, node: &str, desired: &Desired) -> Option<Request<'_>> {
        self.nodes.adopt(self.hostname(node), desired)
    }

    /// Waits until something changes, or for a while.
    pub fn pause(&self, limit: Duration) {
        self.nodes.pause(limit);
    }
}
