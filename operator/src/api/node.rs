//! A node of a front end: what the operator wants of it, and what its agent says.

use std::collections::BTreeMap;

use kube::CustomResource;
use lbgen::status::report;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A node of a front end. The operator writes its spec, and the agent on the node its status.
#[derive(CustomResource, Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "lbgen.dev",
    version = "v1alpha1",
    kind = "FrontEndNode",
    namespaced,
    derive = "Default",
    status = "FrontEndNodeStatus",
    shortname = "fen",
    category = "lbgen",
    printcolumn(name = "Running", type_ = "boolean", json_path = ".status.keepalived.running"),
    printcolumn(name = "Keepalived", type_ = "string", json_path = ".status.keepalived.version"),
    printcolumn(name = "Drained", type_ = "boolean", json_path = ".status.drained"),
    printcolumn(name = "Loaded", type_ = "string", json_path = ".status.loaded"),
    printcolumn(name = "Holds", type_ = "string", json_path = ".status.holds"),
    printcolumn(name = "Step", type_ = "string", json_path = ".spec.desired.step", priority = 1),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message")
)]
#[serde(rename_all = "camelCase")]
pub struct FrontEndNodeSpec {
    /// The one thing that the node should do, or has done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desired: Option<Desired>,
    /// True from the step that drains the node to the one that lets VIPs come back.
    #[serde(default)]
    pub drain: bool,
    /// The files that it should have, whose digests it reports.
    #[serde(default)]
    pub files: Vec<String>,
    /// The VIPs that a node may hold, of which it reports those that it has.
    #[serde(default)]
    pub vips: Vec<String>,
}

/// One thing that a node does.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Desired {
    /// Higher than that of everything before. The agent does each number once.
    pub number: i64,
    /// The step of the rollout.
    pub step: String,
    /// The run of that step: a step that is done again, or undone, is another one.
    #[serde(default)]
    pub run: String,
    /// The place of this in the step.
    #[serde(default)]
    pub place: u32,
    /// The digest of the bundle that it is about.
    pub digest: String,
    /// The function of the node's program.
    pub act: String,
    /// Its words.
    #[serde(default)]
    pub args: Vec<String>,
    /// The id under which the rollout claims nodes.
    #[serde(default)]
    pub claim: String,
    /// Who claims them.
    #[serde(default)]
    pub claimant: String,
    /// The moment at which it happens.
    #[serde(default)]
    pub moment: Moment,
    /// Milliseconds from the word to the act, where it is the second half of a handover.
    #[serde(default)]
    pub delay: u32,
    /// Seconds for which a first half waits for the word that it stays.
    #[serde(default)]
    pub patience: u32,
    /// The function that takes it back, where it is the first half of a handover.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opposite: Option<String>,
    /// The node's files, where they are to be copied: tar and gzip, in base64.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pack: Option<String>,
}

/// The moment at which a node does what it should.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Moment {
    /// At once.
    #[default]
    Now,
    /// Not yet: it gets ready, and says so.
    Hold,
    /// At once, once it is ready.
    Go,
    /// The other half of the handover has happened, too.
    Stays,
    /// It has not: this half is taken back.
    TakeBack,
}

/// The answer of a node to the last thing that it was told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Progress {
    /// It does it.
    #[default]
    Running,
    /// It holds, and goes at a word.
    Ready,
    /// It has happened; what follows from it is not proven yet.
    Acted,
    /// It is done and proven.
    Done,
    /// It failed.
    Failed,
}

/// A node, as it says itself.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrontEndNodeStatus {
    /// The number of what it was told last.
    #[serde(default)]
    pub number: i64,
    /// The progress of that.
    #[serde(default)]
    pub progress: Progress,
    /// Its error, or what it has to say.
    #[serde(default)]
    pub message: String,
    /// The kernel's own id of this boot.
    #[serde(default)]
    pub boot_id: String,
    /// The VIPs that it has.
    #[serde(default)]
    pub holds: Vec<String>,
    /// Its keepalived.
    #[serde(default)]
    pub keepalived: Daemon,
    /// True if it gives every VIP away.
    #[serde(default)]
    pub drained: bool,
    /// `same` if keepalived has loaded what its files say, `differs` if not, `unknown` where nothing tells.
    #[serde(default)]
    pub loaded: String,
    /// Lines of that which differ: `<` is expected, `>` is loaded.
    #[serde(default)]
    pub differs: Vec<String>,
    /// Each check and its result.
    #[serde(default)]
    pub checks: Vec<Check>,
    /// Each instance of VRRP.
    #[serde(default)]
    pub instances: BTreeMap<String, report::Instance>,
    /// Rules, routes and marks.
    #[serde(default)]
    pub routing: Option<report::Routing>,
    /// The rollout that has claimed it.
    #[serde(default)]
    pub claim: Option<report::Claim>,
    /// SHA-256 of its files.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Files in folders of lbgen that are not of the bundle.
    #[serde(default)]
    pub foreign: Vec<String>,
}

/// The keepalived of a node.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Daemon {
    /// Its release; empty where it is not installed.
    #[serde(default)]
    pub version: String,
    /// True while it runs.
    #[serde(default)]
    pub running: bool,
}

/// A check of a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Check {
    /// Its name.
    pub name: String,
    /// True if it passes.
    pub passes: bool,
}

impl FrontEndNodeStatus {
    /// Takes over what the node's program says of it.
    pub fn take(&mut self, report: report::Report, vips: &[String]) {
        self.keepalived =
            Daemon { version: report.keepalived.version, running: report.keepalived.running };
        self.drained = report.drained;
        self.loaded = match report.loaded {
            report::Loaded::Same => "same",
            report::Loaded::Differs => "differs",
            report::Loaded::Unknown => "unknown",
        }
        .to_owned();
        self.differs = report.differs;
        self.checks =
            report.checks.into_iter().map(|(name, passes)| Check { name, passes }).collect();
        self.instances = report.instances;
        self.routing = Some(report.routing);
        self.claim = report.claim;
        self.files = report.files;
        self.foreign = report.foreign;
        let held: Vec<String> = report.addresses.iter().map(ToString::to_string).collect();
        self.holds = vips.iter().filter(|vip| held.contains(vip)).cloned().collect();
    }

    /// The report that it was taken from, as `lbgen status` reads it.
    pub fn report(&self, time: u64) -> Option<report::Report> {
        Some(report::Report {
            time,
            keepalived: report::Daemon {
                version: self.keepalived.version.clone(),
                running: self.keepalived.running,
            },
            drained: self.drained,
            claim: self.claim.clone(),
            addresses: self.holds.iter().filter_map(|held| held.parse().ok()).collect(),
            files: self.files.clone(),
            foreign: self.foreign.clone(),
            loaded: match self.loaded.as_str() {
                "same" => report::Loaded::Same,
                "differs" => report::Loaded::Differs,
                _ => report::Loaded::Unknown,
            },
            differs: self.differs.clone(),
            instances: self.instances.clone(),
            checks: self.checks.iter().map(|check| (check.name.clone(), check.passes)).collect(),
            routing: self.routing.clone()?,
        })
    }
}
