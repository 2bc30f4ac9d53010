//! The document of `rollout`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::execute::PlanFile;
use crate::model::Subdomain;
use crate::rollout::{Command, Do, Probe, Rollout, SingleAct, Step};
use crate::view::seconds;

/// `rollout`: the steps from what runs to the new bundle.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Planned<'a> {
    /// The name of the datacenter.
    datacenter: &'a str,
    /// The commit that is rolled out, or null where git does not have it.
    revision: Option<&'a str>,
    /// In their order.
    steps: Vec<PlannedStep<'a>>,
    /// Promises that cannot be kept, with the reason.
    exceptions: Vec<Exception<'a>>,
    /// Nodes that are down and keep their old files.
    left_out: &'a [Subdomain],
    /// VIPs to ask from outside, once they are rolled out.
    probes: &'a [Probe],
}

/// A step.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlannedStep<'a> {
    /// From its content: the same step has the same id in every run.
    id: &'a str,
    /// The kind of step.
    #[serde(rename = "do")]
    #[schemars(extend("enum" = Do::ALL.map(Do::word)))]
    does: &'static str,
    /// In words.
    title: &'a str,
    /// The nodes that it concerns, all at once.
    nodes: &'a [Subdomain],
    /// The VIPs that move in it.
    vips: Vec<Moved<'a>>,
    /// The commands of the script.
    command: String,
    /// The same as single acts.
    acts: Vec<SingleAct>,
    /// The command that checks what must hold afterwards; empty where nothing has to.
    check: String,
    /// The nodes of which one holds each VIP then, by its address: nobody where there is none. A VIP that may be anywhere is
    /// left out.
    holders: BTreeMap<String, &'a [Subdomain]>,
    /// The seconds to wait until that holds.
    wait: u64,
    /// The nodes that are asked for it.
    #[serde(skip_serializing_if = "<[Subdomain]>::is_empty")]
    asked: &'a [Subdomain],
    /// The commands that undo it.
    back: String,
    /// The same as single acts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    undo: Vec<SingleAct>,
    /// The objects of the cluster that it concerns.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    objects: &'a [String],
}

/// A VIP that moves.
#[derive(Debug, Serialize, JsonSchema)]
struct Moved<'a> {
    /// The VIP.
    vip: IpAddr,
    /// The holder before, or null if nobody held it.
    from: Option<&'a Subdomain>,
    /// The holder after, or null if nobody does.
    to: Option<&'a Subdomain>,
    /// The seconds for which nobody holds it.
    seconds: f64,
}

/// A promise that cannot be kept.
#[derive(Debug, Serialize, JsonSchema)]
struct Exception<'a> {
    /// Its number in docs/operations.md.
    promise: u8,
    /// The VIP.
    vip: IpAddr,
    /// The seconds for which it is silent.
    seconds: f64,
    /// The reason.
    why: &'a str,
}

impl<'a> Planned<'a> {
    /// The document of a rollout.
    pub fn of(datacenter: &'a str, rollout: &'a Rollout, revision: Option<&'a str>) -> Self {
        let exception = |found: &'a crate::rollout::Exception| Exception {
            promise: found.promise as u8,
            vip: found.vip,
            seconds: seconds(found.silent),
            why: &found.why,
        };
        Self {
            datacenter,
            revision,
            steps: rollout.steps.iter().map(PlannedStep::of).collect(),
            exceptions: rollout.exceptions.iter().map(exception).collect(),
            left_out: &rollout.left_out,
            probes: &rollout.probes,
        }
    }
}

/// The plan file of a rollout to the bundle of a list. Whoever keeps it says what it is about, and seals it.
pub fn plan_file(rollout: &Rollout, list: Option<&str>) -> anyhow::Result<PlanFile> {
    let steps = rollout.steps.iter().map(|step| serde_json::to_value(PlannedStep::of(step)));
    Ok(PlanFile {
        version: PlanFile::VERSION,
        claim: rollout.claim(list),
        nodes: rollout.nodes.iter().map(ToString::to_string).collect(),
        steps: steps.collect::<Result<_, _>>()?,
        vips: rollout.vips.clone(),
        ..PlanFile::default()
    })
}

impl<'a> PlannedStep<'a> {
    /// A step of it.
    pub fn of(step: &'a Step) -> Self {
        let moved = |moved: &'a crate::rollout::VipMove| Moved {
            vip: moved.vip,
            from: moved.from.as_ref(),
            to: moved.to.as_ref(),
            seconds: seconds(moved.silent),
        };
        let holders = step
            .expect
            .iter()
            .filter_map(|found| Some((found.vip.to_string(), found.holders.as_deref()?)));
        let lines = |commands: &[Command]| {
            commands.iter().map(Command::line).collect::<Vec<_>>().join("\n")
        };
        Self {
            id: &step.id,
            does: step.does.word(),
            title: &step.title,
            nodes: &step.nodes,
            vips: step.moves.iter().map(moved).collect(),
            command: lines(&step.commands),
            acts: SingleAct::of(&step.commands),
            check: step.check().map_or(String::new(), |command| command.line()),
            holders: holders.collect(),
            wait: step.wait.as_secs(),
            asked: &step.asked,
            back: lines(&step.back),
            undo: SingleAct::of(&step.back),
            objects: &step.objects,
        }
    }
}
