//! Text -> lines of words, as keepalived parts them (facts D30): comments, quotes, braces, `$VARIABLES`, `@conditions` and
//! `include` (keepalived.conf(5), chapters PARAMETER SYNTAX and CONFIGURATION PARSER).

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::include::{matching, normal};
use super::variable::{Variables, definition};
use crate::bundle::{NodeFile, Place};
use crate::source::{FileId, Span};
use crate::state::Tree;
use crate::state::remark::{Kind, Remark};

/// Includes deeper than this go round in circles.
const DEPTH: usize = 32;

/// Words of a line; a brace outside quotes stands on a line of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// At least one.
    pub words: Vec<String>,
    /// The position of the line; for text from a variable, the position where the variable is used.
    pub at: Span,
}

/// A reader of the configuration files of a node.
pub struct Lines<'a> {
    tree: &'a Tree,
    node: &'a str,
    files: &'a BTreeMap<&'a str, FileId>,
    /// The id that lines beginning with `@` are compared with.
    id: String,
    variables: Variables,
    /// Every line, includes in their places.
    pub found: Vec<Line>,
    /// Remarks on everything that is not read as it was written.
    pub remarks: Vec<Remark>,
    pub has_includes: bool,
}

impl<'a> Lines<'a> {
    /// Reads a node's configuration.
    pub fn read(
        tree: &'a Tree,
        node: &'a str,
        files: &'a BTreeMap<&'a str, FileId>,
        path: &str,
    ) -> Self {
        let id = config_id(tree, node);
        let mut lines = Self {
            tree,
            node,
            files,
            variables: Variables::new(&id),
            id,
            found: Vec::new(),
            remarks: Vec::new(),
            has_includes: false,
        };
        lines.file(path, 0);
        lines
    }

    fn file(&mut self, path: &str, depth: usize) {
        let (Some(text), Some(file)) = (self.tree.get(path), self.files.get(path)) else { return };
        if let Some(at) = text.find('\0') {
            let at = Span::of_file(*file).at(at);
            self.remark(Kind::Unread, at, "this is not text; what follows is not read".to_owned());
        }
        let text = text.split('\0').next().unwrap_or(text);
        let mut defining: Option<String> = None;
        let mut offset = 0;
        for raw in text.split_inclusive('\n') {
            let here = offset;
            offset += raw.len();
            let (line, length) = uncommented(raw.trim_end_matches(['\n', '\r']));
            // Only a definition goes on in the next line.
            if let Some(name) = &defining {
                let (code, goes_on) = continued(&line);
                if !code.is_empty() {
                    self.variables.extend(name, code.to_owned());
                }
                if !goes_on {
                    defining = None;
                }
                continue;
            }
            if line.is_empty() {
                continue;
            }
            let blank = raw.len() - raw.trim_start_matches([' ', '\t']).len();
            let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            let at = Span {
                file: *file,
                start: number(here + blank),
                end: number(here + length.max(blank)),
            };
            defining = self.line(line, at, path, depth);
        }
    }

    /// Takes a line, and what its variables and braces make of it. A definition that goes on is returned.
    fn line(&mut self, line: Cow<'_, str>, at: Span, path: &str, depth: usize) -> Option<String> {
        let mut next = Some(line);
        // What is to be read next stands last.
        let mut waiting: Vec<String> = Vec::new();
        let mut defining = None;
        let mut steps = 0;
        while let Some(mut line) = next.take().or_else(|| waiting.pop().map(Cow::Owned)) {
            steps += 1;
            if line.starts_with('@') {
                let Some(rest) = self.condition(&line, at) else { continue };
                line = Cow::Owned(rest.to_owned());
            }
            if let Some((name, value)) = definition(&line) {
                let (value, goes_on) = continued(value);
                let value = match (value.is_empty(), goes_on) {
                    (true, true) => Vec::new(),
                    _ => vec![value.to_owned()],
                };
                self.variables.define(name, value);
                defining = goes_on.then(|| name.to_owned());
                continue;
            }
            if line.starts_with("~SEQ") || line.starts_with("~LST") {
                let what = line.split([' ', '(']).next().unwrap_or(&line).to_owned();
                self.remark(Kind::Unread, at, format!("`{what}` is not followed: write its lines"));
                continue;
            }
            if let Some(done) = self.variables.substituted(&line).filter(|_| steps < 1000) {
                waiting.extend(done.more.into_iter().rev());
                line = Cow::Owned(uncommented(&done.line).0.into_owned());
                // Its value may be a condition, a definition or another variable.
                if line.starts_with(['@', '$']) {
                    waiting.push(line.into_owned());
                    continue;
                }
            }
            if let Some(pattern) = included(&line) {
                self.has_includes = true;
                self.include(pattern, at, path, depth);
                continue;
            }
            let (code, rest) = at_brace(&line);
            waiting.extend((!rest.is_empty()).then(|| rest.to_owned()));
            let (words, is_open) = words(code);
            if is_open {
                let text =
                    "a quote that is not closed: keepalived reads the line up to it".to_owned();
                self.remark(Kind::Skipped, at, text);
            }
            if words.iter().any(|word| word.contains('\u{fffd}')) {
                let text = format!("`{code}` is not UTF-8: lbgen cannot repeat it");
                self.remark(Kind::Unread, at, text);
            }
            if !words.is_empty() {
                self.found.push(Line { words, at });
            }
        }
        defining
    }

    /// The line behind its condition, where that holds: `@lb-1` on the node of that id, `@^lb-1` on the others.
    fn condition<'b>(&mut self, line: &'b str, at: Span) -> Option<&'b str> {
        let Some(condition) = line.strip_prefix('@') else { return Some(line) };
        let (is_reversed, condition) = match condition.strip_prefix('^') {
            Some(rest) => (true, rest),
            None => (false, condition),
        };
        let (id, rest) = condition.split_once([' ', '\t'])?;
        if !self.tree.nodes().any(|node| config_id(self.tree, node) == id) {
            let text = format!(
                "`@{id}` is for a keepalived that was started with `-i {id}` or runs on a host of that name, and no node here does: collect /etc/default/keepalived"
            );
            self.remark(Kind::Unread, at, text);
        }
        ((id == self.id) != is_reversed).then(|| rest.trim_start_matches([' ', '\t']))
    }

    /// `include` takes a path or a glob, relative to the file that it stands in.
    fn include(&mut self, pattern: &str, at: Span, path: &str, depth: usize) {
        if depth >= DEPTH {
            self.remark(Kind::Unread, at, format!("`include {pattern}` goes round in a circle"));
            return;
        }
        let node = Place::folder_of(self.node);
        let wanted = if pattern.starts_with('/') {
            format!("{node}{}", pattern.trim_start_matches('/'))
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            normal(&format!("{folder}/{pattern}"))
        };
        let tree = self.tree;
        let paths: Vec<&str> =
            tree.iter().map(|(path, _)| path).filter(|path| path.starts_with(&node)).collect();
        let hits: Vec<&str> = matching(&wanted, &paths);
        if hits.is_empty() {
            self.remark(Kind::Unread, at, format!("`include {pattern}` finds no file here"));
        }
        for hit in hits {
            self.file(hit, depth + 1);
        }
    }

    fn remark(&mut self, kind: Kind, at: Span, text: String) {
        self.remarks.push(Remark { at, text, kind });
    }
}

/// Returns the id that `@` lines of a node are compared with: the one that keepalived was started with (`-i`,
/// `--config-id`), or the first part of the host's name.
fn config_id(tree: &Tree, node: &str) -> String {
    let written =
        ["etc/default/keepalived", "etc/sysconfig/keepalived"].into_iter().find_map(|path| {
            let text = tree.get(&NodeFile::of(path).on(node).to_string())?;
            text.lines().filter(|line| !line.trim_start().starts_with('#')).find_map(option_id)
        });
    written.unwrap_or_else(|| node.split('.').next().unwrap_or(node).to_owned())
}

/// The id in a line such as `DAEMON_ARGS="-i first"`.
fn option_id(line: &str) -> Option<String> {
    let words: Vec<&str> = line
        .split(|c: char| c.is_ascii_whitespace() || matches!(c, '"' | '\'' | '='))
        .filter(|word| !word.is_empty())
        .collect();
    let at = words.iter().position(|word| {
        *word == "--config-id" || word.starts_with("-i") && !word.starts_with("--")
    })?;
    match words[at].strip_prefix("-i").filter(|glued| !glued.is_empty()) {
        Some(glued) => Some(glued.to_owned()),
        None => words.get(at + 1).map(|id| (*id).to_owned()),
    }
}

/// A line without the space around it and without its comment, which begins with `#` or `!` outside quotes, and where its
/// code ends. A `\` at the end of the line stays.
fn uncommented(line: &str) -> (Cow<'_, str>, usize) {
    if !line.contains(['"', '\\', '#', '!']) {
        let end = line.trim_end_matches([' ', '\t']).len();
        return (Cow::Borrowed(line[..end].trim_start_matches([' ', '\t'])), end);
    }
    let mut done = String::with_capacity(line.len());
    let (mut quoted, mut goes_on) = (false, false);
    let mut comment = None;
    let blank = line.len() - line.trim_start_matches([' ', '\t']).len();
    let mut rest = line[blank..].char_indices().map(|(at, c)| (blank + at, c)).peekable();
    while let Some((at, character)) = rest.next() {
        let mut taken = [Some(character), None];
        match character {
            '"' if comment.is_none() => quoted = !quoted,
            '\\' => match rest.next() {
                None => {
                    goes_on = true;
                    break;
                }
                Some((_, next @ ('#' | '!'))) if !quoted => taken = [Some(next), None],
                Some((_, next)) => taken[1] = Some(next),
            },
            '#' | '!' if !quoted && comment.is_none() => comment = Some(at),
            _ => {}
        }
        if comment.is_none() {
            done.extend(taken.into_iter().flatten());
        }
    }
    done.truncate(done.trim_end_matches([' ', '\t']).len());
    let end = line[..comment.unwrap_or(line.len())].trim_end_matches([' ', '\t', '\\']).len();
    if goes_on {
        done.push('\\');
    }
    (Cow::Owned(done), end)
}

/// A line without the `\` that it may end with, and whether it did.
fn continued(line: &str) -> (&str, bool) {
    match line.strip_suffix('\\') {
        Some(code) => (code.trim_end_matches([' ', '\t']), true),
        None => (line, false),
    }
}

/// Returns the pattern that a line includes, by `include` or one of its relatives, which differ in how they treat a
/// missing file.
fn included(line: &str) -> Option<&str> {
    let rest = line.strip_prefix("include")?;
    let rest = rest.strip_prefix(['r', 'm', 'w', 'b', 'a']).unwrap_or(rest);
    let pattern = rest.strip_prefix(is_space)?;
    Some(pattern.trim_start_matches([' ', '\t']))
}

/// The part of a line that is read as one, and what follows: a brace outside quotes is a line of its own.
fn at_brace(line: &str) -> (&str, &str) {
    let (code, rest) = match line.chars().next() {
        Some('{' | '}') => line.split_at(1),
        _ => {
            let mut quoted = false;
            let brace = line.find(|c| {
                quoted ^= c == '"';
                !quoted && matches!(c, '{' | '}')
            });
            line.split_at(brace.unwrap_or(line.len()))
        }
    };
    (code.trim_end_matches([' ', '\t']), rest.trim_matches([' ', '\t']))
}

/// keepalived's white space: U+00A0, say, belongs to a word.
fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

/// The words of a line, and whether a quote in it stays open. A quoted text is a word, whatever stands beside it.
fn words(line: &str) -> (Vec<String>, bool) {
    let mut rest = line.trim_start_matches(is_space);
    let mut words = Vec::with_capacity(rest.split(is_space).count());
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => match quoted.split_once('"') {
                Some(found) => found,
                None => return (words, true),
            },
            None => rest.split_at(rest.find(|c| is_space(c) || c == '"').unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = behind.trim_start_matches(is_space);
    }
    (words, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_end_lines_outside_quotes() {
        let without_comment = |line| uncommented(line).0;
        assert_eq!(without_comment("  priority 100 ! the best"), "priority 100");
        assert_eq!(without_comment(r##"script "/bin/x #1!" # why"##), r##"script "/bin/x #1!""##);
        assert_eq!(without_comment(r"auth_pass a\#b"), "auth_pass a#b");
        assert_eq!(without_comment("@!lb-1 priority 90"), "@");
        assert_eq!(without_comment(r"$A=b # and \"), r"$A=b\");
    }

    #[test]
    fn braces_stand_alone() {
        assert_eq!(
            at_brace("virtual_ipaddress{10.0.0.1/24}"),
            ("virtual_ipaddress", "{10.0.0.1/24}")
        );
        assert_eq!(at_brace("{ 10.0.0.1/24 }"), ("{", "10.0.0.1/24 }"));
        assert_eq!(at_brace(r#"script "a {" }"#), (r#"script "a {""#, "}"));
        assert_eq!(at_brace("}"), ("}", ""));
    }

    #[test]
    fn words_are_parted_by_keepalived_s_white_space() {
        let listed = |line| words(line).0;
        assert_eq!(listed("priority\u{a0}150"), ["priority\u{a0}150"]);
        assert_eq!(listed("priority\u{b}150"), ["priority", "150"]);
        assert_eq!(listed(r#"a"b c"d"#), ["a", "b c", "d"]);
        assert!(words(r#"script "open"#).1);
    }

    #[test]
    fn the_id_is_what_keepalived_was_started_with() {
        assert_eq!(option_id(r#"DAEMON_ARGS="-D -i first""#).as_deref(), Some("first"));
        assert_eq!(option_id("KEEPALIVED_OPTIONS='--config-id=lb'").as_deref(), Some("lb"));
        assert_eq!(option_id("DAEMON_ARGS=\"--vrrp\""), None);
    }
}
