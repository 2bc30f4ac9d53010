//! Inventories after random edits: `check` says what is wrong with them or nothing is, and what it takes is taken by
//! keepalived and by the schema of Kubernetes too.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use lbgen::diag::{self, Report};
use lbgen::emit::{self, Templates};
use lbgen::inventory;
use lbgen::lint;
use lbgen::pipeline::{self, Options};
use lbgen::plan::Keep;
use lbgen::source::Sources;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use support::edit::{Edit, edit};
use support::node::{nodes, on_node};
use support::{code, files, stderr, stdout};

/// Every inventory that the tests have, broken ones too.
fn texts() -> Vec<String> {
    let mut paths: Vec<_> =
        support::examples().iter().map(|example| support::inventory(example)).collect();
    for folder in ["tests/bad", "tests/warned"] {
        paths.extend(
            fs::read_dir(support::root().join(folder)).unwrap().map(|entry| entry.unwrap().path()),
        );
    }
    paths.sort();
    paths
        .iter()
        .map(|path| String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())
        .collect()
}

/// Everything that `check` and `render` do with a text in memory; whether it is valid.
fn run(text: &str, lock: &str) -> bool {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("f.yaml".into(), text.into(), &mut sources, &mut report);
    let lock = inventory::lock::parse("f.lock".into(), lock.into(), &mut sources, &mut report);
    let options = Options { source: "f.yaml", keep: Keep::Locked, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report);
    for styled in [true, false] {
        diag::render_human(&report, &sources, styled);
    }
    lbgen::view::json::Diagnostics::of(&report, &sources);
    diag::render_github(&report, &sources);
    diag::render_sarif(&report, &sources, &lint::all_codes());
    assert!(planned.is_some() || report.has_errors(), "nothing is wrong, and there is no plan");
    if let Some(planned) = &planned {
        emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap();
    }
    planned.is_some()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, ..ProptestConfig::default() })]

    #[test]
    fn edits_never_end_in_a_panic(at in 0usize..1000, edits in prop::collection::vec(edit(), 1..6)) {
        let texts = texts_once();
        let mut text = texts[at % texts.len()].clone();
        for edit in &edits {
            text = edit.apply(&text);
        }
        run(&text, "version: 1\n");
    }

    #[test]
    fn edits_of_a_lock_never_end_in_a_panic(edits in prop::collection::vec(edit(), 1..6)) {
        let inventory = fs::read_to_string(support::inventory("three-racks")).unwrap();
        let lock = support::inventory("three-racks").with_extension("lock");
        let mut text = fs::read_to_string(lock).unwrap();
        for edit in &edits {
            text = edit.apply(&text);
        }
        run(&inventory, &text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        run(&text, &text);
        run(&String::from_utf8_lossy(&bytes), "");
    }
}

fn texts_once() -> &'static [String] {
    static TEXTS: std::sync::OnceLock<Vec<String>> = std::sync::OnceLock::new();
    TEXTS.get_or_init(texts)
}

/// The edits that a fixed seed draws.
fn drawn() -> impl Iterator<Item = Edit> {
    let mut runner = TestRunner::deterministic();
    std::iter::repeat_with(move || edit().new_tree(&mut runner).unwrap().current())
}

#[test]
fn check_exits_with_0_or_1_whatever_it_reads() {
    let texts = texts_once();
    for (edit, text) in drawn().zip(texts.iter().cycle()).take(300) {
        let mut check = Command::new(env!("CARGO_BIN_EXE_lbgen"))
            .args(["check", "-"])
            .stdin(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        check.stdin.take().unwrap().write_all(edit.apply(text).as_bytes()).unwrap();
        let exit = check.wait().unwrap().code();
        assert!(matches!(exit, Some(0 | 1)), "{exit:?} after {edit:?}");
    }
}

/// Valid inventories with one edit each that `check` takes.
fn edited(count: usize) -> Vec<(Edit, String)> {
    let texts: Vec<String> = support::examples()
        .iter()
        .map(|example| fs::read_to_string(support::inventory(example)).unwrap())
        .collect();
    let mut taken = Vec::new();
    for (edit, text) in drawn().zip(texts.iter().cycle()) {
        let changed = edit.apply(text);
        if changed != *text && run(&changed, "version: 1\n") {
            taken.push((edit, changed));
        }
        if taken.len() == count {
            break;
        }
    }
    taken
}

/// The words and ranges of the schema stand apart from those of the model; here they meet.
#[test]
fn the_json_schema_takes_what_check_takes_after_an_edit() {
    let schema = lbgen::schema::inventory();
    let validator = jsonschema::validator_for(&schema).unwrap();
    // Line breaks of YAML 1.1, which the other reader reads; 1.2 takes them for text (YAML 1.2.2, 5.4).
    let is_read_alike = |text: &str| !text.contains(['\u{85}', '\u{2028}', '\u{2029}']);
    for (edit, text) in edited(400).into_iter().filter(|(_, text)| is_read_alike(text)) {
        let faults: Vec<String> = validator
            .iter_errors(&support::data(&text))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(faults, Vec::<String>::new(), "{edit:?}");
    }
}

fn render(text: &str, out: &Path) -> std::path::PathBuf {
    let path = out.join("inventory.yaml");
    fs::write(&path, text).unwrap();
    support::render(&path, &out.join("out"))
}

#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn keepalived_takes_what_check_takes_after_an_edit() {
    for (edit, text) in edited(100) {
        let folder = tempfile::tempdir().unwrap();
        // One node is enough: an edit reaches most of them, and the examples are tried whole elsewhere.
        let node = nodes(&render(&text, folder.path())).remove(0);
        let done = on_node(&node, "keepalived -t -f \"$conf\"");
        assert_eq!(code(&done), 0, "{edit:?}: {}{}", stdout(&done), stderr(&done));
    }
}

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn the_schema_takes_what_check_takes_after_an_edit() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    let folder = tempfile::tempdir().unwrap();
    let mut manifests = Vec::new();
    for (index, (edit, text)) in edited(100).into_iter().enumerate() {
        let own = folder.path().join(index.to_string());
        fs::create_dir(&own).unwrap();
        let bundle = render(&text, &own);
        let kubernetes = bundle.join("kubernetes");
        let written = files(&kubernetes).into_keys().filter(|path| path != "kustomization.yaml");
        manifests.extend(written.map(|path| kubernetes.join(path)));
        println!("{index}: {edit:?}");
    }
    // 1.32 has every form that any version is written in.
    let done =
        Command::new(validate).args(["--strict", "-k", "1.32"]).args(&manifests).output().unwrap();
    let said = stdout(&done) + &stderr(&done);
    assert!(done.status.success() && !said.to_lowercase().contains("warning"), "{said}");
}
