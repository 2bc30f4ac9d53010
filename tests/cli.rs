//! The output of the commands, and their exit codes.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use support::{code, files, lbgen, lbgen_in, stderr, stdout};

#[test]
fn diff_and_check_say_what_a_render_would_change() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("seed"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&run(&["diff", "--stat"])), 1, "nothing is there yet");
    assert_eq!(code(&run(&["render", "--check"])), 1);
    assert!(!folder.path().join("out").exists(), "--check and diff write nothing");
    assert_eq!(code(&run(&["render"])), 0);
    for quiet in [&["diff"][..], &["diff", "--stat"], &["render", "--check"]] {
        let done = run(quiet);
        assert_eq!((code(&done), stdout(&done).as_str()), (0, ""), "{quiet:?}");
    }
    let text = fs::read_to_string(support::inventory("seed")).unwrap();
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
    let files = format!("changed  +1     -1     {path}\n1 file, 1 line added, 1 removed\n");
    assert!(stdout(&stat).starts_with(&files), "{}", stdout(&stat));
    assert!(stdout(&stat).ends_with("\n1 entrypoint switches\n"), "{}", stdout(&stat));
    let impact = stdout(&run(&["diff", "--impact-only"]));
    assert!(stdout(&stat).ends_with(&impact) && impact.starts_with("IMPACT "), "{impact}");
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
    let text = fs::read_to_string(support::inventory("seed")).unwrap();
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
    assert_eq!(code(&run(&["check", "--deny", "warnings", "--allow", "lb201"])), 0);
    for (id, reason) in [("LB999", "there is no such code"), ("LB101", "only warnings")] {
        let done = run(&["check", "--allow", id]);
        assert_eq!(code(&done), 2);
        assert!(stderr(&done).contains(reason), "{}", stderr(&done));
    }
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
fn check_tries_the_templates_that_it_is_given() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = support::inventory("seed");
    let check = || {
        let templates = folder.path().to_str().unwrap();
        lbgen(&["check", "--templates", templates, inventory.to_str().unwrap()])
    };
    for (text, says) in [
        ("{{ nope", "keepalived.conf: syntax error"),
        ("{% for node in 7 %}{% endfor %}{{ nope.nope }}", "keepalived.conf"),
    ] {
        fs::write(folder.path().join("keepalived.conf"), text).unwrap();
        let done = check();
        assert_eq!(code(&done), 2, "{text}");
        assert!(stderr(&done).contains(says), "{}", stderr(&done));
    }
    fs::write(folder.path().join("keepalived.conf"), "# nothing\n").unwrap();
    assert_eq!(code(&check()), 0);
    // Parts of the rollout's script lie in a folder of their own.
    let parts = folder.path().join("rollout");
    fs::create_dir(&parts).unwrap();
    for (name, status) in [("visit.sh", 0), ("visits.sh", 2)] {
        fs::write(parts.join(name), "# nothing\n").unwrap();
        let done = check();
        assert_eq!(code(&done), status, "{}", stderr(&done));
        assert_eq!(stderr(&done).contains("rollout/visits.sh replaces no template"), status == 2);
    }
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
    let first = "::error file=tests/bad/pins.yaml,line=15,col=34,title=LB101::VRID 51 is used by two VIPs that `lb-1` can hold%0A";
    assert!(stdout(&github).starts_with(first), "{}", stdout(&github));
    assert_eq!(stdout(&github).lines().count(), 5);
    let seed = support::inventory("seed");
    for format in ["sarif", "github"] {
        assert_eq!(code(&lbgen(&["render", "--format", format, seed.to_str().unwrap()])), 2);
        let before = lbgen(&["--format", format, "render", seed.to_str().unwrap()]);
        assert_eq!(code(&before), 2);
        assert!(stderr(&before).contains("`render` does not have this format"), "{before:?}");
        assert!(!stdout(&lbgen(&["render", "--help"])).contains(format));
        assert!(stdout(&lbgen(&["check", "--help"])).contains(format));
    }
    let json = lbgen(&["--format", "json", "plan", seed.to_str().unwrap()]);
    assert!(stdout(&json).starts_with('{'), "an option before the command is one of the command");
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
        .stdin(fs::File::open(support::inventory("seed")).unwrap())
        .output()
        .unwrap();
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let bundle = support::render(Path::new(&support::inventory("seed")), direct.path());
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

/// Returns the completions that a shell would offer for the last of some words.
fn completed(folder: &Path, words: &[&str]) -> Vec<String> {
    let done = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .arg("--")
        .args(words)
        .current_dir(folder)
        .envs([("COMPLETE", "bash"), ("_CLAP_IFS", "\n")])
        .env("_CLAP_COMPLETE_INDEX", (words.len() - 1).to_string())
        .output()
        .unwrap();
    stdout(&done).lines().map(str::to_owned).collect()
}

#[test]
fn completions_know_commands_nodes_zones_and_codes() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let done = lbgen(&["completions", shell]);
        assert!(code(&done) == 0 && stdout(&done).contains("COMPLETE"), "{shell}");
    }
    let folder = tempfile::tempdir().unwrap();
    fs::copy(support::inventory("three-racks"), folder.path().join("inventory.yaml")).unwrap();
    let of = |words: &[&str]| completed(folder.path(), words);
    assert!(of(&["lbgen", "ren"]).contains(&"render".to_owned()));
    assert_eq!(of(&["lbgen", "simulate", "--fail", "a-"]), ["a-1", "a-2", "a-3", "a-4"]);
    assert_eq!(of(&["lbgen", "simulate", "--drain", "a-1,c-4"]), ["a-1,c-4"]);
    assert_eq!(of(&["lbgen", "simulate", "--zone", "r"]), ["rack-a", "rack-b", "rack-c"]);
    assert_eq!(of(&["lbgen", "simulate", "--unhealthy", "websocket@c-4"]), ["websocket@c-4"]);
    assert_eq!(of(&["lbgen", "explain", "lb31"]), ["LB310", "LB311", "LB312"]);
    assert!(completed(Path::new("/"), &["lbgen", "simulate", "--fail", ""]).is_empty());
}

/// The commands of lbgen, as its help lists them.
fn commands() -> Vec<String> {
    let help = stdout(&lbgen(&["-h"]));
    let list = help.split("Commands:\n").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = list.lines().map(|line| line.split_whitespace().next().unwrap().to_owned());
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_command_has_a_page_and_help_with_its_exit_codes_and_examples() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().to_str().unwrap();
    assert_eq!(code(&lbgen(&["man", "--dir", pages])), 0);
    let written: Vec<String> = files(folder.path()).into_keys().collect();
    assert_eq!(written.len(), commands().len() + 1, "{written:?}");
    let own = stdout(&lbgen(&["man"]));
    for command in commands() {
        assert!(own.contains(&format!("lbgen\\-{command}(1)")), "{command}");
        let page = stdout(&lbgen(&["man", &command]));
        let help = stdout(&lbgen(&[&command, "--help"]));
        assert!(page.contains(&format!(".TH lbgen-{command} 1")), "{page}");
        for section in [".SH \"EXIT STATUS\"", ".SH EXAMPLES", ".SH OPTIONS"] {
            assert!(page.contains(section), "{command}: {section}");
        }
        let (_, examples) = help.split_once("Examples:\n").unwrap_or_else(|| panic!("{command}"));
        assert!(help.contains("Exit status:\n  0  "), "{command}");
        // An example that is not a command line of lbgen would be refused.
        let lines = examples.lines().filter_map(|line| line.strip_prefix("  lbgen "));
        for line in lines {
            let words: Vec<&str> =
                line.split_whitespace().take_while(|word| !word.starts_with(['|', '>'])).collect();
            assert_eq!(words[0], command);
            let done = lbgen_in(folder.path(), &[&words[..], &["--help"]].concat());
            assert_eq!(code(&done), 0, "{line}: {}", stderr(&done));
        }
    }
    assert_eq!(code(&lbgen(&["man", "nonsense"])), 2);
}

#[test]
fn rebalance_writes_only_when_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::write(folder.path().join("inventory.yaml"), support::datacenter(4, 12, 1, 1)).unwrap();
    assert_eq!(code(&run(&["render", "-q"])), 0);
    // Three VIPs of one node go, and leave it with nothing.
    let lock = folder.path().join("inventory.lock");
    let text = fs::read_to_string(&lock).unwrap();
    let mut dropped = 0;
    let fewer: String = support::datacenter(4, 12, 1, 1)
        .lines()
        .filter(|line| {
            let address = line.split("address: ").nth(1).and_then(|rest| rest.split(',').next());
            let first = address.and_then(|address| {
                text.lines().find(|line| line.contains(&format!("\"{address}\"")))
            });
            let goes = first.is_some_and(|line| line.contains("order: [lb-1,"));
            dropped += usize::from(goes);
            !goes
        })
        .flat_map(|line| [line, "\n"])
        .collect();
    assert_eq!(dropped, 3);
    fs::write(folder.path().join("inventory.yaml"), &fewer).unwrap();
    assert_eq!(code(&run(&["render", "-q"])), 0);
    let before = fs::read_to_string(&lock).unwrap();
    let shown = run(&["plan", "--rebalance"]);
    assert_eq!(code(&shown), 0);
    assert!(stdout(&shown).contains("to another MASTER"), "{}", stdout(&shown));
    assert!(stderr(&shown).contains("nothing was written"), "{}", stderr(&shown));
    assert_eq!(fs::read_to_string(&lock).unwrap(), before);
    // From standard input there is a plan to show, and no lock to write.
    let from_stdin = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_lbgen"))
            .args(arguments)
            .stdin(fs::File::open(folder.path().join("inventory.yaml")).unwrap())
            .output()
            .unwrap()
    };
    let piped = from_stdin(&["plan", "--rebalance", "-"]);
    assert_eq!(code(&piped), 0, "{}", stderr(&piped));
    assert!(stdout(&piped).contains("to another MASTER"));
    let refused = from_stdin(&["plan", "--rebalance", "--write", "-"]);
    assert_eq!(code(&refused), 2);
    assert!(stderr(&refused).contains("has no lock to write"), "{}", stderr(&refused));
    assert_eq!(code(&run(&["plan", "--rebalance", "--write"])), 0);
    assert_ne!(fs::read_to_string(&lock).unwrap(), before);
}

#[test]
fn verbose_says_more_and_nothing_to_say_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    let check = run(&["check", "-v"]);
    assert!(stderr(&check).contains("eu1: 2 nodes, 1 VIP, 1 entrypoint"), "{}", stderr(&check));
    assert!(stderr(&check).contains("no problems found"));
    assert!(stderr(&run(&["render", "-v"])).contains("added    out/eu1/bundle.json"));
    let diff = run(&["diff", "-v"]);
    assert_eq!(stderr(&diff), "compared 23 files\nno changes\n");
    assert_eq!(stderr(&run(&["diff", "-q"])), "");
    assert!(stderr(&run(&["render", "--check", "-v"])).contains("compared 23 files"));
}

#[test]
fn a_closed_pipe_is_a_quiet_end() {
    let out = tempfile::tempdir().unwrap();
    let inventory = out.path().join("inventory.yaml");
    fs::write(&inventory, support::datacenter(4, 8, 50, 500)).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(["diff", "-q", "inventory.yaml"])
        .current_dir(out.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let done = child.wait_with_output().unwrap();
    assert_eq!((code(&done), stderr(&done).as_str()), (1, ""));
}

/// A parser's position may lie within a character; drawing it must not end in a panic.
#[test]
fn a_place_inside_of_a_character_is_drawn() {
    for text in [
        "!x: \u{85}\n",
        "datacenter: x\nfoo: !x\u{85}: 1\n",
        "\u{85}\u{85}: \u{2028}\n",
        "a: [\u{e9}\u{85}",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("inventory.yaml");
        fs::write(&file, text).unwrap();
        let done = lbgen(&["check", file.to_str().unwrap()]);
        assert_eq!(code(&done), 1, "{text:?}: {}", stderr(&done));
    }
}
