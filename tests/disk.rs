//! The effects of a render on the disk: only what changed, whole files, and nothing that is not ours.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;
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
    for name in ["inventory.yaml", "inventory.lock"] {
        fs::copy(Path::new(&seed()).with_file_name(name), there.path().join(name)).unwrap();
    }
    assert_eq!(code(&lbgen_in(there.path(), &["render"])), 0);
    assert_eq!(files(&there.path().join("out")), files(here.path()));
}

#[test]
fn the_bytes_do_not_depend_on_the_order_of_the_inventory() {
    let (out, folder) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    // The entries of each map in reverse, and the top level too. Without a lock everything is chosen anew.
    let text = fs::read_to_string(support::inventory("three-racks")).unwrap();
    let straight = folder.path().join("inventory.yaml");
    fs::write(&straight, &text).unwrap();
    let bundle = support::render(&straight, &out.path().join("a"));
    fs::remove_file(folder.path().join("inventory.lock")).unwrap();
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
    assert_eq!(code(&run(&["render", "--check"])), 1, "what is below a node would go there");
    fs::remove_file(bundle.join("nodes/lb-1/etc/motd")).unwrap();
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
        "out/seed/nodes is a file; lbgen needs a directory there",
    );
    refused(
        &|bundle| fs::create_dir(bundle.join("kubernetes/kustomization.yaml")).unwrap(),
        "is a directory; lbgen needs a file there",
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
        "was not written by lbgen",
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
