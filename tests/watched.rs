//! A fleet that is watched: the real keepalived, the real program of the nodes, node exporters that serve what it writes, and
//! a Prometheus with our rules. Each fault raises its alerts, and no others.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/dashboard.rs"]
mod dashboard;
#[path = "lab/faults.rs"]
mod faults;
#[path = "lab/mod.rs"]
mod lab;
#[path = "lab/stage.rs"]
#[allow(dead_code, reason = "each program uses its own part")]
mod stage;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use faults::{FAULTS, NODE, report};
use lab::Lab;
use lab::edits::{Edit, ours, pinned, state, without};
use lab::fleet::fleet;
use lbgen::plan::simulate::Scenario;
use serde_json::Value;
use stage::Stage;

const NODE_EXPORTER: u16 = 9100;
/// mehdy's keepalived-exporter.
const KEEPALIVED_EXPORTER: u16 = 9165;

/// Times of the rules, and the shorter ones of a lab.
type Waits = &'static [(&'static str, &'static str)];

/// Faults last seconds.
const SHORT: Waits = &[
    ("for: 1m\n", "for: 3s\n"),
    ("for: 2m\n", "for: 4s\n"),
    ("for: 10m\n", "for: 8s\n"),
    ("for: 15m\n", "for: 4s\n"),
    ("for: 24h\n", "for: 4s\n"),
    ("< 120", "< 5"),
    ("[10m]", "[8s]"),
];

/// A sixth, for rollouts, which nobody can hurry.
const SIXTH: Waits = &[
    ("for: 1m\n", "for: 10s\n"),
    ("for: 2m\n", "for: 20s\n"),
    ("for: 10m\n", "for: 100s\n"),
    ("for: 15m\n", "for: 150s\n"),
    ("for: 24h\n", "for: 150s\n"),
    ("< 120", "< 20"),
    // A rollout takes seconds here, and so does a fault.
    ("[10m]", "[12s]"),
    ("[10m:15s]", "[20s:5s]"),
];

fn write_rules(folder: &Path, waits: Waits) {
    let rules = fs::read_to_string(folder.join("out/lab/monitoring/rules.yaml")).unwrap();
    let rules = waits.iter().fold(rules, |text, (from, to)| text.replace(from, to));
    fs::write(folder.join("rules.yaml"), rules).unwrap();
}

/// Prometheus beside the gateway, with the waits of the rules cut short; the exporters of the nodes are at a port, and their
/// metrics have the labels that docs/monitoring.md gives to those of others.
fn watch(lab: &Lab, folder: &Path, waits: Waits, port: u16) {
    write_rules(folder, waits);
    let nodes = lab.datacenter.nodes.iter();
    let targets: String = nodes
        .filter_map(|(name, node)| {
            let labels = match port {
                NODE_EXPORTER => String::new(),
                _ => format!(", labels: {{ datacenter: lab, node: {name} }}"),
            };
            let address = node.address.as_ref()?.value;
            Some(format!("      - {{ targets: [\"{address}:{port}\"]{labels} }}\n"))
        })
        .collect();
    // The exporter of others answers after some seconds where keepalived does not.
    let interval = if port == NODE_EXPORTER { "1s" } else { "5s" };
    let configuration = format!(
        "global: {{ scrape_interval: {interval}, evaluation_interval: 1s }}\nrule_files: [rules.yaml]\nscrape_configs:\n  - job_name: node\n    static_configs:\n{targets}"
    );
    fs::write(folder.join("prometheus.yml"), configuration).unwrap();
    lab.gateway.serve(&format!(
        "echo ready; cd {0}; exec prometheus --config.file=prometheus.yml --storage.tsdb.path={0}/data --web.listen-address=127.0.0.1:9090 >{0}/log 2>&1",
        folder.display()
    ));
    let metric = if port == NODE_EXPORTER { "lbgen_keepalived_up" } else { "keepalived_up" };
    let every_node = format!("[1-9][0-9.]*,\"{}\"", lab.nodes.len());
    lab.gateway.run(&format!(
        "for i in $(seq 60); do curl -s 'http://127.0.0.1:9090/api/v1/query?query=count({metric})' | grep -q '{every_node}' && exit; sleep 1; done; exit 1"
    ));
}

/// The alerts that fire, by name.
fn firing(lab: &Lab) -> BTreeSet<String> {
    let said = lab.gateway.sh("curl -s http://127.0.0.1:9090/api/v1/alerts");
    let json: Value = serde_json::from_slice(&said.stdout).unwrap_or_default();
    let all = json["data"]["alerts"].as_array().cloned().unwrap_or_default();
    let firing = all.iter().filter(|alert| alert["state"] == "firing");
    firing.map(|alert| alert["labels"]["alertname"].as_str().unwrap().to_owned()).collect()
}

/// Waits until exactly these fire, and goes on doing so for a while.
fn must_fire(lab: &Lab, what: &str, alerts: &[&str]) {
    let wanted: BTreeSet<String> = alerts.iter().map(|name| (*name).to_owned()).collect();
    let start = Instant::now();
    let mut since = None;
    loop {
        let now = firing(lab);
        if now == wanted {
            let since = *since.get_or_insert_with(Instant::now);
            if since.elapsed() > Duration::from_millis(2500) {
                println!("{what}: {alerts:?} after {:?}", since - start);
                return;
            }
        } else {
            since = None;
        }
        assert!(
            start.elapsed() < Duration::from_secs(90),
            "{what}: {now:?} fire, and {wanted:?} should"
        );
        sleep(Duration::from_millis(500));
    }
}

/// A fleet that runs as planned, and its bundle in a folder.
fn started(work: &Path, fleet: &str, monitoring: &str) -> Lab {
    let text = format!("{fleet}monitoring: {monitoring}\n");
    fs::write(work.join("inventory.yaml"), &text).unwrap();
    let done = support::lbgen_in(work, &["render", "-q"]);
    assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
    let lock = fs::read_to_string(work.join("inventory.lock")).unwrap();
    let lab = Lab::start(&text, &lock);
    lab.prove(&Scenario::default());
    lab
}

/// The exporter of others is a Go program that no package has: `KEEPALIVED_EXPORTER` names it.
#[test]
#[ignore = "needs keepalived, prometheus, root and KEEPALIVED_EXPORTER; run KEEPALIVED_EXPORTER=... tests/run"]
fn keepalived_exporter_raises_what_it_can() {
    let program = std::env::var("KEEPALIVED_EXPORTER").expect("KEEPALIVED_EXPORTER");
    let work = tempfile::tempdir().unwrap();
    // It does not read the names of IPv6 instances (docs/monitoring.md).
    let fleet = without(&fleet("virtual", "iptables"), "address: \"2001:db8:8::21\"");
    let mut lab = started(work.path(), &fleet, "{ metrics: keepalived_exporter }");
    let export = |lab: &Lab, name: &str| {
        // It reads keepalived's data in /tmp, where the lab's nodes have theirs elsewhere.
        lab.nodes[name].host.run("mountpoint -q /tmp || mount --bind /run/lab /tmp");
        lab.nodes[name]
            .host
            .serve(&format!("echo ready; exec {program} >/run/lab/exporter.log 2>&1"));
    };
    for name in lab.nodes.keys() {
        export(&lab, name);
    }
    watch(&lab, work.path(), SIXTH, KEEPALIVED_EXPORTER);
    must_fire(&lab, "all is well", &[]);
    let faults = FAULTS.iter().take_while(|fault| fault.name != "a node is drained and forgotten");
    for fault in faults {
        (fault.begin)(&mut lab);
        must_fire(&lab, fault.name, fault.alerts);
        (fault.end)(&mut lab);
        if fault.alerts == ["LbgenNodeSilent"] {
            export(&lab, NODE);
        }
        must_fire(&lab, "all is well again", &[]);
    }
    // A drain is a fault to it, and no alert.
    lab.nodes[NODE].drain(true);
    sleep(Duration::from_secs(15));
    must_fire(&lab, "a node is drained", &[]);
    lab.nodes[NODE].drain(false);
    lab.nodes[NODE].stop();
    must_fire(&lab, "keepalived is stopped", &["LbgenKeepalivedDown"]);
}

#[test]
#[ignore = "needs keepalived, prometheus, prometheus-node-exporter and root; run tests/run"]
fn every_fault_raises_its_alerts_and_no_others() {
    let work = tempfile::tempdir().unwrap();
    let all = fleet("virtual", "iptables");
    let mut lab = started(work.path(), &all, "{ directory: /run/node-exporter }");
    let names: Vec<String> = lab.nodes.keys().cloned().collect();
    for name in &names {
        report(&lab, name);
    }
    let node = &lab.nodes[NODE].host;
    let checked = node.run("sleep 2; promtool check metrics </run/node-exporter/lbgen.prom && cat /run/node-exporter/lbgen.prom");
    println!("{checked}");
    watch(&lab, work.path(), SHORT, NODE_EXPORTER);
    let begun = Instant::now();
    must_fire(&lab, "all is well", &[]);
    let page = fs::read_to_string(support::root().join("docs/alerts.md")).unwrap();
    for fault in FAULTS {
        let named: Vec<String> = fault.alerts.iter().map(|name| format!("`{name}`")).collect();
        let row = format!("| {} | {} |", fault.name, named.join(", "));
        assert!(page.contains(&row), "docs/alerts.md has no row {row}");
        (fault.begin)(&mut lab);
        must_fire(&lab, fault.name, fault.alerts);
        (fault.end)(&mut lab);
        must_fire(&lab, "all is well again", &[]);
    }
    // Looked at after a change of the dashboard (docs/development.md).
    let picture = support::root().join("target/dashboard.svg");
    let board = work.path().join("out/lab/monitoring/dashboard.json");
    fs::write(
        picture,
        dashboard::picture(&lab, &fs::read_to_string(board).unwrap(), begun.elapsed()),
    )
    .unwrap();
}

fn watched(base: &str) -> String {
    base.to_owned() + "monitoring: { directory: /run/node-exporter }\n"
}

const FIRST: Edit =
    ours("maintenance", watched, |base| state(&watched(base), "lb-2", "maintenance"));

/// Edits of the same fleet; each is taken back before the next, by a rollout too: ten with the first.
const NEXT: [fn(&str) -> String; 4] = [
    |base| without(base, "192.0.2.12"),
    |base| pinned(base, 200, 150),
    |base| base.replace("vrrp_version: 2", "vrrp_version: 3"),
    |base| base.replace("mode: virtual", "mode: static"),
];

#[test]
#[ignore = "needs keepalived, prometheus, prometheus-node-exporter and root; run tests/run"]
fn rollouts_raise_no_alert() {
    static EDIT: Edit = FIRST;
    let mut stage = Stage::new(&EDIT);
    for name in stage.lab.nodes.keys() {
        report(&stage.lab, name);
    }
    // The fleet runs what it begins with; the rules of the end come with the rollout.
    watch(&stage.lab, stage.work.path(), SIXTH, NODE_EXPORTER);
    let base = watched(&lab::edits::base());
    let next = NEXT.iter().flat_map(|edit| [edit(&base), base.clone()]);
    let inventories: Vec<String> = std::iter::once(base.clone()).chain(next).collect();
    let mut inventories = inventories.iter();
    let start = Instant::now();
    let mut rollouts = 0;
    loop {
        let done = stage.run(&["--yes"], "");
        assert!(done.status.success(), "{}{}", support::stdout(&done), support::stderr(&done));
        stage.is_done();
        rollouts += 1;
        write_rules(stage.work.path(), SIXTH);
        stage.lab.gateway.run("kill -HUP $(pidof prometheus)");
        // Nobody rolls out twice in ten minutes.
        sleep(Duration::from_secs(12));
        let Some(to) = inventories.next() else { break };
        stage.go_on(to);
    }
    // Those that begin to wait at the end have their time, too.
    sleep(Duration::from_secs(25));
    let seconds = start.elapsed().as_secs();
    let fired = format!(
        "count by (alertname) (max_over_time(ALERTS{{alertstate=\"firing\"}}[{seconds}s]))"
    );
    let fired = dashboard::query(&stage.lab, "query", &[("query", &fired)]);
    assert_eq!(
        fired["data"]["result"],
        serde_json::json!([]),
        "{rollouts} rollouts in {seconds} s"
    );
    println!("{rollouts} rollouts in {seconds} s: no alert");
    // These rules would have said it.
    let stuck = FAULTS.last().unwrap();
    (stuck.begin)(&mut stage.lab);
    must_fire(&stage.lab, stuck.name, stuck.alerts);
    (stuck.end)(&mut stage.lab);
    // A fleet that is not watched any more does not go on reporting.
    let written = "test -e /run/node-exporter/lbgen.prom";
    let reports = |lab: &Lab, name: &str| lab.nodes[name].host.sh(written).status.success();
    assert!(reports(&stage.lab, NODE));
    stage.go_on(&lab::edits::base());
    let done = stage.run(&["--yes"], "");
    assert!(done.status.success(), "{}{}", support::stdout(&done), support::stderr(&done));
    for name in stage.lab.nodes.keys() {
        assert!(!reports(&stage.lab, name), "{name} goes on reporting");
    }
}
