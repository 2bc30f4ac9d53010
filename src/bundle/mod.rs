//! The bundle: files in memory, what lies on disk, and the difference of the two.

mod change;
mod disk;
mod file;
mod list;
mod transaction;
mod turn;
mod unified;

pub use change::{Change, ChangeKind, changes};
pub use disk::Disk;
pub use file::replace_file;
pub use list::of as list_of;
pub use transaction::{Summary, Update, recover};
pub use turn::Turn;
pub use unified::{stat, unified};

use crate::emit::BundleFile;
