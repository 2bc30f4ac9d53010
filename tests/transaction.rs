//! A render is all or nothing: also where two run at once, where it fails, and where it is killed.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use support::{code, files, lbgen_in, stderr, stdout};

/// Two inventories of one datacenter that differ in many files, and the bundle of each.
struct Two {
    folder: tempfile::TempDir,
    inventories: [PathBuf; 2],
    wanted: [BTreeMap<String, Vec<u8>>; 2],
}

impl Two {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let texts = [
            support::datacenter(4, 8, 90, 300),
            support::datacenter(5, 9, 30, 310).replace("class: b", "class: e"),
        ];
        let [first, second] = [0, 1].map(|version| {
            let home = folder.path().join(version.to_string());
            fs::create_dir(&home).unwrap();
            let inventory = home.join("inventory.yaml");
            fs::write(&inventory, &texts[version]).unwrap();
            let whole = files(&support::render(&inventory, &home.join("whole")));
            (inventory, whole)
        });
        Self { folder, inventories: [first.0, second.0], wanted: [first.1, second.1] }
    }

    fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    fn found(&self) -> BTreeMap<String, Vec<u8>> {
        files(&self.out().join("big"))
    }

    fn start(&self, version: usize) -> Child {
        Command::new(env!("CARGO_BIN_EXE_lbgen"))
            .args(["render", "-q"])
            .arg(&self.inventories[version])
            .arg("-o")
            .arg(self.out())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    }
}

#[test]
fn two_renders_at_once_take_turns() {
    let two = Two::new();
    let mut winners = [0, 0];
    for round in 0..100 {
        // Into an empty place too.
        if round % 4 == 0 && two.out().exists() {
            fs::remove_dir_all(two.out()).unwrap();
        }
        let mut renders = if round % 2 == 0 { [0, 1] } else { [1, 0] }.map(|side| two.start(side));
        for render in &mut renders {
            assert!(render.wait().unwrap().success(), "round {round}");
        }
        let found = two.found();
        let winner = two.wanted.iter().position(|whole| *whole == found);
        winners[winner.unwrap_or_else(|| panic!("round {round}: a mixture"))] += 1;
        assert_eq!(fs::read_dir(two.out()).unwrap().count(), 1, "round {round}: leftovers");
    }
    println!("who was last: {winners:?}");
}

#[test]
fn a_killed_render_is_finished_or_undone_by_the_next() {
    let two = Two::new();
    let mut halfway = 0;
    let mut round = 0;
    // Killed as soon as a stage is there, and as soon as something has moved.
    while halfway < 6 {
        assert!(round < 300, "only {halfway} renders were killed while they wrote");
        support::render(&two.inventories[0], &two.out());
        let stage = two.out().join("big/.lbgen-stage");
        let moment = match round % 3 {
            0 => stage.join("0"),
            1 => stage.join("journal.json"),
            // The last component that only the first inventory has.
            _ => two.out().join("big/kubernetes/components/service-89.yaml"),
        };
        let there = moment.exists();
        let mut child = two.start(1);
        while moment.exists() == there && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        child.wait().unwrap();
        let found = two.found();
        let whole = |found: &BTreeMap<String, Vec<u8>>| two.wanted.contains(found);
        halfway += u32::from(!whole(&found));
        for (path, body) in found.iter().filter(|(path, _)| !path.contains(".lbgen-")) {
            let known = two.wanted.iter().any(|files| files.get(path) == Some(body));
            assert!(known, "round {round}: {path} is neither old nor new");
        }
        // Without a complete journal the old bundle is whole.
        if stage.exists()
            && !stage.join("journal.json").exists()
            && !found.contains_key(".lbgen-stage/0")
        {
            let mut old = found.clone();
            old.retain(|path, _| !path.contains(".lbgen-"));
            assert!(whole(&old), "round {round}");
        }
        // The next one, of either inventory, leaves nothing of it.
        let next = usize::from(round % 2 == 0);
        support::render(&two.inventories[next], &two.out());
        assert_eq!(two.found(), two.wanted[next], "round {round}");
        round += 1;
    }
}

/// A render that is killed into an empty place leaves nothing there.
#[test]
fn a_new_bundle_is_there_as_a_whole_or_not_at_all() {
    let two = Two::new();
    let mut killed = 0;
    for round in 0..40 {
        let _ = fs::remove_dir_all(two.out());
        let mut child = two.start(0);
        let moment = two.out().join(".lbgen-big/kubernetes");
        while !moment.exists() && child.try_wait().unwrap().is_none() {}
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        let mut found = two.found();
        found.retain(|path, _| !path.contains(".lbgen-"));
        assert!(found.is_empty() || found == two.wanted[0], "round {round}");
        support::render(&two.inventories[0], &two.out());
        assert_eq!(two.found(), two.wanted[0]);
    }
    assert!(killed > 0, "every render ended before it was killed");
}

/// An ordinary user, whom a read-only folder stops, with a copy of the program: its own folder may be root's alone.
struct Nobody(tempfile::TempDir);

impl Nobody {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        fs::copy(env!("CARGO_BIN_EXE_lbgen"), folder.path().join("lbgen")).unwrap();
        Self(folder)
    }

    fn run(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(self.0.path().join("lbgen"));
        command.args(arguments).current_dir(self.0.path());
        if support::stdout(&Command::new("id").arg("-u").output().unwrap()) == "0\n" {
            command.uid(65534).gid(65534);
        }
        command.output().unwrap()
    }
}

#[test]
fn a_render_that_cannot_write_somewhere_leaves_every_old_byte() {
    let (two, nobody) = (Two::new(), Nobody::new());
    let open = |path: &Path| fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
    open(two.folder.path());
    // The second inventory, with a lock of the first: everything changes, the lock too.
    let home = two.inventories[0].parent().unwrap().to_owned();
    let inventory = home.join("inventory.yaml");
    let out = two.out();
    open(&home);
    fs::create_dir(&out).unwrap();
    open(&out);
    let arguments = ["render", "-q", inventory.to_str().unwrap(), "-o", out.to_str().unwrap()];
    open(&home.join("whole"));
    fs::remove_file(home.join("inventory.lock")).unwrap();
    assert_eq!(code(&nobody.run(&arguments)), 0);
    fs::copy(&two.inventories[1], &inventory).unwrap();
    let before = files(two.folder.path());
    for folder in affected(&nobody, &arguments, &out.join("big")).into_iter().chain([home.clone()])
    {
        let mode = fs::metadata(&folder).unwrap().permissions();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o555)).unwrap();
        let done = nobody.run(&arguments);
        fs::set_permissions(&folder, mode).unwrap();
        let shown = folder.strip_prefix(two.folder.path()).unwrap().display();
        assert_eq!(code(&done), 2, "{shown}: {}", stderr(&done));
        assert_eq!(files(two.folder.path()), before, "{shown} is read-only");
    }
    assert_eq!(code(&nobody.run(&arguments)), 0);
    assert_ne!(files(two.folder.path()), before);
}

/// Every folder in which a render changes something, or makes a folder.
fn affected(nobody: &Nobody, render: &[&str], bundle: &Path) -> BTreeSet<PathBuf> {
    let check: Vec<&str> = render.iter().copied().chain(["--check", "--format", "json"]).collect();
    let json: serde_json::Value = serde_json::from_str(&stdout(&nobody.run(&check))).unwrap();
    let paths = json["changes"].as_array().unwrap().iter().map(|change| {
        let path = bundle.join(change["path"].as_str().unwrap());
        path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap().to_owned()
    });
    let folders: BTreeSet<PathBuf> = paths.collect();
    assert!(folders.len() > 10, "{folders:?}");
    folders
}

fn seed_in(folder: &Path) -> String {
    let text = fs::read_to_string(support::inventory("seed")).unwrap();
    fs::write(folder.join("inventory.yaml"), &text).unwrap();
    assert_eq!(code(&lbgen_in(folder, &["render"])), 0);
    text
}

#[test]
fn a_generated_file_that_nothing_lists_is_found_and_removed() {
    let folder = tempfile::tempdir().unwrap();
    seed_in(folder.path());
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    // An edit on one side of a merge and a deletion on the other leave the file and not its line.
    let orphan = folder.path().join("out/seed/kubernetes/components/orphan.yaml");
    let body = fs::read(orphan.with_file_name("example-service.yaml")).unwrap();
    fs::write(&orphan, body).unwrap();
    fs::write(orphan.with_file_name("mine.yaml"), "# by hand\n").unwrap();
    let check = run(&["render", "--check"]);
    assert_eq!(code(&check), 1);
    assert!(stdout(&check).contains("removed  +0     -"), "{}", stdout(&check));
    assert_eq!(code(&run(&["render"])), 0);
    assert!(!orphan.exists());
    let mine = orphan.with_file_name("mine.yaml");
    assert!(mine.exists());
    assert_eq!(code(&run(&["render", "--check"])), 1, "a file that nobody reviewed as ours");
    fs::remove_file(mine).unwrap();
    assert_eq!(code(&run(&["render", "--check"])), 0);
}

#[test]
fn a_bundle_json_with_merge_markers_says_so_and_is_written_anew_once_it_is_removed() {
    let folder = tempfile::tempdir().unwrap();
    seed_in(folder.path());
    let list = folder.path().join("out/seed/bundle.json");
    let text = fs::read_to_string(&list).unwrap();
    let merged = text.replacen("{\"path\"", "<<<<<<< ours\n{\"path\"", 1);
    fs::write(&list, merged).unwrap();
    let done = lbgen_in(folder.path(), &["render"]);
    assert_eq!(code(&done), 2);
    assert!(
        stderr(&done).contains("merge conflict; remove the file and render"),
        "{}",
        stderr(&done)
    );
    fs::remove_file(&list).unwrap();
    assert_eq!(code(&lbgen_in(folder.path(), &["render"])), 0);
    assert_eq!(fs::read_to_string(&list).unwrap(), text);
}

#[test]
fn a_template_without_a_header_gets_one_and_its_file_is_known_again() {
    let folder = tempfile::tempdir().unwrap();
    seed_in(folder.path());
    let templates = folder.path().join("templates");
    fs::create_dir(&templates).unwrap();
    fs::write(templates.join("networkd.conf"), "[Network]\nManageForeignRoutes=no\n").unwrap();
    fs::write(templates.join("check-entrypoint"), "#!/bin/sh\ntrue\n").unwrap();
    fs::write(templates.join("tmpfiles.conf"), "# {{ header }}\nd {{ directory }}\n").unwrap();
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    for command in ["check", "render"] {
        assert_eq!(code(&run(&[command, "--templates", "templates"])), 0);
    }
    let node = folder.path().join("out/seed/nodes/lb-1");
    let header = "# Generated by lbgen from inventory.yaml. Do not edit.\n";
    let read = |path: &str| fs::read_to_string(node.join(path)).unwrap();
    assert_eq!(
        read("etc/systemd/networkd.conf.d/90-lbgen.conf"),
        format!("{header}[Network]\nManageForeignRoutes=no\n")
    );
    assert_eq!(
        read("usr/local/libexec/lbgen/check-entrypoint"),
        format!("#!/bin/sh\n{header}true\n")
    );
    assert_eq!(read("etc/tmpfiles.d/lbgen.conf"), format!("{header}d /run/lbgen\n"));
    // The cure for a damaged list works with them too.
    fs::remove_file(folder.path().join("out/seed/bundle.json")).unwrap();
    assert_eq!(code(&run(&["render"])), 0);
    assert!(
        read("etc/systemd/networkd.conf.d/90-lbgen.conf")
            .contains("ManageForeignRoutingPolicyRules")
    );
}

#[test]
fn a_lock_that_is_missing_beside_a_rendered_bundle_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    seed_in(folder.path());
    let run = |arguments: &[&str]| lbgen_in(folder.path(), arguments);
    fs::remove_file(folder.path().join("inventory.lock")).unwrap();
    for command in [&["diff"][..], &["render", "--check"], &["render"]] {
        let done = run(command);
        assert_eq!(code(&done), 2, "{command:?}");
        assert!(stderr(&done).contains("error[LB223]"), "{command:?}: {}", stderr(&done));
    }
    assert!(!folder.path().join("inventory.lock").exists());
    let diff = run(&["diff", "--new-lock"]);
    assert!(code(&diff) < 2 && !stderr(&diff).contains("LB223"), "{}", stderr(&diff));
    assert_eq!(code(&run(&["render", "--new-lock"])), 0);
    assert_eq!(code(&run(&["render"])), 0, "it is written now");
}

#[test]
fn an_empty_lock_is_refused_and_one_without_vips_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    seed_in(folder.path());
    let lock = folder.path().join("inventory.lock");
    for text in ["", "\n\n", "# comments only\n"] {
        fs::write(&lock, text).unwrap();
        let done = lbgen_in(folder.path(), &["render"]);
        assert_eq!(code(&done), 2, "{text:?}");
        assert!(stderr(&done).contains("error[LB020]: the lock is empty"), "{}", stderr(&done));
        assert_eq!(fs::read_to_string(&lock).unwrap(), text);
    }
    let none = tempfile::tempdir().unwrap();
    fs::write(none.path().join("inventory.yaml"), "datacenter: none\n").unwrap();
    for _ in 0..2 {
        let done = lbgen_in(none.path(), &["render"]);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
    }
    let text = fs::read_to_string(none.path().join("inventory.lock")).unwrap();
    assert!(text.ends_with("version: 1\nvips: {}\n"), "{text}");
}

#[test]
fn a_script_that_goes_is_shown_as_the_executable_that_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let text = seed_in(folder.path());
    let without = text
        .replace("  lb-2: { address: 10.34.202.145, interface: eth0 }\n", "")
        .replace(", lb-2: 90", "");
    fs::write(folder.path().join("inventory.yaml"), without).unwrap();
    let diff = stdout(&lbgen_in(folder.path(), &["diff", "-q"]));
    let script = "seed/nodes/lb-2/usr/local/sbin/lbgen-policy-routing";
    assert!(
        diff.contains(&format!("diff --git a/{script} b/{script}\ndeleted file mode 100755\n")),
        "{diff}"
    );
    assert!(diff.contains("deleted file mode 100644"));
}

#[test]
fn a_bundle_of_a_newer_lbgen_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(code(&run(&["render", "-q"])), 0);
    let list = folder.path().join("out/eu1/bundle.json");
    let text = fs::read_to_string(&list).unwrap();
    let own = format!("\"lbgen\": \"{}\"", env!("CARGO_PKG_VERSION"));
    assert!(text.contains(&own), "{text}");
    for (version, is_newer) in
        [("99.0.0", true), ("0.1.0", false), ("99.1.0-rc1", true), ("", false)]
    {
        fs::write(&list, text.replace(&own, &format!("\"lbgen\": \"{version}\""))).unwrap();
        let said = stderr(&run(&["diff", "--stat"]));
        assert_eq!(said.contains("warning[LB241]"), is_newer, "{version}: {said}");
    }
}
