//! Two branches that both change the inventory and render, merged by git with the attributes that `init` writes.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::{code, files, lbgen_in, stderr, stdout};

type Edit = fn(&Path);

/// The edits of one branch and of the other.
const WAYS: &[(&str, Edit, Edit)] = &[
    ("both add a component", |f| add(f, "shop", "basket"), |f| add(f, "search", "suggest")),
    (
        "both add a domain",
        |f| append(f, "teams/shop.yaml", "domains: { a.example.com: }\n"),
        |f| append(f, "teams/search.yaml", "domains: { b.example.com: }\n"),
    ),
    (
        "a component and a domain",
        |f| add(f, "shop", "basket"),
        |f| append(f, "teams/search.yaml", "domains: { b.example.com: }\n"),
    ),
    (
        "a file is edited here and deleted there",
        |f| {
            replace(
                f,
                "inventory.yaml",
                "version: \"1.32\"",
                "version: \"1.32\"\n  namespace: edge",
            )
        },
        |f| {
            replace(
                f,
                "teams/search.yaml",
                "  find: { backend: { port: http }, paths: [/find] }\n",
                "",
            )
        },
    ),
    (
        "a file is deleted here and edited there",
        |f| {
            replace(
                f,
                "teams/search.yaml",
                "  find: { backend: { port: http }, paths: [/find] }\n",
                "",
            )
        },
        |f| {
            replace(
                f,
                "inventory.yaml",
                "version: \"1.32\"",
                "version: \"1.32\"\n  ingress_class: annotation",
            )
        },
    ),
    (
        "a new node and a removed component",
        |f| {
            replace(
                f,
                "inventory.yaml",
                "nodes:\n",
                "nodes:\n  lb-3: { address: 10.0.0.13, interface: eth0 }\n",
            )
        },
        |f| {
            replace(
                f,
                "teams/shop.yaml",
                "  cart: { backend: { port: http }, paths: [/cart] }\n",
                "",
            )
        },
    ),
    (
        "a new VIP and a new component",
        |f| replace(f, "inventory.yaml", "vips:\n", "vips:\n  - address: 192.0.2.9\n"),
        |f| add(f, "search", "suggest"),
    ),
    (
        "another gateway and a new domain",
        |f| replace(f, "inventory.yaml", "192.0.2.1,", "192.0.2.2,"),
        |f| append(f, "teams/search.yaml", "domains: { b.example.com: }\n"),
    ),
    (
        "a component is renamed, another is added",
        |f| replace(f, "teams/shop.yaml", "  cart:", "  trolley:"),
        |f| add(f, "search", "suggest"),
    ),
    ("the same on both sides", |f| add(f, "shop", "basket"), |f| add(f, "shop", "basket")),
    (
        "timers here, kube-proxy's mode there",
        |f| replace(f, "inventory.yaml", "keepalived:\n", "keepalived:\n  advert_interval: 2s\n"),
        |f| {
            replace(
                f,
                "inventory.yaml",
                "version: \"1.32\"",
                "version: \"1.32\"\n  kube_proxy: ipvs",
            )
        },
    ),
];

const BASE: &str = "datacenter: eu1\ninclude: [teams/*.yaml]\nkubernetes:\n  version: \"1.32\"\n\n\n# The daemons.\n\n\nkeepalived:\n  vrrp_version: 2\n\n\n# The network.\n\n\ngateways:\n  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }\n\n\nnodes:\n  lb-1: { address: 10.0.0.11, interface: eth0 }\n  lb-2: { address: 10.0.0.12, interface: eth0 }\n\n\nentrypoints:\n  web: { edge: { class: a, health_check_node_port: 32100 }, routing: { class: b } }\n\n\nvips:\n  - address: 192.0.2.10\n";

fn replace(folder: &Path, file: &str, from: &str, to: &str) {
    let path = folder.join(file);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from:?}");
    fs::write(path, text.replacen(from, to, 1)).unwrap();
}

fn append(folder: &Path, file: &str, text: &str) {
    let path = folder.join(file);
    let old = fs::read_to_string(&path).unwrap();
    fs::write(path, old + text).unwrap();
}

/// A team adds a component to its file.
fn add(folder: &Path, team: &str, component: &str) {
    let line = format!(
        "components:\n  {component}: {{ backend: {{ port: http }}, paths: [/{component}] }}\n"
    );
    replace(folder, &format!("teams/{team}.yaml"), "components:\n", &line);
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args([
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@example.com",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn commit(folder: &Path, what: &str) {
    let done = lbgen_in(folder, &["render", "-q"]);
    assert_eq!(code(&done), 0, "{what}: {}", stderr(&done));
    assert!(git(folder, &["add", "-A"]).status.success());
    let done = git(folder, &["commit", "-qm", what]);
    assert!(done.status.success(), "{what}: {}", stdout(&done));
}

#[test]
fn a_merge_of_two_renders_is_mended_by_a_render() {
    for (name, ours, theirs) in WAYS {
        let folder = tempfile::tempdir().unwrap();
        let work = folder.path();
        // The attributes are those that `init` writes beside an inventory.
        assert_eq!(code(&lbgen_in(work, &["init", "-q"])), 0);
        fs::write(work.join("inventory.yaml"), BASE).unwrap();
        fs::create_dir(work.join("teams")).unwrap();
        fs::write(
            work.join("teams/shop.yaml"),
            "components:\n  cart: { backend: { port: http }, paths: [/cart] }\n  users: { backend: { port: http }, paths: [/users] }\n",
        )
        .unwrap();
        fs::write(
            work.join("teams/search.yaml"),
            "components:\n  home: { backend: { port: http }, paths: [/] }\n  find: { backend: { port: http }, paths: [/find] }\n",
        )
        .unwrap();
        git(work, &["init", "-q"]);
        commit(work, "base");
        git(work, &["switch", "-qc", "theirs"]);
        theirs(work);
        commit(work, name);
        git(work, &["switch", "-q", "main"]);
        ours(work);
        commit(work, name);
        git(work, &["merge", "-q", "theirs"]);

        for (path, body) in files(work) {
            let marked = body.split(|byte| *byte == b'\n').any(|line| line.starts_with(b"<<<<<<<"));
            assert!(!marked || path.starts_with(".git/"), "{name}: {path} has a conflict");
        }
        let checked = lbgen_in(work, &["render", "--check"]);
        let done = lbgen_in(work, &["render"]);
        assert_eq!(code(&done), 0, "{name}: {}", stderr(&done));
        assert_eq!(code(&lbgen_in(work, &["render", "--check"])), 0, "{name}");
        let fresh = lbgen_in(work, &["render", "-q", "-o", "fresh"]);
        assert_eq!(code(&fresh), 0, "{name}");
        assert_eq!(files(&work.join("out")), files(&work.join("fresh")), "{name}");
        // A bundle that is not what the inventory gives is not passed over.
        let changed = !stderr(&done).contains(" 0 written, 0 removed");
        assert_eq!(code(&checked), i32::from(changed), "{name}: {}", stderr(&done));
    }
}
