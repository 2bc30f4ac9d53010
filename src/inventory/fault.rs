//! Explanations of text that is not YAML, in words for someone who does not know YAML's grammar.
//!
//! A parser says where it could not go on. A person wants to know what was forgotten, which often stands further up.

use std::ops::Range;

use granit_parser::{ErrorKind, ScanError};

/// The place where a text stops being YAML, and the likely reason.
pub struct Fault {
    /// The bytes to look at.
    pub at: Range<usize>,
    /// The fact.
    pub title: &'static str,
    /// The advice on what to do.
    pub help: &'static str,
}

impl Fault {
    /// The most likely cause of a parser's error.
    pub fn of(error: &ScanError, text: &str) -> Self {
        let at = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
        let at = text.floor_char_boundary(at);
        if let Some(start) = merge_conflict(text) {
            return Self {
                at: start..start + 7,
                title: "a merge conflict was not resolved",
                help: "keep what is meant of both sides, and remove the three marker lines",
            };
        }
        let line_end = text[at..].find('\n').map_or(text.len(), |length| at + length);
        if let Some(space) = no_break_space(&text[..line_end]) {
            return Self {
                at: space..space + NO_BREAK_SPACE.len_utf8(),
                title: "a no-break space (U+00A0), which is no space for YAML",
                help: "type the space again: web pages and wikis paste such spaces",
            };
        }
        if let Some(quote) = unclosed_quote(text, at) {
            return Self {
                at: quote..quote + 1,
                title: "a quote is opened and not closed on its line",
                help: "close the quote where the text ends",
            };
        }
        if is_second_colon(text, at) {
            return Self {
                at: at..at + 1,
                title: "a value holds `: `, which makes it look like a key",
                help: "put the value into quotes",
            };
        }
        // A parser that has read on names the start of the text that the tab belongs to.
        if let (TAB, Some(tab)) = (plain_words(error.kind()), indenting_tab(text, at)) {
            let (title, help) = TAB;
            return Self { at: tab..tab + 1, title, help };
        }
        if let (UNSEPARATED | UNCLOSED_LIST | UNCLOSED_MAP, Some(bracket)) =
            (plain_words(error.kind()), unclosed_bracket(text, at))
        {
            let (title, help) = match text[bracket..].starts_with('[') {
                true => UNCLOSED_LIST,
                false => UNCLOSED_MAP,
            };
            return Self { at: bracket..bracket + 1, title, help };
        }
        let next = text[at..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
        let here = at..at + next;
        let (title, help) = plain_words(error.kind());
        // These two say where the parser stood, and not why.
        if let (MISFIT | UNREADABLE, Some(line)) = ((title, help), line_without_colon(text, at)) {
            let (title, help) = NO_COLON;
            return Self { at: line, title, help };
        }
        Self { at: here, title, help }
    }
}

/// Looks like a space.
const NO_BREAK_SPACE: char = '\u{a0}';

/// A no-break space in the last line, or in the last but one that says something.
fn no_break_space(text: &str) -> Option<usize> {
    let mut end = text.len();
    let mut lines = 0;
    for line in text.rsplit('\n') {
        let start = end - line.len();
        end = start.saturating_sub(1);
        let written = line.split(" #").next().unwrap_or_default();
        let written = if written.trim_start().starts_with('#') { "" } else { written };
        if let Some(at) = written.rfind(NO_BREAK_SPACE) {
            return Some(start + at);
        }
        lines += usize::from(!written.trim().is_empty());
        if lines == 2 {
            break;
        }
    }
    None
}

/// The first marker line of a conflict that git could not decide.
fn merge_conflict(text: &str) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if ["<<<<<<< ", "||||||| ", ">>>>>>> "].iter().any(|marker| line.starts_with(marker))
            || line.trim_end() == "======="
        {
            return Some(start);
        }
        start += line.len();
    }
    None
}

/// The first tab at or behind a place that indents a line.
fn indenting_tab(text: &str, from: usize) -> Option<usize> {
    let start = text[..from].rfind('\n').map_or(0, |newline| newline + 1);
    let mut line_start = start;
    for line in text[start..].split_inclusive('\n') {
        let indent = line.len() - line.trim_start().len();
        let tab = line[..indent].find('\t').map(|tab| line_start + tab);
        if let Some(tab) = tab.filter(|tab| *tab >= from) {
            return Some(tab);
        }
        line_start += line.len();
    }
    None
}

/// The line before a fault, where it is neither a key with its colon nor anything else that an inventory has: a parser
/// takes it for text that goes on.
fn line_without_colon(text: &str, fault: usize) -> Option<Range<usize>> {
    let line_start = text[..fault].rfind('\n')?;
    let mut written = text[..line_start].trim_end();
    let mut start = written.rfind('\n').map_or(0, |newline| newline + 1);
    while written[start..].trim_start().starts_with('#') && start > 0 {
        written = written[..start].trim_end();
        start = written.rfind('\n').map_or(0, |newline| newline + 1);
    }
    let line = written[start..].trim_start();
    let indent = |line: &str| line.len() - line.trim_start().len();
    // What is further right is a block of text, or belongs to something above.
    let plain = indent(&written[start..]) <= indent(&text[line_start + 1..])
        && !line.is_empty()
        && !line.contains(": ")
        && !line.ends_with(':')
        && !line.contains(['[', ']', '{', '}', '"', '\'', '#'])
        && !line.starts_with('-');
    plain.then(|| written.len() - line.len()..written.len())
}

/// Returns true if `at` is a colon inside the value that follows `key: ` on its line.
fn is_second_colon(text: &str, at: usize) -> bool {
    let start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let before = &text[start..at];
    text[at..].starts_with(": ") && before.contains(": ") && !before.contains(['{', '[', '"', '\''])
}

/// The first quote before a fault that opens a value and is not closed on its line. YAML lets quoted text go on over
/// lines, so a parser finds the fault where the next quote closes; who writes an inventory forgot one.
fn unclosed_quote(text: &str, fault: usize) -> Option<usize> {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if start > fault {
            break;
        }
        let mut open = None;
        let mut before = ' ';
        let mut characters = line.char_indices();
        while let Some((at, character)) = characters.next() {
            match (open, character) {
                (None, '"' | '\'') if " [{,".contains(before) => open = Some((at, character)),
                (None, '#') if before == ' ' => break,
                (Some((_, '"')), '\\') => _ = characters.next(),
                (Some((_, quote)), _) if character == quote => open = None,
                _ => {}
            }
            before = character;
        }
        if let Some((at, _)) = open {
            return Some(start + at);
        }
        start += line.len();
    }
    None
}

/// The innermost bracket that is open at a fault, where it stands on a line above and that line does not go on: a parser
/// takes the next lines for more of the same value.
fn unclosed_bracket(text: &str, fault: usize) -> Option<usize> {
    let mut open: Vec<usize> = Vec::new();
    let (mut quote, mut before, mut is_comment) = (None, '\n', false);
    let mut characters = text[..fault].char_indices();
    while let Some((at, character)) = characters.next() {
        let starts_value = || text[..at].trim_end_matches(' ').ends_with([':', '-', '\n']);
        match (quote, character) {
            (_, '\n') => is_comment = false,
            _ if is_comment => {}
            (None, '#') if before.is_whitespace() => is_comment = true,
            (None, '"' | '\'') if " [{,".contains(before) => quote = Some(character),
            (Some('"'), '\\') => _ = characters.next(),
            (Some(opened), _) if character == opened => quote = None,
            (None, '[' | '{') if !open.is_empty() || starts_value() => open.push(at),
            (None, ']' | '}') => _ = open.pop(),
            _ => {}
        }
        before = character;
    }
    let bracket = open.pop()?;
    let line = text[bracket..fault].split_once('\n')?.0.trim_end();
    (line.len() > 1 && !line.ends_with(',')).then_some(bracket)
}

/// The title and help for values in brackets that nothing separates.
const UNSEPARATED: (&str, &str) =
    ("a comma or the closing bracket is missing", "separate the values in brackets with commas");

/// The title and help for a bracket that stays open.
const UNCLOSED_LIST: (&str, &str) = ("a list is opened with `[` and never closed", "add the `]`");
const UNCLOSED_MAP: (&str, &str) = ("a map is opened with `{` and never closed", "add the `}`");

/// The title and help for a key without its colon, on this line or the one above.
const NO_COLON: (&str, &str) =
    ("a key without its colon", "write `key: value`, with a space after the colon");

/// The title and help for a tab where YAML wants spaces.
const TAB: (&str, &str) = ("a tab is used for indentation", "use spaces");

/// The title and help for columns that do not agree, or seem not to.
const MISFIT: (&str, &str) = (
    "this line does not fit the lines above it",
    "keys of one map start in one column, what belongs to a key is further right; a value with `: ` in it needs quotes",
);

/// The title and help for an error whose wording by the parser would tell a person nothing.
const UNREADABLE: (&str, &str) = (
    "this cannot be read as YAML",
    "check quotes, colons and indentation of this line and the one above",
);

/// Returns the title and help for a fault of the YAML text, in words for someone who does not know YAML's grammar.
fn plain_words(kind: &ErrorKind) -> (&'static str, &'static str) {
    use ErrorKind as E;
    match kind {
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabInPlainScalar
        | E::TabAtBlockScalarStart => TAB,
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
        E::UnclosedFlowCollection { open: '[' } | E::UnexpectedEofFlowSequence => UNCLOSED_LIST,
        E::UnclosedFlowCollection { .. }
        | E::UnexpectedEofFlowMapping
        | E::UnexpectedEofImplicitFlowMapping => UNCLOSED_MAP,
        E::MisplacedFlowCollectionEnd | E::MismatchedFlowCollectionEnd { .. } => (
            "a bracket is closed that is not open here",
            "every `[` needs its `]`, every `{` its `}`",
        ),
        E::ExpectedFlowSequenceSeparator | E::ExpectedFlowMappingSeparator => UNSEPARATED,
        E::InvalidIndentation
        | E::InvalidQuotedScalarIndent
        | E::InvalidFlowScalarIndent
        | E::InvalidBlockScalarIndent
        | E::ExpectedBlockMappingKey
        | E::ExpectedBlockSequenceEntry
        | E::BlockSequenceEntryNotAllowed
        | E::MappingKeyNotAllowed
        | E::MappingValueNotAllowed
        | E::InvalidColonPlacement => MISFIT,
        E::SimpleKeyExpected | E::InvalidSimpleKey => NO_COLON,
        E::RecursionLimitExceeded => {
            ("lists and maps are nested deeper than 64", "an inventory is flat; see the README")
        }
        E::DirectiveDisallowed => {
            ("lines that start with `%` are not taken here", "remove the line")
        }
        E::UnexpectedCharacter { .. } => {
            ("no value can start with this character", "put the value into quotes")
        }
        _ => UNREADABLE,
    }
}
