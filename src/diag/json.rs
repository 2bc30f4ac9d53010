//! Diagnostics for programs.

use serde_json::{Value, json};

use super::{Diagnostic, Report, Severity};
use crate::source::{Sources, Span};

/// One JSON document: `version`, `errors`, `warnings`, `diagnostics`. Lines and columns count from 1, columns in characters.
pub fn render(report: &Report, sources: &Sources) -> Value {
    json!({
        "version": 1,
        "errors": report.count(Severity::Error),
        "warnings": report.count(Severity::Warning),
        "notes": report.count(Severity::Note),
        "diagnostics": report.iter().map(|d| diagnostic(d, sources)).collect::<Vec<_>>(),
    })
}

fn diagnostic(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let labels: Vec<Value> = diagnostic
        .labels
        .iter()
        .map(|label| {
            let mut value = place(label.span, sources);
            value["text"] = json!(label.text);
            value
        })
        .collect();
    let patch = diagnostic.patch.as_ref().map(|patch| {
        let mut value = place(patch.span, sources);
        value["replacement"] = json!(patch.text);
        value
    });
    json!({
        "code": diagnostic.code.id,
        "severity": diagnostic.code.severity.word(),
        "title": diagnostic.title,
        "labels": labels,
        "notes": diagnostic.notes,
        "help": diagnostic.help,
        "patch": patch,
    })
}

fn place(span: Span, sources: &Sources) -> Value {
    let (line, column) = sources.line_column(span);
    let (end_line, end_column) =
        sources.line_column(Span { start: span.end, end: span.end, ..span });
    json!({
        "path": sources.get(span.file).path,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
    })
}
