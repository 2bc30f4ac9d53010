//! keepalived in pods, on the real daemon: what is killed leaves nothing behind, and what a pod may not do is noticed.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;

use std::net::IpAddr;
use std::thread::sleep;
use std::time::Duration;

use lab::fleet::fleet;
use lab::pod::KUBELET;
use lab::{Lab, Node, failed};
use lbgen::plan::simulate::Scenario;

/// No VIP is on two nodes for longer, and the machine is busy.
const TWICE: Duration = Duration::from_millis(400);

const IMAGE: &str = "registry.example.com/keepalived@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// The fleet in pods of one form, whose image has the keepalived of this machine.
fn in_pods(form: &str) -> String {
    let release = lab::kubelet::version();
    let pods = format!("keepalived: {{ run: {form}, image: \"{IMAGE}\", version: {release}, ");
    fleet("virtual", "iptables").replace("keepalived: { ", &pods)
}

/// The folder of a pod on its node.
fn folder(form: &str) -> &'static str {
    if form == "daemonset" { "set" } else { "static" }
}

/// A fleet that runs in pods, and its watched nodes.
fn running(form: &str) -> Lab {
    let lab = Lab::start(&in_pods(form), "");
    lab.prove(&Scenario::default());
    for name in lab.nodes.keys() {
        lab.watch_timeline(name);
    }
    lab
}

/// Does something to a node, and waits until the fleet is again as it was: no VIP was on two nodes at a time.
fn survives(lab: &Lab, what: &str, strike: impl Fn(&Node)) {
    let before = lab.holders();
    let node = &lab.nodes["lb-1"];
    assert!(before.values().any(|holders| holders.contains("lb-1")), "lb-1 holds nothing");
    strike(node);
    // Until others have taken over, or could have.
    sleep(Duration::from_secs(2));
    lab.prove_holders();
    let worst = lab.worst(&before);
    for (vip, worst) in &worst {
        assert!(
            worst.several <= TWICE,
            "{what}: {vip} was on several nodes: {worst:?}\n{}",
            node.log()
        );
    }
    let several = worst.values().map(|worst| worst.several).max().unwrap_or_default();
    println!("{what}: on several nodes for {:.2} s at most", several.as_secs_f64());
}

/// Kills what a file of the pod names.
fn kill(node: &Node, file: &str) {
    let done = node.inside(&format!("kill -KILL $(cat /run/{file})"));
    assert!(done.status.success(), "{done:?}");
}

fn killed_in_every_way(form: &str) {
    let lab = running(form);
    survives(&lab, "the parent is killed", |node| kill(node, "keepalived.pid"));
    survives(&lab, "the child is killed", |node| kill(node, "vrrp.pid"));
    survives(&lab, "the container is killed", |node| {
        node.kill_container(folder(form), "keepalived")
    });
    survives(&lab, "it crashes ten times", |node| {
        for _ in 0..10 {
            node.kill_container(folder(form), "keepalived");
            sleep(Duration::from_millis(900));
        }
    });
    survives(&lab, "the guard is killed", |node| node.kill_container(folder(form), "guard"));
    lab.prove(&Scenario::default());
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_daemon_that_is_killed_in_a_daemon_set_leaves_nothing_behind() {
    killed_in_every_way("daemonset");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_daemon_that_is_killed_in_a_static_pod_leaves_nothing_behind() {
    killed_in_every_way("static_pod");
}

/// Without the guard and another first process two nodes have the VIPs: the lab can fail.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_a_guard_a_killed_container_leaves_its_vips_on_two_nodes() {
    let lab = running("daemonset");
    let before = lab.holders();
    let node = &lab.nodes["lb-1"];
    node.kill_container("set", "guard");
    inside_loop_ends(node);
    node.kill_container("set", "keepalived");
    let others = lab.simulated(&failed(&["lb-1"]));
    let mut twice = others;
    for (vip, holders) in &before {
        if holders.contains("lb-1") {
            twice.get_mut(vip).unwrap().insert("lb-1".to_owned());
        }
    }
    lab.wait_for(&twice, lab.limit()).unwrap();
}

/// The kubelet restarts no container of a node any more.
fn inside_loop_ends(node: &Node) {
    node.host.run(&format!("pkill -STOP -f {KUBELET}/[s]et.sh"));
    node.kill_container("set", "guard");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn another_configuration_at_a_start_takes_the_old_vips_out() {
    let lab = running("static_pod");
    let node = &lab.nodes["lb-1"];
    let vip: IpAddr = "192.0.2.10".parse().unwrap();
    let conf = node.host.run("cat /etc/keepalived/keepalived.conf");
    let start = conf.find("vrrp_instance load-balancer-192.0.2.10 ").unwrap();
    let rest = &conf[start..];
    let end = rest[1..].find("\nvrrp_instance ").map_or(rest.len(), |at| at + 1);
    let without = format!("{}{}", &conf[..start], &rest[end..]);
    std::fs::write(lab.cluster().with_file_name("without.conf"), without).unwrap();
    let path = lab.cluster().with_file_name("without.conf");
    // Nobody sweeps while the pod is away.
    node.host.run(&format!(
        "ip addr add {vip}/24 dev eth1 2>/dev/null; ip rule add from {vip} lookup 4242 priority 1500 protocol 18; cp {} /etc/keepalived/keepalived.conf; sed -i '/^load-balancer-192.0.2.10 /d' /etc/lbgen/expected",
        path.display()
    ));
    node.kill_container("static", "keepalived");
    sleep(Duration::from_secs(3));
    assert!(!node.host.run("ip -o addr show").contains("192.0.2.10/"), "{}", node.log());
    assert!(!node.host.run("ip rule").contains("4242"));
}

/// A pod that lacks a right does not start keepalived, and is not ready; it never is MASTER without its addresses.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn each_capability_that_is_taken_away_is_noticed() {
    for right in ["NET_ADMIN", "NET_RAW", "SETUID", "SETGID", "KILL"] {
        let lab = running("static_pod");
        let node = &lab.nodes["lb-1"];
        node.host.run(&format!(
            "sed -i '/^ *- {right}$/d' /etc/kubernetes/manifests/lbgen-keepalived.yaml"
        ));
        // The kubelet takes the pod away, and makes another one.
        lab.wait_for(&lab.simulated(&failed(&["lb-1"])), lab.limit()).unwrap();
        node.host.run(&format!(
            "until grep -qs '{right}' {KUBELET}/static/sweep.log; do sleep 0.1; done"
        ));
        assert!(!node.host.sh("pgrep -x keepalived").status.success(), "{right}: it was started");
        assert!(lab.holders().values().all(|holders| !holders.contains("lb-1")), "{right}");
    }
}

/// Two keepaliveds on one node take each other's addresses: the pod waits for the end of the host's.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_pod_waits_for_the_keepalived_of_the_host() {
    let lab = Lab::start(&fleet("virtual", "iptables"), "");
    lab.prove(&Scenario::default());
    for name in lab.nodes.keys() {
        lab.watch_timeline(name);
    }
    let before = lab.holders();
    let pods = Lab::rendered(&in_pods("static_pod"));
    let node = &lab.nodes["lb-1"];
    let manifest =
        pods.path().join("lab/nodes/lb-1/etc/kubernetes/manifests/lbgen-keepalived.yaml");
    node.kubelet(&lab.cluster());
    node.host.run(&format!(
        "mkdir -p /etc/kubernetes/manifests; cp {} /etc/kubernetes/manifests/",
        manifest.display()
    ));
    node.host.run(&format!("until [ -e {KUBELET}/static/keepalived.pid ]; do sleep 0.1; done"));
    sleep(Duration::from_secs(2));
    assert_eq!(lab.holders(), before);
    assert!(lab.worst(&before).values().all(|worst| worst.several + worst.none == Duration::ZERO));
    // It takes over by itself.
    node.host.run("kill $(cat /run/keepalived.pid)");
    lab.prove_holders();
    node.host.run("until pgrep -x keepalived; do sleep 0.1; done");
    assert!(lab.worst(&before).values().all(|worst| worst.several <= TWICE));
}
