//! The report of a node: the JSON document of `state` in `templates/node.sh`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The report of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// Seconds of its clock.
    pub time: u64,
    /// Its keepalived.
    pub keepalived: Daemon,
    /// True if a person, or a rollout, has drained it.
    pub drained: bool,
    /// The rollout that has claimed it, or `None`.
    #[serde(default)]
    pub claim: Option<Claim>,
    /// Every address of its interfaces.
    pub addresses: Vec<IpAddr>,
    /// SHA-256 of the files that it was asked for and has, by path.
    pub files: BTreeMap<String, String>,
    /// Files in folders of ours that it was not asked for.
    pub foreign: Vec<String>,
    /// The configuration that keepalived has loaded, next to the one it should have.
    pub loaded: Loaded,
    /// Lines that differ: `<` is expected, `>` is loaded.
    pub differs: Vec<String>,
    /// By name.
    pub instances: BTreeMap<String, Instance>,
    /// True for each check that passes, by name.
    pub checks: BTreeMap<String, bool>,
    /// The output of `lbgen-policy-routing status`.
    pub routing: Routing,
}

/// The keepalived of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Daemon {
    /// Its release; empty where it is not installed.
    pub version: String,
    /// True while it runs.
    pub running: bool,
}

/// A rollout that has claimed a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Claim {
    /// Its digest.
    pub id: String,
    /// Who, from where, and when.
    pub by: String,
}

/// The configuration that keepalived has loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Loaded {
    /// The one that it should have.
    Same,
    /// Something else.
    Differs,
    /// Nothing tells: the program that does is not on the node.
    Unknown,
}

/// An instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Instance {
    /// `MASTER`, `BACKUP` or `FAULT`.
    pub state: String,
    /// The time at which it entered that state, in seconds of the node's clock.
    pub since: u64,
}

/// Counts of rules, routes and marks, and those that are not as intended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Routing {
    /// There, as intended.
    pub present: usize,
    /// Rightly not there.
    pub absent: usize,
    /// Not there, and should be.
    pub missing: usize,
    /// There, and should not be.
    pub foreign: usize,
    /// The lines of what is missing or foreign.
    pub lines: Vec<String>,
}

impl Report {
    /// Reads the document.
    pub fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text.trim())
            .map_err(|error| format!("its answer cannot be read: {error}"))
    }
}
