//! Gateway API: every object is one that an API server takes, every limit is kept, and a day's edits change little.

#![allow(clippy::unwrap_used, reason = "a panic fails the test")]

#[path = "../support/mod.rs"]
mod support;

mod annotation;
mod answer;
mod change;
mod conformance;
mod edit;
mod inventory;
mod limit;
mod matched;
mod reads_back;
mod schema;
