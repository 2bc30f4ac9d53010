//! What can only be seen when numbers are given out.

use crate::diag::Code;

/// A pool has fewer numbers than are needed.
pub const POOL: Code = Code::error("LB119", "a pool of numbers is too small");

/// Every code of this folder.
pub const ALL: &[&Code] = &[&POOL];
