//! Random datacenters, and random edits of them.

use std::fmt::Write as _;

use lbgen::diag::Report;
use lbgen::emit::{self, BundleFile, Templates};
use lbgen::inventory;
use lbgen::pipeline::{self, Options};
use lbgen::plan::{self, Keep, Plan};
use lbgen::source::Sources;
use proptest::prelude::*;

/// A node of a random inventory.
#[derive(Debug, Clone)]
pub struct Node {
    pub weight: u32,
    pub zone: Option<u32>,
    pub state: &'static str,
    /// Its address is another one than it had.
    pub renumbered: bool,
}

/// A VIP of a random inventory; nodes by number, taken modulo how many there are.
#[derive(Debug, Clone)]
pub struct Vip {
    pub entrypoint: u32,
    pub prefer: Vec<usize>,
    pub nodes: Vec<usize>,
    pub vrid: Option<u8>,
    pub table: Option<u32>,
    pub mark: Option<u32>,
    pub pinned: bool,
    /// Extra addresses as they are written; `N` is the number of the VIP.
    pub extra: &'static str,
}

/// A component of a random inventory.
#[derive(Debug, Clone)]
pub struct Component {
    pub legacy: bool,
    pub port: u16,
}

#[derive(Debug, Clone)]
pub struct Fleet {
    pub nodes: Vec<Option<Node>>,
    pub vips: Vec<Option<Vip>>,
    pub components: Vec<Option<Component>>,
    /// True for each that has TLS; `None` is no domain.
    pub domains: Vec<Option<bool>>,
    pub kube_proxy: &'static str,
    pub mode: &'static str,
    pub vrrp3: bool,
    /// In seconds.
    pub advert: u32,
    pub preempt: bool,
    /// The last part of its address.
    pub gateway: u8,
    /// True if the edge of the first entrypoint routes by itself.
    pub one_tier: bool,
}

impl Fleet {
    pub fn text(&self) -> String {
        let mut text = format!(
            "datacenter: x\nkubernetes: {{ kube_proxy: {} }}\npolicy_routing: {{ mode: {} }}\n\
             keepalived: {{ vrrp_version: {}, advert_interval: {}s, preempt: {} }}\n\
             gateways:\n  public: {{ address: 10.34.0.{}, network: 10.34.0.0/16, interface: eth1, routes: [{{ to: 10.77.0.0/16, via: 10.34.0.77 }}] }}\n  \
             partners: {{ address: 10.35.0.1, network: 10.35.0.0/16, interface: eth2 }}\nentrypoints:\n",
            self.kube_proxy,
            self.mode,
            if self.vrrp3 { 3 } else { 2 },
            self.advert,
            self.preempt,
            self.gateway
        );
        for entrypoint in 0..2 {
            let routing = match self.one_tier && entrypoint == 0 {
                true => String::new(),
                false => format!(", routing: {{ class: routing-{entrypoint} }}"),
            };
            writeln!(text, "  e{entrypoint}: {{ edge: {{ class: edge-{entrypoint}, health_check_node_port: {} }}{routing}, fallback: {{ name: old-{entrypoint}, addresses: [10.0.9.1], port: 8080 }} }}", 32000 + entrypoint).unwrap();
        }
        text += "nodes:\n";
        let there: Vec<usize> =
            (0..self.nodes.len()).filter(|index| self.nodes[*index].is_some()).collect();
        for index in &there {
            let node = self.nodes[*index].as_ref().unwrap();
            let zone = node.zone.map_or(String::new(), |zone| format!(", zone: z{zone}"));
            writeln!(
                text,
                "  lb-{index}: {{ address: 10.40.{}.{}, interface: eth0, weight: {}, state: {}{zone} }}",
                u8::from(node.renumbered),
                index + 1,
                node.weight,
                node.state
            )
            .unwrap();
        }
        text += "vips:\n";
        for (index, vip) in self.vips.iter().enumerate() {
            let Some(vip) = vip else { continue };
            self.vip(&mut text, index, vip, &there);
        }
        text += "domains:\n  www.example.com: { entrypoint: e0 }\n";
        for (index, tls) in self.domains.iter().enumerate() {
            let Some(tls) = tls else { continue };
            let tls = if *tls { "" } else { ", tls_secret: false" };
            writeln!(text, "  d{index}.example.com: {{ entrypoint: e0{tls} }}").unwrap();
        }
        text +=
            "components:\n  home: { entrypoint: e0, backend: { port: http }, paths: [/home] }\n";
        for (index, component) in self.components.iter().enumerate() {
            let Some(component) = component else { continue };
            let state = if component.legacy { ", state: legacy" } else { "" };
            let machines =
                if component.port == 8002 { ", addresses: [10.0.9.7, 10.0.9.8]" } else { "" };
            writeln!(text, "  c{index}: {{ entrypoint: e{}, backend: {{ port: {}{machines} }}, paths: [/c{index}]{state} }}", index % 2, component.port).unwrap();
        }
        text
    }

    fn vip(&self, text: &mut String, index: usize, vip: &Vip, there: &[usize]) {
        let names = |list: &[usize]| -> Vec<usize> {
            let mut named: Vec<usize> = Vec::new();
            for at in list {
                let node = there[at % there.len()];
                if !named.contains(&node) {
                    named.push(node);
                }
            }
            named
        };
        let nodes = if vip.nodes.is_empty() { there.to_vec() } else { names(&vip.nodes) };
        let prefer: Vec<usize> =
            names(&vip.prefer).into_iter().filter(|node| nodes.contains(node)).collect();
        let listed = |nodes: &[usize]| {
            nodes.iter().map(|node| format!("lb-{node}")).collect::<Vec<_>>().join(", ")
        };
        write!(text, "  - {{ address: 10.34.1.{}, entrypoint: e{}", index + 1, vip.entrypoint)
            .unwrap();
        if !vip.extra.is_empty() {
            let extra = vip.extra.replace('N', &(index + 1).to_string());
            write!(text, ", extra_addresses: [{extra}]").unwrap();
        }
        if !vip.nodes.is_empty() {
            write!(text, ", nodes: [{}]", listed(&nodes)).unwrap();
        }
        if !prefer.is_empty() {
            write!(text, ", prefer: [{}]", listed(&prefer)).unwrap();
        }
        if vip.pinned {
            let priorities = nodes
                .iter()
                .enumerate()
                .map(|(rank, node)| format!("lb-{node}: {}", 150 - 10 * rank));
            write!(text, ", priorities: {{ {} }}", priorities.collect::<Vec<_>>().join(", "))
                .unwrap();
        }
        for (key, number) in
            [("vrid", vip.vrid.map(u32::from)), ("table", vip.table), ("mark", vip.mark)]
        {
            if let Some(number) = number {
                write!(text, ", {key}: {number}").unwrap();
            }
        }
        *text += " }\n";
    }
}

/// The plan of a text with a lock's text; `None` where the two are refused.
pub fn plan(text: &str, lock: &str) -> Option<Plan> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let lock = (!lock.is_empty()).then(|| {
        inventory::lock::parse("i.lock".into(), lock.into(), &mut sources, &mut report).unwrap()
    });
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report).map(|planned| planned.plan)
}

/// A plan, its lock, and its files.
pub fn rendered(fleet: &Fleet, lock: &str) -> Option<(Plan, String, Vec<BundleFile>)> {
    let plan = plan(&fleet.text(), lock)?;
    let files = emit::emit(&plan, &Templates::load(None).unwrap()).unwrap();
    let lock = plan::lock::text(&plan);
    Some((plan, lock, files))
}

fn node() -> impl Strategy<Value = Node> {
    let state = prop_oneof![6 => Just("active"), 1 => Just("draining"), 1 => Just("maintenance")];
    (1..4u32, prop::option::of(0..3u32), state, prop::bool::weighted(0.1))
        .prop_map(|(weight, zone, state, renumbered)| Node { weight, zone, state, renumbered })
}

fn vip() -> impl Strategy<Value = Vip> {
    let some = |strategy| prop::option::weighted(0.1, strategy);
    (
        0..2u32,
        prop::collection::vec(0..20usize, 0..3),
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(0..20usize, 1..4)],
        some((1..12u32).boxed()),
        some((1000..1006u32).boxed()),
        some((1..8u32).boxed()),
        prop::bool::weighted(0.15),
        prop_oneof![
            10 => Just(""),
            2 => Just("10.34.2.N"),
            1 => Just("{ address: 10.34.2.N, label: web }"),
            1 => Just("10.35.2.N"),
            1 => Just("10.34.2.N, { address: 10.35.2.N, label: p }, 10.35.3.N"),
            1 => Just("{ address: 10.36.2.N, gateway: none, interface: eth3, label: in }"),
        ],
    )
        .prop_map(|(entrypoint, prefer, nodes, vrid, table, mark, pinned, extra)| Vip {
            entrypoint,
            prefer,
            nodes,
            vrid: vrid.map(|vrid| u8::try_from(vrid).unwrap()),
            table,
            mark,
            pinned,
            extra,
        })
}

fn component() -> impl Strategy<Value = Component> {
    (prop::bool::weighted(0.3), 8000..8003u16).prop_map(|(legacy, port)| Component { legacy, port })
}

/// Any fleet.
pub fn fleet() -> impl Strategy<Value = Fleet> {
    let rare = prop::bool::weighted;
    let globals = (
        prop_oneof![3 => Just("iptables"), 1 => Just("ipvs")],
        prop_oneof![3 => Just("virtual"), 1 => Just("static")],
        rare(0.2),
        prop_oneof![4 => Just(1u32), 1 => Just(2u32)],
        rare(0.9),
        1..3u8,
        rare(0.3),
    );
    (
        prop::collection::vec(prop::option::weighted(0.8, node()), 2..7),
        prop::collection::vec(prop::option::weighted(0.8, vip()), 1..10),
        prop::collection::vec(prop::option::weighted(0.7, component()), 0..4),
        prop::collection::vec(prop::option::weighted(0.7, any::<bool>()), 0..4),
        globals,
    )
        .prop_filter("some node", |(nodes, ..)| nodes.iter().any(Option::is_some))
        .prop_map(|(nodes, vips, components, domains, globals)| {
            let (kube_proxy, mode, vrrp3, advert, preempt, gateway, one_tier) = globals;
            Fleet {
                nodes,
                vips,
                components,
                domains,
                kube_proxy,
                mode,
                vrrp3,
                advert,
                preempt,
                gateway,
                one_tier,
            }
        })
}

/// A fleet after one to three edits: each takes one thing from another fleet.
pub fn edited(before: &Fleet, other: &Fleet, edits: &[u8]) -> Fleet {
    let mut after = before.clone();
    let pick = |edit: u8, length: usize| usize::from(edit / 16) % length.max(1);
    for edit in edits {
        match edit % 16 {
            0..=2 => take(&mut after.nodes, &other.nodes, pick(*edit, other.nodes.len())),
            3..=6 => take(&mut after.vips, &other.vips, pick(*edit, other.vips.len())),
            7 => after.kube_proxy = other.kube_proxy,
            8 => after.mode = other.mode,
            9 => after.vrrp3 = other.vrrp3,
            10 => after.advert = other.advert,
            11 => after.preempt = other.preempt,
            12 => after.gateway = other.gateway,
            14 if edit / 16 < 6 => after.one_tier = other.one_tier,
            13 | 14 => {
                take(&mut after.components, &other.components, pick(*edit, other.components.len()));
            }
            _ => take(&mut after.domains, &other.domains, pick(*edit, other.domains.len())),
        }
    }
    if after.nodes.iter().all(Option::is_none) { before.clone() } else { after }
}

fn take<T: Clone>(into: &mut Vec<Option<T>>, from: &[Option<T>], at: usize) {
    let Some(value) = from.get(at) else { return };
    while into.len() <= at {
        into.push(None);
    }
    into[at].clone_from(value);
}

/// A fleet and what edits make of it.
pub fn pair() -> impl Strategy<Value = (Fleet, Fleet)> {
    (fleet(), fleet(), prop::collection::vec(any::<u8>(), 1..4)).prop_map(
        |(before, other, edits)| {
            let after = edited(&before, &other, &edits);
            (before, after)
        },
    )
}
