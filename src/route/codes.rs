//! Problems that can only be seen when everybody's paths are side by side.

use crate::diag::{Code, code};

/// Two components answer for one host and path.
pub const PATH_TWICE: Code = code!(Error "LB123", "a host and path are claimed twice");

/// Every code of this folder.
pub const ALL: &[&Code] = &[&PATH_TWICE];
