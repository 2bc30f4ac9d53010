//! A VIP whose old nodes and new nodes have none in common: one takes it up a moment after the other lets go.

use std::net::IpAddr;
use std::time::Duration;

use super::turn::{Kind, Turn};
use super::world::TO;
use super::{Act, Command, Do, Exception, Promise, SHORTEST, Search, Step};
use crate::language::name::Subdomain;
use crate::state::elect::NodeIndex;

/// The one that gains would take over this long after the one that loses lets go.
pub const BEFORE: Duration = Duration::from_millis(500);

/// The time that is measured at a handover beyond that: the skew, the reload and its test.
pub const MARGIN: Duration = Duration::from_millis(200);

/// The most time that two commands one after the other cost.
const BETWEEN: Duration = Duration::from_secs(1);

impl Search<'_> {
    /// Two nodes that can change together, and the VIPs that go from the one to the other.
    pub(super) fn relay(&self) -> Option<(NodeIndex, NodeIndex, Vec<IpAddr>)> {
        let open = self.world.open();
        let apart: Vec<(IpAddr, NodeIndex)> = self
            .world
            .lasting()
            .into_iter()
            .filter(|vip| !open.iter().any(|node| self.world.covers(*node, *vip)))
            .filter_map(|vip| Some((vip, self.world.holder(vip)?)))
            .filter(|(_, loses)| open.contains(loses))
            .collect();
        let pairs = apart.iter().flat_map(|(vip, loses)| {
            open.iter()
                .filter(move |gains| *gains != loses && self.world.may_hold(**gains, *vip, TO))
                .map(|gains| (*gains, *loses))
        });
        let (gains, loses) =
            pairs.filter(|(gains, _)| !self.world.is_drained(*gains)).find(|(gains, loses)| {
                let [gains, loses] = [gains, loses].map(|node| Turn::Next(*node));
                self.world.judge(&[gains, loses]).is_safe()
                    && self.world.is_safe_in_halves(&[&[gains], &[loses]])
            })?;
        let passed = apart.into_iter().filter(|(_, holder)| *holder == loses);
        let vips = passed.map(|(vip, _)| vip).filter(|vip| self.world.may_hold(gains, *vip, TO));
        Some((gains, loses, vips.collect()))
    }

    /// The one that gains starts to wait for adverts; the other lets go just before it would take over.
    pub(super) fn pass_on(&mut self, gains: NodeIndex, loses: NodeIndex, vips: &[IpAddr]) {
        let (new, old) = (self.name(gains).clone(), self.name(loses).clone());
        // From its reload on the one that gains waits as its new configuration says.
        let down_time = self.world.down_time_of(&[gains], vips);
        let timed = down_time >= SHORTEST;
        let mut step = Step::on(
            Do::Reload,
            format!("hand over from {old} to {new}"),
            self.names(&[gains, loses]),
        );
        let change = |node: NodeIndex, search: &Self| -> (Act, Subdomain) {
            let act = match search.world.kind(node) {
                Kind::Leave => Act::Stop,
                _ if !search.world.is_running(node) => Act::Start,
                _ if search.world.restarts(node) => Act::Restart,
                _ => Act::Reload,
            };
            (act, search.name(node).clone())
        };
        let (first, second) = (change(gains, self), change(loses, self));
        step.commands = [gains, loses]
            .into_iter()
            .filter(|node| self.world.kind(*node) != Kind::Leave)
            .map(|node| self.world.install(node))
            .collect();
        let silent = if timed {
            let pause = down_time.saturating_sub(BEFORE);
            let (first, second) = (vec![first], vec![second]);
            step.commands.push(Command::HandOver { pause, first, second });
            BEFORE + MARGIN
        } else {
            step.commands.push(Command::each(second.0, [&second.1]));
            step.commands.push(Command::each(first.0, [&first.1]));
            down_time + BETWEEN
        };
        step.back = self.undo(&[gains, loses]);
        for vip in vips {
            self.rollout.exceptions.push(Exception {
                promise: Promise::OneHolder,
                vip: *vip,
                silent,
                why: "no node can hold it both before and after".to_owned(),
            });
        }
        self.push(step, &[&[Turn::Next(gains)], &[Turn::Next(loses)]], &[gains, loses]);
        if let Some(step) = self.rollout.steps.last_mut() {
            for moved in step.moves.iter_mut().filter(|moved| vips.contains(&moved.vip)) {
                moved.silent = silent;
            }
        }
    }
}
