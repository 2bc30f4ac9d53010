//! The state on the way, and the effects of a turn on it.

mod effect;
mod pod;
mod timing;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::turn::{Kind, Moved, Turn, Verdict};
use crate::language::name::Subdomain;
use crate::plan::Drain;
use crate::rollout::Request;
use crate::rollout::step::VipMove;
use crate::state::Instance;
use crate::state::elect::{Electorate, Masters, NodeIndex, Phase, Situation};

pub const FROM: Phase = 0;
pub const TO: Phase = 1;

type Holders = Vec<Vec<NodeIndex>>;

/// The configurations that run on the nodes, and the holders of the VIPs.
#[derive(Clone)]
pub struct World<'a> {
    pub(super) request: Request<'a>,
    electorate: Arc<Electorate>,
    pub(super) addresses: Vec<IpAddr>,
    /// Those that **from** and **to** both have.
    kept: Vec<bool>,
    kinds: Vec<Kind>,
    situation: Situation,
    masters: Masters,
    /// The MASTERs of every other possible history of the fleet.
    histories: Vec<Masters>,
    pub(super) holders: Holders,
    first: Holders,
    last: Holders,
    running_at_first: Vec<NodeIndex>,
}

impl<'a> World<'a> {
    pub fn new(request: Request<'a>) -> Self {
        let electorate =
            Electorate::of(&[request.change.from, request.change.to], request.change.version);
        let addresses: Vec<IpAddr> = electorate.addresses().collect();
        let kept = addresses
            .iter()
            .map(|address| {
                [FROM, TO].iter().all(|phase| !electorate.order(*address, *phase).is_empty())
            })
            .collect();
        let down: BTreeSet<NodeIndex> = (0..electorate.nodes().len())
            .filter(|node| request.down.contains(&electorate.nodes()[*node]))
            .collect();
        let keepalived = |node: NodeIndex, phase: Phase| {
            electorate.state(node, phase).and_then(|state| state.keepalived.as_ref())
        };
        let kinds: Vec<Kind> = (0..electorate.nodes().len())
            .map(|node| match (keepalived(node, FROM), keepalived(node, TO)) {
                (Some(from), Some(to)) if from == to && !pod::changes_form(&electorate, node) => {
                    Kind::Same
                }
                (Some(_), Some(_)) => Kind::Change,
                (None, Some(_)) => Kind::Join,
                (Some(_), None) => Kind::Leave,
                (None, None) => Kind::Same,
            })
            .collect();
        let of_phase = |phase: Phase| Situation { down: down.clone(), ..electorate.all(phase) };
        let mut situation = of_phase(FROM);
        let settled = electorate.elect(&situation, &Masters::default());
        let target = electorate.elect(&of_phase(TO), &settled);
        let at = |masters: &Masters| -> Holders {
            addresses.iter().map(|address| electorate.holders(masters, *address)).collect()
        };
        let (first, last) = (at(&settled), at(&target));
        for (node, kind) in kinds.iter().enumerate() {
            if *kind == Kind::Same && situation.running[node].is_some() {
                situation.running[node] = Some(TO);
            }
        }
        let running_at_first = (0..electorate.nodes().len())
            .filter(|node| situation.running[*node].is_some() && !down.contains(node))
            .collect();
        let masters = electorate.elect(&situation, &settled);
        let histories = electorate.histories(&of_phase(FROM));
        let mut world = Self {
            request,
            addresses,
            kept,
            kinds,
            situation,
            masters,
            histories,
            holders: first.clone(),
            first,
            last,
            running_at_first,
            electorate: Arc::new(electorate),
        };
        world.holders = world.held(&world.masters);
        world
    }

    /// The node of that name.
    pub fn index(&self, name: &Subdomain) -> Option<NodeIndex> {
        self.electorate.nodes().iter().position(|node| node == name)
    }

    /// The holders of each address in every history.
    pub fn outcomes(&self) -> Vec<Vec<Vec<NodeIndex>>> {
        let others: Vec<Holders> =
            self.histories.iter().map(|masters| self.held(masters)).collect();
        (0..self.addresses.len())
            .map(|at| {
                let mut all = vec![self.holders[at].clone()];
                all.extend(others.iter().map(|holders| holders[at].clone()));
                all.dedup();
                all
            })
            .collect()
    }

    /// Every node that is not dead.
    pub fn alive(&self) -> Vec<Subdomain> {
        let alive = self.nodes().filter(|node| !self.is_down(*node));
        alive.map(|node| self.name(node).clone()).collect()
    }

    /// VIPs that rest on another node than on the one that ranks first: holder, and first.
    pub fn elsewhere(&self) -> Vec<(IpAddr, &Subdomain, &Subdomain)> {
        let cold = self.electorate.elect(&self.situation, &Masters::default());
        let fresh = self.held(&cold);
        (0..self.addresses.len())
            .filter(|at| self.holders[*at] != fresh[*at])
            .filter_map(|at| {
                let (now, then) = (self.holders[at].first()?, fresh[at].first()?);
                Some((self.addresses[at], self.name(*now), self.name(*then)))
            })
            .collect()
    }

    pub fn name(&self, node: NodeIndex) -> &Subdomain {
        &self.electorate.nodes()[node]
    }

    pub fn kind(&self, node: NodeIndex) -> Kind {
        self.kinds[node]
    }

    pub(super) fn nodes(&self) -> impl Iterator<Item = NodeIndex> {
        0..self.electorate.nodes().len()
    }

    pub(super) fn is_down(&self, node: NodeIndex) -> bool {
        self.situation.down.contains(&node)
    }

    /// Nodes that do not run **to** yet.
    pub fn open(&self) -> Vec<NodeIndex> {
        let wanted = |node: &NodeIndex| match self.kinds[*node] {
            Kind::Same => false,
            Kind::Leave => self.situation.running[*node].is_some(),
            Kind::Change | Kind::Join => self.situation.running[*node] != Some(TO),
        };
        self.nodes().filter(|node| !self.is_down(*node)).filter(wanted).collect()
    }

    pub fn is_done(&self) -> bool {
        self.open().is_empty() && self.situation.drained.is_empty()
    }

    /// Returns the configurations that run, and the nodes that are drained.
    pub fn situation(&self) -> Situation {
        self.situation.clone()
    }

    pub fn is_running(&self, node: NodeIndex) -> bool {
        self.situation.running[node].is_some()
    }

    pub fn is_drained(&self, node: NodeIndex) -> bool {
        self.situation.drained.contains(&node)
    }

    pub fn is_any_drained(&self) -> bool {
        !self.situation.drained.is_empty()
    }

    /// Nodes whose keepalived runs.
    pub fn running(&self) -> Vec<NodeIndex> {
        self.nodes().filter(|node| self.is_running(*node) && !self.is_down(*node)).collect()
    }

    /// Those that ran it before the first step.
    pub fn running_at_first(&self) -> Vec<NodeIndex> {
        self.running_at_first.clone()
    }

    /// Every turn that could come next.
    pub fn turns(&self) -> Vec<Turn> {
        let mut turns: Vec<Turn> = self.open().into_iter().map(Turn::Next).collect();
        let open = self.open();
        let back = self.situation.drained.iter().filter(|node| !open.contains(node));
        turns.extend(back.map(|node| Turn::Undrain(*node)));
        turns
    }

    /// Returns true if a drain file drains the node as it runs.
    pub fn can_drain(&self, node: NodeIndex) -> bool {
        let phase = self.situation.running[node].unwrap_or(TO);
        let state = self.electorate.state(node, phase);
        state.and_then(|state| state.keepalived.as_ref()).is_some_and(|found| {
            found.instances.iter().all(|instance| found.drain_file(instance) == Some(Drain::FILE))
        })
    }

    fn after(&self, turns: &[Turn]) -> Situation {
        let mut situation = self.situation.clone();
        for turn in turns {
            match *turn {
                Turn::Next(node) => {
                    let leaves = self.kinds[node] == Kind::Leave;
                    situation.running[node] = (!leaves).then_some(TO);
                    if leaves {
                        situation.drained.remove(&node);
                    }
                }
                Turn::Drain(node) => {
                    let can_drain = self.can_drain(node);
                    if !can_drain {
                        situation.running[node] = None;
                    }
                    // One that leaves is gone once it is stopped: nothing comes back to it.
                    if can_drain || self.kinds[node] != Kind::Leave {
                        situation.drained.insert(node);
                    }
                }
                Turn::Undrain(node) => drop(situation.drained.remove(&node)),
            }
        }
        situation
    }

    /// Returns the MASTERs in another situation, after those that were in this one.
    fn elect(&self, next: &Situation, before: &Masters) -> Masters {
        let retained =
            self.electorate.retained(before, &self.situation, next, |node| self.restarts(node));
        self.electorate.elect(next, &retained)
    }

    fn held(&self, masters: &Masters) -> Holders {
        self.addresses.iter().map(|address| self.electorate.holders(masters, *address)).collect()
    }

    /// Returns the effects that turns would have, all at once.
    pub fn judge(&self, turns: &[Turn]) -> Verdict {
        let situation = self.after(turns);
        let masters = self.elect(&situation, &self.masters);
        let holders = self.held(&masters);
        let mut verdict = Verdict::default();
        for history in &self.histories {
            let masters = self.elect(&situation, history);
            let several = self.held(&masters).into_iter().zip(&self.addresses);
            verdict.broken.extend(several.filter(|(now, _)| now.len() > 1).map(|(_, vip)| *vip));
        }
        for (at, now) in holders.iter().enumerate() {
            let was = &self.holders[at];
            let must = self.kept[at] && !self.first[at].is_empty() && !self.last[at].is_empty();
            if now.len() > 1 || now.is_empty() && must {
                verdict.broken.push(self.addresses[at]);
            }
            if was != now && must {
                verdict.moves += 1;
                verdict.detours += usize::from(*now != self.last[at]);
            }
        }
        for turn in turns {
            verdict.broken.extend(self.made_anew(*turn));
        }
        verdict
    }

    /// Returns true if turns, each after the one before, keep every promise.
    pub fn is_safe_sequence(&self, turns: &[Turn]) -> bool {
        let mut world = self.clone();
        turns.iter().all(|turn| {
            let is_safe = world.judge(&[*turn]).is_safe();
            world.take(&[*turn]);
            is_safe
        })
    }

    /// Returns true if one node holds each VIP once turns, some after the others have settled, are over.
    pub fn is_safe_in_halves(&self, halves: &[&[Turn]]) -> bool {
        let mut world = self.clone();
        world.take_halves(halves);
        let lasting = world.lasting();
        let mut held = world.addresses.iter().zip(&world.holders);
        held.all(|(vip, holders)| match lasting.contains(vip) {
            true => holders.len() == 1,
            false => holders.len() <= 1,
        })
    }

    /// Takes turns, and says what moved.
    pub fn take(&mut self, turns: &[Turn]) -> Vec<Moved> {
        self.take_halves(&[turns])
    }

    /// Takes turns, some after the others have settled, and says what moved in all.
    pub fn take_halves(&mut self, halves: &[&[Turn]]) -> Vec<Moved> {
        for turns in halves {
            let next = self.after(turns);
            self.masters = self.elect(&next, &self.masters);
            self.histories =
                self.histories.iter().map(|history| self.elect(&next, history)).collect();
            self.situation = next;
        }
        self.histories.retain(|history| *history != self.masters);
        let turns = halves.concat();
        let holders = self.held(&self.masters);
        let goes = |node: &NodeIndex| {
            turns.iter().any(|turn| match turn {
                Turn::Drain(drained) => drained == node,
                Turn::Next(next) => next == node && self.kinds[*next] == Kind::Leave,
                Turn::Undrain(_) => false,
            })
        };
        let mut moved = Vec::new();
        for (at, now) in holders.iter().enumerate() {
            let was = &self.holders[at];
            if was == now || !self.kept[at] {
                continue;
            }
            let address = self.addresses[at];
            let left = was.iter().any(|node| goes(node) || !self.has_instance(address, *node));
            let next = now.first().and_then(|node| self.instance_now(address, *node));
            let silent = next.filter(|_| left).map_or(Duration::ZERO, Instance::skew);
            let name = |node: &NodeIndex| self.name(*node).clone();
            // Of several holders the one that gives it up.
            let from = was.iter().find(|node| !now.contains(node)).or(was.first()).map(name);
            moved.push(Moved {
                moved: VipMove { vip: address, from, to: now.first().map(name), silent },
                is_detour: *now != self.last[at],
            });
        }
        self.holders = holders;
        moved
    }

    fn instance_now(&self, address: IpAddr, node: NodeIndex) -> Option<&Instance> {
        self.electorate.instance(address, node, self.situation.running[node]?)
    }

    fn has_instance(&self, address: IpAddr, node: NodeIndex) -> bool {
        self.instance_now(address, node).is_some()
    }

    /// The most VIPs on one node.
    pub fn peak(&self) -> usize {
        let mut loads: BTreeMap<NodeIndex, usize> = BTreeMap::new();
        for node in self.holders.iter().flatten() {
            *loads.entry(*node).or_default() += 1;
        }
        loads.into_values().max().unwrap_or(0)
    }

    /// Returns true if a node may hold a VIP both as it runs and as it will.
    pub fn covers(&self, node: NodeIndex, address: IpAddr) -> bool {
        [FROM, TO].iter().all(|phase| self.electorate.instance(address, node, *phase).is_some())
    }

    pub fn may_hold(&self, node: NodeIndex, address: IpAddr, phase: Phase) -> bool {
        self.electorate.instance(address, node, phase).is_some()
    }

    /// VIPs that have a holder before and after.
    pub fn lasting(&self) -> Vec<IpAddr> {
        let lasting = |at: &usize| {
            self.kept[*at] && !self.first[*at].is_empty() && !self.last[*at].is_empty()
        };
        (0..self.addresses.len()).filter(lasting).map(|at| self.addresses[at]).collect()
    }

    pub fn holder(&self, address: IpAddr) -> Option<NodeIndex> {
        let at = self.addresses.iter().position(|found| *found == address)?;
        self.holders[at].first().copied()
    }
}
