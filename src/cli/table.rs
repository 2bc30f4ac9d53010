//! Tables for a person.

use comfy_table::{Table, presets};

/// Columns under headers, two spaces apart.
pub fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.iter().copied());
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

/// The width of a terminal that nobody made wider.
const WIDTH: usize = 80;

/// A table whose last column is a list of names, which goes on below where it does not fit.
pub fn table_with_list(headers: &[&str], rows: Vec<(Vec<String>, Vec<String>)>) -> String {
    let columns = headers.len() - 1;
    let widths = (0..columns).map(|column| {
        let cells = rows.iter().map(|(cells, _)| cells[column].len());
        cells.chain([headers[column].len()]).max().unwrap_or(0) + 2
    });
    let left = WIDTH.saturating_sub(widths.sum());
    let rows = rows.into_iter().map(|(mut cells, list)| {
        cells.push(wrapped(&list, left));
        cells
    });
    table(headers, rows)
}

/// Names in lines of at most this many characters; a longer name has a line of its own.
fn wrapped(names: &[String], width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for name in names {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + name.len() <= width => {
                line.push(' ');
                line.push_str(name);
            }
            _ => lines.push(name.clone()),
        }
    }
    lines.join("\n")
}
