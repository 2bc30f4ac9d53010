//! What lbgen writes is run by the real keepalived and the kernel, and looked at from outside.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "lab/mod.rs"]
mod lab;
mod support;

use lab::Lab;
use lab::fleet::fleet;
use lbgen::plan::simulate::Scenario;
use std::fs;

/// Both modes of policy routing, with Kubernetes marks and without; each in a lab of its own, side by side.
fn every_kind(case: impl Fn(&mut Lab) + Sync) {
    std::thread::scope(|scope| {
        for mode in ["virtual", "static"] {
            for kube_proxy in ["iptables", "ipvs"] {
                let case = &case;
                let kind = std::thread::Builder::new().name(format!("{mode}, {kube_proxy}"));
                let run = move || {
                    let mut lab = Lab::start(&fleet(mode, kube_proxy), "");
                    lab.prove(&Scenario::default());
                    case(&mut lab);
                };
                kind.spawn_scoped(scope, run).unwrap();
            }
        }
    });
}

fn failed(nodes: &[&str]) -> Scenario {
    Scenario::failed(nodes.iter().copied())
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn nodes_and_zones_lose_their_power_and_come_back() {
    every_kind(|lab| {
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
    });
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn cables_are_pulled() {
    every_kind(|lab| {
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
            lab.prove_holders(&expected, &Scenario::default());
            lab.cables(node, [lab.link_of("partners")], true);
            lab.prove(&Scenario::default());
        }
    });
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn entrypoints_are_unhealthy_and_nodes_are_drained() {
    every_kind(|lab| {
        let mut scenario = Scenario::default();
        for node in ["lb-1", "lb-2", "lb-3"] {
            lab.ready("web", node, false);
            scenario.unhealthy.insert(("web".to_owned(), node.to_owned()));
            // Unhealthy everywhere, each VIP still has one holder, and it answers pings.
            lab.prove(&scenario);
        }
        for node in ["lb-1", "lb-2", "lb-3"] {
            lab.ready("web", node, true);
        }
        lab.prove(&Scenario::default());

        for node in ["lb-1", "lb-3"] {
            lab.nodes[node].drain(true);
            let drained = Scenario { drained: [node.to_owned()].into(), ..Scenario::default() };
            lab.prove(&drained);
            lab.nodes[node].drain(false);
            lab.prove(&Scenario::default());
        }
    });
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn states_are_rendered_and_reloaded() {
    every_kind(|lab| {
        let (text, lock) = (lab.inventory.clone(), lab.lock());
        for state in ["draining", "maintenance", "active"] {
            let zone = "interface: eth0, zone: a";
            lab.roll_out(&text.replace(zone, &format!("{zone}, state: {state}")), &lock);
            lab.prove(&Scenario::default());
            assert_eq!(lab.lock(), lock);
        }
    });
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn the_first_address_of_a_subnet_leaves_and_the_others_stay() {
    every_kind(|lab| {
        lab.crash("lb-2");
        lab.crash("lb-3");
        lab.prove(&failed(&["lb-2", "lb-3"]));
        lab.boot("lb-2");
        // lb-1 held every VIP; those of one entrypoint leave, and with them the first address of their subnet.
        lab.watch_addresses("lb-1");
        lab.ready("web", "lb-1", false);
        let mut scenario = failed(&["lb-3"]);
        scenario.unhealthy.insert(("web".to_owned(), "lb-1".to_owned()));
        lab.prove(&scenario);
        let kept = lab.simulated(&scenario)[&"192.0.2.20".parse().unwrap()].clone();
        let lost = lab.addresses_lost("lb-1", 1);
        assert!(lost.contains(&"192.0.2.11".parse().unwrap()), "{lost:?}");
        if kept.contains("lb-1") {
            assert!(!lost.contains(&"192.0.2.20".parse().unwrap()), "{lost:?}");
        }
    });
}

#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn the_examples_run() {
    std::thread::scope(|scope| {
        for example in support::examples() {
            let run = move || {
                let path = support::inventory(&example);
                // Nobody learns from half a minute of waiting.
                let text =
                    fs::read_to_string(&path).unwrap().replace("preempt: 30s", "preempt: true");
                let lock = fs::read_to_string(path.with_extension("lock")).unwrap();
                let mut lab = Lab::start(&text, &lock);
                lab.prove(&Scenario::default());
                let first = lab.names().remove(0);
                lab.crash(&first);
                lab.prove(&failed(&[&first]));
            };
            std::thread::Builder::new().name("example".into()).spawn_scoped(scope, run).unwrap();
        }
    });
}

/// A VIP's longest silence when its MASTER loses its power: three adverts and the skew by RFC 9568, and what it takes to
/// start forwarding. The figure is printed; that it answers again is what counts.
#[test]
#[ignore = "needs keepalived, nftables and root; run tests/run"]
fn another_node_takes_over_after_three_adverts() {
    let text = fleet("virtual", "iptables").replace("200ms", "100ms");
    let mut lab = Lab::start(&text, "");
    lab.prove(&Scenario::default());
    let vip = "192.0.2.11".parse().unwrap();
    let holder = lab.simulated(&Scenario::default())[&vip].first().unwrap().clone();
    lab.start_pings(vip);
    lab.crash(&holder);
    lab.prove(&failed(&[&holder]));
    let silence = lab.longest_silence();
    println!("{vip}: silent for {} ms with adverts every 100 ms", silence.as_millis());
    assert!(silence > std::time::Duration::from_millis(100), "nothing was lost: {silence:?}");
}

/// What a node has of lbgen's: addresses, rules, tables, marks.
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
fn a_graceful_stop_leaves_nothing_behind() {
    every_kind(|lab| {
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
    });
}
