//! The front end of a datacenter, as git has it.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The front end of a datacenter: the bundle that should run, and how its VIPs are held.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "lbgen.dev",
    version = "v1alpha1",
    kind = "FrontEnd",
    namespaced,
    status = "FrontEndStatus",
    shortname = "fe",
    category = "lbgen",
    printcolumn(name = "VIPs", type_ = "integer", json_path = ".status.vips.total"),
    printcolumn(name = "As planned", type_ = "integer", json_path = ".status.vips.asPlanned"),
    printcolumn(name = "Elsewhere", type_ = "integer", json_path = ".status.vips.elsewhere"),
    printcolumn(name = "Unheld", type_ = "integer", json_path = ".status.vips.unheld"),
    printcolumn(name = "Held twice", type_ = "integer", json_path = ".status.vips.heldTwice"),
    printcolumn(name = "Rollout", type_ = "string", json_path = ".status.rollout"),
    printcolumn(
        name = "Worst",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"AsPlanned\")].message"
    )
)]
#[serde(rename_all = "camelCase")]
pub struct FrontEndSpec {
    /// The bundle that should run.
    pub bundle: Bundle,
    /// Who makes the Rollout to another bundle.
    #[serde(default)]
    pub rollout: Planning,
    /// The time for which an automatic rollout goes on checking after each step, such as `60s`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(regex(pattern = r"^[0-9]{1,5}s$"))]
    pub soak: Option<String>,
    /// True while no rollout goes on: the step that runs is finished, and none after it begins.
    #[serde(default)]
    pub paused: bool,
}

/// Who makes the Rollout to another bundle.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Planning {
    /// CI does (`lbgen rollout --format kubernetes`), and somebody approves it.
    #[default]
    Manual,
    /// The operator does, approved at once. The first bundle is always rolled out by hand: nobody knows what runs before it.
    Automatic,
}

impl FrontEndSpec {
    /// The seconds to go on checking after each step.
    pub fn soak_seconds(&self) -> u64 {
        let text = self.soak.as_deref().unwrap_or_default();
        text.trim_end_matches('s').parse().unwrap_or(0)
    }
}

/// The files of a bundle.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bundle {
    /// The ConfigMaps that hold it, as `lbgen render --format kubernetes` prints them, in their order.
    pub config_maps: Vec<String>,
}

/// The front end as it runs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FrontEndStatus {
    /// The digest of the bundle that the last rollout brought: SHA-256 of its `bundle.json`.
    #[serde(default)]
    pub deployed: Option<String>,
    /// The time at which that rollout had ended.
    #[serde(default)]
    pub deployed_at: Option<Time>,
    /// The Rollout that is under way.
    #[serde(default)]
    pub rollout: Option<String>,
    /// The VIPs, by who holds them.
    #[serde(default)]
    pub vips: VipCounts,
    /// AsPlanned: every VIP is held by its planned node. Drifted: files, rules or what keepalived has loaded differ from the
    /// bundle. Progressing: a rollout is under way.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// Counts of VIPs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VipCounts {
    /// All of them.
    pub total: u32,
    /// Held by the node that is first in their order.
    pub as_planned: u32,
    /// Held by another node.
    pub elsewhere: u32,
    /// Held by no node.
    pub unheld: u32,
    /// Held by more than one node.
    pub held_twice: u32,
}
