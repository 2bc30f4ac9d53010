//! The documents of `--format json`: real output of every command against the committed schemas, by a validator that
//! others wrote.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use lbgen::view::json;
use serde_json::Value;
use support::document::{self, Form};
use support::{lbgen_in, stdout};

/// `UPDATE_DOCS=1 cargo test --test json` writes the files again.
#[test]
fn the_committed_schemas_and_their_page_come_from_the_types() {
    let mut written: BTreeMap<String, String> = BTreeMap::new();
    for command in json::COMMANDS {
        let printed = stdout(&lbgen_in(Path::new("."), &["schema", "--json", command.name]));
        written.insert(format!("schema/{}.json", command.name), printed);
    }
    written.insert("docs/json.md".to_owned(), json::reference());
    for (file, now) in &written {
        let path = support::root().join(file);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            fs::write(&path, now).unwrap();
        }
        assert!(fs::read_to_string(&path).is_ok_and(|there| there == *now), "{file} is stale");
    }
    let of_inventories = ["schema/included.json", "schema/inventory.json"].map(str::to_owned);
    let there: BTreeSet<String> = fs::read_dir(support::root().join("schema"))
        .unwrap()
        .map(|entry| format!("schema/{}", entry.unwrap().file_name().into_string().unwrap()))
        .collect();
    let known = written.keys().filter(|file| file.starts_with("schema/"));
    assert_eq!(there, known.cloned().chain(of_inventories).collect());
}

/// Every key of every schema has a description: the page would have an empty cell.
#[test]
fn every_key_is_described() {
    fn walk(place: &str, value: &Value, bare: &mut Vec<String>) {
        if let Some(keys) = value["properties"].as_object() {
            for (key, about) in keys {
                let is_tag = about.get("const").is_some_and(Value::is_string);
                if about.get("description").is_none() && !is_tag {
                    bare.push(format!("{place}.{key}"));
                }
            }
        }
        match value {
            Value::Object(map) => {
                map.iter().for_each(|(key, value)| walk(&format!("{place}/{key}"), value, bare));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(place, value, bare)),
            _ => {}
        }
    }
    let mut bare = Vec::new();
    for command in json::COMMANDS {
        walk(command.name, &document::schema(command.name), &mut bare);
    }
    assert_eq!(bare, Vec::<String>::new());
}

/// A copy of an example.
fn example(name: &str) -> tempfile::TempDir {
    let work = tempfile::tempdir().unwrap();
    for (path, text) in support::files(&support::root().join("inventory-examples").join(name)) {
        let path = work.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    work
}

/// Runs of commands in a folder.
struct Run<'a> {
    folder: &'a Path,
    forms: BTreeMap<&'static str, Form>,
}

impl<'a> Run<'a> {
    fn below(folder: &'a Path) -> Self {
        let forms = json::COMMANDS.iter().map(|command| (command.name, Form::of(command.name)));
        Self { folder, forms: forms.collect() }
    }

    /// Runs a command, whose document must have these keys.
    fn check(&self, arguments: &[&str], keys: &[&str]) -> Value {
        let done = lbgen_in(self.folder, &[arguments, &["--format", "json"]].concat());
        let text = stdout(&done);
        let value: Value = serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{arguments:?}: {error}: {text}{}", support::stderr(&done))
        });
        self.forms[arguments[0]].must_fit(&value);
        for key in keys {
            assert!(value.get(key).is_some(), "{arguments:?}: no {key} in {value:#}");
        }
        value
    }
}

#[test]
fn real_documents_keep_to_the_schemas() {
    for name in ["seed", "gateway"] {
        let work = example(name);
        let run = Run::below(work.path());
        let ask = |arguments: &[&str], keys: &[&str]| run.check(arguments, keys);
        ask(&["render", "--check"], &["changes", "lock"]);
        ask(&["render"], &["changes", "unchanged"]);
        ask(&["rollout", "--from", "none"], &["steps", "exceptions", "probes"]);
        let text = fs::read_to_string(work.path().join("inventory.yaml")).unwrap();
        fs::write(work.path().join("inventory.yaml"), text.replace("eth1", "eth2")).unwrap();
        let found = ask(&["diff"], &["impact", "nodes", "verdict", "changes"]);
        assert!(found["impact"].as_array().is_some_and(|found| !found.is_empty()));
        fs::write(work.path().join("inventory.yaml"), &text).unwrap();
        ask(&["check"], &["diagnostics"]);
        ask(&["plan"], &["vips", "nodes", "worst"]);
        ask(&["plan", "--rebalance"], &["moves", "measures", "plan"]);
        ask(&["simulate", "--failures", "1", "--compare", "metallb"], &["systems"]);
        let folder = format!("out/{}", found["datacenter"].as_str().unwrap());
        ask(&["simulate", "--from", &folder], &["vips"]);
        ask(&["trace", "--all"], &["rules"]);
        ask(&["trace", "https://www.example.com/", "http://nobody.example.org/x"], &["traces"]);
        ask(&["trace", "--compare", "ingress,gateway"], &["asked", "differences"]);
        fs::write(work.path().join("t.yaml"), "- { url: https://a.example/, expect: fallback }\n")
            .unwrap();
        ask(&["trace", "--tests", "t.yaml"], &["tests", "traces"]);
        ask(&["import", &folder], &["inventory", "diagnostics"]);
        ask(&["explain", "LB101"], &["codes"]);
        fs::write(work.path().join("inventory.yaml"), text.replace("10.", "1o.")).unwrap();
        for arguments in
            [["check"].as_slice(), &["diff"], &["plan"], &["trace", "https://a.example/"]]
        {
            let found = ask(arguments, &["diagnostics"]);
            assert!(found["errors"].as_u64().is_some_and(|errors| errors > 0), "{arguments:?}");
        }
    }
}

#[test]
fn documents_of_fleets_keep_to_the_schemas() {
    let work = example("fleet");
    let run = Run::below(work.path());
    for (arguments, keys) in [
        (["check", "."].as_slice(), ["datacenters", "errors"].as_slice()),
        (&["render", "."], &["datacenters"]),
        (&["diff", "."], &["datacenters"]),
        (&["plan", "."], &["datacenters"]),
        (&["simulate", "."], &["datacenters"]),
        (&["trace", "-i", ".", "--all"], &["datacenters"]),
        (&["align", "."], &["datacenters", "differences"]),
    ] {
        let found = run.check(arguments, keys);
        let all = found["datacenters"].as_array().unwrap();
        assert!(all.len() > 1, "{arguments:?}");
        let is_document = |entry: &Value| entry.is_string() || entry["datacenter"].is_string();
        assert!(all.iter().all(is_document), "{arguments:?}");
    }
}
