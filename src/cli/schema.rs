//! `lbgen schema`: the inventory's JSON Schema, for editors.

use super::{Exit, output};
use crate::schema;

pub fn run() -> anyhow::Result<Exit> {
    output::json(&schema::inventory())?;
    Ok(Exit::Done)
}
