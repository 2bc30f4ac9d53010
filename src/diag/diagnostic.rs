//! One problem of the user's input.

use super::suggest::{self, nearest};
use super::{Code, printable};
use crate::source::Span;

/// One problem of the user's input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its kind.
    pub code: &'static Code,
    /// The fact in one line, lower case, no full stop.
    pub title: String,
    /// All culprits; the first is the one that the message points at.
    pub labels: Vec<Label>,
    /// Reasons why it matters.
    pub notes: Vec<String>,
    /// Advice on what to do.
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

    /// Adds a reason why it matters.
    pub fn note(mut self, text: impl Into<String>) -> Self {
        self.notes.push(printable(text));
        self
    }

    /// Adds advice on what to do.
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
            return self.help(format!("valid: {}", suggest::listing(&known)));
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

    /// Returns the place that the message points at.
    pub fn span(&self) -> Span {
        self.labels[0].span
    }
}

/// A place in the input and what stands there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// The description of what stands there; may be empty for the first label.
    pub text: String,
}

/// A change of the input that certainly mends the problem.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The text to replace.
    pub span: Span,
    /// The text that replaces it.
    pub text: String,
}
