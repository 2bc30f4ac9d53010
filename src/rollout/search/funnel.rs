//! The funnel: everything to a few keepers, the others changed behind their backs, one handover, and out again.

use std::net::IpAddr;
use std::time::Duration;

use super::relay::{BEFORE, MARGIN};
use super::turn::{Kind, Turn};
use super::world::{FROM, TO};
use super::{Act, Command, Do, Exception, Promise, Search, Step};
use crate::language::name::Subdomain;
use crate::state::elect::{NodeIndex, Phase};

impl Search<'_> {
    /// Everything that is left to change, whatever it is.
    pub(super) fn funnel(&mut self) {
        let running = self.world.running();
        // Of what does not change, nobody has to keep anything.
        let lasting = self.world.affected();
        let keepers = self.cover(&running, &lasting, FROM);
        // Those that were changed before do not understand the keepers any more.
        let apart = |same: bool| -> Vec<NodeIndex> {
            let all = self.world.running().into_iter();
            all.filter(|node| same || self.world.kind(*node) != Kind::Same)
                .filter(|node| !keepers.contains(node) && !self.world.is_drained(*node))
                .collect()
        };
        let drains = |nodes: &[NodeIndex]| -> Vec<Turn> {
            nodes.iter().map(|node| Turn::Drain(*node)).collect()
        };
        let mut others = apart(false);
        if !self.world.judge(&drains(&others)).is_safe() {
            others = apart(true);
        }
        if !self.world.judge(&drains(&others)).is_safe() {
            return;
        }
        for group in self.groups(&others) {
            let turns: Vec<Turn> = group.iter().map(|node| Turn::Drain(*node)).collect();
            self.take(&turns);
        }
        let behind: Vec<NodeIndex> =
            self.world.open().into_iter().filter(|node| !keepers.contains(node)).collect();
        for node in &behind {
            // A node that joins waits with the others.
            if self.world.kind(*node) == Kind::Join {
                self.take(&[Turn::Drain(*node)]);
            }
            self.take(&[Turn::Next(*node)]);
        }
        self.hand_over(&keepers, &lasting);
    }

    /// Those that a file drains, and those whose keepalived stops instead: not in one step.
    fn groups(&self, nodes: &[NodeIndex]) -> Vec<Vec<NodeIndex>> {
        let (drain, stop): (Vec<NodeIndex>, Vec<NodeIndex>) =
            nodes.iter().partition(|node| self.world.can_drain(**node));
        [drain, stop].into_iter().filter(|group| !group.is_empty()).collect()
    }

    /// A smallest set of nodes that may hold every VIP, near enough: always the one that covers the most of the rest.
    fn cover(&self, nodes: &[NodeIndex], vips: &[IpAddr], phase: Phase) -> Vec<NodeIndex> {
        let mut open: Vec<IpAddr> = vips.to_vec();
        let mut chosen: Vec<NodeIndex> = Vec::new();
        while !open.is_empty() {
            let covered = |node: &NodeIndex| {
                open.iter().filter(|vip| self.world.may_hold(*node, **vip, phase)).count()
            };
            let count = |is: &dyn Fn(IpAddr) -> bool| open.iter().filter(|vip| is(**vip)).count();
            let rank = |node: &NodeIndex| {
                let lasts = count(&|vip| self.world.covers(*node, vip));
                (covered(node), lasts, count(&|vip| self.world.holder(vip) == Some(*node)))
            };
            let free = nodes.iter().filter(|node| !chosen.contains(node));
            let Some(best) = free.max_by_key(|node| rank(node)).copied() else { break };
            if covered(&best) == 0 {
                break;
            }
            open.retain(|vip| !self.world.may_hold(best, *vip, phase));
            chosen.push(best);
        }
        chosen
    }

    /// The keepers change. What they hold in place they keep; what is made anew goes to the next ones.
    fn hand_over(&mut self, keepers: &[NodeIndex], lasting: &[IpAddr]) {
        let open: Vec<NodeIndex> =
            keepers.iter().copied().filter(|node| self.world.open().contains(node)).collect();
        if open.is_empty() {
            return;
        }
        let turns: Vec<Turn> = open.iter().map(|node| Turn::Next(*node)).collect();
        let verdict = self.world.judge(&turns);
        // What the keepers will not hold on as they do now.
        let leaves: Vec<IpAddr> = lasting
            .iter()
            .copied()
            .filter(|vip| self.world.holder(*vip).is_some_and(|node| open.contains(&node)))
            .filter(|vip| self.world.holder(*vip).is_none_or(|node| !self.world.keeps(node, *vip)))
            .collect();
        let in_place = leaves.is_empty();
        if in_place && open.len() == 1 && verdict.is_safe() {
            self.take(&turns);
            return;
        }
        let trap = open.iter().any(|node| self.world.has_trap(*node) || self.world.restarts(*node));
        let waiting: Vec<NodeIndex> = self
            .world
            .running()
            .into_iter()
            .filter(|node| self.world.is_drained(*node) && !open.contains(node))
            .collect();
        let next = self.cover(&waiting, &leaves, TO);
        let (old, new) = (self.names(&open), self.names(&next));
        let listed = |names: &[Subdomain]| {
            names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        };
        let (does, act) = match trap {
            true => (Do::Restart, Act::Restart),
            false => (Do::Reload, Act::Reload),
        };
        let title = match new.is_empty() {
            true => format!("{} {} at once", does.word(), listed(&old)),
            false => format!("hand over from {} to {}", listed(&old), listed(&new)),
        };
        let all: Vec<NodeIndex> = open.iter().chain(&next).copied().collect();
        let mut step = Step::on(does, title, self.names(&all));
        step.commands = open.iter().map(|node| self.world.install(*node)).collect();
        // The next ones wait as they will run.
        let pause = self.world.down_time_of(&next, &leaves).saturating_sub(BEFORE);
        let all_of =
            |act, names: &[Subdomain]| names.iter().map(|name| (act, name.clone())).collect();
        step.commands.push(match new.is_empty() {
            true => Command::each(act, &old),
            false => Command::HandOver {
                pause,
                first: all_of(Act::Undrain, &new),
                second: all_of(act, &old),
            },
        });
        step.back = new.iter().map(|name| Command::each(Act::Drain, [name])).collect();
        step.back.extend(old.iter().map(|name| Command::of("restore", [name])));
        step.back.push(Command::each(act, &old));
        // Who holds a VIP that is made anew is silent meanwhile.
        let silent = |vip: IpAddr, search: &Self| match next.is_empty() {
            true => search.world.down_time(vip) + MARGIN,
            // One with a longer skew comes later than the first of them.
            false => {
                (search.world.down_time_of(&next, &[vip]).saturating_sub(pause)).max(BEFORE)
                    + MARGIN
            }
        };
        let silences: Vec<(IpAddr, Duration)> =
            leaves.iter().map(|vip| (*vip, silent(*vip, self))).collect();
        for (vip, silent) in &silences {
            self.rollout.exceptions.push(Exception {
                promise: Promise::OneHolder,
                vip: *vip,
                silent: *silent,
                why: "its instance is recreated, or no node can hold it both before and after"
                    .to_owned(),
            });
        }
        // The next ones are MASTERs of what is made anew before the keepers are there again.
        let undrains: Vec<Turn> = next.iter().map(|node| Turn::Undrain(*node)).collect();
        self.push(step, &[&undrains, &turns], &all);
        if let Some(step) = self.rollout.steps.last_mut() {
            for moved in &mut step.moves {
                if let Some((_, silent)) = silences.iter().find(|(vip, _)| *vip == moved.vip) {
                    moved.silent = *silent;
                }
            }
        }
    }
}
