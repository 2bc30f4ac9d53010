//! `allow`: warnings that the user takes on.

use crate::diag::{Code, Diagnostic, Report, Severity, code};
use crate::inventory::codes::OF_FLEETS;
use crate::inventory::raw;
use crate::source::Loc;

/// No such code, or an error.
const NOT_WAIVABLE: Code = code!(Error "LB010", "a waiver of something that cannot be waived");
/// The warning is not there.
const WAIVES_NOTHING: Code = code!(Warning "LB290", "a waiver that waives nothing");

/// The codes of this family.
pub const CODES: &[&Code] = &[&NOT_WAIVABLE, &WAIVES_NOTHING];

/// Takes the waived warnings out of the report, and reports waivers that are none.
///
/// An entry's `allow` waives what points into that entry; the inventory's and `everywhere` waive all of a code.
pub fn waive(inventory: &raw::Inventory, everywhere: &[String], report: &mut Report) {
    let codes = super::all_codes();
    let waivers = inventory.waivers();
    let mut used = vec![false; waivers.len()];
    report.retain(|diagnostic| {
        if diagnostic.code.severity == Severity::Error {
            return true;
        }
        let mut waived = everywhere.iter().any(|code| code == diagnostic.code.id);
        for (used, waiver) in used.iter_mut().zip(&waivers) {
            if waiver.covers(diagnostic.code.id, diagnostic.span()) {
                *used = true;
                waived = true;
            }
        }
        !waived
    });
    // While there are errors, rules that look at a whole datacenter have not run.
    let complete = !report.has_errors();
    for (waiver, used) in waivers.iter().zip(used) {
        let Loc { value: id, span } = &waiver.code.as_str();
        match codes.iter().find(|code| code.id == *id) {
            None => report.push(
                Diagnostic::new(
                    &NOT_WAIVABLE,
                    *span,
                    format!("there is no code `{}`", id),
                    "not a code of lbgen",
                )
                .did_you_mean(id, *span, waivable(&codes)),
            ),
            Some(code) if code.severity == Severity::Error => report.push(
                Diagnostic::new(
                    &NOT_WAIVABLE,
                    *span,
                    format!("{id} cannot be waived"),
                    "this is an error",
                )
                .note(format!("{id}: {}", code.summary)),
            ),
            Some(code) if OF_FLEETS.contains(code) => {}
            Some(_) if !used && complete => report.push(
                Diagnostic::new(
                    &WAIVES_NOTHING,
                    *span,
                    format!("{id} is waived, but not found"),
                    "waives nothing",
                )
                .help("remove it, so that it does not hide future warnings"),
            ),
            Some(_) => {}
        }
    }
}

fn waivable<'a>(codes: &'a [&'static Code]) -> impl Iterator<Item = &'static str> + 'a {
    codes.iter().filter(|code| of_inventories(code)).map(|code| code.id)
}

/// Returns the reason why a code cannot be named on the command line, or `None` for that of a warning.
pub fn why_not_waivable(id: &str) -> Option<&'static str> {
    match super::all_codes().iter().find(|known| known.id == id) {
        None => Some("there is no such code"),
        Some(code) if !of_inventories(code) => Some("only warnings of an inventory can be waived"),
        Some(_) => None,
    }
}

/// Returns true for a warning about an inventory, and not about files that one is imported from, or a fleet that runs.
fn of_inventories(code: &Code) -> bool {
    let elsewhere = [crate::import::codes::ALL, crate::status::codes::ALL];
    code.severity == Severity::Warning && !elsewhere.iter().any(|codes| codes.contains(&code))
}
