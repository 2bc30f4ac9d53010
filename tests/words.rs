//! Words on their way through the script of a rollout: what it prints and sends is what was meant, whatever is in it.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::process::Command;

use proptest::prelude::*;
use support::{code, lbgen_in, stderr, stdout};

/// Words as people and shells could make them: every printable character, quotes, lines, and the marks of here-documents.
fn words() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("'".to_owned()),
        Just("\"".to_owned()),
        Just("\\".to_owned()),
        Just("$(id)".to_owned()),
        Just("`id`".to_owned()),
        Just("\nEND\n".to_owned()),
        Just("\nNODE\n".to_owned()),
        Just("%s".to_owned()),
        Just("&".to_owned()),
        "[ -~]{1,8}",
        "[é→ß]{1,2}",
    ];
    prop::collection::vec(piece, 1..5)
        .prop_map(|pieces| pieces.concat())
        .prop_filter("a command", |text| {
            !text.trim().is_empty() && !text.starts_with('-') && !text.ends_with('\n')
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    /// A command of `--visit`, the host of a node and the directory of bundles reach their places as they are.
    #[test]
    fn a_command_a_host_and_a_path_go_through_the_script(
        command in words(),
        host in "[a-z]{1,6}@[a-z0-9.-]{0,6}[a-z0-9]",
        folder in "[a-z '\"$&()é]{0,10}[a-z]",
    ) {
        let work = tempfile::tempdir().unwrap();
        let text = fs::read_to_string(support::inventory("minimal")).unwrap();
        let text = text.replace("interface: eth0 }", &format!("interface: eth0, host: \"{host}\" }}"));
        fs::write(work.path().join("inventory.yaml"), text).unwrap();
        prop_assert_eq!(code(&lbgen_in(work.path(), &["render", "-q", "-o", &folder])), 0);
        let visit = ["rollout", "-q", "-o", &folder, "--visit", &command, "--format", "sh"];
        let done = lbgen_in(work.path(), &visit);
        prop_assert_eq!(code(&done), 0, "{}", stderr(&done));
        let script = stdout(&done);
        // Its own functions, without its steps: what they hand on is what came in.
        let functions = script.split("\nusage()").next().unwrap();
        let shown = format!(
            "{functions}\nclaim=x\ndown=\nLBGEN_ON=\"$PWD/on\"\nhost lb-1; printf '%s\\n' \"$bundle\"\non lb-1 printf %s \"$1\"\n{}",
            // The line of the visit, without what waits for the node.
            script.lines().skip_while(|line| !line.contains("${LBGEN_ON:-$ssh} \"$(host \"$1\")\"")).collect::<Vec<_>>().join("\n").split(" 8<&-").next().unwrap().trim_start().replace("$(host \"$1\")", "$(host lb-1)"),
        );
        fs::write(work.path().join("part.sh"), shown).unwrap();
        // Stands for ssh: runs what would run on the node as its last line, and prints a whole command that is none of ours.
        let on = "#!/bin/sh\ncase $2 in me=*) sh -c \"$(printf '%s' \"$2\" | sed -n \"/^ 'printf'/,\\$p\")\"; echo ;; *) printf '%s' \"$2\" ;; esac\n";
        fs::write(work.path().join("on"), on).unwrap();
        Command::new("chmod").args(["+x", "on"]).current_dir(work.path()).status().unwrap();
        let done = Command::new("sh").args(["part.sh", &command]).current_dir(work.path()).output().unwrap();
        let expected = format!("{host}\n{folder}/eu1\n{command}\n{command}");
        prop_assert_eq!(stdout(&done), expected, "{}", stderr(&done));
    }

    /// What a step prints before it asks is what it says, line by line.
    #[test]
    fn what_a_step_prints_is_what_it_says(command in words()) {
        let work = tempfile::tempdir().unwrap();
        fs::copy(support::inventory("minimal"), work.path().join("inventory.yaml")).unwrap();
        prop_assert_eq!(code(&lbgen_in(work.path(), &["render", "-q"])), 0);
        let done = lbgen_in(work.path(), &["rollout", "-q", "--visit", &command, "--format", "sh"]);
        fs::write(work.path().join("rollout.sh"), stdout(&done)).unwrap();
        let run = Command::new("sh").args(["rollout.sh", "--dry-run"]).current_dir(work.path()).output().unwrap();
        prop_assert!(run.status.success(), "{}", stderr(&run));
        prop_assert!(stdout(&run).ends_with("done\n"), "{}", stdout(&run));
    }
}

#[test]
fn the_script_connects_to_the_host_of_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(support::inventory("minimal")).unwrap();
    let path = folder.path().join("inventory.yaml");
    let with = |host: &str| {
        let line = text.lines().find(|line| line.contains("lb-2:")).unwrap();
        let edited =
            text.replace(line, &line.replace("interface:", &format!("host: {host}, interface:")));
        assert_ne!(edited, text);
        std::fs::write(&path, edited).unwrap();
    };
    with("\"root@10.0.0.99\"");
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let script = run(&["rollout", "--from", "none", "--format", "sh"]);
    assert_eq!(support::code(&script), 0, "{}", support::stderr(&script));
    std::fs::write(folder.path().join("rollout.sh"), &script.stdout).unwrap();
    let asked = std::process::Command::new("sh")
        .args(["rollout.sh", "--yes"])
        .env("LBGEN_ON", "echo")
        .env("LBGEN_COPY", "echo copy")
        .env("LBGEN_KUBECTL", "true")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let said = support::stdout(&asked);
    assert!(said.contains("root@10.0.0.99") && said.contains("lb-1 me='lb-1'"), "{said}");
    for wrong in ["-oProxyCommand=x", "\"a b\"", "\"$(id)\"", "\"\""] {
        with(wrong);
        let checked = run(&["check"]);
        assert_eq!(support::code(&checked), 1, "{wrong}");
        assert!(support::stderr(&checked).contains("LB105"), "{}", support::stderr(&checked));
    }
}
