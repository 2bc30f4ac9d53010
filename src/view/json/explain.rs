//! The document of `explain`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diag::{self, Code};

/// `explain`: codes and what they mean.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Codes {
    /// By number.
    pub codes: Vec<Explained>,
}

/// A code and what it means.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Explained {
    /// `LB` and three digits.
    code: &'static str,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    /// One line.
    summary: &'static str,
    /// The reason that it matters, and what to do: Markdown.
    reason: String,
    /// An inventory that raises it.
    wrong: Example,
    /// An inventory that does not.
    right: Example,
}

/// An inventory, and the lock beside it.
#[derive(Debug, Serialize, JsonSchema)]
struct Example {
    /// YAML; empty for codes that no inventory raises.
    inventory: String,
    /// YAML, or null where no lock is needed.
    lock: Option<String>,
}

impl Explained {
    /// The explanation of a code.
    pub fn of(code: &Code) -> Self {
        let explanation = code.explain();
        Self {
            code: code.id,
            severity: code.severity.word(),
            summary: code.summary,
            reason: explanation.reason,
            wrong: Example::of(explanation.wrong),
            right: Example::of(explanation.right),
        }
    }
}

impl Example {
    fn of(example: diag::Example) -> Self {
        let lock = (!example.lock.is_empty()).then_some(example.lock);
        Self { inventory: example.inventory, lock }
    }
}
