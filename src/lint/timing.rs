//! Checks that run into each other.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, NodeCheck};
use crate::route::RoutingTable;

/// keepalived does not start a check whose last run has not ended.
const TOO_PATIENT: Code = code!(Warning "LB239", "a check whose `timeout` is above its `interval`");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TOO_PATIENT];

/// Reports checks that may run longer than the time to the next run.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let own = datacenter.entrypoints.values().flat_map(|entrypoint| entrypoint.checks());
    let mut seen = Vec::new();
    for check in datacenter.node_check.iter().chain(own) {
        let timing = check.timing;
        if timing.timeout <= timing.interval || seen.contains(&check.span) {
            continue;
        }
        seen.push(check.span);
        report.push(too_patient(check));
    }
}

fn too_patient(check: &NodeCheck) -> Diagnostic {
    let (timeout, interval) = (check.timing.timeout, check.timing.interval);
    let failed = u32::from(timeout) * u32::from(check.timing.fall);
    Diagnostic::new(
        &TOO_PATIENT,
        check.timing_span,
        format!("the check may run for {timeout} s, and starts every {interval} s"),
        format!("`timeout` {timeout} s, `interval` {interval} s"),
    )
    .note(format!("keepalived skips a run while the last one has not ended: a check that hangs is noticed after {failed} s only"))
    .help(format!("write a `timeout` of at most {interval}s, or a longer `interval`"))
}
