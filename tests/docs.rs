//! Every console block of the README is run, in order, in one folder: what it shows is what happens.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

/// The commands of a text's blocks of a kind, each with the output that it shows.
fn commands(text: &str, kind: &str) -> Vec<(String, String)> {
    let mut commands: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        match (inside, line.strip_prefix("$ ")) {
            (false, _) => inside = line.strip_prefix("```") == Some(kind),
            (true, _) if line == "```" => inside = false,
            (true, Some(command)) => commands.push((command.to_owned(), String::new())),
            (true, None) => {
                let output = &mut commands.last_mut().expect("a block starts with a command").1;
                output.push_str(line);
                output.push('\n');
            }
        }
    }
    commands
}

/// Runs a page's blocks of a kind in a folder, one after the other; each shows what happens. `UPDATE_DOCS=1` writes what
/// happens into the page.
fn run_blocks(page: &str, kind: &str, folder: &Path) {
    let program = Path::new(env!("CARGO_BIN_EXE_lbgen")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let file = support::root().join(page);
    let mut text = fs::read_to_string(&file).unwrap();
    let commands = commands(&text, kind);
    assert!(!commands.is_empty(), "{page} has no block `{kind}`");
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    let mut done = 0;
    // A commit has another name each time.
    let commit = regex::Regex::new("of commit [0-9a-f]{12}").unwrap();
    for (command, shown) in commands {
        // The same program, built already.
        let line = command.replace("cargo run --release --", "lbgen");
        let run = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(folder)
            .env("PATH", &path)
            .output()
            .unwrap();
        let said =
            commit.replace_all(&support::stdout(&run), "of commit 8c2f40d91b7e").into_owned();
        if update {
            // A command may stand on the page twice.
            let old = format!("$ {command}\n{shown}");
            let at = done + text[done..].find(&old).unwrap();
            let new = format!("$ {command}\n{said}");
            text.replace_range(at..at + old.len(), &new);
            done = at + new.len();
        } else {
            assert_eq!(said, shown, "{page}: $ {command}");
        }
    }
    if update {
        fs::write(file, text).unwrap();
    }
}

#[test]
fn the_pages_show_what_happens() {
    let examples = support::root().join("inventory-examples");
    let folder = tempfile::tempdir().unwrap();
    copy(&examples, &folder.path().join("inventory-examples"));
    run_blocks("README.md", "console", folder.path());
    let folder = tempfile::tempdir().unwrap();
    copy(&examples, &folder.path().join("inventory-examples"));
    run_blocks("docs/operations.md", "console", folder.path());
    let folder = tempfile::tempdir().unwrap();
    copy(&examples, &folder.path().join("inventory-examples"));
    run_blocks("docs/moving-in.md", "console", folder.path());
    run_blocks("docs/gateway.md", "console gateway", tempfile::tempdir().unwrap().path());
    for page in ["docs/operations.md", "docs/teams.md"] {
        let folder = tempfile::tempdir().unwrap();
        copy(&examples.join("fleet"), folder.path());
        run_blocks(page, "console fleet", folder.path());
    }
}

/// Every example is answered alike by Ingresses and by Gateway API, or its README shows what is not.
#[test]
fn differences_between_the_apis_are_named() {
    let mut named = 0;
    for example in support::examples() {
        let inventory = support::inventory(&example);
        let arguments =
            ["trace", "-q", "--compare", "ingress,gateway", "-i", inventory.to_str().unwrap()];
        let done = support::lbgen(&arguments);
        let page = format!("inventory-examples/{example}/README.md");
        match support::code(&done) {
            0 => assert!(!support::root().join(page).exists(), "{example}: nothing differs"),
            // A datacenter of a fleet has no page: nothing but what every edge of ingress-nginx does.
            1 if example.contains('/') => {
                let said = support::stdout(&done);
                let rows = said.lines().filter(|line| line.starts_with("http"));
                rows.for_each(|row| assert!(row.contains("without the slash"), "{example}: {row}"));
            }
            1 => {
                let folder = tempfile::tempdir().unwrap();
                copy(inventory.parent().unwrap(), folder.path());
                run_blocks(&page, "console gateway", folder.path());
                let text = fs::read_to_string(support::root().join(page)).unwrap();
                assert!(text.contains("$ lbgen trace -q --compare ingress,gateway\n"), "{example}");
                named += 1;
            }
            other => panic!("{example}: {other} {}", support::stderr(&done)),
        }
    }
    assert!(named > 1);
}

/// The commands of a recipe that are lbgen's, as its lines have them.
fn recipe(path: &str) -> Vec<String> {
    let text = fs::read_to_string(support::root().join(path)).unwrap();
    let lines = text.lines().map(|line| line.trim_start_matches([' ', '-']));
    lines
        .map(|line| line.strip_prefix("run: ").unwrap_or(line))
        .filter(|line| {
            ["lbgen ", "sh rollout.sh", "git tag "].iter().any(|word| line.starts_with(word))
        })
        .map(str::to_owned)
        .collect()
}

/// The recipes of `docs/ci/` work in a repository whose tag says what runs: they accept what is rendered and committed,
/// and refuse what is not. The nodes are the cluster's that nobody reaches: the script is only read out.
#[test]
fn recipes_of_ci_work() {
    let folder = tempfile::tempdir().unwrap();
    let program = Path::new(env!("CARGO_BIN_EXE_lbgen")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let sh = |line: &str| {
        Command::new("sh")
            .args(["-c", line])
            .current_dir(folder.path())
            .env("PATH", &path)
            .env("PUSH_URL", "origin")
            .output()
            .unwrap()
    };
    let must = |line: &str| {
        let done = sh(line);
        assert!(
            done.status.success(),
            "{line}: {}{}",
            support::stdout(&done),
            support::stderr(&done)
        );
        support::stdout(&done)
    };
    let commit = "git add inventory.yaml inventory.lock out && git -c user.name=a -c user.email=a@b.c commit -qm x";
    must(&format!(
        "lbgen init -q && lbgen render -q && git init -q . && {commit} && git tag deployed/eu1"
    ));
    must("git init -q --bare origin.git && git remote add origin ./origin.git");
    must(
        "sed -i 's|  lb-2:|  lb-3: { address: 10.0.0.13, interface: eth0 }\\n  lb-2:|' inventory.yaml",
    );
    let answer = must("lbgen trace -q --format json https://www.example.com/");
    let answer: serde_json::Value = serde_json::from_str(&answer).unwrap();
    let answer = &answer["traces"][0]["answer"];
    let expected = match answer["name"].as_str() {
        Some(name) => format!("component {name}"),
        None => answer["kind"].as_str().unwrap().to_owned(),
    };
    must(&format!(
        "echo '- {{ url: \"https://www.example.com/\", expect: {expected} }}' >routes.yaml"
    ));
    let hook = support::root().join("docs/ci/pre-commit");
    assert!(!sh(&hook.display().to_string()).status.success(), "it is not rendered");
    must(&format!("lbgen render -q && {commit}"));
    must(&hook.display().to_string());
    for (file, count) in [("docs/ci/github-actions.yml", 7), ("docs/ci/gitlab-ci.yml", 7)] {
        let commands = recipe(file);
        assert_eq!(commands.len(), count, "{file}: {commands:?}");
        for command in commands {
            must(&command.replace("rollout.sh --yes", "rollout.sh --dry-run"));
        }
        let comment = must("cat comment.md");
        assert!(
            comment.starts_with("### eu1: ") && comment.contains("| new | `nodes.lb-3` |"),
            "{comment}"
        );
        must("shellcheck -S warning rollout.sh 2>/dev/null || ! command -v shellcheck");
        assert_eq!(
            must("git --git-dir origin.git rev-parse deployed/eu1"),
            must("git rev-parse HEAD"),
            "the tag of what runs"
        );
        // The next recipe begins where this one did.
        must("git tag -f deployed/eu1 HEAD~1");
    }
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn the_lab_prints_what_its_page_shows() {
    let readme = fs::read_to_string(support::root().join("docs/development.md")).unwrap();
    // How long it took is another thing every time.
    let timeless = |text: &str| -> Vec<String> {
        text.lines().map(|line| line.split(" after ").next().unwrap().to_owned()).collect()
    };
    let commands = commands(&readme, "console lab");
    assert_eq!(commands.len(), 1);
    for (command, shown) in commands {
        let done = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {}", command.replace("cargo run", "cargo run -q"))])
            .current_dir(support::root())
            .output()
            .unwrap();
        assert_eq!(timeless(&support::stdout(&done)), timeless(&shown), "$ {command}");
        assert!(done.status.success());
    }
}

fn copy(from: &Path, to: &Path) {
    for (path, body) in support::files(from) {
        let path = to.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, body).unwrap();
    }
}

#[test]
fn every_dependency_earns_a_line_in_the_readme() {
    let readme = fs::read_to_string(support::root().join("README.md")).unwrap();
    let manifest = fs::read_to_string(support::root().join("Cargo.toml")).unwrap();
    let table = |line: &str| line.trim_matches(['[', ']']).ends_with("dependencies");
    let mut inside = false;
    let mut count = 0;
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = table(line);
        } else if let (true, Some((name, _))) = (inside, line.split_once(" = ")) {
            let listed = readme.lines().any(|row| {
                row.starts_with("| ")
                    && row[2..]
                        .split(" | ")
                        .next()
                        .unwrap()
                        .split(", ")
                        .any(|listed| listed == name)
            });
            assert!(listed, "{name} is not in the README's table");
            count += 1;
        }
    }
    assert!(count > 15);
}

/// Every fact that a comment cites (`facts K31`) is one of docs/facts.md, and each number is given once.
#[test]
fn cited_facts_exist() {
    let text = fs::read_to_string(support::root().join("docs/facts.md")).unwrap();
    let mut known = std::collections::BTreeSet::new();
    for number in text.lines().filter_map(|line| line.strip_prefix("- **")?.split_once("**")) {
        assert!(known.insert(number.0), "{} is there twice", number.0);
    }
    let citation = regex::Regex::new(r"facts((?:[\s/!]+[KDLR][0-9]+,?)+)").unwrap();
    let mut cited = 0;
    for folder in ["src/**/*.rs", "tests/**/*.rs"] {
        for path in glob::glob(support::root().join(folder).to_str().unwrap()).unwrap() {
            let path = path.unwrap();
            let text = fs::read_to_string(&path).unwrap();
            for found in citation.captures_iter(&text) {
                let numbers =
                    found[1].split([' ', ',', '/', '!', '\n']).filter(|word| !word.is_empty());
                for number in numbers {
                    assert!(known.contains(number), "{}: no fact {number}", path.display());
                    cited += 1;
                }
            }
        }
    }
    assert!(cited > 30, "{cited}");
}

/// The table of implementations in docs/gateway.md is the code's. `UPDATE_DOCS=1` writes it again.
#[test]
fn the_table_of_implementations_is_the_codes() {
    let path = support::root().join("docs/gateway.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once("<!-- implementations -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    let table = lbgen::model::Implementation::table();
    let now = format!("{before}<!-- implementations -->\n{table}<!-- end -->{after}");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &now).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap() == now, "docs/gateway.md is stale");
}
