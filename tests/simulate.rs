//! `lbgen simulate` as a person runs it; its elections are proven in tests/planning.rs, tests/state.rs and the lab.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::process::Command;

use support::{code, lbgen_in, stderr, stdout};

/// Every set of up to two of many nodes is written as it is found: the whole of it would take a gigabyte.
#[test]
fn every_pair_of_many_nodes_fits_into_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.yaml");
    fs::write(&path, support::datacenter(40, 120, 1, 1)).unwrap();
    // 400 MiB of address space, in KiB: more than a process with its threads needs, less than the answer.
    let limited = format!(
        "ulimit -v 400000; exec {} simulate --failures 2 --format json -q {}",
        env!("CARGO_BIN_EXE_lbgen"),
        path.display()
    );
    let done = Command::new("sh").args(["-c", &limited]).output().unwrap();
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
    let sets = json["systems"][0]["sets"].as_array().unwrap();
    assert_eq!(sets.len(), 1 + 40 + 40 * 39 / 2);
    assert_eq!(json["systems"][0]["worst"].as_array().unwrap().len(), 3);
}

/// The same answer from the files as from the inventory; and a fleet of somebody else's, with two holders where nobody hears.
#[test]
fn simulate_reads_the_files_of_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("three-racks"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&run(&["render", "-q"])), 0);
    let json = |arguments: &[&str]| -> serde_json::Value {
        let done = run(arguments);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        serde_json::from_str(&stdout(&done)).unwrap()
    };
    let failed = ["--fail", "c-1,a-2", "--drain", "b-1", "--format", "json"];
    let plan = json(&[&["simulate", "-q"], &failed[..]].concat());
    let files = json(&[&["simulate", "-q", "--from", "out/three-racks"], &failed[..]].concat());
    let holders: std::collections::BTreeMap<&str, &serde_json::Value> = files["vips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vip| (vip["address"].as_str().unwrap(), &vip["holders"][0]))
        .collect();
    for vip in plan["systems"][0]["sets"][0]["vips"].as_array().unwrap() {
        let address = vip["address"].as_str().unwrap();
        assert_eq!(holders[address], &vip["holder"], "{address}");
    }
    for (node, peer, pass) in [("a", "10.0.0.2", "one"), ("b", "10.0.0.1", "two")] {
        let path = folder.path().join("foreign").join(node).join("etc/keepalived");
        fs::create_dir_all(&path).unwrap();
        let own = if node == "a" { "10.0.0.1" } else { "10.0.0.2" };
        let text = format!(
            "vrrp_instance X {{\n interface eth0\n virtual_router_id 1\n priority 100\n authentication {{\n  auth_type PASS\n  auth_pass {pass}\n }}\n unicast_src_ip {own}\n unicast_peer {{\n  {peer}\n }}\n virtual_ipaddress {{\n  192.0.2.1/24\n }}\n frobnicate yes\n}}\n"
        );
        fs::write(path.join("keepalived.conf"), text).unwrap();
    }
    let done = run(&["simulate", "--from", "foreign"]);
    assert!(stdout(&done).contains("192.0.2.1  a, b"), "{}", stdout(&done));
    let word = "foreign/a/etc/keepalived/keepalived.conf:16: keepalived does not know `frobnicate` in `vrrp_instance`, and skips the line";
    assert!(stderr(&done).contains(word), "{}", stderr(&done));
}

/// A script that succeeds adds a positive weight, `reverse` turns round what a script does, and no name is guessed.
#[test]
fn simulate_counts_the_weights_of_scripts_that_succeed() {
    let folder = tempfile::tempdir().unwrap();
    let run = |weight: &str, more: &[&str]| {
        for (node, own, peer, priority, track) in [
            ("a", "10.0.0.1", "10.0.0.2", 100, format!(" track_script {{\n  up {weight}\n }}\n")),
            ("b", "10.0.0.2", "10.0.0.1", 120, String::new()),
        ] {
            let path = folder.path().join("foreign").join(node).join("etc/keepalived");
            fs::create_dir_all(&path).unwrap();
            let text = format!(
                "vrrp_script up {{\n script /bin/true\n}}\nvrrp_instance X {{\n interface eth0\n virtual_router_id 1\n priority {priority}\n unicast_src_ip {own}\n unicast_peer {{\n  {peer}\n }}\n virtual_ipaddress {{\n  192.0.2.1/24\n }}\n{track}}}\n"
            );
            fs::write(path.join("keepalived.conf"), text).unwrap();
        }
        lbgen_in(folder.path(), &[&["simulate", "--from", "foreign"], more].concat())
    };
    let failing = ["--unhealthy", "up@a"];
    for (weight, well, failed) in [
        ("weight 50", "a", "b"),
        ("weight 50 reverse", "b", "b"),
        ("weight -50 reverse", "b", "a"),
        ("weight 0 reverse", "b", "b"),
    ] {
        let holder = |more: &[&str]| -> String {
            let said = stdout(&run(weight, more));
            let line = said.lines().find(|line| line.starts_with("192.0.2.1 ")).unwrap();
            line.split_whitespace().nth(1).unwrap().to_owned()
        };
        assert_eq!([holder(&[]).as_str(), holder(&failing).as_str()], [well, failed], "{weight}");
    }
    let wrong = run("weight 50", &["--unhealthy", "nothing@a"]);
    assert_eq!(code(&wrong), 2);
    assert!(
        stderr(&wrong).contains("there is no check `nothing`; valid: up"),
        "{}",
        stderr(&wrong)
    );
}
