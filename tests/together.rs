//! The script of a rollout and 64 nodes that take 50 ms to reach.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};
use std::time::Instant;

const NODES: usize = 64;

/// Stands for ssh: writes down when a node was ready, when it acted, and when it was asked anything else.
const ON: &str = r#"#!/bin/sh
sleep 0.05
case $2 in
*"'on_word' "*)
    echo "$1 ready" >>log
    echo ready
    read -r _
    echo "$1 acted $(date +%s%N)" >>log
    echo acted
    ;;
*) echo "$1 asked" >>log ;;
esac
"#;

/// The script's functions, without its steps, and one call.
fn call(folder: &Path, functions: &str, words: &str) -> Output {
    let _ = fs::remove_file(folder.join("log"));
    let script = format!("{functions}\nclaim=x down= parallel=32 vips=192.0.2.10\n{words}\n");
    fs::write(folder.join("part.sh"), script).unwrap();
    let mut command = Command::new("sh");
    command.arg("part.sh").env("LBGEN_ON", "./on").current_dir(folder).output().unwrap()
}

#[test]
fn nodes_act_together_once_every_connection_stands() {
    let work = tempfile::tempdir().unwrap();
    let inventory = work.path().join("inventory.yaml");
    fs::write(inventory, support::datacenter(NODES, 8, 1, 1)).unwrap();
    assert_eq!(support::code(&support::lbgen_in(work.path(), &["render", "-q"])), 0);
    let planned = ["rollout", "-q", "--from", "none", "--format", "sh"];
    let script = support::stdout(&support::lbgen_in(work.path(), &planned));
    let functions = script.split("\nusage()").next().unwrap();
    fs::write(work.path().join("on"), ON).unwrap();
    fs::set_permissions(work.path().join("on"), PermissionsExt::from_mode(0o755)).unwrap();
    let names: Vec<String> = (0..NODES).map(|number| format!("lb-{number}")).collect();
    let all = names.join(" ");
    let log = || fs::read_to_string(work.path().join("log")).unwrap();

    let done = call(work.path(), functions, &format!("together reload {all}"));
    assert!(done.status.success(), "{}", support::stderr(&done));
    let log_text = log();
    let lines: Vec<&str> = log_text.lines().collect();
    let ready = lines.iter().rposition(|line| line.ends_with(" ready")).unwrap();
    let acted = lines.iter().position(|line| line.contains(" acted ")).unwrap();
    assert!(ready < acted, "a node acted before the last connection stood: {log_text}");
    let times: Vec<u64> =
        lines.iter().filter_map(|line| line.split(" acted ").nth(1)?.parse().ok()).collect();
    assert_eq!(times.len(), NODES);
    let spread = times.iter().max().unwrap() - times.iter().min().unwrap();
    println!("{NODES} nodes acted within {:.3} s", spread as f64 / 1e9);

    let began = Instant::now();
    let done = call(work.path(), functions, &format!("held_by {all}"));
    println!("{NODES} nodes asked in {:.2} s", began.elapsed().as_secs_f64());
    assert!(done.status.success(), "{}", support::stderr(&done));
    let asked = log();
    assert!(names.iter().all(|name| asked.contains(&format!("{name} asked\n"))), "{asked}");
}
