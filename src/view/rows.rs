//! The rows of an impact, for a reader in a hurry: many that have one cause are one.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::diag::count;
use crate::impact::{Class, Finding, Impact, Subject};

/// So many rows of one cause are shown one by one.
const FEW: usize = 3;

/// The number of a row's subjects that are named.
const NAMED: usize = 2;

/// One row of a table.
#[derive(Debug)]
pub struct Row {
    /// The severity.
    pub class: Class,
    /// The subject, or several.
    pub on: String,
    /// The holder or answer before; `None` where subjects differ.
    pub from: Option<String>,
    /// The holder or answer after; `None` where subjects differ.
    pub to: Option<String>,
    /// The longest silence.
    pub silent: Option<Duration>,
    /// The reason.
    pub why: String,
}

impl Row {
    fn of(finding: &Finding) -> Self {
        Self {
            class: finding.class,
            on: finding.subject.to_string(),
            from: finding.from.clone(),
            to: finding.to.clone(),
            silent: finding.silent,
            why: finding.reason.clone(),
        }
    }

    fn of_many(cause: &str, findings: &[&Finding]) -> Self {
        let first = findings[0];
        let names: Vec<String> =
            findings.iter().take(NAMED).map(|found| found.subject.to_string()).collect();
        let noun = first.subject.noun();
        Self {
            class: first.class,
            on: count(findings.len(), noun),
            from: None,
            to: None,
            silent: findings.iter().filter_map(|found| found.silent).max(),
            why: format!("{cause}: {}, ...", names.join(", ")),
        }
    }
}

/// The rows of an impact, worst first, and after them what only an unordered reload could do; `is_all` gives each finding
/// one of its own.
pub fn rows(impact: &Impact, is_all: bool) -> Vec<Row> {
    let mut groups: BTreeMap<(Class, &str, &str), Vec<&Finding>> = BTreeMap::new();
    for finding in &impact.findings {
        groups.entry(key(finding)).or_default().push(finding);
    }
    let mut rows = Vec::new();
    for finding in &impact.findings {
        let key = key(finding);
        match groups.get(&key) {
            Some(group) if group.len() > FEW && !is_all => {
                rows.push(Row::of_many(key.2, group));
                groups.remove(&key);
            }
            Some(_) => rows.push(Row::of(finding)),
            // Told with the first of its group.
            None => {}
        }
    }
    // A rollout in order does not split.
    rows.sort_by_key(|row| row.class == Class::Split);
    rows
}

/// Returns the key that findings of one row have in common.
fn key(finding: &Finding) -> (Class, &'static str, &str) {
    let cause = match (finding.class, &finding.subject) {
        (Class::Order, _) => "other nodes come after the MASTER",
        (Class::Text, _) => &finding.reason,
        // A file's own reason is about that file.
        (_, Subject::File(path)) => path,
        _ => finding.reason.split(": ").next().unwrap_or(&finding.reason),
    };
    (finding.class, finding.subject.noun(), cause)
}
