//! Rollouts that lbgen carries out and that do not go as planned, on the real daemons: killed, stopped, failing, with a node
//! that dies, with somebody else beside.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lab::edits::EDITS;
use stage::Stage;

fn stage(name: &str) -> Stage {
    Stage::new(EDITS.iter().find(|edit| edit.name == name).unwrap())
}

/// Runs lbgen to its end: the exit status, and what it said.
fn run(stage: &Stage, options: &[&str]) -> (i32, String) {
    let done = stage.apply(options).output().unwrap();
    (support::code(&done), support::stderr(&done))
}

/// The same command on a machine of another name, where the claim of the first person is taken over.
fn by_another_person(command: &Command, first: &str) -> Command {
    let mut other = Command::new("unshare");
    other.args(["--uts", "sh", "-c", "hostname desk; exec \"$@\"", "sh"]);
    other.arg(command.get_program()).args(command.get_args()).args(["--take-over", first]);
    for (name, value) in command.get_envs() {
        other.env(name, value.unwrap());
    }
    other
}

/// lbgen is killed after each line of its journal, and somebody else goes on from another folder: the same end. What was done
/// is undone, too.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_goes_on_after_lbgen_was_killed_at_any_event() {
    let stage = stage("another VRID");
    let journal = stage.work.path().join("kept.journal");
    let lines = || {
        let text = fs::read_to_string(&journal).unwrap_or_default();
        text.lines().count()
    };
    let me = stage.lab.nodes["lb-1"].host.run("echo $(id -un)@$(uname -n)").trim().to_owned();
    let me = format!("{me}:{}", stage.work.path().display());
    let mut kills = 0;
    let mut resumed = false;
    loop {
        let before = lines();
        let how = if resumed { "--resume" } else { "--apply" };
        let mut command = stage.apply(&[how, "--journal", journal.to_str().unwrap()]);
        if resumed {
            command = by_another_person(&command, &me);
            command.current_dir("/");
        }
        let mut running = command.spawn().unwrap();
        let ended = loop {
            if let Some(status) = running.try_wait().unwrap() {
                break Some(status);
            }
            // After one, two or three lines: so it comes further each time.
            if lines() > before + kills % 3 {
                running.kill().unwrap();
                running.wait().unwrap();
                break None;
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        resumed = true;
        // Killed between its last line and its end: there is nothing left to go on with.
        if fs::read_to_string(&journal).unwrap_or_default().contains("\"finish\"") {
            break;
        }
        match ended {
            Some(status) => {
                assert!(status.success(), "after {kills} kills");
                break;
            }
            None => kills += 1,
        }
        assert!(kills < 200, "it never ends");
    }
    let replayed = stage.finish();
    println!("killed {kills} times");
    assert!(kills > 5, "{kills}");
    assert_eq!(replayed.broken_promises(), Vec::<String>::new());
}

/// A probe of the user's own fails in the middle: the rollout stops, another is refused, what was done is undone, and the
/// fleet is as before; then it is carried out from the beginning.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_rollout_that_fails_its_probe_is_undone_and_done_again() {
    let stage = stage("another VRID");
    let run = |options: &[&str]| run(&stage, options);
    let probe = "case $LBGEN_STEP in undrain-*) echo 'the site is down' >&2; exit 1 ;; esac; [ -n \"$LBGEN_NODES\" ]";
    let (code, said) = run(&["--apply", "--verify", probe]);
    assert_eq!(code, 1, "{said}");
    assert!(said.contains("the site is down") && said.contains("--back-all"), "{said}");
    let (code, said) = run(&["--apply"]);
    assert!(code == 2 && said.contains("is not finished"), "{code}: {said}");
    let (code, said) = run(&["--back-all"]);
    assert_eq!(code, 0, "{said}");
    stage.lab.prove(&lbgen::plan::simulate::Scenario::default());
    for node in stage.lab.nodes.values() {
        let claim = node.host.sh("[ -e /var/lib/lbgen/rollout ]");
        assert!(!claim.status.success(), "the nodes are released");
    }
    let (code, said) = run(&["--resume"]);
    assert!(code == 2 && said.contains("no unfinished rollout"), "{code}: {said}");
    let (code, said) = run(&["--apply", "--notify", "cat >>events"]);
    assert_eq!(code, 0, "{said}");
    let events = fs::read_to_string(stage.work.path().join("events")).unwrap();
    assert!(events.lines().count() > 10 && events.contains("\"finish\""), "{events}");
    stage.finish();
}

/// Ctrl-C twice in the middle of a step: the step is undone, and somebody goes on later.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_step_that_is_stopped_by_a_second_ctrl_c_is_undone() {
    let stage = stage("another VRID");
    let ids = stage.ids();
    let step = ids.iter().find(|id| id.starts_with("drain-")).unwrap();
    let mut command = stage.apply(&["--apply"]);
    let log = stage.work.path().join("log");
    command.env("SLOW", "0.3").stderr(fs::File::create(&log).unwrap()).stdout(Stdio::null());
    let mut running = command.spawn().unwrap();
    let said = || fs::read_to_string(&log).unwrap();
    let until = |word: &str| {
        let limit = Instant::now() + Duration::from_secs(60);
        while !said().contains(word) {
            assert!(Instant::now() < limit, "{word}: {}", said());
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let interrupt = || {
        let pid = running.id().to_string();
        assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    };
    until(&format!(", {step}: "));
    interrupt();
    until("stops after this step");
    interrupt();
    assert_eq!(running.wait().unwrap().code(), Some(1), "{}", said());
    let said = said();
    assert!(said.contains(&format!("undoing {step}")), "{said}");
    assert!(!said.contains("could not be undone"), "{said}");
    stage.lab.prove_holders();
    let (code, said) = run(&stage, &["--resume"]);
    assert_eq!(code, 0, "{said}");
    stage.finish();
}

/// A node loses its power on the way: what is printed leads to the end without it.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_node_that_dies_on_the_way_is_left_out() {
    let mut stage = stage("VRRP version");
    let ids = stage.ids();
    let (code, said) = run(&stage, &["--apply", "--until", &ids[2]]);
    assert!(code == 0 && said.contains("stopped after"), "{code}: {said}");
    stage.lab.crash("lb-3");
    let (code, said) = run(&stage, &["--resume"]);
    assert!(code == 1 && said.contains("--down NODE"), "{code}: {said}");
    // Neither way works with a dead node, and either says so; what was staged is staged again.
    let (code, said) = run(&stage, &["--back-all"]);
    assert!(code == 1 && said.contains("could not be undone"), "{code}: {said}");
    let (code, said) = run(&stage, &["--resume", "--down", "lb-9"]);
    assert!(code == 2 && said.contains("the plan has no node lb-9"), "{code}: {said}");
    let (code, said) = run(&stage, &["--resume", "--down", "lb-3"]);
    assert_eq!(code, 0, "{said}");
    stage.is_done();
    stage.lab.prove(&lab::failed(&["lb-3"]));
}

/// One rollout at a time: in this folder, and on the nodes; a claim that was taken over is not worked under any more.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn two_rollouts_do_not_mix() {
    let stage = stage("priorities swapped");
    let ids = stage.ids();
    let (code, said) = run(&stage, &["--apply", "--until", &ids[1]]);
    assert_eq!(code, 0, "{said}");
    // The same plan, from another folder, by the same person: it neither goes on nor releases what is not its own.
    let clone = stage.work.path().join("clone");
    fs::create_dir(&clone).unwrap();
    let in_clone = |how: &str| {
        let done = stage.apply(&[how]).current_dir(&clone).output().unwrap();
        (support::code(&done), support::stderr(&done))
    };
    let (code, said) = in_clone("--apply");
    assert!(code == 1 && said.contains("this rollout is under way already"), "{code}: {said}");
    let (code, said) = in_clone("--back-all");
    assert!(code == 0 && said.contains("stays claimed, by "), "{code}: {said}");
    for node in stage.lab.nodes.values() {
        node.host.run("[ -e /var/lib/lbgen/rollout/id ]");
    }
    // Another bundle, from another folder, by the same person.
    let inventory = fs::read_to_string(stage.work.path().join("inventory.yaml")).unwrap();
    let other = stage.work.path().join("other");
    fs::create_dir(&other).unwrap();
    fs::write(other.join("inventory.yaml"), inventory.replace("150", "151")).unwrap();
    fs::copy(stage.work.path().join("inventory.lock"), other.join("inventory.lock")).unwrap();
    let rendered = support::lbgen_in(&other, &["render", "-q"]);
    assert_eq!(support::code(&rendered), 0, "{}", support::stderr(&rendered));
    let apply = |more: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lbgen"));
        command.args(["rollout", "-q", "--from", "../old", "--apply", "--yes", "--until"]);
        for (name, hook) in [("LBGEN_ON", "on"), ("LBGEN_COPY", "copy")] {
            command.env(name, stage.work.path().join(hook));
        }
        let plan = support::lbgen_in(&other, &["rollout", "--from", "../old", "--format", "json"]);
        let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
        let first = plan["steps"][0]["id"].as_str().unwrap();
        let done = command.arg(first).args(more).current_dir(&other).output().unwrap();
        (support::code(&done), support::stderr(&done))
    };
    let (code, said) = apply(&[]);
    assert!(code == 1 && said.contains("another rollout is under way"), "{code}: {said}");
    let by = stage.lab.nodes["lb-1"].host.run("cut -d ' ' -f 1 /var/lib/lbgen/rollout/by");
    assert!(said.contains(&format!("--take-over {}", by.trim())), "{said}");
    fs::remove_dir_all(other.join(".lbgen-rollout")).unwrap();
    let (code, said) = apply(&["--take-over", by.trim()]);
    assert_eq!(code, 0, "{said}");
    let (code, said) = run(&stage, &["--resume"]);
    assert!(code == 1 && said.contains("another rollout has claimed this node"), "{code}: {said}");
    stage.lab.prove_holders();
}

/// A fleet that runs is not taken for a new one.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_running_fleet_is_no_new_one() {
    let stage = stage("priorities swapped");
    let plan = ["rollout", "-q", "--from", "none", "--save", "none.json"];
    let saved = support::lbgen_in(stage.work.path(), &plan);
    assert_eq!(support::code(&saved), 0, "{}", support::stderr(&saved));
    let mut command = stage.apply(&["--apply"]);
    command.arg("--journal").arg("none.journal");
    fs::rename(stage.work.path().join("none.json"), stage.work.path().join("plan.json")).unwrap();
    let done = command.output().unwrap();
    let said = support::stderr(&done);
    assert!(support::code(&done) == 1 && said.contains("keepalived runs here already"), "{said}");
    stage.lab.prove_holders();
}

/// The script dies in the middle of a step, with everything around it: the node goes back by itself, and somebody goes on.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_node_that_loses_its_driver_goes_back_by_itself() {
    let stage = stage("priorities swapped");
    let ids = stage.ids();
    let step = ids.iter().find(|id| id.starts_with("reload-")).unwrap();
    let plan = stage.plan["steps"].as_array().unwrap();
    let name = plan.iter().find(|one| one["id"] == **step).unwrap()["nodes"][0].as_str().unwrap();
    let node = &stage.lab.nodes[name].host;
    let digest = || node.run("sha256sum /etc/keepalived/keepalived.conf");
    let before = digest();
    let (code, said) = run(&stage, &["--apply", "--until", step, "--confirm-within", "4s"]);
    assert_eq!(code, 0, "{said}");
    assert_ne!(digest(), before, "a step that is confirmed stays");
    let (code, said) = run(&stage, &["--back-all"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(digest(), before);
    stage.lab.prove_holders();

    let mut script = stage.script(&["--yes", "--confirm-within", "4"], "");
    let log = stage.work.path().join("log");
    script.env("SLOW", "0.5").stdout(fs::File::create(&log).unwrap());
    script.process_group(0);
    let mut running = script.spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while digest() == before {
        assert!(Instant::now() < limit, "{}", fs::read_to_string(&log).unwrap());
        std::thread::sleep(Duration::from_millis(5));
    }
    let group = format!("-{}", running.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    running.wait().unwrap();
    let limit = Instant::now() + Duration::from_secs(30);
    while digest() != before {
        assert!(Instant::now() < limit, "it stays as it is");
        std::thread::sleep(Duration::from_millis(100));
    }
    stage.lab.prove_holders();

    // Somebody goes on before the time is over: what is done then stays.
    let mut script = stage.script(&["--yes", "--from-step", step, "--confirm-within", "15"], "");
    script.env("SLOW", "0.5").stdout(Stdio::null()).process_group(0);
    let mut running = script.spawn().unwrap();
    let limit = Instant::now() + Duration::from_secs(60);
    while digest() == before {
        assert!(Instant::now() < limit, "the step does not begin");
        std::thread::sleep(Duration::from_millis(5));
    }
    let group = format!("-{}", running.id());
    assert!(Command::new("kill").args(["-9", "--", &group]).status().unwrap().success());
    running.wait().unwrap();
    let rest = stage.run(&["--yes", "--from-step", step], "");
    assert!(rest.status.success(), "{}", support::stderr(&rest));
    std::thread::sleep(Duration::from_secs(17));
    assert_ne!(digest(), before, "the guard of a run that died undid what a later run has done");
    stage.finish();
}

/// A node takes what the bundle lists, with its digests, and nothing else, however it came there.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_node_refuses_what_the_bundle_does_not_list() {
    let stage = stage("priorities swapped");
    let hook = |name: &str, on_the_node: &str| {
        let path = stage.work.path().join(name);
        let folder = stage.work.path().display();
        let text =
            format!("#!/bin/sh\n{folder}/copy \"$@\" && {folder}/on \"$2\" '{on_the_node}'\n");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    };
    let next = "/var/lib/lbgen/next/etc";
    let more = hook("more", &format!("mkdir -p {next}/cron.d; echo x >{next}/cron.d/.evil"));
    let edited = hook("edited", &format!("echo x >>{next}/keepalived/keepalived.conf"));
    for (hook, word) in [
        (more, "/var/lib/lbgen/next/etc/cron.d/.evil is not in the bundle's list"),
        (edited, "/etc/keepalived/keepalived.conf did not arrive as the bundle has it"),
    ] {
        let done = stage.script(&["--yes"], "").env("LBGEN_COPY", hook).output().unwrap();
        let said = support::stderr(&done);
        assert!(!done.status.success() && said.contains(word), "{said}");
        for id in stage.ids()[..2].iter().rev() {
            assert!(stage.run(&["--yes", "--back", id], "").status.success());
        }
    }
    let done = stage.run(&["--yes"], "");
    assert!(done.status.success(), "{}", support::stderr(&done));
    stage.finish();
}
