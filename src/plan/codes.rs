//! What can only be seen when numbers are given out.

use crate::diag::Code;

/// A pool has fewer numbers than are needed.
pub const POOL: Code = Code::error("LB119", "a pool of numbers is too small");

/// Something in the lock that no VIP can have.
pub const LOCK: Code = Code::error("LB021", "a line of the lock that no VIP can have");
/// Two VIPs that run with one VRID.
pub const LOCKED_TWICE: Code =
    Code::error("LB022", "the lock gives one VRID to two VIPs that meet on a node");

/// Two VIPs with one table, rule priority or mark.
pub const LOCK_MENDED: Code =
    Code::warning("LB220", "the lock gives one number to two VIPs, and one of them gets another");

/// A locked number that a changed pool does not have.
pub const LOCK_OUTSIDE: Code =
    Code::warning("LB221", "a number of the lock that is outside its pool");

/// Every code of this folder.
pub const ALL: &[&Code] = &[&POOL, &LOCK, &LOCKED_TWICE, &LOCK_MENDED, &LOCK_OUTSIDE];
