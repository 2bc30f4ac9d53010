//! The explanation of a code, with a wrong and a right example, read from the code's Markdown.

use super::Code;

/// Lines of an inventory that show a rule. What they leave out stands as in the inventory that `lbgen init` writes: each
/// top-level key that they name replaces that one's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Example {
    /// Of the inventory.
    pub inventory: String,
    /// Of the lock; empty where none is needed.
    pub lock: String,
}

/// A [`Code`]'s Markdown, taken apart.
#[derive(Debug, Default)]
pub struct Explanation {
    /// Why it matters and what to do: lines of text.
    pub reason: String,
    /// Raises the code, on the line whose comment names it.
    pub wrong: Example,
    /// Raises nothing.
    pub right: Example,
}

impl Code {
    /// Returns the explanation of the code.
    pub fn explain(&self) -> Explanation {
        let mut explanation = Explanation::default();
        let mut lines = self.explanation.lines();
        while let Some(line) = lines.next() {
            if let Some(kind) = line.strip_prefix("```yaml ") {
                let block = lines.by_ref().take_while(|line| *line != "```");
                let text: String = block.flat_map(|line| [line, "\n"]).collect();
                match kind {
                    "wrong" => explanation.wrong.inventory = text,
                    "wrong lock" => explanation.wrong.lock = text,
                    "right" => explanation.right.inventory = text,
                    _ => explanation.right.lock = text,
                }
            } else if !line.is_empty() {
                explanation.reason += line;
                explanation.reason += "\n";
            }
        }
        explanation
    }
}
