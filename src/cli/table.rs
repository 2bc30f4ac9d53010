//! Tables for a person.

use comfy_table::{Table, presets};

/// The width of a terminal that nobody made wider.
const WIDTH: usize = 80;

/// Text in a column narrower than this reads badly.
const NARROW: usize = 40;

/// Columns under headers, two spaces apart.
pub fn table(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let lines = lines(headers, &rows.into_iter().collect::<Vec<_>>());
    lines.join("\n") + "\n"
}

/// A table whose last column is text, which goes on below where it does not fit: in its column if that is wide enough, else
/// under the whole row. Other columns
/// without content are left out.
pub fn table_with_text(headers: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut rows: Vec<Vec<String>> = rows.into_iter().collect();
    let last = headers.len() - 1;
    let is_used =
        |column: &usize| *column == last || rows.iter().any(|row| !row[*column].is_empty());
    let used: Vec<usize> = (0..headers.len()).filter(is_used).collect();
    let headers: Vec<&str> = used.iter().map(|column| headers[*column]).collect();
    for row in &mut rows {
        *row = used.iter().map(|column| std::mem::take(&mut row[*column])).collect();
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headers[column].len()]).max().unwrap_or(0) + 2
    };
    let last = headers.len() - 1;
    let left = WIDTH.saturating_sub((0..last).map(width).sum());
    if left >= NARROW {
        for row in &mut rows {
            row[last] = wrapped(&row[last], left).join("\n");
        }
        return lines(&headers, &rows).join("\n") + "\n";
    }
    let indent = if last > 0 { width(0) } else { 0 };
    let below: Vec<Vec<String>> = rows
        .iter_mut()
        .map(|row| match row[last].chars().count() <= left {
            true => Vec::new(),
            false => wrapped(&std::mem::take(&mut row[last]), WIDTH - indent.min(WIDTH / 2)),
        })
        .collect();
    let mut out = String::new();
    // The header has nothing below.
    let below = std::iter::once(Vec::new()).chain(below);
    for (line, below) in lines(&headers, &rows).into_iter().zip(below) {
        out += &(line + "\n");
        for text in below {
            out += &format!("{:indent$}{text}\n", "");
        }
    }
    out
}

fn lines(headers: &[&str], rows: &[Vec<String>]) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headers.iter().copied());
    table.add_rows(rows);
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}

/// Text in lines of at most this many characters; a longer word has a line of its own.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
