//! Lines -> statements: words, and a block where braces follow.

use super::line::{Line, Word};
use crate::source::Span;
use crate::state::Remark;

/// `priority 100`, or `unicast_peer { ... }`.
#[derive(Debug, Clone)]
pub struct Statement {
    /// Its words, at least one.
    pub words: Vec<String>,
    /// What stands in its braces.
    pub block: Option<Vec<Statement>>,
    /// Where it stands.
    pub at: Span,
}

/// Two statements that say the same are equal, wherever they stand.
impl PartialEq for Statement {
    fn eq(&self, other: &Self) -> bool {
        self.words == other.words && self.block == other.block
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
}

/// The statements of these lines.
pub fn statements(lines: Vec<Line>, remarks: &mut Vec<Remark>) -> Vec<Statement> {
    // The statements of each open block; the last statement of a list owns the block that follows it.
    let mut open: Vec<Vec<Statement>> = vec![Vec::new()];
    for Line { words, at } in lines {
        let mut fresh = true;
        for word in words {
            match word {
                Word::Text(text) => {
                    let Some(list) = open.last_mut() else { continue };
                    match list.last_mut().filter(|_| !fresh) {
                        Some(statement) => statement.words.push(text),
                        None => list.push(Statement { words: vec![text], block: None, at }),
                    }
                    fresh = false;
                }
                Word::Open => {
                    let owner = open.last().and_then(|list| list.last());
                    if owner.is_none_or(|owner| owner.block.is_some()) {
                        remarks
                            .push(Remark { at, text: "a `{` that belongs to nothing".to_owned() });
                        if let Some(list) = open.last_mut() {
                            list.push(Statement { words: vec![String::new()], block: None, at });
                        }
                    }
                    open.push(Vec::new());
                    fresh = true;
                }
                Word::Close => {
                    fresh = true;
                    match (open.pop(), open.last_mut().and_then(|list| list.last_mut())) {
                        (Some(block), Some(owner)) => owner.block = Some(block),
                        (block, None) => {
                            open.extend(block);
                            let text = "a `}` without its `{`".to_owned();
                            remarks.push(Remark { at, text });
                        }
                        (None, Some(_)) => {}
                    }
                }
            }
        }
    }
    while open.len() > 1 {
        let block = open.pop().unwrap_or_default();
        if let Some(owner) = open.last_mut().and_then(|list| list.last_mut()) {
            let text = format!("the `{{` of `{}` is not closed", owner.key());
            remarks.push(Remark { at: owner.at, text });
            owner.block = Some(block);
        }
    }
    open.pop().unwrap_or_default()
}
