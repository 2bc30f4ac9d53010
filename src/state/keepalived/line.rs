//! Text -> lines of words: comments, continuations, quotes, `$VARIABLES`, `@conditions` and `include`
//! (keepalived.conf(5), chapters PARAMETER SYNTAX and CONFIGURATION PARSER).

use std::collections::BTreeMap;
use std::path::{Component, Path};

use crate::source::{FileId, Span};
use crate::state::{Remark, Tree};

/// Includes deeper than this go round in circles.
const DEPTH: usize = 32;

/// Words, `{` and `}` of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// A brace outside quotes is a word of its own.
    pub words: Vec<Word>,
    /// Where it stands; of what a variable put there, where that is used.
    pub at: Span,
}

/// A word of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Word {
    /// Text, without its quotes.
    Text(String),
    /// `{`
    Open,
    /// `}`
    Close,
}

/// What reads the files of a node.
pub struct Lines<'a> {
    tree: &'a Tree,
    node: &'a str,
    files: &'a BTreeMap<&'a str, FileId>,
    /// A variable of several lines is a list of them.
    variables: BTreeMap<String, Vec<String>>,
    found: Vec<Line>,
    remarks: Vec<Remark>,
}

impl<'a> Lines<'a> {
    /// Every line of a node's configuration, includes in their places.
    pub fn read(
        tree: &'a Tree,
        node: &'a str,
        files: &'a BTreeMap<&'a str, FileId>,
        path: &str,
    ) -> (Vec<Line>, Vec<Remark>) {
        let variables = [("_HASH", "#"), ("_BANG", "!"), ("_INSTANCE", node)];
        let variables = variables.map(|(name, value)| (name.to_owned(), vec![value.to_owned()]));
        let mut lines = Self {
            tree,
            node,
            files,
            variables: variables.into(),
            found: Vec::new(),
            remarks: Vec::new(),
        };
        lines.file(path, 0);
        (lines.found, lines.remarks)
    }

    fn file(&mut self, path: &str, depth: usize) {
        let (Some(text), Some(file)) = (self.tree.get(path), self.files.get(path)) else { return };
        let mut definition: Option<String> = None;
        let mut joined = String::new();
        let mut start = 0;
        let mut offset = 0;
        for raw in text.split_inclusive('\n') {
            let here = offset;
            offset += raw.len();
            let code = without_comment(raw.trim_end_matches(['\n', '\r']));
            let (code, goes_on) = match code.trim_end().strip_suffix('\\') {
                Some(code) => (code, true),
                None => (code, false),
            };
            // The lines of a definition stay apart; those of anything else are one.
            if let Some(name) = &definition {
                let lines = self.variables.entry(name.clone()).or_default();
                lines.push(code.trim().to_owned());
                if !goes_on {
                    definition = None;
                }
                continue;
            }
            if joined.is_empty() {
                start = here + (code.len() - code.trim_start().len());
            }
            if let Some((name, value)) = defined(code.trim()).filter(|_| joined.is_empty()) {
                let value = self.substituted(value).join(" ");
                let lines = if value.is_empty() { Vec::new() } else { vec![value] };
                self.variables.insert(name.to_owned(), lines);
                definition = goes_on.then(|| name.to_owned());
                continue;
            }
            joined.push_str(code);
            if goes_on {
                joined.push(' ');
                continue;
            }
            let line = std::mem::take(&mut joined);
            let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            let end = here + code.trim_end().len();
            let at = Span { file: *file, start: number(start), end: number(end.max(start)) };
            if !line.trim().is_empty() {
                self.line(line.trim(), at, path, depth);
            }
        }
    }

    fn line(&mut self, line: &str, at: Span, path: &str, depth: usize) {
        let Some(line) = self.condition(line) else { return };
        for line in self.substituted(line) {
            if line.starts_with("~SEQ") || line.starts_with("~LST") {
                self.remark(at, format!("`{}` is not followed", first(&line)));
            }
            let words = words(&line);
            match words.as_slice() {
                [] => {}
                [Word::Text(include), Word::Text(pattern)] if is_include(include) => {
                    self.include(pattern, at, path, depth);
                }
                _ => {
                    if line.contains('$') {
                        self.remark(at, format!("a variable of `{line}` is not defined"));
                    }
                    self.found.push(Line { words, at });
                }
            }
        }
    }

    /// The line behind its condition, where that holds: `@lb-1` on the node of that name, `@^lb-1` on the others.
    fn condition<'b>(&self, line: &'b str) -> Option<&'b str> {
        let Some(rest) = line.strip_prefix('@') else { return Some(line) };
        let (id, rest) = rest.split_once(char::is_whitespace)?;
        let short = self.node.split('.').next().unwrap_or(self.node);
        let holds = match id.strip_prefix(['^', '!']) {
            Some(other) => other != short,
            None => id == short,
        };
        holds.then(|| rest.trim_start())
    }

    /// The line with the values of its variables; several where a variable has several.
    fn substituted(&self, line: &str) -> Vec<String> {
        let mut done = vec![String::new()];
        let mut rest = line;
        while let Some((before, after)) = rest.split_once('$') {
            done.iter_mut().for_each(|line| line.push_str(before));
            let (name, behind) =
                match after.strip_prefix('{').and_then(|after| after.split_once('}')) {
                    Some(braced) => braced,
                    None => {
                        let ends = |c: char| !c.is_ascii_alphanumeric() && c != '_';
                        after.split_at(after.find(ends).unwrap_or(after.len()))
                    }
                };
            match self.variables.get(name).map(Vec::as_slice) {
                Some([lines @ .., last]) => {
                    let open = done.pop().unwrap_or_default();
                    let mut values = lines.iter().chain([last]);
                    let first = values.next().map_or(String::new(), Clone::clone);
                    done.push(open + &first);
                    done.extend(values.cloned());
                }
                Some([]) => {}
                None => done.iter_mut().for_each(|line| {
                    line.push('$');
                    line.push_str(&after[..after.len() - behind.len()]);
                }),
            }
            rest = behind;
        }
        if let Some(last) = done.last_mut() {
            last.push_str(rest);
        }
        done
    }

    /// `include` takes a path or a glob, relative to the file that it stands in.
    fn include(&mut self, pattern: &str, at: Span, path: &str, depth: usize) {
        if depth >= DEPTH {
            self.remark(at, format!("`include {pattern}` goes round in a circle"));
            return;
        }
        let node = format!("nodes/{}", self.node);
        let wanted = if pattern.starts_with('/') {
            format!("{node}{pattern}")
        } else {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            normal(&format!("{folder}/{pattern}"))
        };
        let hits: Vec<String> = self
            .tree
            .iter()
            .map(|(path, _)| path)
            .filter(|path| path.starts_with(&node) && glob(&wanted, path))
            .map(str::to_owned)
            .collect();
        if hits.is_empty() {
            self.remark(at, format!("`include {pattern}` finds no file here"));
        }
        for hit in hits {
            self.file(&hit, depth + 1);
        }
    }

    fn remark(&mut self, at: Span, text: String) {
        self.remarks.push(Remark { at, text });
    }
}

/// `include` and its relatives, which differ in what they do about a missing file.
fn is_include(word: &str) -> bool {
    matches!(word, "include" | "includer" | "includem" | "includew" | "includeb" | "includea")
}

fn first(line: &str) -> &str {
    line.split_whitespace().next().unwrap_or(line)
}

/// `$NAME=value`
fn defined(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.strip_prefix('$')?.split_once('=')?;
    let name = name.trim_end();
    let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(valid)).then_some((name, value.trim()))
}

/// The line up to `#` or `!` outside quotes.
fn without_comment(line: &str) -> &str {
    let mut quoted = false;
    let mut escaped = false;
    for (at, character) in line.char_indices() {
        match character {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => quoted = !quoted,
            '#' | '!' if !quoted && !condition_bang(line, at) => return &line[..at],
            _ => {}
        }
    }
    line
}

/// Whether the `!` belongs to a condition, `@!lb-1`.
fn condition_bang(line: &str, at: usize) -> bool {
    line[..at].trim() == "@"
}

fn words(line: &str) -> Vec<Word> {
    let mut words = Vec::new();
    let mut text = String::new();
    let (mut quoted, mut started) = (false, false);
    let mut rest = line.chars();
    while let Some(character) = rest.next() {
        match character {
            '"' => (quoted, started) = (!quoted, true),
            '\\' => {
                started = true;
                match rest.next() {
                    Some(next) if quoted || matches!(next, '#' | '!' | '"' | '\\') => {
                        text.push(next)
                    }
                    Some(next) => text.extend(['\\', next]),
                    None => text.push('\\'),
                }
            }
            _ if quoted => text.push(character),
            '{' | '}' => {
                if std::mem::take(&mut started) {
                    words.push(Word::Text(std::mem::take(&mut text)));
                }
                words.push(if character == '{' { Word::Open } else { Word::Close });
            }
            _ if character.is_whitespace() => {
                if std::mem::take(&mut started) {
                    words.push(Word::Text(std::mem::take(&mut text)));
                }
            }
            _ => {
                started = true;
                text.push(character);
            }
        }
    }
    if started {
        words.push(Word::Text(text));
    }
    words
}

/// A path without `.` and `..`.
fn normal(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in Path::new(path).components() {
        match part {
            Component::ParentDir => drop(parts.pop()),
            Component::Normal(part) => parts.extend(part.to_str()),
            _ => {}
        }
    }
    parts.join("/")
}

/// Whether a path matches a pattern with `*` and `?`, neither of which matches `/` (glob(7)).
fn glob(pattern: &str, path: &str) -> bool {
    let (Some(wanted), rest) = (pattern.chars().next(), pattern.get(1..).unwrap_or("")) else {
        return path.is_empty();
    };
    let next = path.chars().next();
    match (wanted, next) {
        ('*', _) => {
            glob(rest, path)
                || next
                    .is_some_and(|found| found != '/' && glob(pattern, &path[found.len_utf8()..]))
        }
        ('?', Some(found)) => found != '/' && glob(rest, &path[found.len_utf8()..]),
        (wanted, Some(found)) => {
            wanted == found && glob(&pattern[wanted.len_utf8()..], &path[found.len_utf8()..])
        }
        (_, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(words: &[&str]) -> Vec<Word> {
        let word = |word: &&str| match *word {
            "{" => Word::Open,
            "}" => Word::Close,
            text => Word::Text(text.to_owned()),
        };
        words.iter().map(word).collect()
    }

    #[test]
    fn comments_end_lines_outside_quotes() {
        assert_eq!(without_comment("priority 100 ! the best"), "priority 100 ");
        assert_eq!(without_comment(r##"script "/bin/x #1!" # why"##), r##"script "/bin/x #1!" "##);
        assert_eq!(without_comment("@!lb-1 priority 90"), "@!lb-1 priority 90");
    }

    #[test]
    fn braces_are_words() {
        let line = r#"virtual_ipaddress {10.0.0.1/24 dev eth0} "a b""#;
        let wanted = ["virtual_ipaddress", "{", "10.0.0.1/24", "dev", "eth0", "}", "a b"];
        assert_eq!(words(line), text(&wanted));
    }

    #[test]
    fn globs_stay_in_their_folder() {
        assert!(glob("a/conf.d/*.conf", "a/conf.d/x.conf"));
        assert!(!glob("a/conf.d/*.conf", "a/conf.d/b/x.conf"));
        assert!(glob("a/??.conf", "a/xy.conf"));
    }
}
