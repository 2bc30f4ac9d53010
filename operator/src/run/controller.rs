//! The controller: every FrontEnd, its nodes and the rollout that is under way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::runtime::Handle;

use super::bundle::{self, Bundle};
use super::events::Events;
use super::fleet::Fleet;
use super::front_end::Running;
use super::nodes::Nodes;
use super::rollouts::{Active, phase};
use crate::api::{FrontEnd, FrontEndStatus, NAMESPACE, Rollout, set_condition};
use crate::lease;
use crate::serve::Health;

/// The time between two looks at the objects.
const TICK: Duration = Duration::from_secs(1);

/// Everything that the operator works with.
pub struct Controller {
    pub(super) client: Client,
    pub(super) handle: Handle,
    pub(super) nodes: Arc<Nodes>,
    health: Health,
    stop: Arc<AtomicBool>,
    /// The bundles that were read, by digest.
    bundles: Mutex<BTreeMap<String, Arc<Running>>>,
    /// The rollout of each FrontEnd that is being carried out.
    pub(super) active: Mutex<BTreeMap<String, Active>>,
    events: Events,
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
                tracing::warn!("{error:#}");
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
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), NAMESPACE);
        let leases = self.handle.block_on(leases.list(&all))?.items.into_iter();
        let beat = |lease: Lease| {
            let node = lease::node_of(&lease.name_any())?.to_owned();
            Some((node, lease.spec?.renew_time?))
        };
        self.nodes.beats(leases.filter_map(beat).collect());
        self.hear(&front_ends, &rollouts);
        for front_end in &front_ends {
            let name = front_end.name_any();
            let own: Vec<&Rollout> =
                rollouts.iter().filter(|rollout| rollout.spec.front_end == name).collect();
            if let Err(error) = self.one(front_end, &own) {
                self.fail(front_end, &format!("{error:#}"))?;
            }
        }
        Ok(())
    }

    /// Says at a FrontEnd why nothing goes on.
    fn fail(&self, front_end: &FrontEnd, why: &str) -> anyhow::Result<()> {
        let before = front_end.status.clone().unwrap_or_default();
        let mut status = before.clone();
        set_condition(&mut status.conditions, "Progressing", false, "Failed", why);
        if status == before {
            return Ok(());
        }
        tracing::warn!(front_end = front_end.name_any(), "{why}");
        self.write_status(front_end, &status)
    }

    fn write_status(&self, front_end: &FrontEnd, status: &FrontEndStatus) -> anyhow::Result<()> {
        let api: Api<FrontEnd> = Api::namespaced(self.client.clone(), NAMESPACE);
        let mut status = serde_json::to_value(status)?;
        // Who ends a rollout writes what is deployed; it may have done so since this was read.
        if let Some(fields) = status.as_object_mut() {
            fields.retain(|key, _| !key.starts_with("deployed"));
        }
        let patch = Patch::Merge(json!({ "status": status }));
        let (name, parameters) = (front_end.name_any(), PatchParams::default());
        self.handle.block_on(api.patch_status(&name, &parameters, &patch))?;
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
        let before = front_end.status.clone().unwrap_or_default();
        let deployed = before.deployed.clone();
        let under_way = rollouts.iter().find(|rollout| phase(rollout).is_under_way());
        let wanted = self.handle.block_on(bundle::wanted(&self.client, maps)).and_then(|found| {
            self.bundle(&found.0)?;
            Ok(found)
        });
        let (wanted, about, trouble) = match wanted {
            Ok((wanted, about)) => (Some(wanted), Some(about), String::new()),
            Err(error) if under_way.is_none() => return Err(error),
            // It goes on, or back, whatever is wrong with what is wanted next.
            Err(error) => (None, None, format!("; another bundle is wanted: {error:#}")),
        };
        // If somebody has deleted the bundle that was deployed, the wanted one is all that there is to compare with.
        let mut sides: Vec<Arc<Running>> =
            deployed.iter().filter_map(|deployed| self.bundle(deployed).ok()).collect();
        if let Some(wanted) = wanted.as_ref().filter(|wanted| deployed.as_ref() != Some(*wanted)) {
            sides.push(self.bundle(wanted)?);
        }
        // A rollout goes on with its own bundle, whatever is wanted meanwhile.
        if let Some(rollout) = under_way.filter(|rollout| Some(&rollout.spec.to) != wanted.as_ref())
        {
            sides.push(self.bundle(&rollout.spec.to)?);
        }
        // Those of nodes that leave, and then those that somebody has just written.
        let hostnames = sides.iter().flat_map(|side| side.about.hostnames.clone());
        let hostnames =
            hostnames.chain(about.into_iter().flat_map(|about| about.hostnames)).collect();
        let fleet = Fleet::new(Arc::clone(&self.nodes), hostnames);
        self.carry_out(front_end, wanted.as_deref(), deployed.as_deref(), rollouts, &fleet)?;
        self.settle(&name, &sides, &fleet)?;
        let Some(mut known) = fleet.all() else { return Ok(()) };
        // Their last words are not how they are.
        for (_, node) in known.iter_mut().filter(|(name, _)| fleet.is_silent(name)) {
            node.status = None;
        }
        let mut status = before.clone();
        status.rollout = under_way.map(|rollout| rollout.name_any());
        let is_under_way = status.rollout.is_some();
        let (reason, message) = match &status.rollout {
            Some(rollout) => ("RolloutUnderWay", format!("{rollout} is under way{trouble}")),
            None => ("NoRollout", String::new()),
        };
        set_condition(&mut status.conditions, "Progressing", is_under_way, reason, &message);
        let moves = sides[0].report(sides.get(1).map(AsRef::as_ref), &known, &mut status);
        self.health.vips(&name, status.vips);
        self.events.say(front_end, moves);
        if status != before {
            self.write_status(front_end, &status)?;
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
    fn settle(&self, front_end: &str, sides: &[Arc<Running>], fleet: &Fleet) -> anyhow::Result<()> {
        let mut vips: Vec<String> = sides.iter().flat_map(|side| side.vips()).collect();
        let mut files: BTreeMap<String, Vec<String>> = BTreeMap::new();
        // A rollout may take away nodes and VIPs that no bundle here has any more.
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
            fleet.settle(&node, &files, &vips).map_err(anyhow::Error::msg)?;
        }
        Ok(())
    }
}
