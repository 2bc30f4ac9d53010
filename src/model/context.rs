//! What VIPs refer to: everything that is built before them.

use super::Names;
use super::gateway::Gateway;
use super::keepalived::Keepalived;
use super::node::Node;
use crate::language::name::{Label, Subdomain};

/// What VIPs refer to.
pub(super) struct Context<'a> {
    pub gateways: &'a Names<Label, Gateway>,
    pub nodes: &'a Names<Subdomain, Node>,
    pub entrypoints: &'a Names<Label, super::Entrypoint>,
    pub keepalived: Option<&'a Keepalived>,
    pub mark_mask: u32,
}
