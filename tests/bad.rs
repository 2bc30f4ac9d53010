//! Broken inventories: every file of `tests/bad/` names the codes of its mistakes in its first line, all of them come
//! back in one run, and the messages are snapshots.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use lbgen::lint;
use support::{code, lbgen, stderr, stdout};

#[test]
fn every_mistake_comes_back_at_its_line() {
    let folder = support::root().join("tests/bad");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.retain(|name| name.ends_with(".yaml"));
    names.sort();
    assert!(names.len() > 20);
    let mut wrong = Vec::new();
    for name in names {
        let path = format!("tests/bad/{name}");
        let text = String::from_utf8_lossy(&fs::read(folder.join(&name)).unwrap()).into_owned();
        let mut wanted: Vec<&str> = text.lines().next().unwrap()[1..].split_whitespace().collect();
        wanted.sort_unstable();

        let human = lbgen(&["check", &path]);
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(support::root().join("snapshots/bad"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.bind(|| insta::assert_snapshot!(name.trim_end_matches(".yaml"), stderr(&human)));
        assert_eq!(code(&human), 1, "{name}");

        let json: serde_json::Value =
            serde_json::from_str(&stdout(&lbgen(&["check", "--format", "json", &path]))).unwrap();
        let found: Vec<&str> = json["diagnostics"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|diagnostic| diagnostic["severity"] == "error")
            .map(|diagnostic| diagnostic["code"].as_str().unwrap())
            .collect();
        let mut sorted = found.clone();
        sorted.sort_unstable();
        if sorted != wanted {
            wrong.push(format!("{name}: found {sorted:?}, wanted {wanted:?}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_error_code_has_a_broken_inventory() {
    let folder = support::root().join("tests/bad");
    let heads: String = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| {
            String::from_utf8_lossy(&fs::read(entry.unwrap().path()).unwrap())
                .lines()
                .next()
                .unwrap()
                .to_owned()
        })
        .collect();
    for code in
        lint::all_codes().iter().filter(|code| code.severity == lbgen::diag::Severity::Error)
    {
        assert!(
            heads.contains(code.id),
            "no inventory in tests/bad raises {} ({})",
            code.id,
            code.summary
        );
    }
}
