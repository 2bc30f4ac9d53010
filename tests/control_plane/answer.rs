//! Every object is taken, every condition is True, and every URL is answered as `trace` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::{Read, Write as _};
use std::net::TcpListener;
use std::path::Path;
use std::process::Command;

use lbgen::diag::Report;
use lbgen::emit::{self, Templates};
use lbgen::inventory;
use lbgen::language::word::HttpMethod;
use lbgen::model::{BackendPort, Exposed, FallbackTarget};
use lbgen::pipeline::{self, Options, Planned};
use lbgen::plan::Keep;
use lbgen::plan::simulate::Scenario;
use lbgen::source::Sources;
use lbgen::trace::{Outcome, Request, Tracer};
use serde_json::{Value, json};

use crate::cluster::{ADDRESS, Cluster};
use crate::inventories::{MIXED, redirecting};
use crate::support;

fn planned(text: &str) -> Planned {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    pipeline::run(raw.as_ref(), None, options, &mut report).expect("a valid inventory")
}

/// Writes the manifests into a folder.
fn write(planned: &Planned, folder: &Path) {
    for file in emit::emit(&planned.plan, &Templates::load(None).unwrap()).unwrap() {
        let path = folder.join(&file.path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, file.body.as_bytes()).unwrap();
    }
}

/// Answers with the name of who was asked.
fn serve(port: u16, name: &str) {
    // The fallback of an earlier inventory still answers.
    let Ok(listener) = TcpListener::bind(("0.0.0.0", port)) else { return };
    let answer = format!(
        "HTTP/1.1 200 OK\r\nx-who: {name}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, answer) = (stream.unwrap(), answer.clone());
            std::thread::spawn(move || {
                let mut text: Vec<u8> = Vec::new();
                let mut part = [0; 4096];
                while !text.windows(4).any(|end| end == b"\r\n\r\n") {
                    match stream.read(&mut part) {
                        Ok(0) | Err(_) => return,
                        Ok(count) => text.extend(&part[..count]),
                    }
                }
                let _ = stream.write_all(answer.as_bytes());
            });
        }
    });
}

/// Makes the Services of components, with a server behind each, and the Secrets of domains.
fn surroundings(cluster: &Cluster, planned: &Planned, first_port: u16) {
    let datacenter = &planned.datacenter;
    let home = datacenter.kubernetes.namespace.to_string();
    let mut namespaces = BTreeSet::from([home.clone(), "envoy-gateway-system".to_owned()]);
    let mut backends: BTreeMap<(String, String), BTreeSet<u16>> = BTreeMap::new();
    for component in datacenter.components.values() {
        let Some(backend) = &component.backend else { continue };
        let BackendPort::Number(port) = backend.port else { continue };
        namespaces.insert(component.namespace.to_string());
        let key = (component.namespace.to_string(), backend.service.to_string());
        backends.entry(key).or_default().insert(port);
    }
    cluster.namespaces(namespaces.iter().map(String::as_str));
    let mut text = String::new();
    for (at, ((namespace, service), ports)) in backends.iter().enumerate() {
        let port = first_port + u16::try_from(at).unwrap();
        serve(port, service);
        let named: Vec<Value> =
            ports.iter().map(|port| json!({ "name": format!("p{port}"), "port": port })).collect();
        let to: Vec<Value> = ports
            .iter()
            .map(|number| json!({ "name": format!("p{number}"), "port": port }))
            .collect();
        let meta = json!({ "name": service, "namespace": namespace, "labels": { "kubernetes.io/service-name": service } });
        let objects = [
            json!({ "apiVersion": "v1", "kind": "Service", "metadata": meta, "spec": { "ports": named } }),
            json!({
                "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": meta, "addressType": "IPv4",
                "ports": to, "endpoints": [{ "addresses": [ADDRESS], "conditions": { "ready": true } }],
            }),
        ];
        objects.iter().for_each(|object| writeln!(text, "---\n{object}").unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"])
        .args([
            "-addext",
            "subjectAltName=DNS:test",
            "-keyout",
            &path("key"),
            "-out",
            &path("cert"),
        ])
        .output()
        .unwrap();
    assert!(made.status.success());
    let read = |name: &str| fs::read_to_string(path(name)).unwrap();
    let data = json!({ "tls.crt": read("cert"), "tls.key": read("key") });
    let secrets: BTreeSet<String> = datacenter
        .domains
        .values()
        .filter_map(|domain| Some(domain.tls_secret.as_ref()?.to_string()))
        .collect();
    for secret in secrets {
        let meta = json!({ "name": secret, "namespace": home });
        let object = json!({ "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": meta, "stringData": data });
        writeln!(text, "---\n{object}").unwrap();
    }
    cluster.apply(&text);
    for entrypoint in datacenter.entrypoints.values() {
        let Some(fallback) = entrypoint.fallback() else { continue };
        let FallbackTarget::Machines(addresses, port) = &fallback.target else { continue };
        for address in addresses {
            let address = format!("{}/32", address.value);
            let _ = Command::new("ip").args(["address", "add", &address, "dev", "lo"]).output();
        }
        serve(*port, fallback.name.value.as_str());
    }
}

/// Conditions that are not True, in words.
fn open_conditions(cluster: &Cluster) -> Vec<String> {
    let mut open = Vec::new();
    let mut look = |what: &str, conditions: &Value| match conditions.as_array() {
        Some(all) if !all.is_empty() => {
            let good = |one: &&Value| {
                one["status"] == "True"
                    || one["type"] == "Conflicted"
                    || one["type"] == "OverlappingTLSConfig"
            };
            open.extend(all.iter().filter(|one| !good(one)).map(|one| format!("{what}: {one}")));
        }
        _ => open.push(format!("{what}: no conditions yet")),
    };
    for kind in ["gateways.gateway.networking.k8s.io", "listenersets.gateway.networking.k8s.io"] {
        for object in cluster.get(kind) {
            let name = object["metadata"]["name"].as_str().unwrap();
            look(name, &object["status"]["conditions"]);
            for listener in object["status"]["listeners"].as_array().into_iter().flatten() {
                look(&format!("{name} {}", listener["name"]), &listener["conditions"]);
            }
        }
    }
    for route in cluster.get("httproutes") {
        let name = route["metadata"]["name"].as_str().unwrap();
        let wanted = route["spec"]["parentRefs"].as_array().unwrap().len();
        let parents = route["status"]["parents"].as_array().cloned().unwrap_or_default();
        if parents.len() < wanted {
            look(name, &Value::Null);
        }
        parents.iter().for_each(|parent| look(name, &parent["conditions"]));
    }
    open
}

/// Every URL that could tell two rules apart, by each method and with each header that some rule looks at.
fn requests(planned: &Planned, urls: &[String]) -> Vec<Request> {
    let paths = planned.datacenter.components.values().flat_map(|found| &found.paths);
    let mut examples: Vec<_> = paths.filter_map(|path| path.condition.example()).collect();
    examples.push((HttpMethod::Get, Vec::new()));
    examples.sort();
    examples.dedup();
    let one = |url: &String, (method, headers): &(HttpMethod, Vec<(String, String)>)| {
        let request = Request::parse(url).unwrap().with_method(method.word()).unwrap();
        Request { headers: headers.clone(), ..request }
    };
    urls.iter().flat_map(|url| examples.iter().map(move |example| one(url, example))).collect()
}

/// Asks Envoy: the Service that answered, or the status and where it leads.
fn asked(requests: &[Request]) -> Vec<String> {
    let mut config = String::new();
    for (at, request) in requests.iter().enumerate() {
        let next = if at == 0 { "" } else { "next\n" };
        let (url, method) = (&request.url, request.method.word());
        let headers = request.headers.iter();
        let headers: String =
            headers.map(|(name, value)| format!("header = \"{name}: {value}\"\n")).collect();
        write!(
            config,
            "{next}silent\ngloboff\ninsecure\npath-as-is\nconnect-to = \":443:{ADDRESS}:10443\"\nconnect-to = \":80:{ADDRESS}:10080\"\n\
             output = /dev/null\nwrite-out = \"%{{http_code}} %header{{x-who}} %{{redirect_url}}\\n\"\nrequest = {method}\n{headers}url = \"{url}\"\n"
        )
        .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("curl");
    fs::write(&path, config).unwrap();
    let done = Command::new("curl").arg("--config").arg(path).output().unwrap();
    let text = String::from_utf8(done.stdout).unwrap();
    let answers: Vec<String> = text.lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), requests.len());
    answers
}

/// The same as `trace` says it.
fn traced(outcome: &Outcome<'_>) -> String {
    match outcome {
        Outcome::Component { service, .. } => format!("200 {service} "),
        Outcome::Fallback { name, .. } => format!("200 {name} "),
        Outcome::Redirect { status, location, .. } => format!("{status}  {location}"),
        Outcome::Undecided { .. } => "undecided".to_owned(),
        Outcome::Nothing { status: 404, .. } => "404  ".to_owned(),
        Outcome::Nothing { .. } => "000  ".to_owned(),
    }
}

fn answers_alike(name: &str, text: &str, first_port: u16) {
    let planned = planned(text);
    let folder = tempfile::tempdir().unwrap();
    write(&planned, folder.path());
    let mut cluster = Cluster::start();
    cluster.envoy_gateway();
    surroundings(&cluster, &planned, first_port);
    let manifests = folder.path().join("kubernetes").display().to_string();
    cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
    let again = cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
    assert!(again.lines().all(|line| line.ends_with(" unchanged")), "{name}: {again}");

    let daemon_set = cluster.envoy();
    // As the kubelets would say it.
    let ready = r#"{"status":{"currentNumberScheduled":1,"desiredNumberScheduled":1,"numberAvailable":1,"numberMisscheduled":0,"numberReady":1}}"#;
    let set = daemon_set["metadata"]["name"].as_str().unwrap();
    let patch = [
        "patch",
        "daemonset",
        set,
        "--namespace",
        "envoy-gateway-system",
        "--subresource=status",
        "--type=merge",
        "--patch",
        ready,
    ];
    cluster.kubectl(&patch, "").unwrap();
    cluster.wait("every condition is True", |cluster| {
        let open = open_conditions(cluster);
        open.first().inspect(|first| println!("{name}: {first}"));
        open.is_empty()
    });
    reaches_the_pods(&cluster, &planned, &daemon_set);

    let scenario = Scenario::default();
    let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario)
        .by(Exposed::Gateway);
    let entrypoint = planned.datacenter.entrypoints.keys().next().unwrap();
    let requests = requests(&planned, &tracer.urls(entrypoint));
    let wanted: Vec<String> = requests
        .iter()
        .map(|request| traced(&tracer.trace_in(entrypoint, request).answer))
        .collect();
    let same = |said: &str, wanted: &str| {
        // A canary takes a share.
        said == wanted || said.starts_with("200 ") && said.replace("-next ", " ") == wanted
    };
    let sample: Vec<Request> = requests.iter().take(40).cloned().collect();
    // Envoy gets its configuration some time after the conditions say so.
    cluster.wait("Envoy is configured", |_| {
        let said = asked(&sample);
        let differs = (0..sample.len()).find(|at| !same(&said[*at], &wanted[*at]));
        let shown = |at: usize| println!("{}: {}, not {}", sample[at].url, said[at], wanted[at]);
        differs.map(shown).is_none()
    });
    let said = asked(&requests);
    let differ: Vec<String> = requests
        .iter()
        .zip(said.iter().zip(&wanted))
        .filter(|(_, (said, wanted))| !same(said, wanted))
        .map(|(request, (said, wanted))| format!("{request:?}: Envoy {said}, trace {wanted}"))
        .collect();
    println!("{name}: {} requests", requests.len());
    assert!(
        differ.is_empty(),
        "{name}: {} of {} differ\n{}",
        differ.len(),
        requests.len(),
        differ.join("\n")
    );

    // The cluster has what was written: nothing that the API server fills in is a difference.
    let inventory = folder.path().join("inventory.yaml");
    fs::write(&inventory, text).unwrap();
    let kinds = "service,endpoints,endpointslice,gateways.gateway.networking.k8s.io,listenersets,httproutes,envoyproxies.gateway.envoyproxy.io";
    let live =
        cluster.kubectl(&["get", kinds, "--all-namespaces", "--output", "json"], "").unwrap();
    fs::write(folder.path().join("live.json"), live).unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let diff = run(&["diff", "--objects", "live.json", "--from", "out"]);
    assert_eq!(support::code(&diff), 0, "{name}: {}", support::stdout(&diff));
}

/// The Service with the VIPs selects the pods that the control plane makes, in their namespace, by ports that they listen on.
fn reaches_the_pods(cluster: &Cluster, planned: &Planned, daemon_set: &Value) {
    let services = cluster.get("service");
    let ours = services.iter().find(|found| found["spec"]["type"] == "LoadBalancer").unwrap();
    assert_eq!(ours["metadata"]["namespace"], daemon_set["metadata"]["namespace"]);
    let labels = &daemon_set["spec"]["template"]["metadata"]["labels"];
    for (key, value) in ours["spec"]["selector"].as_object().unwrap() {
        assert_eq!(labels.get(key), Some(value), "{key}");
    }
    let own = services.iter().find(|found| {
        found["spec"]["type"] == "ClusterIP"
            && found["metadata"]["name"] == daemon_set["metadata"]["name"]
    });
    let own = own.expect("Envoy Gateway's own Service is a ClusterIP");
    for port in ours["spec"]["ports"].as_array().unwrap() {
        let same = own["spec"]["ports"]
            .as_array()
            .unwrap()
            .iter()
            .find(|found| found["port"] == port["port"])
            .unwrap();
        assert_eq!(same["targetPort"], port["targetPort"], "{:?}", planned.datacenter.name);
    }
}

#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn envoy_answers_as_trace_says() {
    let example = fs::read_to_string(support::inventory("gateway")).unwrap();
    // Envoy Gateway's metrics have 8080 here.
    let example = example.replace("      port: 8080\n", "      port: 30001\n");
    answers_alike("the example", &example, 20_000);
    answers_alike("mixed", MIXED, 21_000);
    answers_alike("redirecting", &redirecting(), 22_000);
}

/// The API server takes every object of every example, twice, by the oldest and the newest CRDs.
#[test]
#[ignore = "needs a control plane: tests/cluster"]
fn the_api_server_takes_every_object_twice() {
    for version in ["gateway-api-v1.5.1", "gateway-api-v1.7.0"] {
        for example in support::examples_of_one_file() {
            let text = fs::read_to_string(support::inventory(&example)).unwrap();
            let planned = planned(&text);
            let folder = tempfile::tempdir().unwrap();
            write(&planned, folder.path());
            let manifests = folder.path().join("kubernetes");
            // Services on the nodes themselves have none.
            if !manifests.exists() {
                continue;
            }
            let cluster = Cluster::start();
            cluster.crds(version);
            cluster.crds("envoy-gateway/envoy");
            let namespaces: BTreeSet<String> = planned
                .datacenter
                .components
                .values()
                .map(|found| found.namespace.to_string())
                .chain([
                    planned.datacenter.kubernetes.namespace.to_string(),
                    "envoy-gateway-system".to_owned(),
                ])
                .collect();
            cluster.namespaces(namespaces.iter().map(String::as_str));
            let manifests = manifests.display().to_string();
            cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
            let again = cluster.kubectl(&["apply", "-k", &manifests], "").unwrap();
            assert!(
                again.lines().all(|line| line.ends_with(" unchanged")),
                "{version}, {example}: {again}"
            );
        }
    }
}
