//! Faults of a fleet that is watched, and the alerts that each raises.

use std::thread::sleep;
use std::time::Duration;

use crate::lab::Lab;

/// The node that has the faults.
pub const NODE: &str = "lb-1";

/// A fault, what brings it and what ends it, and the alerts that it raises.
pub struct Fault {
    /// As docs/alerts.md has it.
    pub name: &'static str,
    pub begin: fn(&mut Lab),
    pub end: fn(&mut Lab),
    pub alerts: &'static [&'static str],
}

pub const FAULTS: &[Fault] = &[
    Fault {
        name: "a node is dead",
        begin: |lab| lab.crash(NODE),
        end: |lab| {
            lab.boot(NODE);
            report(lab, NODE);
        },
        alerts: &["LbgenNodeSilent"],
    },
    Fault {
        name: "adverts are lost, and two nodes hold a VIP",
        begin: |lab| {
            _ = on(
                lab,
                "nft 'add table inet lost; add chain inet lost in { type filter hook input priority 0; }; add chain inet lost out { type filter hook output priority 0; }; add rule inet lost in meta l4proto 112 drop; add rule inet lost out meta l4proto 112 drop'",
            )
        },
        end: |lab| _ = on(lab, "nft delete table inet lost"),
        alerts: &["LbgenVipHeldTwice"],
    },
    Fault {
        name: "a check fails on a node",
        begin: |lab| lab.ready("web", NODE, false),
        end: |lab| lab.ready("web", NODE, true),
        alerts: &["LbgenEntrypointUnhealthy"],
    },
    Fault {
        name: "a node is drained and forgotten",
        begin: |lab| lab.nodes[NODE].drain(true),
        end: |lab| lab.nodes[NODE].drain(false),
        alerts: &["LbgenDrainedTooLong"],
    },
    Fault {
        name: "keepalived is stopped",
        begin: |lab| lab.nodes[NODE].stop(),
        end: |lab| {
            lab.crash(NODE);
            // Its cables go with it, a little later.
            sleep(Duration::from_secs(1));
            lab.boot(NODE);
            report(lab, NODE);
        },
        alerts: &["LbgenKeepalivedDown"],
    },
    Fault {
        name: "marks are missing",
        begin: |lab| _ = on(lab, "nft delete table inet lbgen"),
        end: |lab| _ = on(lab, "lbgen-policy-routing up"),
        alerts: &["LbgenPolicyRoutingMissing"],
    },
    Fault {
        name: "somebody else's rule stands among ours",
        begin: |lab| {
            _ = on(
                lab,
                "ip rule | awk '/lookup/ && $1 + 0 >= 1000 { print $1 + 0; exit }' >/run/lab/priority; ip rule add from 10.9.9.9 lookup 77 priority $(cat /run/lab/priority)",
            )
        },
        end: |lab| {
            _ = on(lab, "ip rule del from 10.9.9.9 lookup 77 priority $(cat /run/lab/priority)")
        },
        alerts: &["LbgenPolicyRoutingForeign"],
    },
    Fault {
        name: "keepalived.conf is edited by hand",
        begin: |lab| {
            _ = on(
                lab,
                "cp -p /etc/keepalived/keepalived.conf /run/lab/conf; echo '# by hand' >>/etc/keepalived/keepalived.conf",
            )
        },
        end: |lab| _ = on(lab, "cp -p /run/lab/conf /etc/keepalived/keepalived.conf"),
        alerts: &["LbgenConfigDrift", "LbgenConfigNotLoaded"],
    },
    Fault {
        name: "a reload is refused, or forgotten",
        begin: |lab| {
            on(
                lab,
                "cp -p /etc/keepalived/keepalived.conf /run/lab/conf; sed -i 's/interval 2$/interval 3/' /etc/keepalived/keepalived.conf",
            );
            lab.nodes[NODE].reload();
            sleep(Duration::from_secs(2));
            on(lab, "cp -p /run/lab/conf /etc/keepalived/keepalived.conf");
        },
        end: |lab| lab.nodes[NODE].reload(),
        alerts: &["LbgenConfigNotLoaded"],
    },
    Fault {
        name: "a rollout is stuck",
        begin: |lab| {
            _ = on(
                lab,
                "mkdir -p /var/lib/lbgen/rollout; touch -d '-2 hours' /var/lib/lbgen/rollout",
            )
        },
        end: |lab| _ = on(lab, "rmdir /var/lib/lbgen/rollout"),
        alerts: &["LbgenRolloutStuck"],
    },
];

/// The output of a script on that node.
fn on(lab: &Lab, script: &str) -> String {
    lab.nodes[NODE].host.run(script)
}

/// The program every second, in place of its timer, and a node exporter.
pub fn report(lab: &Lab, name: &str) {
    let host = &lab.nodes[name].host;
    host.run("mkdir -p /run/node-exporter");
    host.serve("echo ready; while :; do /usr/local/libexec/lbgen/metrics || echo failed >&2; sleep 0.5; done");
    host.serve("echo ready; exec prometheus-node-exporter --collector.disable-defaults --collector.textfile --collector.textfile.directory=/run/node-exporter --web.listen-address=:9100 >/run/lab/exporter.log 2>&1");
}
