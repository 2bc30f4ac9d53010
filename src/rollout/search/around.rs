//! The steps before the first reload and after the last, and the visit of nodes that nothing changes on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::super::Visit;
use super::turn::{Kind, Turn};
use super::{Command, Do, Exception, Promise, Search, Step, settle};
use crate::language::name::Subdomain;
use crate::state::elect::NodeIndex;

impl Search<'_> {
    /// Asks, copies and tests, before anything changes.
    pub(super) fn prepare(&mut self) {
        let touched: Vec<NodeIndex> = self.world.touched();
        let replaced = self.world.with_new_template();
        if touched.is_empty() && replaced.is_empty() {
            return;
        }
        let running: Vec<NodeIndex> = self.world.running();
        let title = match running.is_empty() {
            true => "claim the nodes for this rollout",
            false => "check that every node is in the recorded state",
        };
        let mut verify = Step::on(Do::Verify, title, self.names(&running));
        verify.commands = running.iter().map(|node| self.world.verify(*node)).collect();
        (verify.asked, verify.expect) = self.world.expectations(&running, &[], &BTreeSet::new());
        // VIPs may still be on their way back from what was undone a moment ago.
        verify.wait = settle(self.world.longest_advert());
        // Nodes that join too: nobody else may begin there.
        let all: BTreeSet<NodeIndex> = running.iter().chain(&touched).copied().collect();
        let names = || all.iter().map(|node| self.name(*node));
        let known = &self.request.change.from.nodes;
        let joins: Vec<&Subdomain> = names().filter(|name| !known.contains_key(*name)).collect();
        if !joins.is_empty() {
            verify.commands.push(Command::of("fresh", joins));
        }
        verify.commands.push(Command::of("claim", names()));
        let give_up = vec![Command::of("give_up", names())];
        verify.back.clone_from(&give_up);
        self.rollout.steps.push(verify);
        let receive: Vec<NodeIndex> =
            touched.into_iter().filter(|node| self.world.kind(*node) != Kind::Leave).collect();
        if receive.is_empty() {
            return;
        }
        let mut copy =
            Step::on(Do::Copy, "stage the new files beside the old ones", self.names(&receive));
        copy.commands =
            receive.iter().map(|node| Command::of("copy", [self.name(*node)])).collect();
        copy.back.clone_from(&give_up);
        self.rollout.steps.push(copy);
        let tested: Vec<NodeIndex> =
            receive.into_iter().filter(|node| self.world.kind(*node) == Kind::Change).collect();
        if !tested.is_empty() {
            let mut test = Step::on(
                Do::Test,
                "run keepalived's own test on the new files",
                self.names(&tested),
            );
            test.commands =
                tested.iter().map(|node| Command::of("config_test", [self.name(*node)])).collect();
            test.back = give_up;
            self.rollout.steps.push(test);
        }
    }

    /// Adds the steps that are left when every keepalived runs **to**: nodes on which only other files change, and the
    /// cleaning.
    pub(super) fn finish(&mut self) {
        let rest = self.world.only_other_files();
        for node in &rest {
            let name = self.name(*node).clone();
            let does = if self.world.routing_changes(*node) { Do::Routing } else { Do::Sysctl };
            let title = format!("install the new files on {name}: {}", self.world.words(*node));
            let mut step = Step::on(does, title, vec![name.clone()]);
            step.commands = vec![self.world.install(*node)];
            step.back = vec![Command::of("restore", [&name])];
            (step.asked, step.expect) = self.world.expectations(&[*node], &[], &BTreeSet::new());
            step.wait = settle(self.world.longest_advert());
            self.rollout.steps.push(step);
        }
        let touched = self.world.touched();
        if touched.is_empty() && self.world.with_new_template().is_empty() {
            return;
        }
        self.old_rules(&touched);
        let leaving = touched.iter().filter(|node| self.world.kind(**node) == Kind::Leave);
        let removals: Vec<Command> = leaving.map(|node| self.world.remove_all(*node)).collect();
        let title = match removals.is_empty() {
            true => "release the nodes",
            false => "clean up the nodes that leave, and release the others",
        };
        let mut clean = Step::on(Do::Clean, title, self.names(&self.world.running_at_first()));
        clean.commands = removals;
        let all: BTreeSet<NodeIndex> =
            self.world.running_at_first().into_iter().chain(self.world.running()).collect();
        clean.commands.push(Command::of("release", all.into_iter().map(|node| self.name(node))));
        self.rollout.steps.push(clean);
    }

    /// Takes out rules that something else than keepalived had set for VIPs: they come before those of **to**, or lead to
    /// tables that nothing fills any more.
    fn old_rules(&mut self, touched: &[NodeIndex]) {
        let (mut commands, mut back, mut nodes) = (Vec::new(), Vec::new(), Vec::new());
        let mut named: BTreeSet<String> = BTreeSet::new();
        for node in touched {
            let name = self.name(*node).clone();
            let words = self.world.old_rules(*node);
            if !words.is_empty() {
                named.extend(words.iter().map(|rule| rule.replace(',', " ")));
                let words = || [name.to_string()].into_iter().chain(words.iter().cloned());
                commands.push(Command::of("drop_rules", words()));
                back.push(Command::of("put_rules", words()));
                nodes.push(name);
            }
        }
        if nodes.is_empty() {
            return;
        }
        let named: Vec<String> = named.into_iter().collect();
        let title = format!(
            "remove rules that nothing of lbgen's holds (family, from, table, priority: {}); disable what sets them at boot",
            named.join("; ")
        );
        let mut step = Step::on(Do::Routing, title, nodes);
        (step.commands, step.back) = (commands, back);
        let all = self.world.running();
        (step.asked, step.expect) = self.world.expectations(&all, &[], &BTreeSet::new());
        self.rollout.steps.push(step);
    }

    /// Every node in turn: drained, visited, back; zone by zone.
    pub(super) fn visit(&mut self, visit: Visit<'_>) {
        let Visit { command, only } = visit;
        let mut nodes = self.world.running();
        let all = nodes.clone();
        let claimed = || all.iter().map(|node| self.name(*node));
        let mut claim = Step::on(Do::Verify, "claim the nodes for this visit", self.names(&all));
        claim.commands = vec![Command::of("claim", claimed())];
        claim.back = vec![Command::of("give_up", claimed())];
        (claim.asked, claim.expect) = self.world.expectations(&all, &[], &BTreeSet::new());
        claim.wait = settle(self.world.longest_advert());
        let mut release = Step::on(Do::Clean, "release the nodes", self.names(&all));
        release.commands = vec![Command::of("release", claimed())];
        nodes.retain(|node| only.is_empty() || only.contains(self.name(*node)));
        nodes.sort_by_key(|node| (self.request.zones.get(self.name(*node)).cloned(), *node));
        if nodes.is_empty() {
            return;
        }
        self.rollout.steps.push(claim);
        for node in nodes {
            let name = self.name(node).clone();
            self.take(&[Turn::Drain(node)]);
            for moved in self.rollout.steps.last().into_iter().flat_map(|step| &step.moves) {
                if moved.to.is_none() {
                    self.rollout.exceptions.push(Exception {
                        promise: Promise::OneHolder,
                        vip: moved.vip,
                        silent: Duration::ZERO,
                        why: format!("no node holds it until {name} is back"),
                    });
                }
            }
            let title = format!("run `{command}` on {name}");
            let mut step = Step::on(Do::Visit, title, vec![name.clone()]);
            step.commands = vec![Command::of("visit", [&name])];
            (step.asked, step.expect) = self.world.expectations(&[node], &[], &BTreeSet::new());
            step.wait = Duration::from_secs(600);
            self.rollout.steps.push(step);
            self.take(&[Turn::Undrain(node)]);
        }
        self.rollout.steps.push(release);
        // Every VIP leaves and comes back: that is what a visit is.
        self.rollout.exceptions.retain(|exception| exception.promise != Promise::OneMove);
    }
}
