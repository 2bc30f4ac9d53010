//! `lbgen import`: its sources are named at their lines, broken ones too.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use lbgen::diag::Report;
use lbgen::import::{Source, import};
use lbgen::source::Sources;
use lbgen::state::Tree;
use proptest::prelude::*;
use support::{code, lbgen, stderr, stdout};

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
    let routed =
        "    virtual_routes {\n        198.51.100.0/24 via 10.0.0.254 dev eth0 metric 50\n    }\n";
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
            both("", "        10.0.0.10 label web:1\n"),
            &[],
            "lb-1.conf:11:",
            "`label web:1` of 10.0.0.10",
        ),
        (
            "a route",
            both(routed, LOCAL),
            &[],
            "lb-1.conf:11:",
            "198.51.100.0/24 via 10.0.0.254 dev eth0 metric 50",
        ),
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

    /// `PROPTEST_CASES=200000 cargo test --release --test import_sources rubbish` runs for ten minutes.
    #[test]
    fn rubbish_is_no_panic(fleet in any::<prop::sample::Index>(), edits in prop::collection::vec((any::<prop::sample::Index>(), "[ {}\"$@!#\\\\\n]|include|vrrp_instance|[0-9]{1,4}|\\PC"), 1..8)) {
        let names = support::foreign_fleets();
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

/// A stand-in for iproute2 on the node.
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
