//! A JSON document that is written piece by piece, because the whole of it would be large.

use std::io::{BufWriter, ErrorKind, StdoutLock, Write as _};

use serde::Serialize;

/// A document on its way to stdout. A closed pipe is a quiet end.
pub struct Document {
    out: BufWriter<StdoutLock<'static>>,
    /// For each open list, whether it has an item.
    lists: Vec<bool>,
    /// True if nobody reads it any more.
    closed: bool,
}

impl Document {
    pub fn new() -> Self {
        Self { out: BufWriter::new(std::io::stdout().lock()), lists: Vec::new(), closed: false }
    }

    /// Text that ends by opening a list.
    pub fn open(&mut self, text: &str) -> anyhow::Result<()> {
        self.lists.push(false);
        self.text(text)
    }

    /// Before each item of the open list.
    pub fn item(&mut self) -> anyhow::Result<()> {
        match self.lists.last_mut() {
            Some(true) => self.text(",\n"),
            Some(started) => {
                *started = true;
                self.text("\n")
            }
            None => Ok(()),
        }
    }

    pub fn value(&mut self, value: &impl Serialize) -> anyhow::Result<()> {
        self.text(&serde_json::to_string(value)?)
    }

    /// Text that begins by closing the open list.
    pub fn close(&mut self, text: &str) -> anyhow::Result<()> {
        self.lists.pop();
        self.text(text)?;
        let done = self.out.flush();
        self.take(done)
    }

    pub fn text(&mut self, text: &str) -> anyhow::Result<()> {
        let done = self.out.write_all(text.as_bytes());
        self.take(done)
    }

    /// Returns true if nobody reads it any more.
    pub fn is_closed(&self) -> bool {
        self.closed
    }

    fn take(&mut self, done: std::io::Result<()>) -> anyhow::Result<()> {
        match done {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.closed = true,
            done => done?,
        }
        Ok(())
    }
}
