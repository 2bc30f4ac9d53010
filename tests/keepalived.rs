//! keepalived takes every configuration that is written, and its health check asks as kube-proxy answers.
//!
//! This needs root and Debian packages; `tests/run` installs them and runs everything.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fs;

use support::node::{nodes, on_node};
use support::{code, stderr, stdout};

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

/// A node alone with a VIP, which becomes MASTER, loses its link, gets it back, and stops: what each command was given, by
/// whom.
const TRANSITIONS: &str = r#"
    ip addr add 10.0.0.1/24 dev eth0
    chmod 755 /run
    install -m 666 /dev/null /run/calls
    for name in any master backup fault stop; do
        printf '#!/bin/sh\necho %s "$(id -un)" "$@" >>/run/calls\n' $name >/usr/local/bin/$name
        chmod 755 /usr/local/bin/$name
    done
    called() {
        tries=0
        until grep -q "$1" /run/calls; do
            tries=$((tries + 1))
            if [ $tries -gt 300 ]; then echo "no $1"; cat /run/calls /run/log; exit 9; fi
            sleep 0.1
        done
    }
    keepalived -n -l -f "$conf" >/run/log 2>&1 &
    daemon=$!
    called ^master
    ip link set eth0 down
    called ^fault
    kill $daemon
    called ^stop
    wait $daemon || true
    sort /run/calls | uniq
"#;

#[test]
#[ignore = "needs keepalived and root; run tests/run"]
fn each_transition_calls_its_command_as_the_user_that_is_named() {
    for mode in ["virtual", "static"] {
        for user in ["nobody", "root", "daemon"] {
            let folder = tempfile::tempdir().unwrap();
            let inventory = folder.path().join("inventory.yaml");
            let text = format!(
                "datacenter: {mode}-{user}
policy_routing: {{ mode: {mode} }}
keepalived:
  vrrp_version: 3
  advert_interval: 100ms
  notify:
    any: /usr/local/bin/any --site one
    master: /usr/local/bin/master now
    backup: /usr/local/bin/backup
    fault: /usr/local/bin/fault
    stop: /usr/local/bin/stop
    user: {user}
gateways:
  public: {{ address: 10.0.0.254, network: 10.0.0.0/24, interface: eth0 }}
nodes:
  lb-1: {{ address: 10.0.0.1, interface: eth0 }}
  lb-2: {{ address: 10.0.0.2, interface: eth0 }}
entrypoints:
  mail: {{ host: {{}} }}
vips:
  - {{ address: 10.0.0.10, entrypoint: mail, vrid: 10, priorities: {{ lb-1: 100, lb-2: 50 }} }}
"
            );
            fs::write(&inventory, text).unwrap();
            let bundle = support::render(&inventory, &folder.path().join("out"));
            let done = on_node(&bundle.join("nodes/lb-1"), TRANSITIONS);
            let name = "load-balancer-10.0.0.10";
            let expected = [
                format!("any {user} --site one INSTANCE {name} BACKUP 100"),
                format!("any {user} --site one INSTANCE {name} FAULT 100"),
                format!("any {user} --site one INSTANCE {name} MASTER 100"),
                format!("any {user} --site one INSTANCE {name} STOP 100"),
                format!("backup {user}"),
                format!("fault {user}"),
                format!("master {user} now"),
                format!("stop {user}"),
            ];
            let found = stdout(&done);
            assert_eq!(found.lines().collect::<Vec<_>>(), expected, "{mode}: {}", stderr(&done));
        }
    }
}
