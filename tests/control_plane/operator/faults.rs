//! Rollouts by objects that do not go as planned: programs that are killed, an API server that is away, people who edit. The end is
//! the same, nothing is lost, and no VIP has two holders.

use std::time::{Duration, Instant};

use serde_json::json;

use super::crew::SYSTEM;
use super::fleet::Fleet;
use crate::lab::edits::EDITS;
use crate::stage::SLACK;

const LIMIT: Duration = Duration::from_secs(400);

fn fleet(name: &str) -> Fleet {
    Fleet::new(EDITS.iter().find(|edit| edit.name == name).unwrap())
}

/// Ends a fleet: everything is as the edit says, and nobody was silent or held twice beyond what was said.
fn is_well(fleet: Fleet) {
    assert_eq!(fleet.finish().broken_promises(), Vec::<String>::new());
}

/// kill -9 of the operator after each of its writes: whoever comes next goes on.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn the_operator_may_be_killed_after_any_call() {
    let mut fleet = fleet("another VRID");
    fleet.approve();
    let began = Instant::now();
    let (mut kills, mut seen) = (0, fleet.writes());
    while fleet.phase() != "Done" {
        assert!(began.elapsed() < LIMIT, "{}", fleet.logs());
        // After one write, two, three, and so on: each time in the middle of something else.
        if fleet.writes() > seen + kills {
            fleet.kill_operator();
            kills += 1;
            fleet.forget_lease();
            fleet.start_operator();
            seen = fleet.writes();
        }
        std::thread::sleep(Duration::from_millis(2));
    }
    println!("killed {kills} times in {:.0} s", began.elapsed().as_secs_f64());
    assert!(kills > 12, "{kills}");
    is_well(fleet);
}

/// kill -9 of each agent while it does something.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn agents_may_be_killed_in_any_verb() {
    let mut fleet = fleet("another VRID");
    fleet.approve();
    let began = Instant::now();
    let mut killed = std::collections::BTreeSet::new();
    while fleet.phase() != "Done" {
        assert!(began.elapsed() < LIMIT && fleet.phase() != "Failed", "{}", fleet.logs());
        for node in fleet.cluster.get("frontendnodes") {
            let (name, desired) =
                (node["metadata"]["name"].as_str().unwrap(), &node["spec"]["desired"]);
            let act = desired["act"].as_str().unwrap_or_default().to_owned();
            let is_running = node["status"]["number"] == desired["number"]
                && node["status"]["progress"] == "Running";
            // A moment is over before anybody sees it.
            if is_running && desired["moment"] == "Now" && killed.insert((name.to_owned(), act)) {
                fleet.kill_agent(name);
                fleet.revive_agent(name);
            }
        }
    }
    println!("killed {killed:?} in {:.0} s", began.elapsed().as_secs_f64());
    assert!(killed.len() > 5, "{killed:?}");
    is_well(fleet);
}

/// The API server is away for a while in the middle of a step, and once for two minutes.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn an_api_server_that_is_away_only_delays() {
    let mut fleet = fleet("another VRID");
    fleet.approve();
    let began = Instant::now();
    let (mut stops, mut was_long) = (0, false);
    while fleet.phase() != "Done" {
        assert!(began.elapsed() < 2 * LIMIT, "{}", fleet.logs());
        let done = fleet.rollout()["status"]["done"].as_u64().unwrap_or(0);
        if done > stops {
            stops = done;
            let away = if stops >= 4 && !was_long { 120 } else { 3 };
            was_long |= stops >= 4;
            fleet.cluster.stop_api_server();
            std::thread::sleep(Duration::from_secs(away));
            fleet.cluster.start_api_server();
        }
        // It ends where it cannot renew its Lease, and the kubelet starts it again.
        fleet.revive_operator();
        std::thread::sleep(Duration::from_millis(50));
    }
    println!("stopped {stops} times in {:.0} s", began.elapsed().as_secs_f64());
    assert!(stops > 4 && was_long, "{stops}");
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
    for (vip, worst) in fleet.finish().measured {
        println!("{vip}: {worst:?}");
        assert!(worst.several <= SLACK, "{vip}: {worst:?}");
    }
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
