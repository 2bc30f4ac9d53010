//! Diagnostics as GitHub shows them beside a pull request's lines (workflow commands).

use super::Report;
use crate::source::Sources;

/// One workflow command per line.
pub fn render(report: &Report, sources: &Sources) -> String {
    let mut out = String::new();
    for diagnostic in report.iter() {
        let (line, column) = sources.line_column(diagnostic.span());
        let command = diagnostic.code.severity.word();
        let text = diagnostic.text();
        out += &format!(
            "::{command} file={},line={line},col={column},title={}::{}\n",
            escape(&sources.get(diagnostic.span().file).path)
                .replace(':', "%3A")
                .replace(',', "%2C"),
            diagnostic.code.id,
            escape(&text),
        );
    }
    out
}

/// Escapes everything that would end a command or a line of it.
fn escape(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
