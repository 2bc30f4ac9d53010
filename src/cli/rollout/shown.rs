//! The steps of a rollout, for a person and for programs.

use std::collections::BTreeMap;

use crate::bundle::short;
use crate::diag::count;
use crate::rollout::{Probe, Rollout};

/// So many objects of a step are listed one by one.
const FEW: usize = 12;

/// The steps, each with its id, what moves in it and the objects that it is about.
pub fn as_text(rollout: &Rollout, revision: Option<&str>, is_all: bool) -> String {
    let mut text = String::new();
    for (number, step) in rollout.steps.iter().enumerate() {
        text += &head(number, &step.title, &step.id);
        for moved in &step.moves {
            text += &format!("     {}\n", moved.line());
        }
        text += &objects(&step.objects, is_all);
    }
    if rollout.steps.is_empty() {
        return text;
    }
    if let Some(revision) = revision {
        text += &format!("of commit {}\n", short(revision));
    }
    text += &format!(
        "{}; no node holds more than {} at any step\n",
        count(rollout.steps.len(), "step"),
        count(rollout.peak, "VIP"),
    );
    for exception in &rollout.exceptions {
        let silent = match exception.silent.is_zero() {
            true => String::new(),
            false => format!(", silent for {:.2} s", exception.silent.as_secs_f64()),
        };
        text += &format!("exception: {}{silent}: {}\n", exception.vip, exception.why);
    }
    if !rollout.probes.is_empty() {
        text += "no step sees which network is behind an interface; ask from outside, by hand or with --verify:\n";
    }
    for Probe { vip, interface, nodes } in &rollout.probes {
        let nodes: Vec<&str> = nodes.iter().map(AsRef::as_ref).collect();
        text += &format!("  {vip} ({interface} on {})\n", nodes.join(", "));
    }
    for node in &rollout.left_out {
        text += &format!(
            "{node} is down and keeps its old files: before keepalived starts there, bring it the new ones\n"
        );
    }
    text
}

/// The two lines that name a step; the first has number 0.
pub fn head(number: usize, title: &str, id: &str) -> String {
    format!("{:>3}. {title}\n     {id}\n", number + 1)
}

/// The objects of a step: each, or of many how many there are of each kind.
fn objects(objects: &[String], is_all: bool) -> String {
    let line = |text: &str| format!("     {text}\n");
    if is_all || objects.len() <= FEW {
        return objects.iter().map(|object| line(object)).collect();
    }
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for object in objects {
        *kinds.entry(object.split(' ').next().unwrap_or(object)).or_default() += 1;
    }
    let counted: Vec<String> =
        kinds.iter().map(|(kind, count)| format!("{count} {kind}")).collect();
    line(&format!("{}, each with --all", counted.join(", ")))
}
