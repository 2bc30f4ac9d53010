//! The record of a rollout: the status of its object.

use std::sync::{Arc, Mutex, PoisonError};

use kube::Api;
use kube::ResourceExt;
use kube::api::{Patch, PatchParams};
use lbgen::execute::journal::{Event, Happened, Progress};
use lbgen::execute::{PlanFile, Record};
use serde_json::json;
use tokio::runtime::Handle;

use super::patience::again;
use super::wishes::Wishes;
use crate::api::{Phase, Rollout, RolloutStatus, StepState, StepStatus, now};

/// The run of the step that is under way. An operator that goes on with it finds by this what nodes were told before.
pub type Run = Arc<Mutex<String>>;

/// A rollout's status, which is written before and after each step.
pub struct Status {
    api: Api<Rollout>,
    handle: Handle,
    name: String,
    uid: String,
    pub status: RolloutStatus,
    /// The status that the API server has.
    written: Mutex<Option<RolloutStatus>>,
    pub run: Run,
    /// The reason for which a step has failed.
    pub failure: Arc<Mutex<String>>,
    wishes: Wishes,
}

impl Status {
    /// That of a rollout, with the steps of its plan.
    pub fn of(api: Api<Rollout>, rollout: &Rollout, plan: &PlanFile, wishes: Wishes) -> Self {
        let mut status = rollout.status.clone().unwrap_or_default();
        if status.steps.is_empty() {
            status.steps = plan.steps.iter().map(pending).collect();
            status.total = status.steps.len() as u32;
            status.exceptions = plan.steps.iter().flat_map(silences).collect();
        }
        Self {
            api,
            handle: Handle::current(),
            name: rollout.name_any(),
            uid: rollout.uid().unwrap_or_default(),
            written: Mutex::new(rollout.status.clone()),
            status,
            run: Run::default(),
            failure: Arc::default(),
            wishes,
        }
    }

    /// Writes it where it is not what the API server has.
    pub fn write(&self) -> Result<(), String> {
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        if written.as_ref() == Some(&self.status) {
            return Ok(());
        }
        let mut status = serde_json::to_value(&self.status).map_err(|error| error.to_string())?;
        // The controller says those.
        if let Some(fields) = status.as_object_mut() {
            fields.remove("conditions");
        }
        // Another object of the same name is not this one.
        let patch = Patch::Merge(json!({ "metadata": { "uid": self.uid }, "status": status }));
        let parameters = PatchParams {
            field_manager: Some("lbgen-operator".to_owned()),
            ..PatchParams::default()
        };
        again(&self.handle, || self.api.patch_status(&self.name, &parameters, &patch))?;
        *written = Some(self.status.clone());
        Ok(())
    }

    /// Says why it is as it is. The reason for which a step failed stays until somebody changes the object.
    fn explain(&mut self, event: Happened) {
        let status = &mut self.status;
        let has_failed = status.stopped_generation.is_some();
        match event {
            Happened::Undo | Happened::Undone if has_failed => {}
            Happened::Failed => {
                let failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
                status.message.clone_from(&failure);
                if !self.wishes.is_to_go_back() {
                    status.stopped_generation = self.wishes.generation();
                }
            }
            _ => {
                status.stopped_generation = None;
                let step = status.steps.iter().find(|step| step.id == status.step);
                status.message = step.map(|step| step.title.clone()).unwrap_or_default();
            }
        }
    }

    /// A step is in another state now, unless an operator before this one was at the same.
    fn enter(&mut self, id: &str, state: StepState) {
        let status = &mut self.status;
        id.clone_into(&mut status.step);
        let is_run = matches!(state, StepState::Running | StepState::Undoing);
        for step in status.steps.iter_mut().filter(|step| step.id == id) {
            if step.state == state {
                continue;
            }
            step.state = state;
            match state {
                StepState::Running | StepState::Undoing => {
                    status.runs += 1;
                    (step.started_at, step.finished_at) = (Some(now()), None);
                }
                StepState::Done | StepState::Failed => step.finished_at = Some(now()),
                StepState::Pending => (step.started_at, step.finished_at) = (None, None),
            }
        }
        if is_run {
            let run = format!("{}.{}", self.uid, status.runs);
            *self.run.lock().unwrap_or_else(PoisonError::into_inner) = run;
        }
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
        self.status.phase = phase;
        if let (Some(id), Some(state)) = (event.step, state) {
            self.enter(&id, state);
        }
        self.explain(event.event);
        let steps = self.status.steps.iter();
        self.status.done = steps.filter(|step| step.state == StepState::Done).count() as u32;
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
