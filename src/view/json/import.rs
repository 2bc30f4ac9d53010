//! The document of `import`.

use schemars::JsonSchema;
use serde::Serialize;

use super::Diagnostics;

/// `import`: an inventory, and what it cannot say.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Imported<'a> {
    /// The diagnostics.
    #[serde(flatten)]
    pub findings: Diagnostics,
    /// YAML, or null where nothing was found to write one of.
    pub inventory: Option<&'a str>,
    /// The reason that there is no inventory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
}
