//! Problems that can only be seen when numbers are given out.

use crate::diag::{Code, code};

/// A pool has fewer numbers than are needed.
pub const POOL: Code = code!(Error "LB119", "a pool of numbers is too small");

/// Something in the lock that no VIP can have.
pub const LOCK: Code = code!(Error "LB021", "a line of the lock that no VIP can have");
/// Two VIPs that run with one VRID.
pub const LOCKED_TWICE: Code =
    code!(Error "LB022", "the lock gives one VRID to two VIPs that share a node");

/// A VRID that another VIP runs with.
pub const TAKEN: Code = code!(Error "LB023", "a pinned VRID that another VIP runs with");

/// Two VIPs with one table, rule priority or mark.
pub const LOCK_MENDED: Code = code!(Warning "LB220", "a number of the lock that another VIP has too, and one of them gets another");

/// A locked number that a changed pool does not have.
pub const LOCK_OUTSIDE: Code =
    code!(Warning "LB221", "a number of the lock that is outside its pool");

/// Nothing says what an earlier render allocated.
pub const LOCK_MISSING: Code =
    code!(Error "LB223", "a bundle was rendered, but its lock is missing");

/// A render would bring an older form back.
pub const NEWER: Code = code!(Warning "LB241", "a bundle that a newer lbgen rendered");

/// A node over its share, because of what the inventory fixes.
pub const UNEVEN: Code =
    code!(Warning "LB222", "a failover bound that is broken by pins, `nodes` or zones");

/// Every code of this folder.
pub const ALL: &[&Code] = &[
    &POOL,
    &LOCK,
    &LOCKED_TWICE,
    &TAKEN,
    &LOCK_MENDED,
    &LOCK_OUTSIDE,
    &LOCK_MISSING,
    &NEWER,
    &UNEVEN,
];
