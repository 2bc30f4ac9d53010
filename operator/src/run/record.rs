//! The record of a rollout: the status of its object.

use kube::Api;
use kube::api::{Patch, PatchParams};
use lbgen::execute::journal::{Event, Happened, Progress};
use lbgen::execute::{PlanFile, Record};
use serde_json::json;
use tokio::runtime::Handle;

use super::patience::again;
use crate::api::{Phase, Rollout, RolloutStatus, StepState, StepStatus, now};

/// A rollout's status, which is written before and after each step.
pub struct Status {
    api: Api<Rollout>,
    handle: Handle,
    name: String,
    pub status: RolloutStatus,
}

impl Status {
    /// That of a rollout, with the steps of its plan.
    pub fn of(
        api: Api<Rollout>,
        name: &str,
        before: Option<RolloutStatus>,
        plan: &PlanFile,
    ) -> Self {
        let mut status = before.unwrap_or_default();
        if status.steps.is_empty() {
            status.steps = plan.steps.iter().map(pending).collect();
            status.total = status.steps.len() as u32;
            status.exceptions = plan.steps.iter().flat_map(silences).collect();
        }
        Self { api, handle: Handle::current(), name: name.to_owned(), status }
    }

    /// The step that ran when its operator was stopped.
    pub fn interrupted(&self) -> Option<String> {
        let mut steps = self.status.steps.iter();
        let open = steps.find(|step| matches!(step.state, StepState::Running | StepState::Undoing));
        open.map(|step| step.id.clone())
    }

    /// Writes it.
    pub fn write(&self) -> Result<(), String> {
        let mut status = serde_json::to_value(&self.status).map_err(|error| error.to_string())?;
        // The controller says those.
        if let Some(fields) = status.as_object_mut() {
            fields.remove("conditions");
        }
        let patch = Patch::Merge(json!({ "status": status }));
        let parameters = PatchParams {
            field_manager: Some("lbgen-operator".to_owned()),
            ..PatchParams::default()
        };
        again(&self.handle, || self.api.patch_status(&self.name, &parameters, &patch)).map(drop)
    }
}

/// The VIPs that are silent in a step, and for how long.
fn silences(step: &serde_json::Value) -> Vec<String> {
    let id = step["id"].as_str().unwrap_or_default();
    let moved = step["vips"].as_array().into_iter().flatten();
    let silent =
        moved.filter_map(|moved| Some((moved["vip"].as_str()?, moved["seconds"].as_f64()?)));
    let silent = silent.filter(|(_, seconds)| *seconds > 0.0);
    silent.map(|(vip, seconds)| format!("{vip} is silent for {seconds} s in {id}")).collect()
}

/// A step that was not begun.
fn pending(step: &serde_json::Value) -> StepStatus {
    let word = |key: &str| step[key].as_str().unwrap_or_default().to_owned();
    let nodes = step["nodes"].as_array().into_iter().flatten();
    StepStatus {
        id: word("id"),
        does: word("do"),
        title: word("title"),
        nodes: nodes.filter_map(|node| node.as_str().map(str::to_owned)).collect(),
        state: StepState::Pending,
        started_at: None,
        finished_at: None,
    }
}

impl Record for Status {
    fn write(&mut self, event: Event) -> anyhow::Result<()> {
        let status = &mut self.status;
        let (phase, state) = match event.event {
            Happened::Start => (Phase::Running, None),
            Happened::Begin => (Phase::Running, Some(StepState::Running)),
            Happened::Done => (Phase::Running, Some(StepState::Done)),
            Happened::Failed => (Phase::Failed, Some(StepState::Failed)),
            Happened::Undo => (Phase::GoingBack, Some(StepState::Undoing)),
            Happened::Undone => (Phase::GoingBack, Some(StepState::Pending)),
            Happened::Finish => (Phase::Done, None),
            Happened::Abandon => (Phase::Undone, None),
        };
        status.phase = phase;
        status.message = String::new();
        if let (Some(id), Some(state)) = (event.step, state) {
            status.step.clone_from(&id);
            for step in status.steps.iter_mut().filter(|step| step.id == id) {
                step.state = state;
                match state {
                    StepState::Running | StepState::Undoing => {
                        (step.started_at, step.finished_at) = (Some(now()), None);
                    }
                    StepState::Done | StepState::Failed => step.finished_at = Some(now()),
                    StepState::Pending => (step.started_at, step.finished_at) = (None, None),
                }
                status.message.clone_from(&step.title);
            }
        }
        status.done =
            status.steps.iter().filter(|step| step.state == StepState::Done).count() as u32;
        Status::write(self).map_err(anyhow::Error::msg)
    }

    fn progress(&self, _: &str) -> Progress {
        let steps = self.status.steps.iter();
        let done = steps.clone().filter(|step| step.state == StepState::Done);
        let mut open =
            steps.filter(|step| !matches!(step.state, StepState::Done | StepState::Pending));
        Progress {
            done: done.map(|step| step.id.clone()).collect(),
            open: open.next().map(|step| step.id.clone()),
        }
    }
}
