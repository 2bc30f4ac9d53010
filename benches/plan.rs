//! What planning costs: 64 nodes with 250 VIPs that any of them may hold, and 1,000 VIPs in 8 disjoint groups of 8 nodes.
//!
//! `cargo bench` prints the median of whole processes: `lbgen check` reads, checks and plans; `lbgen plan` also runs every
//! set of up to two failures.

#![allow(clippy::unwrap_used, reason = "a benchmark that cannot go on stops")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;

fn main() {
    let one_group = support::datacenter(64, 250, 1, 1);
    // A VIP of group g may be held by the eight nodes of that group.
    let groups = support::datacenter(64, 1000, 1, 1)
        .lines()
        .map(|line| {
            match line.strip_prefix("  - { address: ").and_then(|rest| rest.split_once(',')) {
                Some((address, _)) => {
                    let group = address
                        .split('.')
                        .map(|part| part.parse::<usize>().unwrap())
                        .sum::<usize>()
                        % 8;
                    let nodes: Vec<String> =
                        (0..8).map(|node| format!("lb-{}", group * 8 + node)).collect();
                    line.replace(" }", &format!(", nodes: [{}] }}", nodes.join(", ")))
                }
                None => line.to_owned(),
            }
        })
        .collect::<Vec<_>>()
        .join("\n")
        + "\nkeepalived: { vrids: 1-255 }\npolicy_routing: { tables: 1000-1999, rule_priorities: 1000-1999 }\n";
    for (name, text) in
        [("64 nodes, 250 VIPs", one_group), ("8 groups of 8 nodes, 1,000 VIPs", groups)]
    {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        fs::write(&path, text).unwrap();
        for command in ["check", "plan"] {
            let mut times: Vec<Duration> = (0..ROUNDS)
                .map(|_| {
                    let start = Instant::now();
                    let status = Command::new(env!("CARGO_BIN_EXE_lbgen"))
                        .args([command, "-q", path.to_str().unwrap()])
                        .stdout(Stdio::null())
                        .stderr(Stdio::null())
                        .status()
                        .unwrap();
                    assert!(status.success());
                    start.elapsed()
                })
                .collect();
            times.sort();
            println!("{name:<32} {command:<6} {:>8.1} ms", times[ROUNDS / 2].as_secs_f64() * 1e3);
        }
    }
}
