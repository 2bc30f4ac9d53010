//! The kernel takes what the script and keepalived put in, and `status` tells what is there.
//!
//! This needs root and Debian packages; `tests/run` installs them and runs everything.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use support::node::{nodes, on_node};
use support::{code, files, stderr, stdout};

/// The lines of `status` that begin with a word.
fn states(status: &Output) -> BTreeSet<String> {
    stdout(status).lines().map(|line| line.split_whitespace().next().unwrap().to_owned()).collect()
}

#[test]
#[ignore = "needs iproute2, nftables and root; run tests/run"]
fn the_static_script_puts_everything_in_and_takes_it_out() {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("dual-stack"), out.path());
    let done = on_node(
        &bundle.join("nodes/lb-1"),
        r#"
        # Without link-local addresses: they come when the kernel has time.
        state() { ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all | grep -vE 'fe80::|ff00::' || true; nft list ruleset; }
        state >/run/before
        lbgen-policy-routing up --dry-run >/run/dry
        state | cmp - /run/before
        lbgen-policy-routing up
        state >/run/once
        lbgen-policy-routing up
        state | cmp - /run/once
        lbgen-policy-routing status >/run/status
        ip -4 rule; ip -6 rule
        for table in 2000 2001; do ip -4 route show table $table; ip -6 route show table $table; done; ip -6 route show table 2003
        nft list ruleset
        lbgen-policy-routing down
        state | cmp - /run/before
        lbgen-policy-routing down
        ! lbgen-policy-routing status >/run/down
        grep -c '^missing' /run/down
        ! grep -v '^missing' /run/down
        "#,
    );
    assert_eq!(code(&done), 0, "{}{}", stdout(&done), stderr(&done));
    let text = stdout(&done);
    for line in [
        "500:\tfrom 192.0.2.10 lookup 2000 proto 176",
        "501:\tfrom 192.0.2.11 lookup 2001 proto 176",
        "500:\tfrom 2001:db8:8::10 lookup 2000",
        "503:\tfrom 2001:db8:8::12 lookup 2003",
        "504:\tfrom all fwmark 0x1/0xf lookup 2000",
        "default via 192.0.2.1 dev eth1 proto 176 onlink",
        "\"eth1\" . 192.0.2.10 : jump enter_0x1",
        "\"eth1\" . 2001:db8:8::10 : jump enter_0x1",
        "ct mark set ct mark & 0xfffffff1 | 0x00000001",
        "meta mark set meta mark & 0xfffffff1 | 0x00000001",
        "type route hook output priority mangle",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.contains("192.0.2.13"), "lb-1 never holds it:\n{text}");
}

#[test]
#[ignore = "needs iproute2, nftables and root; run tests/run"]
fn status_tells_what_is_missing_and_what_is_foreign() {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("dual-stack"), out.path());
    let node = bundle.join("nodes/lb-1");
    let status_after = |change: &str| {
        let done = on_node(
            &node,
            &format!("lbgen-policy-routing up\n{change}\nlbgen-policy-routing status"),
        );
        assert_eq!(stderr(&done), "", "{change}");
        done
    };
    let lines = |status: &Output, state: &str| {
        stdout(status)
            .lines()
            .filter(|line| line.starts_with(state))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let whole = status_after("");
    assert_eq!(
        (code(&whole), states(&whole)),
        (0, BTreeSet::from(["present".to_owned()])),
        "{}",
        stdout(&whole)
    );
    for (change, state, lines_of) in [
        (
            "ip rule del from 192.0.2.10 lookup 2000",
            "missing",
            "rule  192.0.2.10: ip -4 rule from 192.0.2.10",
        ),
        ("ip -6 route flush table 2001", "missing", "route 192.0.2.11: ip -6 route default"),
        (
            "nft delete element inet lbgen vip4 '{ \"eth1\" . 192.0.2.11 }'",
            "missing",
            "mark  192.0.2.11: 0x2",
        ),
        (
            "nft delete element inet lbgen vip4 '{ \"eth1\" . 192.0.2.11 }'; nft add element inet lbgen vip4 '{ \"eth1\" . 192.0.2.11 : jump enter_0x1 }'",
            "missing",
            "mark  192.0.2.11: 0x2",
        ),
        ("nft flush chain inet lbgen prerouting", "missing", "mark  192.0.2.10: 0x1"),
        ("nft delete table inet lbgen", "missing", "mark  192.0.2.10: 0x1"),
        (
            "ip rule add from 10.9.9.9 lookup 77 priority 500",
            "foreign",
            "rule  192.0.2.10: ip -4 rule from 192.0.2.10",
        ),
        (
            "ip route replace default dev eth0 table 2000",
            "foreign",
            "route 192.0.2.10: ip -4 route default",
        ),
    ] {
        let status = status_after(change);
        assert_eq!(code(&status), 1, "{change}");
        assert!(
            lines(&status, state).iter().any(|line| line.contains(lines_of)),
            "{change}:\n{}",
            stdout(&status)
        );
    }
    // One VIP at a time, and its mark with it.
    let done = on_node(
        &node,
        "lbgen-policy-routing up 192.0.2.10; lbgen-policy-routing up 192.0.2.10; lbgen-policy-routing status 192.0.2.10
         # Leftovers are no matter of this VIP.
         ip rule add from 10.8.8.8 lookup 77 priority 499 proto 176; lbgen-policy-routing status 192.0.2.10; ip rule del priority 499
         nft list ruleset; ! lbgen-policy-routing status 192.0.2.11 >/dev/null
         lbgen-policy-routing down 192.0.2.10; ! lbgen-policy-routing status 192.0.2.10 >/dev/null; ip rule; nft list map inet lbgen vip4
         ! lbgen-policy-routing up 2.0.2.10 2>&1; ! lbgen-policy-routing 2>&1",
    );
    assert_eq!(code(&done), 0, "{}{}", stdout(&done), stderr(&done));
    assert!(
        stdout(&done).contains("2.0.2.10 is no VIP of this node")
            && stdout(&done).contains("usage:")
    );
    assert!(!stdout(&done).contains("192.0.2.11 "), "{}", stdout(&done));
}

/// Rules, routes and marks that an inventory no longer has go with `up`, and `status` names them until then.
#[test]
#[ignore = "needs iproute2, nftables and root; run tests/run"]
fn what_an_earlier_inventory_left_behind_is_foreign_and_goes() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    let without_vip =
        text.replace("  - address: 192.0.2.11\n    extra_addresses: [\"2001:db8:8::11\"]\n", "");
    let edits = [
        (
            "fewer",
            without_vip.clone(),
            "rule  of no VIP: ip -6 rule from 2001:db8:8::11 lookup 2001",
            "route of no VIP",
        ),
        (
            "virtual",
            text.replace("mode: static", "mode: virtual"),
            "rule  of no VIP: ip -4 rule from 192.0.2.10",
            "route of no VIP",
        ),
        (
            "ipvs",
            text.replace("endpoints: both", "endpoints: both\n  kube_proxy: ipvs"),
            "marks of no VIP: nft table inet lbgen",
            "rule  of no VIP: ip -4 rule from all fwmark",
        ),
    ];
    assert_ne!(without_vip, text);
    let old = support::render(&support::inventory("dual-stack"), &folder.path().join("old"));
    for (name, edited, first, second) in edits {
        let home = folder.path().join(name);
        fs::create_dir(&home).unwrap();
        let lock = support::inventory("dual-stack").with_extension("lock");
        fs::copy(lock, home.join("inventory.lock")).unwrap();
        fs::write(home.join("inventory.yaml"), edited).unwrap();
        let new = support::render(&home.join("inventory.yaml"), &home.join("out"));
        let script = new.join("nodes/lb-1/usr/local/sbin/lbgen-policy-routing");
        let done = on_node(
            &old.join("nodes/lb-1"),
            // The script of `on_node` ends where something fails; what counts lines may find none.
            &format!(
                r#"
                set +e -x
                lbgen-policy-routing up || exit 2
                ! {0} status >/run/before || exit 3
                {0} up || exit 4
                {0} status >/run/after || exit 5
                [ "$(ip -4 rule | grep -c 'proto 176')" = "$(grep -c '^present  rule.*ip -4' /run/after)" ] || exit 6
                cat /run/before
                lbgen-policy-routing up || exit 7
                {0} down || exit 8
                echo --- left
                ip -4 rule | grep 'proto 176'; ip -6 rule | grep 'proto 176'
                ip route show table all proto 176; ip -6 route show table all proto 176
                nft list table inet lbgen && exit 9
                echo done
                "#,
                script.display()
            ),
        );
        let text = stdout(&done);
        assert_eq!(code(&done), 0, "{name}: {text}{}", stderr(&done));
        for line in [first, second] {
            assert!(text.contains(&format!("foreign  {line}")), "{name}: {line} is not in\n{text}");
        }
        assert!(text.ends_with("--- left\ndone\n"), "down leaves nothing: {text}");
    }
}

#[test]
#[ignore = "needs keepalived, iproute2, nftables and root; run tests/run"]
fn in_virtual_mode_keepalived_holds_the_rules_and_status_agrees() {
    let folder = tempfile::tempdir().unwrap();
    // As the seed, with kube-proxy in iptables mode: there are marks.
    let text = fs::read_to_string(support::inventory("seed"))
        .unwrap()
        .replace("kube_proxy: ipvs", "kube_proxy: iptables");
    fs::write(folder.path().join("inventory.yaml"), text).unwrap();
    let bundle = support::render(&folder.path().join("inventory.yaml"), &folder.path().join("out"));
    let done = on_node(
        &bundle.join("nodes/lb-1"),
        r#"
        ip addr add 10.34.137.52/16 dev eth0
        lbgen-policy-routing up
        lbgen-policy-routing status >/run/alone
        keepalived -n -l -f "$conf" -p /run/k.pid -r /run/v.pid >/run/log 2>&1 &
        wait_for() { tries=0; until eval "$1"; do tries=$((tries + 1)); [ $tries -lt 200 ] || { cat /run/log; exit 9; }; sleep 0.1; done; }
        wait_for '[ "$(ip -o -4 addr show dev eth1 | wc -l)" = 3 ]'
        wait_for 'lbgen-policy-routing status >/run/holding'
        ip rule; ip route show table 131; id -u nobody >/dev/null
        # A reload is taken: keepalived tests the file first.
        sed 's/priority 254/priority 253/' "$conf" >/run/new.conf
        cat /run/new.conf >"$conf"
        kill -HUP "$(cat /run/k.pid)"
        wait_for 'grep -q "Reload complete" /run/log'
        ! grep -q 'due to signal' /run/log
        echo 1 >/run/lbgen/drain
        wait_for '[ "$(ip -o -4 addr show dev eth1 | wc -l)" = 0 ]'
        wait_for 'lbgen-policy-routing status >/run/drained'
        echo 0 >/run/lbgen/drain
        wait_for '[ "$(ip -o -4 addr show dev eth1 | wc -l)" = 3 ]'
        wait_for 'lbgen-policy-routing status >/run/back'
        cmp /run/holding /run/back
        kill "$(cat /run/k.pid)"
        wait
        lbgen-policy-routing down
        ip rule | grep -E 'lookup (131|1000)' && exit 8
        nft list ruleset
        echo ---; cat /run/alone; echo ---; cat /run/holding; echo ---; cat /run/drained
        "#,
    );
    let text = stdout(&done);
    assert_eq!(code(&done), 0, "{text}{}", stderr(&done));
    let parts: Vec<&str> = text.split("---\n").collect();
    let count =
        |part: &str, state: &str| part.lines().filter(|line| line.starts_with(state)).count();
    // Three VIPs, each with two rules, a route and a mark.
    assert_eq!((count(parts[1], "absent"), count(parts[1], "present")), (9, 3), "{text}");
    assert_eq!((count(parts[2], "absent"), count(parts[2], "present")), (0, 12), "{text}");
    assert_eq!((count(parts[3], "absent"), count(parts[3], "present")), (9, 3), "{text}");
    assert!(parts[0].contains("from all fwmark 0xba/0xff lookup 131 proto keepalived"), "{text}");
    assert!(!parts[0].contains("table inet lbgen"), "down leaves nothing: {text}");
}

#[test]
#[ignore = "needs keepalived, iproute2, nftables and root; run tests/run"]
fn the_ipv6_address_comes_with_its_ipv4_twin_and_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    fs::write(folder.path().join("inventory.yaml"), text.replace("mode: static", "mode: virtual"))
        .unwrap();
    let lock = support::inventory("dual-stack").with_extension("lock");
    fs::copy(lock, folder.path().join("inventory.lock")).unwrap();
    let bundle = support::render(&folder.path().join("inventory.yaml"), &folder.path().join("out"));
    let done = on_node(
        &bundle.join("nodes/lb-3"),
        r#"
        ip addr add 10.0.0.13/24 dev eth0
        ip addr add fd00::13/64 dev eth0 nodad
        lbgen-policy-routing up
        keepalived -n -l -f "$conf" -p /run/k.pid -r /run/v.pid >/run/log 2>&1 &
        wait_for() { tries=0; until eval "$1"; do tries=$((tries + 1)); [ $tries -lt 200 ] || { cat /run/log; lbgen-policy-routing status; exit 9; }; sleep 0.1; done; }
        # Alone, it holds every VIP: 192.0.2.10, .11 and .13, two twins, and 2001:db8:8::12.
        wait_for '[ "$(ip -o addr show dev eth1 to 192.0.2.0/24 | wc -l)" = 3 ]'
        wait_for '[ "$(ip -o addr show dev eth1 to 2001:db8:8::/64 | wc -l)" = 3 ]'
        wait_for 'lbgen-policy-routing status >/run/holding'
        ip -6 rule; ip -6 route show table 2000; cat /run/holding
        kill "$(cat /run/k.pid)"
        wait
        lbgen-policy-routing status >/run/stopped
        ! grep -v -e '^absent' -e '^present  mark' /run/stopped
        "#,
    );
    let text = stdout(&done);
    assert_eq!(code(&done), 0, "{text}{}", stderr(&done));
    assert!(text.contains("504:\tfrom all fwmark 0x1/0xf lookup 2000 proto keepalived"), "{text}");
    assert!(text.contains("500:\tfrom 2001:db8:8::10 lookup 2000 proto keepalived"), "{text}");
    assert!(text.contains("default via 2001:db8:8::1 dev eth1"), "{text}");
    assert!(text.lines().filter(|line| line.starts_with("present")).count() > 20, "{text}");
}

#[test]
#[ignore = "needs shellcheck; run tests/run"]
fn shellcheck_takes_every_script() {
    for example in support::examples() {
        let out = tempfile::tempdir().unwrap();
        let bundle = support::render(&support::inventory(&example), out.path());
        let scripts: Vec<String> = files(&bundle)
            .into_iter()
            .filter(|(_, body)| body.starts_with(b"#!/bin/sh\n"))
            .map(|(path, _)| path)
            .collect();
        assert!(scripts.len() >= nodes(&bundle).len());
        let others = ["templates/collect.sh", "packaging/keepalived/pod", "tests/lab/image"];
        let done = Command::new("shellcheck")
            .args(others.map(|path| support::root().join(path)))
            .args(&scripts)
            .current_dir(&bundle)
            .output()
            .unwrap();
        assert!(done.status.success(), "{}", stdout(&done));
    }
}
