//! Writing to stdout and stderr. A closed pipe is a quiet end, not an error.

use std::io::{ErrorKind, Write};

/// Data, to stdout. ANSI codes are kept only where colours are wanted.
pub fn data(text: &str) -> anyhow::Result<()> {
    let mut stdout = anstream::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// A JSON document, to stdout.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(&(serde_json::to_string_pretty(value)? + "\n"))
}

/// Something for a person, to stderr.
pub fn say(text: &str) {
    // Where stderr is gone there is nobody to tell.
    let _ = anstream::stderr().lock().write_all(text.as_bytes());
}
