//! Rollouts that do not go as planned, on the real daemons: refused, stopped, killed, undone, with slow connections, with a
//! node that dies.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lab::edits::{EDITS, Edit};
use stage::{BOOT, START, STOP, Stage, in_parallel, is_long};

fn edit(name: &str) -> &'static Edit {
    EDITS.iter().find(|edit| edit.name == name).unwrap()
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

    // Another configuration was loaded than the file says again.
    let conf = "/etc/keepalived/keepalived.conf";
    let check = "/usr/local/libexec/lbgen/loaded --check";
    let until_loaded = |expected: bool| {
        let limit = std::time::Instant::now() + Duration::from_secs(60);
        while stage.lab.nodes["lb-2"].host.sh(check).status.success() != expected {
            assert!(std::time::Instant::now() < limit);
        }
    };
    node(&format!(
        "sed -i 's/interval 2$/interval 3/' {conf}; kill -HUP $(cat /run/keepalived.pid)"
    ));
    until_loaded(false);
    node(&format!("cp /run/kept {conf}"));
    refused("keepalived has something else loaded than its file says");
    node("kill -HUP $(cat /run/keepalived.pid)");
    until_loaded(true);

    // Somebody edits a file on the way.
    let ids = stage.ids();
    let at = ids.iter().position(|id| id.starts_with("test-")).unwrap();
    let done = script(&["--yes", "--until", &ids[at]], "");
    assert!(done.status.success(), "{}", support::stderr(&done));
    node(&format!("echo '# by hand' >>{conf}"));
    let done = script(&["--yes", "--from-step", &ids[at + 1]], "");
    let said = support::stderr(&done);
    let word = "somebody has edited /etc/keepalived/keepalived.conf since the rollout began";
    assert!(!done.status.success() && said.contains(word), "{said}");
    node(&format!("cp /run/kept {conf}"));
    let done = script(&["--yes", "--from-step", &ids[at + 1]], "");
    assert!(done.status.success(), "{}", support::stderr(&done));
    stage.finish();
}

/// Stopped after any of its steps, with a node that reboots then, and planned again with what is done, a rollout ends where
/// it would have ended.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_that_is_stopped_after_any_step_goes_on() {
    let edit = EDITS.iter().find(|edit| edit.name == "priorities swapped").unwrap();
    let steps = Stage::new(edit).ids().len();
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

/// The state of a node that a rollout can change: its files, and the rule of somebody else's.
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

/// The script is killed in the middle of a step, with all that it runs here; then it goes on, or back and on.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_that_is_killed_in_any_step_goes_on_or_back() {
    let edit = edit("another VRID");
    let plan = Stage::new(edit).plan;
    let steps: Vec<usize> = (0..plan["steps"].as_array().unwrap().len())
        .filter(|at| {
            let command = plan["steps"][at]["command"].as_str().unwrap();
            is_long() || command.contains("hand_over")
        })
        .collect();
    assert!(!steps.is_empty());
    // The last step removes what the way back needs.
    let last = plan["steps"].as_array().unwrap().len() - 1;
    let back = steps.iter().filter(|at| **at < last).map(|at| (*at, true));
    let tries: Mutex<Vec<(usize, bool)>> =
        Mutex::new(steps.iter().map(|at| (*at, false)).chain(back).collect());
    in_parallel(|| {
        let Some((at, is_back)) = tries.lock().unwrap().pop() else { return false };
        killed_in(edit, at, is_back);
        true
    });
}

fn killed_in(edit: &'static Edit, at: usize, is_back: bool) {
    let stage = Stage::new(edit);
    let ids = stage.ids();
    let log = stage.work.path().join("log");
    let mut script = stage.script(&["--yes"], "");
    script.stdout(fs::File::create(&log).unwrap()).process_group(0);
    let mut child = script.spawn().unwrap();
    let has_begun =
        |at: usize| fs::read_to_string(&log).unwrap().contains(&format!("\n{}: ", ids[at]));
    while !has_begun(at) {
        assert!(child.try_wait().unwrap().is_none(), "it ended before {}", ids[at]);
        std::thread::sleep(Duration::from_millis(10));
    }
    // Somewhere in the step; a handover is at its pause.
    std::thread::sleep(Duration::from_millis(300 + 411 * u64::try_from(at).unwrap() % 1500));
    let group = format!("-{}", child.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    child.wait().unwrap();
    // A short step was over by then.
    let at = (at..ids.len()).take_while(|at| has_begun(*at)).last().unwrap();
    let is_back = is_back && at + 1 < ids.len();
    let run = |options: &[&str]| {
        let done = stage.run(options, "");
        let said = format!("{}{}", support::stdout(&done), support::stderr(&done));
        assert!(done.status.success(), "killed in {}, {options:?}:\n{said}", ids[at]);
    };
    if is_back {
        for id in ids[..=at].iter().rev() {
            run(&["--yes", "--back", id]);
        }
        stage.lab.prove_holders();
        run(&["--yes"]);
    } else {
        run(&["--yes", "--from-step", &ids[at]]);
    }
    let replayed = stage.finish();
    let broken = replayed.broken_promises();
    assert!(is_back || broken.is_empty(), "killed in {}: {broken:#?}", ids[at]);
    let twice = replayed.measured.values().map(|worst| worst.several).max().unwrap_or_default();
    assert!(twice <= stage::SLACK, "killed in {}, then back: {:?}", ids[at], replayed.measured);
}

/// Half a second to connect, for each command.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn slow_connections_change_nothing() {
    let all = ["another VRID", "VRRP version", "new node", "priorities swapped", "removed node"];
    let names = Mutex::new(all[..if is_long() { all.len() } else { 1 }].iter());
    in_parallel(|| {
        let Some(name) = names.lock().unwrap().next() else { return false };
        let stage = Stage::new(edit(name));
        let done = stage.script(&["--yes"], "").env("SLOW", "0.5").output().unwrap();
        assert!(done.status.success(), "{name}: {done:?}");
        let replayed = stage.finish();
        let broken = replayed.broken_promises();
        assert!(broken.is_empty(), "{name}: {broken:#?}");
        true
    });
}

/// A node loses its power after any step; the same script finishes the rest without it.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_node_that_dies_on_the_way_is_left_behind() {
    let mut tries: Vec<(&str, usize)> = vec![("VRRP version", 3), ("another VRID", 4)];
    if is_long() {
        tries = (1..5).map(|at| ("VRRP version", at)).collect();
        tries.extend((1..11).map(|at| ("another VRID", at)));
        tries.extend((1..7).map(|at| ("renumbered node", at)));
    }
    let tries = Mutex::new(tries.into_iter());
    in_parallel(|| {
        let Some((name, at)) = tries.lock().unwrap().next() else { return false };
        dies_after(edit(name), at, "lb-3");
        true
    });
}

fn dies_after(edit: &'static Edit, steps: usize, dead: &str) {
    let mut stage = Stage::new(edit);
    let ids = stage.ids();
    let stopped = stage.run(&[], &("y\n".repeat(steps) + "n\n"));
    assert!(support::stdout(&stopped).contains("go on with --from-step"), "{stopped:?}");
    stage.lab.crash(dead);
    let rest = stage.run(&["--yes", "--from-step", &ids[steps], "--down", dead], "");
    let said = format!("{}{}", support::stdout(&rest), support::stderr(&rest));
    assert!(rest.status.success(), "{}, {steps} steps: {said}", edit.name);
    assert!(said.contains(&format!("{dead} died on the way")), "{said}");
    stage.is_done();
    stage.lab.prove(&lab::failed(&[dead]));
}

/// An entrypoint has no ready pod on a node: step 0 says so, and goes on where a person accepts the holders that are.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn holders_that_a_person_accepts_are_no_obstacle() {
    let mut stage = Stage::new(edit("advert interval"));
    let unhealthy = lab::unhealthy(&[("web", "lb-1")]);
    stage.lab.ready("web", "lb-1", false);
    stage.lab.prove(&unhealthy);
    let refused = stage.run(&["--yes"], "");
    let said = support::stderr(&refused);
    assert!(!refused.status.success(), "{said}");
    let checks: Vec<&str> = said.lines().filter(|line| line.starts_with("the check")).collect();
    assert_eq!(checks, ["the check entrypoint-web fails on lb-1"], "{said}");
    assert!(said.contains("--accept-holders"), "{said}");
    let verify = stage.ids()[0].clone();
    assert!(stage.run(&["--yes", "--back", &verify], "").status.success());
    let done = stage.run(&["--yes", "--accept-holders"], "");
    assert!(done.status.success(), "{}", support::stderr(&done));
    stage.is_done();
    stage.lab.prove(&unhealthy);
}
