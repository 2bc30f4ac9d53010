//! Edits that people make to a running datacenter.

use super::Lab;
use super::collected::Collected;
use super::release;
use super::styles::{self, Style};

/// An inventory before and after, and what the wiring must do besides.
pub struct Edit {
    pub name: &'static str,
    pub from: fn(&str) -> String,
    pub to: fn(&str) -> String,
    /// The action of a person in the datacenter before the edit.
    pub wire: fn(&Lab),
    pub origin: Origin,
    /// Options of `lbgen rollout`.
    pub options: &'static [&'static str],
    /// True if requests are answered at the end as at the beginning: the lab's own cluster does not change with it.
    pub answers: bool,
}

/// The author of the configuration that runs.
#[derive(Clone, Copy)]
pub enum Origin {
    /// lbgen did.
    Ours,
    /// Somebody else, in a style of their own.
    Foreign(Style),
    /// Somebody else, and the inventory that it changes to is what `lbgen import` makes of it.
    Imported(Style),
    /// Somebody else, on the machines of a tour, and the inventory is what `lbgen import` makes of them.
    Collected(Collected),
}

impl Origin {
    /// Returns the style of a configuration that somebody else wrote, or `None` if lbgen wrote it.
    pub fn style(self) -> Option<Style> {
        match self {
            Self::Ours | Self::Collected(_) => None,
            Self::Foreign(style) | Self::Imported(style) => Some(style),
        }
    }
}

/// A tour of docs/moving-in.md.
pub const fn tour(name: &'static str, nodes: &'static str, objects: Option<&'static str>) -> Edit {
    let origin = Origin::Collected(Collected { nodes, objects });
    Edit { origin, answers: false, ..ours(name, SAME, SAME) }
}

pub const SAME: fn(&str) -> String = |base| base.to_owned();

/// A change of a fleet that lbgen wrote.
pub const fn ours(name: &'static str, from: fn(&str) -> String, to: fn(&str) -> String) -> Edit {
    Edit { name, from, to, wire: nothing, origin: Origin::Ours, options: &[], answers: true }
}

/// The node's own command of a visit: a package upgrade restarts the daemon.
pub const VISIT: &str = "systemctl disable --now keepalived; systemctl enable --now keepalived";

/// Those that every run of the tests tries.
pub const EDITS: &[Edit] = &[
    ours("new node", |base| without(base, "lb-4:"), SAME),
    ours("removed node", SAME, |base| without(base, "lb-3:")),
    ours("maintenance", SAME, |base| state(base, "lb-2", "maintenance")),
    ours("back from maintenance", |base| state(base, "lb-2", "maintenance"), SAME),
    ours("new VIP", |base| without(base, "192.0.2.12"), SAME),
    ours("removed VIP", SAME, |base| without(base, "192.0.2.12")),
    ours("priorities swapped", |base| pinned(base, 200, 150), |base| pinned(base, 150, 200)),
    ours("VRRP version", SAME, |base| base.replace("vrrp_version: 2", "vrrp_version: 3")),
    ours("another VRID", SAME, |base| vip(base, "vrid: 77")),
    ours(
        "another VRID, never preempting",
        |base| keepalived(base, "preempt: false"),
        |base| keepalived(&vip(base, "vrid: 77"), "preempt: false"),
    ),
    ours("advert interval", SAME, |base| {
        base.replace("advert_interval: 1s", "advert_interval: 2s")
    }),
    Edit {
        wire: renumber,
        ..ours("renumbered node", SAME, |base| base.replace("10.0.0.12,", "10.0.0.22,"))
    },
    Edit {
        wire: second_gateway,
        ..ours("another gateway", SAME, |base| {
            base.replace("address: 192.0.2.1,", "address: 192.0.2.2,")
        })
    },
    ours("virtual to static", SAME, |base| base.replace("mode: virtual", "mode: static")),
    ours("static to virtual", |base| base.replace("mode: virtual", "mode: static"), SAME),
    Edit {
        answers: false,
        ..ours("kube-proxy mode", SAME, |base| {
            base.replace("kube_proxy: iptables", "kube_proxy: ipvs")
        })
    },
    ours(
        "an address from one VIP to another",
        |base| extra(base, "192.0.2.10"),
        |base| extra(base, "192.0.2.11"),
    ),
    Edit {
        options: &["--careful"],
        ..ours("careful VRRP version", SAME, |base| {
            base.replace("vrrp_version: 2", "vrrp_version: 3")
        })
    },
    Edit {
        origin: Origin::Foreign(styles::by_hand),
        ..ours(
            "a fleet of somebody else's",
            |base| without(base, "2001:db8:8::14"),
            |base| without(base, "2001:db8:8::14"),
        )
    },
    Edit {
        origin: Origin::Imported(styles::by_hand),
        answers: false,
        ..ours("a fleet of somebody else's, imported", |base| without(base, "2001:db8:8::14"), SAME)
    },
    tour("a pair of routers moves in", "collected-routers", None),
    ours(
        "pinned priorities taken out",
        |base| vip(base, "priorities: { lb-1: 200, lb-2: 150, lb-3: 100, lb-4: 50 }"),
        SAME,
    ),
    Edit {
        options: &["--visit", VISIT],
        ..ours("a visit over three zones", three_zones, three_zones)
    },
];

/// Four nodes in two zones, adverts every second as most fleets have them.
const BASE: &str = r#"
datacenter: lab
kubernetes: { kube_proxy: iptables }
keepalived: { vrrp_version: 2, advert_interval: 1s }
policy_routing: { mode: virtual }
gateways:
  public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }
  public6: { address: "2001:db8:8::1", network: "2001:db8:8::/64", interface: eth1 }
nodes:
  lb-1: { address: 10.0.0.11, address6: "fd00::11", interface: eth0, zone: a }
  lb-2: { address: 10.0.0.12, address6: "fd00::12", interface: eth0, zone: b }
  lb-3: { address: 10.0.0.13, address6: "fd00::13", interface: eth0, zone: b }
  lb-4: { address: 10.0.0.14, address6: "fd00::14", interface: eth0, zone: a }
entrypoints:
  web:
    edge: { class: web-edge, health_check_node_port: 32100 }
    routing: { class: web-routing }
    allow: [LB212]
vips:
  - { address: 192.0.2.10, entrypoint: web }
  - { address: 192.0.2.11, entrypoint: web }
  - { address: 192.0.2.12, entrypoint: web }
  - { address: 192.0.2.13, entrypoint: web }
  - { address: "2001:db8:8::14", entrypoint: web }
domains:
  www.example.com: { entrypoint: web }
components:
  shop: { entrypoint: web, backend: { port: http }, paths: [/] }
"#;

/// With the release that runs.
pub fn base() -> String {
    BASE.replace("keepalived: { ", &format!("keepalived: {{ version: {}, ", release::version()))
}

/// More keys of `keepalived`.
pub fn keepalived(base: &str, more: &str) -> String {
    base.replace("vrrp_version: 2,", &format!("vrrp_version: 2, {more},"))
}

pub fn nothing(_: &Lab) {}

/// Without the lines that hold a word.
pub fn without(base: &str, word: &str) -> String {
    base.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\n")).collect()
}

pub fn state(base: &str, node: &str, state: &str) -> String {
    let line = base.lines().find(|line| line.contains(&format!("  {node}:"))).unwrap();
    base.replace(line, &line.replace(" }", &format!(", state: {state} }}")))
}

pub fn vip(base: &str, more: &str) -> String {
    vip_at(base, "192.0.2.11", more)
}

/// More keys of the VIP with an address.
pub fn vip_at(base: &str, address: &str, more: &str) -> String {
    let line = format!("{{ address: {address}, entrypoint: web }}");
    base.replace(&line, &line.replace(" }", &format!(", {more} }}")))
}

pub fn three_zones(base: &str) -> String {
    base.replace("fd00::14\", interface: eth0, zone: a", "fd00::14\", interface: eth0, zone: c")
}

pub fn pinned(base: &str, one: u8, two: u8) -> String {
    vip(base, &format!("priorities: {{ lb-1: {one}, lb-2: {two}, lb-3: 90, lb-4: 80 }}"))
}

pub fn extra(base: &str, address: &str) -> String {
    vip_at(base, address, "extra_addresses: [192.0.2.99]")
}

/// The node has both addresses for a while.
fn renumber(lab: &Lab) {
    for (name, node) in &lab.nodes {
        let command = match name.as_str() {
            "lb-2" => "ip addr add 10.0.0.22/32 dev eth0",
            _ => "ip route add 10.0.0.22 dev eth0",
        };
        node.host.run(command);
    }
    lab.nodes["lb-2"].serve_health("10.0.0.22", 32100);
}

fn second_gateway(lab: &Lab) {
    let link = lab.gateway.run("ip -o addr show to 192.0.2.1 | awk '{ print $2 }'");
    lab.gateway.run(&format!("ip addr add 192.0.2.2/24 dev {}", link.trim()));
}

/// The machines and their translation of VIPs: those of the inventory that has more, with the addresses that they have at first.
pub fn machines<'a>(from: &'a str, to: &'a str) -> &'a str {
    let works = |line: &&str| {
        line.starts_with("  lb-") && !line.contains("maintenance")
            || line.contains("entrypoint: web")
    };
    let count =
        |text: &str| text.lines().filter(works).count() + text.matches("extra_addresses").count();
    if count(to) > count(from) { to } else { from }
}
