//! Text to [`Node`]s. The only place that knows the YAML parser, and the only one that speaks of YAML.
//!
//! It reads the parser's events and not a derived struct, because a struct ends at its first wrong value
//! and an inventory has to bring back all of them at once.

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError};

use super::codes;
use super::node::{Entries, Kind, Node, Scalar};
use crate::diag::{Diagnostic, Report};
use crate::source::{FileId, Loc, Span};

/// Nesting of an inventory is 5 at most; what goes deeper is a mistake or an attack.
const DEPTH: usize = 64;

/// The only document of `text`. `None` where nothing can be read; then the report says why.
pub fn parse(file: FileId, text: &str, report: &mut Report) -> Option<Node> {
    let mut options = granit_parser::Options::default();
    options.flow_nesting_limit = DEPTH;
    options.block_nesting_limit = DEPTH;
    options.emit_unresolved_aliases = true;
    options.emit_comments = false;
    options.disallow_directives = true;
    let mut tree = Tree { file, text, open: Vec::new(), root: None, report };
    for event in Parser::new_from_str_with_options(text, options) {
        match event {
            Ok((event, span)) => {
                let range = span.byte_range().unwrap_or(0..0);
                if !tree.take(event, tree.span(range.start, range.end)) {
                    break;
                }
            }
            Err(error) => {
                tree.fault(&error);
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
    Map { entries: Entries, key: Option<Loc<String>> },
}

struct Tree<'a> {
    file: FileId,
    text: &'a str,
    open: Vec<Open>,
    root: Option<Node>,
    report: &'a mut Report,
}

impl Tree<'_> {
    fn span(&self, start: usize, end: usize) -> Span {
        let clamp = |at: usize| u32::try_from(at.min(self.text.len())).unwrap_or(u32::MAX);
        Span { file: self.file, start: clamp(start), end: clamp(end.max(start)) }
    }

    /// False where reading on makes no sense.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        if let Some(tag) = event.tag() {
            let at = Span { end: (span.start + 1).min(span.end), ..span };
            self.report.push(
                Diagnostic::new(
                    &codes::YAML_FEATURE,
                    at,
                    format!("a YAML tag (`{tag}`) is not taken here"),
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
                let kind = OpenKind::Map { entries: Entries::new(), key: None };
                self.open.push(Open { start: span, kind });
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.report.push(
                    Diagnostic::new(
                        &codes::YAML_FEATURE,
                        span,
                        "YAML aliases are not taken here",
                        "alias",
                    )
                    .help("write the value out"),
                );
                self.node(span, Kind::Refused);
            }
            Event::DocumentStart(..) if self.root.is_some() => {
                self.report.push(
                    Diagnostic::new(&codes::YAML_FEATURE, span, "a second YAML document starts here", "second document")
                        .help("an inventory is one document: remove the `---`, or put this part into a file of its own"),
                );
                return false;
            }
            _ => {}
        }
        true
    }

    fn anchor(&mut self, anchor: usize, span: Span) {
        if anchor != 0 {
            let at = Span { end: (span.start + 1).min(span.end), ..span };
            self.report.push(
                Diagnostic::new(
                    &codes::YAML_FEATURE,
                    at,
                    "YAML anchors are not taken here",
                    "this value has an anchor",
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
        let Some(open) = self.open.last_mut() else {
            self.root = Some(node);
            return;
        };
        match &mut open.kind {
            OpenKind::List(items) => items.push(node),
            OpenKind::Map { entries, key } => match key.take() {
                None => {
                    *key = Some(match node.kind {
                        Kind::Scalar(scalar) => Loc { value: scalar.text, span: head },
                        Kind::List(_) | Kind::Map(_) | Kind::Refused => {
                            self.report.push(Diagnostic::new(
                                &codes::YAML_FEATURE,
                                head,
                                "a key must be a name",
                                "a list or a map used as a key",
                            ));
                            Loc { value: String::new(), span: head }
                        }
                    });
                }
                Some(key) if key.value == "<<" => {
                    self.report.push(
                        Diagnostic::new(
                            &codes::YAML_FEATURE,
                            key.span,
                            "YAML merge keys are not taken here",
                            "merge key",
                        )
                        .help("write the values out"),
                    );
                }
                Some(key) => {
                    if let Some((earlier, _)) = entries.get(&key.value) {
                        self.report.push(
                            Diagnostic::new(
                                &codes::DUPLICATE_KEY,
                                key.span,
                                format!("the key `{}` is given twice", key.value),
                                "second time",
                            )
                            .also(*earlier, "first time")
                            .note("YAML readers disagree about which of the two counts")
                            .help("remove one of them, or merge what they hold"),
                        );
                    } else {
                        entries.insert(key.value, (key.span, node));
                    }
                }
            },
        }
    }

    fn fault(&mut self, error: &ScanError) {
        let at = error.marker().byte_offset().unwrap_or(self.text.len()).min(self.text.len());
        let at = self.text.floor_char_boundary(at);
        let next = self.text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let (title, help) = plain_words(error.kind());
        self.report.push(
            Diagnostic::new(&codes::YAML, self.span(at, at + next), title, "here").help(help),
        );
    }
}

/// What a fault of the YAML text is called by someone who does not know YAML's grammar.
fn plain_words(kind: &ErrorKind) -> (&'static str, &'static str) {
    use ErrorKind as E;
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabInPlainScalar
        | E::TabAtBlockScalarStart => ("a tab is used for indentation", "use spaces"),
        E::UnclosedQuotedScalar | E::DocumentIndicatorInQuotedScalar => (
            "a quote is opened and never closed",
            "close the quote on the line where the text ends",
        ),
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            ("text follows a closed quote", "quote the whole value, or nothing of it")
        }
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidUnicodeEscape
        | E::UnpairedLowSurrogate
        | E::MissingLowSurrogate
        | E::InvalidLowSurrogate
        | E::InvalidLowSurrogateHexEscape => (
            "a backslash in double quotes starts no escape that YAML knows",
            "use single quotes, or write the backslash twice",
        ),
        E::UnclosedFlowCollection { open: '[' } | E::UnexpectedEofFlowSequence => {
            ("a list is opened with `[` and never closed", "add the `]`")
        }
        E::UnclosedFlowCollection { .. }
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping => {
            ("a map is opened with `{` and never closed", "add the `}`")
        }
        E::MisplacedFlowCollectionEnd | E::MismatchedFlowCollectionEnd { .. } => (
            "a bracket is closed that is not open here",
            "every `[` needs its `]`, every `{` its `}`",
        ),
        E::ExpectedFlowSequenceSeparator | E::ExpectedFlowMappingSeparator => (
            "a comma or the closing bracket is missing",
            "separate what stands in brackets by commas",
        ),
        E::InvalidIndentation
        | E::InvalidQuotedScalarIndent
        | E::InvalidFlowScalarIndent
        | E::InvalidBlockScalarIndent
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::BlockSequenceEntryNotAllowed
        | E::MappingKeyNotAllowed
        | E::MappingValueNotAllowed
        | E::InvalidColonPlacement => (
            "this line does not fit the lines above it",
            "keys of one map start in one column, what belongs to a key is further right; a value with `: ` in it needs quotes",
        ),
        E::SimpleKeyExpected | E::InvalidSimpleKey => {
            ("a key without its colon", "write `key: value`, with a space after the colon")
        }
        E::RecursionLimitExceeded => {
            ("lists and maps are nested deeper than 64", "an inventory is flat; see the README")
        }
        E::DirectiveDisallowed => {
            ("lines that start with `%` are not taken here", "remove the line")
        }
        E::UnexpectedCharacter { .. } => {
            ("no value can start with this character", "put the value into quotes")
        }
        _ => (
            "this cannot be read as YAML",
            "check quotes, colons and indentation of this line and the one above",
        ),
    }
}
