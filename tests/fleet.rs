//! Directories of inventories, and inventories of several files.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use support::{code, files, lbgen, lbgen_in, root, stderr, stdout};

/// Copies a folder and what is in it.
fn copy(from: &Path, to: &Path) {
    for (path, body) in files(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
}

/// The example, in a folder of its own.
fn example() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&root().join("inventory-examples/fleet"), folder.path());
    folder
}

fn json(output: &std::process::Output) -> Value {
    serde_json::from_str(&stdout(output)).unwrap()
}

#[test]
fn what_a_fleet_has_as_a_whole_is_in_its_json_and_can_be_waived() {
    let copied = root().join("tests/bad-fleets/copied");
    let copied = copied.to_str().unwrap();
    let codes = |more: &[&str]| -> Vec<String> {
        let json = json(&lbgen(&[&["check", "--format", "json", copied], more].concat()));
        let found = json["diagnostics"].as_array().unwrap();
        assert_eq!(json["warnings"], found.len());
        found.iter().map(|one| one["code"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(&[]), ["LB229", "LB242"]);
    assert_eq!(codes(&["--allow", "LB229,LB242"]), [""; 0]);
}

#[test]
fn broken_fleets_are_told_file_by_file_in_one_run() {
    let mut cases: Vec<PathBuf> = fs::read_dir(root().join("tests/bad-fleets"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    cases.sort();
    assert!(cases.len() >= 10);
    for case in cases {
        // Nothing above it has `.git`.
        let folder = tempfile::tempdir().unwrap();
        copy(&case, folder.path());
        let done = lbgen_in(folder.path(), &["check", "."]);
        assert!(code(&done) < 2, "{}: {}", case.display(), stderr(&done));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(root().join("snapshots/bad-fleets"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let name = case.file_name().unwrap().to_str().unwrap().to_owned();
        settings.bind(|| insta::assert_snapshot!(name, stderr(&done)));
        // What has an error is not rendered.
        if code(&done) == 1 {
            assert_eq!(code(&lbgen_in(folder.path(), &["render", "."])), 2);
            assert!(!folder.path().join("out").exists(), "{}", case.display());
        }
    }
}

#[test]
fn a_fleet_is_rendered_as_its_members_are() {
    let folder = example();
    fs::remove_file(folder.path().join("eu1.lock")).unwrap();
    assert_eq!(code(&lbgen_in(folder.path(), &["render", ".", "-q"])), 0);
    assert_eq!(code(&lbgen_in(folder.path(), &["render", ".", "--check"])), 0);
    assert_eq!(code(&lbgen_in(folder.path(), &["diff", "."])), 0);
    for name in ["eu1", "eu2", "us1"] {
        let inventory = format!("{name}.yaml");
        let done = lbgen_in(folder.path(), &["render", &inventory, "-q", "-o", "alone"]);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
    }
    assert_eq!(files(&folder.path().join("out")), files(&folder.path().join("alone")));
}

#[test]
fn one_error_stops_a_fleet_and_hides_nothing_of_the_others() {
    let folder = example();
    let edit = |name: &str, from: &str, to: &str| {
        let path = folder.path().join(name);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{name} has no {from}");
        fs::write(path, text.replace(from, to)).unwrap();
    };
    edit("eu2.yaml", "interface: eth1", "interfaze: eth1");
    edit("teams/search.yaml", "port: 8080", "port: 80800");
    let done = lbgen_in(folder.path(), &["render", ".", "-q"]);
    assert_eq!(code(&done), 2);
    let said = stderr(&done);
    assert!(said.contains("eu2.yaml:5") && said.contains("teams/search.yaml:3"), "{said}");
    assert_eq!(said.matches("error[").count(), 2, "{said}");
    assert!(!folder.path().join("out").exists());
    // What two datacenters include is said once.
    let checked = json(&lbgen_in(folder.path(), &["check", ".", "--format", "json"]));
    assert_eq!(checked["errors"], 2);
    assert_eq!(checked["datacenters"].as_array().unwrap().len(), 3);

    for command in ["plan", "simulate", "diff", "render"] {
        let answer = json(&lbgen_in(folder.path(), &[command, ".", "--format", "json"]));
        assert_eq!(answer["datacenters"].as_array().unwrap().len(), 3, "{command}: {answer}");
    }

    edit("teams/search.yaml", "port: 80800", "port: 8080");
    let done = lbgen_in(folder.path(), &["render", ".", "--keep-going"]);
    assert_eq!(code(&done), 2);
    let mut bundles: Vec<String> = fs::read_dir(folder.path().join("out"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    bundles.sort();
    assert_eq!(bundles, ["eu1", "us1"]);
}

#[test]
fn every_command_takes_a_fleet_and_answers_with_a_list() {
    let folder = example();
    assert_eq!(code(&lbgen_in(folder.path(), &["render", ".", "-q"])), 0);
    for command in [
        &["check", "."][..],
        &["plan", "."],
        &["simulate", ".", "--failures", "1"],
        &["render", "."],
        &["render", ".", "--check"],
        &["diff", "."],
        &["rollout", ".", "--from", "out"],
    ] {
        let done = lbgen_in(folder.path(), &[command, &["--format", "json"]].concat());
        assert_eq!(code(&done), 0, "{command:?}: {}", stderr(&done));
        let answer = json(&done);
        let names: Vec<&str> = answer["datacenters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|entry| entry["datacenter"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["eu1", "eu2", "us1"], "{command:?}");
        assert_eq!(answer["version"], 1);
    }
    let some = lbgen_in(folder.path(), &["plan", ".", "--datacenter", "eu*", "--format", "json"]);
    assert_eq!(json(&some)["datacenters"].as_array().unwrap().len(), 2);
    let none = lbgen_in(folder.path(), &["plan", ".", "--datacenter", "eu3"]);
    assert_eq!(code(&none), 2);
    assert!(stderr(&none).contains("valid: eu1, eu2, us1"), "{}", stderr(&none));
    let script = lbgen_in(folder.path(), &["rollout", ".", "--from", "none", "--format", "sh"]);
    assert_eq!(code(&script), 2);
    let script = &["rollout", ".", "--from", "none", "--format", "sh", "--datacenter", "us1"];
    assert_eq!(code(&lbgen_in(folder.path(), script)), 0);
}

/// A node that no datacenter has is an error of each, which the one document says.
#[test]
fn what_no_datacenter_knows_is_an_error_of_each() {
    let folder = example();
    let done =
        lbgen_in(folder.path(), &["simulate", ".", "--fail", "eu1-lb-9", "--format", "json"]);
    assert_eq!(code(&done), 2);
    let answer = json(&done);
    let entries = answer["datacenters"].as_array().unwrap();
    let failed: Vec<bool> = entries.iter().map(|entry| entry["error"].as_str().is_some()).collect();
    assert_eq!(failed, [true, true, true], "{answer}");
}

#[test]
fn a_directory_without_datacenters_is_no_fleet() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), "components: {}\n").unwrap();
    for command in ["check", "render", "diff", "plan", "simulate", "rollout", "align"] {
        for path in [folder.path().to_owned(), folder.path().join("missing")] {
            let done = lbgen(&[command, path.to_str().unwrap()]);
            assert_eq!(code(&done), 2, "{command} {}", path.display());
        }
    }
}

#[test]
fn the_including_file_wins_and_lists_append() {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "eu1/inventory.yaml",
        "datacenter: eu1\ninclude: [../base.yaml]\nkeepalived: { advert_interval: 2s }\nnodes:\n  lb-1: { weight: 3 }\nvips:\n  - address: 192.0.2.10\n",
    );
    write(
        "base.yaml",
        "include: [shop.yaml]\nkeepalived: { advert_interval: 1s, vrrp_version: 3 }\nvips:\n  - address: 192.0.2.11\ngateways:\n  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }\nnodes:\n  lb-1: { address: 10.0.0.11, interface: eth0 }\n  lb-2: { address: 10.0.0.12, interface: eth0 }\n",
    );
    write(
        "shop.yaml",
        "entrypoints:\n  web: { edge: { class: a, health_check_node_port: 32100 }, routing: { class: b } }\ncomponents:\n  shop: { backend: { port: http }, paths: [/] }\ndomains: { www.example.com: }\n",
    );
    fs::create_dir(folder.path().join(".git")).unwrap();
    let done = lbgen_in(folder.path(), &["plan", "eu1/inventory.yaml", "--format", "json"]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let plan = json(&done);
    let vips: Vec<&str> = plan["vips"]
        .as_array()
        .unwrap()
        .iter()
        .map(|vip| vip["address"].as_str().unwrap())
        .collect();
    assert_eq!(vips, ["192.0.2.10", "192.0.2.11"]);
    assert_eq!(plan["nodes"][0]["weight"], 3);
    assert_eq!(code(&lbgen_in(folder.path(), &["render", "eu1/inventory.yaml", "-q"])), 0);
    let conf =
        fs::read_to_string(folder.path().join("out/eu1/nodes/lb-1/etc/keepalived/keepalived.conf"))
            .unwrap();
    assert!(conf.contains("advert_int 2") && conf.contains("version 3"), "{conf}");
    // Without a repository nothing above the inventory's folder is included.
    fs::remove_dir(folder.path().join(".git")).unwrap();
    let done = lbgen_in(folder.path(), &["check", "eu1/inventory.yaml"]);
    assert!(stderr(&done).contains("leads out of the repository"), "{}", stderr(&done));
}

#[test]
fn align_finds_what_is_not_waived() {
    let folder = example();
    let done = lbgen_in(folder.path(), &["align", "."]);
    assert_eq!(code(&done), 1);
    let said = stdout(&done);
    assert!(said.contains("keepalived.preempt") && said.contains("1 difference"), "{said}");
    assert_eq!(stderr(&done), "");

    let path = folder.path().join("us1.yaml");
    let text = fs::read_to_string(&path).unwrap();
    let at_once = text.replace("  preempt: 60s", "  preempt: true").replace("allow: [LB240]\n", "");
    fs::write(&path, at_once).unwrap();
    let done = lbgen_in(folder.path(), &["align", "."]);
    assert_eq!((code(&done), stderr(&done).as_str()), (0, "3 datacenters do not differ\n"));

    // A component that one does not have is one difference, not one for each of its keys.
    fs::write(&path, text.replace("teams/*.yaml", "teams/search.yaml")).unwrap();
    let found =
        json(&lbgen_in(folder.path(), &["align", ".", "--against", "us1", "--format", "json"]));
    let paths: Vec<&str> = found["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|difference| difference["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        ["keepalived.preempt", "components.cart", "components.payment", "domains.pay.example.com"]
    );
    assert_eq!(found["differences"][1]["values"]["us1"], Value::Null);

    fs::write(&path, text.replace("domains.us1.example.com*", "domains.us2.*")).unwrap();
    let done = lbgen_in(folder.path(), &["align", "."]);
    assert!(stderr(&done).contains("nothing that differs is at `domains.us2.*`"));
    assert!(stdout(&done).contains("domains.us1.example.com"), "{}", stdout(&done));
}

/// A node that only one datacenter has fails there, and nothing fails elsewhere; one that none has is an error.
#[test]
fn a_node_of_one_datacenter_may_fail_in_a_fleet() {
    let folder = example();
    let simulate = |node: &str| lbgen_in(folder.path(), &["simulate", ".", "-q", "--fail", node]);
    let done = simulate("us1-lb-1");
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert!(stdout(&done).contains("from us1-lb-1"), "{}", stdout(&done));
    let unknown = simulate("us1-lb-9");
    assert_eq!(code(&unknown), 2);
    assert!(stderr(&unknown).contains("there is no node `us1-lb-9`"), "{}", stderr(&unknown));
}
