//! The document of `align`.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Serialize;

/// `align`: the places where the datacenters of a fleet differ.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Aligned<'a> {
    /// The names of the datacenters.
    pub datacenters: &'a [&'a str],
    /// The datacenter that the others are held to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub against: Option<&'a str>,
    /// By path.
    pub differences: Vec<AlignedPlace<'a>>,
}

/// A place where they differ.
#[derive(Debug, Serialize, JsonSchema)]
pub struct AlignedPlace<'a> {
    /// The path of the key, such as `entrypoints.web.failover_depth`.
    pub path: String,
    /// The value of each datacenter, null where it has none. One that is allowed to differ is left out.
    pub values: BTreeMap<&'a str, Option<&'a str>>,
}
