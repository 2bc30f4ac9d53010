//! A planned rollout: the file of `lbgen rollout --save` as an object.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::CustomResource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A planned rollout, as `lbgen rollout --format kubernetes` prints it. Nothing begins before it is approved.
#[derive(CustomResource, Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[kube(
    group = "lbgen.dev",
    version = "v1alpha1",
    kind = "Rollout",
    namespaced,
    status = "RolloutStatus",
    shortname = "ro",
    category = "lbgen",
    printcolumn(name = "Phase", type_ = "string", json_path = ".status.phase"),
    printcolumn(name = "Done", type_ = "integer", json_path = ".status.done"),
    printcolumn(name = "Steps", type_ = "integer", json_path = ".status.total"),
    printcolumn(name = "Step", type_ = "string", json_path = ".status.step"),
    printcolumn(name = "Message", type_ = "string", json_path = ".status.message"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp")
)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("x-kubernetes-validations" = [{
    "rule": "self.frontEnd == oldSelf.frontEnd && self.from == oldSelf.from && self.to == oldSelf.to && self.plan == oldSelf.plan && self.onFailure == oldSelf.onFailure",
    "message": "a rollout is what was planned: only approve, paused and goBack can change"
}]))]
pub struct RolloutSpec {
    /// The FrontEnd that it changes.
    pub front_end: String,
    /// The digest of the bundle that runs; empty where the plan was made from something else than a bundle.
    #[serde(default)]
    pub from: String,
    /// The digest of the bundle that it brings.
    pub to: String,
    /// The plan.
    pub plan: PlanReference,
    /// The steps that may be done. Without it nothing begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approve: Option<Approval>,
    /// True while no step begins.
    #[serde(default)]
    pub paused: bool,
    /// True to undo what was done, the last step first.
    #[serde(default)]
    pub go_back: bool,
    /// The reaction to a step that fails.
    #[serde(default)]
    pub on_failure: Failing,
}

/// A plan in a ConfigMap.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PlanReference {
    /// The ConfigMap that holds it.
    pub config_map: String,
    /// The plan's own digest.
    pub digest: String,
}

/// An approval.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// The last step that may be done; all of them without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

/// The reaction to a step that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Failing {
    /// Leaves everything as it is: each state on the way is safe.
    #[default]
    Stop,
    /// Undoes the step.
    Back,
}

/// The progress of a rollout.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RolloutStatus {
    /// In a word.
    #[serde(default)]
    pub phase: Phase,
    /// In a sentence: what it waits for, or why it stopped.
    #[serde(default)]
    pub message: String,
    /// The step that runs, or the last one.
    #[serde(default)]
    pub step: String,
    /// Steps that are done.
    #[serde(default)]
    pub done: u32,
    /// Steps of the plan.
    #[serde(default)]
    pub total: u32,
    /// Each step.
    #[serde(default)]
    pub steps: Vec<StepStatus>,
    /// Steps that were begun or undone, counted each time.
    #[serde(default)]
    pub runs: u32,
    /// VIPs that are silent on the way, and for how long: the plan cannot do without.
    #[serde(default)]
    pub exceptions: Vec<String>,
    /// The generation of the object at which it stopped: it goes on once somebody changes approve, paused or goBack.
    #[serde(default)]
    pub stopped_generation: Option<i64>,
    /// Superseded: another bundle is wanted meanwhile.
    #[serde(default)]
    pub conditions: Vec<Condition>,
}

/// The stage of a rollout.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Phase {
    /// It was not begun.
    #[default]
    Pending,
    /// A step runs.
    Running,
    /// The next step waits for an approval.
    Waiting,
    /// Somebody has paused it.
    Paused,
    /// A step has failed.
    Failed,
    /// The steps that were done are being undone.
    GoingBack,
    /// Everything is done.
    Done,
    /// Everything that can be undone was.
    Undone,
    /// Another bundle was wanted before it began.
    Superseded,
}

impl Phase {
    /// Returns true if nothing more happens to it.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Undone | Self::Superseded)
    }

    /// Returns true if it has touched nodes and has not ended.
    pub fn is_under_way(self) -> bool {
        !self.is_over() && self != Self::Pending
    }
}

/// A step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct StepStatus {
    /// From its content.
    pub id: String,
    /// The kind of step.
    #[serde(rename = "do")]
    pub does: String,
    /// In words.
    pub title: String,
    /// The nodes that it concerns.
    #[serde(default)]
    pub nodes: Vec<String>,
    /// Its stage.
    pub state: StepState,
    /// The time at which it began.
    #[serde(default, rename = "startedAt")]
    pub started_at: Option<Time>,
    /// The time at which it ended.
    #[serde(default, rename = "finishedAt")]
    pub finished_at: Option<Time>,
}

/// The stage of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum StepState {
    /// Not begun, or undone.
    Pending,
    /// It runs, or ran when the operator was stopped.
    Running,
    /// It was done, and what must hold then holds.
    Done,
    /// It failed: it may be done in part.
    Failed,
    /// It is being undone.
    Undoing,
}
