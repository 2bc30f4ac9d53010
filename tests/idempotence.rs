//! The law of the lock: whatever an edit does, a second render has nothing to do.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use std::sync::atomic::{AtomicUsize, Ordering};

use lbgen::plan::{self, Plan};
use proptest::prelude::*;
use support::random::{fleet, plan};

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
            let written = plan::lock::text(&first);
            let second = plan(&text, &written);
            prop_assert_eq!(second.as_ref(), Some(&first), "lock before:\n{}\nafter:\n{}", lock, written);
            prop_assert_eq!(&plan::lock::text(&second.unwrap()), &written);
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
    let order = |plan: &Plan| {
        plan.vips[0].order.iter().map(|standing| standing.node.to_string()).collect::<Vec<_>>()
    };
    let before = plan(&text("", ""), "").unwrap();
    let lock = plan::lock::text(&before);
    let more = "  lb-3: { address: 10.0.0.3, interface: eth0 }\n";
    let after = plan(&text(more, ", prefer: [lb-3]"), &lock).unwrap();
    let rest = order(&before);
    assert_eq!(order(&after), ["lb-3", &rest[0], &rest[1]]);
    let both = plan(&text(more, ", prefer: [lb-3, lb-2]"), &lock).unwrap();
    assert_eq!(order(&both), ["lb-3", "lb-2", "lb-1"]);
}
