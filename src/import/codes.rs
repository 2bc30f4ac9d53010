//! LB4xx: what an import does with what it reads.

use crate::diag::{Code, code};

/// lbgen has another way for it.
pub const OTHERWISE: Code = code!(Note "LB401", "lbgen does it in another way");
/// The import leaves it behind.
pub const LOST: Code = code!(Warning "LB402", "what an import leaves behind");
/// An inventory cannot say it.
pub const UNSAYABLE: Code = code!(Error "LB403", "what an inventory cannot say");
/// The source could not be read.
pub const UNREADABLE: Code = code!(Error "LB404", "a source that cannot be read");
/// A command keeps root's rights.
pub const AS_ROOT: Code = code!(Warning "LB405", "a command that runs as root");

/// Every code of this folder.
pub const ALL: &[&Code] = &[&OTHERWISE, &LOST, &UNSAYABLE, &UNREADABLE, &AS_ROOT];
