//! `lbgen import`: an inventory of what runs gives what runs.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;

use lbgen::diag::Report;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::import::{Source, import};
use lbgen::source::Sources;
use lbgen::state::{State, Tree};
use proptest::prelude::*;
use support::random::{fleet, rendered};
use support::{code, examples, inventory, lbgen, render, stderr, stdout};

fn state(tree: &Tree) -> State {
    State::read(tree, &mut Sources::default()).0
}

/// The inventory that an import makes of a bundle, which says nothing beside.
fn imported(tree: &Tree) -> String {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source = Source { tree: tree.clone(), ..Source::default() };
    let text = import(source, &mut sources, &mut report).unwrap();
    let said: Vec<&str> = report.iter().map(|diagnostic| diagnostic.title.as_str()).collect();
    assert_eq!(said, [""; 0], "{text}");
    text
}

fn tree_of(files: &[BundleFile]) -> Tree {
    Tree::of_files("", files)
}

/// What an inventory gives.
fn rendered_text(text: &str) -> Tree {
    let plan = support::random::plan(text, "").unwrap_or_else(|| panic!("not valid:\n{text}"));
    tree_of(&emit::emit(&plan, &Templates::load(None).unwrap()).unwrap())
}

#[test]
fn an_imported_example_gives_the_same_state() {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        let before = render(&inventory(&example), &folder.path().join("before"));
        let before = Tree::of_folder(&before, None).unwrap();
        let file = folder.path().join("imported.yaml");
        fs::write(&file, imported(&before)).unwrap();
        let after = render(&file, &folder.path().join("after"));
        let after = Tree::of_folder(&after, None).unwrap();
        compare(&state(&before), &state(&after), &fs::read_to_string(&file).unwrap());
    }
}

fn compare(before: &State, after: &State, text: &str) {
    for (name, node) in &before.nodes {
        assert_eq!(after.nodes.get(name), Some(node), "{name}\n{text}");
    }
    for (key, object) in &before.objects {
        assert_eq!(after.objects.get(key).map(|found| &found.value), Some(&object.value), "{key}\n{text}");
    }
    assert!(before == after, "{text}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_imported_bundle_gives_the_same_state(fleet in fleet()) {
        let Some((_, _, files)) = rendered(&fleet, "") else { return Ok(()) };
        let before = tree_of(&files);
        let text = imported(&before);
        compare(&state(&before), &state(&rendered_text(&text)), &text);
    }
}

/// What is said of a fleet that others wrote, and what it becomes.
fn foreign(folder: &Path) -> (i32, String, String) {
    let mut arguments = vec!["import".to_owned(), folder.join("nodes").display().to_string()];
    for (option, file) in [("--objects", "objects.yaml"), ("--ansible", "hosts.yaml"), ("--ansible", "hosts.ini")] {
        let path = folder.join(file);
        if path.is_file() {
            arguments.extend([option.to_owned(), path.display().to_string()]);
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = lbgen(&arguments);
    (code(&done), stdout(&done), stderr(&done))
}
