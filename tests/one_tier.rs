//! Ingresses in public styles, all of one tier: `import` makes an inventory of them that `check` takes and that answers as
//! before, but for what it names.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use lbgen::bundle::{self, Controllers};
use lbgen::diag::{Report, Severity};
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::impact::{Class, Comparison, Impact};
use lbgen::import::{Source, import};
use lbgen::inventory;
use lbgen::model::{Entrypoint, Tiers};
use lbgen::pipeline::{self, Options, Planned};
use lbgen::plan::Keep;
use lbgen::source::Sources;
use lbgen::state::{Object, State, Tree, objects_of};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use support::served::{Served, edits};

const HOSTS: [&str; 5] =
    ["www.example.com", "shop.example.com", "*.example.com", "api.example.org", "intranet"];
const PATHS: [&str; 7] = ["/", "/api", "/api/", "/api/v1", "/a.b", "/api(/|$)(.*)", ""];
const KINDS: [&str; 3] = ["Prefix", "Exact", "ImplementationSpecific"];
const NAMES: [&str; 5] = ["shop", "shop-web", "argocd.server", "intranet", "api"];
const NAMESPACES: [&str; 3] = ["shop", "default", "ingress"];
const BACKENDS: [(&str, &str); 5] =
    [("shop", "80"), ("shop-web", "http"), ("api", "8080"), ("legacy", "80"), ("ext", "80")];
const ANNOTATIONS: [(&str, &str); 8] = [
    ("", ""),
    ("cert-manager.io/cluster-issuer", "letsencrypt"),
    ("kubernetes.io/tls-acme", "true"),
    ("nginx.ingress.kubernetes.io/rewrite-target", "/$2"),
    ("nginx.ingress.kubernetes.io/use-regex", "true"),
    ("nginx.ingress.kubernetes.io/canary", "true"),
    ("nginx.ingress.kubernetes.io/whitelist-source-range", "10.0.0.0/8"),
    ("nginx.ingress.kubernetes.io/proxy-body-size", "64m"),
];

/// A path of an Ingress: its text, its type and its backend.
type Written = (usize, usize, usize);

/// An Ingress as somebody wrote it.
#[derive(Debug, Clone)]
struct Ingress {
    name: usize,
    namespace: usize,
    /// By host; the last number is any host.
    rules: Vec<(usize, Vec<Written>)>,
    /// None, by hosts, without hosts, without a Secret, of another host.
    tls: usize,
    annotations: [usize; 2],
    has_default: bool,
}

impl Ingress {
    fn object(&self, class: Option<&str>) -> Value {
        let hosts: Vec<&str> =
            self.rules.iter().filter_map(|(host, _)| HOSTS.get(*host).copied()).collect();
        let rules: Vec<Value> = self
            .rules
            .iter()
            .map(|(host, paths)| {
                let paths: Vec<Value> = paths
                    .iter()
                    .map(|(path, kind, backend)| {
                        let (service, port) = BACKENDS[*backend];
                        let port = match port.parse::<u16>() {
                            Ok(number) => json!({ "number": number }),
                            Err(_) => json!({ "name": port }),
                        };
                        json!({
                            "path": PATHS[*path], "pathType": KINDS[*kind],
                            "backend": { "service": { "name": service, "port": port } },
                        })
                    })
                    .collect();
                let mut rule = json!({});
                if let Some(host) = HOSTS.get(*host) {
                    rule["host"] = json!(host);
                }
                if !paths.is_empty() {
                    rule["http"] = json!({ "paths": paths });
                }
                rule
            })
            .collect();
        let secret = format!("{}-tls", NAMES[self.name].replace('.', "-"));
        let tls = match self.tls {
            1 => json!([{ "hosts": hosts, "secretName": secret }]),
            2 => json!([{ "secretName": secret }]),
            3 => json!([{ "hosts": hosts }]),
            4 => json!([{ "hosts": ["*.example.com"], "secretName": "star" }]),
            _ => Value::Null,
        };
        let written = self.annotations.iter().map(|at| ANNOTATIONS[*at]);
        let annotations: serde_json::Map<String, Value> = written
            .filter(|(key, _)| !key.is_empty())
            .map(|(key, value)| (key.to_owned(), json!(value)))
            .collect();
        let mut spec = json!({ "rules": rules });
        if let Some(class) = class {
            spec["ingressClassName"] = json!(class);
        }
        if !tls.is_null() {
            spec["tls"] = tls;
        }
        if self.has_default {
            spec["defaultBackend"] =
                json!({ "service": { "name": "shop", "port": { "number": 80 } } });
        }
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": {
                "name": NAMES[self.name], "namespace": NAMESPACES[self.namespace],
                "annotations": annotations,
            },
            "spec": spec,
        })
    }
}

fn ingress() -> impl Strategy<Value = Ingress> {
    let path = (0..PATHS.len(), 0..KINDS.len(), 0..BACKENDS.len());
    let rule = (0..=HOSTS.len(), prop::collection::vec(path, 0..3));
    (
        0..NAMES.len(),
        0..NAMESPACES.len(),
        prop::collection::vec(rule, 0..3),
        0..5usize,
        prop::array::uniform2(prop_oneof![2 => Just(0usize), 1 => 0..ANNOTATIONS.len()]),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(name, namespace, rules, tls, annotations, has_default)| Ingress {
            name,
            namespace,
            rules,
            tls,
            annotations,
            has_default,
        })
}

/// A cluster: its Ingresses, and whether the Service of the controller and one for addresses outside are there too.
#[derive(Debug, Clone)]
struct Cluster {
    ingresses: Vec<Ingress>,
    has_service: bool,
    has_class: bool,
    /// An Ingress of everything for addresses outside.
    has_fallback: bool,
}

impl Cluster {
    fn objects(&self, has_class: bool) -> Vec<Value> {
        let class = has_class.then_some("nginx");
        let mut all: Vec<Value> = self.ingresses.iter().map(|found| found.object(class)).collect();
        if self.has_service {
            all.push(json!({
                "apiVersion": "v1", "kind": "Service",
                "metadata": { "name": "ingress-nginx-controller", "namespace": "ingress" },
                "spec": {
                    "type": "LoadBalancer", "healthCheckNodePort": 32110,
                    "selector": { "app.kubernetes.io/instance": "ingress-nginx" },
                    "ports": [{ "name": "http", "port": 80 }, { "name": "https", "port": 443 }],
                },
            }));
        }
        if self.has_fallback {
            let meta = json!({ "name": "legacy", "namespace": "ingress" });
            all.push(json!({
                "apiVersion": "v1", "kind": "Service", "metadata": meta,
                "spec": { "ports": [{ "name": "http", "port": 80 }] },
            }));
            all.push(json!({
                "apiVersion": "v1", "kind": "Endpoints", "metadata": meta,
                "subsets": [{ "addresses": [{ "ip": "10.0.9.1" }], "ports": [{ "name": "http", "port": 8080 }] }],
            }));
            all.push(json!({
                "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
                "metadata": { "name": "catch-all", "namespace": "ingress" },
                "spec": { "ingressClassName": class, "rules": [{ "http": { "paths": [{
                    "path": "/", "pathType": "Prefix",
                    "backend": { "service": { "name": "legacy", "port": { "name": "http" } } },
                }] } }] },
            }));
        }
        all
    }
}

fn clusters() -> impl Strategy<Value = Cluster> {
    let flags = (any::<bool>(), prop::bool::weighted(0.8), prop::bool::weighted(0.3));
    (prop::collection::vec(ingress(), 1..6), flags).prop_map(
        |(ingresses, (has_service, has_class, has_fallback))| {
            // The API server keeps one object of a name.
            let mut ingresses = ingresses;
            let mut told = std::collections::BTreeSet::new();
            ingresses.retain(|found| told.insert((found.name, found.namespace)));
            Cluster { ingresses, has_service, has_class, has_fallback }
        },
    )
}

struct Imported {
    text: String,
    titles: Vec<String>,
}

fn list(objects: &[Value]) -> String {
    json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string()
}

fn read(objects: &[Value]) -> Vec<Object> {
    objects_of(&list(objects), "objects.json").unwrap()
}

fn imported(objects: &[Value]) -> Option<Imported> {
    let list = list(objects);
    let objects = objects_of(&list, "objects.json").unwrap();
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source =
        Source { objects, texts: [("objects.json".to_owned(), list)].into(), ..Source::default() };
    let text = import(source, &mut sources, &mut report)?;
    let said = &report;
    let titles = said.iter().map(|found| format!("{}: {}", found.code.id, found.title)).collect();
    Some(Imported { text, titles })
}

/// An address of the datacenter, so that objects are written.
fn planned(text: &str) -> Result<Planned, String> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    let planned = pipeline::run(raw.as_ref(), None, options, &mut report);
    let errors = report.iter().filter(|found| found.code.severity == Severity::Error);
    let errors: Vec<String> = errors.map(|found| found.title.clone()).collect();
    planned.ok_or_else(|| errors.join("; "))
}

/// Codes of differences that the import names.
const NAMED: [&str; 2] = ["LB402", "LB403"];

fn obeys(cluster: &Cluster) -> Result<bool, TestCaseError> {
    let Some(Imported { text, titles }) = imported(&cluster.objects(cluster.has_class)) else {
        return Ok(false);
    };
    let planned = planned(&text);
    prop_assert!(planned.is_ok(), "check refuses: {:?}\n{text}\n{titles:#?}", planned.err());
    let planned = planned.unwrap();
    if titles.iter().any(|title| NAMED.iter().any(|word| title.contains(word))) {
        return Ok(false);
    }
    let mut files = emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap();
    let controllers = Controllers::of(&planned.datacenter);
    files.push(bundle::list_of(&files, &controllers).unwrap());
    // Of one class, whether or not they name it.
    let objects = read(&cluster.objects(true)).into_iter();
    let objects = objects.map(|object| (object.key.clone(), object)).collect();
    let from = State { objects, ..State::default() };
    let to = support::compare::state_of(&files);
    let none: [BundleFile; 0] = [];
    let changed = support::compare::changed(&none, &files);
    let impact = Impact::of(Comparison {
        from: &from,
        to: &to,
        changed: &changed,
        version: support::compare::VERSION,
        controllers: &controllers,
    });
    let moving = [Class::Unreachable, Class::Switches, Class::ToFallback, Class::FromFallback];
    for finding in &impact.findings {
        let is_answer = [
            "nothing answers",
            "another backend",
            "answered from now on",
            "leaves the fallback",
            "goes to the fallback",
        ]
        .iter()
        .any(|words| finding.reason.starts_with(words));
        // A Service's port by its name is the one by its number.
        let service = |text: &Option<String>| text.as_ref()?.split(':').next().map(str::to_owned);
        if service(&finding.from).is_some() && service(&finding.from) == service(&finding.to) {
            continue;
        }
        prop_assert!(
            !(moving.contains(&finding.class) || finding.class == Class::New) || !is_answer,
            "{finding:?}\n{text}\n{titles:#?}"
        );
    }
    Ok(true)
}

#[test]
fn an_import_is_taken_by_check_and_answers_as_before() {
    let cases = std::env::var("CASES").ok().and_then(|text| text.parse().ok()).unwrap_or(2000);
    let mut runner =
        TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
    let compared = std::sync::Mutex::new(0);
    let done = runner.run(&clusters(), |cluster| {
        *compared.lock().unwrap() += usize::from(obeys(&cluster)?);
        Ok(())
    });
    let compared = compared.into_inner().unwrap();
    println!("{compared} clusters were compared");
    if let Err(error) = done {
        panic!("{error}");
    }
    assert!(compared > cases as usize / 10, "{compared}");
}

/// The objects that lbgen writes, and those that it writes of what it reads in them.
fn reads_back(served: &Served) -> Result<bool, TestCaseError> {
    let text = served.text();
    let Ok(first) = planned(&text) else { return Ok(false) };
    if !first.datacenter.entrypoints.values().filter_map(Entrypoint::tiers).all(Tiers::is_one_tier)
    {
        return Ok(false);
    }
    let written = |planned: &Planned| {
        let mut files = emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap();
        files.push(bundle::list_of(&files, &Controllers::of(&planned.datacenter)).unwrap());
        files
    };
    let files = written(&first);
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let source = Source { tree: Tree::of_files("", &files), ..Source::default() };
    let read = import(source, &mut sources, &mut report).unwrap();
    let second = planned(&read);
    prop_assert!(second.is_ok(), "{:?}\n{text}\n{read}", second.err());
    let again = written(&second.unwrap());
    let (before, after) = (support::compare::state_of(&files), support::compare::state_of(&again));
    for (key, object) in &before.objects {
        prop_assert_eq!(
            after.objects.get(key).map(|found| &found.value),
            Some(&object.value),
            "{}\n{}\n{}",
            key,
            text,
            read
        );
    }
    let more: Vec<_> =
        after.objects.keys().filter(|key| !before.objects.contains_key(key)).collect();
    prop_assert!(more.is_empty(), "{more:?}\n{text}\n{read}");
    Ok(true)
}

#[test]
fn what_lbgen_writes_of_one_tier_reads_back() {
    let mut runner =
        TestRunner::new(Config { cases: 1000, failure_persistence: None, ..Config::default() });
    let compared = std::sync::Mutex::new(0);
    let done = runner.run(&edits(), |(served, _)| {
        *compared.lock().unwrap() += usize::from(reads_back(&served)?);
        Ok(())
    });
    if let Err(error) = done {
        panic!("{error}");
    }
    let compared = compared.into_inner().unwrap();
    println!("{compared} bundles were read back");
    assert!(compared > 100, "{compared}");
}
