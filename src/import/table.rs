//! Tables of policy routing: by number, or by a name whose number only their node knows (rt_tables of iproute2).

use std::collections::BTreeMap;
use std::fmt;

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Table {
    /// As the kernel knows it.
    Number(u32),
    /// Its file of names was not collected.
    Name(String),
}

impl Table {
    /// The one that routes stand in when nobody says otherwise.
    pub const MAIN: Self = Self::Number(254);
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

/// The names that a node has for its tables.
#[derive(Debug)]
pub struct Names(BTreeMap<String, u32>);

impl Default for Names {
    /// Those that every node has.
    fn default() -> Self {
        let own = [("default", 253), ("main", 254), ("local", 255)];
        Self(own.map(|(name, number)| (name.to_owned(), number)).into())
    }
}

impl Names {
    /// Returns true if a file of a node has such names: as iproute2 keeps them, or as `lbgen import --collect` gathers
    /// them.
    pub fn are_in(name: &str) -> bool {
        name == "rt_tables.txt"
            || name.ends_with("iproute2/rt_tables")
            || name.contains("iproute2/rt_tables.d/")
    }

    /// Takes the lines of a file: a number, decimal or hexadecimal, and a name.
    pub fn read(&mut self, body: &str) {
        for line in body.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            if let (Some(number), Some(name)) = (words.next().and_then(number), words.next()) {
                self.0.insert(name.to_owned(), number);
            }
        }
    }

    /// The table of a word of `ip`; `None` for the table 0, which is none.
    pub fn table(&self, word: &str) -> Option<Table> {
        match number(word).or_else(|| self.0.get(word).copied()) {
            Some(0) => None,
            Some(number) => Some(Table::Number(number)),
            None => (!word.is_empty()).then(|| Table::Name(word.to_owned())),
        }
    }
}

fn number(word: &str) -> Option<u32> {
    match word.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => word.parse().ok(),
    }
}
