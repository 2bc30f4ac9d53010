//! `kubernetes.vips: status`: the script against a kubectl that keeps what it is told, and the way there.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use support::{code, inventory, lbgen, render, stderr, stdout};

/// Answers `get` as kubectl does by its jsonpath, and keeps what `patch` puts there.
const KUBECTL: &str = r#"#!/bin/sh
state=$(dirname "$0")/state
echo "$*" >>"$(dirname "$0")/calls"
case $1 in
# The script asks for addresses alone: the API server fills in the mode that a patch does not say.
get) [ ! -e "$state" ] || sed 's#/[^ ]*##g' "$state" ;;
patch)
    for last in "$@"; do :; done
    echo "$last" | grep -o '"ip":"[^"]*"\(,"ipMode":"[^"]*"\)\?' |
        sed 's/"ip":"\([^"]*\)"/\1\//; s/,"ipMode":"\([^"]*\)"/\1/' | tr '\n' ' ' >"$state"
    echo patched ;;
esac
"#;

fn script(bundle: &Path, folder: &Path, arguments: &[&str]) -> Output {
    Command::new("sh")
        .arg(bundle.join("kubernetes/load-balancer-status"))
        .args(arguments)
        .env("LBGEN_KUBECTL", folder.join("kubectl"))
        .output()
        .unwrap()
}

#[test]
fn the_script_changes_only_what_differs() {
    for (version, mode) in [("1.33", "VIP"), ("1.29", "")] {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        let text = fs::read_to_string(inventory("dual-stack")).unwrap();
        let edited = text
            .replace("version: \"1.33\"", &format!("version: \"{version}\"\n  vips: status"))
            .replace("endpoints: both", "endpoints: auto");
        assert!(edited.contains("vips: status"), "{edited}");
        fs::write(&path, edited).unwrap();
        let bundle = render(&path, &folder.path().join("out"));
        let kubectl = folder.path().join("kubectl");
        fs::write(&kubectl, KUBECTL).unwrap();
        fs::set_permissions(&kubectl, PermissionsExt::from_mode(0o755)).unwrap();

        let service =
            fs::read_to_string(bundle.join("kubernetes/entrypoints/web/service.yaml")).unwrap();
        assert!(service.contains("loadBalancerClass: lbgen.dev/keepalived"), "{service}");
        assert!(!service.contains("externalIPs"), "{service}");
        let kustomization =
            fs::read_to_string(bundle.join("kubernetes/kustomization.yaml")).unwrap();
        assert!(!kustomization.contains("load-balancer-status"), "{kustomization}");

        let dry = script(&bundle, folder.path(), &["--dry-run"]);
        assert!(stdout(&dry).contains("ingress/public-nginx: would change from ''"), "{dry:?}");
        assert!(!folder.path().join("state").exists());
        let first = script(&bundle, folder.path(), &[]);
        assert_eq!((code(&first), stdout(&first).as_str()), (0, "patched\n"), "{first:?}");
        let state = fs::read_to_string(folder.path().join("state")).unwrap();
        assert!(state.starts_with(&format!("192.0.2.10/{mode} ")), "{state}");
        assert!(state.contains(&format!("2001:db8:8::10/{mode} ")), "{state}");
        let second = script(&bundle, folder.path(), &[]);
        assert_eq!(stdout(&second), "ingress/public-nginx: unchanged\n");
        fs::write(folder.path().join("state"), "192.0.2.10/VIP ").unwrap();
        assert_eq!(stdout(&script(&bundle, folder.path(), &[])), "patched\n");
        assert_eq!(code(&script(&bundle, folder.path(), &["--wrong"])), 2);
        if Command::new("shellcheck").arg("--version").output().is_ok() {
            let checked = Command::new("shellcheck")
                .arg(bundle.join("kubernetes/load-balancer-status"))
                .output()
                .unwrap();
            assert!(checked.status.success(), "{}", stdout(&checked));
        }
    }
}

#[test]
fn the_way_from_external_ips_deletes_and_makes_the_service() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.yaml");
    let text = fs::read_to_string(inventory("minimal")).unwrap();
    fs::write(&path, &text).unwrap();
    let out = folder.path().join("out");
    render(&path, &out);
    fs::rename(&out, folder.path().join("old")).unwrap();
    fs::write(&path, format!("kubernetes: {{ vips: status }}\n{text}")).unwrap();
    render(&path, &out);
    let (path, out) = (path.to_str().unwrap(), out.to_str().unwrap());
    let old = folder.path().join("old");
    let run = |command: &str| {
        lbgen(&[command, path, "-o", out, "--from", old.to_str().unwrap(), "--format", "json"])
    };
    let diff = run("diff");
    assert_eq!(code(&diff), 1, "{}", stderr(&diff));
    let found: Value = serde_json::from_str(&stdout(&diff)).unwrap();
    let first = &found["impact"][0];
    assert_eq!(
        (&first["class"], &first["subject"]),
        (&"recreate".into(), &"entrypoints.web".into())
    );
    let rollout: Value = serde_json::from_str(&stdout(&run("rollout"))).unwrap();
    let steps: Vec<&str> = rollout["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["do"].as_str().unwrap())
        .collect();
    // Nobody is asked anything while nothing answers: one step deletes, applies and sets the status.
    assert_eq!(
        steps.iter().filter(|step| ["delete", "apply"].contains(step)).count(),
        1,
        "{steps:?}"
    );
    let apply = &rollout["steps"].as_array().unwrap()
        [steps.iter().position(|step| *step == "apply").unwrap()];
    let command = apply["command"].as_str().unwrap();
    assert!(command.find("delete service").unwrap() < command.find("apply").unwrap(), "{command}");
    assert_eq!(rollout["exceptions"][0]["vip"], "192.0.2.10", "{rollout}");

    // Another VIP changes no manifest of a Service, and yet the cluster has to learn it.
    fs::rename(out, old.with_extension("status")).unwrap();
    let more = text.replace("vips:\n", "vips:\n  - address: 192.0.2.77\n");
    fs::write(path, format!("kubernetes: {{ vips: status }}\n{more}")).unwrap();
    render(Path::new(path), Path::new(out));
    let old = old.with_extension("status");
    let done =
        lbgen(&["rollout", path, "-o", out, "--from", old.to_str().unwrap(), "--format", "json"]);
    let rollout: Value = serde_json::from_str(&stdout(&done)).unwrap();
    let applies = rollout["steps"].as_array().unwrap().iter().any(|step| step["do"] == "apply");
    assert!(applies, "{rollout}");
}
