//! Places where a datacenter of a fleet may differ from the others.

use glob::Pattern;

use super::codes;
use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::source::{Loc, Span};

/// Places at which a datacenter may differ: a path, or a pattern of paths. The reason is for whoever reads the inventory.
pub type Waiver = Loc<Pattern>;

pub(super) fn build(raw: &raw::Inventory, report: &mut Report) -> Vec<Waiver> {
    let allowed = raw.align.as_ref().and_then(|align| align.allow.as_ref());
    allowed.into_iter().flatten().filter_map(|raw| waiver(raw, report)).collect()
}

fn waiver(raw: &raw::AlignWaiver, report: &mut Report) -> Option<Waiver> {
    let reason = raw.reason.as_ref()?;
    if reason.value.text.trim().is_empty() {
        report.push(empty(reason.span));
    }
    let written = raw.path.as_ref()?;
    if written.value.text.is_empty() {
        let diagnostic =
            Diagnostic::new(&codes::FORM, written.span, "the path is empty", "no path");
        report.push(diagnostic.help("write a path as `lbgen align` shows it"));
        return None;
    }
    match Pattern::new(&written.value.text) {
        Ok(pattern) => Some(written.with(pattern)),
        Err(error) => {
            let title =
                format!("`{}` is not a pattern of paths: {}", written.value.text, error.msg);
            report.push(
                Diagnostic::new(&codes::FORM, written.span, title, "")
                    .help("write a path as `lbgen align` shows it; `*` stands for any part of it"),
            );
            None
        }
    }
}

fn empty(span: Span) -> Diagnostic {
    Diagnostic::new(&codes::FORM, span, "the reason is empty", "no reason")
        .help("say why this datacenter differs, for whoever reads it in a year")
}
