//! Every problem of a run.

use super::{Code, Diagnostic, Severity};

/// Every problem of a run.
#[derive(Debug, Clone, Default)]
pub struct Report {
    diagnostics: Vec<Diagnostic>,
    /// Those that came after [`MOST`], by severity.
    beyond: [usize; 3],
    /// True if part of the input could not be read.
    partial: bool,
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

    /// Adds problems.
    pub fn push_all(&mut self, diagnostics: impl IntoIterator<Item = Diagnostic>) {
        for diagnostic in diagnostics {
            self.push(diagnostic);
        }
    }

    /// Returns true if another problem would only be counted: no need to look for a fix.
    pub fn is_full(&self) -> bool {
        self.diagnostics.len() >= MOST
    }

    /// Counts a problem that nobody is going to read.
    pub fn count_only(&mut self, code: &Code) {
        self.beyond[code.severity as usize] += 1;
    }

    /// Returns the number of problems of this severity.
    pub fn count(&self, severity: Severity) -> usize {
        let kept = self.diagnostics.iter().filter(|d| d.code.severity == severity).count();
        kept + self.beyond[severity as usize]
    }

    /// Returns true if anything stops a render.
    pub fn has_errors(&self) -> bool {
        self.beyond[Severity::Error as usize] > 0
            || self.diagnostics.iter().any(|d| d.code.severity == Severity::Error)
    }

    /// Returns true if nothing was found.
    pub fn is_empty(&self) -> bool {
        self.diagnostics.is_empty()
    }

    /// Adds what was found elsewhere.
    pub fn extend(&mut self, other: &Self) {
        self.push_all(other.diagnostics.iter().cloned());
        for (count, more) in self.beyond.iter_mut().zip(other.beyond) {
            *count += more;
        }
        self.partial |= other.partial;
    }

    /// Part of the input could not be read: what refers to it is not wrong.
    pub fn set_partial(&mut self) {
        self.partial = true;
    }

    /// Returns true if part of the input could not be read.
    pub fn is_partial(&self) -> bool {
        self.partial
    }

    /// Adds to what is said.
    pub fn amend(&mut self, more: impl FnMut(Diagnostic) -> Diagnostic) {
        self.diagnostics = std::mem::take(&mut self.diagnostics).into_iter().map(more).collect();
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
        [count(Severity::Error), count(Severity::Warning), count(Severity::Note)]
            .into_iter()
            .flatten()
            .collect::<Vec<_>>()
            .join(", ")
    }
}
