//! A file that lbgen did not write goes nowhere: `render --check`, `diff` and `rollout` name it, and a script stops before
//! its first copy where the bundle is not the planned one.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};

use support::{code, lbgen_in, stderr, stdout};

/// An edit of a bundle.
type Edit = fn(&Path);

/// A rendered bundle of the shipped minimal inventory.
fn rendered() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&lbgen_in(folder.path(), &["render", "-q"])), 0);
    folder
}

/// Puts something into a folder, and returns its name.
type Put = fn(&Path) -> String;

const KINDS: [(&str, Put); 4] = [
    ("a file", |folder| {
        fs::write(folder.join("evil"), "* * * * * root true\n").unwrap();
        "evil".to_owned()
    }),
    ("a hidden file", |folder| {
        fs::write(folder.join(".evil"), "x").unwrap();
        ".evil".to_owned()
    }),
    ("a link", |folder| {
        symlink("/etc/shadow", folder.join("link")).unwrap();
        "link".to_owned()
    }),
    ("a folder", |folder| {
        fs::create_dir(folder.join("cron.d")).unwrap();
        "cron.d".to_owned()
    }),
];

const FOLDERS: [&str; 5] =
    ["nodes", "nodes/lb-1", "nodes/lb-1/etc", "kubernetes", "kubernetes/components"];

#[test]
fn every_kind_in_every_folder_is_named_and_refused() {
    for folder_name in FOLDERS {
        for (kind, put) in KINDS {
            let folder = rendered();
            let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
            let name = put(&folder.path().join("out/eu1").join(folder_name));
            let path = format!("{folder_name}/{name}");
            let told = |done: &Output| stderr(done).contains(&path);
            let checked = run(&["render", "--check"]);
            assert!(code(&checked) == 1 && told(&checked), "{kind}, {path}: {checked:?}");
            let diff = run(&["diff"]);
            assert!(code(&diff) == 1 && told(&diff), "{kind}, {path}: {diff:?}");
            let json: serde_json::Value =
                serde_json::from_str(&stdout(&run(&["diff", "--format", "json"]))).unwrap();
            assert_eq!(json["diagnostics"][0]["path"], path, "{kind}");
            let plan = run(&["rollout", "--from", "none"]);
            assert!(code(&plan) == 2 && told(&plan), "{kind}, {path}: {plan:?}");
            // A render names it, and does not touch it.
            let render = run(&["render"]);
            assert!(code(&render) == 0 && told(&render), "{kind}, {path}: {render:?}");
            assert!(fs::symlink_metadata(folder.path().join("out/eu1").join(&path)).is_ok());
        }
    }
}

#[test]
fn notes_beside_the_folders_are_nobodys_business() {
    let folder = rendered();
    fs::write(folder.path().join("out/eu1/NOTES"), "x").unwrap();
    fs::write(folder.path().join("out/README"), "x").unwrap();
    for arguments in [&["render", "--check"][..], &["diff"], &["rollout", "--from", "none"]] {
        let done = lbgen_in(folder.path(), arguments);
        assert_eq!(code(&done), 0, "{done:?}");
    }
}

#[test]
fn a_script_stops_before_its_first_copy_where_the_bundle_changed() {
    let edits: [(&str, Edit); 4] = [
        ("nothing", |_| {}),
        ("a file that is not listed", |bundle| {
            fs::write(bundle.join("nodes/lb-1/etc/.evil"), "x").unwrap();
        }),
        ("another text", |bundle| {
            let path = bundle.join("nodes/lb-2/etc/keepalived/keepalived.conf");
            fs::write(&path, fs::read_to_string(&path).unwrap() + "# x\n").unwrap();
        }),
        ("a newer bundle", |bundle| {
            let path = bundle.join("bundle.json");
            fs::write(&path, fs::read_to_string(&path).unwrap() + "\n").unwrap();
        }),
    ];
    for (what, edit) in edits {
        let folder = rendered();
        let script = lbgen_in(folder.path(), &["rollout", "--from", "none", "--format", "sh"]);
        assert_eq!(code(&script), 0, "{}", stderr(&script));
        fs::write(folder.path().join("rollout.sh"), &script.stdout).unwrap();
        edit(&folder.path().join("out/eu1"));
        let copier = folder.path().join("copy");
        fs::write(
            &copier,
            format!("#!/bin/sh\necho \"$@\" >>{}/copied\n", folder.path().display()),
        )
        .unwrap();
        fs::set_permissions(&copier, fs::Permissions::from_mode(0o755)).unwrap();
        let done = Command::new("sh")
            .args(["rollout.sh", "--yes"])
            .env("LBGEN_ON", "true")
            .env("LBGEN_COPY", &copier)
            .env("LBGEN_KUBECTL", "true")
            .current_dir(folder.path())
            .output()
            .unwrap();
        let copied = folder.path().join("copied").exists();
        match what {
            "nothing" => assert!(copied, "{}", stderr(&done)),
            _ => {
                assert!(!copied, "{what}");
                assert!(
                    stderr(&done).contains("is not the bundle that this rollout was planned with"),
                    "{what}: {}",
                    stderr(&done)
                );
            }
        }
    }
}
