//! Random edits of a text, as hands, merges and attackers make them.

use proptest::prelude::*;
use proptest::sample::select;

/// The replacements for a word.
const WORDS: &[&str] = &[
    "",
    "0",
    "1",
    "3",
    "7",
    "254",
    "255",
    "256",
    "1000",
    "32100",
    "32766",
    "65536",
    "-1",
    "0x10",
    "0123",
    "1.30",
    "1e3",
    "1_000",
    "0o17",
    "12:30:45",
    "2001-01-01",
    "yes",
    "no",
    "on",
    "y",
    "true",
    "false",
    "null",
    "~",
    "a",
    "A",
    "eth0",
    "eth1",
    "eth1.100",
    "br-lan",
    "lo",
    "lb-1",
    "lb-2",
    "web",
    "rest",
    "public",
    "192.0.2.1",
    "192.0.2.10",
    "192.0.2.77",
    "192.0.2.255",
    "10.0.0.11",
    "10.0.0.99",
    "10.34.8.77",
    "127.0.0.1",
    "2001:db8::1",
    "2001:db8:8::77",
    "::1",
    "fe80::1",
    "192.0.2.0/24",
    "10.34.8.0/21",
    "1s",
    "2s",
    "100ms",
    "30s",
    "active",
    "draining",
    "maintenance",
    "static",
    "virtual",
    "ipvs",
    "iptables",
    "nftables",
    "fault",
    "ignore",
    "yield",
    "legacy",
    "both",
    "annotation",
    "Exact",
    "/",
    "/a",
    "/a b",
    "*",
    "*.example.com",
    "=",
    "<<",
    "!x",
    "&x",
    "*x",
    "%",
    "@",
    "`",
    "$(reboot)",
    "; reboot",
    "\"",
    "'",
    "\\",
    "\\n",
    "{{ x }}",
    "{% raw %}",
    "#",
    "a: b",
    "- a",
    "|",
    ">",
    "\u{e9}",
    "\u{202e}",
    "\u{0}",
    "\u{85}",
    "\t",
    "100-110",
    "1-1",
    "-----",
    "...",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "LB201",
    "LB101",
    "[]",
    "{}",
    "[",
    "{",
];

/// One edit.
#[derive(Debug, Clone)]
pub enum Edit {
    /// The word at this place becomes another one.
    Replace(usize, &'static str),
    /// The line is gone.
    Delete(usize),
    /// The line is there twice.
    Repeat(usize),
    /// The line changes places with the next one.
    Swap(usize),
    /// The line is indented by two more.
    Indent(usize),
    /// Something stands before this byte.
    Insert(usize, &'static str),
}

/// Edits of every kind; places are taken modulo the length of the text.
pub fn edit() -> impl Strategy<Value = Edit> {
    let at = 0usize..1_000_000;
    prop_oneof![
        6 => (at.clone(), select(WORDS)).prop_map(|(at, word)| Edit::Replace(at, word)),
        1 => at.clone().prop_map(Edit::Delete),
        1 => at.clone().prop_map(Edit::Repeat),
        1 => at.clone().prop_map(Edit::Swap),
        1 => at.clone().prop_map(Edit::Indent),
        2 => (at, select(WORDS)).prop_map(|(at, word)| Edit::Insert(at, word)),
    ]
}

impl Edit {
    /// The text after it.
    pub fn apply(&self, text: &str) -> String {
        let mut lines: Vec<&str> = text.lines().collect();
        if lines.is_empty() {
            return text.to_owned();
        }
        let count = lines.len();
        let indented;
        match *self {
            Edit::Replace(at, word) => {
                let words = words(text);
                let Some(range) = words.get(at % words.len().max(1)) else {
                    return word.to_owned();
                };
                return format!("{}{word}{}", &text[..range.start], &text[range.end..]);
            }
            Edit::Insert(at, word) => {
                let at = text.floor_char_boundary(at % text.len());
                return format!("{}{word}{}", &text[..at], &text[at..]);
            }
            Edit::Delete(at) => _ = lines.remove(at % count),
            Edit::Repeat(at) => lines.insert(at % count, lines[at % count]),
            Edit::Swap(at) => lines.swap(at % count, (at + 1) % count),
            Edit::Indent(at) => {
                indented = format!("  {}", lines[at % count]);
                lines[at % count] = &indented;
            }
        }
        lines.join("\n") + "\n"
    }
}

/// Returns the words between white space and punctuation, comments left out.
fn words(text: &str) -> Vec<std::ops::Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.split(" #").next().unwrap_or_default();
        if !code.starts_with('#') {
            let mut from = None;
            for (at, character) in code.char_indices().chain([(code.len(), ' ')]) {
                let inside = !(character.is_whitespace() || "[]{},\"'".contains(character));
                match (inside, from) {
                    (true, None) => from = Some(at),
                    (false, Some(first)) => {
                        let word = code[first..at].trim_end_matches(':');
                        found.push(start + first..start + first + word.len());
                        from = None;
                    }
                    _ => {}
                }
            }
        }
        start += line.len();
    }
    found
}
