//! Broken and doubtful inventories: every file of `tests/bad/` and `tests/warned/` names the codes of its mistakes in its first line, all of them come
//! back in one run, and the messages are snapshots.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use support::{code, lbgen, stderr, stdout};

/// Checks every inventory of a folder: its first line names the codes of `severity` that it raises, and `check` exits
/// with `exit`.
fn check_folder(folder: &str, severity: &str, exit: i32) {
    let mut names: Vec<String> = fs::read_dir(support::root().join(folder))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".yaml"))
        .collect();
    names.sort();
    let mut wrong = Vec::new();
    for name in names {
        let path = format!("{folder}/{name}");
        let text =
            String::from_utf8_lossy(&fs::read(support::root().join(&path)).unwrap()).into_owned();
        let head = text.lines().next().unwrap().trim_start_matches(['\u{feff}', '#']);
        let mut wanted: Vec<&str> = head.split_whitespace().collect();
        wanted.sort_unstable();

        let human = lbgen(&["check", &path]);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(
            support::root().join("snapshots").join(folder.trim_start_matches("tests/")),
        );
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name.trim_end_matches(".yaml"), stderr(&human)));
        assert_eq!(code(&human), exit, "{name}");

        let json: serde_json::Value =
            serde_json::from_str(&stdout(&lbgen(&["check", "--format", "json", &path]))).unwrap();
        let mut found: Vec<&str> = json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|diagnostic| diagnostic["severity"] == severity)
            .map(|diagnostic| diagnostic["code"].as_str().unwrap())
            .collect();
        found.sort_unstable();
        if found != wanted {
            wrong.push(format!("{name}: found {found:?}, wanted {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_mistake_comes_back_at_its_line() {
    check_folder("tests/bad", "error", 1);
}

#[test]
fn every_warning_comes_back_at_its_line() {
    check_folder("tests/warned", "warning", 0);
}

#[test]
fn the_examples_raise_nothing() {
    for example in support::examples() {
        let done = lbgen(&[
            "check",
            "-q",
            "--deny",
            "warnings",
            support::inventory(&example).to_str().unwrap(),
        ]);
        assert_eq!((code(&done), stderr(&done).as_str()), (0, ""), "{example}");
    }
}

/// One mistake is one message, also where it breaks a hundred references.
#[test]
fn a_renamed_entrypoint_is_told_once() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("three-racks")).unwrap();
    let renamed = text.replacen("\n  rest:\n", "\n  api:\n", 1);
    assert_ne!(renamed, text);
    fs::write(folder.path().join("inventory.yaml"), renamed).unwrap();
    let said = support::stderr(&support::lbgen_in(folder.path(), &["check"]));
    assert_eq!(said.matches("error[LB107]").count(), 1, "{said}");
    assert!(said.contains("the same at 14 more places: inventory.yaml:"), "{said}");
    assert!(said.contains("15 errors"), "{said}");
}
