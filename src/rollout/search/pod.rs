//! Keepalived in pods: they are made before a node's turn comes, and wait; a new image takes each node's pod in turn.

use std::collections::BTreeSet;

use super::turn::Turn;
use super::world::{FROM, TO};
use super::{Command, Do, Search, Step, settle};
use crate::bundle::Place;
use crate::emit;
use crate::language::name::Subdomain;
use crate::state::elect::NodeIndex;

impl Search<'_> {
    /// The pods of DaemonSets that are new: they wait until a step starts keepalived in them.
    pub(super) fn make_pods(&mut self) {
        let nodes = self.world.with_daemon_set(TO, FROM);
        if nodes.is_empty() {
            return;
        }
        let names = self.names(&nodes);
        // Pods of dead nodes wait until somebody has brought the new files.
        let alive: Vec<NodeIndex> =
            nodes.iter().copied().filter(|node| !self.world.is_down(*node)).collect();
        let alive = self.names(&alive);
        let title = "make the pods of keepalived, which wait for their node's turn";
        let mut step = Step::on(Do::Apply, title, names.clone());
        let paths = [Place::PodNamespace.to_string()].into_iter();
        let paths = paths.chain(names.iter().map(|name| Place::Pod(name.as_str()).to_string()));
        step.objects = names.iter().map(daemon_set).collect();
        step.commands = vec![
            Command::of("hold_pods", &names),
            Command::of("apply_files", paths),
            Command::of("await_pods", &alive),
            Command::of("release_pods", &alive),
        ];
        step.back = vec![Command::of("release_pods", &names)];
        step.back.extend(names.iter().map(delete));
        // A node that is reached by its pod can be asked nothing before; the others are asked first.
        let joins = nodes.iter().any(|node| self.world.is_reached_by_pod(*node));
        let at = if joins { 0 } else { self.rollout.steps.len().min(1) };
        self.rollout.steps.insert(at, step);
    }

    /// Takes each node's pod away, so that its DaemonSet makes another one.
    pub(super) fn replace_pods(&mut self) {
        for node in self.world.with_new_template() {
            let name = self.name(node).clone();
            self.take(&[Turn::Drain(node)]);
            let title = format!("replace the pod of keepalived on {name}");
            let mut step = Step::on(Do::Restart, title, vec![name.clone()]);
            step.commands = vec![Command::of("recreate", [&name])];
            (step.asked, step.expect) = self.world.expectations(&[node], &[], &BTreeSet::new());
            step.wait = settle(self.world.longest_advert());
            self.rollout.steps.push(step);
            self.take(&[Turn::Undrain(node)]);
        }
    }

    /// Deletes what no node runs any more: DaemonSets, and ConfigMaps that no pod was made from.
    pub(super) fn delete_pods(&mut self) {
        let gone = self.names(&self.world.with_daemon_set(FROM, TO));
        let mut changed = self.request.change.changed.iter();
        if !changed.any(|file| matches!(Place::of(file.path), Place::Pod(_))) {
            return;
        }
        let title = "delete the objects of pods that no node runs any more";
        let mut step = Step::on(Do::Delete, title, Vec::new());
        step.objects = gone.iter().map(daemon_set).collect();
        step.commands = gone.iter().map(delete).collect();
        step.commands.push(Command::of("delete_unused_files", [""; 0]));
        self.rollout.steps.push(step);
    }
}

fn daemon_set(node: &Subdomain) -> String {
    format!("DaemonSet {}/{}", emit::NAMESPACE, emit::daemon_set(node.as_str()))
}

fn delete(node: &Subdomain) -> Command {
    let name = emit::daemon_set(node.as_str());
    Command::of("delete", ["daemonset", emit::NAMESPACE, &name])
}
