//! LB0xx: what can be wrong before anything is understood.

use crate::diag::{Code, code};

/// The text is not YAML.
pub const YAML: Code = code!(Error "LB001", "the text cannot be read as YAML");
/// Anchors, aliases, tags, several documents.
pub const YAML_FEATURE: Code =
    code!(Error "LB002", "a feature of YAML that inventories do not use");
/// The file is not text that can be an inventory.
pub const NOT_TEXT: Code = code!(Error "LB003", "not UTF-8, a NUL character, or too large");
/// A key twice in one map.
pub const DUPLICATE_KEY: Code = code!(Error "LB004", "a key is given twice");
/// A key that the language does not have.
pub const UNKNOWN_KEY: Code = code!(Error "LB005", "a key that is not known");
/// A key that must be there.
pub const MISSING_KEY: Code = code!(Error "LB006", "a required key is missing");
/// A list where a text is wanted, and the like.
pub const WRONG_TYPE: Code = code!(Error "LB007", "a value of the wrong type");
/// A key without a value.
pub const NO_VALUE: Code = code!(Error "LB008", "a key without a value");
/// `include`.
pub const INCLUDE: Code = code!(Error "LB009", "an include that cannot be followed");

/// Nothing of a fleet uses a file.
pub const UNOWNED: Code = code!(Warning "LB218", "a file of a fleet that belongs to no datacenter");
/// Two datacenters announce one address.
pub const SHARED_VIP: Code = code!(Warning "LB229", "a VIP of two datacenters");

/// Two datacenters have one machine.
pub const SHARED_NODE: Code = code!(Warning "LB242", "a node of two datacenters");
/// A file with the other ending of YAML.
pub const UNREAD: Code = code!(Warning "LB243", "a file `*.yml` that nothing reads");

/// The codes of warnings that only a check of a whole fleet gives: with a single inventory, a waiver of one is not
/// reported as waiving nothing.
pub const OF_FLEETS: &[&Code] = &[&UNOWNED, &SHARED_VIP, &SHARED_NODE, &UNREAD];

/// The lock cannot be used.
pub const LOCK: Code = code!(Error "LB020", "a lock that cannot be used");

/// Every code of this folder.
pub const ALL: &[&Code] = &[
    &YAML,
    &YAML_FEATURE,
    &NOT_TEXT,
    &DUPLICATE_KEY,
    &UNKNOWN_KEY,
    &MISSING_KEY,
    &WRONG_TYPE,
    &NO_VALUE,
    &INCLUDE,
    &UNOWNED,
    &SHARED_VIP,
    &SHARED_NODE,
    &UNREAD,
    &LOCK,
];
