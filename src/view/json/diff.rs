//! The document of `diff`.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::{Change, LockState, Stranger};
use crate::impact::{Class, Daemon, Finding, Impact};
use crate::model::{Label, Subdomain};
use crate::view::seconds;

/// `diff`: the files that differ, and what that does to traffic.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Diff<'a> {
    /// The name of the datacenter.
    pub datacenter: &'a Label,
    /// Files in the bundle's folders that are not of lbgen.
    pub diagnostics: Vec<Stranger<'a>>,
    /// By path.
    pub changes: Vec<Change<'a>>,
    /// The lock beside the inventory.
    pub lock: LockState,
    /// The effects, the worst first.
    pub impact: Vec<Effect<'a>>,
    /// The reaction of each node's keepalived.
    pub nodes: Vec<ChangedNode<'a>>,
    /// All of it in one line.
    pub verdict: String,
}

/// An effect on one subject.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Effect<'a> {
    /// The subject: `vips[192.0.2.10]`, `domains.www.example.com`, `components.shop`, `entrypoints.web`, `nodes.lb-1`,
    /// `files[PATH]`.
    subject: String,
    /// The class; the gravest are listed first.
    #[schemars(extend("enum" = Class::ALL.map(Class::word)))]
    class: &'static str,
    /// The reason.
    reason: &'a str,
    /// The files that say so.
    files: &'a BTreeSet<String>,
    /// The MASTER, or who answered, before.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<&'a str>,
    /// The MASTER, or who answers, after.
    #[serde(skip_serializing_if = "Option::is_none")]
    to: Option<&'a str>,
    /// The seconds for which something is silent.
    #[serde(skip_serializing_if = "Option::is_none")]
    seconds: Option<f64>,
}

impl<'a> Effect<'a> {
    fn of(finding: &'a Finding) -> Self {
        Self {
            subject: finding.subject.to_string(),
            class: finding.class.word(),
            reason: &finding.reason,
            files: &finding.files,
            from: finding.from.as_deref(),
            to: finding.to.as_deref(),
            seconds: finding.silent.map(seconds),
        }
    }

    /// The effects of an impact.
    pub fn all(impact: &'a Impact) -> Vec<Self> {
        impact.findings.iter().map(Self::of).collect()
    }
}

/// A node and what its keepalived does.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ChangedNode<'a> {
    /// The name of the node.
    node: &'a Subdomain,
    /// The effect on the daemon.
    #[schemars(extend("enum" = Daemon::ALL.map(Daemon::word)))]
    daemon: &'static str,
}

impl<'a> ChangedNode<'a> {
    /// The nodes of an impact.
    pub fn all(impact: &'a Impact) -> Vec<Self> {
        let one = |change: &'a crate::impact::NodeChange| Self {
            node: &change.node,
            daemon: change.daemon.word(),
        };
        impact.nodes.iter().map(one).collect()
    }
}
