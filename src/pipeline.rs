//! The way of the data from what was written to what is planned, as one function.

use crate::diag::Report;
use crate::inventory::lock::RawLock;
use crate::inventory::raw;
use crate::plan::{Keep, Lock, Plan};
use crate::{lint, model, plan};

/// What is read, beside what was written.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The inventory's file name, for headers.
    pub source: &'a str,
    /// Whether orders of the lock are kept as they are.
    pub keep: Keep,
    /// Codes of warnings that are waived everywhere.
    pub allow: &'a [String],
}

/// The plan, where the inventory is valid; the report is complete and sorted either way. `None` for an inventory is one
/// that could not be read, for a lock one that is not there.
pub fn run(
    inventory: Option<&raw::Inventory>,
    lock: Option<&RawLock>,
    context: Context<'_>,
    report: &mut Report,
) -> Option<Plan> {
    let lock = lock.map_or_else(Lock::default, |raw| Lock::build(raw, report));
    let planned = inventory.and_then(|raw| {
        let datacenter = model::build(raw, context.source, report)?;
        lint::check(&datacenter, report);
        plan::plan(&datacenter, &lock, context.keep, report)
    });
    if let Some(raw) = inventory {
        lint::waive(raw, context.allow, report);
    }
    report.sort();
    planned.filter(|_| !report.has_errors())
}
