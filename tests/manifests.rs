//! The schemas of Kubernetes and kustomize take every manifest that is written.
//!
//! This needs kubernetes-validate from PyPI; `tests/run` installs it and runs everything.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use support::{files, stderr, stdout};

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn the_schema_of_every_version_takes_every_manifest() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    for example in support::examples() {
        let text = fs::read_to_string(support::inventory(&example)).unwrap();
        let stated = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("version: \"1."))
            .map(|v| v.trim_end_matches('"'));
        let versions: Vec<u32> = match stated {
            // The inventory's own; the oldest schema there is stands for older ones.
            Some(version) => vec![version.parse::<u32>().unwrap().max(25)],
            // Without a version the forms are taken by all later ones too.
            None => (32..=37).collect(),
        };
        validate_with(&validate, &support::inventory(&example), &versions);
    }
}

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn each_version_can_be_written_for() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    for version in 25..=37u32 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        for (form, run) in [("auto", "host"), ("both", "static_pod"), ("auto", "daemonset")] {
            let image = format!("registry.example.com/keepalived@sha256:{}", "0".repeat(64));
            let pods = format!("keepalived: {{ run: {run}, image: \"{image}\" }}\nkubernetes:\n");
            let edited = text
                .replace("kubernetes:\n", if run == "host" { "kubernetes:\n" } else { &pods })
                .replace("version: \"1.33\"", &format!("version: \"1.{version}\""))
                .replace("endpoints: both", &format!("endpoints: {form}"));
            assert!(edited.contains(&format!("\"1.{version}\"")));
            assert_eq!(edited.contains("keepalived: { run"), run != "host");
            fs::write(&path, edited).unwrap();
            validate_with(&validate, &path, &[version]);
        }
    }
}

/// Validates the manifests of an inventory's bundle against the schemas of some versions.
fn validate_with(validate: &str, inventory: &Path, versions: &[u32]) {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(inventory, out.path());
    let manifests: Vec<_> = files(&bundle)
        .into_keys()
        .filter(|path| {
            let is_listed =
                path.starts_with("kubernetes/") && !path.ends_with("kustomization.yaml");
            is_listed || path.contains("/etc/kubernetes/manifests/")
        })
        .collect();
    if !bundle.join("kubernetes").exists() {
        return;
    }
    assert!(manifests.len() >= 3);
    for version in versions {
        let done = Command::new(validate)
            .args(["--strict", "-k", &format!("1.{version}")])
            .args(&manifests)
            .current_dir(&bundle)
            .output()
            .unwrap();
        let said = stdout(&done) + &stderr(&done);
        assert!(done.status.success(), "1.{version}: {said}");
        // A kind that the version does not know passes with a warning.
        assert!(!said.to_lowercase().contains("warning"), "1.{version}: {said}");
    }
}

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn the_schema_refuses_what_we_never_write() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("seed"), out.path());
    let path = bundle.join("kubernetes/entrypoints/rest/service.yaml");
    let good = fs::read_to_string(&path).unwrap();
    for (ours, wrong) in [("port: 80\n", "port: \"80\"\n"), ("externalIPs:", "externalIps:")] {
        fs::write(&path, good.replacen(ours, wrong, 1)).unwrap();
        let done =
            Command::new(&validate).args(["--strict", "-k", "1.32"]).arg(&path).output().unwrap();
        assert!(!done.status.success(), "{wrong}");
    }
}

#[test]
#[ignore = "needs kubectl or kustomize; run tests/run"]
fn kustomize_builds_every_manifest() {
    for example in support::examples() {
        let out = tempfile::tempdir().unwrap();
        let bundle = support::render(&support::inventory(&example), out.path());
        // Services on the nodes themselves have no manifests.
        let Ok(listed) = fs::read_to_string(bundle.join("kubernetes/kustomization.yaml")) else {
            assert!(!bundle.join("kubernetes").exists(), "{example}");
            continue;
        };
        let listed: BTreeSet<&str> =
            listed.lines().filter_map(|line| line.strip_prefix("- ")).collect();
        let there = files(&bundle.join("kubernetes"));
        let there: BTreeSet<&str> =
            there.keys().map(String::as_str).filter(|path| *path != "kustomization.yaml").collect();
        assert_eq!(
            listed, there,
            "{example}: the kustomization lists every manifest and nothing else"
        );
        let Ok(done) =
            Command::new("kubectl").arg("kustomize").arg(bundle.join("kubernetes")).output()
        else {
            eprintln!("no kubectl: the kustomization was compared with the files only");
            continue;
        };
        assert!(done.status.success(), "{}", stderr(&done));
        let documents = stdout(&done).matches("\nkind: ").count();
        let written: usize = there
            .iter()
            .map(|path| {
                fs::read_to_string(bundle.join("kubernetes").join(path))
                    .unwrap()
                    .matches("\nkind: ")
                    .count()
            })
            .sum();
        assert_eq!(documents, written, "{example}");
    }
}
