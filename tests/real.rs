//! What the bundle is for takes it: keepalived, the kernel, the schemas of Kubernetes, kustomize, shellcheck.
//!
//! These need root and Debian packages; `tests/run` installs them and runs everything.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use support::node::{nodes, on_node};
use support::{code, files, stderr, stdout};

#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn keepalived_takes_every_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let mut inventories: Vec<_> =
        support::examples().iter().map(|example| support::inventory(example)).collect();
    // IPv6 in keepalived's own rules too, with the priorities and delays that no example has.
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    for (name, ours, other) in [
        ("virtual", "mode: static", "mode: virtual"),
        ("unhealthy", "    routing:", "    on_unhealthy: fault\n    routing:"),
        ("ignored", "    routing:", "    on_unhealthy: ignore\n    routing:"),
        (
            "fast",
            "policy_routing:",
            "keepalived: { vrrp_version: 3, advert_interval: 50ms, preempt: 1000s, notify: /usr/local/bin/on-vrrp -x }\npolicy_routing:",
        ),
    ] {
        let edited = text.replace("mode: static", "mode: virtual").replacen(ours, other, 1);
        let path = folder.path().join(name).join("inventory.yaml");
        fs::create_dir(path.parent().unwrap()).unwrap();
        fs::write(&path, edited).unwrap();
        inventories.push(path);
    }
    for inventory in inventories {
        let out = tempfile::tempdir().unwrap();
        let nodes = nodes(&support::render(&inventory, out.path()));
        assert!(nodes.len() > 1);
        for node in nodes {
            // `-t` is content with a file that is empty or missing.
            assert!(fs::metadata(node.join("etc/keepalived/keepalived.conf")).unwrap().len() > 500);
            let done = on_node(&node, "keepalived -t -f \"$conf\"");
            let (node, inventory) = (node.display(), inventory.display());
            assert_eq!(code(&done), 0, "{inventory}, {node}: {}{}", stdout(&done), stderr(&done));
        }
    }
}

#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn keepalived_refuses_what_we_never_write() {
    // The check above can fail: each of these is one word away from what is rendered.
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("seed"), out.path());
    let node = bundle.join("nodes/lb-1");
    let conf = node.join("etc/keepalived/keepalived.conf");
    let good = fs::read_to_string(&conf).unwrap();
    for (ours, wrong) in [
        ("lookup 131 priority 1002", "lookup 131"),
        ("    enable_script_security\n", ""),
        ("        10.34.202.145\n", ""),
        ("virtual_router_id 4", "virtual_router_id 256"),
        ("advert_int 1\n", "advert_int 0.5\n"),
        ("user root", "user keepalived_script"),
        ("user root", "user nobody"),
        ("check-entrypoint", "check-entrypoint; reboot"),
        ("dev eth1", "dev eth9"),
    ] {
        assert!(good.contains(ours), "{ours}");
        fs::write(&conf, good.replace(ours, wrong)).unwrap();
        let interfaces_of_good = "cp \"$conf\" /run/wrong.conf";
        let done = on_node(
            &node,
            &format!(
                "{interfaces_of_good}; ip link delete eth9 2>/dev/null || true; keepalived -t -f /run/wrong.conf"
            ),
        );
        let refused = code(&done) != 0;
        // keepalived does not look behind setpriv.
        assert_eq!(refused, !wrong.contains("reboot"), "{wrong}: {}", stderr(&done));
    }
}

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
        state() { ip -4 rule; ip -6 rule; ip -4 route show table all; ip -6 route show table all; nft list ruleset; }
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
        "500:\tfrom 192.0.2.10 lookup 2000",
        "501:\tfrom 192.0.2.11 lookup 2001",
        "500:\tfrom 2001:db8:8::10 lookup 2000",
        "503:\tfrom 2001:db8:8::12 lookup 2003",
        "504:\tfrom all fwmark 0x1/0xf lookup 2000",
        "default via 192.0.2.1 dev eth1 onlink",
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
    assert!(parts[0].contains("from all fwmark 0x3/0xff lookup 131 proto keepalived"), "{text}");
    assert!(!parts[0].contains("table inet lbgen"), "down leaves nothing: {text}");
}

#[test]
#[ignore = "needs keepalived, iproute2, nftables and root; run tests/run"]
fn the_ipv6_address_comes_with_its_ipv4_twin_and_its_rules() {
    let folder = tempfile::tempdir().unwrap();
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    fs::write(folder.path().join("inventory.yaml"), text.replace("mode: static", "mode: virtual"))
        .unwrap();
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
#[ignore = "needs kubernetes-validate; run tests/run"]
fn the_schema_of_every_version_takes_every_manifest() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    for example in support::examples() {
        let text = fs::read_to_string(support::inventory(&example)).unwrap();
        let stated = text
            .lines()
            .find_map(|line| line.trim().strip_prefix("version: \"1."))
            .map(|v| v.trim_end_matches('"'));
        let versions: Vec<u32> = match stated {
            // The inventory's own; the oldest schema there is stands for older ones.
            Some(version) => vec![version.parse::<u32>().unwrap().max(25)],
            // Without a version the forms are taken by all later ones too.
            None => (32..=37).collect(),
        };
        validate_with(&validate, &support::inventory(&example), &versions);
    }
}

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn each_version_can_be_written_for() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    let text = fs::read_to_string(support::inventory("dual-stack")).unwrap();
    for version in 25..=37u32 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inventory.yaml");
        for form in ["auto", "both"] {
            let edited = text
                .replace("version: \"1.33\"", &format!("version: \"1.{version}\""))
                .replace("endpoints: both", &format!("endpoints: {form}"));
            assert_ne!(edited.replace(&format!("1.{version}"), ""), text);
            fs::write(&path, edited).unwrap();
            validate_with(&validate, &path, &[version]);
        }
    }
}

/// Validates the manifests of an inventory's bundle against the schemas of some versions.
fn validate_with(validate: &str, inventory: &Path, versions: &[u32]) {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(inventory, out.path());
    let manifests: Vec<_> = files(&bundle)
        .into_keys()
        .filter(|path| path.starts_with("kubernetes/") && !path.ends_with("kustomization.yaml"))
        .collect();
    assert!(manifests.len() >= 3);
    for version in versions {
        let done = Command::new(validate)
            .args(["--strict", "-k", &format!("1.{version}")])
            .args(&manifests)
            .current_dir(&bundle)
            .output()
            .unwrap();
        let said = stdout(&done) + &stderr(&done);
        assert!(done.status.success(), "1.{version}: {said}");
        // A kind that the version does not know passes with a warning.
        assert!(!said.to_lowercase().contains("warning"), "1.{version}: {said}");
    }
}

#[test]
#[ignore = "needs kubernetes-validate; run tests/run"]
fn the_schema_refuses_what_we_never_write() {
    let validate =
        std::env::var("KUBERNETES_VALIDATE").expect("tests/run sets KUBERNETES_VALIDATE");
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("seed"), out.path());
    let path = bundle.join("kubernetes/entrypoints/rest/service.yaml");
    let good = fs::read_to_string(&path).unwrap();
    for (ours, wrong) in [("port: 80\n", "port: \"80\"\n"), ("externalIPs:", "externalIps:")] {
        fs::write(&path, good.replacen(ours, wrong, 1)).unwrap();
        let done =
            Command::new(&validate).args(["--strict", "-k", "1.32"]).arg(&path).output().unwrap();
        assert!(!done.status.success(), "{wrong}");
    }
}

#[test]
#[ignore = "needs kubectl or kustomize; run tests/run"]
fn kustomize_builds_every_manifest() {
    for example in support::examples() {
        let out = tempfile::tempdir().unwrap();
        let bundle = support::render(&support::inventory(&example), out.path());
        let listed = fs::read_to_string(bundle.join("kubernetes/kustomization.yaml")).unwrap();
        let listed: BTreeSet<&str> =
            listed.lines().filter_map(|line| line.strip_prefix("- ")).collect();
        let there = files(&bundle.join("kubernetes"));
        let there: BTreeSet<&str> =
            there.keys().map(String::as_str).filter(|path| *path != "kustomization.yaml").collect();
        assert_eq!(
            listed, there,
            "{example}: the kustomization lists every manifest and nothing else"
        );
        let Ok(done) =
            Command::new("kubectl").arg("kustomize").arg(bundle.join("kubernetes")).output()
        else {
            eprintln!("no kubectl: the kustomization was compared with the files only");
            continue;
        };
        assert!(done.status.success(), "{}", stderr(&done));
        let documents = stdout(&done).matches("\nkind: ").count();
        let written: usize = there
            .iter()
            .map(|path| {
                fs::read_to_string(bundle.join("kubernetes").join(path))
                    .unwrap()
                    .matches("\nkind: ")
                    .count()
            })
            .sum();
        assert_eq!(documents, written, "{example}");
    }
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
        assert_eq!(scripts.len(), 2 * nodes(&bundle).len());
        let done = Command::new("shellcheck").args(&scripts).current_dir(&bundle).output().unwrap();
        assert!(done.status.success(), "{}", stdout(&done));
    }
}

#[test]
#[ignore = "needs curl and root; run tests/run"]
fn the_health_check_wants_200() {
    let out = tempfile::tempdir().unwrap();
    let bundle = support::render(&support::inventory("seed"), out.path());
    let done = on_node(
        &bundle.join("nodes/lb-1"),
        r#"
        check=/usr/local/libexec/lbgen/check-entrypoint
        serve() {
            python3 -c '
import http.server, sys
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(sys.argv[1])); self.end_headers()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[2])), Answer).serve_forever()
' "$1" "$2" &
        }
        serve 200 32110; serve 503 32111
        tries=0; until $check 127.0.0.1 32110; do tries=$((tries + 1)); [ $tries -lt 100 ] || exit 9; sleep 0.1; done
        unprivileged=$(sed -n 's/.*script "\(.*\) \/usr\/local\/libexec.*/\1/p' "$conf" | head -n 1)
        $unprivileged id -u
        $unprivileged $check 127.0.0.1 32110
        ! $unprivileged $check 127.0.0.1 32111
        ! $check 127.0.0.1 32112
        ! $check ::1 32110
        "#,
    );
    assert_eq!((code(&done), stdout(&done).as_str()), (0, "65534\n"), "{}", stderr(&done));
}
