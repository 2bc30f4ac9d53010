//! Diagnostics for programs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::{self, Report, Severity};
use crate::source::{Sources, Span};

/// Everything that is wrong with an inventory: the document of `check`, and that of every command that such an
/// inventory stops.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Diagnostics {
    /// The number of errors.
    pub errors: usize,
    /// The number of warnings.
    pub warnings: usize,
    /// The number of notes.
    pub notes: usize,
    /// By file and line.
    pub diagnostics: Vec<Diagnostic>,
}

/// One thing that is wrong.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Diagnostic {
    /// `LB` and three digits; `lbgen explain` knows it.
    code: &'static str,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    /// One line.
    title: String,
    /// The places; the first one is the culprit.
    labels: Vec<Label>,
    /// Facts that explain it.
    notes: Vec<String>,
    /// Advice.
    help: Vec<String>,
    /// An edit that mends it, or null where there is none.
    patch: Option<Patch>,
}

/// A place in an input file. Lines and columns count from 1, columns in characters.
#[derive(Debug, Serialize, JsonSchema)]
struct Place {
    /// The path of the file, as it was given.
    path: String,
    /// The first line.
    line: usize,
    /// The first column.
    column: usize,
    /// The last line.
    end_line: usize,
    /// The column after the last one.
    end_column: usize,
}

/// A place and what is said of it.
#[derive(Debug, Serialize, JsonSchema)]
struct Label {
    #[serde(flatten)]
    place: Place,
    /// The text beside the place.
    text: String,
}

/// An edit.
#[derive(Debug, Serialize, JsonSchema)]
struct Patch {
    #[serde(flatten)]
    place: Place,
    /// The text that replaces what stands there.
    replacement: String,
}

impl Diagnostics {
    /// The diagnostics of a report.
    pub fn of(report: &Report, sources: &Sources) -> Self {
        Self {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            diagnostics: report.iter().map(|found| Diagnostic::of(found, sources)).collect(),
        }
    }
}

impl Diagnostic {
    fn of(found: &diag::Diagnostic, sources: &Sources) -> Self {
        let label = |label: &diag::Label| Label {
            place: Place::of(label.span, sources),
            text: label.text.clone(),
        };
        let patch = |patch: &diag::Patch| Patch {
            place: Place::of(patch.span, sources),
            replacement: patch.text.clone(),
        };
        Self {
            code: found.code.id,
            severity: found.code.severity.word(),
            title: found.title.clone(),
            labels: found.labels.iter().map(label).collect(),
            notes: found.notes.clone(),
            help: found.help.clone(),
            patch: found.patch.as_ref().map(patch),
        }
    }
}

impl Place {
    fn of(span: Span, sources: &Sources) -> Self {
        let (line, column) = sources.line_column(span);
        let (end_line, end_column) =
            sources.line_column(Span { start: span.end, end: span.end, ..span });
        let path = sources.get(span.file).path.clone();
        Self { path, line, column, end_line, end_column }
    }
}
