//! Rollouts by objects that do not go as planned: programs that are killed, an API server that is away, people who edit. The end is
//! the same, nothing is lost, and no VIP has two holders.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use serde_json::json;

use super::crew::SYSTEM;
use super::fleet::Fleet;
use super::tap::Tap;
use crate::lab::edits::EDITS;
use crate::lab::more_edits::MORE_EDITS;
use crate::stage::SLACK;

const LIMIT: Duration = Duration::from_secs(400);

fn fleet(name: &str) -> Fleet {
    Fleet::new(EDITS.iter().chain(MORE_EDITS).find(|edit| edit.name == name).unwrap())
}

/// Ends a fleet: everything is as the edit says, and nobody was silent or held twice beyond what was said.
fn is_well(fleet: Fleet) {
    assert_eq!(fleet.finish().broken_promises(), Vec::<String>::new());
}

/// Ends a fleet in which VIPs may have been silent: everything is as the edit says, and nobody was held twice beyond the slack.
fn is_even(fleet: Fleet) {
    for (vip, worst) in fleet.finish().measured {
        println!("{vip}: {worst:?}");
        assert!(worst.several <= SLACK, "{vip}: {worst:?}");
    }
}

/// kill -9 of the operator after each call of a rollout that writes, once the API server has done what it asks for: whoever comes
/// next goes on. A call that only reads leaves nothing behind, so that the end after it is that after the call before.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn the_operator_may_be_killed_after_every_call() {
    // Handovers and moments; and objects that come and go.
    for (edit, least) in [("another VRID", 60), ("new VIP", 20), ("removed VIP", 20)] {
        let mut fleet = fleet(edit);
        let tap = fleet.tap();
        fleet.approve();
        assert!(kill_after_every_call(&mut fleet, &tap, "Done") > least);
        is_well(fleet);
    }
}

/// The same on the way back.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn the_operator_may_be_killed_after_every_call_on_the_way_back() {
    let mut fleet = fleet("another VRID");
    let before = fleet.stage.lab.holders();
    let steps = fleet.stage.ids();
    // The last but one: what comes after it keeps nothing to go back to.
    fleet.patch(&json!({ "approve": { "until": steps[steps.len() - 2] } }));
    fleet.wait("Waiting", LIMIT);
    let tap = fleet.tap();
    fleet.patch(&json!({ "goBack": true, "approve": null }));
    assert!(kill_after_every_call(&mut fleet, &tap, "Undone") > 40);
    fleet.stage.lab.prove_holders();
    assert_eq!(fleet.stage.lab.holders(), before);
}

/// Kills it once after everything that it writes, until the rollout is in a phase. Returns the number of times.
fn kill_after_every_call(fleet: &mut Fleet, tap: &Tap, end: &str) -> usize {
    let began = Instant::now();
    let (mut killed, mut by_kind) = (BTreeSet::new(), BTreeMap::new());
    loop {
        assert!(began.elapsed() < 5 * LIMIT, "{}", fleet.logs());
        let Some(call) = tap.next(Duration::from_millis(300)) else {
            let phase = fleet.phase();
            assert!(phase != "Failed", "{}", fleet.logs());
            if phase == end {
                break;
            }
            continue;
        };
        // The same again is what an operator does that takes over.
        if killed.insert(call.what()) {
            *by_kind.entry(format!("{} {}", call.verb, call.resource())).or_insert(0) += 1;
            fleet.kill_operator();
            fleet.forget_lease();
            fleet.start_operator();
        }
    }
    let name = fleet.stage.edit.name;
    println!("{name}: killed after {by_kind:?} in {:.0} s", began.elapsed().as_secs_f64());
    killed.len()
}

/// kill -9 of each agent at each word that it says of each verb: that it has begun, that it is ready, that its half has happened.
/// VIPs may be silent meanwhile: a half that has no agent takes itself back.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn agents_may_be_killed_in_any_verb() {
    let mut killed = BTreeMap::new();
    for edit in ["another VRID", "VRRP version", "new node", "removed node"] {
        let mut fleet = fleet(edit);
        let taps = tap_agents(&mut fleet);
        fleet.approve();
        kill_agents(&mut fleet, &taps, "Done", &mut killed);
        is_even(fleet);
    }
    // Fleets whose rules are dropped, and put again on the way back, or whose daemons have to restart.
    let there_and_back =
        ["another VRID", "a fleet of somebody else's", "sync groups of somebody else's"];
    for edit in there_and_back {
        let mut fleet = fleet(edit);
        let before = fleet.stage.lab.holders();
        let taps = tap_agents(&mut fleet);
        let steps = fleet.stage.ids();
        fleet.patch(&json!({ "approve": { "until": steps[steps.len() - 2] } }));
        kill_agents(&mut fleet, &taps, "Waiting", &mut killed);
        fleet.patch(&json!({ "goBack": true, "approve": null }));
        kill_agents(&mut fleet, &taps, "Undone", &mut killed);
        fleet.stage.lab.prove_holders();
        assert_eq!(fleet.stage.lab.holders(), before);
    }
    println!("killed in all: {killed:?}");
    let acts: BTreeSet<&str> = killed.keys().map(|(act, _)| act.as_str()).collect();
    for act in VERBS {
        assert!(acts.contains(act), "not in {act}: {acts:?}");
    }
}

/// Everything that an agent does.
const VERBS: &[&str] = &[
    "claim",
    "config_test",
    "copy",
    "drain",
    "drop_rules",
    "fresh",
    "give_up",
    "install",
    "leave",
    "put_rules",
    "release",
    "reload",
    "restart",
    "restorable",
    "restore",
    "start",
    "stop",
    "undrain",
    "verify",
];

fn tap_agents(fleet: &mut Fleet) -> BTreeMap<String, Tap> {
    let names: Vec<String> = fleet.stage.lab.nodes.keys().cloned().collect();
    let mut taps = BTreeMap::new();
    for name in names {
        taps.insert(name.clone(), fleet.tap_agent(&name));
        fleet.kill_agent(&name);
        fleet.revive_agent(&name);
    }
    taps
}

/// Kills the agent of each node at what it says, until the rollout is in a phase. Counts verbs and progress.
fn kill_agents(
    fleet: &mut Fleet,
    taps: &BTreeMap<String, Tap>,
    end: &str,
    killed: &mut BTreeMap<(String, String), usize>,
) {
    let began = Instant::now();
    let mut seen = BTreeSet::new();
    loop {
        assert!(began.elapsed() < LIMIT, "{}", fleet.logs());
        let mut is_idle = true;
        for (name, tap) in taps {
            let Some(call) = tap.next(Duration::from_millis(5)) else { continue };
            is_idle = false;
            let status = &call.body["status"];
            let progress = status["progress"].as_str().unwrap_or_default().to_owned();
            if !["Running", "Ready", "Acted"].contains(&progress.as_str()) {
                continue;
            }
            let node = fleet.cluster.one("frontendnode", name, SYSTEM);
            let desired = &node["spec"]["desired"];
            let act = desired["act"].as_str().unwrap_or_default().to_owned();
            let word = (name, act.clone(), progress.clone());
            if desired["number"] == status["number"] && seen.insert(word) {
                *killed.entry((act, progress)).or_insert(0) += 1;
                fleet.kill_agent(name);
                fleet.revive_agent(name);
            }
        }
        if is_idle {
            let phase = fleet.phase();
            assert!(phase != "Failed", "{}", fleet.logs());
            if phase == end {
                break;
            }
        }
    }
    println!("{}: killed at {} words", fleet.stage.edit.name, seen.len());
}

/// The API server is away for a while in the middle of each step, once before and once after nodes were told something, and for two
/// minutes in one of them. The operator gets its last answer or does not; once its connections end without a word.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn an_api_server_that_is_away_only_delays() {
    let mut fleet = fleet("another VRID");
    let tap = fleet.tap();
    fleet.approve();
    let began = Instant::now();
    let (mut step, mut stopped) = (String::new(), BTreeSet::new());
    loop {
        assert!(began.elapsed() < 5 * LIMIT, "{}", fleet.logs());
        // It ends where it cannot renew its Lease, and the kubelet starts it again.
        fleet.revive_operator();
        let Some(call) = tap.next(Duration::from_millis(300)) else {
            if fleet.phase() == "Done" {
                break;
            }
            continue;
        };
        let resource = call.resource();
        if resource == "rollouts/status"
            && let Some(id) = call.body["status"]["step"].as_str()
        {
            id.clone_into(&mut step);
        }
        let is_of_step = !matches!(resource.as_str(), "leases" | "events" | "frontends/status");
        if !step.is_empty() && is_of_step && stopped.insert((step.clone(), resource)) {
            tap.close(stopped.len() == 5);
            fleet.cluster.stop_api_server();
            match stopped.len() % 2 {
                0 => call.lose(),
                _ => drop(call),
            }
            let away = if stopped.len() == 7 { 120 } else { 3 };
            std::thread::sleep(Duration::from_secs(away));
            fleet.cluster.start_api_server();
            tap.open();
        }
    }
    println!("stopped after {stopped:?} in {:.0} s", began.elapsed().as_secs_f64());
    for id in fleet.stage.ids() {
        assert!(stopped.iter().any(|(step, _)| *step == id), "not in {id}: {stopped:?}");
    }
    is_well(fleet);
}

/// Back from each step: what was done is undone, and the fleet is as before.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn a_rollout_goes_back_from_each_step() {
    let fleet = fleet("another VRID");
    let steps = fleet.stage.ids();
    let before = fleet.stage.lab.holders();
    for (at, step) in steps.iter().enumerate().take(steps.len() - 1) {
        fleet.patch(&json!({ "approve": { "until": step } }));
        fleet.wait("Waiting", LIMIT);
        assert_eq!(fleet.rollout()["status"]["done"], at + 1);
        fleet.patch(&json!({ "goBack": true, "approve": null }));
        fleet.wait("Undone", LIMIT);
        fleet.stage.lab.prove_holders();
        assert_eq!(fleet.stage.lab.holders(), before, "back from {step}");
        fleet.again();
    }
    fleet.approve();
    fleet.wait("Done", LIMIT);
    // The way back is not timed, so that VIPs may be silent for as long as a holder that died.
    is_even(fleet);
}

/// Another bundle is wanted in the middle of a rollout: it is said, and the rollout ends with its own.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn a_new_bundle_in_the_middle_waits() {
    let fleet = fleet("priorities swapped");
    let middle = fleet.stage.ids()[3].clone();
    fleet.patch(&json!({ "approve": { "until": middle } }));
    fleet.wait("Waiting", LIMIT);
    fleet.render_another();
    fleet.cluster.wait("it to be said", |_| {
        let conditions = fleet.rollout()["status"]["conditions"].clone();
        let mut conditions = conditions.as_array().into_iter().flatten();
        conditions.any(|found| found["type"] == "Superseded" && found["status"] == "True")
    });
    let describe = ["describe", "frontend,rollout", "--namespace", SYSTEM];
    println!("{}", fleet.cluster.kubectl(&describe, "").unwrap());
    fleet.patch(&json!({ "approve": { "until": null } }));
    fleet.wait("Done", LIMIT);
    let to = fleet.rollout()["spec"]["to"].clone();
    fleet.cluster.wait("what is deployed", |cluster| {
        cluster.get("frontends")[0]["status"]["deployed"] == to
    });
    is_well(fleet);
}

/// Two operators: one works. Somebody who edits the object of a node by hand is told what to do instead.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn two_operators_and_a_person_do_no_harm() {
    let mut fleet = fleet("priorities swapped");
    fleet.start_second_operator();
    fleet.approve();
    let began = Instant::now();
    fleet.cluster.wait("the nodes", |cluster| cluster.get("frontendnodes").len() == 4);
    let mut edits = 0;
    while fleet.phase() != "Done" {
        assert!(began.elapsed() < LIMIT && fleet.phase() != "Failed", "{}", fleet.logs());
        let edit = json!({ "spec": { "drain": true } });
        let refused = fleet.merge("frontendnode", "lb-1", &edit, &[]).unwrap_err();
        assert!(refused.contains("only the operator says what a node does"), "{refused}");
        edits += 1;
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(edits > 1);
    fleet.assert_one_operator();
    is_well(fleet);
}
