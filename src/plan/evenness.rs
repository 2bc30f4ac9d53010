//! A check that what the inventory fixes leaves the failover even.

use super::simulate::{Placement, Scenario, Simulator, System};
use super::{Plan, codes};
use crate::diag::{Diagnostic, Report};
use crate::model::{Datacenter, NodeState, Vip};

/// Reports the node furthest over its share, with every node up or with one node or zone gone, where VIPs on it are
/// held there by what the inventory says about them.
///
/// Orders that lbgen chose itself keep the bound for every single node. A zone may have many nodes, and no order
/// keeps the bound for every set of them: one VIP too many is not reported then.
pub(super) fn check(datacenter: &Datacenter, plan: &Plan, report: &mut Report) {
    let fixed =
        |vip: &Vip| vip.priorities.is_some() || !vip.prefer.is_empty() || vip.limit.is_some();
    if !datacenter.vips.iter().any(fixed) {
        return;
    }
    let simulator = Simulator::of(plan);
    let worst = scenarios(datacenter)
        .into_iter()
        .map(|(scenario, spare, when)| {
            (Placement::of(&simulator, &scenario, System::Lbgen), spare, when)
        })
        .filter(|(placement, spare, _)| placement.over > *spare)
        // The first of the worst: fewer failures tell more.
        .reduce(|worst, next| if next.0.over > worst.0.over { next } else { worst });
    let Some((placement, _, when)) = worst else { return };
    let Some(node) = placement.furthest else { return };
    let held = placement.holders.iter().zip(&datacenter.vips);
    let mut culprits =
        held.filter(|(holder, vip)| **holder == Some(node) && fixed(vip)).map(|(_, vip)| vip);
    let Some(first) = culprits.next() else { return };
    let load = placement.loads[node];
    let share = load - placement.over;
    let mut diagnostic = Diagnostic::new(
        &codes::UNEVEN,
        first.address.span,
        format!("`{node}` holds {load} VIPs {when}, and its share is {share}"),
        "fixed by its `prefer`, `nodes` or `priorities`",
    );
    for vip in culprits.take(SHOWN - 1) {
        diagnostic = diagnostic.also(vip.address.span, "and this one");
    }
    report.push(
        diagnostic
            .note("pins of single VIPs take precedence over an even spread")
            .help("prefer other nodes, allow more nodes, or waive this with `allow` on that VIP; `simulate --failures 1` shows who holds what, and `plan --rebalance` whether moving others helps"),
    );
}

/// Labels in one message.
const SHOWN: usize = 6;

/// Returns the scenarios to look at, each with the number of VIPs by which a node may then exceed its share, and its
/// name in a message.
fn scenarios(datacenter: &Datacenter) -> Vec<(Scenario, usize, String)> {
    let live = || datacenter.nodes.iter().filter(|(_, node)| node.state != NodeState::Maintenance);
    let mut scenarios = vec![(Scenario::default(), 0, "with every node up".to_owned())];
    scenarios.extend(
        live().map(|(name, _)| (Scenario::failed([name]), 0, format!("when `{name}` is gone"))),
    );
    let mut zones: Vec<&str> =
        live().filter_map(|(_, node)| node.zone.as_ref().map(AsRef::as_ref)).collect();
    zones.sort_unstable();
    zones.dedup();
    scenarios.extend(zones.into_iter().map(|zone| {
        let inside =
            live().filter(|(_, node)| node.zone.as_ref().is_some_and(|z| z.as_str() == zone));
        let gone = Scenario::failed(inside.map(|(name, _)| name));
        (gone, 1, format!("when the zone `{zone}` is gone"))
    }));
    scenarios
}
