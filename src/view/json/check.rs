//! The document of `check` for a fleet.

use schemars::JsonSchema;
use serde::Serialize;

use super::Diagnostics;
use super::diagnostics::Diagnostic;

/// The diagnostics of a fleet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckedFleet {
    /// The number of errors, each counted once.
    pub errors: usize,
    /// The number of warnings, each counted once.
    pub warnings: usize,
    /// Diagnostics that no datacenter has alone.
    pub diagnostics: Vec<Diagnostic>,
    /// Those of each datacenter, in the order of the files.
    pub datacenters: Vec<super::Member<Diagnostics>>,
}
