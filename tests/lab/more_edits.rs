//! More of what people do to a datacenter that runs, for `tests/lab/run`.

use super::Lab;
use super::edits::{
    Edit, Origin, SAME, VISIT, extra, keepalived, ours, pinned, state, three_zones, tour, vip,
    vip_at, without,
};
use super::styles;

/// Those that `tests/lab/run` tries beside `EDITS`.
pub const MORE_EDITS: &[Edit] = &[
    Edit { wire: second_interface, ..ours("another interface of one node", SAME, moved) },
    Edit {
        wire: public_interface,
        ..ours("another interface of VIPs", SAME, |base| base.replace("eth1", "eth3"))
    },
    ours("preempting late", SAME, |base| keepalived(base, "preempt: 3s")),
    ours(
        "new node, preempting late",
        |base| keepalived(&without(base, "lb-4:"), "preempt: 3s"),
        |base| keepalived(base, "preempt: 3s"),
    ),
    ours("preempting no more", SAME, |base| keepalived(base, "preempt: false")),
    ours(
        "priorities swapped, never preempting",
        |base| keepalived(&pinned(base, 200, 150), "preempt: false"),
        |base| keepalived(&pinned(base, 150, 200), "preempt: false"),
    ),
    ours(
        "new node, never preempting",
        |base| keepalived(&without(base, "lb-4:"), "preempt: false"),
        |base| keepalived(base, "preempt: false"),
    ),
    Edit {
        options: &["--careful"],
        ..ours("careful advert interval", SAME, |base| base.replace("interval: 1s", "interval: 2s"))
    },
    Edit {
        origin: Origin::Foreign(styles::virtual_macs),
        ..ours("virtual MACs of somebody else's", four, four)
    },
    Edit {
        origin: Origin::Foreign(styles::sync_groups),
        ..ours("sync groups of somebody else's", together, together)
    },
    Edit {
        origin: Origin::Foreign(styles::included),
        ..ours("includes of somebody else's", four, four)
    },
    Edit {
        origin: Origin::Foreign(styles::tested_reloads),
        ..ours("tested reloads of somebody else's", four, four)
    },
    ours(
        "another VRID and low priorities",
        |base| vip(base, "priorities: { lb-1: 80, lb-2: 60, lb-3: 40, lb-4: 20 }"),
        |base| vip(base, "vrid: 77, priorities: { lb-1: 80, lb-2: 60, lb-3: 40, lb-4: 20 }"),
    ),
    ours(
        "low priorities swapped and a longer interval",
        |base| pinned(base, 50, 45),
        |base| pinned(base, 45, 50).replace("interval: 1s", "interval: 2s"),
    ),
    ours("removed first node", SAME, |base| without(base, "lb-1:")),
    ours("two nodes fewer", SAME, |base| without(&without(base, "lb-3:"), "lb-1:")),
    ours("a draining node", SAME, |base| state(base, "lb-2", "draining")),
    ours("a notify script", SAME, |base| keepalived(base, "notify: /usr/local/bin/on-vrrp")),
    ours("an address more", SAME, |base| extra(base, "192.0.2.10")),
    ours("an address fewer", |base| extra(base, "192.0.2.10"), SAME),
    tour("a pair with HAProxy moves in", "collected", None),
    tour(
        "a cluster with one tier moves in",
        "collected-cluster/nodes",
        Some("collected-cluster/objects.yaml"),
    ),
    ours("a label", SAME, |base| vip(base, "label: web")),
    ours(
        "a label, routes by the script",
        |base| base.replace("mode: virtual", "mode: static"),
        |base| vip(base, "label: web").replace("mode: virtual", "mode: static"),
    ),
    ours("an address with another gateway", two_gateways, |base| {
        vip(&two_gateways(base), "extra_addresses: [{ address: 198.51.100.10, label: p }]")
    }),
    ours("a route beside the gateway's", SAME, |base| {
        vip(base, "routes: [{ to: 203.0.113.0/24, via: 192.0.2.1 }]")
    }),
    Edit {
        options: &["--visit", VISIT, "--only", "lb-3"],
        ..ours("a visit of one node", three_zones, three_zones)
    },
    ours("new VIP and new node", |base| without(&without(base, "192.0.2.12"), "lb-4:"), SAME),
];

/// Multicast of IPv6 needs more than these networks have.
fn four(base: &str) -> String {
    without(base, "2001:db8:8::14")
}

/// A second public network, in which another VIP is.
fn two_gateways(base: &str) -> String {
    let partners =
        "  partners: { address: 198.51.100.1, network: 198.51.100.0/24, interface: eth2 }\nnodes:";
    let vip = "vips:\n  - { address: 198.51.100.20, entrypoint: web }";
    base.replacen("nodes:", partners, 1).replacen("vips:", vip, 1)
}

/// Two VIPs whose orders are the same.
fn together(base: &str) -> String {
    let order = "priorities: { lb-1: 200, lb-2: 150, lb-3: 100, lb-4: 50 }";
    vip_at(&vip_at(&four(base), "192.0.2.11", order), "192.0.2.12", order)
}

fn moved(base: &str) -> String {
    base.replace(
        "10.0.0.12, address6: \"fd00::12\", interface: eth0",
        "10.0.0.22, address6: \"fd00::22\", interface: eth9",
    )
}

/// The node has a second interface into the internal network, with addresses of its own.
fn second_interface(lab: &Lab) {
    for (name, node) in &lab.nodes {
        if name != "lb-2" {
            node.host.run("ip route add 10.0.0.22 dev eth0; ip route add fd00::22 dev eth0");
            continue;
        }
        lab.gateway.connect("second", &node.host, "eth9");
        lab.gateway.run("ip link set second master br0; ip link set second up");
        node.host.run(
            "set -e
             ip link set eth9 up
             for device in eth0 eth1 eth9; do
                 sysctl -qw net.ipv4.conf.$device.arp_ignore=1 net.ipv4.conf.$device.rp_filter=0
             done
             sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=1
             ip addr add 10.0.0.22/32 dev eth9
             ip addr add fd00::22/128 dev eth9 nodad
             for end in 11 13 14; do
                 ip route add 10.0.0.$end dev eth9 metric 5
                 ip route add fd00::$end dev eth9 metric 2048
             done",
        );
        node.serve_health("10.0.0.22", 32100);
    }
}

/// Every node has a second interface into the network of the VIPs.
fn public_interface(lab: &Lab) {
    for (index, node) in lab.nodes.values().enumerate() {
        let port = format!("third{index}");
        lab.gateway.connect(&port, &node.host, "eth3");
        lab.gateway.run(&format!("ip link set {port} master br1; ip link set {port} up"));
        node.host.run(
            "set -e
             ip link set eth3 up
             sysctl -qw net.ipv4.conf.eth1.arp_ignore=1 net.ipv4.conf.eth3.arp_ignore=1",
        );
    }
}
