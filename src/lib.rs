//! lbgen: one inventory of a datacenter's front end in, everything that front end needs out.
//!
//! The data flows one way: text -> [`inventory`] -> [`model`] -> [`plan`] -> [`emit`] -> [`bundle`] -> [`state`] ->
//! [`impact`] -> [`rollout`]; each folder imports only from those before it. [`language`] says what a single value may be,
//! [`route`] is the routing table between model and plan, which [`trace`] asks who answers a URL; [`align`] compares the
//! datacenters of a fleet, and [`import`] goes the way back, from what runs to an inventory. [`report`] shows all of it on a page. [`diag`] serves all of them,
//! [`lint`] warns, [`schema`] describes the language to editors, [`cli`] drives.
//!
//! Invariants: a [`model::Datacenter`] is valid or does not exist; every number is chosen in [`plan`]; an emitter
//! writes down and decides nothing; the same inventory and lock give the same bytes on every machine.

#![deny(clippy::disallowed_macros)]

pub mod source;

pub mod language;

pub mod inventory;

pub mod model;

pub mod route;

pub mod plan;

pub mod align;

pub mod emit;

pub mod bundle;

pub mod state;

pub mod impact;

pub mod rollout;

pub mod execute;

pub mod status;

pub mod trace;

pub mod import;

pub mod diag;

pub mod lint;

pub mod schema;

pub mod view;

pub mod report;

pub mod pipeline;

pub mod cli;
