//! The document of `status`.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Subdomain;
use crate::status::{Finding, NodeStatus, Status, VipStatus, report};

/// `status`: who holds what right now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FleetStatus<'a> {
    /// The name of the datacenter.
    datacenter: &'a str,
    /// By address.
    vips: Vec<Vip<'a>>,
    /// By name.
    nodes: Vec<Node<'a>>,
    /// Everything that is not as planned, errors first.
    findings: Vec<Found<'a>>,
}

/// A VIP.
#[derive(Debug, Serialize, JsonSchema)]
struct Vip<'a> {
    /// The address.
    vip: IpAddr,
    /// The holder while every node is well, or null if no node may hold it.
    planned: Option<&'a Subdomain>,
    /// The nodes that have the address.
    held_by: &'a [Subdomain],
    /// Seconds since the holder became MASTER, by its own clock; null where no node tells.
    since: Option<u64>,
    /// The reason that it is not where it was planned; empty if it is.
    why: &'a str,
    /// True if what the nodes say explains the holder.
    explained: bool,
}

/// A node.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(untagged)]
enum Node<'a> {
    Silent(SilentNode<'a>),
    Reached(Box<ReachedNode<'a>>),
}

/// A node that was not reached.
#[derive(Debug, Serialize, JsonSchema)]
struct SilentNode<'a> {
    /// The name of the node.
    node: &'a Subdomain,
    /// False.
    reached: bool,
    /// The reason.
    error: &'a str,
}

/// A node that has answered.
#[derive(Debug, Serialize, JsonSchema)]
struct ReachedNode<'a> {
    /// The name of the node.
    node: &'a Subdomain,
    /// True.
    reached: bool,
    /// The release of keepalived; empty where it is not installed.
    keepalived: &'a str,
    /// True while keepalived runs.
    running: bool,
    /// True if a person, or a rollout, has drained it.
    drained: bool,
    /// The files that are not as rendered.
    files: Files<'a>,
    /// True if keepalived has loaded the configuration that it should have.
    loaded: bool,
    /// The checks that fail, by name.
    failing: Vec<&'a str>,
    /// Lines of `lbgen-policy-routing status` that tell of a difference.
    routing: &'a [String],
    /// The rollout that has claimed the node, or null.
    claim: Option<Claim<'a>>,
}

/// Files of a node that are not as rendered, by path.
#[derive(Debug, Serialize, JsonSchema)]
struct Files<'a> {
    /// Files that somebody has edited.
    edited: &'a [String],
    /// Files that are not there.
    missing: &'a [String],
    /// Files in folders of lbgen that it did not write.
    foreign: &'a [String],
    /// As the bundle in the directory has them, which a rollout is bringing.
    next: &'a [String],
}

/// A rollout that has claimed a node.
#[derive(Debug, Serialize, JsonSchema)]
struct Claim<'a> {
    /// The id of the rollout.
    id: &'a str,
    /// Who runs it, and since when.
    by: &'a str,
}

/// Something that is not as planned.
#[derive(Debug, Serialize, JsonSchema)]
struct Found<'a> {
    /// `LB5` and two digits.
    code: &'static str,
    /// `error` or `warning`.
    severity: &'static str,
    /// The VIP, node, object or Secret.
    subject: &'a str,
    /// In words.
    message: &'a str,
}

impl<'a> FleetStatus<'a> {
    /// The document of a fleet as it runs.
    pub fn of(datacenter: &'a str, status: &'a Status) -> Self {
        Self {
            datacenter,
            vips: status.vips.iter().map(Vip::of).collect(),
            nodes: status.nodes.iter().map(Node::of).collect(),
            findings: status.findings.iter().map(Found::of).collect(),
        }
    }
}

impl<'a> Vip<'a> {
    fn of(status: &'a VipStatus) -> Self {
        Self {
            vip: status.vip,
            planned: status.planned.as_ref(),
            held_by: &status.held_by,
            since: status.since,
            why: &status.why,
            explained: status.is_explained,
        }
    }
}

impl<'a> Node<'a> {
    fn of(status: &'a NodeStatus) -> Self {
        let node = &status.node;
        let report = match &status.answer {
            Err(error) => return Self::Silent(SilentNode { node, reached: false, error }),
            Ok(report) => report,
        };
        let failing = report.checks.iter().filter(|(_, passes)| !**passes);
        Self::Reached(Box::new(ReachedNode {
            node,
            reached: true,
            keepalived: &report.keepalived.version,
            running: report.keepalived.running,
            drained: report.drained,
            files: Files {
                edited: &status.files.edited,
                missing: &status.files.missing,
                foreign: &status.files.foreign,
                next: &status.files.next,
            },
            loaded: report.loaded == report::Loaded::Same,
            failing: failing.map(|(check, _)| check.as_str()).collect(),
            routing: &report.routing.lines,
            claim: report.claim.as_ref().map(|claim| Claim { id: &claim.id, by: &claim.by }),
        }))
    }
}

impl<'a> Found<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            code: finding.code.id,
            severity: finding.code.severity.word(),
            subject: &finding.subject,
            message: &finding.text,
        }
    }
}
