//! The lock as it was written: what earlier renders allocated to each VIP.

use std::path::{Path, PathBuf};

use anyhow::Context;

use super::keys::{Fields, Need, keys};
use super::read::Read;
use super::written::{Map, Text};
use super::{codes, decode, yaml};
use crate::diag::{Diagnostic, Report, Severity};
use crate::language::form::Free;
use crate::language::number::Any;
use crate::source::{Loc, Sources, Span};

keys! {
    /// The whole lock.
    RawLock {
        /// Of the format; 1.
        Required version: Loc<Any>,
        /// By address.
        Optional vips: Map<Free, LockedVip>,
        /// Of Gateways: by entrypoint, then by domain, the number of its ListenerSet.
        Optional listener_sets: Map<Free, Map<Free, Loc<Any>>>,
    }
}

keys! {
    /// The numbers and the order allocated to a VIP; anything missing is allocated again.
    LockedVip {
        /// Virtual router id.
        Optional vrid: Loc<Any>,
        /// Routing table.
        Optional table: Loc<Any>,
        /// Priority of its `from` rules.
        Optional rule_priority: Loc<Any>,
        /// Packet mark.
        Optional mark: Loc<Any>,
        /// Priority of its `fwmark` rules.
        Optional mark_rule_priority: Loc<Any>,
        /// Of its extra addresses with other gateways, by gateway.
        Optional networks: Map<Free, LockedNetwork>,
        /// Failover order.
        Optional order: Vec<Loc<Text<Free>>>,
    }
}

keys! {
    /// The numbers allocated to a network of a VIP; anything missing is allocated again.
    LockedNetwork {
        /// Routing table.
        Optional table: Loc<Any>,
        /// Priority of its `from` rules.
        Optional rule_priority: Loc<Any>,
        /// Packet mark.
        Optional mark: Loc<Any>,
        /// Priority of its `fwmark` rules.
        Optional mark_rule_priority: Loc<Any>,
    }
}

/// Returns the path of an inventory's lock: beside it, with its stem. Standard input has none.
pub fn path(inventory: &Path) -> Option<PathBuf> {
    (inventory.as_os_str() != "-").then(|| inventory.with_extension("lock"))
}

/// The lock at `path` and its text; `None` where there is none, or where the report says what is wrong with it.
pub fn load(
    path: &Path,
    sources: &mut Sources,
    report: &mut Report,
) -> anyhow::Result<Option<RawLock>> {
    let bytes = match super::read_at_most(path) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read the lock {}", path.display()));
        }
    };
    Ok(parse(super::shown(path), bytes, sources, report))
}

/// Reads the text of a lock; `path` is what messages call it.
pub fn parse(
    path: String,
    bytes: Vec<u8>,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<RawLock> {
    let mut found = Report::default();
    let lock = read(path, bytes, sources, &mut found);
    // What is wrong with any YAML comes with advice for a text that a person writes.
    found.amend(|diagnostic| match diagnostic.code.id == codes::LOCK.id {
        true => diagnostic,
        false => diagnostic.help("only lbgen writes the lock: if in doubt, restore it from git"),
    });
    report.extend(&found);
    lock
}

fn read(
    path: String,
    bytes: Vec<u8>,
    sources: &mut Sources,
    report: &mut Report,
) -> Option<RawLock> {
    let file = decode(path, bytes, sources, report)?;
    let text = &sources.get(file).text;
    if let Some(at) = text.find("<<<<<<<") {
        let at = u32::try_from(at).unwrap_or(0);
        let span = Span { file, start: at, end: at + 7 };
        report.push(
            Diagnostic::new(&codes::LOCK, span, "the lock holds a merge conflict", "git could not decide here")
                .note("two branches added VIPs in one place")
                .help("keep the lines of both sides and remove the three marker lines; lbgen names VIPs that share a number")
                .help("`inventory.lock merge=union` (the lock's name) in .gitattributes makes git do that automatically"),
        );
        return None;
    }
    let start = Span { file, start: 0, end: 0 };
    let errors = report.count(Severity::Error);
    let root = yaml::parse(file, text, report).filter(|root| !root.is_null());
    let Some(root) = root else {
        if report.count(Severity::Error) == errors {
            report.push(
                Diagnostic::new(&codes::LOCK, start, "the lock is empty", "nothing here")
                    .note("without it every VIP would be planned again, and traffic would move")
                    .help("restore it from git; to plan everything again, remove the file"),
            );
        }
        return None;
    };
    let lock = RawLock::read(&root, &Loc { value: "lock", span: start }, report)?;
    if let Some(version) = lock.version.as_ref().filter(|version| version.value.0 != 1) {
        report.push(
            Diagnostic::new(
                &codes::LOCK,
                version.span,
                format!("the lock has version {}", version.value),
                "this lbgen knows version 1",
            )
            .help("use the lbgen that wrote it, or a later one"),
        );
        return None;
    }
    Some(lock)
}
