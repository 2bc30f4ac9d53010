//! `lbgen import`: an inventory of what runs gives what runs.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

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

/// What an inventory gives.
fn rendered_text(text: &str) -> Tree {
    let plan = support::random::plan(text, "").unwrap_or_else(|| panic!("not valid:\n{text}"));
    tree_of(&emit::emit(&plan, &Templates::load(None).unwrap()).unwrap())
}

#[test]
fn an_imported_example_gives_the_same_state() {
    // What Gateway API says is not read yet, only named.
    for example in examples().into_iter().filter(|example| example != "gateway") {
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

/// What is said of a fleet that others wrote, and what it becomes.
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

/// The fleets of `tests/import`, each in a style of its own.
fn foreign_fleets() -> Vec<String> {
    let folder = support::root().join("tests/import");
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn foreign_fleets_become_inventories_that_keep_who_holds_what() {
    let fleets = foreign_fleets();
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
/// What lbgen writes just so.
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
    for name in foreign_fleets() {
        let folder = Path::new("tests/import").join(&name);
        let (_, _, said) = foreign(&folder);
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
                    || statement.key() == "notify";
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

/// The files of nodes, by name.
fn of_files(files: &[(&str, &str)], options: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    for (name, body) in files {
        fs::write(folder.path().join(name), body).unwrap();
    }
    let done = lbgen(&[&["import"], options, &[folder.path().to_str().unwrap()]].concat());
    (code(&done), stdout(&done), stderr(&done))
}

/// A node that sends to another one; its VIP has these lines, and `more` stands in its instance.
fn node(number: u8, more: &str, addresses: &str) -> String {
    let other = 3 - number;
    let priority = 200 - 50 * u16::from(number);
    format!(
        "vrrp_instance WEB {{\n    state BACKUP\n    interface eth0\n    virtual_router_id 21\n    priority {priority}\n    unicast_src_ip 10.0.0.1{number}\n    unicast_peer {{\n        10.0.0.1{other}\n    }}\n{more}    virtual_ipaddress {{\n{addresses}    }}\n}}\n"
    )
}

const LOCAL: &str = "        10.0.0.10\n";

/// A case: its name, two keepalived.conf, the files beside them, and the place and words of a message.
type Named<'a> = (&'a str, [String; 2], &'a [(&'a str, &'a str)], &'a str, &'a str);

#[test]
fn what_a_fleet_has_and_an_inventory_cannot_have_is_named_at_its_line() {
    let both = |more: &str, addresses: &str| [1, 2].map(|number| node(number, more, addresses));
    let addr =
        r#"[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.11","prefixlen":24}]}]"#;
    let boot = "#!/bin/sh\niptables -t nat -A POSTROUTING -s 10.0.0.0/8 -j MASQUERADE\nip rule add fwmark 0x7 lookup 77\nip rule add from 10.0.0.10 lookup 7 priority 500\nip route add default via 10.0.0.254 table 7\n";
    let forgotten = "    unicast_peer {\n        10.0.0.13\n    }\n";
    let routed = "    virtual_routes {\n        198.51.100.0/24 via 10.0.0.254 dev eth0\n    }\n";
    let cases: &[Named<'_>] = &[
        (
            "a node was forgotten",
            both(forgotten, LOCAL),
            &[],
            "lb-1.conf:11:",
            "the peer 10.0.0.13 is none of these nodes",
        ),
        (
            "a network that the node is not in",
            both("", "        203.0.113.10/28\n"),
            &[("lb-1.ip-addr.json", addr)],
            "lb-1.conf:1:",
            "nothing tells the gateway of 203.0.113.10",
        ),
        (
            "a label",
            both("", "        10.0.0.10 label eth0:1\n"),
            &[],
            "lb-1.conf:11:",
            "`label eth0:1` of 10.0.0.10",
        ),
        ("a route", both(routed, LOCAL), &[], "lb-1.conf:11:", "198.51.100.0/24 via 10.0.0.254"),
        (
            "an address that one node lacks",
            [node(1, "", "        10.0.0.10\n        10.0.0.9\n"), node(2, "", LOCAL)],
            &[],
            "lb-2.conf:1:",
            "`lb-2` gets 10.0.0.9 too",
        ),
        (
            "a split",
            [node(1, "", "        10.0.0.10\n        10.0.0.9\n"), node(2, "", LOCAL)],
            &[],
            "lb-1.conf:1:",
            "lb-1 and lb-2 hold 10.0.0.10 at the same time",
        ),
        (
            "SNAT of a boot script",
            both("", LOCAL),
            &[("lb-1.boot.sh", boot)],
            "boot.sh:2:",
            "`iptables` is not followed",
        ),
        (
            "a rule of a boot script",
            both("", LOCAL),
            &[("lb-1.boot.sh", boot)],
            "boot.sh:3:",
            "fwmark 0x7/0xffffffff lookup 77",
        ),
    ];
    for (name, confs, beside, place, words) in cases {
        let mut files = vec![("lb-1.conf", confs[0].as_str()), ("lb-2.conf", confs[1].as_str())];
        files.extend(beside.iter().copied());
        let (_, _, said) = of_files(&files, &[]);
        let said: Vec<&str> = said.split("\n\n").collect();
        assert!(
            said.iter().any(|one| one.contains(words) && one.contains(place)),
            "{name}: {said:#?}"
        );
    }
    // Rules that replies leave by are carried, and nothing is said of them.
    let [one, two] = both("", LOCAL);
    let files = [("lb-1.conf", one.as_str()), ("lb-2.conf", &two), ("lb-1.boot.sh", boot)];
    let (_, _, said) = of_files(&files, &[]);
    assert!(!said.contains("lookup 7`") && !said.contains("table 7"), "{said}");
}

#[test]
fn a_fleet_without_a_vip_is_named_and_json_is_one_document() {
    let director = "virtual_server 192.0.2.10 443 {\n    protocol TCP\n}\n";
    let (exit, _, said) = of_files(&[("lb-1.conf", director)], &[]);
    assert_eq!(exit, 2, "{said}");
    assert!(said.contains("`virtual_server` is left behind"), "{said}");
    let (exit, text, _) = of_files(&[("lb-1.conf", director)], &["--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit, document["inventory"].is_null()), (2, true), "{text}");
    assert_eq!(document["diagnostics"][0]["code"], "LB402", "{text}");
    assert!(document["error"].as_str().unwrap().contains("no VIP"), "{text}");
    // Also where there is nothing to read.
    let (exit, text, _) = of_files(&[("notes.txt", "")], &["--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((exit, document["error"].is_string()), (2, true), "{text}");
}

/// A folder of one node with this configuration, imported.
fn of_text(body: &[u8]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("lb-1.conf"), body).unwrap();
    let done = lbgen(&["import", folder.path().to_str().unwrap()]);
    (code(&done), stdout(&done), stderr(&done))
}

const SOUND: &str = "vrrp_instance A {\n    interface eth0\n    virtual_router_id 1\n    priority 100\n    unicast_src_ip 10.0.0.1\n    unicast_peer { 127.0.0.1 }\n    virtual_ipaddress { 10.0.0.100/24 }\n}\n";

#[test]
fn broken_sources_are_named_at_their_lines_and_the_rest_is_imported() {
    // What keepalived skips is a warning, what lbgen cannot follow and what ends keepalived is an error.
    for (broken, line, what, is_error) in [
        ("global_defs {\n", 9, "is not closed", false),
        ("include missing/*.conf\n", 9, "finds no file here", true),
        ("vrrp_instanze B {\n}\n", 9, "keepalived does not know `vrrp_instanze`", false),
        ("}\n", 9, "a `}` that belongs to nothing", false),
        (
            "vrrp_instance B {\n    virtual_router_id x\n    virtual_ipaddress { 10.0.0.101 }\n}\n",
            10,
            "cannot be `x`",
            true,
        ),
        (
            "vrrp_instance B {\n    interface eth0\n    virtual_router_id 2\n    virtual_ipaddress { 10.0.0.300 }\n}\n",
            12,
            "is not an address",
            false,
        ),
    ] {
        let (exit, text, said) = of_text(format!("{SOUND}{broken}").as_bytes());
        assert_eq!(exit, i32::from(is_error), "{broken}{said}");
        assert!(text.contains("10.0.0.100"), "{broken}{text}");
        assert!(said.contains(what), "{broken}{said}");
        assert!(said.contains(&format!("lb-1.conf:{line}:")), "{broken}{said}");
    }
    let mut rubbish: Vec<u8> = (0..=255).cycle().take(20_000).collect();
    rubbish.splice(..0, SOUND.bytes());
    let (exit, text, said) = of_text(&rubbish);
    assert_eq!(exit, 1, "{said}");
    assert!(said.contains("this is not text") && said.lines().count() < 40, "{said}");
    assert!(text.contains("10.0.0.100"));
    let (exit, text, said) = of_text(b"");
    assert_eq!((exit, text.as_str()), (2, ""), "{said}");
    let (exit, _, said) = of_text(format!("{SOUND}{}", "# padding\n".repeat(5_000_000)).as_bytes());
    assert_eq!(exit, 0, "{said}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// `PROPTEST_CASES=200000 cargo test --release --test import rubbish` runs for ten minutes.
    #[test]
    fn rubbish_is_no_panic(fleet in any::<prop::sample::Index>(), edits in prop::collection::vec((any::<prop::sample::Index>(), "[ {}\"$@!#\\\\\n]|include|vrrp_instance|[0-9]{1,4}|\\PC"), 1..8)) {
        let names = foreign_fleets();
        let folder = support::root().join("tests/import").join(fleet.get(&names)).join("nodes");
        let mut files = support::files(&folder);
        for (place, text) in &edits {
            let index = place.index(files.len());
            let (_, body) = files.iter_mut().nth(index).unwrap();
            let mut whole = String::from_utf8_lossy(body).into_owned();
            let mut at = place.index(whole.len().max(1)).min(whole.len());
            while !whole.is_char_boundary(at) {
                at -= 1;
            }
            whole.insert_str(at, text);
            *body = whole.into_bytes();
        }
        let work = tempfile::tempdir().unwrap();
        for (path, body) in &files {
            let path = work.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, body).unwrap();
        }
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let tree = Tree::of_folder(work.path(), None).unwrap();
        import(Source { tree, ..Source::default() }, &mut sources, &mut report);
        report.sort();
        lbgen::diag::render_human(&report, &sources, false);
    }
}

/// What stands for iproute2 on the node.
const IP: &str = r#"#!/bin/sh
case "$*" in
"-j addr") echo '[{"ifname":"eth0","addr_info":[{"family":"inet","local":"10.0.0.1","prefixlen":24}]}]' ;;
"-4 -j rule") echo '[{"priority":500,"src":"10.0.0.100","table":"7"}]' ;;
"-6 -j rule") echo '[]' ;;
"-4 -j route show table all") echo '[{"dst":"default","gateway":"10.0.0.254","dev":"eth0","table":"7"}]' ;;
"-6 -j route show table all") echo '[]' ;;
*) exit 1 ;;
esac
"#;

#[test]
fn what_a_node_collects_is_what_an_import_reads() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("ip"), IP).unwrap();
    fs::set_permissions(at("ip"), fs::Permissions::from_mode(0o755)).unwrap();
    fs::write(at("collect.sh"), stdout(&lbgen(&["import", "--collect"]))).unwrap();
    fs::create_dir_all(at("nodes/lb-1/etc/keepalived")).unwrap();
    let script = "PATH=\"$PWD:$PATH\" sh collect.sh | tar x -C nodes/lb-1; ls nodes/lb-1";
    let done = Command::new("sh").args(["-c", script]).current_dir(folder.path()).output().unwrap();
    assert!(done.status.success(), "{}", stderr(&done));
    let config = SOUND.replace("    unicast_src_ip 10.0.0.1\n", "");
    fs::write(at("nodes/lb-1/etc/keepalived/keepalived.conf"), config).unwrap();
    let done = lbgen(&["import", at("nodes").to_str().unwrap()]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    // A node that could not be reached leaves an empty folder behind; it does run.
    fs::create_dir(at("nodes/lb-2")).unwrap();
    let part = lbgen(&["import", at("nodes").to_str().unwrap()]);
    assert_eq!(code(&part), 2);
    assert!(stderr(&part).contains("nodes/lb-2: collect the node again"), "{}", stderr(&part));
    let one = lbgen(&["import", at("nodes/lb-1").to_str().unwrap()]);
    assert!(stderr(&one).contains("is the folder of one node"), "{}", stderr(&one));
    for part in [
        "address: 10.0.0.1,",
        "address: 10.0.0.254, network: 10.0.0.0/24",
        "table: 7, rule_priority: 500",
    ] {
        assert!(stdout(&done).contains(part), "{part}: {}", stdout(&done));
    }
}
