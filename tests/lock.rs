//! The lock between branches: what git makes of two, and that the committed ones are current.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::process::Command;

#[test]
fn a_merge_of_two_branches_is_named_and_mended() {
    let folder = tempfile::tempdir().unwrap();
    let git = |arguments: &[&str]| {
        let done = Command::new("git")
            .args([
                "-c",
                "user.name=x",
                "-c",
                "user.email=x@example.com",
                "-c",
                "commit.gpgsign=false",
            ])
            .args(arguments)
            .current_dir(folder.path())
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{arguments:?}: {}{}",
            support::stdout(&done),
            support::stderr(&done)
        );
    };
    let lbgen = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    let inventory = folder.path().join("inventory.yaml");
    let base = fs::read_to_string(support::inventory("minimal")).unwrap();
    let add = |text: &str, vip: &str, before: &str| {
        text.replace(before, &format!("  - address: {vip}\n{before}"))
    };
    fs::write(folder.path().join(".gitattributes"), "*.lock merge=union\n").unwrap();
    fs::write(folder.path().join(".gitignore"), "out\n").unwrap();
    fs::write(&inventory, &base).unwrap();
    git(&["init", "-q", "-b", "main"]);
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["add", "."]);
    git(&["commit", "-qm", "base"]);
    // Each branch adds a VIP at another place of the inventory, and both get VRID 167 by their hashes.
    git(&["checkout", "-qb", "theirs"]);
    fs::write(&inventory, add(&base, "192.0.2.9", "  - address: 192.0.2.10")).unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["commit", "-qam", "theirs"]);
    git(&["checkout", "-q", "main"]);
    fs::write(&inventory, add(&base, "192.0.2.106", "\n# Hosts with")).unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q"])), 0);
    git(&["commit", "-qam", "ours"]);
    git(&["merge", "-q", "--no-edit", "theirs"]);
    let merged = fs::read_to_string(folder.path().join("inventory.lock")).unwrap();
    assert!(merged.contains("192.0.2.9\"") && merged.contains("192.0.2.106\""), "{merged}");

    let done = lbgen(&["render"]);
    assert_eq!(support::code(&done), 2);
    assert!(
        support::stderr(&done).contains("error[LB022]: the lock gives VRID 167 to two VIPs"),
        "{}",
        support::stderr(&done)
    );
    assert!(
        support::stderr(&done).contains("to 192.0.2.9")
            && support::stderr(&done).contains("to 192.0.2.106")
    );
    // What the message says: the one that does not run yet gets another VRID. Tables, rules and marks are mended.
    let line = merged.lines().find(|line| line.contains("192.0.2.9\"")).unwrap();
    fs::write(
        folder.path().join("inventory.lock"),
        merged.replace(line, &line.replace("vrid: 167, ", "")),
    )
    .unwrap();
    assert_eq!(support::code(&lbgen(&["render", "-q", "--locked"])), 2, "the lock has to change");
    let done = lbgen(&["render"]);
    assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
    assert!(support::stderr(&done).contains("warning[LB220]"), "{}", support::stderr(&done));
    let mended = fs::read_to_string(folder.path().join("inventory.lock")).unwrap();
    assert!(mended.contains("\"192.0.2.106\": { vrid: 167, "), "{mended}");
    assert!(mended.contains("\"192.0.2.9\": { vrid: 168, "), "{mended}");
    assert_eq!(support::code(&lbgen(&["render", "--locked"])), 0);
    assert_eq!(support::code(&lbgen(&["render", "--check"])), 0);
}

#[test]
fn the_locks_of_the_examples_are_current() {
    for example in support::examples() {
        let out = tempfile::tempdir().unwrap();
        let path = support::inventory(&example);
        let out = out.path().to_str().unwrap().to_owned();
        let done =
            support::lbgen(&["render", "-q", "--locked", path.to_str().unwrap(), "-o", &out]);
        assert_eq!(support::code(&done), 0, "{example}: {}", support::stderr(&done));
    }
}
