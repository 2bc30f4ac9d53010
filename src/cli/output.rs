//! Writing to stdout and stderr. A closed pipe is a quiet end, not an error.

use std::io::{ErrorKind, IsTerminal, Write};
use std::process::{Command, Stdio};

use anstream::adapter::strip_str;
use anstream::stream::RawStream;
use anstream::{AutoStream, ColorChoice};

/// Data, to stdout. ANSI codes are kept only where colours are wanted.
pub fn data(text: &str) -> anyhow::Result<()> {
    match write(std::io::stdout().lock(), text) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result?),
    }
}

/// Text that may be long: through a pager on a terminal, as git does it (`LBGEN_PAGER`, `PAGER`, else less).
pub fn paged(text: &str, quiet: bool) -> anyhow::Result<()> {
    let set = |name: &str| std::env::var(name).ok().filter(|pager| !pager.is_empty());
    let pager = set("LBGEN_PAGER").or_else(|| set("PAGER")).unwrap_or_else(|| "less".to_owned());
    if quiet || text.is_empty() || !std::io::stdout().is_terminal() || pager == "cat" {
        return data(text);
    }
    let started = Command::new("sh")
        .args(["-c", &pager])
        // Leave when it fits one screen, keep colours, leave the screen as it is.
        .env("LESS", std::env::var("LESS").unwrap_or_else(|_| "FRX".to_owned()))
        .stdin(Stdio::piped())
        .spawn();
    let Ok(mut pager) = started else { return data(text) };
    if let Some(mut input) = pager.stdin.take() {
        // Whoever leaves the pager has read enough.
        let _ = input.write_all(text.as_bytes());
    }
    pager.wait()?;
    Ok(())
}

/// A JSON document, to stdout, its keys in the order of the alphabet.
pub fn json(value: &impl serde::Serialize) -> anyhow::Result<()> {
    data(&(serde_json::to_string_pretty(&serde_json::to_value(value)?)? + "\n"))
}

/// Something for a person, to stderr.
pub fn say(text: &str) {
    // Where stderr is gone there is nobody to tell.
    let _ = write(std::io::stderr().lock(), text);
}

/// Writes a text at once: a stream that strips codes on the way writes each piece between two of them by itself.
fn write(mut stream: impl RawStream, text: &str) -> std::io::Result<()> {
    match AutoStream::choice(&stream) {
        ColorChoice::Never => stream.write_all(strip_str(text).to_string().as_bytes())?,
        _ => stream.write_all(text.as_bytes())?,
    }
    stream.flush()
}
