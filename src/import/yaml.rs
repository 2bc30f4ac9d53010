//! YAML as a person writes it: blocks outside, short maps and lists on one line.

use std::fmt::Write as _;

/// A line longer than this is broken into a block.
const WIDTH: usize = 118;

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Yaml {
    /// Text, which is quoted where a reader would take it for something else.
    Text(String),
    /// A number or `true`, as it stands.
    Plain(String),
    /// A list.
    List(Vec<Yaml>),
    /// Keys in their order; each with the lines of comment above it.
    Map(Vec<(String, Yaml, Vec<String>)>),
}

impl Yaml {
    /// An empty map.
    pub fn map() -> Self {
        Self::Map(Vec::new())
    }

    /// Text.
    pub fn text(text: impl ToString) -> Self {
        Self::Text(text.to_string())
    }

    /// A list of texts.
    pub fn texts<T: ToString>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// A number or a boolean.
    pub fn plain(value: impl ToString) -> Self {
        Self::Plain(value.to_string())
    }

    /// Adds a key to a map.
    pub fn put(&mut self, key: impl ToString, value: Self) {
        self.comment(key, value, Vec::new());
    }

    /// Adds a key, where there is a value.
    pub fn put_some(&mut self, key: impl ToString, value: Option<Self>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Adds a key with comments above it.
    pub fn comment(&mut self, key: impl ToString, value: Self, comments: Vec<String>) {
        if let Self::Map(entries) = self {
            entries.push((key.to_string(), value, comments));
        }
    }

    /// Returns true for a map or list without entries.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Map(entries) => entries.is_empty(),
            Self::List(items) => items.is_empty(),
            Self::Text(_) | Self::Plain(_) => false,
        }
    }

    /// A file: its top keys apart from each other.
    pub fn document(&self) -> String {
        let Self::Map(entries) = self else { return String::new() };
        let mut text = String::new();
        for (key, value, comments) in entries {
            if matches!(value, Self::Map(_) | Self::List(_)) && !text.is_empty() {
                text.push('\n');
            }
            entry(&mut text, "", key, value, comments, false);
        }
        text
    }

    fn flow(&self) -> Option<String> {
        Some(match self {
            Self::Text(text) => quoted(text),
            Self::Plain(text) => text.clone(),
            Self::List(items) => {
                let items: Option<Vec<String>> = items.iter().map(Self::flow).collect();
                format!("[{}]", items?.join(", "))
            }
            Self::Map(entries) if entries.is_empty() => "{}".to_owned(),
            Self::Map(entries) => {
                let mut parts = Vec::new();
                for (key, value, comments) in entries {
                    if !comments.is_empty() {
                        return None;
                    }
                    parts.push(format!("{}: {}", quoted(key), value.flow()?));
                }
                format!("{{ {} }}", parts.join(", "))
            }
        })
    }
}

/// `key: value`, in blocks at the top and where a line would be too long.
fn entry(
    text: &mut String,
    indent: &str,
    key: &str,
    value: &Yaml,
    comments: &[String],
    flow: bool,
) {
    for comment in comments {
        let _ = writeln!(text, "{indent}# {comment}");
    }
    let key = quoted(key);
    let is_scalar = matches!(value, Yaml::Text(_) | Yaml::Plain(_)) || value.is_empty();
    let short = value
        .flow()
        .filter(|short| is_scalar || flow && indent.len() + key.len() + short.len() + 2 <= WIDTH);
    match (short, value) {
        (Some(short), _) => {
            let _ = writeln!(text, "{indent}{key}: {short}");
        }
        (None, Yaml::Map(entries)) => {
            let _ = writeln!(text, "{indent}{key}:");
            let deeper = format!("{indent}  ");
            for (key, value, comments) in entries {
                entry(text, &deeper, key, value, comments, true);
            }
        }
        (None, Yaml::List(items)) => {
            let _ = writeln!(text, "{indent}{key}:");
            for value in items {
                item(text, &format!("{indent}  "), value);
            }
        }
        (None, _) => {}
    }
}

fn item(text: &mut String, indent: &str, value: &Yaml) {
    let short = value.flow().filter(|short| indent.len() + short.len() + 2 <= WIDTH);
    match (short, value) {
        (Some(short), _) => {
            let _ = writeln!(text, "{indent}- {short}");
        }
        (None, Yaml::Map(entries)) => {
            let mut block = String::new();
            for (key, value, comments) in entries {
                entry(&mut block, &format!("{indent}  "), key, value, comments, true);
            }
            // The dash takes the place of the first line's indent.
            text.push_str(indent);
            text.push_str("- ");
            text.push_str(block.trim_start());
        }
        (None, other) => {
            let _ = writeln!(text, "{indent}- {}", other.flow().unwrap_or_default());
        }
    }
}

/// The text, in quotes where YAML would read something else than text.
fn quoted(text: &str) -> String {
    let starts = text.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/ @%+=:".contains(c);
    let is_word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "null" | "y" | "n" | "none" if text != "none"
    );
    let is_number = text.parse::<f64>().is_ok() || text.starts_with("0x");
    let is_safe = starts
        && text.chars().all(plain)
        && !text.contains(": ")
        && !text.ends_with([':', ' '])
        // An IPv6 address in a flow map would read as a map.
        && !text.contains("::")
        && text.matches(':').count() < 2;
    if is_safe && !is_word && !is_number {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            character if character.is_control() => {
                let _ = write!(out, "\\u{:04x}", u32::from(character));
            }
            character => out.push(character),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for text in ["true", "1.20", "0x1", "fd00::1", "a: b", "*.x", "", " a", "a\"b", "on", "~"] {
            assert!(quoted(text).starts_with('"'), "{text}");
        }
        for text in ["lb-1", "192.0.2.10", "/usr/bin/x -y", "none", "10.0.0.0/8", "1s"] {
            assert_eq!(quoted(text), text);
        }
    }

    #[test]
    fn short_entries_are_lines_and_long_ones_blocks() {
        let mut node = Yaml::map();
        node.put("address", Yaml::text("10.0.0.1"));
        let mut nodes = Yaml::map();
        nodes.comment("lb-1", node, vec!["why".to_owned()]);
        let mut top = Yaml::map();
        top.put("datacenter", Yaml::text("x"));
        top.put("nodes", nodes);
        top.put("vips", Yaml::List(vec![Yaml::texts(["a"; 2])]));
        assert_eq!(
            top.document(),
            "datacenter: x\n\nnodes:\n  # why\n  lb-1: { address: 10.0.0.1 }\n\nvips:\n  - [a, a]\n"
        );
    }
}
