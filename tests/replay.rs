//! Rollouts on the real daemons: the script itself, over namespaces instead of ssh, from what runs to what was rendered.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::sync::Mutex;
use std::time::Duration;

use lab::edits::{EDITS, Edit};
use lab::more_edits::MORE_EDITS;
use lab::pod_edits::{MORE_POD_EDITS, POD_EDITS};
use lab::timeline::Worst;
use lbgen::source::Sources;
use lbgen::state::elect::{Electorate, Masters};
use lbgen::state::{State, Tree};
use stage::{Replayed, Stage, in_parallel, is_long};

/// The two that carry a rollout out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Script,
    Lbgen,
}

fn replay(edit: &'static Edit, by: By) -> Replayed {
    let stage = Stage::new(edit);
    let done = match by {
        By::Script => stage.run(&["--yes"], ""),
        By::Lbgen => stage.apply(&["--apply"]).output().unwrap(),
    };
    let mut said = format!("{}{}", support::stdout(&done), support::stderr(&done));
    for (name, node) in &stage.lab.nodes {
        said += &format!("== {name}\n{}", node.log());
    }
    assert!(done.status.success(), "{}:\n{said}", edit.name);
    let steps = stage.plan["steps"].as_array().unwrap().iter();
    let steps = steps.filter(|step| step["back"].as_str().unwrap().contains("restore"));
    for step in steps.take(usize::from(by == By::Script)) {
        let late = stage.run(&["--yes", "--back", step["id"].as_str().unwrap()], "");
        assert!(!late.status.success(), "{}: a finished rollout was undone", edit.name);
        assert!(support::stderr(&late).contains("the rollout is finished"), "{late:?}");
    }
    stage.finish()
}

/// Mixtures of an edit's two sides that are tried: which nodes run the second, a bit for each.
const MIXTURES: [u32; 7] = [0b0001, 0b1000, 0b0110, 0b1011, 0b0101, 0b1110, 0b0010];

/// Edits that two sides of a fleet can stand in the middle of.
const MIXED: &[&str] = &[
    "VRRP version",
    "advert interval",
    "another VRID",
    "priorities swapped",
    "maintenance",
    "an address from one VIP to another",
];

/// One mixture after the other: who holds what is predicted from the files, then the daemons are asked.
fn mixtures(edit: &'static Edit) -> Vec<String> {
    let stage = Stage::new(edit);
    let read = |folder: &str| {
        let tree = Tree::of_folder(&stage.work.path().join(folder), Some("lab")).unwrap();
        State::read(&tree, &mut Sources::default()).0
    };
    let (from, to) = (read("old"), read("out"));
    let electorate = Electorate::of(&[&from, &to], lab::release::version());
    let mut situation = electorate.all(0);
    let mut masters = electorate.elect(&situation, &Masters::default());
    let mut wrong = Vec::new();
    for bits in MIXTURES {
        for (index, name) in electorate.nodes().iter().enumerate() {
            let phase = usize::from(bits & (1 << index) != 0);
            if situation.running[index] == Some(phase) {
                continue;
            }
            situation.running[index] = Some(phase);
            let folder = stage.work.path().join(["old", "out"][phase]);
            let conf = folder.join(format!("lab/nodes/{name}/etc/keepalived/keepalived.conf"));
            let node = &stage.lab.nodes[name.as_str()];
            node.host.run(&format!("cp {} /etc/keepalived/keepalived.conf", conf.display()));
            node.reload();
        }
        masters = electorate.elect(&situation, &masters);
        let expected = stage.lab.holders().into_keys().map(|vip| {
            let holders = electorate.holders(&masters, vip).into_iter();
            (vip, holders.map(|node| electorate.nodes()[node].to_string()).collect())
        });
        if let Err(text) = stage.lab.wait_for(&expected.collect(), stage.lab.limit()) {
            wrong.push(format!("{}, {bits:04b}: {text}", edit.name));
        }
    }
    wrong
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn mixed_fleets_are_as_predicted() {
    let names = Mutex::new(MIXED.iter());
    let wrong: Mutex<Vec<String>> = Mutex::new(Vec::new());
    in_parallel(|| {
        let Some(name) = names.lock().unwrap().next() else { return false };
        let edit = EDITS.iter().find(|edit| edit.name == *name).unwrap();
        let found = mixtures(edit);
        println!(
            "{name}: {} of {} mixtures as predicted",
            MIXTURES.len() - found.len(),
            MIXTURES.len()
        );
        wrong.lock().unwrap().extend(found);
        true
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Replays edits by both, in the long lab and of one that is named; else half of them by each.
fn replays(by: By, edits: &'static [Edit], more: &'static [Edit]) {
    let only = std::env::var("EDIT").ok();
    let is_whole = is_long() || only.is_some();
    let more = if is_whole { more } else { &[] };
    let is_due = |at: &usize| is_whole || at.is_multiple_of(2) == (by == By::Script);
    let edits = edits.iter().chain(more).enumerate().filter(|(at, _)| is_due(at));
    let edits = Mutex::new(edits.map(|(_, edit)| edit));
    let wrong: Mutex<Vec<String>> = Mutex::new(Vec::new());
    in_parallel(|| {
        let Some(edit) = edits.lock().unwrap().next() else { return false };
        if only.as_ref().is_none_or(|only| only == edit.name) {
            let replayed = replay(edit, by);
            print(&replayed);
            wrong.lock().unwrap().extend(replayed.broken_promises());
        }
        true
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_do_what_they_say() {
    replays(By::Script, EDITS, MORE_EDITS);
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_that_lbgen_carries_out_do_what_they_say() {
    replays(By::Lbgen, EDITS, MORE_EDITS);
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_in_pods_do_what_they_say() {
    replays(By::Script, POD_EDITS, MORE_POD_EDITS);
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_in_pods_that_lbgen_carries_out_do_what_they_say() {
    replays(By::Lbgen, POD_EDITS, MORE_POD_EDITS);
}

fn print(replayed: &Replayed) {
    let longest =
        |of: fn(&Worst) -> Duration| replayed.measured.values().map(of).max().unwrap_or_default();
    let said = replayed.predicted.values().max().copied().unwrap_or_default();
    println!(
        "{}: {} steps; predicted {:.2} s, measured none {:.2} s, several {:.2} s",
        replayed.name,
        replayed.steps,
        said.as_secs_f64(),
        longest(|worst| worst.none).as_secs_f64(),
        longest(|worst| worst.several).as_secs_f64()
    );
}
