//! The bundle: files in memory, what lies on disk, and the difference of the two.

mod diff;
mod disk;
mod manifest;
mod write;

pub use diff::{Change, ChangeKind, changes, stat, unified};
pub use disk::Disk;
pub use manifest::of as manifest_of;
pub use write::{Summary, replace_file, write};

/// A file that the bundle owns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFile {
    /// Below the bundle's folder, `/` between the parts.
    pub path: String,
    /// Permission bits: 0644 or 0755.
    pub mode: u32,
    /// The whole file.
    pub body: String,
    /// The inventory entries that it comes from, such as `vips[10.34.8.49]`.
    pub from: Vec<String>,
}
