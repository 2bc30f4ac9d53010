//! The nodes: what their agents say, and what they are told.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use futures::StreamExt;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::{Patch, PatchParams};
use kube::runtime::watcher::{self, Event};
use kube::{Api, Client, ResourceExt};
use lbgen::view::kubernetes::API_VERSION;
use serde_json::json;
use tokio::runtime::Handle;

use super::patience::again;
use crate::agent::verb::NOTHING;
use crate::api::{Desired, FrontEndNode, FrontEndNodeSpec, Moment, NAMESPACE, Progress};
use crate::connection;
use crate::lease::HEARTBEAT;

/// The time until a watch that has ended is begun again.
const AGAIN: Duration = Duration::from_secs(1);
/// The time for which a node may say nothing about what it was told.
const SILENCE: Duration = Duration::from_secs(45);
/// The time that a node has for one thing: a pod that starts with a new image takes the longest.
const LIMIT: Duration = Duration::from_secs(240);

/// Every FrontEndNode, as the API server has it.
pub struct Nodes {
    api: Api<FrontEndNode>,
    handle: Handle,
    known: Mutex<Known>,
    changed: Condvar,
}

#[derive(Default)]
struct Known {
    nodes: BTreeMap<String, FrontEndNode>,
    /// False while the API server does not answer: what is known may be old.
    is_current: bool,
    /// The last renewal of each node's Lease, and when that was seen.
    beats: BTreeMap<String, (MicroTime, Instant)>,
    /// The last look at the Leases.
    looked: Option<Instant>,
    /// A spec has one writer at a time.
    writing: BTreeMap<String, Arc<Mutex<()>>>,
}

impl Known {
    /// Keeps an object, if it is not older than what is known.
    fn take(&mut self, node: FrontEndNode) {
        let version =
            |node: &FrontEndNode| node.resource_version().and_then(|text| text.parse::<u64>().ok());
        let name = node.name_any();
        if self.nodes.get(&name).is_none_or(|known| version(known) <= version(&node)) {
            self.nodes.insert(name, node);
        }
    }
}

impl Nodes {
    /// Follows them from now on.
    pub fn watch(client: Client) -> Arc<Self> {
        let nodes = Arc::new(Self {
            api: Api::namespaced(client, NAMESPACE),
            handle: Handle::current(),
            known: Mutex::default(),
            changed: Condvar::new(),
        });
        let own = Arc::clone(&nodes);
        tokio::spawn(async move {
            // A watch that goes on after an error may have nothing to say, and nobody would know that it is there: each error is
            // the end of one, and the next begins with a list.
            loop {
                let events = watcher::watcher(own.api.clone(), connection::watch());
                let mut events = Box::pin(events);
                let mut listed = BTreeMap::new();
                while let Some(Ok(event)) = events.next().await {
                    own.hear(event, &mut listed);
                }
                own.known().is_current = false;
                own.changed.notify_all();
                tokio::time::sleep(AGAIN).await;
            }
        });
        nodes
    }

    fn hear(&self, event: Event<FrontEndNode>, listed: &mut BTreeMap<String, FrontEndNode>) {
        let mut known = self.known();
        match event {
            Event::Init => listed.clear(),
            Event::InitApply(node) => drop(listed.insert(node.name_any(), node)),
            Event::InitDone => {
                // Objects that were written since the list are newer than it.
                known.nodes.retain(|name, _| listed.contains_key(name));
                std::mem::take(listed).into_values().for_each(|node| known.take(node));
                known.is_current = true;
                // While nobody could be heard, nobody was silent.
                known.beats.values_mut().for_each(|(_, heard)| *heard = Instant::now());
            }
            Event::Apply(node) => known.take(node),
            Event::Delete(node) => drop(known.nodes.remove(&node.name_any())),
        }
        drop(known);
        self.changed.notify_all();
    }

    /// The Leases of the nodes' agents, as the API server has them now: when each was renewed, by the agent's clock.
    pub fn beats(&self, renewed: BTreeMap<String, MicroTime>) {
        let mut known = self.known();
        let looked = Instant::now();
        known.looked = Some(looked);
        for (node, time) in renewed {
            let is_new = known.beats.get(&node).is_none_or(|(last, _)| *last != time);
            if is_new {
                known.beats.insert(node, (time, looked));
            }
        }
    }

    /// Returns true if a node's agent has given no sign of life for a while: its status says how it was.
    pub fn is_silent(&self, node: &str) -> bool {
        // By our own clock, and by the last look: those of nodes may differ, and nobody is silent while nobody listens.
        let known = self.known();
        let silent = |heard: Instant| Some(known.looked?.saturating_duration_since(heard));
        known.beats.get(node).and_then(|(_, heard)| silent(*heard)) > Some(3 * HEARTBEAT)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All of them, or `None` while the API server does not say.
    pub fn all(&self) -> Option<BTreeMap<String, FrontEndNode>> {
        let known = self.known();
        known.is_current.then(|| known.nodes.clone())
    }

    /// Waits until something changes, or for a while.
    pub fn pause(&self, limit: Duration) {
        drop(self.changed.wait_timeout(self.known(), limit));
    }

    /// Makes the spec of a node what it should be besides what is asked of it, where it is not.
    pub fn settle(&self, node: &str, files: &[String], vips: &[String]) -> Result<(), String> {
        self.change(node, |spec, _| {
            files.clone_into(&mut spec.files);
            vips.clone_into(&mut spec.vips);
        })
    }

    /// Changes the spec of a node, or makes the node. The change is told the number of what the node was asked last.
    fn change(
        &self,
        node: &str,
        change: impl FnOnce(&mut FrontEndNodeSpec, i64),
    ) -> Result<(), String> {
        let lock = Arc::clone(self.known().writing.entry(node.to_owned()).or_default());
        let _one = lock.lock().unwrap_or_else(PoisonError::into_inner);
        let old = self.known().nodes.get(node).cloned();
        let is_there = old.is_some();
        let old = old.unwrap_or_default();
        let asked = old.spec.desired.as_ref().map_or(0, |desired| desired.number);
        let last = asked.max(old.status.as_ref().map_or(0, |status| status.number));
        let mut spec = old.spec.clone();
        change(&mut spec, last);
        if is_there && spec == old.spec {
            return Ok(());
        }
        let object = json!({
            "apiVersion": API_VERSION,
            "kind": "FrontEndNode",
            "metadata": { "name": node, "namespace": NAMESPACE },
            "spec": spec,
        });
        let parameters = PatchParams::apply("lbgen-operator").force();
        let patch = Patch::Apply(&object);
        let written = again(&self.handle, || self.api.patch(node, &parameters, &patch))?;
        self.known().take(written);
        Ok(())
    }

    /// The places of what nodes were told in a run of a step.
    pub fn told(&self, run: &str) -> Vec<u32> {
        let known = self.known();
        let told = known.nodes.values().filter_map(|node| node.spec.desired.as_ref());
        told.filter(|desired| desired.run == run).map(|desired| desired.place).collect()
    }

    /// Tells a node something, unless it was told so before in the same run of the step.
    pub fn tell_once(&self, node: &str, desired: Desired) -> Result<Request<'_>, String> {
        let same = |told: &Request<'_>| told.moment() == desired.moment;
        match self.adopt(node, &desired).filter(same) {
            Some(request) => Ok(request),
            None => self.tell(node, desired),
        }
    }

    /// Takes over what a node was told in the same run of the step, or returns `None`: it was told something else, or has failed.
    pub fn adopt(&self, node: &str, desired: &Desired) -> Option<Request<'_>> {
        let found = self.known().nodes.get(node).cloned()?;
        let told = found.spec.desired?;
        // The moment may have come meanwhile.
        let Desired { number, moment, .. } = told;
        let is_same = Desired { number, moment, ..desired.clone() } == told;
        let has_failed = found
            .status
            .is_some_and(|status| status.number == number && status.progress == Progress::Failed);
        let since = Instant::now();
        (is_same && !has_failed).then(|| Request {
            nodes: self,
            node: node.to_owned(),
            sent: told,
            since,
        })
    }

    fn tell(&self, node: &str, desired: Desired) -> Result<Request<'_>, String> {
        let mut request =
            Request { nodes: self, node: node.to_owned(), sent: desired, since: Instant::now() };
        request.send()?;
        Ok(request)
    }
}

/// Something that a node was told.
pub struct Request<'a> {
    nodes: &'a Nodes,
    node: String,
    sent: Desired,
    since: Instant,
}

impl Request<'_> {
    /// Sends it under a number that is new to the node.
    fn send(&mut self) -> Result<(), String> {
        self.since = Instant::now();
        let sent = &mut self.sent;
        self.nodes.change(&self.node, |spec, last| {
            sent.number = last + 1;
            match sent.act.as_str() {
                "drain" => spec.drain = true,
                "undrain" | "leave" => spec.drain = false,
                _ => {}
            }
            spec.desired = Some(sent.clone());
        })
    }

    /// A node that comes back later does not do what it was told before.
    fn withdraw(&mut self) -> Result<(), String> {
        self.sent = Desired { act: NOTHING.to_owned(), ..Desired::default() };
        self.send()
    }

    /// The last word that it was told.
    pub fn moment(&self) -> Moment {
        self.sent.moment
    }

    /// Returns true if the node is ready, or further.
    pub fn is_ready(&self) -> bool {
        let known = self.nodes.known();
        let status = known.nodes.get(&self.node).and_then(|found| found.status.as_ref());
        status.is_some_and(|status| {
            status.number == self.sent.number
                && matches!(status.progress, Progress::Ready | Progress::Acted | Progress::Done)
        })
    }

    /// Says when it happens, unless it was withdrawn.
    pub fn word(&mut self, moment: Moment) -> Result<(), String> {
        if self.sent.act == NOTHING {
            return Ok(());
        }
        self.since = Instant::now();
        self.sent.moment = moment;
        let sent = &self.sent;
        self.nodes.change(&self.node, |spec, _| spec.desired = Some(sent.clone()))
    }

    /// Waits until the node is as far as that. An error is the node's own, or says that it does not answer; `stop` ends the wait.
    pub fn wait(&mut self, wanted: Progress, stop: &dyn Fn() -> bool) -> Result<(), String> {
        loop {
            let (found, is_current) = {
                let known = self.nodes.known();
                (known.nodes.get(&self.node).cloned(), known.is_current)
            };
            let Some(found) = found else {
                return Err(format!("{}: somebody has deleted its FrontEndNode", self.node));
            };
            // Somebody has edited it.
            if found.spec.desired.as_ref() != Some(&self.sent) && is_current {
                self.send()?;
                continue;
            }
            let status = found.status.unwrap_or_default();
            if status.number == self.sent.number {
                match status.progress {
                    Progress::Failed => return Err(format!("{}: {}", self.node, status.message)),
                    Progress::Done => return Ok(()),
                    Progress::Acted if matches!(wanted, Progress::Acted | Progress::Ready) => {
                        return Ok(());
                    }
                    Progress::Ready if wanted == Progress::Ready => return Ok(()),
                    _ => {}
                }
            } else if is_current && self.since.elapsed() > SILENCE {
                self.withdraw()?;
                let seconds = SILENCE.as_secs();
                return Err(format!("{}: its agent says nothing for {seconds} s", self.node));
            }
            if !is_current {
                self.since = Instant::now();
            } else if self.nodes.is_silent(&self.node) {
                self.withdraw()?;
                return Err(format!("{}: its agent gives no sign of life", self.node));
            } else if self.since.elapsed() > LIMIT {
                let (act, seconds) = (self.sent.act.clone(), LIMIT.as_secs());
                self.withdraw()?;
                return Err(format!("{}: {act} takes longer than {seconds} s", self.node));
            }
            if stop() {
                return Err("stopped".to_owned());
            }
            self.nodes.pause(Duration::from_millis(200));
        }
    }
}
