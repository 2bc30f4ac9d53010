//! Diagnostics as a person reads them: rustc's look.

use std::collections::BTreeMap;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Patch, Renderer, Snippet, renderer};

use super::{Diagnostic, Label, Report, Severity, count};
use crate::source::{FileId, Sources, Span};

/// More messages than this are not read by anyone.
const DRAWN: usize = 500;

/// So many messages that say the same of several places are drawn one by one.
const FEW: usize = 3;

/// Of more places the lines are named, up to this many.
const NAMED: usize = 8;

/// Lines of more bytes than this are not drawn, and places that are further apart are drawn one by one.
const WIDEST: usize = 16 << 10;

/// The diagnostics, and a line at the end that counts them. `styled` adds ANSI colours.
pub fn render(report: &Report, sources: &Sources, styled: bool) -> String {
    let renderer = if styled { Renderer::styled() } else { Renderer::plain() }
        .decor_style(renderer::DecorStyle::Ascii);
    let mut out = String::new();
    let mut alike: BTreeMap<_, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in report.iter() {
        alike.entry(message(diagnostic)).or_default().push(diagnostic);
    }
    let is_drawn = |diagnostic: &&Diagnostic| {
        let group = &alike[&message(diagnostic)];
        group.len() <= FEW || std::ptr::eq(group[0], *diagnostic)
    };
    for diagnostic in report.iter().filter(is_drawn).take(DRAWN) {
        let group = &alike[&message(diagnostic)];
        let drawn = match group.len() <= FEW {
            true => draw(diagnostic, sources, &renderer),
            // One mistake, such as a renamed entrypoint, and everything that it breaks.
            false => {
                let note = elsewhere(&group[1..], sources);
                draw(&(*diagnostic).clone().note(note), sources, &renderer)
            }
        };
        out.push_str(&drawn);
        out.push_str("\n\n");
    }
    if report.iter().filter(is_drawn).nth(DRAWN).is_some() {
        out.push_str(&format!("only the first {DRAWN} are shown; --format json has more\n"));
    }
    if !out.is_empty() {
        out.push_str(&report.tally());
        if let Some(first) = report.iter().next() {
            out.push_str(&format!("; run `lbgen explain {}` to see why", first.code.id));
        }
        out.push('\n');
    }
    // The lines of the file are drawn as they are, and a terminal obeys these too.
    out.replace(|character| matches!(character, '\u{80}'..='\u{9f}'), "\u{fffd}")
}

/// The words of a message; two that have them in common differ only in their places.
fn message(diagnostic: &Diagnostic) -> (&str, &str, &[String], &[String]) {
    (diagnostic.code.id, &diagnostic.title, &diagnostic.notes, &diagnostic.help)
}

/// The places of messages that are not drawn.
fn elsewhere(others: &[&Diagnostic], sources: &Sources) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    for other in others.iter().take(NAMED) {
        let path = sources.get(other.span().file).path.as_str();
        let (line, _) = sources.line_column(other.span());
        match lines.last_mut() {
            Some((known, list)) if *known == path => *list += &format!(", {line}"),
            _ => lines.push((path, format!("{path}:{line}"))),
        }
    }
    let named: Vec<String> = lines.into_iter().map(|(_, list)| list).collect();
    let more = if others.len() > NAMED { ", ..." } else { "" };
    format!("the same at {}: {}{more}", count(others.len(), "more place"), named.join("; "))
}

fn draw(diagnostic: &Diagnostic, sources: &Sources, renderer: &Renderer) -> String {
    let level = match diagnostic.code.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
        Severity::Note => Level::NOTE,
    };
    let mut group =
        Group::with_title(level.primary_title(&diagnostic.title).id(diagnostic.code.id));
    let first_file = diagnostic.span().file;
    let mut files: BTreeMap<(bool, FileId), Vec<&Label>> = BTreeMap::new();
    for label in &diagnostic.labels {
        files.entry((label.span.file != first_file, label.span.file)).or_default().push(label);
    }
    for ((_, file), labels) in files {
        let together = Window::around(labels.iter().map(|label| label.span), sources);
        let windows = match together.is_drawable() {
            true => vec![(together, labels)],
            false => labels
                .into_iter()
                .map(|label| (Window::around([label.span], sources), vec![label]))
                .collect(),
        };
        for (window, labels) in windows {
            let path = sources.get(file).path.as_str();
            if window.is_drawable() {
                group = group.element(snippet(path, &window, &labels, diagnostic.labels.first()));
                continue;
            }
            for label in labels {
                let (line, column) = sources.line_column(label.span);
                group = group.element(Origin::path(path).line(line).char_column(column));
                if !label.text.is_empty() {
                    group = group.element(Level::INFO.message(&label.text));
                }
            }
        }
    }
    for note in &diagnostic.notes {
        group = group.element(Level::NOTE.message(note));
    }
    for help in &diagnostic.help {
        group = group.element(Level::HELP.message(help));
    }
    let patch =
        diagnostic.patch.as_ref().map(|patch| (patch, Window::around([patch.span], sources)));
    let Some((patch, window)) = patch.filter(|(_, window)| window.is_drawable()) else {
        return renderer.render(&[group]);
    };
    let fix = Group::with_title(Level::HELP.secondary_title("the line as it would be")).element(
        Snippet::source(window.text)
            .line_start(window.line)
            .path(sources.get(patch.span.file).path.as_str())
            .patch(Patch::new(window.of(patch.span.range()), patch.text.as_str())),
    );
    renderer.render(&[group, fix])
}

fn snippet<'a>(
    path: &'a str,
    window: &Window<'a>,
    labels: &[&'a Label],
    primary: Option<&Label>,
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let mut snippet = Snippet::source(window.text).line_start(window.line).path(path);
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
    /// The lines of spans in one file; there is at least one.
    fn around(spans: impl IntoIterator<Item = Span>, sources: &'a Sources) -> Window<'a> {
        let spans: Vec<Span> = spans.into_iter().collect();
        let text = &sources.get(spans[0].file).text;
        let first = spans.iter().map(|span| span.range().start).min().unwrap_or(0);
        let last = spans.iter().map(|span| span.range().end).max().unwrap_or(0);
        let first = text.floor_char_boundary(first);
        let last = text.ceil_char_boundary(last.max(first));
        let start = text[..first].rfind('\n').map_or(0, |newline| newline + 1);
        let end = text[last..].find('\n').map_or(text.len(), |newline| last + newline);
        let (line, _) = sources.line_column(spans[0].at(start));
        Window { text: &text[start..end], start, line }
    }

    fn is_drawable(&self) -> bool {
        self.text.len() <= WIDEST
    }

    /// A range within the window, in whole characters: a parser may end one inside of a character.
    fn of(&self, range: std::ops::Range<usize>) -> std::ops::Range<usize> {
        let start = self.text.floor_char_boundary(range.start - self.start);
        start..self.text.ceil_char_boundary(range.end - self.start).max(start)
    }
}
