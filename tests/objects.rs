//! The objects of a cluster, against those of a render: `diff --objects` and `rollout --objects`.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use support::{api_server, code, examples, inventory, lbgen, render, stderr, stdout};

/// The objects of a bundle.
fn manifests(bundle: &Path) -> Vec<Value> {
    let files = support::files(&bundle.join("kubernetes"));
    let texts = files.iter().filter(|(path, _)| !path.ends_with("kustomization.yaml"));
    texts
        .flat_map(|(_, body)| {
            let text = std::str::from_utf8(body).unwrap();
            text.split("---\n").map(support::data).collect::<Vec<_>>()
        })
        .collect()
}

/// Returns the objects that controllers make of one, with the labels that they copy.
fn by_controllers(object: &Value) -> Vec<Value> {
    let labels = object["metadata"]["labels"].clone();
    let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
    let meta = |name: String, extra: &[(&str, &str)]| {
        let mut labels = labels.clone();
        for (key, value) in extra {
            labels[*key] = json!(value);
        }
        json!({ "name": name, "namespace": namespace, "labels": labels })
    };
    let name = name.as_str().unwrap();
    let slice = |by: &str| {
        let extra =
            [("endpointslice.kubernetes.io/managed-by", by), ("kubernetes.io/service-name", name)];
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta(format!("{name}-x7k2p"), &extra),
            "addressType": "IPv4", "endpoints": [], "ports": [],
        })
    };
    match object["kind"].as_str().unwrap() {
        "Service" if object["spec"].get("selector").is_some() => vec![
            slice("endpointslice-controller.k8s.io"),
            json!({ "apiVersion": "v1", "kind": "Endpoints", "metadata": meta(name.to_owned(), &[]), "subsets": [] }),
        ],
        "Endpoints" => vec![slice("endpointslicemirroring-controller.k8s.io")],
        _ => Vec::new(),
    }
}

/// Returns the objects of a cluster after an apply of a bundle.
fn cluster(bundle: &Path) -> Vec<Value> {
    let objects = manifests(bundle);
    let made: Vec<Value> = objects.iter().flat_map(by_controllers).collect();
    let mut all: Vec<Value> = objects.iter().map(api_server::applied).collect();
    all.extend(made);
    all
}

fn list(objects: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "metadata": { "resourceVersion": "" }, "items": objects }).to_string()
}

#[test]
fn a_second_apply_changes_nothing() {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        for object in manifests(&render(&inventory(&example), folder.path())) {
            let changes = api_server::changes(&object, &api_server::stored(&object));
            assert_eq!(changes, [""; 0], "{example} {}", object["metadata"]["name"]);
        }
    }
    // What real API servers reported as changed at every apply.
    for (object, changed) in [
        (
            json!({ "kind": "Service", "spec": { "type": "ClusterIP", "selector": {} } }),
            ".spec.selector",
        ),
        (json!({ "kind": "Endpoints", "subsets": [{ "ports": [{ "port": 80 }] }] }), ".subsets"),
        (json!({ "kind": "EndpointSlice", "ports": [{ "name": "http", "port": 80 }] }), ".ports"),
    ] {
        let changes = api_server::changes(&object, &api_server::stored(&object));
        assert!(changes.iter().any(|field| field == changed), "{object}: {changes:?}");
    }
}

#[test]
fn an_applied_bundle_is_no_difference() {
    for example in examples() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("out");
        let bundle = render(&inventory(&example), &output);
        let objects = cluster(&bundle);
        // Services on the nodes themselves have none.
        if objects.is_empty() {
            continue;
        }
        let yaml: Vec<String> =
            objects.iter().map(|object| serde_saphyr::to_string(object).unwrap()).collect();
        for (name, text) in [("live.json", list(&objects)), ("live.yaml", yaml.join("---\n"))] {
            let live = folder.path().join(name);
            fs::write(&live, text).unwrap();
            let done = lbgen(&[
                "diff",
                inventory(&example).to_str().unwrap(),
                "-o",
                output.to_str().unwrap(),
                "--objects",
                live.to_str().unwrap(),
            ]);
            assert_eq!(code(&done), 0, "{example} {name}\n{}{}", stdout(&done), stderr(&done));
        }
    }
}

#[test]
fn what_differs_in_the_cluster_is_said_and_what_is_no_longer_produced_is_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    fs::write(
        &inventory,
        fs::read_to_string(support::inventory("dual-stack"))
            .unwrap()
            .replace("datacenter: dual-stack", "datacenter: eu1"),
    )
    .unwrap();
    let output = folder.path().join("out");
    let bundle = render(&inventory, &output);
    let mut objects = cluster(&bundle);
    let is = |object: &Value, kind: &str, name: &str| {
        object["kind"] == kind && object["metadata"]["name"] == name
    };
    let shop = objects.iter().find(|object| is(object, "Ingress", "shop")).unwrap().clone();
    // A component that went before anybody deleted its Ingress, one of another datacenter, and one by hand.
    let mut old = shop.clone();
    old["metadata"]["name"] = json!("users");
    old["spec"]["rules"][0]["http"]["paths"][0]["path"] = json!("/users");
    let mut other = old.clone();
    other["metadata"]["name"] = json!("elsewhere");
    other["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!("eu2");
    let mut by_hand = old.clone();
    by_hand["metadata"]["name"] = json!("by-hand");
    by_hand["metadata"]["labels"] = json!({});
    // A kind that lbgen never makes, and annotations of somebody else's.
    let mut secret = other.clone();
    secret["kind"] = json!("Secret");
    secret["metadata"]["labels"]["app.kubernetes.io/part-of"] = json!("eu1");
    objects.extend([old, other, by_hand, secret]);
    for object in &mut objects {
        if is(object, "Ingress", "shop") {
            object["metadata"]["annotations"]["field.cattle.io/publicEndpoints"] = json!("[]");
        }
    }
    // Somebody edited a Service, and deleted the Ingress of the domain.
    for object in &mut objects {
        if is(object, "Service", "public-nginx") {
            object["spec"]["externalIPs"] = json!(["192.0.2.10"]);
        }
    }
    objects.retain(|object| !is(object, "Ingress", "www.example.com"));
    let live = folder.path().join("live.json");
    fs::write(&live, list(&objects)).unwrap();

    let run = |command: &str, extra: &[&str]| {
        let mut arguments = vec![
            command,
            inventory.to_str().unwrap(),
            "-o",
            output.to_str().unwrap(),
            "--objects",
            live.to_str().unwrap(),
            "--format",
            "json",
        ];
        arguments.extend(extra);
        lbgen(&arguments)
    };
    let diff = run("diff", &[]);
    assert_eq!(code(&diff), 1, "{}", stderr(&diff));
    let found: Value = serde_json::from_str(&stdout(&diff)).unwrap();
    let said: Vec<(String, String)> = found["impact"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| {
            (finding["class"].as_str().unwrap().into(), finding["subject"].as_str().unwrap().into())
        })
        .collect();
    let said: Vec<(&str, &str)> =
        said.iter().map(|(class, subject)| (class.as_str(), subject.as_str())).collect();
    assert_eq!(
        said,
        [
            ("to-fallback", "components.users"),
            ("tuned", "entrypoints.web"),
            ("new", "domains.www.example.com"),
        ]
    );

    let rollout = run("rollout", &["--from", output.to_str().unwrap()]);
    assert_eq!(code(&rollout), 0, "{}", stderr(&rollout));
    let found: Value = serde_json::from_str(&stdout(&rollout)).unwrap();
    let steps: Vec<(&str, &Value)> = found["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|step| step.get("objects").is_some())
        .map(|step| (step["do"].as_str().unwrap(), &step["objects"]))
        .collect();
    assert_eq!(
        steps,
        [
            ("apply", &json!(["Ingress ingress/www.example.com", "Service ingress/public-nginx"])),
            ("delete", &json!(["Ingress ingress/users"])),
        ]
    );
}

#[test]
fn what_is_not_a_list_of_objects_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("live.json");
    for (text, said) in [
        ("{ broken", "not the JSON of Kubernetes objects"),
        ("", "there is nothing in it"),
        ("{}", "not a list of Kubernetes objects"),
        ("null\n", "not a list of Kubernetes objects"),
        ("{\"items\": [1]}", "not a list of Kubernetes objects"),
        (
            "{\"kind\": \"Status\", \"metadata\": {\"name\": \"x\"}}",
            "not a list of Kubernetes objects",
        ),
        ("- a\n- b\n", "not a list of Kubernetes objects"),
        ("key: [", "not the YAML of Kubernetes objects"),
    ] {
        fs::write(&live, text).unwrap();
        let example = inventory("minimal");
        let done = lbgen(&["diff", example.to_str().unwrap(), "--objects", live.to_str().unwrap()]);
        assert_eq!(code(&done), 2, "{text}");
        assert!(stderr(&done).contains(said), "{text}: {}", stderr(&done));
    }
    let done = lbgen(&["diff", "-", "--objects", "-"]);
    assert_eq!(code(&done), 2);
    assert!(stderr(&done).contains("standard input can be one of them"), "{}", stderr(&done));
}
