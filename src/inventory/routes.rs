//! A file of tests of routes as it was written: URLs, and who should answer each.

use std::path::Path;

use anyhow::Context;

use super::keys::{Fields, Need, keys};
use super::read::Read;
use super::written::{Map, Text};
use super::{codes, decode, yaml};
use crate::diag::{Diagnostic, Report};
use crate::language::form::Free;
use crate::source::{Loc, Sources, Span};

keys! {
    /// One test.
    RawTest {
        /// The URL to ask for.
        Required url: Loc<Text<Free>>,
        /// The expected answer.
        Required expect: Loc<Text<Free>>,
        /// Headers of the request.
        Optional header: Map<Free, Loc<Text<Free>>>,
        /// The method of the request. Default: `GET`.
        Optional method: Loc<Text<Free>>,
    }
}

/// The tests in the file at `path`. What is wrong with its contents is in the report; the error is the world's.
pub fn load(
    path: &Path,
    sources: &mut Sources,
    report: &mut Report,
) -> anyhow::Result<Vec<RawTest>> {
    let bytes =
        super::read_at_most(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(parse(super::shown(path), bytes, sources, report).unwrap_or_default())
}

fn parse(
    path: String,
    bytes: Vec<u8>,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<Vec<RawTest>> {
    let file = decode(path, bytes, sources, report)?;
    let root = yaml::parse(file, &sources.get(file).text, report);
    let start = Span { file, start: 0, end: 0 };
    let tests = match root.filter(|root| !root.is_null()) {
        Some(root) => Vec::read(&root, &Loc { value: "tests", span: start }, report)?,
        None => Vec::new(),
    };
    if tests.is_empty() && !report.has_errors() {
        report.push(
            Diagnostic::new(&codes::NO_VALUE, start, "the file has no test", "nothing here")
                .help("a test is a line such as `- { url: https://www.example.com/, expect: component shop }`"),
        );
    }
    Some(tests)
}
