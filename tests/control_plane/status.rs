//! `status --kubectl` against a real API server.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::cluster::Cluster;
use crate::support;

/// The objects and Secrets of which `status` finds something, with the code.
fn found(cluster: &Cluster, folder: &Path) -> BTreeSet<(String, String)> {
    let done = Command::new(env!("CARGO_BIN_EXE_lbgen"))
        .args(["status", "--kubectl", "--format", "json"])
        .current_dir(folder)
        // No node is asked here.
        .env("LBGEN_ON", "false")
        .env("LBGEN_KUBECTL", cluster.program("kubectl"))
        .env("KUBECONFIG", cluster.kubeconfig())
        .output()
        .unwrap();
    let json: Value = serde_json::from_str(&support::stdout(&done))
        .unwrap_or_else(|error| panic!("{error}: {}", support::stderr(&done)));
    let word = |one: &Value, key: &str| one[key].as_str().unwrap().to_owned();
    let findings = json["findings"].as_array().unwrap().iter();
    findings
        .map(|one| (word(one, "code"), word(one, "subject")))
        .filter(|(code, _)| code == "LB516" || code == "LB517")
        .collect()
}

/// The objects of a bundle.
fn objects(bundle: &Path) -> Vec<Value> {
    let files = support::files(&bundle.join("kubernetes")).into_iter();
    let manifests = files.filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    let texts = manifests.map(|(_, body)| String::from_utf8(body).unwrap());
    let documents = texts.flat_map(|text| {
        text.split("---\n")
            .filter(|one| one.contains("kind:"))
            .map(support::data)
            .collect::<Vec<_>>()
    });
    documents.collect()
}

/// Objects that are edited, deleted and left behind, and a Secret that is not there, each by its code.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn status_names_what_differs_in_the_cluster() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    let rendered = support::lbgen_in(folder.path(), &["render", "-q"]);
    assert_eq!(support::code(&rendered), 0, "{}", support::stderr(&rendered));
    let bundle = fs::read_dir(folder.path().join("out")).unwrap();
    let bundle = bundle.map(|one| one.unwrap().path()).find(|path| path.is_dir()).unwrap();
    let manifests = bundle.join("kubernetes").display().to_string();
    let cluster = Cluster::start();
    let objects = objects(&bundle);
    let namespaces: BTreeSet<&str> =
        objects.iter().filter_map(|one| one["metadata"]["namespace"].as_str()).collect();
    cluster.namespaces(namespaces);
    cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();

    let secrets: BTreeSet<(String, String)> = objects
        .iter()
        .flat_map(|one| {
            let namespace = one["metadata"]["namespace"].as_str().unwrap_or_default();
            let tls = one["spec"]["tls"].as_array().into_iter().flatten();
            tls.filter_map(move |tls| {
                Some((namespace.to_owned(), tls["secretName"].as_str()?.to_owned()))
            })
        })
        .collect();
    assert!(!secrets.is_empty());
    let missing: BTreeSet<(String, String)> = secrets
        .iter()
        .map(|(namespace, name)| ("LB517".to_owned(), format!("{namespace}/{name}")))
        .collect();
    assert_eq!(found(&cluster, folder.path()), missing);
    for (namespace, name) in &secrets {
        cluster.apply(&format!(
            "apiVersion: v1\nkind: Secret\nmetadata: {{ name: {name}, namespace: {namespace} }}\n"
        ));
    }
    assert_eq!(found(&cluster, folder.path()), BTreeSet::new());

    let ingress = objects.iter().find(|one| one["kind"] == "Ingress").unwrap();
    let word = |key: &str| ingress["metadata"][key].as_str().unwrap();
    let (name, namespace) = (word("name"), word("namespace"));
    let patch = "{\"spec\": {\"ingressClassName\": \"somebody-elses\"}}";
    let edit = ["patch", "ingress", name, "-n", namespace, "--type", "merge", "-p", patch];
    cluster.kubectl(&edit, "").unwrap();
    let edited = found(&cluster, folder.path());
    assert!(edited.len() == 1 && edited.iter().all(|(code, _)| code == "LB516"), "{edited:?}");
    cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
    cluster.kubectl(&["delete", "ingress", name, "-n", namespace], "").unwrap();
    assert_eq!(found(&cluster, folder.path()), edited, "the same file");
    cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
    assert_eq!(found(&cluster, folder.path()), BTreeSet::new());
}
