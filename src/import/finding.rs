//! The findings of an import, each reported once, with every place that it is about.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report};
use crate::source::{FileId, Sources, Span};

/// The findings, by code, title and help.
#[derive(Default)]
pub struct Findings {
    found: BTreeMap<(&'static str, String, String), (&'static Code, Vec<Span>)>,
}

impl Findings {
    /// Says something of a place; `help` is what a person can do, or what lbgen does.
    pub fn add(
        &mut self,
        code: &'static Code,
        at: Span,
        title: impl Into<String>,
        help: impl Into<String>,
    ) {
        let (_, places) =
            self.found.entry((code.id, title.into(), help.into())).or_insert((code, Vec::new()));
        places.push(at);
    }

    /// Every finding, at its first place; a note has the lines of the others.
    pub fn report(self, sources: &Sources, report: &mut Report) {
        for ((_, title, help), (code, mut places)) in self.found {
            places.sort();
            places.dedup();
            let Some((first, rest)) = places.split_first() else { continue };
            let mut diagnostic = Diagnostic::new(code, *first, title, "");
            if !rest.is_empty() {
                diagnostic = diagnostic.note(format!("also at {}", lines(rest, sources)));
            }
            report.push(if help.is_empty() { diagnostic } else { diagnostic.help(help) });
        }
    }
}

/// `lb-1.conf:12, 30; lb-2.conf:12`
fn lines(places: &[Span], sources: &Sources) -> String {
    let mut by_file: BTreeMap<FileId, Vec<String>> = BTreeMap::new();
    for place in places {
        let (line, _) = sources.line_column(*place);
        by_file.entry(place.file).or_default().push(line.to_string());
    }
    let texts = by_file
        .iter()
        .map(|(file, lines)| format!("{}:{}", sources.get(*file).path, lines.join(", ")));
    texts.collect::<Vec<_>>().join("; ")
}
