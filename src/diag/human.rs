//! Diagnostics as a person reads them: rustc's look.

use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Group, Level, Patch, Renderer, Snippet, renderer};

use super::{Diagnostic, Label, Report, Severity};
use crate::source::{FileId, Sources};

/// Every diagnostic, and a line at the end that counts them. `styled` adds ANSI colours.
pub fn render(report: &Report, sources: &Sources, styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() }
        .decor_style(renderer::DecorStyle::Ascii);
    let mut out = String::new();
    for diagnostic in report.iter() {
        out.push_str(&draw(diagnostic, sources, &renderer));
        out.push_str("\n\n");
    }
    if !out.is_empty() {
        out.push_str(&report.tally());
        out.push('\n');
    }
    out
}

fn draw(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let mut group =
        Group::with_title(level.primary_title(&diagnostic.title).id(diagnostic.code.id));
    let first_file = diagnostic.span().file;
    let mut files: BTreeMap<(bool, FileId), Vec<&Label>> = BTreeMap::new();
    for label in &diagnostic.labels {
        files.entry((label.span.file != first_file, label.span.file)).or_default().push(label);
    }
    for ((_, file), labels) in files {
        group = group.element(snippet(file, &labels, diagnostic.labels.first(), sources));
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let Some(patch) = &diagnostic.patch else {
        return renderer.render(&[group]);
    };
    let window = Window::around([patch.span.range()], &sources.get(patch.span.file).text);
    let fix = Group::with_title(Level::HELP.secondary_title("the line as it would be")).element(
        Snippet::source(window.text)
            .line_start(window.line)
            .path(sources.get(patch.span.file).path.as_str())
            .patch(Patch::new(window.of(patch.span.range()), patch.text.as_str())),
    );
    renderer.render(&[group, fix])
}

fn snippet<'a>(
    file: FileId,
    labels: &[&'a Label],
    primary: Option<&Label>,
    sources: &'a Sources,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let source = sources.get(file);
    let window = Window::around(labels.iter().map(|label| label.span.range()), &source.text);
    let mut snippet =
        Snippet::source(window.text).line_start(window.line).path(source.path.as_str());
    for label in labels {
        let kind = match Some(*label) == primary {
            true => AnnotationKind::Primary,
            false => AnnotationKind::Context,
        };
        let annotation = kind.span(window.of(label.span.range()));
        snippet = snippet.annotation(match label.text.is_empty() {
            true => annotation,
            false => annotation.label(label.text.as_str()),
        });
    }
    snippet
}

/// The whole lines that some ranges stand on: drawing must not scan a file of many megabytes for each message.
struct Window<'a> {
    text: &'a str,
    start: usize,
    line: usize,
}

impl<'a> Window<'a> {
    fn around(
        ranges: impl IntoIterator<Item = std::ops::Range<usize>>,
        text: &'a str,
    ) -> Window<'a> {
        let (first, last) = ranges
            .into_iter()
            .fold((text.len(), 0), |(low, high), r| (low.min(r.start), high.max(r.end)));
        let first = text.floor_char_boundary(first);
        let last = text.ceil_char_boundary(last.max(first));
        let start = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
        let line = text[..start].bytes().filter(|byte| *byte == b'\n').count() + 1;
        Window { text: &text[start..end], start, line }
    }

    fn of(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        range.start - self.start..range.end - self.start
    }
}
