//! Text -> [`raw::Inventory`]: what was written, nothing resolved, every key with its place. LB0xx.

pub mod codes;
mod fault;
mod fleet;
mod include;
mod keys;
mod library;
pub mod lock;
mod merge;
mod node;
pub mod raw;
mod read;
pub mod routes;
mod shared;
mod short;
mod written;
mod yaml;

use std::path::Path;

use anyhow::Context;

pub use fleet::Fleet;
pub use library::Library;
pub use read::whole_number;
pub use shared::warn_of_shared;
pub use written::{Entry, Map, Nonempty, Set, Text};

use crate::diag::{Diagnostic, Report, printable};
use crate::language::shape::Shape;
use crate::source::{FileId, Loc, Sources, Span};
use node::Node;
use read::Read;

/// No inventory comes near this; what does is not one.
const LARGEST: usize = 64 << 20;

/// Nor any line near this: the annotations of an object may have 256 KiB together.
const LONGEST_LINE: usize = 1 << 20;

/// Returns the shape of everything that an inventory can say.
pub fn language() -> Shape {
    raw::Inventory::shape()
}

/// Reads the inventory at `path` and what it includes. What is wrong with its contents is in the report; the error is the
/// world's.
pub fn load(
    path: &Path,
    sources: &mut Sources,
    report: &mut Report,
) -> anyhow::Result<Option<raw::Inventory>> {
    if path.as_os_str() == "-" {
        let mut bytes = Vec::new();
        let limited = &mut std::io::Read::take(std::io::stdin(), LARGEST as u64 + 1);
        std::io::Read::read_to_end(limited, &mut bytes)
            .context("cannot read the inventory from standard input")?;
        return Ok(parse("<stdin>".to_owned(), bytes, sources, report));
    }
    let library = Library::read(&[path.to_owned()], sources)?;
    Ok(library.inventory(path, report))
}

/// Reads the text of an inventory that includes nothing; `path` is what messages call it.
pub fn parse(
    path: String,
    bytes: Vec<u8>,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<raw::Inventory> {
    let file = decode(path, bytes, sources, report)?;
    let root = yaml::parse(file, &sources.get(file).text, report);
    let inventory = read_root(root.as_ref(), first_line(file, sources), report)?;
    if let Some(include) = &inventory.include {
        report.push(
            Diagnostic::new(
                &codes::INCLUDE,
                include.span,
                "standard input cannot include files",
                "",
            )
            .help("pass the inventory as a file: `include` is relative to it"),
        );
    }
    Some(inventory)
}

/// Reads an inventory from its tree. `start` is the place where a missing key would be.
fn read_root(root: Option<&Node>, start: Span, report: &mut Report) -> Option<raw::Inventory> {
    let Some(root) = root.filter(|root| !root.is_null()) else {
        if !report.has_errors() {
            report.push(
                Diagnostic::new(
                    &codes::MISSING_KEY,
                    start,
                    "the inventory is empty",
                    "nothing here",
                )
                .help("`lbgen init` writes one to start from"),
            );
        }
        return None;
    };
    raw::Inventory::read(root, &Loc { value: "", span: start }, report)
}

/// The first line of a file.
fn first_line(file: FileId, sources: &Sources) -> Span {
    let text = &sources.get(file).text;
    let end = u32::try_from(text.lines().next().unwrap_or_default().len()).unwrap_or(0);
    Span { file, start: 0, end }
}

/// A file's bytes, one more than [`LARGEST`] at most: `decode` says what is wrong with it then. A device has no end.
fn read_at_most(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let limited = &mut std::io::Read::take(std::fs::File::open(path)?, LARGEST as u64 + 1);
    std::io::Read::read_to_end(limited, &mut bytes)?;
    Ok(bytes)
}

/// The path relative to the current directory where it lies below it.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok());
    printable(relative.unwrap_or(path).display().to_string())
}

/// The bytes as text, kept in `sources`.
fn decode(
    path: String,
    bytes: Vec<u8>,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<FileId> {
    let refuse =
        |text: String, at: usize, title: &str, sources: &mut Sources, report: &mut Report| {
            let file = sources.add(path.clone(), text);
            let at = u32::try_from(at).unwrap_or(0);
            let help = "an inventory is a UTF-8 text file of at most 64 MiB";
            report.push(
                Diagnostic::new(&codes::NOT_TEXT, Span { file, start: at, end: at }, title, "here")
                    .help(help),
            );
            None
        };
    if bytes.len() > LARGEST {
        return refuse(String::new(), 0, "the file is larger than 64 MiB", sources, report);
    }
    let text = match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            let text = String::from_utf8_lossy(error.as_bytes()).into_owned();
            return refuse(text, at, "the file is not UTF-8", sources, report);
        }
    };
    if let Some(at) = text.find('\0') {
        return refuse(
            text.replace('\0', "\u{fffd}"),
            at,
            "the file holds a NUL character",
            sources,
            report,
        );
    }
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.len() > LONGEST_LINE {
            return refuse(text, start, "a line is longer than 1 MiB", sources, report);
        }
        start += line.len();
    }
    Some(sources.add(path, text))
}
