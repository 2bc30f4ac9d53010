//! The documents of `render`, and the files that differ.

use schemars::JsonSchema;
use serde::Serialize;

use crate::bundle;
use crate::model::Label;

/// A file that differs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Change<'a> {
    /// Below the bundle's folder.
    path: &'a str,
    /// `added`, `changed`, `mode`, `removed` or `renamed`.
    kind: &'static str,
    /// The entries of the inventory that the file comes from, such as `vips[192.0.2.10]`.
    from: Vec<String>,
    /// The path that it had before.
    #[serde(skip_serializing_if = "Option::is_none")]
    renamed_from: Option<&'a str>,
}

impl<'a> Change<'a> {
    /// The files of these changes.
    pub fn all(changes: &[bundle::Change<'a>]) -> Vec<Self> {
        let one = |change: &bundle::Change<'a>| Self {
            path: change.path,
            kind: change.kind.word(),
            from: change
                .new
                .map(|file| file.from.iter().map(ToString::to_string).collect())
                .unwrap_or_default(),
            renamed_from: change.renamed_from,
        };
        changes.iter().map(one).collect()
    }
}

/// A file that is not of lbgen.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Stranger<'a> {
    /// `warning`.
    severity: &'static str,
    /// One line.
    message: &'static str,
    /// Below the bundle's folder.
    path: &'a str,
}

impl<'a> Stranger<'a> {
    /// The files at these paths.
    pub fn all(paths: &'a [String]) -> Vec<Self> {
        let one = |path: &'a String| Self { severity: "warning", message: "not of lbgen", path };
        paths.iter().map(one).collect()
    }
}

/// The state of the lock.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LockState {
    /// A render writes it.
    Changed,
    /// It stays as it is.
    Unchanged,
}

impl LockState {
    /// `Changed` if the lock is stale.
    pub fn of(is_stale: bool) -> Self {
        if is_stale { Self::Changed } else { Self::Unchanged }
    }
}

/// `render`: a bundle that was written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Written<'a> {
    /// The name of the datacenter.
    pub datacenter: &'a Label,
    /// Files in the bundle's folders that are not of lbgen.
    pub diagnostics: Vec<Stranger<'a>>,
    /// By path.
    pub changes: Vec<Change<'a>>,
    /// The number of files that stayed as they were.
    pub unchanged: usize,
}

/// `render --check`: a bundle that would be written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WouldWrite<'a> {
    /// The name of the datacenter.
    pub datacenter: &'a str,
    /// Files in the bundle's folders that are not of lbgen.
    pub diagnostics: Vec<Stranger<'a>>,
    /// By path.
    pub changes: Vec<Change<'a>>,
    /// The lock beside the inventory.
    pub lock: LockState,
}

/// A datacenter that was not written because another one of its fleet has errors.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NotWritten {
    /// False: nothing of a fleet is written while one of its datacenters has errors.
    pub written: bool,
}
