//! Every state that a rollout goes through, run through the election apart from it.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use lbgen::bundle::Controllers;
use lbgen::impact::Comparison;
use lbgen::model::{Label, Subdomain};
use lbgen::rollout::{Act, Command, Do, Promise, Request, Rollout, Step};
use lbgen::state::State;
use lbgen::state::elect::{Electorate, Masters, Situation};
use proptest::prelude::*;
use support::compare::{VERSION, changed, state_of};
use support::random::{Fleet, Node, Vip, pair, rendered};

/// A fleet on which the commands of a rollout are carried out.
struct Replay {
    electorate: Electorate,
    situation: Situation,
    /// When the last election was.
    settled: Situation,
    /// Nodes whose keepalived has started since.
    started: BTreeSet<usize>,
    masters: Masters,
}

impl Replay {
    fn new(from: &State, to: &State) -> Self {
        let electorate = Electorate::of(&[from, to], VERSION);
        let situation = electorate.all(0);
        let masters = electorate.elect(&situation, &Masters::default());
        let settled = situation.clone();
        Self { electorate, situation, settled, started: BTreeSet::new(), masters }
    }

    fn index(&self, name: &str) -> usize {
        self.electorate.nodes().iter().position(|node| node.as_str() == name).unwrap()
    }

    /// One command; the elections come afterwards.
    fn run(&mut self, command: &Command) {
        match command {
            Command::Each(act, nodes) | Command::Together(act, nodes) => {
                nodes.iter().for_each(|node| self.act(*act, node));
            }
            Command::HandOver { first, second, .. } => {
                first.iter().for_each(|(act, node)| self.act(*act, node));
                self.settle();
                second.iter().for_each(|(act, node)| self.act(*act, node));
            }
            Command::Run(..) => {}
        }
    }

    fn act(&mut self, act: Act, node: &Subdomain) {
        let node = self.index(node.as_str());
        match act {
            Act::Drain => drop(self.situation.drained.insert(node)),
            Act::Undrain => assert!(self.situation.drained.remove(&node), "{node} is not drained"),
            Act::Stop => {
                self.situation.running[node] = None;
                self.situation.drained.remove(&node);
            }
            Act::Start | Act::Reload | Act::Restart => {
                self.situation.running[node] = Some(1);
                if act != Act::Reload {
                    self.started.insert(node);
                }
            }
        }
    }

    fn settle(&mut self) {
        let started = std::mem::take(&mut self.started);
        let [settled, now] = [&self.settled, &self.situation];
        let retained =
            self.electorate.retained(&self.masters, settled, now, |node| started.contains(&node));
        self.masters = self.electorate.elect(now, &retained);
        self.settled = self.situation.clone();
    }

    fn holders(&self, vip: IpAddr) -> Vec<String> {
        let holders = self.electorate.holders(&self.masters, vip);
        holders.into_iter().map(|node| self.electorate.nodes()[node].to_string()).collect()
    }
}

/// Checks that a step does no more to a VIP than it may.
fn check(step: &Step, replay: &Replay, lasting: &BTreeSet<IpAddr>, context: &str) {
    for vip in lasting {
        let holders = replay.holders(*vip);
        assert_eq!(
            holders.len(),
            1,
            "{vip} is held by {holders:?} after {}\n{context}",
            step.title
        );
    }
    for expectation in &step.expect {
        let Some(holders) = &expectation.holders else { continue };
        let wanted: Vec<String> = holders.iter().map(ToString::to_string).collect();
        let found = replay.holders(expectation.vip);
        let is_one = found.len() == 1 && wanted.contains(&found[0]);
        assert!(
            is_one || found.is_empty() && wanted.is_empty(),
            "{} is on {found:?}, not on one of {wanted:?}, after {}\n{context}",
            expectation.vip,
            step.title
        );
    }
}

/// Exceptions of all rollouts, by promise and reason, with the longest silence; and how many rollouts there were.
static SEEN: Mutex<(Seen, usize)> = Mutex::new((Seen::new(), 0));

type Seen = BTreeMap<String, (usize, Duration)>;

/// No silence is longer than a holder's death, which a backup notices after three adverts and its skew (below one advert,
/// RFC 9568, 6.1); a second is for the process that takes over.
fn longest(fleets: [&Fleet; 2]) -> Duration {
    4 * fleets.map(|fleet| Duration::from_secs(fleet.advert.into())).into_iter().max().unwrap()
        + Duration::from_secs(1)
}

fn replay(before: &Fleet, after: &Fleet, careful: bool, drainable: bool) {
    let Some((_, lock, mut old)) = rendered(before, "") else { return };
    if !drainable {
        for file in old.iter_mut().filter(|file| file.path.ends_with("/keepalived.conf")) {
            file.body = file.body.replace("    track_file {\n        drain\n    }\n", "").into();
        }
    }
    let Some((plan, _, new)) = rendered(after, &lock) else { return };
    let (from, to) = (state_of(&old), state_of(&new));
    let changed = changed(&old, &new);
    let zones: BTreeMap<Subdomain, Label> = plan
        .nodes
        .iter()
        .filter_map(|node| Some((node.node.clone(), node.zone.clone()?)))
        .collect();
    let request = Request {
        change: Comparison {
            from: &from,
            to: &to,
            changed: &changed,
            version: VERSION,
            controllers: &Controllers::default(),
        },
        zones: &zones,
        down: &BTreeSet::new(),
        digests: &BTreeMap::new(),
        careful,
        visit: None,
    };
    let rollout = Rollout::plan(request).unwrap();
    let context = format!("{}\nthen\n{}\n{:#?}", before.text(), after.text(), titles(&rollout));
    let mut replay = Replay::new(&from, &to);
    let end = Replay::new(&to, &to);
    let vips: BTreeSet<IpAddr> = replay.electorate.addresses().collect();
    let lasting: BTreeSet<IpAddr> = vips
        .into_iter()
        .filter(|vip| !replay.holders(*vip).is_empty() && !end.holders(*vip).is_empty())
        .collect();
    let excused: BTreeSet<IpAddr> = rollout
        .exceptions
        .iter()
        .filter(|found| {
            found.promise == Promise::OneHolder && found.why.starts_with("no other way")
        })
        .map(|found| found.vip)
        .collect();
    let lasting: BTreeSet<IpAddr> = lasting.difference(&excused).copied().collect();
    let mut moves: BTreeMap<IpAddr, usize> = BTreeMap::new();
    for step in &rollout.steps {
        let before: BTreeMap<IpAddr, Vec<String>> =
            lasting.iter().map(|vip| (*vip, replay.holders(*vip))).collect();
        for command in &step.commands {
            replay.run(command);
        }
        replay.settle();
        check(step, &replay, &lasting, &context);
        for (vip, held) in before {
            *moves.entry(vip).or_default() += usize::from(replay.holders(vip) != held);
        }
        // Nothing that interrupts reaches into two zones, but for a funnel's drain and a close.
        if matches!(step.does, Do::Stop | Do::Restart) {
            let reached: BTreeSet<_> = step.nodes.iter().map(|node| zones.get(node)).collect();
            let funnel = step.does == Do::Restart || !drainable;
            assert!(reached.len() <= 1 || funnel, "{}", step.title);
        }
    }
    // The end: everybody runs what was rendered.
    for (node, name) in replay.electorate.nodes().iter().enumerate() {
        let wanted = to.nodes.get(name).and_then(|state| state.keepalived.as_ref());
        let runs = replay.situation.running[node]
            .and_then(|phase| replay.electorate.state(node, phase))
            .and_then(|state| state.keepalived.as_ref());
        assert_eq!(runs, wanted, "{name}\n{context}");
    }
    assert!(replay.situation.drained.is_empty(), "{context}");
    for (vip, count) in moves {
        let excused = rollout.exceptions.iter().any(|found| found.vip == vip);
        assert!(count <= 1 || excused, "{vip} moves {count} times\n{context}");
    }
    let mut seen = SEEN.lock().unwrap();
    seen.1 += 1;
    for exception in &rollout.exceptions {
        assert!(exception.silent <= longest([before, after]), "{exception:?}\n{context}");
        let why = exception.why.split(':').next().unwrap();
        let (count, worst) = seen.0.entry(format!("{:?}: {why}", exception.promise)).or_default();
        *count += 1;
        *worst = exception.silent.max(*worst);
    }
}

fn titles(rollout: &Rollout) -> Vec<String> {
    let line = |step: &Step| format!("{}: {}", step.does.word(), step.title);
    rollout.steps.iter().map(line).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    fn random_pairs((before, after) in pair(), careful in prop::bool::weighted(0.3), drainable in prop::bool::weighted(0.8)) {
        replay(&before, &after, careful, drainable);
    }
}

#[test]
fn every_state_on_the_way_keeps_the_promises() {
    random_pairs();
    let seen = SEEN.lock().unwrap();
    println!("{} rollouts; exceptions {:#?}", seen.1, seen.0);
    assert!(seen.1 >= 1000, "only {} rollouts", seen.1);
}

/// A node that leaves, and that nothing drains, is stopped: no step lets VIPs come back to it.
#[test]
fn a_node_that_leaves_is_not_undrained() {
    let node = |weight| Some(Node { weight, zone: None, state: "active", renumbered: false });
    let vip = |prefer: Vec<usize>, nodes: Vec<usize>| {
        Some(Vip {
            entrypoint: 0,
            prefer,
            nodes,
            vrid: None,
            table: None,
            mark: None,
            pinned: false,
            extra: "",
        })
    };
    let before = Fleet {
        nodes: vec![node(1), node(1), node(3), node(1)],
        vips: vec![None, vip(vec![0], Vec::new()), vip(Vec::new(), Vec::new())],
        components: Vec::new(),
        domains: Vec::new(),
        kube_proxy: "iptables",
        mode: "virtual",
        vrrp3: false,
        advert: 1,
        preempt: true,
        gateway: 1,
        one_tier: false,
    };
    let mut after = before.clone();
    after.nodes[0] = None;
    after.vips[1] = vip(Vec::new(), vec![5]);
    replay(&before, &after, false, false);
}

/// A node's `host` is what the script connects to, and nothing that a shell or ssh would take for more.
/// A folder without a bundle of the datacenter is not a datacenter of which nothing runs.
#[test]
fn what_runs_is_not_nothing_by_mistake() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    std::fs::copy(support::inventory("minimal"), folder.path().join("inventory.yaml")).unwrap();
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    std::fs::create_dir(folder.path().join("elsewhere")).unwrap();
    std::fs::rename(folder.path().join("out/eu1"), folder.path().join("elsewhere/us1")).unwrap();
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    for wrong in [".", "elsewhere"] {
        let done = run(&["rollout", "--from", wrong]);
        let said = support::stderr(&done);
        assert_eq!(support::code(&done), 2, "{wrong}: {said}");
        assert!(said.contains("has no bundle of eu1") && said.contains("--from none"), "{said}");
        let done = run(&["simulate", "--from", wrong]);
        let said = support::stderr(&done);
        assert_eq!(support::code(&done), 2, "{wrong}: {said}");
        assert!(said.contains("is not a bundle, but"), "{said}");
    }
    for right in ["elsewhere/us1", "out", "none"] {
        let done = run(&["rollout", "--from", right]);
        assert_eq!(support::code(&done), 0, "{right}: {}", support::stderr(&done));
    }
}

/// A dead node gets nothing on the way: no step asks for it.
#[test]
fn a_dead_node_is_planned_around() {
    let folder = tempfile::tempdir().unwrap();
    let text = std::fs::read_to_string(support::inventory("three-racks")).unwrap();
    let path = folder.path().join("inventory.yaml");
    std::fs::write(&path, &text).unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    assert_eq!(support::code(&run(&["render", "-q", "-o", "old"])), 0);
    std::fs::write(&path, text.replace("preempt: 30s", "preempt: 20s")).unwrap();
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let steps = |more: &[&str]| -> Vec<serde_json::Value> {
        let done = run(&[&["rollout", "--from", "old", "--format", "json"], more].concat());
        assert_eq!(support::code(&done), 0, "{}", support::stderr(&done));
        let found: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
        found["steps"].as_array().unwrap().clone()
    };
    let names = |steps: &[serde_json::Value], what: &str| -> bool {
        let of = |step: &&serde_json::Value| step["do"] == what;
        steps
            .iter()
            .filter(of)
            .any(|step| step["nodes"].as_array().unwrap().iter().any(|node| node == "a-1"))
    };
    assert!(names(&steps(&[]), "reload"));
    let without = steps(&["--down", "a-1"]);
    assert!(!without.is_empty());
    assert!(!names(&without, "reload") && !names(&without, "verify"), "{without:#?}");
    assert_eq!(support::code(&run(&["rollout", "--from", "old", "--down", "nobody at all"])), 2);
    let said = support::stdout(&run(&["rollout", "--from", "old", "--down", "a-1"]));
    assert!(said.contains("a-1 is down and keeps its old files"), "{said}");
}

/// A visit says for which VIP no other node is left, and an empty command is none.
#[test]
fn a_visit_names_vips_that_nobody_else_can_hold() {
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    assert_eq!(support::code(&run(&["init", "-q"])), 0);
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let visit = |more: &[&str]| run(&[&["rollout", "--visit", "reboot"], more].concat());
    assert!(!support::stdout(&visit(&[])).contains("exception"));
    let alone = support::stdout(&visit(&["--down", "lb-1"]));
    assert!(
        alone.contains("exception: 192.0.2.10: no node holds it until lb-2 is back"),
        "{alone}"
    );
    assert!(alone.contains("run `reboot` on lb-2"), "{alone}");
    assert_eq!(support::code(&run(&["rollout", "--visit", ""])), 2);
}

/// Of two interfaces of one node nobody but a request from outside tells which network is behind which.
#[test]
fn swapped_interfaces_are_to_be_probed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("inventory.yaml");
    let run = |arguments: &[&str]| support::lbgen_in(folder.path(), arguments);
    let text = std::fs::read_to_string(support::inventory("three-racks")).unwrap();
    std::fs::write(&path, &text).unwrap();
    assert_eq!(support::code(&run(&["render", "-q", "-o", "old"])), 0);
    let swapped = text.replace("public: ens2, partners: ens3", "public: ens3, partners: ens2");
    assert_ne!(swapped, text);
    std::fs::write(&path, swapped).unwrap();
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let planned = run(&["rollout", "-q", "--from", "old", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    let probes = plan["probes"].as_array().unwrap();
    let seen: Vec<_> = probes.iter().map(|probe| (&probe["interface"], &probe["nodes"])).collect();
    assert_eq!(seen, [(&"ens2".into(), &["c-3"].into()), (&"ens3".into(), &["c-3"].into())]);
    // Another node's weight says nothing of networks.
    std::fs::write(&path, text.replace("zone: rack-c, weight: 2 }", "zone: rack-c, weight: 3 }"))
        .unwrap();
    assert_eq!(support::code(&run(&["render", "-q"])), 0);
    let planned = run(&["rollout", "-q", "--from", "old", "--format", "json"]);
    let plan: serde_json::Value = serde_json::from_slice(&planned.stdout).unwrap();
    assert_eq!(plan["probes"], serde_json::json!([]), "{plan}");
}
