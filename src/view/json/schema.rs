//! The JSON Schema of each command's documents.

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    Aligned, CheckedFleet, Codes, Compared, Diagnostics, Diff, Document, Failure, FleetStatus,
    ForeignPlacement, Imported, Member, NotWritten, Planned, Rebalanced, Rules, Simulation, Tests,
    Traces, WouldWrite, Written,
};
use crate::view::Orders;

/// A command with documents.
#[derive(Debug)]
pub struct Command {
    /// The name of the command.
    pub name: &'static str,
    /// Adds its documents.
    documents: fn(&mut Documents),
}

/// Every command with documents, in the order of `lbgen --help`.
pub const COMMANDS: &[Command] = &[
    Command {
        name: "render",
        documents: |all| {
            all.add::<Written<'_>>();
            all.add::<WouldWrite<'_>>();
            all.add_to_fleets::<NotWritten>();
        },
    },
    Command { name: "diff", documents: |all| all.add::<Diff<'_>>() },
    Command { name: "rollout", documents: |all| all.add::<Planned<'_>>() },
    Command { name: "status", documents: |all| all.add::<FleetStatus<'_>>() },
    Command { name: "check", documents: |all| all.add_alone::<CheckedFleet>() },
    Command {
        name: "plan",
        documents: |all| {
            all.add::<Orders<'_>>();
            all.add::<Rebalanced<'_>>();
        },
    },
    Command {
        name: "simulate",
        documents: |all| {
            all.add::<Simulation<'_>>();
            all.add_alone::<ForeignPlacement<'_>>();
        },
    },
    Command {
        name: "trace",
        documents: |all| {
            all.add::<Traces<'_>>();
            all.add::<Tests<'_>>();
            all.add::<Rules<'_>>();
            all.add::<Compared<'_>>();
        },
    },
    Command { name: "align", documents: |all| all.add_alone::<Aligned<'_>>() },
    Command { name: "explain", documents: |all| all.add_alone::<Codes>() },
    Command { name: "import", documents: |all| all.add_alone::<Imported<'_>>() },
];

/// The documents of a command, as they are added.
#[derive(Debug)]
struct Documents {
    generator: SchemaGenerator,
    /// The forms of the whole document.
    forms: Vec<Schema>,
    /// The forms of the entry of a datacenter in the document of a fleet.
    members: Vec<Schema>,
}

impl Documents {
    /// A document of one datacenter, alone or as one of a fleet.
    fn add<T: JsonSchema>(&mut self) {
        self.add_alone::<T>();
        self.add_to_fleets::<T>();
    }

    /// A document that has no datacenters below it.
    fn add_alone<T: JsonSchema>(&mut self) {
        self.forms.push(self.generator.subschema_for::<Document<T>>());
    }

    /// An entry that only the document of a fleet has.
    fn add_to_fleets<T: JsonSchema>(&mut self) {
        self.members.push(self.generator.subschema_for::<Member<T>>());
    }
}

impl Command {
    /// The schema of all of its documents (JSON Schema 2020-12).
    pub fn schema(&self) -> Schema {
        let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
        let mut all = Documents { generator, forms: Vec::new(), members: Vec::new() };
        (self.documents)(&mut all);
        // An inventory with errors stops every command.
        all.add::<Diagnostics>();
        let Documents { mut generator, mut forms, mut members } = all;
        // One member form is that of such an inventory alone.
        if members.len() > 1 {
            members.push(generator.subschema_for::<Member<Failure>>());
            forms.push(json_schema!({
                "description": "A fleet: one document for each datacenter, in the order of the files.",
                "type": "object",
                "required": ["version", "datacenters"],
                "properties": {
                    "version": super::version(),
                    "datacenters": {
                        "description": "One for each.",
                        "type": "array",
                        "items": { "anyOf": members },
                    },
                },
            }));
        }
        json_schema!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": format!("lbgen {} --format json", self.name),
            "anyOf": forms,
            "$defs": generator.take_definitions(true),
        })
    }
}
