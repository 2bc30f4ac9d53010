//! The pods that keepalived runs in, before and after.

use super::{FROM, TO, World};
use crate::language::name::Subdomain;
use crate::language::word::DaemonForm;
use crate::state::elect::{Electorate, NodeIndex, Phase};
use crate::state::{Pod, pod};

impl World<'_> {
    fn pod(&self, node: NodeIndex, phase: Phase) -> Option<&Pod> {
        self.electorate.state(node, phase)?.pod.as_ref()
    }

    /// The form of a node's keepalived; `None` where the node has none in this phase.
    fn form(&self, node: NodeIndex, phase: Phase) -> Option<DaemonForm> {
        self.electorate.state(node, phase).map(|state| pod::form(state.pod.as_ref()))
    }

    /// Returns true if keepalived stops and starts because of its form, or of a static pod, which the kubelet replaces as soon as
    /// its file differs.
    pub fn changes_form(&self, node: NodeIndex) -> bool {
        changes_form(&self.electorate, node)
    }

    /// Returns true if commands reach the node through the API server alone: its keepalived has no other form.
    pub fn is_reached_by_pod(&self, node: NodeIndex) -> bool {
        let states = [FROM, TO].into_iter();
        let states = states.filter_map(|phase| self.electorate.state(node, phase));
        pod::is_only_reached(states.map(|state| state.pod.as_ref()))
    }

    /// The nodes that are.
    pub fn by_pod(&self) -> Vec<Subdomain> {
        let found = self.nodes().filter(|node| self.is_reached_by_pod(*node));
        found.map(|node| self.name(node).clone()).collect()
    }

    /// Returns true if keepalived of a node is a DaemonSet's in this phase.
    pub fn has_daemon_set(&self, node: NodeIndex, phase: Phase) -> bool {
        self.form(node, phase) == Some(DaemonForm::DaemonSet)
    }

    /// Nodes that get a DaemonSet, or lose it, dead ones too: their pods come back with them.
    pub fn with_daemon_set(&self, phase: Phase, other: Phase) -> Vec<NodeIndex> {
        let has = |node: NodeIndex, phase| self.has_daemon_set(node, phase);
        self.nodes().filter(|node| has(*node, phase) && !has(*node, other)).collect()
    }

    /// A node whose DaemonSet goes to another machine: the API server ends its pod at once, whoever it holds VIPs for.
    pub fn renamed_in_cluster(&self) -> Option<&Subdomain> {
        let renamed = |node: &NodeIndex| {
            let [from, to] = [FROM, TO].map(|phase| self.pod(*node, phase).and_then(Pod::hostname));
            from.is_some() && to.is_some() && from != to
        };
        self.nodes().find(renamed).map(|node| self.name(node))
    }

    /// Nodes whose DaemonSet makes other pods from now on.
    pub fn with_new_template(&self) -> Vec<NodeIndex> {
        let stays = |node: &NodeIndex| {
            let forms = [FROM, TO].map(|phase| self.form(*node, phase));
            forms == [Some(DaemonForm::DaemonSet); 2]
                && self.pod(*node, FROM) != self.pod(*node, TO)
                && !self.is_down(*node)
        };
        self.nodes().filter(stays).collect()
    }
}

/// As [`World::changes_form`] has it.
pub(super) fn changes_form(electorate: &Electorate, node: NodeIndex) -> bool {
    let pod_of = |phase| electorate.state(node, phase).map(|state| state.pod.as_ref());
    let (Some(from), Some(to)) = (pod_of(FROM), pod_of(TO)) else { return false };
    let form = pod::form(to);
    form != pod::form(from) || form == DaemonForm::StaticPod && from != to
}
