//! The command line from outside: what it writes, leaves alone, refuses and answers.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use support::{code, files, lbgen, lbgen_in, stderr, stdout};

fn seed() -> String {
    support::inventory("seed").to_str().unwrap().to_owned()
}

/// Inode and time of change of every file: a file that was written again has others.
fn stamps(folder: &Path) -> BTreeMap<String, (u64, i64, i64)> {
    let stamp = |path: &String| {
        let about = fs::metadata(folder.join(path)).unwrap();
        (about.ino(), about.mtime(), about.mtime_nsec())
    };
    files(folder).into_keys().map(|path| (path.clone(), stamp(&path))).collect()
}

#[test]
fn a_second_render_touches_no_file() {
    let out = tempfile::tempdir().unwrap();
    support::render(Path::new(&seed()), out.path());
    let before = stamps(out.path());
    support::render(Path::new(&seed()), out.path());
    assert_eq!(stamps(out.path()), before);
}

#[test]
fn the_bytes_do_not_depend_on_where_lbgen_runs() {
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    support::render(Path::new(&seed()), here.path());
    fs::copy(seed(), there.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&lbgen_in(there.path(), &["render"])), 0);
    assert_eq!(files(&there.path().join("out")), files(here.path()));
}

#[test]
fn the_bytes_do_not_depend_on_the_order_of_the_inventory() {
    let (out, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let bundle = support::render(&support::inventory("three-racks"), &out.path().join("a"));
    // The entries of each map in reverse, and the top level too.
    let text = fs::read_to_string(support::inventory("three-racks")).unwrap();
    let inventory: serde_json::Value = serde_yaml::from_str(&text).unwrap();
    fn reversed(value: &serde_json::Value, key: &str) -> String {
        match value {
            serde_json::Value::Object(map) => {
                let entries: Vec<String> =
                    map.iter().map(|(k, v)| format!("{k:?}: {}", reversed(v, k))).collect();
                format!("{{{}}}", entries.into_iter().rev().collect::<Vec<_>>().join(", "))
            }
            serde_json::Value::Array(list) => {
                let mut items: Vec<String> = list.iter().map(|item| reversed(item, "")).collect();
                // The order of VIPs and nodes means nothing; that of `prefer` and `paths` does.
                if matches!(key, "vips" | "nodes" | "gateways" | "hosts" | "addresses") {
                    items.reverse();
                }
                format!("[{}]", items.join(", "))
            }
            other => other.to_string(),
        }
    }
    let path = folder.path().join("inventory.yaml");
    fs::write(&path, reversed(&inventory, "")).unwrap();
    let turned = support::render(&path, &out.path().join("b"));
    assert_eq!(files(&turned), files(&bundle));
}

#[test]
fn modes_are_set_and_restored() {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(Path::new(&seed()), out.path());
    let script = bundle.join("nodes/lb-1/usr/local/sbin/lbgen-policy-routing");
    assert_eq!(fs::metadata(&script).unwrap().mode() & 0o777, 0o755);
    assert_eq!(fs::metadata(bundle.join("bundle.json")).unwrap().mode() & 0o777, 0o644);
    fs::set_permissions(&script, fs::Permissions::from_mode(0o644)).unwrap();
    let out_text = out.path().to_str().unwrap();
    let diff = lbgen(&["diff", &seed(), "-o", out_text]);
    assert_eq!(code(&diff), 1);
    assert!(stdout(&diff).contains("old mode 100644\nnew mode 100755"), "{}", stdout(&diff));
    support::render(Path::new(&seed()), out.path());
    assert_eq!(fs::metadata(&script).unwrap().mode() & 0o777, 0o755);
}

#[test]
fn diff_and_check_say_what_a_render_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(seed(), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&run(&["diff", "--stat"])), 1, "nothing is there yet");
    assert_eq!(code(&run(&["render", "--check"])), 1);
    assert!(!folder.path().join("out").exists(), "--check and diff write nothing");
    assert_eq!(code(&run(&["render"])), 0);
    for quiet in [&["diff"][..], &["diff", "--stat"], &["render", "--check"]] {
        let done = run(quiet);
        assert_eq!((code(&done), stdout(&done).as_str()), (0, ""), "{quiet:?}");
    }
    let text = fs::read_to_string(seed()).unwrap();
    fs::write(folder.path().join("inventory.yaml"), text.replace("port: 8080", "port: 8081"))
        .unwrap();
    let diff = run(&["diff"]);
    assert_eq!(code(&diff), 1);
    let path = "seed/kubernetes/entrypoints/rest/fallback.yaml";
    let expected = format!("diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ ");
    assert!(stdout(&diff).starts_with(&expected), "{}", stdout(&diff));
    assert!(stdout(&diff).contains("\n-    port: 8080\n+    port: 8081\n"));
    assert!(!stdout(&diff).contains('\u{1b}'), "no colours in a pipe");
    let coloured = run(&["diff", "--color", "always"]);
    assert!(stdout(&coloured).contains("\u{1b}[32m+    port: 8081\u{1b}[0m"));
    let stat = run(&["diff", "--stat"]);
    assert_eq!(
        stdout(&stat),
        format!("changed  +1     -1     {path}\n1 file, 1 lines added, 1 removed\n")
    );
    let json: serde_json::Value =
        serde_json::from_str(&stdout(&run(&["diff", "--format", "json"]))).unwrap();
    assert_eq!(json["changes"][0]["path"], "kubernetes/entrypoints/rest/fallback.yaml");
    assert_eq!(json["version"], 1);
    assert_eq!(code(&run(&["render", "--check"])), 1);
    assert_eq!(code(&run(&["render"])), 0);
    assert_eq!(code(&run(&["diff"])), 0);
}

#[test]
fn the_diff_is_one_that_git_applies() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    let text = fs::read_to_string(seed()).unwrap();
    fs::write(folder.path().join("inventory.yaml"), &text).unwrap();
    assert_eq!(code(&run(&["render", "-o", "a"])), 0);
    let edited =
        text.replace("  lb-2:", "  lb-3: { address: 10.34.137.53, interface: eth0 }\n  lb-2:");
    let edited = edited
        .replace("lb-2: 90 }", "lb-2: 90, lb-3: 80 }")
        .replace("  ws.branded", "  other.branded");
    fs::write(folder.path().join("inventory.yaml"), edited).unwrap();
    let diff = run(&["diff", "-o", "a"]);
    fs::write(folder.path().join("changes.diff"), stdout(&diff)).unwrap();
    let git = Command::new("git")
        .args(["apply", "--directory=a", "changes.diff"])
        .env("GIT_CEILING_DIRECTORIES", folder.path().parent().unwrap())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(git.status.success(), "{}", stderr(&git));
    assert_eq!(code(&run(&["render", "-o", "b"])), 0);
    let (mut patched, mut rendered) =
        (files(&folder.path().join("a")), files(&folder.path().join("b")));
    assert_ne!(patched.remove("seed/bundle.json"), rendered.remove("seed/bundle.json"));
    assert_eq!(patched, rendered);
}

#[test]
fn files_of_ours_go_and_foreign_files_stay() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    let bundle = folder.path().join("out/seed");
    let text = fs::read_to_string(seed()).unwrap();
    fs::write(folder.path().join("inventory.yaml"), &text).unwrap();
    assert_eq!(code(&run(&["render"])), 0);
    fs::write(bundle.join("NOTES.txt"), "mine").unwrap();
    fs::write(bundle.join("nodes/lb-1/etc/motd"), "mine").unwrap();
    let start = text.find("components:").unwrap();
    let without =
        text[..start].replace("  ws.branded-domain.example.com:\n    entrypoint: websocket\n", "");
    fs::write(folder.path().join("inventory.yaml"), without).unwrap();
    let done = run(&["render"]);
    assert_eq!(code(&done), 0);
    assert!(stderr(&done).contains("2 removed"), "{}", stderr(&done));
    assert!(!bundle.join("kubernetes/components").exists(), "an empty folder of ours goes");
    assert!(!bundle.join("kubernetes/domains/ws.branded-domain.example.com.yaml").exists());
    assert_eq!(fs::read_to_string(bundle.join("NOTES.txt")).unwrap(), "mine");
    assert_eq!(fs::read_to_string(bundle.join("nodes/lb-1/etc/motd")).unwrap(), "mine");
    // The whole bundle is written again where a file of ours was changed by hand.
    fs::write(bundle.join("kubernetes/kustomization.yaml"), "changed by hand").unwrap();
    assert_eq!(code(&run(&["render", "--check"])), 1);
    assert_eq!(code(&run(&["render"])), 0);
    assert_eq!(code(&run(&["render", "--check"])), 0);
}

#[test]
fn nothing_is_written_where_something_is_in_the_way() {
    let refused = |prepare: &dyn Fn(&Path), expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        let out = folder.path().join("out");
        fs::create_dir_all(out.join("seed/kubernetes")).unwrap();
        prepare(&out.join("seed"));
        let before = files(folder.path());
        let done = lbgen(&["render", &seed(), "-o", out.to_str().unwrap()]);
        assert_eq!(code(&done), 2, "{expected}");
        assert!(stderr(&done).contains(expected), "{}", stderr(&done));
        assert_eq!(files(folder.path()), before, "{expected}: nothing was written");
    };
    refused(
        &|bundle| fs::write(bundle.join("nodes"), "a file").unwrap(),
        "out/seed/nodes is a file, where a folder must be",
    );
    refused(
        &|bundle| fs::create_dir(bundle.join("kubernetes/kustomization.yaml")).unwrap(),
        "is a folder, where a file must be",
    );
    refused(
        &|bundle| symlink("/tmp", bundle.join("nodes")).unwrap(),
        "out/seed/nodes is a symbolic link",
    );
    refused(
        &|bundle| symlink("/etc/hostname", bundle.join("kubernetes/kustomization.yaml")).unwrap(),
        "kustomization.yaml is a symbolic link",
    );
    refused(
        &|bundle| fs::write(bundle.join("kubernetes/kustomization.yaml"), "somebody's").unwrap(),
        "is not lbgen's",
    );
    for outside in ["../../victim", "/etc/hostname", "nodes/../../victim", "nodes//x", "."] {
        let manifest = format!(
            "{{\"version\": 1, \"files\": [{{\"path\": {outside:?}, \"mode\": \"0644\", \"sha256\": \"00\"}}]}}"
        );
        refused(
            &|bundle| fs::write(bundle.join("bundle.json"), &manifest).unwrap(),
            "not inside the bundle",
        );
    }
    refused(
        &|bundle| fs::write(bundle.join("bundle.json"), "{").unwrap(),
        "is not a bundle.json of lbgen",
    );
    refused(
        &|bundle| fs::write(bundle.join("bundle.json"), "{\"version\": 2, \"files\": []}").unwrap(),
        "has version 2",
    );
}

#[test]
fn an_invalid_inventory_writes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("inventory.yaml"), "datacenter: eu1\nnods: {}\n").unwrap();
    for (command, expected) in
        [(&["render"][..], 2), (&["diff"], 2), (&["render", "--check"], 2), (&["check"], 1)]
    {
        let done = lbgen_in(folder.path(), command);
        assert_eq!(code(&done), expected, "{command:?}");
        assert!(
            stderr(&done).contains("error[LB005]: the key `nods` is not known"),
            "{}",
            stderr(&done)
        );
    }
    assert!(!folder.path().join("out").exists());
    let json = lbgen_in(folder.path(), &["render", "--format", "json"]);
    assert_eq!(code(&json), 2);
    let json: serde_json::Value = serde_json::from_str(&stdout(&json)).unwrap();
    assert_eq!(json["diagnostics"][0]["labels"][0]["line"], 2);
}

#[test]
fn check_denies_and_allows_warnings() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("minimal")).unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::write(
        folder.path().join("inventory.yaml"),
        text.replace("  lb-2: { address: 10.0.0.12, interface: eth0 }\n", ""),
    )
    .unwrap();
    let done = run(&["check"]);
    assert_eq!(code(&done), 0);
    assert!(stderr(&done).contains("warning[LB201]"), "{}", stderr(&done));
    assert_eq!(code(&run(&["check", "--deny", "warnings"])), 1);
    assert_eq!(code(&run(&["check", "--deny", "warnings", "--allow", "LB201"])), 0);
    assert_eq!(code(&run(&["check", "--allow", "LB999"])), 2);
    let waived = text.replace("  lb-2: { address: 10.0.0.12, interface: eth0 }\n", "")
        + "allow: [LB201, LB202]\n";
    fs::write(folder.path().join("inventory.yaml"), waived).unwrap();
    let done = run(&["check"]);
    assert!(
        !stderr(&done).contains("LB201]")
            && stderr(&done).contains("warning[LB290]: LB202 is waived"),
        "{}",
        stderr(&done)
    );
}

#[test]
fn check_speaks_sarif_and_github() {
    let sarif: serde_json::Value = serde_json::from_str(&stdout(&lbgen(&[
        "check",
        "--format",
        "sarif",
        "tests/bad/pins.yaml",
    ])))
    .unwrap();
    assert_eq!(sarif["version"], "2.1.0");
    let results = sarif["runs"][0]["results"].as_array().unwrap();
    assert_eq!(results.len(), 5);
    assert_eq!(results[0]["ruleId"], "LB101");
    let place = &results[0]["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "tests/bad/pins.yaml");
    assert_eq!(
        (&place["region"]["startLine"], &place["region"]["startColumn"]),
        (&15.into(), &34.into())
    );
    let rules: Vec<&str> = sarif["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    assert!(results.iter().all(|result| rules.contains(&result["ruleId"].as_str().unwrap())));

    let github = lbgen(&["check", "--format", "github", "tests/bad/pins.yaml"]);
    assert_eq!(code(&github), 1);
    let first = "::error file=tests/bad/pins.yaml,line=15,col=34,title=LB101::VRID 51 is used by two VIPs that `lb-1` may hold%0A";
    assert!(stdout(&github).starts_with(first), "{}", stdout(&github));
    assert_eq!(stdout(&github).lines().count(), 5);
    for format in ["sarif", "github"] {
        assert_eq!(code(&lbgen(&["render", "--format", format, &seed()])), 2);
    }
}

#[test]
fn usage_and_missing_files_exit_2() {
    let folder = tempfile::tempdir().unwrap();
    for command in [
        &["render"][..],
        &["diff"],
        &["check"],
        &["check", "."],
        &["nonsense"],
        &["render", "--nonsense"],
    ] {
        let done = lbgen_in(folder.path(), command);
        assert_eq!(code(&done), 2, "{command:?}");
        assert!(!stderr(&done).is_empty());
    }
}

#[test]
fn standard_input_is_an_inventory() {
    let (folder, direct) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let done = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(["render", "-"])
        .current_dir(folder.path())
        .stdin(fs::File::open(seed()).unwrap())
        .output()
        .unwrap();
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let bundle = support::render(Path::new(&seed()), direct.path());
    assert_eq!(files(&folder.path().join("out/seed")).len(), files(&bundle).len());
}

#[test]
fn init_writes_a_valid_inventory_and_overwrites_none() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(code(&lbgen_in(folder.path(), &["init"])), 0);
    assert_eq!(code(&lbgen_in(folder.path(), &["check", "--deny", "warnings"])), 0);
    let again = lbgen_in(folder.path(), &["init"]);
    assert_eq!(code(&again), 2);
    assert!(stderr(&again).contains("inventory.yaml exists"));
}

#[test]
fn completions_and_man_are_generated() {
    for shell in ["bash", "zsh", "fish"] {
        let done = lbgen(&["completions", shell]);
        assert!(code(&done) == 0 && stdout(&done).contains("render"), "{shell}");
    }
    let man = lbgen(&["man"]);
    assert!(code(&man) == 0 && stdout(&man).starts_with(".ie"), "{}", stdout(&man));
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let out = tempfile::tempdir().unwrap();
    let inventory = out.path().join("inventory.yaml");
    fs::write(&inventory, support::datacenter(4, 8, 50, 500)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args([
            "diff",
            "-q",
            inventory.to_str().unwrap(),
            "-o",
            out.path().join("out").to_str().unwrap(),
        ])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((code(&done), stderr(&done).as_str()), (1, ""));
}

/// Starts a render and kills it when `path` is there, or when it ended before anyone saw that.
fn kill_render(inventory: &Path, out: &Path, path: &str) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(["render", "-q", inventory.to_str().unwrap(), "-o", out.to_str().unwrap()])
        .spawn()
        .unwrap();
    while !out.join("big").join(path).exists() && child.try_wait().unwrap().is_none() {}
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_killed_render_leaves_every_file_old_or_new() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let texts = [
        support::datacenter(4, 8, 90, 300),
        support::datacenter(5, 9, 30, 310).replace("class: b", "class: e"),
    ];
    let mut inventories = Vec::new();
    let mut wanted = Vec::new();
    for (version, text) in texts.iter().enumerate() {
        let inventory = folder.path().join(format!("{version}")).join("inventory.yaml");
        fs::create_dir(inventory.parent().unwrap()).unwrap();
        fs::write(&inventory, text).unwrap();
        wanted.push(files(&support::render(
            &inventory,
            &folder.path().join(format!("whole-{version}")),
        )));
        inventories.push(inventory);
    }
    // Killed as it begins, after some files, and after the last of those that the other version has not.
    let moments = [
        ".lbgen-unfinished.json",
        "kubernetes/components/service-40.yaml",
        "kubernetes/components/service-89.yaml",
    ];
    let (mut halfway, mut unlisted, mut round) = (0, 0, 0);
    while halfway < 9 || unlisted < 3 {
        assert!(
            round < 100,
            "only {halfway} renders were killed while they wrote, {unlisted} after new files"
        );
        kill_render(&inventories[0], &out, moments[round % moments.len()]);
        let found = files(&out.join("big"));
        halfway += u32::from(!found.is_empty() && !wanted.contains(&found));
        for (path, body) in found.iter().filter(|(path, _)| !path.contains(".lbgen-")) {
            let whole = wanted.iter().any(|files| files.get(path) == Some(body));
            assert!(whole, "round {round}: {path} is neither old nor new");
        }
        // New files of a render that was killed are not in bundle.json yet, and go all the same.
        let listed = found.get("bundle.json").is_some_and(|body| *body == wanted[0]["bundle.json"]);
        unlisted +=
            u32::from(!listed && found.contains_key("kubernetes/components/service-89.yaml"));
        kill_render(&inventories[1], &out, moments[0]);
        support::render(&inventories[1], &out);
        let after = files(&out.join("big"));
        let differing: Vec<&String> = after
            .keys()
            .chain(wanted[1].keys())
            .filter(|path| after.get(*path) != wanted[1].get(*path))
            .collect();
        assert!(
            differing.is_empty(),
            "round {round}: the next render mends everything but {differing:?}"
        );
        round += 1;
    }
}
