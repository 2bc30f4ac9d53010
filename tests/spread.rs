//! The nodes and the numbers that VIPs get, without a lock and between branches.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

mod support;

use lbgen::plan::{Keep, Plan};
use proptest::prelude::*;
use support::fleet::{Fleet, lock_of, over, over_in_zones, plan_of, plan_with};

/// Every size of two to six zones, of 1 to 8 nodes each, 2 to 60 VIPs and 1 to 3 entrypoints.
fn zoned() -> impl Strategy<Value = Fleet> {
    (prop::collection::vec(1..9u32, 2..7), 2..61u32, 1..4u32).prop_map(
        |(zones, vips, entrypoints)| {
            let mut fleet = Fleet::even(zones.iter().sum(), vips);
            let mut zone = zones.iter().enumerate().flat_map(|(zone, size)| {
                std::iter::repeat_n(u32::try_from(zone).unwrap(), *size as usize)
            });
            fleet.nodes.values_mut().for_each(|(_, of)| *of = zone.next());
            fleet.vips.iter_mut().for_each(|(vip, entrypoint)| *entrypoint = vip % entrypoints);
            fleet
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn zones_hold_their_share_and_nodes_theirs_after_failures(fleet in zoned()) {
        let plan = plan_of(&fleet.text());
        prop_assert_eq!(over_in_zones(&fleet, &plan), 0);
        for failures in 0..fleet.nodes.len().min(3) {
            let over = over(&plan, failures);
            prop_assert!(over <= usize::from(failures == 2), "{failures} failures: {over} over");
        }
    }
}

/// Two people who each add a VIP on a branch: neither knows of the other one's.
#[test]
fn branches_that_each_add_a_vip_rarely_get_one_vrid() {
    let mut next = 0u32;
    let mut random = |end: u32| {
        // Numerical Recipes' linear congruence: the same on every machine.
        next = next.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (next >> 8) % end
    };
    let mut same = 0;
    for _ in 0..200 {
        let mut fleet = Fleet::even(4, 0);
        let size = 2 + random(40);
        while fleet.vips.len() < size as usize {
            fleet.vips.insert(random(5000), 0);
        }
        let lock = lock_of(&plan_of(&fleet.text()));
        let vrid = |vip: u32| {
            let mut branch = fleet.clone();
            branch.vips.insert(vip, 0);
            let plan = plan_with(&branch.text(), &lock, Keep::Locked);
            let address = format!("10.34.{}.{}", 1 + vip / 250, vip % 250 + 1);
            let vip = plan.vips.iter().find(|vip| vip.address.to_string() == address).unwrap();
            vip.numbers.vrid
        };
        // Addresses that the base cannot have.
        let (ours, theirs) = (5000 + random(5000), 10_000 + random(5000));
        same += usize::from(vrid(ours) == vrid(theirs));
    }
    println!("one VRID for both in {same} of 200 pairs");
    assert!(same < 4, "{same} of 200");
}

/// The numbers come from the addresses: without its lock, a fleet gets nearly all of them again.
#[test]
fn a_lost_lock_renumbers_little() {
    let mut fleet = Fleet::even(4, 0);
    let mut lock = String::new();
    // VIPs come one by one, and in no order.
    for vip in (0..60u32).map(|index| index * 37 % 61) {
        fleet.vips.insert(vip, 0);
        lock = lock_of(&plan_with(&fleet.text(), &lock, Keep::Locked));
    }
    let vrids = |plan: Plan| plan.vips.into_iter().map(|vip| vip.numbers.vrid).collect::<Vec<_>>();
    let kept = vrids(plan_with(&fleet.text(), &lock, Keep::Locked));
    let anew = vrids(plan_of(&fleet.text()));
    let changed = kept.iter().zip(&anew).filter(|(kept, anew)| kept != anew).count();
    println!("{changed} of {} VRIDs change without the lock", kept.len());
    assert!(changed <= kept.len() / 5, "{changed} of {}", kept.len());
}
