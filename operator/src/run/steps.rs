//! The steps of a rollout, by the agents of the nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use kube::Api;
use kube::api::{Patch, PatchParams};
use lbgen::execute::journal::Event;
use lbgen::execute::{PlanFile, Steps, Wish};
use lbgen::rollout::SingleAct;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::bundle::Bundle;
use super::cluster::{self, Cluster};
use super::fleet::Fleet;
use super::group::Group;
use super::patience::again;
use super::record::Run;
use super::wishes::Wishes;
use crate::agent::verb;
use crate::api::{Desired, FrontEnd, Progress, now};

/// The reason not to begin a plan, or `None`: a step that the operator cannot do would leave it half done.
pub fn refusal(plan: &PlanFile) -> Option<String> {
    let acts = plan.steps.iter().filter_map(|step| step["acts"].as_array()).flatten();
    let is_known = |act: &Value| {
        let does = act["do"].as_str().unwrap_or_default();
        if act["on"] == "cluster" { cluster::ACTS.contains(&does) } else { verb::is_known(does) }
    };
    let mut unknown = acts.filter(|act| !is_known(act)).filter_map(|act| act["do"].as_str());
    let act = unknown.next()?;
    Some(format!("the operator does no `{act}`: carry this plan out with lbgen rollout --apply"))
}

/// The agents of the nodes, and everything else that carries a plan out.
pub struct Agents {
    pub front_ends: Api<FrontEnd>,
    pub handle: Handle,
    pub nodes: Fleet,
    pub cluster: Cluster,
    pub bundle: Bundle,
    pub plan: PlanFile,
    pub wishes: Wishes,
    /// The bundle that was deployed when this began.
    pub deployed: Option<String>,
    /// The run of the step that is under way.
    pub run: Run,
    /// The reason for which a step has failed.
    pub failure: Arc<Mutex<String>>,
}

impl Agents {
    /// Does acts in their order. An operator that goes on with a step begins with the last of them that a node was told.
    fn carry_out(&self, step: &str, acts: &[SingleAct]) -> Result<(), String> {
        let run = self.run.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let groups = Group::all(step, &run, acts);
        let told = self.nodes.told(&run);
        let is_told = |group: &Group<'_>| told.iter().any(|place| group.has(*place));
        let begun = groups.iter().rposition(is_told).unwrap_or_default();
        for group in &groups[begun..] {
            let act = &group.acts[0];
            match act.on.as_str() {
                _ if group.acts.iter().any(|act| act.together) => self.moment(group)?,
                "cluster" => self.cluster.act(act, &self.bundle, &|| self.is_stopped())?,
                _ => self.all(group)?,
            }
        }
        Ok(())
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.wishes.is_to_go_back()
    }

    pub(super) fn desired(
        &self,
        group: &Group<'_>,
        place: u32,
        act: &SingleAct,
    ) -> Result<Desired, String> {
        let mut desired = Desired {
            step: group.step.to_owned(),
            run: group.run.to_owned(),
            place,
            digest: self.bundle.digest.clone(),
            act: act.does.clone(),
            args: act.args.clone(),
            claim: self.plan.claim.clone(),
            claimant: claimant(&self.plan.datacenter),
            ..Desired::default()
        };
        if act.does == "copy" {
            let (pack, digests) =
                self.bundle.of_node(&act.on).map_err(|error| format!("{error:#}"))?;
            (desired.pack, desired.args) = (Some(STANDARD.encode(pack)), digests);
        }
        Ok(desired)
    }

    /// Several nodes at one time; every error is said.
    fn all(&self, group: &Group<'_>) -> Result<(), String> {
        let mut errors = Vec::new();
        let mut requests = Vec::new();
        for (place, act) in group.placed() {
            let told = self.desired(group, place, act);
            match told.and_then(|desired| self.nodes.tell_once(&act.on, desired)) {
                Ok(request) => requests.push(request),
                Err(why) => errors.push(why),
            }
        }
        for request in &mut requests {
            errors.extend(request.wait(Progress::Done, &|| false).err());
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    /// Waits until the VIPs are where they must be after a step, and a while longer.
    fn check(&self, step: &Value) -> Result<(), String> {
        let asked: Vec<&str> = words(&step["asked"]);
        if asked.is_empty() {
            return Ok(());
        }
        let wanted: BTreeMap<IpAddr, Vec<&str>> = step["holders"]
            .as_object()
            .into_iter()
            .flatten()
            .filter_map(|(vip, nodes)| Some((vip.parse().ok()?, words(nodes))))
            .collect();
        let limit = Duration::from_secs(step["wait"].as_u64().unwrap_or(0).max(1));
        self.settles(&asked, &wanted, limit, &|| self.is_stopped())?;
        let soaked = Instant::now() + Duration::from_secs(self.plan.soak);
        while Instant::now() < soaked {
            self.nodes.pause(Duration::from_secs(1));
            self.settles(&asked, &wanted, limit, &|| self.is_stopped())?;
        }
        Ok(())
    }

    fn settles(
        &self,
        asked: &[&str],
        wanted: &BTreeMap<IpAddr, Vec<&str>>,
        limit: Duration,
        stop: &dyn Fn() -> bool,
    ) -> Result<(), String> {
        let mut began = Instant::now();
        loop {
            match self.differences(asked, wanted) {
                Some(wrong) if wrong.is_empty() => return Ok(()),
                Some(wrong) if began.elapsed() > limit => {
                    return Err(format!("not as it should be: {}", wrong.join("; ")));
                }
                Some(_) => {}
                // Nobody knows while the API server does not answer.
                None => began = Instant::now(),
            }
            if stop() {
                return Err("stopped".to_owned());
            }
            self.nodes.pause(Duration::from_millis(200));
        }
    }

    /// VIPs that are not where they should be; `None` while nobody knows.
    fn differences(
        &self,
        asked: &[&str],
        wanted: &BTreeMap<IpAddr, Vec<&str>>,
    ) -> Option<Vec<String>> {
        let nodes = self.nodes.all()?;
        let mut held: BTreeMap<IpAddr, BTreeSet<&str>> = BTreeMap::new();
        for name in asked {
            let status = nodes.get(*name).and_then(|node| node.status.as_ref());
            for vip in status
                .into_iter()
                .flat_map(|status| &status.holds)
                .filter_map(|vip| vip.parse().ok())
            {
                held.entry(vip).or_default().insert(name);
            }
        }
        let silent = asked.iter().filter(|node| self.nodes.is_silent(node));
        let mut wrong: Vec<String> =
            silent.map(|node| format!("the agent of {node} gives no sign of life")).collect();
        for (vip, may) in wanted {
            let by: Vec<&str> = held.get(vip).into_iter().flatten().copied().collect();
            match by.as_slice() {
                [] if may.is_empty() => {}
                [] => wrong.push(format!("{vip} is not on {}", may.join(" or "))),
                [one] if may.contains(one) => {}
                several => wrong.push(format!("{vip} is on {}", several.join(" and "))),
            }
        }
        Some(wrong)
    }
}

/// The claim of an operator: that of any other operator of the same front end, too.
fn claimant(front_end: &str) -> String {
    format!("lbgen-operator@{front_end}")
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

impl Steps for Agents {
    fn run(&self, id: &str) -> Result<(), String> {
        self.wishes.begin(id);
        let step = self.plan.step(id).cloned().unwrap_or_default();
        let acts: Vec<SingleAct> =
            serde_json::from_value(step["acts"].clone()).map_err(|error| error.to_string())?;
        let done = self.carry_out(id, &acts).and_then(|()| self.check(&step));
        done.inspect_err(|why| {
            let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            *failure = format!("{id} failed: {why}");
        })
    }

    fn back(&self, id: &str) -> Result<(), String> {
        let step = self.plan.step(id).cloned().unwrap_or_default();
        let acts: Vec<SingleAct> = serde_json::from_value(step["undo"].clone()).unwrap_or_default();
        // Nothing is stopped for files that do not come back.
        let restored = acts.iter().filter(|act| act.does == "restore");
        let asked: Vec<SingleAct> = restored
            .map(|act| SingleAct {
                does: "restorable".to_owned(),
                group: usize::MAX,
                ..act.clone()
            })
            .collect();
        self.carry_out(id, &[asked, acts].concat())?;
        // The step before may count on its VIPs when it is undone; it is undone also if they do not come back.
        let before = self.plan.ids().into_iter().take_while(|known| *known != id).last();
        let wanted = before.map(|before| self.plan.holders_after(before)).unwrap_or_default();
        let wanted =
            wanted.iter().map(|(vip, nodes)| (*vip, nodes.iter().map(String::as_str).collect()));
        let nodes: Vec<&str> = self.plan.nodes.iter().map(String::as_str).collect();
        let limit = Duration::from_secs(step["wait"].as_u64().unwrap_or(0).max(5));
        if let Err(why) = self.settles(&nodes, &wanted.collect(), limit, &|| false) {
            self.say(&format!("{id} is undone, but {why}"));
        }
        Ok(())
    }

    fn verify(&self, _: &Value) -> Result<(), String> {
        Ok(())
    }

    fn wish(&self) -> Wish {
        self.wishes.now(&self.plan)
    }

    /// Writes down what is deployed now.
    fn finish(&self) -> anyhow::Result<()> {
        if self.deployed.as_ref() == Some(&self.bundle.digest) {
            return Ok(());
        }
        let status = json!({ "deployed": self.bundle.digest, "deployedAt": now() });
        let patch = Patch::Merge(json!({ "status": status }));
        let (name, parameters) = (&self.plan.datacenter, PatchParams::default());
        again(&self.handle, || self.front_ends.patch_status(name, &parameters, &patch))
            .map(drop)
            .map_err(anyhow::Error::msg)
    }

    fn notify(&self, _: &Event) {}

    fn say(&self, line: &str) {
        tracing::info!(front_end = self.plan.datacenter, plan = self.plan.name(), "{line}");
    }
}
