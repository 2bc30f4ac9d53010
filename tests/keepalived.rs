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
