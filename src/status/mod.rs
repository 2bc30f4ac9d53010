//! (what should run, what the nodes say) -> [`Status`]: who holds what right now, and whether that is right. The election
//! over what the nodes say explains a holder that is not the planned one; what it does not explain is the alarm.

pub mod codes;
pub mod report;

mod node;
mod vip;

use std::collections::{BTreeMap, BTreeSet};

use crate::bundle::{CONFIGURATION, NodeFile};
use crate::diag::{Code, Severity};
use crate::language::name::Subdomain;
use crate::language::version::KeepalivedVersion;
use crate::state::elect::Phase;
use crate::state::{State, pod};
pub use node::{Files, NodeStatus};
pub use report::Report;
pub use vip::VipStatus;

/// SHA-256 of the files of each node.
pub type Digests = BTreeMap<Subdomain, Vec<(String, String)>>;

/// The fleet as it should run.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// As it was deployed.
    pub deployed: Side<'a>,
    /// As a rollout would have it: nodes that one has claimed may run this already.
    pub next: Option<Side<'a>>,
    /// The release of keepalived that the nodes run.
    pub version: KeepalivedVersion,
}

/// A bundle.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The configurations.
    pub state: &'a State,
    /// The digests of the files.
    pub digests: &'a Digests,
}

impl<'a> Side<'a> {
    /// The files of a node with their digests.
    fn files(&self, node: &Subdomain) -> &'a [(String, String)] {
        self.digests.get(node).map_or(&[], Vec::as_slice)
    }

    /// The digest of a file of a node, or `None` if the node has no such file.
    fn digest(&self, node: &Subdomain, path: &str) -> Option<&'a String> {
        let mut files = self.files(node).iter();
        files.find(|(known, _)| known == path).map(|(_, digest)| digest)
    }
}

impl<'a> Wanted<'a> {
    /// The bundle that was deployed, then the next: the phases of an election.
    fn sides(&self) -> impl Iterator<Item = Side<'a>> + use<'a> {
        [self.deployed].into_iter().chain(self.next)
    }

    /// Every node that something was deployed to, or will be.
    pub fn nodes(&self) -> BTreeSet<&'a Subdomain> {
        self.sides().flat_map(|side| side.state.nodes.keys()).collect()
    }

    /// Returns true if a node is asked in its pod.
    pub fn is_only_reached_by_pod(&self, node: &Subdomain) -> bool {
        let states = self.sides().filter_map(|side| side.state.nodes.get(node));
        pod::is_only_reached(states.map(|state| state.pod.as_ref()))
    }

    /// The files that a node may have, as far as one who asks it sees them.
    pub fn files(&self, node: &Subdomain) -> BTreeSet<&'a str> {
        let files = self.sides().flat_map(|side| side.files(node));
        let files = files.map(|(path, _)| path.as_str());
        let by_pod = self.is_only_reached_by_pod(node);
        files.filter(|path| !by_pod || NodeFile::of(path).is_in_pod()).collect()
    }

    /// Returns the side whose keepalived.conf a node has: a rollout may have brought the next.
    fn phase(&self, node: &Subdomain, report: Option<&Report>) -> Phase {
        let found = report.and_then(|report| report.files.get(CONFIGURATION));
        let has = |side: Side<'_>| found.is_some() && side.digest(node, CONFIGURATION) == found;
        usize::from(self.next.is_some_and(has) && !has(self.deployed))
    }
}

/// The report of each node, or the reason that there is none.
pub type Answers = BTreeMap<Subdomain, Result<Report, String>>;

/// Something that is not as planned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Its code.
    pub code: &'static Code,
    /// The VIP, node, object or Secret.
    pub subject: String,
    /// In words.
    pub text: String,
}

/// The fleet as it runs.
#[derive(Debug)]
pub struct Status {
    /// By address.
    pub vips: Vec<VipStatus>,
    /// By name.
    pub nodes: Vec<NodeStatus>,
    /// Worst first.
    pub findings: Vec<Finding>,
}

impl Status {
    /// Compares what nodes say with what should run.
    pub fn of(wanted: Wanted<'_>, answers: &Answers) -> Self {
        let mut status = Self {
            vips: vip::all(wanted, answers),
            nodes: node::all(wanted, answers),
            findings: Vec::new(),
        };
        let vips = status.vips.iter().filter_map(VipStatus::finding);
        let nodes = status.nodes.iter().flat_map(NodeStatus::findings);
        let found = vips.chain(nodes).collect();
        status.add(found);
        status
    }

    /// Adds findings; the worst stay first.
    pub fn add(&mut self, findings: Vec<Finding>) {
        self.findings.extend(findings);
        self.findings.sort_by(|a, b| (a.code.id, &a.subject).cmp(&(b.code.id, &b.subject)));
    }

    /// Returns true if no node could be asked.
    pub fn is_unknown(&self) -> bool {
        !self.nodes.is_empty() && self.nodes.iter().all(|node| node.answer.is_err())
    }

    /// Returns true if all is as planned, or otherwise because somebody drained a node.
    pub fn is_as_planned(&self) -> bool {
        let is_meant = |finding: &Finding| {
            let by_drain = || {
                let mut vips = self.vips.iter();
                vips.any(|vip| vip.vip.to_string() == finding.subject && vip.is_by_drain)
            };
            finding.code == &codes::DRAINED
                || finding.code == &codes::CLAIM
                || finding.code == &codes::ELSEWHERE && by_drain()
        };
        self.findings.iter().all(is_meant)
    }

    /// The number of findings of a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.findings.iter().filter(|found| found.code.severity == severity).count()
    }
}
