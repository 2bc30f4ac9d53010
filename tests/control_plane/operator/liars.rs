//! Agents that say what is not so. The operator goes by the VIPs that the nodes have, and by nobody's word that it is done.

use std::fs;

use serde_json::json;

use super::crew::Crew;
use crate::support;

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn agents_that_lie_stop_the_rollout() {
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("inventory.yaml"), support::datacenter(3, 3, 4, 2)).unwrap();
    let mut crew = Crew::new(work.path());
    let bundle = crew.lbgen(&["render", "--format", "kubernetes"]);
    crew.make_namespaces();
    crew.cluster.apply(&bundle);
    let rollout = crew.lbgen(&["rollout", "--from", "none", "--format", "kubernetes"]);
    crew.cluster.apply(&rollout.replace("\n  frontEnd:", "\n  onFailure: Back\n  frontEnd:"));
    for number in 0..3 {
        crew.start_fake_agent(&format!("lb-{number}"));
    }
    crew.start_operator();
    crew.approve();
    // They do nothing of what they are told, and say of each act that it is done.
    crew.cluster.wait("a step to be undone", |_| {
        let message = crew.rollout()["status"]["message"].clone();
        message.as_str().is_some_and(|message| message.ends_with("; it was undone"))
    });
    let status = crew.rollout()["status"].clone();
    assert_eq!(status["phase"], "Failed", "{status:#}");
    let message = status["message"].as_str().unwrap();
    assert!(
        message.contains("not as it should be") && message.contains(" is not on "),
        "{message}"
    );
    assert!(status["done"].as_u64().unwrap() < status["total"].as_u64().unwrap(), "{status:#}");
    // The way back does not need what is wanted next.
    let gone = json!({ "spec": { "bundle": { "configMaps": ["gone"] } } });
    crew.merge("frontend", "big", &gone, &[]).unwrap();
    crew.patch(&json!({ "goBack": true }));
    crew.cluster.wait("the way back", |_| crew.phase() == "Undone");
    crew.cluster.apply(&bundle);
    // Two say that they hold the same.
    let nodes = crew.cluster.get("frontendnodes");
    let vip = nodes[0]["spec"]["vips"][0].as_str().unwrap().to_owned();
    crew.fake_holds("lb-0", &[&vip]);
    crew.fake_holds("lb-1", &[&vip]);
    crew.cluster.wait("both to be counted", |cluster| {
        cluster.get("frontends")[0]["status"]["vips"]["heldTwice"] == 1
    });
}
