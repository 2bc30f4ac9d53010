//! Logs on stderr: lines for people, or an object of JSON for each.

use std::io::{IsTerminal, stderr};

use clap::ValueEnum;
use tracing::Level;

/// The form of logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs that collect them.
    Json,
}

/// Begins to write them.
pub fn start(format: Format) {
    let lines = tracing_subscriber::fmt()
        .with_writer(stderr)
        .with_max_level(Level::INFO)
        .with_target(false)
        .with_ansi(stderr().is_terminal());
    match format {
        Format::Text => lines.init(),
        Format::Json => lines.json().flatten_event(true).init(),
    }
}
