//! Runs of what lbgen writes, by the real keepalived and the kernel, observed from outside.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
mod support;

use std::fs;
use std::net::IpAddr;
use std::time::Duration;

use lab::fleet::fleet;
use lab::{Lab, drained, failed, unhealthy};
use lbgen::plan::simulate::Scenario;

/// The name of a case, and its function.
type Case = (&'static str, fn(&mut Lab));

/// The events in a datacenter. Each case begins and ends with every node up and healthy.
const CASES: &[Case] = &[
    ("nodes and zones lose their power and come back", power),
    ("cables are pulled", cables),
    ("entrypoints are unhealthy", health),
    ("nodes are drained", drain),
    ("states are rendered and reloaded", states),
    ("the first address of a subnet leaves and the others stay", first_address),
    ("nodes ask the VIPs that they hold", own_vips),
    ("a graceful stop leaves nothing behind", stop),
];

/// All cases, one after the other, in one lab.
fn every_case(mode: &str, kube_proxy: &str) {
    let mut lab = Lab::start(&fleet(mode, kube_proxy), "");
    for (name, case) in CASES {
        println!("{mode}, {kube_proxy}: {name}");
        lab.prove(&Scenario::default());
        case(&mut lab);
    }
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn virtual_routing_with_marks() {
    every_case("virtual", "iptables");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn virtual_routing_without_marks() {
    every_case("virtual", "ipvs");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn static_routing_with_marks() {
    every_case("static", "iptables");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn static_routing_without_marks() {
    every_case("static", "ipvs");
}

fn power(lab: &mut Lab) {
    lab.crash("lb-1");
    lab.prove(&failed(&["lb-1"]));
    lab.crash("lb-2");
    lab.prove(&failed(&["lb-1", "lb-2"]));
    // A boot starts with an empty /run and the bundle's files.
    lab.boot("lb-1");
    lab.prove(&failed(&["lb-2"]));
    lab.boot("lb-2");
    lab.prove(&Scenario::default());
    // Zone b.
    lab.crash("lb-2");
    lab.crash("lb-3");
    lab.prove(&failed(&["lb-2", "lb-3"]));
    lab.boot("lb-2");
    lab.boot("lb-3");
    lab.prove(&Scenario::default());
}

fn cables(lab: &mut Lab) {
    lab.cables("lb-2", 0..lab.link_count(), false);
    lab.prove(&failed(&["lb-2"]));
    lab.cables("lb-2", 0..lab.link_count(), true);
    lab.prove(&Scenario::default());

    // One public network of one node: its VIPs of that network move, the others stay.
    for node in ["lb-1", "lb-2", "lb-3"] {
        lab.cables(node, [lab.link_of("partners")], false);
        let mut expected = lab.simulated(&Scenario::default());
        for (vip, holder) in lab.simulated(&failed(&[node])) {
            if vip.to_string().starts_with("198.51.100.") {
                expected.insert(vip, holder);
            }
        }
        lab.proof_of(&expected, &Scenario::default()).unwrap();
        lab.cables(node, [lab.link_of("partners")], true);
        lab.prove(&Scenario::default());
    }
}

fn health(lab: &mut Lab) {
    let mut pairs = Vec::new();
    for node in ["lb-1", "lb-2", "lb-3"] {
        lab.ready("web", node, false);
        pairs.push(("web", node));
        // Unhealthy everywhere, each VIP still has one holder, and it answers pings.
        lab.prove(&unhealthy(&pairs));
    }
    for node in ["lb-1", "lb-2", "lb-3"] {
        lab.ready("web", node, true);
    }
    lab.prove(&Scenario::default());
}

fn drain(lab: &mut Lab) {
    for node in ["lb-1", "lb-3"] {
        lab.nodes[node].drain(true);
        lab.prove(&drained(&[node]));
        lab.nodes[node].drain(false);
        lab.prove(&Scenario::default());
    }
}

fn states(lab: &mut Lab) {
    let (text, lock) = (lab.inventory.clone(), lab.lock());
    for state in ["draining", "maintenance", "active"] {
        let zone = "interface: eth0, zone: a";
        lab.roll_out(&text.replace(zone, &format!("{zone}, state: {state}")), &lock);
        lab.prove(&Scenario::default());
        assert_eq!(lab.lock(), lock);
    }
}

fn first_address(lab: &mut Lab) {
    lab.crash("lb-2");
    lab.crash("lb-3");
    lab.prove(&failed(&["lb-2", "lb-3"]));
    lab.boot("lb-2");
    // lb-1 held every VIP; those of one entrypoint leave, and with them the first address of their subnet.
    lab.watch_addresses("lb-1");
    lab.ready("web", "lb-1", false);
    let mut scenario = unhealthy(&[("web", "lb-1")]);
    scenario.failed = failed(&["lb-3"]).failed;
    lab.prove(&scenario);
    let kept = lab.simulated(&scenario)[&"192.0.2.20".parse().unwrap()].clone();
    let lost = lab.addresses_lost("lb-1", 1);
    assert!(lost.contains(&"192.0.2.11".parse().unwrap()), "{lost:?}");
    if kept.contains("lb-1") {
        assert!(!lost.contains(&"192.0.2.20".parse().unwrap()), "{lost:?}");
    }
    lab.ready("web", "lb-1", true);
    lab.boot("lb-3");
    lab.prove(&Scenario::default());
}

fn own_vips(lab: &mut Lab) {
    let all = lab.holders();
    for (vip, holders) in &all {
        let holder = holders.first().unwrap();
        let node = &lab.nodes[holder];
        let answer = lab.request_from(&node.host, *vip);
        // The source is the first address of the VIP's subnet there: that VIP, or another one that the node holds.
        let source = answer.strip_prefix(&format!("{holder} ")).and_then(|from| from.parse().ok());
        let held = |source: IpAddr| {
            let with_it = lab
                .datacenter
                .vips
                .iter()
                .find(|found| found.addresses().any(|(address, _)| address == source));
            with_it.is_some_and(|found| all[&found.address.value].contains(holder))
        };
        assert!(
            source.is_some_and(held),
            "{vip} on {holder}: {answer}\n{}",
            node.host.run("ip rule")
        );
    }
}

fn stop(lab: &mut Lab) {
    assert_ne!(leftovers(lab, "lb-1"), "");
    lab.nodes["lb-1"].stop();
    // systemd runs the unit's ExecStop.
    let unit = "/etc/systemd/system/lbgen-policy-routing.service";
    lab.nodes["lb-1"].host.run(&format!("$(sed -n 's/^ExecStop=//p' {unit})"));
    assert_eq!(leftovers(lab, "lb-1"), "");
    // Nothing of it is in the others' way.
    lab.wait_for(&lab.simulated(&failed(&["lb-1"])), lab.limit()).unwrap();
    lab.crash("lb-1");
    lab.prove(&failed(&["lb-1"]));
    lab.boot("lb-1");
}

/// Returns what a node has of lbgen's: addresses, rules, tables, marks.
fn leftovers(lab: &Lab, node: &str) -> String {
    let host = &lab.nodes[node].host;
    let vips: Vec<String> = lab.holders().into_keys().map(|vip| format!(" {vip}/")).collect();
    let addresses = host.run("ip -o addr show");
    let mut found: String = addresses
        .lines()
        .filter(|line| vips.iter().any(|vip| line.contains(vip)))
        .flat_map(|line| [line, "\n"])
        .collect();
    found += &host.run("ip rule | grep -vE '^(0|32766|32767):' || true");
    found += &host.run("ip -6 rule | grep -vE '^(0|32766):' || true");
    found += &host.run("ip route show table all | grep -E 'table [0-9]+' || true");
    found += &host.run("ip -6 route show table all | grep -E 'table [0-9]+' || true");
    found + &host.run("nft list tables | grep lbgen || true")
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn the_examples_run() {
    for example in support::examples_of_one_file() {
        let path = support::inventory(&example);
        // Nobody learns from half a minute of waiting.
        let text = fs::read_to_string(&path).unwrap().replace("preempt: 30s", "preempt: true");
        let lock = fs::read_to_string(path.with_extension("lock")).unwrap();
        let mut lab = Lab::start(&text, &lock);
        lab.prove(&Scenario::default());
        let first = lab.names().remove(0);
        lab.crash(&first);
        lab.prove(&failed(&[&first]));
    }
}

/// Services on the nodes, and pinned priorities as fleets have them.
const SERVICES: &str = r#"
datacenter: lab
keepalived: { vrrp_version: 3, advert_interval: 200ms }
gateways:
  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }
nodes:
  lb-1: { address: 10.0.0.11, interface: eth0 }
  lb-2: { address: 10.0.0.12, interface: eth0 }
  lb-3: { address: 10.0.0.13, interface: eth0 }
node_check: { check: /usr/bin/grep -q up /run/lab/uplink, interval: 1s }
entrypoints:
  proxy:
    host: { check: /usr/bin/curl --silent --fail --output /dev/null http://127.0.0.1:8080/, interval: 1s }
vips:
  - { address: 192.0.2.25, entrypoint: proxy, priorities: { lb-1: 200, lb-2: 150, lb-3: 100 } }
  - { address: 192.0.2.26, entrypoint: proxy, priorities: { lb-3: 150, lb-1: 100, lb-2: 50 } }
  - { address: 10.0.0.100, entrypoint: proxy, gateway: none }
"#;

/// A VIP leaves the node whose service has died or whose uplink is gone; with any nodes unhealthy, it is where the priorities
/// of the healthy ones, or of all unhealthy ones, say.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn services_on_the_nodes_are_followed() {
    let lab = Lab::start(SERVICES, "");
    lab.prove(&Scenario::default());
    let first = lab.holders()[&"192.0.2.25".parse().unwrap()].first().unwrap().clone();
    lab.nodes[&first].service(&first, false);
    lab.prove(&unhealthy(&[("proxy", &first)]));
    lab.nodes[&first].service(&first, true);
    lab.prove(&Scenario::default());
    let names = lab.names();
    for combination in 1..1u32 << names.len() {
        let is_down = |index: usize| combination & 1 << index != 0;
        let mut down = Vec::new();
        for (index, name) in names.iter().enumerate() {
            lab.nodes[name].uplink(!is_down(index));
            if is_down(index) {
                down.push(("proxy", name.as_str()));
            }
        }
        lab.prove(&unhealthy(&down));
    }
}

/// A VIP that is not preempted leaves a node that fails or is unhealthy, and stays where it went; one that is preempted
/// after a delay stays on an unhealthy node that long.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn preemption_is_as_simulated() {
    let text = fleet("virtual", "iptables")
        // Far enough apart that the next one takes over first on a busy machine too: where it went, it stays.
        .replace(
            "192.0.2.11, entrypoint: web",
            "192.0.2.11, entrypoint: web, preempt: false, priorities: { lb-1: 250, lb-2: 150, lb-3: 50 }",
        )
        .replace("192.0.2.12, entrypoint: web", "192.0.2.12, entrypoint: web, preempt: 8s");
    let mut lab = Lab::start(&text, "");
    lab.prove(&Scenario::default());
    let [stays, waits]: [IpAddr; 2] = ["192.0.2.11", "192.0.2.12"].map(|vip| vip.parse().unwrap());
    let holder = |lab: &Lab, vip: IpAddr| lab.holders()[&vip].first().unwrap().clone();

    let first = holder(&lab, stays);
    lab.ready("web", &first, false);
    lab.prove(&unhealthy(&[("web", &first)]));
    let second = holder(&lab, stays);
    assert_ne!(first, second, "its priority alone would leave the VIP there");
    lab.ready("web", &first, true);
    // It may hold no other VIP that would come back and show that it is well again.
    lab.nodes[&first]
        .host
        .run("until [ -z \"$(/usr/local/libexec/lbgen/loaded --failing)\" ]; do sleep 0.2; done");
    lab.prove(&Scenario::default());
    assert_eq!(holder(&lab, stays), second, "coming back does not preempt");
    lab.crash(&second);
    lab.prove(&failed(&[&second]));
    lab.boot(&second);
    lab.prove(&Scenario::default());
    assert_ne!(holder(&lab, stays), second);

    let first = holder(&lab, waits);
    lab.watch_addresses(&first);
    let start = std::time::Instant::now();
    lab.ready("web", &first, false);
    lab.prove(&unhealthy(&[("web", &first)]));
    // Its other VIPs leave at once.
    let mut lost = 1;
    while !lab.addresses_lost(&first, lost).contains(&waits) {
        lost += 1;
    }
    let stayed = start.elapsed();
    // Two failed checks, 2 s apart, come before the delay.
    assert!(stayed >= Duration::from_secs(8), "moved after {stayed:?}");
}

/// A VIP's longest silence when its MASTER is cut off, against RFC 9568, 6.1: three adverts and the skew from the last one
/// that was heard. The last one may be as old as one advert by then. The figure is printed.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn another_node_takes_over_after_three_adverts() {
    let advert = Duration::from_millis(100);
    let text = fleet("virtual", "iptables").replace("200ms", "100ms");
    let lab = Lab::start(&text, "");
    lab.prove(&Scenario::default());
    let vip = "192.0.2.11".parse().unwrap();
    let holder = lab.simulated(&Scenario::default())[&vip].first().unwrap().clone();
    lab.start_pings(vip);
    lab.cables(&holder, 0..lab.link_count(), false);
    lab.prove(&failed(&[&holder]));
    let silence = lab.longest_silence();
    println!("{vip}: silent for {} ms with adverts every {advert:?}", silence.as_millis());
    // Between two pings, and between the first cable and the last. A machine that is short of CPU makes a silence longer,
    // never shorter.
    let grain = Duration::from_millis(25);
    assert!(silence + grain >= 2 * advert, "three adverts were not waited for: {silence:?}");
}
