//! Whole numbers within a range, and pools of them.

use std::fmt;
use std::marker::PhantomData;
use std::ops::RangeInclusive;

use super::Term;
use super::shape::{Shape, Text};

/// A whole number as it was written, to be one from `FROM` to `TO`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Number<const FROM: u64, const TO: u64>(pub u64);

impl<const FROM: u64, const TO: u64> Number<FROM, TO> {
    /// The range of the number.
    pub const RANGE: RangeInclusive<u64> = FROM..=TO;
}

impl<const FROM: u64, const TO: u64> Term for Number<FROM, TO> {
    fn shape() -> Shape {
        Shape::Number { from: FROM, to: TO }
    }
}

impl<const FROM: u64, const TO: u64> fmt::Display for Number<FROM, TO> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Any whole number.
pub type Any = Number<0, { u64::MAX }>;
/// A virtual router id (RFC 9568, 5.2.3).
pub type Vrid = Number<1, 255>;
/// A VRRP priority that is not an address owner's (RFC 9568, 5.2.4).
pub type Priority = Number<1, 254>;
/// A routing table, before the reserved ones are taken out (rt_tables).
pub type Table = Number<1, { u32::MAX as u64 }>;
/// An `ip rule` priority before the kernel's `main` rule.
pub type RulePriority = Number<1, 32765>;
/// A packet mark or its mask.
pub type Mark = Number<1, { u32::MAX as u64 }>;
/// A port of TCP or UDP.
pub type Port = Number<1, 65535>;
/// Hosts of an Ingress.
pub type Hosts = Number<1, 10_000>;
/// A port of Kubernetes' default node port range.
pub type NodePort = Number<30000, 32767>;

/// Tables of the kernel's own: default, main, local.
pub const RESERVED_TABLES: RangeInclusive<u32> = 253..=255;

/// A range of numbers to allocate from, written `1000-1999`, within those of a [`Number`].
#[derive(Debug)]
pub struct Pool<T>(PhantomData<T>);

impl<const FROM: u64, const TO: u64> Pool<Number<FROM, TO>> {
    /// The range of the pool's numbers.
    pub const RANGE: RangeInclusive<u64> = FROM..=TO;
}

impl<T> Term for Pool<T> {
    fn shape() -> Shape {
        Shape::Text(Text::string(
            "a range such as `100-199`",
            "^ *(0x[0-9A-Fa-f]+|[0-9]+) *- *(0x[0-9A-Fa-f]+|[0-9]+) *$",
        ))
    }
}
