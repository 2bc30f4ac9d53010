//! The bundle: files in memory, what lies on disk, and the difference of the two.

mod diff;
mod disk;
mod manifest;
mod write;

pub use diff::{Change, ChangeKind, changes, stat, unified};
pub use disk::Disk;
pub use manifest::of as manifest_of;
pub use write::{Summary, replace_file, write};

use crate::emit::BundleFile;
