//! The JSON Schema of the inventory, with a validator that others wrote: it takes what `check` takes, and refuses what a
//! schema can know to be wrong.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use jsonschema::Validator;
use lbgen::lint;
use serde_json::Value;
use support::{data, lbgen, stdout};

/// Codes whose wrong example a schema can refuse.
const KNOWN: &[&str] =
    &["LB005", "LB006", "LB007", "LB008", "LB103", "LB104", "LB105", "LB106", "LB108"];

fn validator() -> Validator {
    let schema: Value = serde_json::from_str(&stdout(&lbgen(&["schema"]))).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(jsonschema::meta::is_valid(&schema));
    jsonschema::validator_for(&schema).unwrap()
}

fn faults(validator: &Validator, text: &str) -> Vec<String> {
    validator
        .iter_errors(&data(text))
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect()
}

/// `UPDATE_DOCS=1 cargo test --test schema` writes the files again.
#[test]
fn the_committed_schema_and_reference_are_what_lbgen_prints() {
    for (file, arguments) in [
        ("schema/inventory.json", vec!["schema"]),
        ("schema/included.json", vec!["schema", "--included"]),
        ("docs/inventory.md", vec!["schema", "--reference"]),
    ] {
        let path = support::root().join(file);
        let now = stdout(&lbgen(&arguments));
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, &now).unwrap();
        }
        assert!(fs::read_to_string(&path).is_ok_and(|there| there == now), "{file} is stale");
    }
}

#[test]
fn included_files_have_a_schema_of_their_own() {
    let schema: Value = serde_json::from_str(&stdout(&lbgen(&["schema", "--included"]))).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for folder in ["shared", "teams"] {
        let folder = support::root().join("inventory-examples/fleet").join(folder);
        for (path, text) in support::files(&folder) {
            let text = String::from_utf8(text).unwrap();
            assert_eq!(faults(&validator, &text), Vec::<String>::new(), "{path}");
        }
    }
    for wrong in ["datacenter: eu1", "component: {}", "nodes: { lb-1: { weight: 0 } }"] {
        assert!(!faults(&validator, wrong).is_empty(), "{wrong}");
    }
}

#[test]
fn it_takes_every_example() {
    let validator = validator();
    for example in support::examples() {
        let text = fs::read_to_string(support::inventory(&example)).unwrap();
        assert_eq!(faults(&validator, &text), Vec::<String>::new(), "{example}");
    }
    let starter = stdout(&lbgen(&["init", "-"]));
    assert!(starter.starts_with("# yaml-language-server: $schema="));
    assert_eq!(faults(&validator, &starter), Vec::<String>::new());
    for entry in fs::read_dir(support::root().join("tests/warned")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "yaml") {
            let text = fs::read_to_string(&path).unwrap();
            assert_eq!(faults(&validator, &text), Vec::<String>::new(), "{}", path.display());
        }
    }
}

#[test]
fn it_takes_every_right_example_and_refuses_the_wrong_ones_that_it_can_know() {
    let validator = validator();
    for code in lint::all_codes() {
        let explanation = code.explain();
        let right = support::whole(&explanation.right.inventory);
        assert_eq!(faults(&validator, &right), Vec::<String>::new(), "{}", code.id);
        if KNOWN.contains(&code.id) {
            let wrong = support::whole(&explanation.wrong.inventory);
            assert!(!validator.is_valid(&data(&wrong)), "{}: the wrong example passes", code.id);
        }
    }
}

/// Files of `tests/bad/` with nothing but mistakes that a schema can know.
#[test]
fn it_refuses_broken_inventories() {
    let validator = validator();
    let mut refused = 0;
    for entry in fs::read_dir(support::root().join("tests/bad")).unwrap() {
        let path = entry.unwrap().path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let head = text.lines().next().unwrap_or_default().trim_start_matches(['\u{feff}', '#']);
        let mut codes = head.split_whitespace();
        let known = codes.clone().count() > 1 && codes.all(|code| KNOWN.contains(&code));
        if known && serde_yaml::from_str::<serde_yaml::Value>(&text).is_ok() {
            assert!(!validator.is_valid(&data(&text)), "{} passes", path.display());
            refused += 1;
        }
    }
    assert!(refused >= 10, "only {refused} files were tried");
}
