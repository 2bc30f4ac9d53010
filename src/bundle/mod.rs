//! The bundle: files in memory, what lies on disk, and the difference of the two.

mod change;
mod controllers;
mod digest;
mod disk;
mod file;
mod layout;
mod list;
mod monitoring_file;
mod node_file;
mod pack;
mod rename;
mod stranger;
mod transaction;
mod unified;
mod write_lock;

pub use change::{Change, ChangeKind, OldFile, changes};
pub use controllers::Controllers;
pub use digest::{sha256, short};
pub use disk::Disk;
pub use file::replace_file;
pub use layout::Place;
pub use list::{newer_writer, of as list_of};
pub use monitoring_file::MonitoringFile;
pub use node_file::{CONFIGURATION, Home, NodeFile};
pub use pack::{Packed, pack, packed, unpack, unpacked};
pub use rename::with_renames;
pub use stranger::strangers;
pub use transaction::{Summary, Update, recover};
pub use unified::{changed_lines, stat, unified};
pub use write_lock::WriteLock;

use crate::emit::BundleFile;
