//! The admission of keepalived's pods by a real API server: Pod Security Standards (KEP-2579).

use std::fs;

use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::support;

/// The pods of an example, in the namespace that they are for.
fn pods() -> Vec<Value> {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("pods"), out.path());
    let folder = bundle.join("kubernetes/keepalived/nodes");
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files
        .map(|file| {
            let text = fs::read_to_string(file).unwrap();
            let set = text.split("---\n").find(|one| one.contains("kind: DaemonSet")).unwrap();
            let spec = support::data(set)["spec"]["template"]["spec"].clone();
            json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "keepalived" }, "spec": spec })
        })
        .collect()
}

/// The level that lbgen states admits them; the next stricter one refuses them for what keepalived needs, and for nothing else.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn pods_need_no_more_than_they_say() {
    let cluster = Cluster::start();
    let levels = [("lbgen-system", "privileged"), ("strict", "baseline")];
    for (namespace, level) in levels {
        cluster.apply(&format!(
            "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {namespace}, labels: {{ pod-security.kubernetes.io/enforce: {level} }} }}\n"
        ));
        // No controller makes it here.
        cluster.apply(&format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{ name: default, namespace: {namespace} }}\n"
        ));
    }
    let pods = pods();
    assert_eq!(pods.len(), 3);
    for pod in pods {
        let create = |namespace: &str| {
            let words = ["create", "--dry-run=server", "--namespace", namespace, "-f", "-"];
            cluster.kubectl(&words, &pod.to_string())
        };
        create("lbgen-system").unwrap();
        let refused = create("strict").unwrap_err();
        let (_, violations) = refused.split_once("baseline:latest\": ").unwrap();
        // Each is what it is called, and in brackets who has it.
        let mut depth = 0;
        let names: String = violations
            .chars()
            .filter(|letter| {
                match letter {
                    '(' => depth += 1,
                    ')' => depth -= 1,
                    _ => {}
                }
                depth == 0 && *letter != ')'
            })
            .collect();
        let mut names: Vec<&str> = names.trim().split(", ").map(str::trim).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            ["host namespaces", "hostPath volumes", "non-default capabilities"],
            "{refused}"
        );
    }
}
