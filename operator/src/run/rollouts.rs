//! The rollouts of a FrontEnd: planned where that is the operator's to do, begun, gone on with, or undone.

use std::sync::{Arc, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::bail;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::api::{Patch, PatchParams, PostParams};
use kube::{Api, ResourceExt};
use lbgen::execute::{Driver, OnFailure, Outcome, PlanFile};
use serde_json::json;

use super::bundle::{self, Bundle};
use super::cluster::Cluster;
use super::controller::Controller;
use super::fleet::Fleet;
use super::planner;
use super::record::Status;
use super::steps::{Agents, refusal};
use super::wishes::Wishes;
use crate::api::{
    Failing, FrontEnd, FrontEndNode, NAMESPACE, Phase, Planning, Rollout, StepState, set_condition,
};

/// A rollout that a thread carries out.
pub struct Active {
    /// The uid of its object: another one may have the same name.
    pub rollout: Option<String>,
    pub wishes: Wishes,
    pub thread: JoinHandle<()>,
    /// The nodes and VIPs of its plan.
    pub nodes: Vec<String>,
    pub vips: Vec<String>,
}

impl Controller {
    /// Tells each rollout that is carried out what is wished of it: first, whatever else cannot be read.
    pub(super) fn hear(&self, front_ends: &[FrontEnd], rollouts: &[Rollout]) {
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, running) in &*active {
            let rollout = rollouts.iter().find(|rollout| rollout.uid() == running.rollout);
            let front_end = front_ends.iter().find(|front_end| front_end.name_any() == *name);
            match (front_end, rollout) {
                (Some(front_end), Some(rollout)) => running.wishes.hear(front_end, rollout),
                // Somebody has deleted one of them: no step more.
                _ => running.wishes.stop(),
            }
        }
    }

    /// The rollout of a FrontEnd: begun, gone on with, or undone, as far as somebody wants it.
    pub(super) fn carry_out(
        &self,
        front_end: &FrontEnd,
        wanted: Option<&str>,
        deployed: Option<&str>,
        rollouts: &[&Rollout],
        fleet: &Fleet,
    ) -> anyhow::Result<()> {
        let name = front_end.name_any();
        let under_way = rollouts.iter().find(|rollout| phase(rollout).is_under_way());
        if let (Some(rollout), Some(wanted)) = (under_way, wanted) {
            self.supersede(rollout, wanted)?;
        }
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = active.get(&name) {
            if !running.thread.is_finished() {
                return Ok(());
            }
            active.remove(&name);
            // Its result is read anew.
            return Ok(());
        }
        let newest = match wanted {
            Some(wanted) => self.newest(wanted, rollouts)?,
            None => None,
        };
        let Some(rollout) = under_way.copied().or(newest) else {
            return match wanted {
                Some(wanted) => self.plan(front_end, wanted, deployed, rollouts, fleet),
                None => Ok(()),
            };
        };
        let is_begun = phase(rollout) != Phase::Pending;
        if !is_begun
            && let Some(deployed) = deployed
            && !rollout.spec.from.is_empty()
            && rollout.spec.from != deployed
        {
            let message = "it was planned from another bundle than the one that runs: plan again";
            return self.note(rollout, Phase::Pending, message);
        }
        let plan = self.handle.block_on(bundle::plan(&self.client, &rollout.spec.plan))?;
        if let Some(why) = refusal(&plan).filter(|_| !is_begun) {
            return self.note(rollout, Phase::Pending, &why);
        }
        let wishes = Wishes::default();
        wishes.hear(front_end, rollout);
        let status = rollout.status.clone().unwrap_or_default();
        let has_stopped = status.stopped_generation.is_some()
            && status.stopped_generation == rollout.metadata.generation;
        // A step that failed is being undone, and nobody has asked for more.
        let is_half_undone =
            has_stopped && status.phase == Phase::GoingBack && !rollout.spec.go_back;
        if has_stopped && !is_half_undone {
            return Ok(());
        }
        let api = Api::namespaced(self.client.clone(), NAMESPACE);
        let record = Status::of(api, rollout, &plan, wishes.clone());
        if !is_half_undone && let Some((phase, message)) = waits(rollout, &record, &plan, &wishes) {
            return self.note(rollout, phase, &message);
        }
        let bundle = self.handle.block_on(Bundle::load(&self.client, &rollout.spec.to))?;
        let agents = Agents {
            front_ends: Api::namespaced(self.client.clone(), NAMESPACE),
            handle: self.handle.clone(),
            nodes: fleet.clone(),
            cluster: Cluster::new(self.client.clone()),
            bundle,
            plan,
            wishes: wishes.clone(),
            deployed: deployed.map(str::to_owned),
            run: Arc::clone(&record.run),
            failure: Arc::clone(&record.failure),
        };
        let nodes = agents.plan.nodes.clone();
        let vips = agents.plan.vips.iter().map(ToString::to_string).collect();
        let way = match (is_half_undone, rollout.spec.go_back, is_begun) {
            (true, ..) => Way::BackOfOne,
            (_, true, _) => Way::Back,
            (.., true) => Way::On,
            _ => Way::Start,
        };
        let on_failure = rollout.spec.on_failure;
        let thread = std::thread::spawn(move || run(agents, record, way, on_failure));
        active.insert(name, Active { rollout: rollout.uid(), wishes, thread, nodes, vips });
        Ok(())
    }

    /// The newest rollout to the bundle that is wanted, of those that were not begun; the others are superseded.
    fn newest<'a>(
        &self,
        wanted: &str,
        rollouts: &[&'a Rollout],
    ) -> anyhow::Result<Option<&'a Rollout>> {
        let pending = || rollouts.iter().filter(|rollout| phase(rollout) == Phase::Pending);
        let fitting = pending().filter(|rollout| rollout.spec.to == wanted);
        let newest = fitting.max_by_key(|rollout| rollout.creation_timestamp()).copied();
        let uid = newest.and_then(Rollout::uid);
        for rollout in pending().filter(|rollout| rollout.uid() != uid) {
            let message = "another bundle, or a newer plan, is wanted";
            self.note(rollout, Phase::Superseded, message)?;
        }
        Ok(newest)
    }

    /// Plans the rollout to another bundle, where that is the operator's to do and was not done.
    fn plan(
        &self,
        front_end: &FrontEnd,
        wanted: &str,
        deployed: Option<&str>,
        rollouts: &[&Rollout],
        fleet: &Fleet,
    ) -> anyhow::Result<()> {
        let Some(deployed) = deployed.filter(|deployed| *deployed != wanted) else { return Ok(()) };
        let is_there = |rollout: &&&Rollout| {
            (rollout.spec.from.as_str(), rollout.spec.to.as_str()) == (deployed, wanted)
                && !matches!(phase(rollout), Phase::Done | Phase::Superseded)
        };
        // One that somebody has let go back is not begun again.
        if front_end.spec.rollout != Planning::Automatic
            || front_end.spec.paused
            || rollouts.iter().any(|rollout| is_there(&rollout))
        {
            return Ok(());
        }
        // Those of a rollout whose object somebody has deleted, or of a person.
        let claim = |(name, node): (String, FrontEndNode)| Some((name, node.status?.claim?.by));
        if let Some((node, by)) = fleet.all().into_iter().flatten().find_map(claim) {
            bail!("nothing is planned while {node} is claimed by {by}: see `lbgen status`");
        }
        let name = front_end.name_any();
        let began = Instant::now();
        let load = |digest| self.handle.block_on(Bundle::load(&self.client, digest));
        let (from, to) = (load(deployed)?, load(wanted)?);
        let plan = planner::plan(&name, &from, &to, front_end.spec.soak_seconds())?;
        let (steps, seconds) = (plan.steps.len(), began.elapsed().as_secs_f64());
        tracing::info!(front_end = name, steps, seconds, "planned");
        let [map, mut rollout] = lbgen::view::kubernetes::rollout_objects(&plan)?;
        rollout["spec"]["approve"] = json!({});
        // There and back and there again are three.
        let generation = front_end.metadata.generation.unwrap_or_default();
        let planned = rollout["metadata"]["name"].as_str().unwrap_or_default();
        rollout["metadata"]["name"] = json!(format!("{planned}-{generation}"));
        let maps: Api<ConfigMap> = Api::namespaced(self.client.clone(), NAMESPACE);
        self.create(&maps, serde_json::from_value(map)?)?;
        let rollouts: Api<Rollout> = Api::namespaced(self.client.clone(), NAMESPACE);
        self.create(&rollouts, serde_json::from_value(rollout)?)
    }

    /// Makes an object, if it is not there.
    fn create<K>(&self, api: &Api<K>, object: K) -> anyhow::Result<()>
    where
        K: Clone + std::fmt::Debug + serde::Serialize + serde::de::DeserializeOwned,
    {
        match self.handle.block_on(api.create(&PostParams::default(), &object)) {
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(()),
        }
    }

    /// Says where a rollout stands, if it was not said.
    fn note(&self, rollout: &Rollout, phase: Phase, message: &str) -> anyhow::Result<()> {
        let status = rollout.status.clone().unwrap_or_default();
        if status.phase == phase && status.message == message {
            return Ok(());
        }
        self.write(rollout, json!({ "phase": phase, "message": message }))
    }

    /// Says whether another bundle is wanted than the one that is being rolled out.
    fn supersede(&self, rollout: &Rollout, wanted: &str) -> anyhow::Result<()> {
        let before = rollout.status.clone().unwrap_or_default().conditions;
        let mut conditions = before.clone();
        let is_so = rollout.spec.to != wanted;
        let (reason, message) = match is_so {
            true => (
                "AnotherBundle",
                format!(
                    "{} is wanted meanwhile: this rollout is finished or undone (goBack) first",
                    lbgen::bundle::short(wanted)
                ),
            ),
            false => ("Wanted", String::new()),
        };
        set_condition(&mut conditions, "Superseded", is_so, reason, &message);
        if conditions == before {
            return Ok(());
        }
        self.write(rollout, json!({ "conditions": conditions }))
    }

    /// Writes some fields of a status: whoever carries the rollout out writes the others at the same time.
    fn write(&self, rollout: &Rollout, status: serde_json::Value) -> anyhow::Result<()> {
        let api: Api<Rollout> = Api::namespaced(self.client.clone(), NAMESPACE);
        let patch = Patch::Merge(json!({ "status": status }));
        let (name, parameters) = (rollout.name_any(), PatchParams::default());
        self.handle.block_on(api.patch_status(&name, &parameters, &patch))?;
        Ok(())
    }
}

/// The phase and the reason of a rollout that does not go on now, or `None`.
fn waits(
    rollout: &Rollout,
    record: &Status,
    plan: &PlanFile,
    wishes: &Wishes,
) -> Option<(Phase, String)> {
    let before = phase(rollout);
    let is_begun = before != Phase::Pending;
    if rollout.spec.go_back {
        return (!is_begun).then(|| (Phase::Undone, "nothing was begun".to_owned()));
    }
    if wishes.is_paused() {
        // The reason for which it failed is worth more.
        let status = rollout.status.as_ref().filter(|_| before == Phase::Failed);
        let message = status.map_or("paused", |status| &status.message);
        return Some((if is_begun { Phase::Paused } else { Phase::Pending }, message.to_owned()));
    }
    let done = |id: &str| {
        record.status.steps.iter().any(|step| step.id == id && step.state == StepState::Done)
    };
    let next = plan.ids().into_iter().find(|id| !done(id))?;
    if wishes.is_approved(plan, next) {
        return None;
    }
    let until = rollout.spec.approve.as_ref().and_then(|approve| approve.until.as_ref());
    let message = match until.filter(|until| plan.step(until).is_none()) {
        Some(until) => format!("the plan has no step {until}; {next} waits for an approval"),
        None => format!("{next} waits for an approval"),
    };
    Some((if is_begun { Phase::Waiting } else { Phase::Pending }, message))
}

/// The way that a rollout takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// From its beginning.
    Start,
    /// From the step that it was at.
    On,
    /// Back, with everything that was done.
    Back,
    /// Back, with the step that failed.
    BackOfOne,
}

/// Carries a rollout out, or undoes it, until it ends or stops.
fn run(agents: Agents, mut record: Status, way: Way, on_failure: Failing) {
    let plan = agents.plan.clone();
    let wishes = agents.wishes.clone();
    let mut driver = Driver {
        plan: &plan,
        record: &mut record,
        steps: agents,
        who: "lbgen-operator".to_owned(),
        until: None,
        on_failure: match on_failure {
            Failing::Stop => OnFailure::Stop,
            Failing::Back => OnFailure::Back,
        },
    };
    let outcome = match way {
        Way::Start => driver.start(),
        Way::On => driver.resume(),
        Way::Back => driver.back_all(),
        Way::BackOfOne => driver.back_open(),
    };
    let goes_back = way == Way::Back;
    let is_undone = way == Way::BackOfOne || on_failure == Failing::Back;
    let status = &mut record.status;
    match outcome {
        Ok(Outcome::Finished) => {
            status.message =
                if goes_back { "everything that can be undone was" } else { "" }.to_owned()
        }
        Ok(Outcome::Stopped(_)) => {
            status.phase = if wishes.is_paused() { Phase::Paused } else { Phase::Waiting }
        }
        // Its reason stands there since it failed; where somebody has asked to go back meanwhile, that goes on.
        Ok(Outcome::Failed(_)) => {
            status.phase = Phase::Failed;
            if is_undone && status.stopped_generation.is_some() {
                status.message += "; it was undone";
            }
        }
        Ok(Outcome::Stuck(id, why)) => {
            status.phase = Phase::Failed;
            status.message = format!("{id} could not be undone: {why}");
            status.stopped_generation = wishes.generation();
        }
        Err(error) => {
            status.phase = Phase::Failed;
            status.message = format!("{error:#}");
            status.stopped_generation = wishes.generation();
        }
    }
    if let Err(why) = record.write() {
        tracing::error!("cannot write the status of a rollout: {why}");
    }
}

/// The stage of a rollout.
pub(super) fn phase(rollout: &Rollout) -> Phase {
    rollout.status.as_ref().map_or(Phase::Pending, |status| status.phase)
}
