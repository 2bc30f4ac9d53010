//! What is wrong with the user's input: found anywhere, collected here, drawn once at the end.

mod explain;
mod github;
mod human;
mod json;
mod sarif;
mod suggest;

pub use explain::{Example, Explanation};
pub use github::render as render_github;
pub use human::render as render_human;
pub use json::render as render_json;
pub use sarif::render as render_sarif;
pub use suggest::nearest;

use crate::source::{Sources, Span};

/// How bad a diagnostic is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Nothing is rendered.
    Error,
    /// Works, but is probably not meant, or will stop working.
    Warning,
}

impl Severity {
    /// The word that messages use.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
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

/// A place in the input and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Where.
    pub span: Span,
    /// What stands there; may be empty for the first label.
    pub text: String,
}

/// A change of the input that certainly mends the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// What is replaced.
    pub span: Span,
    /// What it becomes.
    pub text: String,
}

/// One problem of the user's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// The fact in one line, lower case, no full stop.
    pub title: String,
    /// All culprits; the first is the one that the message points at.
    pub labels: Vec<Label>,
    /// Why it matters.
    pub notes: Vec<String>,
    /// What to do.
    pub help: Vec<String>,
    /// The fix, where it is certain.
    pub patch: Option<Patch>,
}

impl Diagnostic {
    /// A problem at `span`; `label` says what stands there.
    pub fn new(
        code: &'static Code,
        span: Span,
        title: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self {
            code,
            title: printable(title),
            labels: vec![Label { span, text: printable(label) }],
            notes: Vec::new(),
            help: Vec::new(),
            patch: None,
        }
    }

    /// Another culprit.
    pub fn also(mut self, span: Span, label: impl Into<String>) -> Self {
        self.labels.push(Label { span, text: printable(label) });
        self
    }

    /// Why it matters.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(printable(text));
        self
    }

    /// What to do.
    pub fn help(mut self, text: impl Into<String>) -> Self {
        self.help.push(printable(text));
        self
    }

    /// The fix: what stands at `span` becomes `text`.
    pub fn replace(mut self, span: Span, text: impl Into<String>) -> Self {
        self.patch = Some(Patch { span, text: text.into() });
        self
    }

    /// The nearest of the names that exist as help and as patch; without one, the help lists some.
    pub fn did_you_mean<'a>(
        self,
        written: &str,
        span: Span,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        if let Some(name) = nearest(written, &known) {
            return self.help(format!("did you mean `{name}`?")).replace(span, name);
        } else if !known.is_empty() {
            return self.help(format!("known here: {}", suggest::listing(&known)));
        }
        self
    }

    /// Title, notes and help as one text.
    pub fn text(&self) -> String {
        let mut text = self.title.clone();
        for more in self.notes.iter().chain(&self.help) {
            text += "\n";
            text += more;
        }
        text
    }

    /// Where the message points.
    pub fn span(&self) -> Span {
        self.labels[0].span
    }
}

/// Every problem of a run.
#[derive(Debug, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    /// Those that came after [`MOST`], by severity.
    beyond: [usize; 2],
}

/// A file with more problems than this is no inventory that someone will mend; the rest is only counted.
const MOST: usize = 20_000;

impl Report {
    /// Adds a problem.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        match self.is_full() {
            true => self.count_only(diagnostic.code),
            false => self.diagnostics.push(diagnostic),
        }
    }

    /// Whether another problem would only be counted: no need to look for a fix.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// Counts a problem that nobody is going to read.
    pub fn count_only(&mut self, code: &Code) {
        self.beyond[code.severity as usize] += 1;
    }

    /// How many problems of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        let kept = self.diagnostics.iter().filter(|d| d.code.severity == severity).count();
        kept + self.beyond[severity as usize]
    }

    /// Whether anything stops a render.
    pub fn has_errors(&self) -> bool {
        self.beyond[Severity::Error as usize] > 0
            || self.diagnostics.iter().any(|d| d.code.severity == Severity::Error)
    }

    /// Keeps what `keep` says.
    pub fn retain(&mut self, keep: impl FnMut(&Diagnostic) -> bool) {
        self.diagnostics.retain(keep);
    }

    /// In the order of the input, each once.
    pub fn sort(&mut self) {
        self.diagnostics.sort_by(|a, b| {
            (a.span(), a.code.id, &a.title, &a.labels).cmp(&(
                b.span(),
                b.code.id,
                &b.title,
                &b.labels,
            ))
        });
        self.diagnostics.dedup();
    }

    /// The problems, in the order that [`Report::sort`] made.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.diagnostics.iter()
    }

    /// The line at the end of a run: `2 errors, 1 warning`; empty where there is nothing.
    pub fn tally(&self) -> String {
        let count = |severity: Severity| match self.count(severity) {
            0 => None,
            1 => Some(format!("1 {}", severity.word())),
            n => Some(format!("{n} {}s", severity.word())),
        };
        [count(Severity::Error), count(Severity::Warning)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }
}

/// Text of the input as a message may hold it: what a terminal would obey, and what nobody sees, is spelled out.
pub fn printable(text: impl Into<String>) -> String {
    let text: String = text.into();
    if !text.contains(is_unprintable) {
        return text;
    }
    let mut printed = String::with_capacity(text.len());
    for character in text.chars() {
        match is_unprintable(character) {
            true => printed.extend(character.escape_default()),
            false => printed.push(character),
        }
    }
    printed
}

/// Control characters, and those that are invisible or turn the text around (Unicode category Cf).
pub fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Where a message points, as `path:line:column`.
pub fn position(sources: &Sources, span: Span) -> String {
    let (line, column) = sources.line_column(span);
    format!("{}:{line}:{column}", sources.get(span.file).path)
}
