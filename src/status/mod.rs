//! (what should run, what the nodes say) -> [`Status`]: who holds what right now, and whether that is right. The election
//! over what the nodes say explains a holder that is not the planned one; what it does not explain is the alarm.

pub mod codes;
pub mod report;

mod node;
mod vip;

use std::collections::BTreeMap;

use crate::diag::{Code, Severity};
use crate::language::name::Subdomain;
use crate::language::version::KeepalivedVersion;
use crate::state::State;
pub use node::{Files, NodeStatus};
pub use report::Report;
pub use vip::VipStatus;

/// The fleet as it should run.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The configurations.
    pub state: &'a State,
    /// SHA-256 of the files of each node.
    pub digests: &'a BTreeMap<Subdomain, Vec<(String, String)>>,
    /// The release of keepalived that the nodes run.
    pub version: KeepalivedVersion,
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
