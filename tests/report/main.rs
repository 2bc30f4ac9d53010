//! The page: its data is what `simulate` and `trace` say, it asks nothing from outside, and hostile names are text.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod browser;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use support::{code, lbgen, lbgen_in, stderr, stdout};

fn report(inventory: &Path, page: &Path) -> String {
    let done = lbgen(&["report", "-q", inventory.to_str().unwrap(), "-o", page.to_str().unwrap()]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    fs::read_to_string(page).unwrap()
}

/// The data in a page.
fn data(page: &str) -> Value {
    let (_, rest) = page.split_once("<script type=\"application/json\" id=\"data\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

#[test]
fn the_page_is_the_same_from_everywhere() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = support::inventory("three-racks");
    let one = report(&inventory, &folder.path().join("one.html"));
    let beside = folder.path().join("copy");
    fs::create_dir(&beside).unwrap();
    for name in ["inventory.yaml", "inventory.lock"] {
        fs::copy(inventory.with_file_name(name), beside.join(name)).unwrap();
    }
    let done = lbgen_in(&beside, &["report", "-q", "-o", "two.html"]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    assert_eq!(fs::read_to_string(beside.join("two.html")).unwrap(), one);
    let known = data(&one);
    assert_eq!(known["vips"].as_array().unwrap().len(), 12);
    assert_eq!(known["vips"][0]["at"], "inventory.yaml:79");
    assert!(known["vips"].to_string().contains("203.0.113.12"), "an extra address");
    let state = |name: &str| {
        let nodes = known["nodes"].as_array().unwrap();
        nodes.iter().find(|node| node["name"] == name).unwrap()["written"].clone()
    };
    assert_eq!((state("a-4"), state("b-3")), (json!("maintenance"), json!("draining")));
}

#[test]
fn a_large_page_is_small() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    fs::write(&inventory, support::datacenter(12, 48, 120, 2_000)).unwrap();
    let page = report(&inventory, &folder.path().join("page.html"));
    assert!(page.len() < 2_000_000, "{}", page.len());
}

/// Writes an inventory of everything that a browser might take for markup.
fn hostile(folder: &Path) -> PathBuf {
    let inventory = folder.join("a<b>&'\"\u{202e}.yaml");
    let text = fs::read_to_string(support::inventory("minimal")).unwrap();
    let text = text.replace(
        "paths: [/]",
        "paths: [/, \"/<script>window.hurt=1</script>\", \"/&amp\", \"/<!--\"]",
    );
    fs::write(&inventory, text).unwrap();
    inventory
}

#[test]
fn hostile_names_are_text() {
    let folder = tempfile::tempdir().unwrap();
    let page = report(&hostile(folder.path()), &folder.path().join("page.html"));
    assert_eq!(page.matches("<script").count(), 2, "the data and the program");
    assert!(!page.contains("window.hurt=1</script>") && !page.contains("<!--"));
    let paths = &data(&page)["components"][0]["paths"];
    assert_eq!(paths[1], "/<script>window.hurt=1</script>");
    // Nothing comes from outside.
    let policy = page.split("Content-Security-Policy\" content=\"").nth(1).unwrap();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{}", &policy[..80]);
    assert!(
        !page.contains("http-equiv=\"refresh\"")
            && !page.contains(" src=")
            && !page.contains("@import")
    );
}

#[test]
fn an_inventory_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let inventory = folder.path().join("inventory.yaml");
    fs::copy(support::inventory("minimal"), &inventory).unwrap();
    let text = fs::read_to_string(&inventory).unwrap();
    let said = |arguments: &[&str]| {
        let done = lbgen_in(folder.path(), arguments);
        assert_eq!(code(&done), 2, "{arguments:?}");
        stderr(&done)
    };
    assert!(said(&["report", "-o", "inventory.yaml"]).contains("inventory.yaml is not a page"));
    assert_eq!(fs::read_to_string(&inventory).unwrap(), text);
    assert!(said(&["report", "--format", "json"]).contains("invalid value 'json'"));
    assert!(said(&["report", "--objects", "nothing.json"]).contains("--objects needs --from"));
    let page = stdout(&lbgen_in(folder.path(), &["report", "-q", "-o", "-"]));
    assert!(page.starts_with("<!DOCTYPE html>"));
    // A page is written over.
    for _ in 0..2 {
        assert_eq!(code(&lbgen_in(folder.path(), &["report", "-q"])), 0);
    }
    assert_eq!(fs::read_to_string(folder.path().join("report.html")).unwrap(), page);
}

#[test]
fn a_fleet_has_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("fleet.html");
    let page = report(&support::root().join("inventory-examples/fleet"), &index);
    for name in ["eu1", "eu2", "us1"] {
        assert!(page.contains(&format!("<a href=\"fleet-{name}.html\">{name}</a>")), "{page}");
        assert!(folder.path().join(format!("fleet-{name}.html")).exists());
    }
    assert!(page.contains("What differs between them"));
}

#[test]
fn alerts_are_shown_where_the_fleet_is_watched() {
    let folder = tempfile::tempdir().unwrap();
    let page = |name: &str| {
        let out = folder.path().join("report.html");
        let inventory = support::inventory(name);
        let options = ["report", "-q", inventory.to_str().unwrap(), "-o", out.to_str().unwrap()];
        let done = lbgen_in(folder.path(), &options);
        assert_eq!(code(&done), 0, "{}", stderr(&done));
        fs::read_to_string(out).unwrap()
    };
    let watched = page("dual-stack");
    let alerts = &data(&watched)["alerts"];
    let unheld = json!({
        "name": "LbgenVipUnheld",
        "severity": "critical",
        "after": "1m",
        "description": "No node reports <vip> of <entrypoint>: clients do not reach it.",
        "next": "lbgen status",
    });
    assert_eq!(alerts[0], unheld);
    assert!(watched.contains("<h2 id=\"alerts-title\">"));
    assert!(!page("minimal").contains("alerts-title"));
}

#[test]
fn a_change_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("minimal")).unwrap();
    fs::write(folder.path().join("inventory.yaml"), &text).unwrap();
    assert_eq!(code(&lbgen_in(folder.path(), &["render", "-q"])), 0);
    fs::write(
        folder.path().join("inventory.yaml"),
        text + "  more: { backend: { port: 80 }, paths: [/more] }\n",
    )
    .unwrap();
    let done = lbgen_in(folder.path(), &["report", "-q", "--from", "out"]);
    assert_eq!(code(&done), 0, "{}", stderr(&done));
    let change = &data(&fs::read_to_string(folder.path().join("report.html")).unwrap())["change"];
    assert!(
        change["findings"].as_array().unwrap().iter().any(|one| one["on"] == "components.more"),
        "{change}"
    );
    assert_eq!(change["steps"], json!(["apply the manifests"]));
}
