//! The kind of a problem: a stable id that people look up and waive.

/// The severity of a diagnostic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is rendered.
    Error,
    /// Works, but is probably not meant, or will stop working.
    Warning,
    /// Good to know.
    Note,
}

impl Severity {
    /// The word that messages use.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        }
    }
}

/// The kind of a problem: a stable id that people look up and waive.
#[derive(Debug, PartialEq, Eq)]
pub struct Code {
    /// `LB` and three digits; the first digit is the range of `lint`, `model` or `inventory`.
    pub id: &'static str,
    /// Errors stop a render, warnings do not.
    pub severity: Severity,
    /// One line for lists.
    pub summary: &'static str,
    /// Why it matters, with a wrong and a right example: Markdown.
    pub explanation: &'static str,
}

/// A [`Code`]: its severity, id and summary. Its explanation is `codes/<id>.md`; without that file, nothing compiles.
macro_rules! code {
    ($severity:ident $id:literal, $summary:literal) => {
        $crate::diag::Code {
            id: $id,
            severity: $crate::diag::Severity::$severity,
            summary: $summary,
            explanation: include_str!(concat!(
                env!("CARGO_MANIFEST_DIR"),
                "/src/diag/codes/",
                $id,
                ".md"
            )),
        }
    };
}
pub(crate) use code;
