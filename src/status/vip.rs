//! The holders of each VIP, beside the planned one, and why.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Answers, Finding, Report, Wanted, codes};
use crate::language::name::Subdomain;
use crate::state::elect::{Electorate, Masters, NodeIndex, Phase, Situation};
use crate::state::{Instance, Preemption, State};

/// A VIP right now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VipStatus {
    /// The address.
    pub vip: IpAddr,
    /// The holder while every node is well, or `None` if no node may hold it.
    pub planned: Option<Subdomain>,
    /// The nodes that have the address.
    pub held_by: Vec<Subdomain>,
    /// Seconds since the holder became MASTER, by its own clock.
    pub since: Option<u64>,
    /// The reason that it is not where it was planned; empty if it is.
    pub why: String,
    /// True if what the nodes say explains the holder.
    pub is_explained: bool,
    /// True if it is elsewhere because a node is drained.
    pub is_by_drain: bool,
    /// True if a node that was not reached may hold it.
    pub may_be_unseen: bool,
}

impl VipStatus {
    /// The finding, or `None` if nothing is wrong.
    pub fn finding(&self) -> Option<Finding> {
        let finding =
            |code, text: String| Some(Finding { code, subject: self.vip.to_string(), text });
        match self.held_by.as_slice() {
            [] if self.may_be_unseen => None,
            [] => finding(&codes::NO_HOLDER, format!("no node holds it: {}", self.why)),
            [holder] if Some(holder) == self.planned.as_ref() => None,
            [holder] => {
                let code = if self.is_explained { &codes::ELSEWHERE } else { &codes::UNEXPLAINED };
                let planned =
                    self.planned.as_ref().map_or("no node".to_owned(), ToString::to_string);
                finding(code, format!("on {holder}, planned on {planned}: {}", self.why))
            }
            holders => {
                let names: Vec<&str> = holders.iter().map(AsRef::as_ref).collect();
                finding(
                    &codes::TWO_HOLDERS,
                    format!("{} hold it at the same time", names.join(" and ")),
                )
            }
        }
    }
}

/// Every VIP, and the addresses that come with one and are elsewhere.
pub(super) fn all(wanted: Wanted<'_>, answers: &Answers) -> Vec<VipStatus> {
    let states: Vec<&State> = wanted.sides().map(|side| side.state).collect();
    let electorate = Electorate::of(&states, wanted.version);
    let report = |node: &Subdomain| answers.get(node).and_then(|answer| answer.as_ref().ok());
    let phases: Vec<Phase> =
        electorate.nodes().iter().map(|node| wanted.phase(node, report(node))).collect();
    // The plan of a bundle that no node runs yet explains nothing.
    let planned = (0..states.len())
        .filter(|phase| *phase == 0 || phases.contains(phase))
        .map(|phase| electorate.elect(&electorate.all(phase), &Masters::default()))
        .collect();
    let watch = Watch { planned, electorate: &electorate, phases, answers };
    let mut found: Vec<VipStatus> = Vec::new();
    for address in electorate.addresses() {
        let lead = watch.lead(address);
        let is_led = lead
            .is_some_and(|lead| lead != address && watch.holders(lead) == watch.holders(address));
        // An address that comes or goes with a rollout is in no configuration that runs.
        let is_there = !watch.candidates(address).is_empty() || !watch.holders(address).is_empty();
        if is_there && !is_led {
            found.push(watch.vip(address));
        }
    }
    found
}

struct Watch<'a> {
    electorate: &'a Electorate,
    /// The side that each node runs, by its files.
    phases: Vec<Phase>,
    /// As each side has it, while all is well: what was deployed, and what a rollout brings.
    planned: Vec<Masters>,
    answers: &'a Answers,
}

impl Watch<'_> {
    fn name(&self, node: NodeIndex) -> &Subdomain {
        &self.electorate.nodes()[node]
    }

    fn report(&self, node: NodeIndex) -> Option<&Report> {
        self.answers.get(self.name(node))?.as_ref().ok()
    }

    /// The nodes that may hold an address, the best first.
    fn candidates(&self, address: IpAddr) -> Vec<NodeIndex> {
        let all = 0..self.phases.iter().max().map_or(0, |last| last + 1);
        let in_phase = |phase: Phase| {
            let nodes = self.electorate.order(address, phase).into_iter();
            nodes.filter(move |node| self.phases[*node] == phase)
        };
        all.flat_map(in_phase).collect()
    }

    /// The instance of an address on a node, as it runs there.
    fn instance(&self, address: IpAddr, node: NodeIndex) -> Option<&Instance> {
        self.electorate.instance(address, node, self.phases[node])
    }

    /// The planned holders of an address: as it was deployed, and as a rollout has it.
    fn planned(&self, address: IpAddr) -> Vec<NodeIndex> {
        self.planned.iter().flat_map(|side| self.electorate.holders(side, address)).collect()
    }

    /// Every node runs what its files say, and nothing is wrong.
    fn well(&self) -> Situation {
        let mut situation = self.electorate.all(0);
        for (node, phase) in self.phases.iter().enumerate() {
            let state = self.electorate.state(node, *phase);
            situation.running[node] =
                state.and_then(|state| state.keepalived.as_ref()).map(|_| *phase);
        }
        situation
    }

    /// The address that an instance with this one advertises first.
    fn lead(&self, address: IpAddr) -> Option<IpAddr> {
        let node = *self.candidates(address).first()?;
        self.instance(address, node)?.vip()
    }

    fn holders(&self, address: IpAddr) -> Vec<NodeIndex> {
        let all = 0..self.electorate.nodes().len();
        let has = |node: &NodeIndex| {
            self.report(*node).is_some_and(|report| report.addresses.contains(&address))
        };
        all.filter(has).collect()
    }

    /// The situation of an address by what nodes say. Of those that say nothing, all are well or none is.
    fn situation(&self, address: IpAddr, unreached_are_up: bool) -> Situation {
        let mut situation = self.well();
        for node in 0..self.electorate.nodes().len() {
            let Some(report) = self.report(node) else {
                if !unreached_are_up {
                    situation.down.insert(node);
                }
                continue;
            };
            if !report.keepalived.running || self.is_in_fault(node, address) {
                situation.down.insert(node);
            }
            if report.drained {
                situation.drained.insert(node);
            }
            let failing = report.checks.iter().filter(|(_, passes)| !**passes);
            situation.failing.extend(failing.map(|(check, _)| (node, check.clone())));
        }
        situation
    }

    /// Returns true if the instance itself says that it takes no part, for a reason that only the node knows.
    fn is_in_fault(&self, node: NodeIndex, address: IpAddr) -> bool {
        let instance = self.instance(address, node);
        let said = instance.and_then(|found| self.report(node)?.instances.get(&found.name));
        said.is_some_and(|said| said.state == "FAULT")
    }

    fn vip(&self, address: IpAddr) -> VipStatus {
        let holders = self.holders(address);
        let planned: Vec<NodeIndex> = self.planned(address);
        let planned = planned.iter().find(|node| holders == [**node]).or(planned.first()).copied();
        let candidates = self.candidates(address);
        let unreached = |node: &NodeIndex| self.report(*node).is_none();
        let may_be_unseen = candidates.iter().any(unreached);
        let is_planned = holders.len() == 1 && holders.first().copied() == planned;
        let is_explained = is_planned || self.explains(address, &holders);
        let reasons: Vec<(NodeIndex, Reason)> = candidates
            .iter()
            .filter_map(|node| Some((*node, self.reason(*node, address)?)))
            .collect();
        let of_planned = reasons.iter().find(|(node, _)| Some(*node) == planned);
        let why = match (holders.as_slice(), of_planned) {
            _ if is_planned => String::new(),
            ([], _) if reasons.len() == candidates.len() && !candidates.is_empty() => {
                if candidates.iter().all(|node| self.report(*node).is_some_and(|said| said.drained))
                {
                    "every node that may hold it is drained".to_owned()
                } else {
                    self.joined(&reasons)
                }
            }
            ([], Some(_)) => self.joined(&reasons),
            ([], None) => "nothing that the nodes say explains it".to_owned(),
            ([_], Some((node, reason))) => reason.of(&[self.name(*node)]),
            ([holder], None) if is_explained => format!("{} keeps it", self.name(*holder)),
            ([_], None) => "nothing that the nodes say explains it".to_owned(),
            _ => "two nodes answer".to_owned(),
        };
        let planned_report = planned.and_then(|node| self.report(node));
        let since = holders.first().filter(|_| holders.len() == 1).and_then(|node| {
            let report = self.report(*node)?;
            let instance = self.instance(address, *node)?;
            let since = report.instances.get(&instance.name)?.since;
            Some(report.time.saturating_sub(since))
        });
        VipStatus {
            vip: address,
            planned: planned.map(|node| self.name(node).clone()),
            held_by: holders.iter().map(|node| self.name(*node).clone()).collect(),
            since,
            why,
            is_explained,
            is_by_drain: is_explained && planned_report.is_some_and(|said| said.drained),
            may_be_unseen,
        }
    }

    /// Returns true if some election over what the nodes say ends with these holders.
    fn explains(&self, address: IpAddr, holders: &[NodeIndex]) -> bool {
        if holders.len() > 1 {
            return false;
        }
        // Without an answer of a node both may be.
        let outcomes = [true, false].into_iter().any(|up| {
            let situation = self.situation(address, up);
            let usual = self.electorate.holders_in(&situation, &Masters::default(), address);
            let seen: Vec<NodeIndex> =
                usual.into_iter().filter(|node| self.report(*node).is_some()).collect();
            let others = || self.electorate.others(&situation, address);
            seen == holders || others().iter().any(|other| other.holders == holders)
        });
        outcomes || holders.first().is_some_and(|holder| self.waits(address, *holder))
    }

    /// Returns true if a better node waits before it takes the VIP back from its holder.
    fn waits(&self, address: IpAddr, holder: NodeIndex) -> bool {
        self.planned(address).iter().any(|node| {
            let instance = self.instance(address, *node);
            let Some(Preemption::After(delay)) = instance.map(|found| found.preempt) else {
                return false;
            };
            let said = self.report(*node);
            let since = instance.zip(said).and_then(|(found, said)| {
                Some(said.time.saturating_sub(said.instances.get(&found.name)?.since))
            });
            *node != holder && since.is_some_and(|since| since <= delay.as_secs() + 5)
        })
    }

    /// The reason that a node does not hold a VIP that it may hold, or `None` if it could.
    fn reason(&self, node: NodeIndex, address: IpAddr) -> Option<Reason> {
        let Some(report) = self.report(node) else { return Some(Reason::Unreached) };
        if !report.keepalived.running {
            return Some(Reason::Stopped);
        }
        if report.drained {
            return Some(Reason::Drained);
        }
        let tracked: BTreeSet<&str> = self
            .instance(address, node)
            .into_iter()
            .flat_map(|instance| instance.tracks.iter().map(|track| track.name.as_str()))
            .collect();
        let mut failing = report.checks.iter().filter(|(_, passes)| !**passes);
        if let Some((check, _)) = failing.find(|(check, _)| tracked.contains(check.as_str())) {
            return Some(Reason::Check(check.clone()));
        }
        self.is_in_fault(node, address).then_some(Reason::Fault)
    }

    /// Every reason once, with its nodes.
    fn joined(&self, reasons: &[(NodeIndex, Reason)]) -> String {
        let mut once: Vec<(&Reason, Vec<&Subdomain>)> = Vec::new();
        for (node, reason) in reasons {
            match once.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, nodes)) => nodes.push(self.name(*node)),
                None => once.push((reason, vec![self.name(*node)])),
            }
        }
        let texts: Vec<String> = once.iter().map(|(reason, nodes)| reason.of(nodes)).collect();
        texts.join("; ")
    }
}

/// The reason that a node does not hold a VIP that it may hold.
#[derive(PartialEq, Eq)]
enum Reason {
    Unreached,
    Stopped,
    Drained,
    /// A check of its instance fails.
    Check(String),
    /// Its instance says so, for a reason that only the node knows.
    Fault,
}

impl Reason {
    /// It, of these nodes.
    fn of(&self, nodes: &[&Subdomain]) -> String {
        let names: Vec<&str> = nodes.iter().map(|name| name.as_str()).collect();
        let (verb, names) = (if names.len() == 1 { "is" } else { "are" }, names.join(", "));
        match self {
            Self::Unreached => format!("{names} {verb} not reached"),
            Self::Stopped => format!("keepalived does not run on {names}"),
            Self::Drained => format!("{names} {verb} drained"),
            Self::Check(check) => format!("the check {check} fails on {names}"),
            Self::Fault => format!("its instance on {names} is in FAULT"),
        }
    }
}
