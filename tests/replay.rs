//! Rollouts on the real daemons: the script itself, over namespaces instead of ssh, from what runs to what was rendered.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
mod stage;
mod support;

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::edits::{EDITS, Edit};
use lab::timeline::Worst;
use lbgen::language::version::KeepalivedVersion;
use lbgen::source::Sources;
use lbgen::state::elect::{Electorate, Masters};
use lbgen::state::{State, Tree};
use stage::{BOOT, Replayed, START, STOP, Stage};

fn replay(edit: &'static Edit) -> Replayed {
    let stage = Stage::new(edit);
    let done = stage.run(&["--yes"], "");
    let mut said = format!("{}{}", support::stdout(&done), support::stderr(&done));
    for (name, node) in &stage.lab.nodes {
        said += &format!("== {name}\n{}", node.log());
    }
    assert!(done.status.success(), "{}:\n{said}", edit.name);
    let steps = stage.plan["steps"].as_array().unwrap().iter();
    for step in steps.filter(|step| step["back"].as_str().unwrap().contains("restore")).take(1) {
        let late = stage.run(&["--yes", "--back", step["id"].as_str().unwrap()], "");
        assert!(!late.status.success(), "{}: a finished rollout was undone", edit.name);
        assert!(support::stderr(&late).contains("the rollout is finished"), "{late:?}");
    }
    stage.finish()
}

/// The machine is busy: what is measured may be this much longer than what was said.
const SLACK: Duration = Duration::from_millis(250);

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
    let electorate = Electorate::of(&[&from, &to], KeepalivedVersion(2, 2, 7));
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

/// Runs a job over and over, on every core, until it says that there is none left.
fn in_parallel(job: impl Fn() -> bool + Sync) {
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| while job() {});
        }
    });
}

/// Step 0 asks every node before anything changes, and a rollout that was stopped goes on where it was.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn step_0_refuses_what_is_otherwise() {
    let edit = EDITS.iter().find(|edit| edit.name == "priorities swapped").unwrap();
    let stage = Stage::new(edit);
    let script = |more: &[&str], answers: &str| stage.run(more, answers);
    let refused = |word: &str| {
        let done = script(&["--yes"], "");
        let said = support::stderr(&done);
        assert!(!done.status.success() && said.contains(word), "{word}: {said}");
    };
    let node = |script: &str| stage.lab.nodes["lb-2"].host.run(script);
    node(
        "cp /etc/keepalived/keepalived.conf /run/kept; echo '# by hand' >>/etc/keepalived/keepalived.conf",
    );
    refused("/etc/keepalived/keepalived.conf is not the file that this rollout was planned from");
    node(
        "cp /run/kept /etc/keepalived/keepalived.conf; mkdir -p /var/lib/lbgen/rollout; echo other >/var/lib/lbgen/rollout/id",
    );
    refused("another rollout is under way");
    let verify = stage.plan["steps"][0]["id"].as_str().unwrap();
    assert!(script(&["--yes", "--back", verify], "").status.success());
    // What another rollout has claimed stays claimed.
    refused("another rollout is under way");
    node("rm -rf /var/lib/lbgen/rollout; echo 1 >/run/lbgen/drain");
    refused("the node is drained");
    node("echo 0 >/run/lbgen/drain");
    stage.lab.prove_holders();
}

/// Stopped after any of its steps, with a node that reboots then, and planned again with what is done, a rollout ends where
/// it would have ended.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_that_is_stopped_after_any_step_goes_on() {
    let edit = EDITS.iter().find(|edit| edit.name == "priorities swapped").unwrap();
    let steps = Stage::new(edit).plan["steps"].as_array().unwrap().len();
    assert!(steps > 4);
    let next = AtomicUsize::new(1);
    in_parallel(|| {
        let done = next.fetch_add(1, Ordering::Relaxed);
        if done >= steps {
            return false;
        }
        stopped_after(edit, done);
        true
    });
}

fn stopped_after(edit: &'static Edit, steps: usize) {
    let stage = Stage::new(edit);
    let stopped = stage.run(&[], &("y\n".repeat(steps) + "n\n"));
    assert!(
        support::stdout(&stopped).contains("go on with --from-step"),
        "{steps}: {}{}",
        support::stdout(&stopped),
        support::stderr(&stopped)
    );
    stage.lab.nodes["lb-2"].host.run(&format!("{STOP}; rm -rf /run/lbgen; {BOOT}; {START}"));
    let done: Vec<String> = stage.plan["steps"].as_array().unwrap()[..steps]
        .iter()
        .map(|step| step["id"].as_str().unwrap().to_owned())
        .collect();
    stage.write_script(&["--done", &done.join(",")]);
    let rest = stage.run(&["--yes"], "");
    let said = format!("{}{}", support::stdout(&rest), support::stderr(&rest));
    assert!(rest.status.success(), "{steps}: {said}");
    stage.finish();
}

/// What a rollout can change on a node: its files, and the rule of somebody else's.
const FILES: &str = "cd /; find etc/keepalived etc/systemd/system etc/sysctl.d etc/tmpfiles.d usr/local/sbin usr/local/libexec -type f | sort | xargs sha256sum; ip rule | grep 'lookup 777' || true";

/// Edits whose steps reload, start, stop, drain, hand over and remove rules.
const UNDONE: &[&str] = &["another VRID", "a fleet of somebody else's"];

/// Each step has a way back: the last first, they lead to what ran, as the first step of the same rollout finds.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn every_step_can_be_undone() {
    let names = Mutex::new(UNDONE.iter());
    in_parallel(|| {
        let Some(name) = names.lock().unwrap().next() else { return false };
        undone(EDITS.iter().find(|edit| edit.name == *name).unwrap());
        true
    });
}

fn undone(edit: &'static Edit) {
    let stage = Stage::new(edit);
    let files = || -> BTreeSet<String> {
        let all = stage.lab.nodes.iter().map(|(name, node)| (name, node.host.run(FILES)));
        all.flat_map(|(name, text)| {
            text.lines().map(|line| format!("{name}: {line}")).collect::<Vec<_>>()
        })
        .collect()
    };
    let before = files();
    let steps = stage.plan["steps"].as_array().unwrap();
    // The last removes what the way back needs.
    let done = &steps[..steps.len() - 1];
    let stopped = stage.run(&[], &("y\n".repeat(done.len()) + "n\n"));
    assert!(support::stdout(&stopped).contains("go on with --from-step"), "{stopped:?}");
    assert!(files() != before, "{}: the rollout changed nothing", edit.name);
    for step in done.iter().rev() {
        let id = step["id"].as_str().unwrap();
        let back = stage.run(&["--yes", "--back", id], "");
        assert!(back.status.success(), "{}, {id}: {back:?}", edit.name);
    }
    let now = files();
    let differ: Vec<&String> = now.symmetric_difference(&before).collect();
    assert!(differ.is_empty(), "{}: {differ:#?}", edit.name);
    stage.lab.prove_holders();
    let again = stage.run(&[], "y\nn\n");
    let second = format!("stopped before {}", steps[1]["id"].as_str().unwrap());
    assert!(support::stdout(&again).contains(&second), "{}: {again:?}", edit.name);
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn rollouts_do_what_they_say() {
    let edits = Mutex::new(EDITS.iter());
    let done: Mutex<Vec<Replayed>> = Mutex::new(Vec::new());
    let only = std::env::var("EDIT").ok();
    in_parallel(|| {
        let Some(edit) = edits.lock().unwrap().next() else { return false };
        if only.as_ref().is_none_or(|only| only == edit.name) {
            let replayed = replay(edit);
            print(&replayed);
            done.lock().unwrap().push(replayed);
        }
        true
    });
    let mut wrong: BTreeSet<String> = BTreeSet::new();
    for replayed in done.into_inner().unwrap() {
        for (vip, worst) in &replayed.measured {
            let said = replayed.predicted.get(vip).copied().unwrap_or_default();
            if worst.several > SLACK || worst.none > said + SLACK {
                wrong.insert(format!("{}: {vip}: said {said:?}, was {worst:?}", replayed.name));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
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
