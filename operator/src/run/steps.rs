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
use super::nodes::{Nodes, Request};
use super::patience::again;
use super::wishes::Wishes;
use crate::agent::verb;
use crate::api::{Desired, FrontEnd, Moment, Progress, now};

/// Nodes do these at one time: none of them depends on another node.
const AT_ONCE: &[&str] =
    &["verify", "fresh", "copy", "config_test", "give_up", "release", "restorable"];

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
    pub nodes: Arc<Nodes>,
    pub cluster: Cluster,
    pub bundle: Bundle,
    pub plan: PlanFile,
    pub wishes: Wishes,
    /// The step that an operator before this one was at when it was stopped: what it has told nodes still counts.
    pub resumed: Option<String>,
    /// The last words about the step that runs.
    pub said: Arc<Mutex<String>>,
}

impl Agents {
    /// Does acts in their order.
    fn carry_out(&self, step: &str, acts: &[SingleAct]) -> Result<(), String> {
        let alike = |a: &SingleAct, b: &SingleAct| {
            a.group == b.group || a.does == b.does && AT_ONCE.contains(&a.does.as_str())
        };
        for group in acts.chunk_by(alike) {
            let does = group[0].does.as_str();
            if group.iter().any(|act| act.together) {
                self.moment(step, group)?;
            } else if AT_ONCE.contains(&does) {
                self.all(step, group)?;
            } else if does == "claim" {
                // Of two rollouts that begin at one moment the first node decides.
                self.all(step, &group[..1])?;
                self.all(step, &group[1..])?;
            } else {
                for act in group {
                    match act.on.as_str() {
                        "cluster" => self.cluster.act(act, &self.bundle, &|| self.is_stopped())?,
                        _ => self.all(step, std::slice::from_ref(act))?,
                    }
                }
            }
        }
        Ok(())
    }

    fn is_resumed(&self, step: &str) -> bool {
        self.resumed.as_deref() == Some(step)
    }

    fn is_stopped(&self) -> bool {
        self.wishes.is_to_go_back()
    }

    fn desired(&self, step: &str, act: &SingleAct) -> Result<Desired, String> {
        let mut desired = Desired {
            step: step.to_owned(),
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
    fn all(&self, step: &str, acts: &[SingleAct]) -> Result<(), String> {
        let mut errors = Vec::new();
        let mut requests = Vec::new();
        for act in acts {
            let told = self.desired(step, act).and_then(|desired| {
                let before = self.nodes.adopt(&act.on, &desired).filter(|_| self.is_resumed(step));
                before.map_or_else(|| self.nodes.tell(&act.on, desired), Ok)
            });
            match told {
                Ok(request) => requests.push(request),
                Err(why) => errors.push(why),
            }
        }
        for request in &mut requests {
            errors.extend(request.wait(Progress::Done, &|| false).err());
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
    }

    /// Several nodes at one moment: every one is ready before the first of them acts. After a `wait` another half follows; where that
    /// does not happen, the first is taken back.
    fn moment(&self, step: &str, acts: &[SingleAct]) -> Result<(), String> {
        let wait = acts.iter().position(|act| act.does == "wait");
        let (first, rest) = acts.split_at(wait.unwrap_or(acts.len()));
        let second = rest.get(1..).unwrap_or_default();
        let pause = rest.first().and_then(|wait| wait.args.first()?.parse().ok()).unwrap_or(0.0);
        let held = |act: &SingleAct, opposite: Option<&str>, delay: f64| {
            let opposite = opposite.map(str::to_owned);
            let delay = (delay * 1000.0).round() as u32;
            let desired = self.desired(step, act)?;
            Ok::<_, String>(Desired { moment: Moment::Hold, opposite, delay, ..desired })
        };
        let opposite = |act: &SingleAct| opposite(&act.does).filter(|_| !second.is_empty());
        let ones = first.iter().map(|act| Ok((act.on.as_str(), held(act, opposite(act), 0.0)?)));
        let others = second.iter().map(|act| Ok((act.on.as_str(), held(act, None, pause)?)));
        let ones = ones.collect::<Result<Vec<_>, String>>()?;
        let others = others.collect::<Result<Vec<_>, String>>()?;
        let (mut ones, mut others) = match self.begun(step, &ones, &others) {
            Some(begun) => begun,
            None => self.hold(ones, others)?,
        };
        // The second half waits by itself. It hears the word first: an operator that dies between the two leaves VIPs without a
        // holder for a while, and none with two.
        say_all(&mut others, Moment::Go)?;
        say_all(&mut ones, Moment::Go)?;
        if second.is_empty() {
            return end(&mut ones, Progress::Done);
        }
        let result = end(&mut others, Progress::Done);
        let has_acted =
            |request: &mut Request<'_>| request.wait(Progress::Acted, &|| false).is_ok();
        let stays = result.is_ok() || others.iter_mut().all(has_acted);
        say_all(&mut ones, if stays { Moment::Stays } else { Moment::TakeBack })?;
        let first = end(&mut ones, Progress::Done);
        if !stays {
            let why = result.err().unwrap_or_default();
            return Err(format!(
                "the second half of the handover failed; the first is taken back: {why}"
            ));
        }
        result.and(first)
    }

    /// A moment that an operator before this one has begun: some nodes have heard the word. The others hear it now.
    fn begun(&self, step: &str, ones: &[Held<'_>], others: &[Held<'_>]) -> Option<Halves<'_>> {
        if !self.is_resumed(step) {
            return None;
        }
        let adopt = |half: &[Held<'_>]| -> Option<Vec<Request<'_>>> {
            half.iter().map(|(node, desired)| self.nodes.adopt(node, desired)).collect()
        };
        let (ones, others) = (adopt(ones)?, adopt(others)?);
        let moments = || ones.iter().chain(&others).map(Request::moment);
        let is_begun = moments().any(|moment| matches!(moment, Moment::Go | Moment::Stays))
            && !moments().any(|moment| moment == Moment::TakeBack);
        is_begun.then_some((ones, others))
    }

    /// Waits until every node is ready; if one is not, none of them does anything.
    fn hold(&self, ones: Vec<Held<'_>>, others: Vec<Held<'_>>) -> Result<Halves<'_>, String> {
        let mut halves = (Vec::new(), Vec::new());
        let ready: Result<(), String> = (|| {
            for (node, desired) in ones {
                halves.0.push(self.nodes.tell(node, desired)?);
            }
            for (node, desired) in others {
                halves.1.push(self.nodes.tell(node, desired)?);
            }
            let mut all = halves.0.iter_mut().chain(&mut halves.1);
            all.try_for_each(|request| request.wait(Progress::Ready, &|| self.is_stopped()))
        })();
        match ready {
            Ok(()) => Ok(halves),
            Err(why) => {
                for request in halves.0.iter_mut().chain(&mut halves.1) {
                    request.word(Moment::TakeBack)?;
                }
                Err(format!("{why}; nothing was changed"))
            }
        }
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

/// A node, and what it gets ready for.
type Held<'a> = (&'a str, Desired);
/// The requests of the two halves of a moment.
type Halves<'a> = (Vec<Request<'a>>, Vec<Request<'a>>);

/// The claim of an operator: that of any other operator of the same front end, too.
fn claimant(front_end: &str) -> String {
    format!("lbgen-operator@{front_end}")
}

fn words(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

/// As in the script: what else happens in a first half takes nothing back.
fn opposite(act: &str) -> Option<&'static str> {
    match act {
        "undrain" => Some("drain"),
        "start" => Some("stop"),
        _ => None,
    }
}

/// All of them at one moment.
fn say_all(requests: &mut [Request<'_>], moment: Moment) -> Result<(), String> {
    std::thread::scope(|scope| {
        // Whoever was told more already is left alone.
        let later =
            |request: &&mut Request<'_>| moment != Moment::Go || request.moment() == Moment::Hold;
        let said: Vec<_> = requests
            .iter_mut()
            .filter(later)
            .map(|request| scope.spawn(move || request.word(moment)))
            .collect();
        let said = said
            .into_iter()
            .map(|said| said.join().unwrap_or_else(|_| Err("a thread has ended".to_owned())));
        said.collect::<Vec<_>>().into_iter().collect()
    })
}

fn end(requests: &mut [Request<'_>], wanted: Progress) -> Result<(), String> {
    let errors: Vec<String> =
        requests.iter_mut().filter_map(|request| request.wait(wanted, &|| false).err()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("; ")) }
}

impl Steps for Agents {
    fn run(&self, id: &str) -> Result<(), String> {
        self.wishes.begin(id);
        let step = self.plan.step(id).cloned().unwrap_or_default();
        let acts: Vec<SingleAct> =
            serde_json::from_value(step["acts"].clone()).map_err(|error| error.to_string())?;
        self.carry_out(id, &acts)?;
        self.check(&step)
    }

    fn back(&self, id: &str) -> Result<(), String> {
        let step = self.plan.step(id).cloned().unwrap_or_default();
        let acts: Vec<SingleAct> = serde_json::from_value(step["undo"].clone()).unwrap_or_default();
        // Nothing is stopped for files that do not come back.
        let restored = acts.iter().filter(|act| act.does == "restore");
        let asked: Vec<SingleAct> = restored
            .map(|act| SingleAct { does: "restorable".to_owned(), ..act.clone() })
            .collect();
        self.all(id, &asked)?;
        self.carry_out(id, &acts)?;
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
        let status = json!({ "deployed": self.bundle.digest, "deployedAt": now() });
        let patch = Patch::Merge(json!({ "status": status }));
        let (name, parameters) = (&self.plan.datacenter, PatchParams::default());
        again(&self.handle, || self.front_ends.patch_status(name, &parameters, &patch))
            .map(drop)
            .map_err(anyhow::Error::msg)
    }

    fn notify(&self, _: &Event) {}

    fn say(&self, line: &str) {
        println!("{}: {line}", self.plan.name());
        line.clone_into(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }
}
