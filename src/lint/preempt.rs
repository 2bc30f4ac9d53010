//! VIPs that come back late, or not at all.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, OnUnhealthy, Preempt, Vip};
use crate::route::RoutingTable;
use crate::source::Span;

/// A VIP that no node holds while all are unhealthy.
const ALL_UNHEALTHY: Code =
    code!(Warning "LB213", "a VIP that no node holds while every node is unhealthy");
/// An unhealthy node keeps its VIPs as long as a failed one would be waited for.
const LATE: Code = code!(Warning "LB240", "a delay of `preempt` that also delays the failover from an unhealthy node");

/// The codes of this family.
pub const CODES: &[&Code] = &[&ALL_UNHEALTHY, &LATE];

/// Reports what `preempt` does to VIPs whose nodes only rank lower while they are unhealthy.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    // One `preempt` may be that of many VIPs.
    let mut by_place: BTreeMap<Span, (Preempt, Vec<&Vip>)> = BTreeMap::new();
    for vip in datacenter.vips.iter().filter(|vip| yields(datacenter, vip)) {
        let found = by_place.entry(vip.preempt.span).or_insert((vip.preempt.value, Vec::new()));
        found.1.push(vip);
    }
    for (span, (preempt, vips)) in by_place {
        let first = vips[0].address.value;
        let which = match vips.len() {
            1 => first.to_string(),
            2 => format!("{first} and one more VIP"),
            count => format!("{first} and {} more VIPs", count - 1),
        };
        match preempt {
            Preempt::Never => report.push(
                Diagnostic::new(
                    &ALL_UNHEALTHY,
                    span,
                    format!("while every node is unhealthy, no node holds {which}"),
                    "without preemption",
                )
                .note("without preemption a lower priority does not move the VIP, so an unhealthy node releases it instead")
                .help("allow preemption, or write `on_unhealthy: fault`, which means just that"),
            ),
            Preempt::After(delay) => {
                let seconds = delay.as_secs();
                report.push(
                    Diagnostic::new(
                        &LATE,
                        span,
                        format!("an unhealthy node keeps {which} for {seconds} s more"),
                        format!("{seconds} s"),
                    )
                    .note("an unhealthy node only ranks lower, and the next one waits before it preempts it as it would any other; only a node that is gone is followed at once")
                    .help("write `on_unhealthy: fault`: an unhealthy node then releases its VIPs at once, and only a return is delayed; or `preempt: true`"),
                );
            }
            Preempt::AtOnce => {}
        }
    }
}

/// Returns true if an unhealthy node only loses priority for this VIP.
fn yields(datacenter: &Datacenter, vip: &Vip) -> bool {
    let entrypoint = datacenter.entrypoints.get(&vip.entrypoint);
    entrypoint.is_some_and(|entrypoint| {
        entrypoint.on_unhealthy == OnUnhealthy::Yield && datacenter.is_checked(entrypoint)
    })
}
