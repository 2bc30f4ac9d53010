//! Edits of a running datacenter, carried out by Rollout objects: the same end and the same seconds as by the script.

use std::time::{Duration, Instant};

use super::fleet::Fleet;
use crate::lab::edits::EDITS;

const LIMIT: Duration = Duration::from_secs(240);

/// Those that are tried: every kind of step, and each of the two moments.
const TRIED: &[&str] = &[
    "new node",
    "removed node",
    "maintenance",
    "back from maintenance",
    "new VIP",
    "removed VIP",
    "priorities swapped",
    "VRRP version",
    "another VRID",
    "advert interval",
    "virtual to static",
    "an address from one VIP to another",
];

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn rollouts_by_objects_keep_their_promises() {
    let only = std::env::var("EDIT").ok();
    for name in
        TRIED.iter().filter(|name| only.as_ref().is_none_or(|only| name.contains(only.as_str())))
    {
        let edit = EDITS.iter().find(|edit| edit.name == *name).unwrap();
        let began = Instant::now();
        let fleet = Fleet::new(edit);
        fleet.approve();
        fleet.wait("Done", LIMIT);
        let front_ends = fleet.cluster.kubectl(
            &["get", "frontends,rollouts,frontendnodes", "--namespace", "lbgen-system"],
            "",
        );
        println!("{}", front_ends.unwrap());
        let steps = fleet.rollout()["status"]["done"].clone();
        let replayed = fleet.finish();
        let worst = replayed
            .measured
            .iter()
            .map(|(vip, worst)| format!("{vip} {worst:?}"))
            .collect::<Vec<_>>();
        println!(
            "{name}: {steps} steps in {:.0} s: {}",
            began.elapsed().as_secs_f64(),
            worst.join(", ")
        );
        assert_eq!(replayed.broken_promises(), Vec::<String>::new());
    }
}
