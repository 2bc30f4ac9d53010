//! The documents of `--format json`, one file per command: they only grow, and their schemas come from these types.

mod align;
mod changes;
mod check;
mod diagnostics;
mod diff;
mod explain;
mod import;
mod plan;
mod reference;
mod rollout;
mod schema;
mod simulate;
mod status;
mod trace;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Serialize;
use serde_json::json;

pub use align::{Aligned, AlignedPlace};
pub use changes::{Change, LockState, NotWritten, Stranger, WouldWrite, Written};
pub use check::CheckedFleet;
pub use diagnostics::Diagnostics;
pub use diff::{ChangedNode, Diff, Effect};
pub use explain::{Codes, Explained};
pub use import::Imported;
pub use plan::{Measure, Move, Rebalanced};
pub use reference::reference;
pub use rollout::{Planned, plan_file};
pub use schema::{COMMANDS, Command};
pub use simulate::{ForeignPlacement, OtherOutcome, SimulatedSystem, Simulation, VipHolders};
pub use status::FleetStatus;
pub use trace::{
    Answer, Candidate, Claim, Compared, Edge, Failed, Match, Rule, Rules, Tests, Trace, Traces,
    UrlDifference, VipOn, at,
};

/// The number of the form. Keys may be added to it; a key that goes or means something else raises it.
pub const VERSION: u8 = 1;

/// The document of a command: a body, and the number of its form.
#[derive(Debug, Serialize)]
pub struct Document<T> {
    version: u8,
    #[serde(flatten)]
    body: T,
}

impl<T> Document<T> {
    /// Puts the number of the form before a body.
    pub fn of(body: T) -> Self {
        Self { version: VERSION, body }
    }
}

impl<T: JsonSchema> JsonSchema for Document<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Document", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        with_key::<T>("version", version(), generator)
    }
}

/// The schema of the number of the form.
fn version() -> Schema {
    json_schema!({ "description": "The number of the form.", "const": VERSION })
}

/// The documents of the datacenters of a fleet.
#[derive(Debug, Serialize)]
pub struct Fleet<T> {
    /// One for each, in the order of the files.
    pub datacenters: Vec<Member<T>>,
}

/// The document of one datacenter of a fleet.
#[derive(Debug, Serialize)]
pub struct Member<T> {
    /// The name of the datacenter.
    pub datacenter: String,
    #[serde(flatten)]
    body: T,
}

impl<T> Member<T> {
    /// Puts the name of its datacenter before a body.
    pub fn of(datacenter: &str, body: T) -> Self {
        Self { datacenter: datacenter.to_owned(), body }
    }
}

impl<T: JsonSchema> JsonSchema for Member<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Member", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = json_schema!({ "description": "The name of the datacenter.", "type": "string" });
        with_key::<T>("datacenter", name, generator)
    }
}

/// The schema of a body with one more key.
fn with_key<T: JsonSchema>(key: &str, value: Schema, generator: &mut SchemaGenerator) -> Schema {
    let mut schema = T::json_schema(generator);
    let keys = schema.ensure_object().entry("properties").or_insert_with(|| json!({}));
    if let Some(keys) = keys.as_object_mut() {
        keys.insert(key.to_owned(), value.into());
    }
    let required = schema.ensure_object().entry("required").or_insert_with(|| json!([]));
    if let Some(required) = required.as_array_mut()
        && !required.iter().any(|there| there == key)
    {
        required.push(json!(key));
    }
    schema
}

/// A command that could not be done for one datacenter of a fleet.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Failure {
    /// The reason.
    pub error: String,
}
