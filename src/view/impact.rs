//! The impact of a change for a pull request.

use std::fmt::Write as _;
use std::time::Duration;

use crate::impact::{Daemon, Impact};

/// Seconds, to the hundredth.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

/// Markdown: the verdict first, the tables, the text diff folded.
pub fn markdown(datacenter: &str, impact: &Impact, diff: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "### {datacenter}: {}\n", impact.verdict());
    if !impact.findings.is_empty() {
        out +=
            "| impact | on | from | to | silent | why |\n| --- | --- | --- | --- | --- | --- |\n";
        for finding in &impact.findings {
            let silent = finding.silent.map(|silent| format!("{:.2} s", seconds(silent)));
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} | {} | {} |",
                finding.class.word(),
                escaped(&finding.subject.to_string()),
                escaped(finding.from.as_deref().unwrap_or("")),
                escaped(finding.to.as_deref().unwrap_or("")),
                silent.unwrap_or_default(),
                escaped(&finding.reason),
            );
        }
        out.push('\n');
    }
    let busy: Vec<_> =
        impact.nodes.iter().filter(|node| node.daemon != Daemon::Untouched).collect();
    if !busy.is_empty() {
        out += "| node | keepalived |\n| --- | --- |\n";
        for node in busy {
            let _ = writeln!(out, "| {} | {} |", node.node, node.daemon.word());
        }
        out.push('\n');
    }
    if !diff.is_empty() {
        // A fence longer than any in the text.
        let longest = diff.lines().map(|line| line.chars().filter(|c| *c == '`').count()).max();
        let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
        let _ = writeln!(
            out,
            "<details><summary>Text</summary>\n\n{fence}diff\n{}\n{fence}\n\n</details>",
            diff.trim_end()
        );
    }
    out
}

/// Text in a cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
