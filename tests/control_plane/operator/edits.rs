//! Edits of a running datacenter, carried out by Rollout objects: the same end and the same seconds as by the script.

use std::time::{Duration, Instant};

use super::fleet::Fleet;
use crate::lab::edits::{EDITS, Edit, ours, vip};

const LIMIT: Duration = Duration::from_secs(240);

/// The cluster has other names for the nodes.
const RENAMED: Edit =
    ours("nodes with a hostname", renamed, |base| vip(&renamed(base), "vrid: 77"));

fn renamed(base: &str) -> String {
    let line = |line: &str| match line.trim().split_once(": { address: 10.") {
        Some((node, _)) => line.replace(" }", &format!(", hostname: {node}.example.net }}")),
        None => line.to_owned(),
    };
    base.lines().map(|text| line(text) + "\n").collect()
}

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn rollouts_by_objects_keep_their_promises() {
    let only = std::env::var("EDIT").ok();
    // A visit runs a command of a person on the nodes, and agents do not.
    let edits = EDITS.iter().chain([&RENAMED]).filter(|edit| !edit.options.contains(&"--visit"));
    for edit in
        edits.filter(|edit| only.as_ref().is_none_or(|only| edit.name.contains(only.as_str())))
    {
        let name = edit.name;
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
