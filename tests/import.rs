//! `lbgen import`: an inventory of what runs gives what runs.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;

use lbgen::bundle::Place;
use lbgen::diag::Report;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::import::{Source, import};
use lbgen::source::Sources;
use lbgen::state::{State, Tree, Written};
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
        // The names of a pod's files follow from their text, which says of what inventory they are.
        let own = |tree: &Tree| {
            let mut state = state(tree);
            state.objects.retain(|_, object| !Place::of(&object.file).is_of_pods());
            state
        };
        compare(&own(&before), &own(&after), &fs::read_to_string(&file).unwrap());
    }
}

fn compare(before: &State, after: &State, text: &str) {
    for (name, node) in &before.nodes {
        assert_eq!(after.nodes.get(name), Some(node), "{name}\n{text}");
    }
    for (key, object) in &before.objects {
        assert_eq!(
            after.objects.get(key).map(|found| &found.value),
            Some(&object.value),
            "{key}\n{text}"
        );
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

/// Imports a fleet that others wrote: returns the exit code, the inventory and what was said.
fn foreign(folder: &Path) -> (i32, String, String) {
    let mut arguments = vec!["import".to_owned(), folder.join("nodes").display().to_string()];
    for (option, file) in
        [("--objects", "objects.yaml"), ("--ansible", "hosts.yaml"), ("--ansible", "hosts.ini")]
    {
        let path = folder.join(file);
        if path.is_file() {
            arguments.extend([option.to_owned(), path.display().to_string()]);
        }
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = lbgen(&arguments);
    (code(&done), stdout(&done), stderr(&done))
}

#[test]
fn foreign_fleets_become_inventories_that_keep_who_holds_what() {
    let fleets = support::foreign_fleets();
    assert!(fleets.len() >= 8, "{fleets:?}");
    for name in fleets {
        let folder = Path::new("tests/import").join(&name);
        let (exit, text, said) = foreign(&folder);
        assert_eq!(exit, i32::from(said.contains("error[")), "{name}: {said}");
        insta::with_settings!({ snapshot_path => "../snapshots/import", prepend_module_to_snapshot => false, description => "inventory, then what was said" }, {
            insta::assert_snapshot!(name.clone(), format!("{text}\n=====\n{said}"));
        });
        let work = tempfile::tempdir().unwrap();
        let file = work.path().join("inventory.yaml");
        fs::write(&file, &text).unwrap();
        let check = lbgen(&["check", file.to_str().unwrap()]);
        assert_eq!(code(&check), 0, "{name}\n{}\n{text}", stderr(&check));
        let nodes = folder.join("nodes").display().to_string();
        let out = work.path().join("out").display().to_string();
        let diff = lbgen(&[
            "diff",
            file.to_str().unwrap(),
            "-o",
            &out,
            "--from",
            &nodes,
            "--format",
            "json",
        ]);
        let diff: serde_json::Value = serde_json::from_str(&stdout(&diff)).unwrap();
        let moved: Vec<&serde_json::Value> = diff["impact"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| {
                let subject = finding["subject"].as_str().unwrap();
                let Some(vip) = subject.strip_prefix("vips[") else { return false };
                let class = finding["class"].as_str().unwrap();
                // What does not come along was named.
                let vip = vip.trim_end_matches(']');
                // lbgen writes no LVS, and the import has said so.
                let reason = finding["reason"].as_str().unwrap();
                let is_said = reason.starts_with("LVS ")
                    || reason.contains("holds it now: whoever was MASTER first")
                    || said.lines().any(|line| {
                        let goes = ["is left behind", "cannot come with", "is another one on"];
                        line.contains(vip) && goes.iter().any(|words| line.contains(words))
                    });
                !is_said && ["unreachable", "moves", "order", "new"].contains(&class)
            })
            .collect();
        assert!(moved.is_empty(), "{name}: {moved:#?}\n{text}");
    }
}

#[test]
fn a_diff_from_a_foreign_fleet_is_about_traffic_and_has_the_text_on_request() {
    let work = tempfile::tempdir().unwrap();
    let file = work.path().join("inventory.yaml");
    let nodes = support::root().join("inventory-examples/collected");
    let nodes = nodes.to_str().unwrap();
    let done = lbgen(&["import", "-q", nodes, "-o", file.to_str().unwrap()]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let diff = |options: &[&str]| {
        let fixed = ["diff", file.to_str().unwrap(), "-o", "nowhere", "--from", nodes];
        stdout(&lbgen(&[&fixed, options].concat()))
    };
    let (short, long) = (diff(&[]), diff(&["--text"]));
    assert!(short.starts_with("IMPACT") && !short.contains("+++"), "{short}");
    assert!(long.starts_with(&short) && long.contains("+++"), "{long}");
}

/// Directives whose value the inventory has, or that only hold others.
const CARRIED: &[&str] = &[
    "garp_master_delay",
    "garp_master_refresh",
    "garp_master_repeat",
    "garp_master_refresh_repeat",
    "global_defs",
    "vrrp_instance",
    "vrrp_script",
    "vrrp_track_process",
    "vrrp_version",
    "interface",
    "virtual_router_id",
    "priority",
    "version",
    "advert_int",
    "unicast_src_ip",
    "unicast_peer",
    "nopreempt",
    "preempt_delay",
    "track_script",
    "track_process",
    "track_interface",
    "virtual_ipaddress",
    "virtual_ipaddress_excluded",
    "virtual_routes",
    "virtual_rules",
    "script",
    "interval",
    "timeout",
    "fall",
    "rise",
    "user",
    "process",
    "delay",
    "vrrp_garp_master_delay",
    "vrrp_garp_master_refresh",
    "vrrp_rt_priority",
    "vrrp_no_swap",
];
/// Beginnings of lines that lbgen writes in the same words.
const SAME: &[&str] =
    &["state BACKUP", "weight 0", "enable_script_security", "script_user root", "router_id"];

/// Every file and line that was named: `--> lb-1.conf:12:5`, `also at lb-1.conf:14, 16; lb-2.conf:3`.
fn named_places(said: &str) -> Vec<(String, usize)> {
    let mut places = Vec::new();
    for line in said.lines() {
        if let Some((_, place)) = line.split_once("--> ") {
            let mut parts = place.rsplitn(3, ':').skip(1);
            let number = parts.next().unwrap().parse().unwrap();
            places.push((parts.next().unwrap().to_owned(), number));
        }
        for place in line.split_once("also at ").into_iter().flat_map(|(_, rest)| rest.split("; "))
        {
            let (path, lines) = place.rsplit_once(':').unwrap();
            places.extend(lines.split(", ").map(|line| (path.to_owned(), line.parse().unwrap())));
        }
    }
    places
}

#[test]
fn every_directive_is_carried_or_named() {
    for name in support::foreign_fleets() {
        let folder = Path::new("tests/import").join(&name);
        let (_, inventory, said) = foreign(&folder);
        let places = named_places(&said);
        let mut sources = Sources::default();
        let tree = Tree::of_folder(&folder.join("nodes"), None).unwrap();
        let mut seen = 0;
        for node in Written::read(&tree, &mut sources) {
            let inner = node.statements.iter().flat_map(|statement| match statement.key() {
                "virtual_server" | "vrrp_sync_group" => &[],
                _ => statement.inner(),
            });
            for statement in node.statements.iter().chain(inner) {
                seen += 1;
                let text = statement.words.join(" ");
                let known = CARRIED.contains(&statement.key())
                    || SAME.iter().any(|same| text.starts_with(same))
                    || statement.key().starts_with("notify")
                        && statement.value().is_some_and(|command| inventory.contains(command));
                let place = (
                    sources.get(statement.at.file).path.clone(),
                    sources.line_column(statement.at).0,
                );
                assert!(known || places.contains(&place), "{name}: `{text}` at {place:?}\n{said}");
            }
        }
        assert!(seen > 10, "{name}");
    }
}
