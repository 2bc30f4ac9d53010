//! The lab can fail: each thing that it checks is broken on purpose here, and seen to be.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;

use std::net::IpAddr;
use std::time::Duration;

use lab::fleet::fleet;
use lab::{Lab, Node};
use lab::{drained, failed, unhealthy};
use lbgen::plan::simulate::Scenario;

/// A lab that is sound, a VIP and its holder.
fn sound(mode: &str, kube_proxy: &str, vip: &str) -> (Lab, IpAddr, String) {
    // The numbers that the faults name.
    let mark = if kube_proxy == "ipvs" { "" } else { ", mark: 2" };
    let pinned = format!("address: {vip}, table: 1001, rule_priority: 1001{mark},");
    let fleet = fleet(mode, kube_proxy).replace(&format!("address: {vip},"), &pinned);
    let lab = Lab::start(&fleet, "");
    lab.prove(&Scenario::default());
    let vip: IpAddr = vip.parse().unwrap();
    let holder = lab.simulated(&Scenario::default())[&vip].first().unwrap().clone();
    (lab, vip, holder)
}

/// `status` of a node, and whether it is content.
fn status(node: &Node) -> (String, bool) {
    let done = node.host.sh("lbgen-policy-routing status");
    (String::from_utf8_lossy(&done.stdout).into_owned(), done.status.success())
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_the_fwmark_rule_requests_time_out_and_pings_do_not() {
    let (lab, vip, holder) = sound("virtual", "iptables", "192.0.2.11");
    let node = &lab.nodes[&holder];
    let before = lab.leaked();
    // Taken out of the file: one that is only deleted is put back by keepalived.
    node.host.run("sed -i '/fwmark 0x2/d' /etc/keepalived/keepalived.conf");
    node.reload();
    node.host.run("while ip rule | grep -q 'fwmark 0x2/'; do sleep 0.1; done");
    assert!(lab.request(vip).contains("timed out"), "{}", lab.request(vip));
    assert!(lab.pings(vip));
    assert!(lab.leaked() > before, "the replies left by the internal side, and were dropped");
    let (text, content) = status(node);
    assert!(
        !content && text.lines().any(|line| line.starts_with("missing  rule  192.0.2.11")),
        "{text}"
    );
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_the_rule_to_the_pods_a_node_does_not_reach_its_own_vip() {
    let (lab, vip, holder) = sound("static", "iptables", "192.0.2.11");
    let node = &lab.nodes[&holder];
    assert!(lab.request_from(&node.host, vip).starts_with(&holder));
    node.host.run("while ip rule del priority 999; do :; done");
    // It went to the gateway, which has no way to the pods.
    let answer = lab.request_from(&node.host, vip);
    assert!(answer.starts_with("curl: "), "{answer}");
    assert!(lab.request(vip).starts_with(&holder), "clients are answered all the same");
    let (text, content) = status(node);
    assert!(!content && text.contains("missing  rule  192.0.2.11"), "{text}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_the_from_rule_nothing_is_answered() {
    let (lab, vip, holder) = sound("static", "ipvs", "192.0.2.11");
    let node = &lab.nodes[&holder];
    // That to the pods too, which comes before it.
    node.host.run("while ip rule del from 192.0.2.11; do :; done");
    assert!(lab.request(vip).contains("timed out"));
    assert!(!lab.pings(vip));
    let (text, content) = status(node);
    assert!(!content && text.contains("missing  rule  192.0.2.11"), "{text}");
    // The script puts it back.
    node.host.run("lbgen-policy-routing up");
    lab.prove(&Scenario::default());
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_its_table_a_vip_is_mute_and_status_says_so() {
    let (lab, vip, holder) = sound("static", "iptables", "192.0.2.11");
    let node = &lab.nodes[&holder];
    node.host.run("ip route flush table 1001");
    assert!(lab.request(vip).contains("timed out"));
    let (text, content) = status(node);
    assert!(!content && text.contains("missing  route 192.0.2.11"), "{text}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn in_virtual_mode_keepalived_puts_back_what_others_remove_by_an_election() {
    let (lab, _, holder) = sound("virtual", "iptables", "192.0.2.11");
    let node = &lab.nodes[&holder];
    for removal in ["ip route flush table 1001", "ip rule del from 192.0.2.11"] {
        let elections = || node.host.run("grep -c 'Entering MASTER' /run/lab/keepalived.log");
        let before = elections();
        node.host.run(removal);
        lab.prove(&Scenario::default());
        assert_ne!(before, elections(), "{removal}");
    }
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_marks_requests_time_out_and_a_foreign_rule_is_named() {
    let (lab, vip, holder) = sound("virtual", "iptables", "192.0.2.11");
    let node = &lab.nodes[&holder];
    node.host.run("nft delete table inet lbgen");
    assert!(lab.request(vip).contains("timed out"));
    assert!(lab.pings(vip));
    let (text, content) = status(node);
    assert!(!content && text.contains("missing  mark  192.0.2.11"), "{text}");
    node.host.run("lbgen-policy-routing up");
    lab.prove(&Scenario::default());

    node.host.run("ip rule add from 10.9.9.9 lookup 77 priority 1001");
    let (text, content) = status(node);
    assert!(!content && text.contains("foreign  rule  192.0.2.11"), "{text}");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_strict_reverse_path_filter_drops_requests() {
    let (lab, vip, holder) = sound("virtual", "iptables", "192.0.2.11");
    lab.nodes[&holder].host.run("sysctl -qw net.ipv4.conf.eth1.rp_filter=1");
    assert!(lab.request(vip).contains("timed out"));
    lab.nodes[&holder].host.run("sysctl -q -p /etc/sysctl.d/90-lbgen.conf");
    lab.prove(&Scenario::default());
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_promote_secondaries_the_first_address_takes_the_others_along() {
    let mut lab = Lab::start(&fleet("virtual", "iptables"), "");
    lab.crash("lb-2");
    lab.crash("lb-3");
    lab.prove(&failed(&["lb-2", "lb-3"]));
    let host = &lab.nodes["lb-1"].host;
    host.run("sysctl -qw net.ipv4.conf.eth1.promote_secondaries=0");
    lab.watch_addresses("lb-1");
    let first = host.run("ip -o -4 addr show dev eth1 primary | awk '{ print $4 }'");
    host.run(&format!("ip addr del {} dev eth1", first.trim()));
    let lost = lab.addresses_lost("lb-1", 2);
    assert!(lost.len() > 1, "only {lost:?} was lost");
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_onlink_the_kernel_refuses_the_route_of_a_vip_that_is_not_there() {
    let (lab, _, _) = sound("static", "iptables", "192.0.2.11");
    let node = &lab.nodes["lb-1"];
    node.drain(true);
    lab.prove(&drained(&["lb-1"]));
    let route = "ip route add default via 192.0.2.1 dev eth1 table 77";
    let refused = node.host.sh(route);
    assert!(String::from_utf8_lossy(&refused.stderr).contains("invalid gateway"));
    node.host.run(&format!("{route} onlink"));
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn without_the_directory_of_the_drain_file_nothing_drains_and_that_is_seen() {
    let (lab, ..) = sound("virtual", "ipvs", "192.0.2.11");
    let node = &lab.nodes["lb-1"];
    let check = || node.host.sh("/usr/local/libexec/lbgen/loaded --check");
    let sound = check();
    assert!(sound.status.success() && sound.stdout.is_empty(), "{sound:?}");
    node.stop();
    node.host.run("rm -r /run/lbgen");
    node.host.run("TMPDIR=/run/lab keepalived --dont-fork --log-console >/run/lab/keepalived.log 2>&1 & until [ -s /run/vrrp.pid ]; do sleep 0.05; done");
    let found = check();
    let said = String::from_utf8_lossy(&found.stdout);
    assert!(!found.status.success(), "{said}");
    let lines = said.lines().filter(|line| line.starts_with(['<', '>']));
    assert!(said.contains("track drain weight 0"), "{said}");
    assert!(lines.into_iter().all(|line| line.ends_with("track drain weight 0")), "{said}");
}

/// keepalived takes a program that it cannot execute for a healthy one; setpriv, which it can, fails for it.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_check_that_cannot_be_executed_counts_as_failed() {
    let (lab, _, holder) = sound("virtual", "ipvs", "192.0.2.11");
    let names: Vec<String> = lab.datacenter.entrypoints.keys().map(ToString::to_string).collect();
    let all: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), &*holder)).collect();
    let elsewhere = lab.simulated(&unhealthy(&all));
    let program = "/usr/local/libexec/lbgen/check-entrypoint";
    for spoil in [format!("chmod 0644 {program}"), format!("rm {program}")] {
        lab.nodes[&holder].host.run(&format!("cp -p {program} /run/kept; {spoil}"));
        lab.wait_for(&elsewhere, lab.limit()).unwrap();
        lab.nodes[&holder].host.run(&format!("cp -p /run/kept {program}"));
        lab.prove_holders();
    }
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn a_vip_that_is_elsewhere_than_simulated_is_named() {
    let (lab, ..) = sound("virtual", "ipvs", "192.0.2.11");
    let wrong = lab.simulated(&failed(&["lb-1"]));
    let text = lab.wait_for(&wrong, Duration::from_secs(1)).unwrap_err();
    assert!(text.contains("expected on") && text.contains("is on {\"lb-1\"}"), "{text}");
}
