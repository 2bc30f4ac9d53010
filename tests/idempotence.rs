//! The law of the lock: whatever an edit does, a second render has nothing to do.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::fmt::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use lbgen::diag::Report;
use lbgen::inventory;
use lbgen::pipeline::{self, Options};
use lbgen::plan::{self, Keep, Plan};
use lbgen::source::Sources;
use proptest::prelude::*;

/// What an inventory says of a node.
#[derive(Debug, Clone)]
struct Node {
    weight: u32,
    zone: Option<u32>,
    state: &'static str,
}

/// What an inventory says of a VIP; nodes by number, taken modulo how many there are.
#[derive(Debug, Clone)]
struct Vip {
    entrypoint: u32,
    prefer: Vec<usize>,
    nodes: Vec<usize>,
    vrid: Option<u8>,
    table: Option<u32>,
    mark: Option<u32>,
    pinned: bool,
}

#[derive(Debug, Clone)]
struct Fleet {
    nodes: Vec<Option<Node>>,
    vips: Vec<Option<Vip>>,
    ipvs: bool,
}

impl Fleet {
    fn text(&self) -> String {
        let mut text = format!(
            "datacenter: x\nkubernetes: {{ kube_proxy: {} }}\n\
             gateways:\n  public: {{ address: 10.34.0.1, network: 10.34.0.0/16, interface: eth1 }}\nentrypoints:\n",
            if self.ipvs { "ipvs" } else { "iptables" }
        );
        for entrypoint in 0..2 {
            writeln!(text, "  e{entrypoint}: {{ edge: {{ class: edge-{entrypoint}, health_check_node_port: {} }}, routing: {{ class: routing-{entrypoint} }} }}", 32000 + entrypoint).unwrap();
        }
        text += "nodes:\n";
        let there: Vec<usize> =
            (0..self.nodes.len()).filter(|index| self.nodes[*index].is_some()).collect();
        for index in &there {
            let node = self.nodes[*index].as_ref().unwrap();
            let zone = node.zone.map_or(String::new(), |zone| format!(", zone: z{zone}"));
            writeln!(
                text,
                "  lb-{index}: {{ address: 10.40.0.{}, interface: eth0, weight: {}, state: {}{zone} }}",
                index + 1,
                node.weight,
                node.state
            )
            .unwrap();
        }
        text += "vips:\n";
        for (index, vip) in self.vips.iter().enumerate() {
            let Some(vip) = vip else { continue };
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
            let nodes = if vip.nodes.is_empty() { there.clone() } else { names(&vip.nodes) };
            let prefer: Vec<usize> =
                names(&vip.prefer).into_iter().filter(|node| nodes.contains(node)).collect();
            let listed = |nodes: &[usize]| {
                nodes.iter().map(|node| format!("lb-{node}")).collect::<Vec<_>>().join(", ")
            };
            write!(text, "  - {{ address: 10.34.1.{}, entrypoint: e{}", index + 1, vip.entrypoint)
                .unwrap();
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
            text += " }\n";
        }
        text
    }
}

/// The plan of a text with a lock's text; `None` where the two are refused.
fn plan(text: &str, lock: &str) -> Option<Plan> {
    let (mut sources, mut report) = (Sources::default(), Report::default());
    let raw = inventory::parse("i.yaml".into(), text.into(), &mut sources, &mut report);
    let lock = (!lock.is_empty()).then(|| {
        inventory::lock::parse("i.lock".into(), lock.into(), &mut sources, &mut report).unwrap()
    });
    let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
    pipeline::run(raw.as_ref(), lock.as_ref(), options, &mut report).map(|planned| planned.plan)
}

fn node() -> impl Strategy<Value = Node> {
    let state = prop_oneof![6 => Just("active"), 1 => Just("draining"), 1 => Just("maintenance")];
    (1..4u32, prop::option::of(0..3u32), state).prop_map(|(weight, zone, state)| Node {
        weight,
        zone,
        state,
    })
}

fn vip() -> impl Strategy<Value = Vip> {
    let some = |strategy| prop::option::weighted(0.2, strategy);
    (
        0..2u32,
        prop::collection::vec(0..20usize, 0..3),
        prop_oneof![3 => Just(Vec::new()), 1 => prop::collection::vec(0..20usize, 1..4)],
        some((1..12u32).boxed()),
        some((1000..1006u32).boxed()),
        some((1..8u32).boxed()),
        prop::bool::weighted(0.15),
    )
        .prop_map(|(entrypoint, prefer, nodes, vrid, table, mark, pinned)| Vip {
            entrypoint,
            prefer,
            nodes,
            vrid: vrid.map(|vrid| u8::try_from(vrid).unwrap()),
            table,
            mark,
            pinned,
        })
}

fn fleet() -> impl Strategy<Value = Fleet> {
    (
        prop::collection::vec(prop::option::weighted(0.8, node()), 2..7),
        prop::collection::vec(prop::option::weighted(0.8, vip()), 1..10),
        prop::bool::weighted(0.2),
    )
        .prop_filter("some node", |(nodes, ..)| nodes.iter().any(Option::is_some))
        .prop_map(|(nodes, vips, ipvs)| Fleet { nodes, vips, ipvs })
}

/// Plans that a lock of an earlier one went into.
static EDITED: AtomicUsize = AtomicUsize::new(0);

#[test]
fn after_a_render_there_is_nothing_to_render() {
    law();
    let edited = EDITED.load(Ordering::Relaxed);
    println!("{edited} edits were rendered");
    assert!(edited > 500, "only {edited} edits were not refused");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 800, failure_persistence: None, ..ProptestConfig::default() })]

    fn law(before in fleet(), edits in prop::collection::vec(fleet(), 1..4)) {
        let mut lock = String::new();
        for fleet in [before].iter().chain(&edits) {
            let text = fleet.text();
            // What is refused changes nothing.
            let Some(first) = plan(&text, &lock) else { continue };
            EDITED.fetch_add(usize::from(!lock.is_empty()), Ordering::Relaxed);
            let written = plan::lock::text(&first.vips);
            let second = plan(&text, &written);
            prop_assert_eq!(second.as_ref(), Some(&first), "lock before:\n{}\nafter:\n{}", lock, written);
            prop_assert_eq!(&plan::lock::text(&second.unwrap().vips), &written);
            lock = written;
        }
    }
}

#[test]
fn a_preferred_node_that_is_new_to_a_locked_order_is_the_first() {
    let text = |nodes: &str, prefer: &str| {
        format!(
            "datacenter: x\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n\
             entrypoints:\n  web: {{ edge: {{ class: a }}, routing: {{ class: b }} }}\n\
             nodes:\n  lb-1: {{ address: 10.0.0.1, interface: eth0 }}\n  lb-2: {{ address: 10.0.0.2, interface: eth0 }}\n{nodes}\
             vips:\n  - {{ address: 192.0.2.10{prefer} }}\n"
        )
    };
    let order =
        |plan: &Plan| plan.vips[0].order.iter().map(ToString::to_string).collect::<Vec<_>>();
    let before = plan(&text("", ""), "").unwrap();
    let lock = plan::lock::text(&before.vips);
    let more = "  lb-3: { address: 10.0.0.3, interface: eth0 }\n";
    let after = plan(&text(more, ", prefer: [lb-3]"), &lock).unwrap();
    let rest = order(&before);
    assert_eq!(order(&after), ["lb-3", &rest[0], &rest[1]]);
    let both = plan(&text(more, ", prefer: [lb-3, lb-2]"), &lock).unwrap();
    assert_eq!(order(&both), ["lb-3", "lb-2", "lb-1"]);
}
