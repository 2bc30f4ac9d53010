//! Lines -> statements: words, and a block where one belongs to them, as keepalived's parser takes them (facts D34).

use std::collections::BTreeSet;
use std::iter::Peekable;
use std::vec::IntoIter;

use super::grammar::{self, Form, Word};
use super::line::Line;
use crate::language::version::KeepalivedVersion;
use crate::source::Span;
use crate::state::remark::{Kind, Remark};

/// `priority 100`, or `unicast_peer { ... }`.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its words, at least one.
    pub words: Vec<String>,
    /// The statements in its braces, or `None` if it has no block.
    pub block: Option<Vec<Statement>>,
    /// The position of the statement.
    pub at: Span,
}

/// Two statements that say the same are equal, wherever they stand.
impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        let Self { words, block, at: _ } = self;
        *words == other.words && *block == other.block
    }
}

impl Statement {
    /// The first word.
    pub fn key(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// The word after the first.
    pub fn value(&self) -> Option<&str> {
        self.words.get(1).map(String::as_str)
    }

    /// The statements of the block.
    pub fn inner(&self) -> &[Statement] {
        self.block.as_deref().unwrap_or(&[])
    }

    /// All of its words.
    pub fn text(&self) -> String {
        self.words.join(" ")
    }
}

/// Blocks that have a name of their own, which none of their kind may have again.
const UNIQUE: &[&str] = &["vrrp_instance", "vrrp_sync_group", "track_group"];

/// The statements of these lines, for that release.
pub fn statements(
    lines: Vec<Line>,
    version: KeepalivedVersion,
    remarks: &mut Vec<Remark>,
) -> Vec<Statement> {
    let lines = lines.into_iter().peekable();
    Parser { lines, version, remarks, names: BTreeSet::new() }.block(grammar::ROOT, None)
}

struct Parser<'a> {
    lines: Peekable<IntoIter<Line>>,
    version: KeepalivedVersion,
    remarks: &'a mut Vec<Remark>,
    /// Kind and name.
    names: BTreeSet<(String, String)>,
}

const OPEN: &str = "{";
const CLOSE: &str = "}";

impl Parser<'_> {
    /// The statements up to the `}` of the block that `owner` opens.
    fn block(&mut self, known: &[Word], owner: Option<&Statement>) -> Vec<Statement> {
        let mut found = Vec::new();
        let mut after_unknown = false;
        if let Some(owner) = owner {
            self.open(owner);
        }
        while let Some(Line { words, at }) = self.lines.next() {
            let key = words[0].as_str();
            match key {
                CLOSE if owner.is_some() => return found,
                OPEN | CLOSE => {
                    let text = match std::mem::take(&mut after_unknown) && key == OPEN {
                        true => "the block is skipped by its `{` alone: keepalived reads the lines in it as if they stood around it".to_owned(),
                        false => format!("a `{key}` that belongs to nothing"),
                    };
                    self.remark(Kind::Skipped, at, text);
                    continue;
                }
                _ => {}
            }
            let Some(form) = grammar::form(known, key, self.version) else {
                let place =
                    owner.map_or("here".to_owned(), |owner| format!("in `{}`", owner.key()));
                let text = format!(
                    "keepalived does not know `{key}` {place}, and skips the line{}",
                    unusual(key)
                );
                self.remark(Kind::Skipped, at, text);
                after_unknown = true;
                continue;
            };
            after_unknown = false;
            let mut statement = Statement { words, block: None, at };
            if UNIQUE.contains(&statement.key()) && !self.is_named(&statement) {
                self.foreign();
                continue;
            }
            let needs_name = owner.is_none() && grammar::NAMED.contains(&statement.key());
            if statement.value().is_none() && (needs_name || matches!(form, Form::Parameter)) {
                let text = format!("`{}` needs a parameter: keepalived exits", statement.key());
                self.remark(Kind::Refused, statement.at, text);
            }
            match form {
                Form::Line | Form::Parameter => {}
                Form::Values => statement.block = Some(self.values(&statement)),
                Form::Block(words) => {
                    statement.block = Some(self.block(words, Some(&statement)));
                }
                Form::Foreign => statement.block = self.foreign(),
            }
            // The second list of a group is skipped, and its `}` ends the block around it.
            if statement.key() == "group"
                && found.iter().any(|other: &Statement| other.key() == "group")
            {
                let text = "a second list of members, which keepalived skips".to_owned();
                self.remark(Kind::Skipped, statement.at, text);
                return found;
            }
            found.push(statement);
        }
        if let Some(owner) = owner {
            let text = format!("the `{{` of `{}` is not closed", owner.key());
            self.remark(Kind::Skipped, owner.at, text);
        }
        found
    }

    /// The `{` after a statement.
    fn open(&mut self, owner: &Statement) {
        match self.lines.next_if(|line| line.words == [OPEN]) {
            Some(_) => {}
            None => {
                let text = format!("the `{{` of `{}` is missing", owner.key());
                self.remark(Kind::Skipped, owner.at, text);
            }
        }
    }

    /// The lines of a block, each as it stands.
    fn values(&mut self, owner: &Statement) -> Vec<Statement> {
        if owner.words.len() > 1 {
            let text = format!("`{}` takes no `{}`", owner.key(), owner.words[1..].join(" "));
            self.remark(Kind::Skipped, owner.at, text);
        }
        self.open(owner);
        let mut values = Vec::new();
        for Line { words, at } in self.lines.by_ref() {
            if words == [CLOSE] {
                return values;
            }
            values.push(Statement { words, block: None, at });
        }
        let text = format!("the `{{` of `{}` is not closed", owner.key());
        self.remark(Kind::Skipped, owner.at, text);
        values
    }

    /// A block of words that are not held against any list, brace by brace.
    fn foreign(&mut self) -> Option<Vec<Statement>> {
        self.lines.next_if(|line| line.words == [OPEN])?;
        let mut found: Vec<Statement> = Vec::new();
        while let Some(line) = self.lines.peek() {
            match line.words[0].as_str() {
                CLOSE => {
                    self.lines.next();
                    break;
                }
                OPEN => {
                    let block = self.foreign();
                    if let Some(owner) = found.last_mut() {
                        owner.block = block;
                    }
                }
                _ => found.extend(self.lines.next().map(|Line { words, at }| Statement {
                    words,
                    block: None,
                    at,
                })),
            }
        }
        Some(found)
    }

    /// Returns true if a block has a name and is the first of its kind with that name.
    fn is_named(&mut self, statement: &Statement) -> bool {
        let key = statement.key();
        let text = match &statement.words[1..] {
            [name] if self.names.insert((key.to_owned(), name.clone())) => return true,
            [name] => format!(
                "`{key} {name}` is there already: keepalived skips the second, and nothing of it runs"
            ),
            _ => format!(
                "`{key}` takes one name: keepalived skips the block, and nothing of it runs"
            ),
        };
        self.remark(Kind::Skipped, statement.at, text);
        false
    }

    fn remark(&mut self, kind: Kind, at: Span, text: String) {
        self.remarks.push(Remark { at, text, kind });
    }
}

/// Names a character that looks like a space or like nothing, and is a part of a word.
fn unusual(word: &str) -> String {
    let is_hidden =
        |c: &char| c.is_whitespace() || matches!(*c, '\u{feff}' | '\u{200b}'..='\u{200f}');
    match word.chars().find(is_hidden) {
        Some(found) => format!(": U+{:04X} is no space for it", u32::from(found)),
        None => String::new(),
    }
}
