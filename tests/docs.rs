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

/// `UPDATE_DOCS=1 cargo test --test docs` writes what happens into the README.
#[test]
fn the_readme_shows_what_happens() {
    let folder = tempfile::tempdir().unwrap();
    copy(&support::root().join("inventory-examples"), &folder.path().join("inventory-examples"));
    let program = Path::new(env!("CARGO_BIN_EXE_lbgen")).parent().unwrap();
    let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
    let mut readme = fs::read_to_string(support::root().join("README.md")).unwrap();
    let commands = commands(&readme, "console");
    assert!(commands.len() >= 8);
    let update = std::env::var_os("UPDATE_DOCS").is_some();
    for (command, shown) in commands {
        // The same program, built already.
        let line = command.replace("cargo run --release --", "lbgen");
        let done = Command::new("sh")
            .args(["-c", &format!("exec 2>&1; {line}")])
            .current_dir(folder.path())
            .env("PATH", &path)
            .output()
            .unwrap();
        let said = support::stdout(&done);
        if update {
            readme = readme.replacen(
                &format!("$ {command}\n{shown}"),
                &format!("$ {command}\n{said}"),
                1,
            );
        } else {
            assert_eq!(said, shown, "$ {command}");
        }
    }
    if update {
        fs::write(support::root().join("README.md"), readme).unwrap();
    }
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn the_lab_prints_what_the_readme_shows() {
    let readme = fs::read_to_string(support::root().join("README.md")).unwrap();
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
