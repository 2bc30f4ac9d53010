//! The way over mixed states: which node next, found by running each candidate through the election.

mod around;
mod files;
mod funnel;
mod pod;
mod relay;
mod turn;
mod world;

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::bail;

use super::step::{Act, Command, Do, Exception, Promise, Step};
use super::{Request, Rollout, settle};
use crate::impact;
use crate::language::name::Subdomain;
use crate::state::elect::NodeIndex;
use turn::{Kind, Turn, Verdict};
use world::World;

/// Nodes that share a step: every subset of them is run through the election.
const TOGETHER: usize = 4;

/// A reload within three adverts is in time; this is kept in reserve.
const RESERVE: Duration = Duration::from_millis(200);

/// A shorter time than this is not enough to reload several nodes.
const SHORTEST: Duration = Duration::from_secs(2);

pub(super) fn plan(request: Request<'_>) -> anyhow::Result<Rollout> {
    if let Some(name) = request.down.iter().find(|name| {
        !request.change.from.nodes.contains_key(*name)
            && !request.change.to.nodes.contains_key(*name)
    }) {
        bail!("there is no node `{name}`");
    }
    let world = World::new(request);
    if let Some(node) = world.renamed_in_cluster() {
        bail!(
            "the `hostname` of `{node}` changes, and with it the machine that its DaemonSet has a pod on: nothing can drain it before. \
             Take the node out in one rollout, and put it in again in a second one"
        );
    }
    let mut search = Search { request, world, rollout: Rollout::default() };
    search.rollout.peak = search.world.peak();
    search.rollout.nodes = search.world.alive();
    search.rollout.vips.clone_from(&search.world.addresses);
    if let Some(visit) = request.visit {
        search.visit(visit);
        return Ok(search.rollout);
    }
    search.prepare();
    search.make_pods();
    search.run();
    search.replace_pods();
    search.finish();
    search.delete_pods();
    search.tell_losses();
    search.rollout.left_out = search.world.left_out();
    search.rollout.by_pod = search.world.by_pod();
    Ok(search.rollout)
}

struct Search<'a> {
    request: Request<'a>,
    world: World<'a>,
    rollout: Rollout,
}

impl Search<'_> {
    /// Says what comes out of it otherwise than it was: what LVS balanced, and VIPs that stay elsewhere.
    fn tell_losses(&mut self) {
        let lost = impact::unbalanced(self.request.change);
        let lost = lost.into_iter().map(|(vip, why)| (Promise::OneHolder, vip, why));
        let stays = self.world.elsewhere().into_iter().map(|(vip, now, then)| {
            let why = format!("`preempt: false`: it stays on {now} at the end, and not on {then}; a drain of {now} brings it there");
            (Promise::OneMove, vip, why)
        });
        for (promise, vip, why) in lost.chain(stays) {
            let silent = Duration::ZERO;
            self.rollout.exceptions.push(Exception { promise, vip, silent, why });
        }
    }

    fn name(&self, node: NodeIndex) -> &Subdomain {
        self.world.name(node)
    }

    fn names(&self, nodes: &[NodeIndex]) -> Vec<Subdomain> {
        nodes.iter().map(|node| self.name(*node).clone()).collect()
    }

    /// One turn after the other, until every node runs **to**.
    fn run(&mut self) {
        while !self.world.is_done() {
            if let Some(turns) = self.safe_turns() {
                self.take(&turns);
            } else if let Some(nodes) = self.can_close() {
                self.close(&nodes);
            } else if let Some(node) = self.helpful_drain() {
                self.take(&[Turn::Drain(node)]);
            } else if let Some((gains, loses, vips)) = self.relay() {
                self.pass_on(gains, loses, &vips);
            } else {
                let before = self.world.situation();
                self.funnel();
                if self.world.situation() == before {
                    self.force();
                }
            }
        }
    }

    /// The turn that breaks the least, where every one breaks something.
    fn force(&mut self) {
        let judged = self.world.turns().into_iter().map(|turn| (self.world.judge(&[turn]), turn));
        let least = judged.min_by_key(|(verdict, _)| (verdict.broken.len(), verdict.moves));
        let Some((verdict, turn)) = least else { return };
        for vip in verdict.broken {
            self.rollout.exceptions.push(Exception {
                promise: Promise::OneHolder,
                vip,
                silent: self.world.down_time(vip),
                why: "no other way was found".to_owned(),
            });
        }
        self.take(&[turn]);
    }

    /// The turns that keep every promise: the one with the fewest moves, and those that may share its step.
    fn safe_turns(&self) -> Option<Vec<Turn>> {
        let safe: Vec<(Turn, Verdict)> = self
            .world
            .turns()
            .into_iter()
            .filter_map(|turn| {
                let verdict = self.world.judge(&[turn]);
                verdict.is_safe().then_some((turn, verdict))
            })
            .collect();
        let (first, verdict) = safe.iter().min_by_key(|(turn, verdict)| {
            (verdict.detours, verdict.moves, matches!(turn, Turn::Undrain(_)))
        })?;
        let mut together = vec![*first];
        if verdict.moves > 0 || !self.shares(*first) {
            return Some(together);
        }
        for (turn, verdict) in &safe {
            if together.len() == TOGETHER {
                break;
            }
            let quiet = verdict.moves == 0 && !together.contains(turn) && self.shares(*turn);
            if quiet && self.independent(&together, *turn) {
                together.push(*turn);
            }
        }
        Some(together)
    }

    /// Returns true if a turn may share a step: a reload of what runs.
    fn shares(&self, turn: Turn) -> bool {
        let running = |node| self.world.kind(node) == Kind::Change && self.world.is_running(node);
        matches!(turn, Turn::Next(node) if running(node))
    }

    /// Returns true if every subset of the turns with one more keeps every promise and moves nothing.
    fn independent(&self, together: &[Turn], more: Turn) -> bool {
        (1..1usize << together.len()).all(|bits| {
            let mut turns: Vec<Turn> = (0..together.len())
                .filter(|at| bits & (1 << at) != 0)
                .map(|at| together[at])
                .collect();
            turns.push(more);
            let verdict = self.world.judge(&turns);
            verdict.is_safe() && verdict.moves == 0
        })
    }

    /// The nodes that could be reloaded within three adverts.
    fn can_close(&self) -> Option<Vec<NodeIndex>> {
        if self.request.careful || self.world.is_any_drained() {
            return None;
        }
        let nodes: Vec<NodeIndex> = self
            .world
            .open()
            .into_iter()
            .filter(|node| self.world.kind(*node) == Kind::Change)
            .collect();
        let turns: Vec<Turn> = nodes.iter().map(|node| Turn::Next(*node)).collect();
        let enough = self.window() >= SHORTEST;
        let may = nodes.len() > 1 && enough && self.world.may_close(&nodes);
        (may && self.world.judge(&turns).is_safe()).then_some(nodes)
    }

    fn window(&self) -> Duration {
        (3 * self.world.shortest_advert()).saturating_sub(RESERVE)
    }

    /// Every node reloaded before the first of them misses an advert.
    fn close(&mut self, nodes: &[NodeIndex]) {
        let turns: Vec<Turn> = nodes.iter().map(|node| Turn::Next(*node)).collect();
        let window = self.window();
        let mut step = Step::on(
            Do::Reload,
            format!(
                "reload within {:.1} s of each other, before anybody misses an advert",
                window.as_secs_f64()
            ),
            self.names(nodes),
        );
        step.commands = nodes.iter().map(|node| self.world.install(*node)).collect();
        step.commands.push(self.together(Act::Reload, nodes));
        step.back = self.undo(nodes);
        self.push(step, &[&turns], nodes);
    }

    /// Returns the commands that bring nodes that come to run **to** back to what they do now.
    fn undo(&self, nodes: &[NodeIndex]) -> Vec<Command> {
        let some = |is: &dyn Fn(NodeIndex) -> bool| -> Vec<&Subdomain> {
            let found = nodes.iter().filter(|node| is(**node));
            found.map(|node| self.name(*node)).collect()
        };
        let leaves = |node| self.world.kind(node) == Kind::Leave;
        let runs = |node| !leaves(node) && self.world.is_running(node);
        let each =
            |act, names: Vec<_>| names.into_iter().map(move |name| Command::each(act, [name]));
        let mut commands = Vec::new();
        commands.extend(each(Act::Stop, some(&|node| !leaves(node) && !runs(node))));
        commands.extend(
            some(&|node| !leaves(node)).into_iter().map(|name| Command::of("restore", [name])),
        );
        let restarts = |node| runs(node) && self.world.restarts_back(node);
        let reloaded = some(&|node| runs(node) && !restarts(node));
        if !reloaded.is_empty() {
            commands.push(Command::each(Act::Reload, reloaded));
        }
        commands.extend(each(Act::Restart, some(&restarts)));
        commands.extend(each(Act::Start, some(&leaves)));
        commands
    }

    /// A node whose absence lets others go on, because its own address changes; or one that can change while another
    /// holds what it would lose on the way.
    fn helpful_drain(&self) -> Option<NodeIndex> {
        let mut open = self.world.open().into_iter().filter(|node| !self.world.is_drained(*node));
        open.find(|node| {
            let drained = Turn::Drain(*node);
            let alone = [drained, Turn::Next(*node), Turn::Undrain(*node)];
            if self.world.loses_on_the_way(*node) && self.world.is_safe_sequence(&alone) {
                return true;
            }
            self.world.is_renumbered(*node)
                && self.world.judge(&[drained]).is_safe()
                && self.world.turns().into_iter().any(|turn| {
                    matches!(turn, Turn::Next(_)) && self.world.judge(&[drained, turn]).is_safe()
                })
        })
    }

    /// One thing on several nodes at one moment: every connection stands before the first of them does it.
    fn together(&self, act: Act, nodes: &[NodeIndex]) -> Command {
        match nodes {
            [node] => Command::each(act, [self.name(*node)]),
            nodes => Command::Together(act, self.names(nodes)),
        }
    }

    /// Takes turns as one step, or several where a node is drained before it stops.
    fn take(&mut self, turns: &[Turn]) {
        let nodes: Vec<NodeIndex> = turns.iter().map(|turn| turn.node()).collect();
        let names = self.names(&nodes);
        let listed = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let step = match turns[0] {
            Turn::Drain(node) if self.world.can_drain(node) => {
                let mut step = Step::on(Do::Drain, format!("drain {listed}"), names.clone());
                step.commands = vec![self.together(Act::Drain, &nodes)];
                step.back = names.iter().map(|name| Command::each(Act::Undrain, [name])).collect();
                step
            }
            Turn::Drain(_) => {
                let mut step =
                    Step::on(Do::Stop, format!("stop keepalived on {listed}"), names.clone());
                step.commands = names.iter().map(|name| Command::each(Act::Stop, [name])).collect();
                step.back = names.iter().map(|name| Command::each(Act::Start, [name])).collect();
                step
            }
            Turn::Undrain(_) => {
                let mut step =
                    Step::on(Do::Undrain, format!("let VIPs come back to {listed}"), names.clone());
                step.commands =
                    names.iter().map(|name| Command::each(Act::Undrain, [name])).collect();
                step.back = names.iter().map(|name| Command::each(Act::Drain, [name])).collect();
                step
            }
            Turn::Next(node) => self.next(node, &nodes, &names, &listed),
        };
        self.push(step, &[turns], &nodes);
    }

    /// The step by which nodes come to run **to**.
    fn next(
        &mut self,
        node: NodeIndex,
        nodes: &[NodeIndex],
        names: &[Subdomain],
        listed: &str,
    ) -> Step {
        let stopped = !self.world.is_running(node);
        match self.world.kind(node) {
            Kind::Leave => {
                if self.world.can_drain(node) && !self.world.is_drained(node) {
                    self.take(&[Turn::Drain(node)]);
                }
                let mut step =
                    Step::on(Do::Stop, format!("stop keepalived on {listed}"), names.to_vec());
                step.commands = names.iter().map(|name| Command::each(Act::Stop, [name])).collect();
                step.back = self.undo(nodes);
                step
            }
            Kind::Join | Kind::Change if stopped => {
                let mut step = Step::on(
                    Do::Start,
                    format!("install the new files and start keepalived on {listed}"),
                    names.to_vec(),
                );
                step.commands = nodes.iter().map(|node| self.world.install(*node)).collect();
                // It was stopped because nothing drained it; what it runs now can be.
                let waits = || nodes.iter().filter(|node| self.world.is_drained(**node));
                step.commands
                    .extend(waits().map(|node| Command::each(Act::Drain, [self.name(*node)])));
                step.commands.extend(names.iter().map(|name| Command::each(Act::Start, [name])));
                step.back = self.undo(nodes);
                step.back
                    .extend(waits().map(|node| Command::each(Act::Undrain, [self.name(*node)])));
                step
            }
            _ if self.world.restarts(node) => {
                let mut step = Step::on(
                    Do::Restart,
                    format!("install the new files and restart keepalived on {listed}"),
                    names.to_vec(),
                );
                step.commands = nodes.iter().map(|node| self.world.install(*node)).collect();
                step.commands.extend(names.iter().map(|name| Command::each(Act::Restart, [name])));
                step.back = self.undo(nodes);
                step
            }
            _ => {
                let mut step = Step::on(
                    Do::Reload,
                    format!("install the new files and reload {listed}"),
                    names.to_vec(),
                );
                step.commands = nodes.iter().map(|node| self.world.install(*node)).collect();
                step.commands.push(Command::each(Act::Reload, names));
                step.back = self.undo(nodes);
                step
            }
        }
    }

    /// Adds a step, with what moves in it and who must hold what afterwards.
    fn push(&mut self, mut step: Step, halves: &[&[Turn]], nodes: &[NodeIndex]) {
        let moves = self.world.take_halves(halves);
        for found in &moves {
            if found.is_detour {
                self.rollout.exceptions.push(Exception {
                    promise: Promise::OneMove,
                    vip: found.moved.vip,
                    silent: found.moved.silent,
                    why: format!("it moves once more: {}", step.title),
                });
            }
        }
        step.moves = moves.into_iter().map(|found| found.moved).collect();
        let left: Vec<NodeIndex> =
            step.moves.iter().filter_map(|moved| self.world.index(moved.from.as_ref()?)).collect();
        let moved: BTreeSet<_> = step.moves.iter().map(|moved| moved.vip).collect();
        (step.asked, step.expect) = self.world.expectations(nodes, &left, &moved);
        step.wait = settle(self.world.longest_advert());
        if !moved.is_empty() {
            step.wait += self.world.preempt_delay(nodes);
        }
        self.rollout.peak = self.rollout.peak.max(self.world.peak());
        self.rollout.steps.push(step);
    }
}
