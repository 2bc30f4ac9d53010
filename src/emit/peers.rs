//! The peers of instances, as lists for templates.

use std::collections::BTreeMap;
use std::net::IpAddr;

use minijinja::Value;

/// Each list once: the VIPs of a node mostly have the same peers, and there may be many of both.
#[derive(Default)]
pub(super) struct PeerLists<'a>(BTreeMap<&'a [IpAddr], Value>);

impl<'a> PeerLists<'a> {
    /// The list of these peers.
    pub fn of(&mut self, peers: &'a [IpAddr]) -> Value {
        let texts = || peers.iter().map(|peer| Value::from(peer.to_string())).collect();
        self.0.entry(peers).or_insert_with(texts).clone()
    }
}
