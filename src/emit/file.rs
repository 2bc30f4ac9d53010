//! The output of every emitter: a file in memory.

use std::sync::Arc;

use crate::model::Entry;

/// A file that the bundle owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Below the bundle's folder, `/` between the parts.
    pub path: String,
    /// Permission bits: 0644 or 0755.
    pub mode: u32,
    /// The whole file; the states that are read from it share it.
    pub body: Arc<str>,
    /// The inventory entries that it comes from.
    pub from: Vec<Entry>,
}
