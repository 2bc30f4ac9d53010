//! The controller: every FrontEnd, its nodes and the rollout that is under way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use lbgen::execute::{Driver, OnFailure, Outcome};
use serde_json::json;
use tokio::runtime::Handle;

use super::bundle::{self, Bundle};
use super::cluster::Cluster;
use super::events::Events;
use super::front_end::Running;
use super::nodes::Nodes;
use super::record::Status;
use super::steps::{Agents, refusal};
use super::wishes::Wishes;
use crate::api::{
    Failing, FrontEnd, FrontEndStatus, NAMESPACE, Phase, Rollout, RolloutStatus, set_condition,
};
use crate::serve::Health;

/// The time between two looks at the objects.
const TICK: Duration = Duration::from_secs(1);

/// Everything that the operator works with.
pub struct Controller {
    client: Client,
    handle: Handle,
    nodes: Arc<Nodes>,
    health: Health,
    stop: Arc<AtomicBool>,
    /// The bundles that were read, by digest.
    bundles: Mutex<BTreeMap<String, Arc<Running>>>,
    /// The rollout of each FrontEnd that is being carried out.
    active: Mutex<BTreeMap<String, Active>>,
    events: Events,
}

/// A rollout that a thread carries out.
struct Active {
    rollout: String,
    wishes: Wishes,
    thread: JoinHandle<()>,
    /// The nodes and VIPs of its plan.
    nodes: Vec<String>,
    vips: Vec<String>,
}

impl Controller {
    /// Nothing is known yet.
    pub fn new(client: Client, nodes: Arc<Nodes>, health: Health) -> Self {
        Self {
            events: Events::new(client.clone()),
            client,
            handle: Handle::current(),
            nodes,
            health,
            stop: Arc::default(),
            bundles: Mutex::default(),
            active: Mutex::default(),
        }
    }

    /// Set, it begins nothing more.
    pub fn stop(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.stop)
    }

    /// Works until it is told to stop.
    pub fn work(&self) {
        while !self.stop.load(Ordering::SeqCst) {
            let began = Instant::now();
            if let Err(error) = self.look() {
                eprintln!("{error:#}");
            }
            self.health.looked(began.elapsed());
            std::thread::sleep(TICK);
        }
    }

    fn look(&self) -> anyhow::Result<()> {
        let all = ListParams::default();
        let front_ends: Api<FrontEnd> = Api::namespaced(self.client.clone(), NAMESPACE);
        let rollouts: Api<Rollout> = Api::namespaced(self.client.clone(), NAMESPACE);
        let front_ends = self.handle.block_on(front_ends.list(&all))?.items;
        let rollouts = self.handle.block_on(rollouts.list(&all))?.items;
        for front_end in &front_ends {
            let name = front_end.name_any();
            let own: Vec<&Rollout> =
                rollouts.iter().filter(|rollout| rollout.spec.front_end == name).collect();
            if let Err(error) = self.one(front_end, &own) {
                eprintln!("{name}: {error:#}");
            }
        }
        Ok(())
    }

    /// One FrontEnd, and its rollouts.
    fn one(&self, front_end: &FrontEnd, rollouts: &[&Rollout]) -> anyhow::Result<()> {
        // Nobody is told anything before it is known what was told.
        if self.nodes.all().is_none() {
            return Ok(());
        }
        let name = front_end.name_any();
        let maps = &front_end.spec.bundle.config_maps;
        let wanted = self.handle.block_on(bundle::digest_of(&self.client, maps))?;
        let before = front_end.status.clone().unwrap_or_default();
        let deployed = last_done(rollouts).or(before.deployed.clone());
        let mut sides = vec![self.bundle(deployed.as_deref().unwrap_or(&wanted))?];
        if deployed.as_ref().is_some_and(|deployed| *deployed != wanted) {
            sides.push(self.bundle(&wanted)?);
        }
        let under_way = rollouts.iter().find(|rollout| phase(rollout).is_under_way());
        // A rollout goes on with its own bundle, whatever is wanted meanwhile.
        if let Some(rollout) = under_way.filter(|rollout| rollout.spec.to != wanted) {
            sides.push(self.bundle(&rollout.spec.to)?);
        }
        self.carry_out(front_end, &wanted, deployed.as_deref(), rollouts)?;
        self.settle(&name, &sides)?;
        let Some(known) = self.nodes.all() else { return Ok(()) };
        let mut status = FrontEndStatus { deployed, ..before.clone() };
        status.rollout = under_way.map(|rollout| rollout.name_any());
        let is_under_way = status.rollout.is_some();
        let (reason, message) = match &status.rollout {
            Some(rollout) => ("RolloutUnderWay", format!("{rollout} is under way")),
            None => ("NoRollout", String::new()),
        };
        set_condition(&mut status.conditions, "Progressing", is_under_way, reason, &message);
        let moves = sides[0].report(sides.get(1).map(AsRef::as_ref), &known, &mut status);
        self.health.vips(&name, status.vips);
        self.events.say(front_end, moves);
        if status != before {
            let api: Api<FrontEnd> = Api::namespaced(self.client.clone(), NAMESPACE);
            let patch = Patch::Merge(json!({ "status": status }));
            self.handle.block_on(api.patch_status(&name, &PatchParams::default(), &patch))?;
        }
        Ok(())
    }

    /// A bundle, read once.
    fn bundle(&self, digest: &str) -> anyhow::Result<Arc<Running>> {
        let known = || self.bundles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known().get(digest).cloned() {
            return Ok(found);
        }
        let loaded = self.handle.block_on(Bundle::load(&self.client, digest))?;
        let loaded = Arc::new(Running::of(&loaded));
        let mut known = known();
        // Two sides of a FrontEnd or two: older ones are not asked for again.
        if known.len() > 8 {
            known.clear();
        }
        known.insert(digest.to_owned(), Arc::clone(&loaded));
        Ok(loaded)
    }

    /// Every node has its FrontEndNode.
    fn settle(&self, front_end: &str, sides: &[Arc<Running>]) -> anyhow::Result<()> {
        let mut vips: Vec<String> = sides.iter().flat_map(|side| side.vips()).collect();
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // What a rollout takes away is in no bundle that is known here.
        let active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(active) = active.get(front_end) {
            vips.extend(active.vips.iter().cloned());
            files.extend(active.nodes.iter().map(|node| (node.clone(), Vec::new())));
        }
        drop(active);
        vips.sort();
        vips.dedup();
        for (node, path) in sides.iter().flat_map(|side| side.files()) {
            files.entry(node).or_default().push(path);
        }
        for (node, mut files) in files {
            files.sort();
            files.dedup();
            self.nodes.settle(&node, &files, &vips).map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }

    /// The rollout of a FrontEnd: begun, gone on with, or undone, as far as somebody wants it.
    fn carry_out(
        &self,
        front_end: &FrontEnd,
        wanted: &str,
        deployed: Option<&str>,
        rollouts: &[&Rollout],
    ) -> anyhow::Result<()> {
        let name = front_end.name_any();
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = active.get(&name) {
            if let Some(rollout) =
                rollouts.iter().find(|rollout| rollout.name_any() == running.rollout)
            {
                running.wishes.hear(front_end, rollout);
            }
            if !running.thread.is_finished() {
                return Ok(());
            }
            active.remove(&name);
            // What it has come to is read anew.
            return Ok(());
        }
        let under_way = rollouts.iter().find(|rollout| phase(rollout).is_under_way());
        let mut pending: Vec<&&Rollout> =
            rollouts.iter().filter(|rollout| phase(rollout) == Phase::Pending).collect();
        pending.sort_by_key(|rollout| rollout.creation_timestamp());
        let newest = pending
            .iter()
            .rev()
            .find(|rollout| rollout.spec.to == wanted)
            .map(|found| found.name_any());
        for rollout in &pending {
            if rollout.spec.to != wanted || Some(rollout.name_any()) != newest {
                self.note(
                    rollout,
                    Phase::Superseded,
                    "another bundle, or a newer plan, is wanted",
                )?;
            }
        }
        if let Some(rollout) = under_way.filter(|rollout| rollout.spec.to != wanted) {
            self.supersede(rollout, wanted)?;
        }
        let newest = pending.into_iter().find(|rollout| Some(rollout.name_any()) == newest);
        let Some(rollout) = under_way.or(newest) else { return Ok(()) };
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
        if has_stopped {
            return Ok(());
        }
        let api = || Api::namespaced(self.client.clone(), NAMESPACE);
        let record = Status::of(api(), &rollout.name_any(), rollout.status.clone(), &plan);
        let done = |id: &str| {
            record
                .status
                .steps
                .iter()
                .any(|step| step.id == id && step.state == crate::api::StepState::Done)
        };
        let next = plan.ids().into_iter().find(|id| !done(id)).unwrap_or_default().to_owned();
        if rollout.spec.go_back {
            if !is_begun {
                return self.note(rollout, Phase::Undone, "nothing was begun");
            }
        } else if wishes.is_paused() {
            return self.note(
                rollout,
                if is_begun { Phase::Paused } else { Phase::Pending },
                "paused",
            );
        } else if !next.is_empty() && !wishes.is_approved(&plan, &next) {
            let message = format!("{next} waits for an approval");
            return self.note(
                rollout,
                if is_begun { Phase::Waiting } else { Phase::Pending },
                &message,
            );
        }
        let bundle = self.handle.block_on(Bundle::load(&self.client, &rollout.spec.to))?;
        let agents = Agents {
            nodes: Arc::clone(&self.nodes),
            cluster: Cluster::new(self.client.clone()),
            bundle,
            plan,
            wishes: wishes.clone(),
            resumed: record.interrupted(),
            said: Arc::default(),
        };
        let nodes = agents.plan.nodes.clone();
        let vips = agents.plan.vips.iter().map(ToString::to_string).collect();
        let (goes_back, on_failure) = (rollout.spec.go_back, rollout.spec.on_failure);
        let generation = rollout.metadata.generation;
        let thread = std::thread::spawn(move || {
            run(agents, record, is_begun, goes_back, on_failure, generation)
        });
        active.insert(name, Active { rollout: rollout.name_any(), wishes, thread, nodes, vips });
        Ok(())
    }

    /// Says where a rollout stands, if it was not said.
    fn note(&self, rollout: &Rollout, phase: Phase, message: &str) -> anyhow::Result<()> {
        let status = rollout.status.clone().unwrap_or_default();
        if status.phase == phase && status.message == message {
            return Ok(());
        }
        self.write(rollout, &RolloutStatus { phase, message: message.to_owned(), ..status })
    }

    /// Says that another bundle is wanted than the one that is being rolled out.
    fn supersede(&self, rollout: &Rollout, wanted: &str) -> anyhow::Result<()> {
        let mut status = rollout.status.clone().unwrap_or_default();
        let before = status.clone();
        let message = format!(
            "{} is wanted meanwhile: this rollout is finished or undone (goBack) first",
            lbgen::bundle::short(wanted)
        );
        set_condition(&mut status.conditions, "Superseded", true, "AnotherBundle", &message);
        if status == before { Ok(()) } else { self.write(rollout, &status) }
    }

    fn write(&self, rollout: &Rollout, status: &RolloutStatus) -> anyhow::Result<()> {
        let api: Api<Rollout> = Api::namespaced(self.client.clone(), NAMESPACE);
        let patch = Patch::Merge(json!({ "status": status }));
        let (name, parameters) = (rollout.name_any(), PatchParams::default());
        self.handle.block_on(api.patch_status(&name, &parameters, &patch))?;
        Ok(())
    }
}

/// Carries a rollout out, or undoes it, until it ends or stops.
fn run(
    agents: Agents,
    mut record: Status,
    is_begun: bool,
    goes_back: bool,
    on_failure: Failing,
    generation: Option<i64>,
) {
    let plan = agents.plan.clone();
    let wishes = agents.wishes.clone();
    let said = Arc::clone(&agents.said);
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
    let outcome = match (goes_back, is_begun) {
        (true, _) => driver.back_all(),
        (false, true) => driver.resume(),
        (false, false) => driver.start(),
    };
    let said = said.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let status = &mut record.status;
    status.stopped_generation = None;
    match outcome {
        Ok(Outcome::Finished) => {
            status.message =
                if goes_back { "everything that can be undone was" } else { "" }.to_owned()
        }
        Ok(Outcome::Stopped(_)) => {
            status.phase = if wishes.is_paused() { Phase::Paused } else { Phase::Waiting }
        }
        // Undone on the way, because somebody has asked for it meanwhile.
        Ok(Outcome::Failed(_)) if wishes.is_to_go_back() && !goes_back => {
            status.phase = Phase::Failed
        }
        Ok(Outcome::Failed(_)) => {
            (status.phase, status.message, status.stopped_generation) =
                (Phase::Failed, said, generation)
        }
        Ok(Outcome::Stuck(id, why)) => {
            status.phase = Phase::Failed;
            status.message = format!("{id} could not be undone: {why}");
            status.stopped_generation = generation;
        }
        Err(error) => {
            status.phase = Phase::Failed;
            status.message = format!("{error:#}");
            status.stopped_generation = generation;
        }
    }
    if let Err(why) = record.write() {
        eprintln!("cannot write the status of a rollout: {why}");
    }
}

fn phase(rollout: &Rollout) -> Phase {
    rollout.status.as_ref().map_or(Phase::Pending, |status| status.phase)
}

/// The bundle of the rollout that was finished last.
fn last_done(rollouts: &[&Rollout]) -> Option<String> {
    let done = rollouts.iter().filter(|rollout| phase(rollout) == Phase::Done);
    let last = done.max_by_key(|rollout| {
        let steps = rollout.status.iter().flat_map(|status| &status.steps);
        steps.filter_map(|step| step.finished_at.as_ref()).map(|time| time.0).max()
    });
    last.map(|rollout| rollout.spec.to.clone())
}
