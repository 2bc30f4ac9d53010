//! Text to [`Node`]s. This file and `fault` are the only ones that know the YAML parser.
//!
//! It reads the parser's events and not a derived struct, because a struct ends at its first wrong value
//! and an inventory has to bring back all of them at once.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle, ScanError};

use super::codes;
use super::fault::Fault;
use super::node::{Entries, Kind, Node, Scalar};
use crate::diag::{Diagnostic, Report};
use crate::source::{FileId, Loc, Span};

/// Nesting of an inventory is 5 at most; what goes deeper is a mistake or an attack.
const DEPTH: usize = 64;

/// Keys, values, lists and maps together: five times what 20,000 domains and 500 components need.
const NODES: usize = 500_000;

/// The only document of `text`. `None` where nothing can be read; then the report says why.
pub fn parse(file: FileId, text: &str, report: &mut Report) -> Option<Node> {
    let mut options = granit_parser::Options::default();
    options.flow_nesting_limit = DEPTH;
    options.block_nesting_limit = DEPTH;
    options.emit_unresolved_aliases = true;
    options.emit_comments = false;
    options.disallow_directives = true;
    let mut tree =
        Tree { file, text, open: Vec::new(), root: None, nodes: 0, seen: 0, tabs: false, report };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                if !tree.take(event, tree.span(range.start, range.end)) {
                    break;
                }
            }
            Err(error) => {
                // The tab is the cause, most likely; it stands at its place in the report.
                if !tree.tabs {
                    tree.fault(&error);
                }
                return None;
            }
        }
    }
    tree.root
}

/// A list or map whose end has not come yet.
struct Open {
    start: Span,
    kind: OpenKind,
}

enum OpenKind {
    List(Vec<Node>),
    Map {
        entries: Entries,
        /// Its text is `None` where nobody may ask for its value.
        key: Option<Loc<Option<String>>>,
        /// True if a key of the map is not a name, so that the map is refused.
        refused: bool,
    },
}

struct Tree<'a> {
    file: FileId,
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    nodes: usize,
    /// The end of the last event.
    seen: usize,
    /// True once a tab was reported.
    tabs: bool,
    report: &'a mut Report,
}

impl Tree<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let clamp = |at: usize| u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX);
        Span { file: self.file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// False where reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        self.refuse_tabs(&event, span);
        if event.tag().is_some() {
            let at = Span { end: (span.start + 1).min(span.end), ..span };
            self.report.push(
                Diagnostic::new(
                    &codes::YAML_FEATURE,
                    at,
                    "YAML tags (`!`) are not supported here",
                    "tagged value",
                )
                .help("remove the tag; every key of an inventory has one type"),
            );
        }
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.anchor(anchor, span);
                let plain = matches!(style, ScalarStyle::Plain);
                let scalar = Scalar { text: text.into_owned(), plain };
                self.node(span, Kind::Scalar(scalar));
            }
            Event::SequenceStart(_, anchor, _) => {
                self.anchor(anchor, span);
                self.open.push(Open { start: span, kind: OpenKind::List(Vec::new()) });
            }
            Event::MappingStart(_, anchor, _) => {
                self.anchor(anchor, span);
                let kind = OpenKind::Map { entries: Entries::new(), key: None, refused: false };
                self.open.push(Open { start: span, kind });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.report.push(
                    Diagnostic::new(
                        &codes::YAML_FEATURE,
                        span,
                        "YAML aliases are not supported here",
                        "alias",
                    )
                    .help("write the value out; text that starts with `*` needs quotes"),
                );
                self.node(span, Kind::Refused);
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.report.push(
                    Diagnostic::new(&codes::YAML_FEATURE, span, "a second YAML document starts here", "second document")
                        .help("an inventory is one document: remove the `---`, or move this part to another file"),
                );
                return false;
            }
            _ => {}
        }
        if self.nodes > NODES {
            self.root = None;
            let title = "the file holds more than 500,000 keys and values";
            self.report.push(
                Diagnostic::new(&codes::NOT_TEXT, span, title, "the rest was not read")
                    .help("an inventory is one datacenter's: split the file"),
            );
            return false;
        }
        true
    }

    /// Reports tabs between this event and the one before it, and in plain text: a person takes them for indentation
    /// or for a space, and readers of YAML disagree. In quotes, in blocks of text and in comments they are text.
    fn refuse_tabs(&mut self, event: &Event<'_>, span: Span) {
        let Range { start, end } = span.range();
        let plain = matches!(event, Event::Scalar(_, ScalarStyle::Plain, ..));
        let seen = if plain { end } else { start };
        let mut from = self.seen;
        for line in self.text[from.min(seen)..seen].split_inclusive('\n') {
            let code = line.split('#').next().unwrap_or_default();
            if let Some(tab) = code.find('\t') {
                let at = self.span(from + tab, from + tab + 1);
                let help = "use spaces";
                let title = "tab used for indentation";
                self.report.push(Diagnostic::new(&codes::YAML, at, title, "tab").help(help));
                self.tabs = true;
            }
            from += line.len();
        }
        self.seen = self.seen.max(end);
    }

    fn anchor(&mut self, anchor: usize, span: Span) {
        if anchor != 0 {
            // It stands before the value, maybe on a line of its own.
            let before = &self.text[..self.text.ceil_char_boundary(span.range().start + 1)];
            let at = before.rfind('&').unwrap_or(span.range().start);
            self.report.push(
                Diagnostic::new(
                    &codes::YAML_FEATURE,
                    self.span(at, at + 1),
                    "YAML anchors are not supported here",
                    "anchor",
                )
                .help("remove the `&name`, and write the value out where it is used"),
            );
        }
    }

    fn close(&mut self, span: Span) {
        let Some(Open { start, kind }) = self.open.pop() else { return };
        let span = Span { end: span.end.max(start.start), ..start };
        match kind {
            OpenKind::List(items) => self.node(span, Kind::List(items)),
            OpenKind::Map { refused: true, .. } => self.node(span, Kind::Refused),
            OpenKind::Map { entries, .. } => self.node(span, Kind::Map(entries)),
        }
    }

    /// Puts a finished node where it belongs.
    fn node(&mut self, span: Span, kind: Kind) {
        // Spans of block values reach over the line breaks that follow them.
        let written = self.text[span.range()].trim_end();
        let first_line = written.lines().next().unwrap_or_default();
        let end = |length: usize| span.start + u32::try_from(length).unwrap_or(0);
        let head = Span { end: end(first_line.len()), ..span };
        let span = Span { end: end(written.len()), ..span };
        let node = Node { span, head, kind };
        self.nodes += 1;
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key, refused } => match key.take() {
                None => {
                    *key = Some(match node.kind {
                        Kind::Scalar(scalar) if scalar.plain && scalar.text == "<<" => {
                            self.report.push(
                                Diagnostic::new(
                                    &codes::YAML_FEATURE,
                                    head,
                                    "YAML merge keys are not supported here",
                                    "merge key",
                                )
                                .help("write the values out"),
                            );
                            Loc { value: None, span: head }
                        }
                        Kind::Scalar(scalar) => Loc { value: Some(scalar.text), span: head },
                        Kind::List(_) | Kind::Map(_) | Kind::Refused => {
                            let diagnostic = Diagnostic::new(
                                &codes::YAML_FEATURE,
                                head,
                                "a key must be a name",
                                "a list or a map used as a key",
                            );
                            let template = self.text[..span.range().start].ends_with('{');
                            self.report.push(match template {
                                true => diagnostic.help("`{{ }}` looks like a template that was not filled in; quote it if it is text"),
                                false => diagnostic,
                            });
                            *refused = true;
                            Loc { value: None, span: head }
                        }
                    });
                }
                Some(Loc { value: None, .. }) => {}
                Some(Loc { value: Some(name), span }) => {
                    if let Some((earlier, _)) = entries.get(&name) {
                        self.report.push(
                            Diagnostic::new(
                                &codes::DUPLICATE_KEY,
                                span,
                                format!("the key `{}` is given twice", name),
                                "second time",
                            )
                            .also(*earlier, "first time")
                            .note("YAML readers disagree about which of the two counts")
                            .help("remove one of them, or merge what they hold"),
                        );
                    } else {
                        entries.insert(name, (span, node));
                    }
                }
            },
        }
    }

    fn fault(&mut self, error: &ScanError) {
        let Fault { at, title, help } = Fault::of(error, self.text);
        let span = self.span(at.start, at.end);
        self.report.push(Diagnostic::new(&codes::YAML, span, title, "here").help(help));
    }
}
