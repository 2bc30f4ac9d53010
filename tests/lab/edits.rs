//! What people do to a datacenter that runs.

use super::Lab;

/// An inventory before and after, and what the wiring must do besides.
pub struct Edit {
    pub name: &'static str,
    pub from: fn(&str) -> String,
    pub to: fn(&str) -> String,
    /// What a person in the datacenter does before.
    pub wire: fn(&Lab),
    /// Who wrote what runs.
    pub origin: Origin,
    /// Options of `lbgen rollout`.
    pub options: &'static [&'static str],
    /// Whether requests are answered at the end as at the beginning: the lab's own cluster does not change with it.
    pub answers: bool,
}

/// Who wrote what runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// lbgen did.
    Ours,
    /// Somebody else: multicast, with a password, without a drain file.
    Foreign,
    /// Somebody else, and the inventory that it changes to is what `lbgen import` makes of it.
    Imported,
}

const SAME: fn(&str) -> String = |base| base.to_owned();

pub const EDITS: &[Edit] = &[
    Edit {
        name: "new node",
        from: |base| without(base, "lb-4:"),
        to: SAME,
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "removed node",
        from: SAME,
        to: |base| without(base, "lb-3:"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "maintenance",
        from: SAME,
        to: |base| state(base, "lb-2", "maintenance"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "back from maintenance",
        from: |base| state(base, "lb-2", "maintenance"),
        to: SAME,
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "new VIP",
        from: |base| without(base, "192.0.2.12"),
        to: SAME,
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "removed VIP",
        from: SAME,
        to: |base| without(base, "192.0.2.12"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "priorities swapped",
        from: |base| pinned(base, 200, 150),
        to: |base| pinned(base, 150, 200),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "VRRP version",
        from: SAME,
        to: |base| base.replace("vrrp_version: 2", "vrrp_version: 3"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "another VRID",
        from: SAME,
        to: |base| vip(base, "vrid: 77"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "advert interval",
        from: SAME,
        to: |base| base.replace("advert_interval: 1s", "advert_interval: 2s"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "renumbered node",
        from: SAME,
        to: |base| base.replace("10.0.0.12,", "10.0.0.22,"),
        wire: renumber,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "another gateway",
        from: SAME,
        to: |base| base.replace("address: 192.0.2.1,", "address: 192.0.2.2,"),
        wire: second_gateway,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "virtual to static",
        from: SAME,
        to: |base| base.replace("mode: virtual", "mode: static"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "static to virtual",
        from: |base| base.replace("mode: virtual", "mode: static"),
        to: SAME,
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "kube-proxy mode",
        from: SAME,
        to: |base| base.replace("kube_proxy: iptables", "kube_proxy: ipvs"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: false,
    },
    Edit {
        name: "an address from one VIP to another",
        from: |base| extra(base, "192.0.2.10"),
        to: |base| extra(base, "192.0.2.11"),
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "careful VRRP version",
        from: SAME,
        to: |base| base.replace("vrrp_version: 2", "vrrp_version: 3"),
        wire: nothing,
        origin: Origin::Ours,
        options: &["--careful"],
        answers: true,
    },
    Edit {
        name: "a fleet of somebody else's",
        from: |base| without(base, "2001:db8:8::14"),
        to: |base| without(base, "2001:db8:8::14"),
        wire: nothing,
        origin: Origin::Foreign,
        options: &[],
        answers: true,
    },
    Edit {
        name: "a fleet of somebody else's, imported",
        from: |base| without(base, "2001:db8:8::14"),
        to: SAME,
        wire: nothing,
        origin: Origin::Imported,
        options: &[],
        answers: false,
    },
    Edit {
        name: "pinned priorities taken out",
        from: |base| vip(base, "priorities: { lb-1: 200, lb-2: 150, lb-3: 100, lb-4: 50 }"),
        to: SAME,
        wire: nothing,
        origin: Origin::Ours,
        options: &[],
        answers: true,
    },
    Edit {
        name: "a visit over three zones",
        from: |base| {
            base.replace(
                "fd00::14\", interface: eth0, zone: a",
                "fd00::14\", interface: eth0, zone: c",
            )
        },
        to: |base| {
            base.replace(
                "fd00::14\", interface: eth0, zone: a",
                "fd00::14\", interface: eth0, zone: c",
            )
        },
        wire: nothing,
        origin: Origin::Ours,
        options: &[
            "--visit",
            "systemctl disable --now keepalived; systemctl enable --now keepalived",
        ],
        answers: true,
    },
];

/// Four nodes in two zones, adverts every second as most fleets have them.
pub const BASE: &str = r#"
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

fn nothing(_: &Lab) {}

/// Without the lines that hold a word.
fn without(base: &str, word: &str) -> String {
    base.lines().filter(|line| !line.contains(word)).map(|line| format!("{line}\n")).collect()
}

fn state(base: &str, node: &str, state: &str) -> String {
    let line = base.lines().find(|line| line.contains(&format!("  {node}:"))).unwrap();
    base.replace(line, &line.replace(" }", &format!(", state: {state} }}")))
}

fn vip(base: &str, more: &str) -> String {
    let line = "{ address: 192.0.2.11, entrypoint: web }";
    base.replace(line, &line.replace(" }", &format!(", {more} }}")))
}

fn pinned(base: &str, one: u8, two: u8) -> String {
    vip(base, &format!("priorities: {{ lb-1: {one}, lb-2: {two}, lb-3: 90, lb-4: 80 }}"))
}

fn extra(base: &str, address: &str) -> String {
    let line = format!("{{ address: {address}, entrypoint: web }}");
    base.replace(&line, &line.replace(" }", ", extra_addresses: [192.0.2.99] }"))
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
    let count = |text: &str| text.lines().filter(works).count();
    if count(to) > count(from) { to } else { from }
}

/// A keepalived.conf of ours as somebody else would have written it.
pub fn foreign(conf: &str) -> String {
    let mut text = String::from("! by hand\n");
    let mut skipped = false;
    for line in conf.lines().skip(1) {
        let word = line.trim_start();
        let blocks = ["unicast_peer {", "track_script {", "track_file ", "vrrp_script "];
        if blocks.iter().any(|block| word.starts_with(block)) {
            skipped = true;
        }
        if !skipped && !word.starts_with("unicast_src_ip") && !word.starts_with("# Drain") {
            text += &format!("{line}\n");
        }
        if word.starts_with("advert_int") {
            text +=
                "    authentication {\n        auth_type PASS\n        auth_pass secret12\n    }\n";
        }
        if word == "}" {
            skipped = false;
        }
    }
    text
}
