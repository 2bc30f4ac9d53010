//! Diagnostics for code scanning: SARIF 2.1.0 (OASIS).

use serde_json::{Value, json};

use super::{Code, Diagnostic, Label, Report};
use crate::source::Sources;

/// One run with every code of `codes` as a rule.
pub fn render(report: &Report, sources: &Sources, codes: &[&Code]) -> Value {
    let rules: Vec<Value> = codes
        .iter()
        .map(|code| {
            json!({
                "id": code.id,
                "shortDescription": { "text": code.summary },
                "defaultConfiguration": { "level": code.severity.word() },
            })
        })
        .collect();
    json!({
        "version": "2.1.0",
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "runs": [{
            "tool": { "driver": { "name": "lbgen", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": report.iter().map(|diagnostic| result(diagnostic, sources)).collect::<Vec<_>>(),
        }],
    })
}

fn result(diagnostic: &Diagnostic, sources: &Sources) -> Value {
    let text = diagnostic.text();
    let related: Vec<Value> =
        diagnostic.labels[1..].iter().map(|label| location(label, sources)).collect();
    json!({
        "ruleId": diagnostic.code.id,
        "level": diagnostic.code.severity.word(),
        "message": { "text": text },
        "locations": [location(&diagnostic.labels[0], sources)],
        "relatedLocations": related,
    })
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                uri.push(char::from(byte));
            }
            _ => uri += &format!("%{byte:02X}"),
        }
    }
    uri
}

fn location(label: &Label, sources: &Sources) -> Value {
    let (line, column) = sources.line_column(label.span);
    json!({
        "physicalLocation": {
            "artifactLocation": { "uri": uri(&sources.get(label.span.file).path) },
            "region": { "startLine": line, "startColumn": column },
        },
        "message": { "text": label.text },
    })
}
