//! (from, to) -> [`Rollout`]: ordered steps from what runs to what will run. Every state on the way, and every state in
//! the middle of a step, was run through the election.

mod act;
mod cluster;
mod probe;
mod script;
mod search;
mod step;
mod switch;

pub use act::SingleAct;
pub use probe::Probe;
pub use script::Script;
pub use step::{Act, Command, Do, Exception, Expectation, Promise, Step, VipMove};

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use anyhow::bail;

use crate::bundle::sha256;
use crate::impact::Comparison;
use crate::language::name::{Label, Subdomain};

/// The input of a rollout's plan.
#[derive(Debug, Clone, Copy)]
pub struct Request<'a> {
    /// The state that runs, the one that will run, and the files that differ.
    pub change: Comparison<'a>,
    /// Failure domains: what interrupts a node never reaches into two of them at a time.
    pub zones: &'a BTreeMap<Subdomain, Label>,
    /// Nodes that are dead.
    pub down: &'a BTreeSet<Subdomain>,
    /// SHA-256 of each node's files as **from** has them, by their paths on it.
    pub digests: &'a BTreeMap<Subdomain, Vec<(String, String)>>,
    /// True if a node may be slow, so that nothing depends on several reloads at one moment.
    pub careful: bool,
    /// The command that nodes are visited with, with nothing changed; `None` rolls a change out.
    pub visit: Option<Visit<'a>>,
}

/// A visit of nodes, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// The command that runs on each of them.
    pub command: &'a str,
    /// Only these; all where there is none.
    pub only: &'a BTreeSet<Subdomain>,
}

/// Ordered steps.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Rollout {
    /// In their order.
    pub steps: Vec<Step>,
    /// Promises that cannot be kept.
    pub exceptions: Vec<Exception>,
    /// The most VIPs that one node carries on the way.
    pub peak: usize,
    /// The digest of every file that runs, where nodes are claimed.
    pub start: Option<String>,
    /// VIPs to ask from outside.
    pub probes: Vec<Probe>,
    /// Nodes that are dead and keep their old files, which are not those of **to**.
    pub left_out: Vec<Subdomain>,
    /// Nodes that commands reach by their pod of keepalived, through the API server.
    pub by_pod: Vec<Subdomain>,
    /// Every node, dead ones aside.
    pub nodes: Vec<Subdomain>,
    /// Every address that any of them may hold.
    pub vips: Vec<IpAddr>,
}

impl Rollout {
    /// Finds the steps. An error says why there are none.
    pub fn plan(request: Request<'_>) -> anyhow::Result<Self> {
        let mut rollout = search::plan(request)?;
        if request.visit.is_none() {
            cluster::add(request.change, &mut rollout);
            rollout.probes = probe::probes(request.change);
        }
        let mut commands = rollout.steps.iter().flat_map(|step| &step.commands);
        if commands.any(|command| matches!(command, Command::Run("claim", _))) {
            let visit = request.visit.map(|visit| (visit.command, visit.only));
            rollout.start = Some(sha256(format!("{:?} {visit:?}", request.digests)));
        }
        rollout.number();
        Ok(rollout)
    }

    /// Gives every step its id: what it does and to what, and which of several alike it is.
    fn number(&mut self) {
        let mut seen: BTreeMap<String, usize> = BTreeMap::new();
        for step in &mut self.steps {
            let id = step.content_id();
            let count = seen.entry(id.clone()).or_default();
            *count += 1;
            step.id = if *count == 1 { id } else { format!("{id}-{count}") };
        }
    }

    /// Returns the steps that are left after these, which have to be the first ones, in any order.
    pub fn after(mut self, done: &[String]) -> anyhow::Result<Self> {
        for id in done {
            if !self.steps.iter().any(|step| step.id == *id) {
                bail!("this rollout has no step `{id}`");
            }
        }
        let first_open = self.steps.iter().position(|step| !done.contains(&step.id));
        let first_open = first_open.unwrap_or(self.steps.len());
        if let Some(late) = self.steps[first_open..].iter().find(|step| done.contains(&step.id)) {
            bail!("`{}` comes after `{}`, which is not done", late.id, self.steps[first_open].id);
        }
        self.steps.drain(..first_open);
        Ok(self)
    }
}

/// Seconds from a reload until everybody has settled: 3 adverts and the skew, and a second for a busy node.
fn settle(advert: Duration) -> Duration {
    3 * advert + Duration::from_secs(2)
}
