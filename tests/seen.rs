//! `lbgen status` on a fleet that runs: every state that a night may bring is named, with its code.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use lab::edits::EDITS;
use lab::fleet::fleet;
use lab::{Lab, drained, unhealthy};
use lbgen::plan::simulate::Scenario;
use serde_json::Value;
use stage::Stage;
use support::{code, stderr, stdout};

/// Asks the nodes of a lab.
fn status(folder: &Path, more: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .arg("status")
        .args(more)
        .current_dir(folder)
        .env("LBGEN_ON", folder.join("on"))
        .output()
        .unwrap()
}

/// What is found: each code with its subjects; and the exit status.
fn found(folder: &Path) -> (BTreeMap<String, BTreeSet<String>>, i32) {
    let done = status(folder, &["--format", "json"]);
    let json: Value = serde_json::from_str(&stdout(&done))
        .unwrap_or_else(|error| panic!("{error}: {}{}", stdout(&done), stderr(&done)));
    support::document::Form::of("status").must_fit(&json);
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for finding in json["findings"].as_array().unwrap() {
        let word = |key: &str| finding[key].as_str().unwrap().to_owned();
        found.entry(word("code")).or_default().insert(word("subject"));
    }
    (found, code(&done))
}

fn codes(found: &BTreeMap<String, BTreeSet<String>>) -> Vec<&str> {
    found.keys().map(String::as_str).collect()
}

/// A lab, and a folder with its inventory and its bundle.
fn running() -> (Lab, tempfile::TempDir) {
    let text = fleet("virtual", "iptables");
    let work = tempfile::tempdir().unwrap();
    fs::write(work.path().join("inventory.yaml"), &text).unwrap();
    let done = support::lbgen_in(work.path(), &["render", "-q"]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let lab = Lab::start(&text, "");
    lab.prove(&Scenario::default());
    lab::reach::hooks(work.path(), &lab);
    (lab, work)
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_fleet_as_planned_is_said_to_be() {
    let (_lab, work) = running();
    let started = Instant::now();
    let (found, exit) = found(work.path());
    println!("three nodes in {:?}", started.elapsed());
    assert_eq!((codes(&found), exit), (vec![], 0), "{found:?}");
    let text = stdout(&status(work.path(), &[]));
    assert!(text.ends_with("as planned\n") && text.contains("as deployed  same"), "{text}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn drains_and_checks_explain_who_holds_what() {
    let (lab, work) = running();
    let node = &lab.nodes["lb-1"];
    let held = node.host.run("ip -o -4 addr show dev eth1");
    assert!(held.contains("192.0.2."), "lb-1 holds something: {held}");
    node.drain(true);
    lab.prove(&drained(&["lb-1"]));
    let (drains, exit) = found(work.path());
    assert_eq!((codes(&drains), exit), (vec!["LB521", "LB522"], 0), "{drains:?}");
    assert_eq!(drains["LB522"], BTreeSet::from(["lb-1".to_owned()]));
    let text = stdout(&status(work.path(), &[]));
    assert!(text.contains("lb-1 is drained"), "{text}");
    node.drain(false);
    lab.prove(&Scenario::default());

    lab.ready("web", "lb-1", false);
    lab.prove(&unhealthy(&[("web", "lb-1")]));
    let (sick, exit) = found(work.path());
    assert_eq!((codes(&sick), exit), (vec!["LB521", "LB523"], 1), "{sick:?}");
    let text = stdout(&status(work.path(), &[]));
    assert!(text.contains("the check entrypoint-web fails on lb-1"), "{text}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_cut_cable_makes_two_holders() {
    let (lab, work) = running();
    // Between two switches, so that every interface keeps its carrier: adverts arrive no more.
    lab.nodes["lb-1"].host.run(
        "nft 'add table inet cut; add chain inet cut in { type filter hook input priority -300; }; add rule inet cut in meta l4proto 112 drop'",
    );
    let limit = Instant::now() + Duration::from_secs(60);
    let two = loop {
        let (two, exit) = found(work.path());
        if two.contains_key("LB501") || Instant::now() > limit {
            break (two, exit);
        }
    };
    assert!(two.0.contains_key("LB501") && two.1 == 1, "{two:?}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn files_rules_and_loaded_configurations_are_compared() {
    let (lab, work) = running();
    let node = &lab.nodes["lb-2"];
    let only = |wanted: &str| {
        let (found, exit) = found(work.path());
        assert_eq!((codes(&found), exit), (vec![wanted], 1), "{found:?}");
        assert_eq!(found[wanted], BTreeSet::from(["lb-2".to_owned()]));
    };
    let conf = "/etc/keepalived/keepalived.conf";
    node.host.run(&format!("cp {conf} /run/kept.conf; echo '# by hand' >>{conf}"));
    only("LB514");
    node.host.run(&format!("cp /run/kept.conf {conf}; echo x >/etc/lbgen/mine"));
    only("LB514");
    node.host.run("rm /etc/lbgen/mine");
    // Another configuration is loaded than the file says now.
    node.host.run(&format!("sed -i 's/advert_int 0.2/advert_int 0.2\\n    garp_master_delay 3/; s/interval 2$/interval 3/' {conf}"));
    node.reload();
    // It reads the file some time after the signal.
    let limit = Instant::now() + Duration::from_secs(60);
    while !found(work.path()).0.contains_key("LB513") && Instant::now() < limit {}
    node.host.run(&format!("cp /run/kept.conf {conf}"));
    only("LB513");
    node.reload();

    let rule = node.host.run("ip rule | awk '/lookup/ && $1 + 0 >= 1000 { print $1 + 0; exit }'");
    let priority = rule.trim();
    let priority = if priority.is_empty() { "1500" } else { priority };
    node.host.run(&format!("ip rule add from 10.9.9.9 lookup 77 priority {priority}"));
    let (rules, _) = found(work.path());
    assert!(rules.contains_key("LB515") || priority == "1500", "{rules:?}");
    node.host.run(&format!("ip rule del from 10.9.9.9 lookup 77 priority {priority}"));
    node.host.run("mkdir -p /var/lib/lbgen/rollout; echo abc >/var/lib/lbgen/rollout/id; echo 'anna@there, Monday' >/var/lib/lbgen/rollout/by");
    let (claimed, exit) = found(work.path());
    assert_eq!((codes(&claimed), exit), (vec!["LB524"], 0), "{claimed:?}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn nodes_that_are_dead_silent_or_without_keepalived_are_named_in_time() {
    let (mut lab, work) = running();
    // One says nothing, as an sshd that hangs.
    let on = fs::read_to_string(work.path().join("on")).unwrap();
    let hangs = on.replacen("lb-3)", "lb-3) sleep 30; ", 1);
    fs::write(work.path().join("on"), &hangs).unwrap();
    let started = Instant::now();
    let (silent, exit) = found(work.path());
    let took = started.elapsed();
    println!("with a silent node: {took:?}");
    assert_eq!(silent.get("LB511"), Some(&BTreeSet::from(["lb-3".to_owned()])), "{silent:?}");
    assert_eq!(exit, 1);
    fs::write(work.path().join("on"), &on).unwrap();

    lab.nodes["lb-2"].stop();
    let limit = Instant::now() + Duration::from_secs(60);
    let down = loop {
        let (down, _) = found(work.path());
        // Until the others have taken over, nobody holds its VIPs.
        if !down.contains_key("LB502") || Instant::now() > limit {
            break down;
        }
    };
    assert_eq!(down.get("LB512"), Some(&BTreeSet::from(["lb-2".to_owned()])), "{down:?}");
    assert!(down.contains_key("LB521") && !down.contains_key("LB503"), "{down:?}");
    lab.crash("lb-1");
    let (dead, exit) = found(work.path());
    assert!(dead["LB511"].contains("lb-1") && exit == 1, "{dead:?}");
    lab.crash("lb-2");
    lab.crash("lb-3");
    assert_eq!(code(&status(work.path(), &[])), 2, "no node could be asked");
}

/// The last instance of a node goes with a reload: nothing is loaded there, and that is as planned.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_node_in_maintenance_is_as_planned() {
    let (lab, work) = running();
    let inventory = work.path().join("inventory.yaml");
    let text = fs::read_to_string(&inventory).unwrap();
    let line = text.lines().find(|line| line.contains("  lb-3:")).unwrap();
    let resting = line.replacen("{ ", "{ state: maintenance, ", 1);
    assert_ne!(resting, line);
    fs::write(&inventory, text.replace(line, &resting)).unwrap();
    assert_eq!(code(&support::lbgen_in(work.path(), &["render", "-q"])), 0);
    for (name, node) in &lab.nodes {
        let files = work.path().join("out/lab/nodes").join(name);
        node.host.run(&format!("rsync -rlt {}/ /", files.display()));
        node.reload();
        // As a rollout does.
        node.host.run("lbgen-policy-routing up");
    }
    let limit = Instant::now() + Duration::from_secs(30);
    let (last, exit) = loop {
        let (last, exit) = found(work.path());
        if last.is_empty() || Instant::now() > limit {
            break (last, exit);
        }
    };
    assert_eq!((codes(&last), exit), (vec![], 0), "{last:?}");
    // Its files are not what is loaded: that is seen, too.
    let check = "/usr/local/libexec/lbgen/loaded --check";
    let node = &lab.nodes["lb-3"].host;
    assert!(node.sh(check).status.success());
    node.run("echo 'ghost vrid 9' >>/etc/lbgen/expected");
    assert!(!node.sh(check).status.success());
}

/// Half way, after each step, `status` knows what every node runs, and finds nothing but the claims.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_fleet_half_way_is_understood() {
    let edits = ["an address from one VIP to another", "new node"];
    for name in &edits[..if stage::is_long() { edits.len() } else { 1 }] {
        let stage = Stage::new(EDITS.iter().find(|edit| edit.name == *name).unwrap());
        let work = stage.work.path();
        let git = |words: &str| {
            let done = Command::new("git")
                .args(["-c", "user.name=a", "-c", "user.email=a@b"])
                .args(words.split(' '))
                .current_dir(work)
                .output();
            assert!(done.unwrap().status.success(), "{words}");
        };
        fs::rename(work.join("out"), work.join("next")).unwrap();
        fs::rename(work.join("old"), work.join("out")).unwrap();
        git("init -q");
        git("add out");
        git("commit -q -m old");
        git("tag deployed/lab");
        fs::rename(work.join("out"), work.join("old")).unwrap();
        fs::rename(work.join("next"), work.join("out")).unwrap();
        git("add .");
        git("commit -q -m new");
        let (mut mixed, lab_nodes) = (0, stage.lab.nodes.len());
        let ids = stage.ids();
        for (at, id) in ids.iter().enumerate() {
            let how = if at == 0 { "--apply" } else { "--resume" };
            let done = stage.apply(&["-q", how, "--until", id]).output().unwrap();
            assert!(done.status.success(), "{name}, {id}: {}", stderr(&done));
            if at + 1 == ids.len() {
                break;
            }
            let done = status(work, &["--format", "json"]);
            let found: Value = serde_json::from_str(&stdout(&done)).unwrap();
            let codes = found["findings"].as_array().unwrap().iter();
            let codes: BTreeSet<&str> = codes.map(|one| one["code"].as_str().unwrap()).collect();
            let meant = BTreeSet::from(["LB521", "LB522", "LB524"]);
            assert!(codes.is_subset(&meant), "{name}, {id}: {:#}", found["findings"]);
            assert!(codes.contains("LB524"), "{name}, {id}: {codes:?}");
            let nodes = found["nodes"].as_array().unwrap().iter();
            let has_next = |node: &&Value| node["files"]["next"][0].is_string();
            mixed += usize::from(nodes.filter(has_next).count() % lab_nodes > 0);
        }
        assert!(mixed > 0, "{name}: there was no mixture");
        stage.finish();
    }
}
