//! Plans for a fleet that runs: from what runs, with its lock, and answered on the way.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::process::Command;

use support::{code, lbgen_in, stderr, stdout};

/// A visit is of the nodes as they run, by the tag, whatever was rendered and committed meanwhile.
#[test]
fn a_visit_is_planned_from_what_runs() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    let sh = |line: &str| {
        let done =
            Command::new("sh").args(["-ec", line]).current_dir(folder.path()).output().unwrap();
        assert!(done.status.success(), "{line}: {}", stderr(&done));
    };
    let commit = "git add -A && git -c user.name=a -c user.email=a@b.c commit -qm x";
    let text = fs::read_to_string(support::inventory("minimal")).unwrap();
    let vip = |node: &str| {
        let preferred = format!("  - {{ address: 192.0.2.10, prefer: [{node}] }}");
        fs::write(
            folder.path().join("inventory.yaml"),
            text.replace("  - address: 192.0.2.10", &preferred),
        )
        .unwrap();
        assert_eq!(code(&run(&["render", "-q"])), 0);
    };
    sh("git init -q");
    vip("lb-1");
    sh(&format!("{commit} && git tag deployed/eu1"));
    vip("lb-2");
    sh(commit);
    let visit = |more: &[&str]| {
        run(&[&["rollout", "-q", "--visit", "reboot", "--only", "lb-1"], more].concat())
    };
    let said = stdout(&visit(&[]));
    assert!(said.contains("192.0.2.10: lb-1 -> lb-2"), "{said}");
    let script = stdout(&visit(&["--format", "sh"]));
    assert!(!script.contains("git tag"), "nothing is deployed by a visit");
    let dead = visit(&["--down", "lb-1"]);
    assert_eq!(code(&dead), 2, "{}", stdout(&dead));
    assert!(stderr(&dead).contains("is to be visited and is down"), "{}", stderr(&dead));
}

/// Without the lock every command that shows a plan says that it may not be the one that runs.
#[test]
fn a_missing_lock_is_said_by_every_command() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    for command in
        [&["check"][..], &["plan"], &["simulate"], &["trace", "https://www.example.com/"]]
    {
        assert!(!stderr(&run(command)).contains("is missing"), "{command:?}: nothing was rendered");
    }
    assert_eq!(code(&run(&["render", "-q"])), 0);
    fs::remove_file(folder.path().join("inventory.lock")).unwrap();
    for command in
        [&["check"][..], &["plan"], &["simulate"], &["trace", "https://www.example.com/"]]
    {
        let said = stderr(&run(command));
        assert!(said.contains("warning: inventory.lock is missing"), "{command:?}: {said}");
    }
}

/// Outside of ingress-nginx, which refuses a second Ingress with one path, the new one comes before the old one goes.
#[test]
fn a_renamed_component_is_answered_all_the_time_where_that_is_possible() {
    for (controller, first) in [("ingress-nginx", "delete"), ("traefik", "apply")] {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
        let text = fs::read_to_string(support::inventory("minimal")).unwrap();
        let text =
            text.replace("routing:\n", &format!("routing:\n      controller: {controller}\n"));
        assert!(text.contains(&format!("controller: {controller}")), "{text}");
        let inventory = folder.path().join("inventory.yaml");
        fs::write(&inventory, &text).unwrap();
        assert_eq!(code(&run(&["render", "-q"])), 0, "{}", stderr(&run(&["check"])));
        fs::rename(folder.path().join("out"), folder.path().join("old")).unwrap();
        fs::write(&inventory, text.replace("  shop:", "  store:")).unwrap();
        assert_eq!(code(&run(&["render", "-q"])), 0);
        let done = run(&["rollout", "-q", "--from", "old", "--format", "json"]);
        let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
        let steps = json["steps"].as_array().unwrap().iter();
        let does: Vec<&str> = steps.map(|step| step["do"].as_str().unwrap()).collect();
        let both: Vec<&&str> =
            does.iter().filter(|does| matches!(**does, "apply" | "delete")).collect();
        assert_eq!(*both[0], first, "{controller}: {does:?}");
        assert_eq!(both.len(), 2, "{controller}: {does:?}");
        let acts = json["steps"][0]["acts"].as_array().unwrap();
        assert!(acts.iter().all(|act| act["on"].is_string() && act["do"].is_string()), "{acts:?}");
    }
}

/// The cluster lacks an object and a Secret: both are named, whatever the nodes say.
#[test]
fn status_compares_objects_and_secrets() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&run(&["render", "-q"])), 0);
    let there = |kept: &dyn Fn(&serde_json::Value) -> bool, secrets: &str| {
        let mut items: Vec<serde_json::Value> = Vec::new();
        for (path, body) in support::files(&folder.path().join("out/eu1/kubernetes")) {
            if !path.ends_with(".yaml") || path.contains("kustomization") {
                continue;
            }
            let text = String::from_utf8(body).unwrap();
            for document in text.split("\n---\n") {
                items.extend(serde_yaml::from_str::<Option<serde_json::Value>>(document).unwrap());
            }
        }
        items.retain(kept);
        let list = serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": items });
        fs::write(folder.path().join("list.json"), list.to_string()).unwrap();
        let kubectl = format!(
            "#!/bin/sh\ncase \"$*\" in *secrets*) printf '%s' '{secrets}' ;; *) cat list.json ;; esac\n"
        );
        let path = folder.path().join("kubectl");
        fs::write(&path, kubectl).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        let done = Command::new(env!("CARGO_BIN_EXE_lbgen"))
            .args(["status", "--kubectl", "--format", "json"])
            .current_dir(folder.path())
            .env("LBGEN_ON", "false")
            .env("LBGEN_KUBECTL", &path)
            .output()
            .unwrap();
        assert_eq!(code(&done), 2, "no node can be asked: {}", stderr(&done));
        let json: serde_json::Value = serde_json::from_str(&stdout(&done)).unwrap();
        support::document::Form::of("status").must_fit(&json);
        let findings = json["findings"].as_array().unwrap().iter();
        let of_cluster =
            findings.filter(|one| ["LB516", "LB517"].contains(&one["code"].as_str().unwrap()));
        of_cluster
            .map(|one| {
                format!("{} {}", one["code"].as_str().unwrap(), one["subject"].as_str().unwrap())
            })
            .collect::<Vec<_>>()
    };
    let all = |_: &serde_json::Value| true;
    assert_eq!(there(&all, "secret/www.example.com\n"), Vec::<String>::new());
    assert_eq!(there(&all, "secret/other\n"), ["LB517 ingress/www.example.com"]);
    let without = |object: &serde_json::Value| object["metadata"]["name"] != "shop";
    assert_eq!(
        there(&without, "secret/www.example.com\n"),
        ["LB516 kubernetes/components/shop.yaml"]
    );
}
