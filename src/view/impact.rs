//! The impact of a change for a pull request.

use std::fmt::Write as _;
use std::time::Duration;

use super::rows::rows;
use crate::diag::count;
use crate::impact::{Daemon, Impact};

/// Seconds, to the hundredth.
pub fn seconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100.0).round() / 100.0
}

/// A comment of GitHub holds 65,536 characters.
const LIMIT: usize = 60_000;

/// Markdown: the verdict first, the tables, the text diff folded, and cut where a comment would not hold it.
pub fn markdown(datacenter: &str, impact: &Impact, is_all: bool, diff: &str) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(out, "### {datacenter}: {}\n", impact.verdict());
    let rows = rows(impact, is_all);
    if !rows.is_empty() {
        out +=
            "| impact | on | from | to | silent | why |\n| --- | --- | --- | --- | --- | --- |\n";
        let mut left = rows.len();
        for row in &rows {
            if out.len() > LIMIT / 2 {
                let _ = writeln!(out, "\n{} more, in `lbgen diff`", count(left, "row"));
                break;
            }
            left -= 1;
            let silent = row.silent.map(|silent| format!("{:.2} s", seconds(silent)));
            let _ = writeln!(
                out,
                "| {} | `{}` | {} | {} | {} | {} |",
                row.class.word(),
                escaped(&row.on),
                escaped(row.from.as_deref().unwrap_or("")),
                escaped(row.to.as_deref().unwrap_or("")),
                silent.unwrap_or_default(),
                escaped(&row.why),
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
        let text = cut(diff.trim_end(), LIMIT.saturating_sub(out.len() + 200));
        let _ = writeln!(
            out,
            "<details><summary>Text</summary>\n\n{fence}diff\n{text}\n{fence}\n\n</details>",
        );
    }
    out
}

/// As many whole lines as fit, and how many there are more.
fn cut(text: &str, limit: usize) -> String {
    if text.len() <= limit {
        return text.to_owned();
    }
    let mut kept = 0;
    let mut out = String::new();
    for line in text.lines() {
        if out.len() + line.len() >= limit {
            break;
        }
        let _ = writeln!(out, "{line}");
        kept += 1;
    }
    let _ = write!(out, "... {} more", count(text.lines().count() - kept, "line"));
    out
}

/// Text in a cell.
fn escaped(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}
