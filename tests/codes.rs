//! Every code: its wrong example raises it, and nothing else, on the line that says so; its right example raises nothing.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;

use lbgen::diag::Example;
use lbgen::lint;
use serde_json::Value;
use support::{code, lbgen, stderr, stdout};

/// An example as whole files.
fn write(example: &Example, folder: &Path) -> String {
    let path = folder.join("inventory.yaml");
    fs::write(&path, support::whole(&example.inventory)).unwrap();
    if !example.lock.is_empty() {
        fs::write(folder.join("inventory.lock"), &example.lock).unwrap();
    }
    path.to_str().unwrap().to_owned()
}

/// The place that an example marks: `inventory.yaml:4`.
fn marked(example: &Example, id: &str) -> String {
    let of = |text: &str, file: &str| {
        let line = text.lines().position(|line| line.ends_with(&format!("# {id}")))?;
        Some(format!("{file}:{}", line + 1))
    };
    of(&example.inventory, "inventory.yaml")
        .or_else(|| of(&example.lock, "inventory.lock"))
        .unwrap_or_else(|| panic!("{id}: the wrong example marks no line"))
}

/// Code and place of everything that `check` finds.
fn found(inventory: &str) -> Vec<(String, String)> {
    let json: Value =
        serde_json::from_str(&stdout(&lbgen(&["check", "--format", "json", inventory]))).unwrap();
    let diagnostics = json["diagnostics"].as_array().unwrap();
    diagnostics
        .iter()
        .map(|diagnostic| {
            let place = &diagnostic["labels"][0];
            let file = Path::new(place["path"].as_str().unwrap()).file_name().unwrap();
            let at = format!("{}:{}", file.to_str().unwrap(), place["line"]);
            (diagnostic["code"].as_str().unwrap().to_owned(), at)
        })
        .collect()
}

#[test]
fn every_wrong_example_raises_its_code_and_every_right_one_nothing() {
    let mut wrong = Vec::new();
    // Two are about a rendered bundle, which `check` does not see, four about a directory, and four about what is
    // imported: tests/transaction.rs, tests/fleet.rs and tests/import.rs raise them.
    let elsewhere = [
        "LB218", "LB223", "LB229", "LB241", "LB242", "LB243", "LB401", "LB402", "LB403", "LB404",
        "LB405",
    ];
    for known in lint::all_codes()
        .into_iter()
        .filter(|code| !elsewhere.contains(&code.id) && !code.id.starts_with("LB5"))
    {
        let explanation = known.explain();
        let folder = tempfile::tempdir().unwrap();
        let inventory = write(&explanation.wrong, folder.path());
        let raised = found(&inventory);
        if raised != [(known.id.to_owned(), marked(&explanation.wrong, known.id))] {
            wrong.push(format!("{}: the wrong example raises {raised:?}", known.id));
        }
        let message = stderr(&lbgen(&["check", &inventory]));
        let mut settings = insta::Settings::clone_current();
        settings.set_snapshot_path(support::root().join("snapshots/codes"));
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        let shown = message.replace(&format!("{}/", folder.path().to_str().unwrap()), "");
        settings.bind(|| insta::assert_snapshot!(known.id, shown));

        let folder = tempfile::tempdir().unwrap();
        let raised = found(&write(&explanation.right, folder.path()));
        if !raised.is_empty() {
            wrong.push(format!("{}: the right example raises {raised:?}", known.id));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_explanation_belongs_to_a_code() {
    let mut files: Vec<String> = fs::read_dir(support::root().join("src/diag/codes"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let codes: Vec<String> =
        lint::all_codes().iter().map(|code| format!("{}.md", code.id)).collect();
    assert_eq!(files, codes);
    for known in lint::all_codes() {
        assert!(!known.explain().reason.is_empty(), "{} has no reason", known.id);
    }
}

/// `UPDATE_DOCS=1 cargo test --test codes` writes the page again.
#[test]
fn the_reference_is_what_explain_prints() {
    let path = support::root().join("docs/codes.md");
    let now = stdout(&lbgen(&["explain", "--all"]));
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert!(fs::read_to_string(&path).is_ok_and(|page| page == now), "docs/codes.md is stale");
}

#[test]
fn explain_knows_codes_however_they_are_typed_and_guesses_slips() {
    let done = lbgen(&["explain", "lb101"]);
    assert_eq!(code(&done), 0);
    assert!(stdout(&done).starts_with("LB101 (error): a VRID is used by two VIPs on one link\n"));
    let unknown = lbgen(&["explain", "LB999"]);
    assert_eq!((code(&unknown), stdout(&unknown).as_str()), (2, ""));
    assert!(stderr(&unknown).starts_with("error: there is no code LB999"));
    let json: Value =
        serde_json::from_str(&stdout(&lbgen(&["explain", "LB022", "--format", "json"]))).unwrap();
    assert!(json["codes"][0]["wrong"]["lock"].as_str().unwrap().contains("vrid: 1"));
}
