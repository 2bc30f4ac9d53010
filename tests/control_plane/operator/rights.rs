//! The rights of the operator and its agents: each is used, and what they must not do the API server refuses.

use std::fs;

use super::crew::{Crew, SYSTEM};
use crate::support;

const OPERATOR: &str = "system:serviceaccount:lbgen-system:lbgen-operator";
const AGENT: &str = "system:serviceaccount:lbgen-system:lbgen-agent";

/// Rights that nothing here uses: prometheus-operator's kind has no definition here, and a switch between tiers is in `answer.rs`.
const ELSEWHERE: &[(&str, &str)] = &[
    ("create", "prometheusrules"),
    ("patch", "prometheusrules"),
    ("delete", "prometheusrules"),
    ("get", "gateways"),
    ("get", "listenersets"),
    ("get", "httproutes"),
];

/// A Rollout that makes every object of a bundle, and deletes another one of each kind.
fn make_and_delete(crew: &Crew, work: &std::path::Path, example: &str, edit: fn(&str) -> String) {
    prepare(crew, work, example, edit);
    crew.approve();
    crew.wait("Done", std::time::Duration::from_secs(60));
    crew.cluster.wait("what is deployed", |cluster| {
        let front_ends = cluster.get("frontends");
        front_ends.iter().all(|found| found["status"]["deployed"].is_string())
    });
    let name = crew.rollout()["metadata"]["name"].as_str().unwrap().to_owned();
    crew.cluster.kubectl(&["delete", "rollout", &name, "--namespace", SYSTEM], "").unwrap();
}

/// The objects of such a Rollout, which nobody has approved.
fn prepare(crew: &Crew, work: &std::path::Path, example: &str, edit: fn(&str) -> String) {
    let text = fs::read_to_string(support::inventory(example)).unwrap();
    fs::write(work.join("inventory.yaml"), edit(&text)).unwrap();
    let bundle = crew.lbgen(&["render", "--format", "kubernetes"]);
    crew.make_namespaces();
    crew.cluster.apply(&bundle);
    let (old, out) = (work.join("old"), work.join("out"));
    let _ = fs::remove_dir_all(&old);
    let copied = std::process::Command::new("cp").arg("-r").args([&out, &old]).status().unwrap();
    assert!(copied.success());
    for path in support::files(&old).into_keys().filter(|path| path.contains("/kubernetes/")) {
        let text = fs::read_to_string(old.join(&path)).unwrap();
        fs::remove_file(old.join(&path)).unwrap();
        let lines = text.lines().map(|line| match line.strip_prefix("  name: ") {
            Some(name) => format!("  name: {}-old", name.trim_matches('"')),
            None => line.to_owned(),
        });
        let lines: Vec<String> = lines.collect();
        fs::write(old.join(path.replace(".yaml", "-old.yaml")), lines.join("\n") + "\n").unwrap();
    }
    let rollout = crew.lbgen(&["rollout", "--from", "old", "--format", "kubernetes"]);
    crew.cluster.apply(&rollout);
    fs::remove_dir_all(&out).unwrap();
    let _ = fs::remove_file(work.join("inventory.lock"));
}

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn every_right_is_used_and_nothing_else_is_allowed() {
    let work = tempfile::tempdir().unwrap();
    let mut crew = Crew::new(work.path());
    crew.cluster.crds("envoy-gateway");
    crew.start_operator();
    crew.start_fake_agent("lb-1");
    make_and_delete(&crew, work.path(), "dual-stack", |text| {
        text.replacen("\nkubernetes:\n", "\nkubernetes:\n  vips: status\n", 1)
    });
    // Nodes are of one FrontEnd.
    crew.cluster.kubectl(&["delete", "frontends", "--all", "--namespace", SYSTEM], "").unwrap();
    make_and_delete(&crew, work.path(), "gateway", str::to_owned);
    by_itself(&crew, work.path());
    crew.cluster.wait("an agent that is heard", |cluster| {
        let nodes = cluster.get("frontendnodes");
        nodes.iter().any(|node| node["status"]["keepalived"]["running"] == true)
    });
    // A VIP that moves is an Event.
    let vip = crew.cluster.get("frontendnodes")[0]["spec"]["vips"][0].as_str().unwrap().to_owned();
    crew.fake_holds("lb-1", &[&vip]);
    crew.cluster.wait("an Event", |cluster| {
        cluster.get("events.events.k8s.io").iter().any(|event| event["reason"] == "VipMoved")
    });
    // A Lease is renewed after ten seconds.
    std::thread::sleep(std::time::Duration::from_secs(12));
    let used = crew.cluster.used_rights();
    let rules = support::root().join("packaging/operator/rbac.yaml");
    let text = std::fs::read_to_string(rules).unwrap();
    let mut unused = Vec::new();
    for document in text.split("---\n") {
        let role = support::data(document);
        let name = role["metadata"]["name"].as_str().unwrap();
        let user = if name == "lbgen-agent" { AGENT } else { OPERATOR };
        for rule in role["rules"].as_array().into_iter().flatten() {
            for resource in rule["resources"].as_array().unwrap() {
                for verb in rule["verbs"].as_array().unwrap() {
                    let (verb, resource) = (verb.as_str().unwrap(), resource.as_str().unwrap());
                    let right = (user.to_owned(), verb.to_owned(), resource.to_owned());
                    // An apply that makes an object is a `patch` in the API server's log, and needs both.
                    let is_made = verb == "create"
                        && used.contains(&(
                            user.to_owned(),
                            "patch".to_owned(),
                            resource.to_owned(),
                        ));
                    if !is_made && !used.contains(&right) && !ELSEWHERE.contains(&(verb, resource))
                    {
                        unused.push(right);
                    }
                }
            }
        }
    }
    assert_eq!(unused, Vec::new());

    let may = |user: &str, words: &[&str]| {
        let words = [&["auth", "can-i", "--as", user, "--namespace", SYSTEM], words].concat();
        crew.cluster.kubectl(&words, "").is_ok()
    };
    for words in [
        &["get", "secrets"][..],
        &["list", "secrets", "--all-namespaces"],
        &["create", "pods/exec"],
        &["create", "pods"],
        &["delete", "nodes"],
        &["patch", "rollouts.lbgen.dev"],
        &["update", "configmaps"],
        &["patch", "deployments.apps"],
        &["create", "clusterrolebindings.rbac.authorization.k8s.io"],
    ] {
        assert!(!may(OPERATOR, words), "the operator may {words:?}");
        assert!(!may(AGENT, words), "an agent may {words:?}");
    }
    for words in
        [&["get", "configmaps"][..], &["patch", "frontendnodes.lbgen.dev"], &["patch", "services"]]
    {
        assert!(!may(AGENT, words), "an agent may {words:?}");
    }
    without_create(&crew, work.path());
    // Its own node, by the token of its pod.
    let patch = |node: &str| {
        let text = serde_json::json!({
            "apiVersion": "lbgen.dev/v1alpha1",
            "kind": "FrontEndNode",
            "metadata": { "name": node, "namespace": SYSTEM },
            "status": { "message": "x" },
        });
        let words =
            ["apply", "--server-side", "--force-conflicts", "--field-manager", "lbgen-agent"];
        let words = [&words[..], &["--subresource", "status", "-f", "-"]].concat();
        crew.as_agent("lb-1", &words, &text.to_string())
    };
    patch("lb-1").unwrap();
    let refused = patch("lb-2").unwrap_err();
    assert!(refused.contains("lb-2 is not of lb-1, whose agent this is"), "{refused}");
    let lease = "apiVersion: coordination.k8s.io/v1\nkind: Lease\nmetadata: { name: lbgen-operator-2, namespace: lbgen-system }\n";
    let refused = crew.as_agent("lb-1", &["create", "-f", "-"], lease).unwrap_err();
    assert!(refused.contains("whose agent this is"), "{refused}");
}

/// A FrontEnd with `rollout: Automatic`: another bundle is all that it takes.
fn by_itself(crew: &Crew, work: &std::path::Path) {
    let patch = serde_json::json!({ "spec": { "rollout": "Automatic", "soak": "1s" } });
    for found in crew.cluster.get("frontends") {
        let name = found["metadata"]["name"].as_str().unwrap();
        crew.merge("frontend", name, &patch, &[]).unwrap();
    }
    let text = fs::read_to_string(support::inventory("gateway")).unwrap();
    let other = text.replacen("paths: [/", "paths: [/other/, /", 1);
    assert_ne!(text, other);
    fs::write(work.join("inventory.yaml"), other).unwrap();
    let bundle = crew.lbgen(&["render", "--format", "kubernetes"]);
    crew.cluster.apply(&bundle);
    crew.cluster.wait("a Rollout", |cluster| !cluster.get("rollouts").is_empty());
    crew.wait("Done", std::time::Duration::from_secs(60));
    let name = crew.rollout()["metadata"]["name"].as_str().unwrap().to_owned();
    crew.cluster.kubectl(&["delete", "rollout", &name, "--namespace", SYSTEM], "").unwrap();
    fs::remove_dir_all(work.join("out")).unwrap();
    fs::remove_file(work.join("inventory.lock")).unwrap();
}

/// An apply that makes an object needs the right to create it.
fn without_create(crew: &Crew, work: &std::path::Path) {
    let role = crew
        .cluster
        .kubectl(&["get", "clusterrole", "lbgen-operator", "--output", "json"], "")
        .unwrap();
    crew.cluster
        .kubectl(
            &["apply", "--server-side", "--force-conflicts", "-f", "-"],
            &without_managed(&role.replace("\"create\",", "")),
        )
        .unwrap();
    crew.cluster.kubectl(&["delete", "ingress", "--all", "--all-namespaces"], "").unwrap();
    prepare(crew, work, "dual-stack", str::to_owned);
    crew.approve();
    crew.wait("Failed", std::time::Duration::from_secs(180));
    let message = crew.rollout()["status"]["message"].to_string();
    assert!(message.contains("cannot create resource"), "{message}");
}

/// An object as one applies it.
fn without_managed(text: &str) -> String {
    let mut object: serde_json::Value = serde_json::from_str(text).unwrap();
    for key in ["managedFields", "resourceVersion", "uid", "creationTimestamp"] {
        object["metadata"].as_object_mut().unwrap().remove(key);
    }
    object.to_string()
}
