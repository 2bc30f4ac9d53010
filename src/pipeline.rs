//! The way of the data from what was written to what is planned, as one function.

use crate::diag::{Code, Report};
use crate::inventory::lock::RawLock;
use crate::inventory::{self, raw};
use crate::model::Datacenter;
use crate::plan::{Keep, Lock, Plan};
use crate::route::RoutingTable;
use crate::{lint, model, plan};

/// The settings of a run, beside what was written.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    /// The inventory's file name, for headers.
    pub source: &'a str,
    /// The extent to which orders of the lock are kept.
    pub keep: Keep,
    /// Codes of warnings that are waived everywhere.
    pub allow: &'a [String],
}

/// A valid inventory.
#[derive(Debug)]
pub struct Planned {
    /// The datacenter that it describes.
    pub datacenter: Datacenter,
    /// The rules, which say who answers which request.
    pub routes: RoutingTable,
    /// The plan made from it.
    pub plan: Plan,
}

/// The codes of messages about something that is not there.
const ABOUT_ABSENCE: &[&Code] = &[
    &model::codes::UNKNOWN_NAME,
    &model::codes::WHICH_ENTRYPOINT,
    &model::codes::NO_GATEWAY,
    &model::codes::NO_NODE,
    &model::codes::NO_FALLBACK,
];

/// Returns the plan, or `None` if the inventory is not valid; the report is complete and sorted either way. An
/// `inventory` of `None` is one that could not be read, a `lock` of `None` one that is not there.
pub fn run(
    inventory: Option<&raw::Inventory>,
    lock: Option<&RawLock>,
    options: Options<'_>,
    report: &mut Report,
) -> Option<Planned> {
    let lock = lock.map_or_else(Lock::default, |raw| Lock::build(raw, report));
    let planned = inventory.and_then(|raw| {
        let draft = model::draft(raw, options.source, report);
        let routes = RoutingTable::of(&draft);
        routes.refuse_shared(&draft, report);
        let datacenter = draft.finish(report)?;
        lint::check(&datacenter, &routes, report);
        let plan = plan::plan(&datacenter, &routes, &lock, options.keep, report)?;
        Some(Planned { datacenter, routes, plan })
    });
    if report.is_partial() {
        // It may stand in what could not be read.
        report.retain(|diagnostic| {
            // A key that is missing at the top.
            let is_root = diagnostic.code.id == inventory::codes::MISSING_KEY.id
                && diagnostic.span().start == 0;
            !is_root && !ABOUT_ABSENCE.iter().any(|code| code.id == diagnostic.code.id)
        });
    }
    if let Some(raw) = inventory {
        lint::waive(raw, options.allow, report);
    }
    report.sort();
    planned.filter(|_| !report.has_errors())
}
