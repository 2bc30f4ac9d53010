//! What the language takes, as data: the same declarations that read an inventory describe it.

/// What can be written in a place.
#[derive(Debug)]
pub enum Shape {
    /// A single value, taken as it was written.
    Text(Text),
    /// One of a few words.
    Words(Vec<&'static str>),
    /// `true` or `false`, without quotes.
    Boolean,
    /// A whole number, quoted or not, between two others.
    Number {
        /// The lowest.
        from: u64,
        /// The highest.
        to: u64,
    },
    /// A list.
    List(List),
    /// A map whose keys the user chooses.
    Map {
        /// What a key is.
        key: Text,
        /// What an entry holds.
        value: Box<Shape>,
    },
    /// A map of known keys.
    Keys(Keys),
    /// One or the other.
    Either(Box<Shape>, Box<Shape>),
}

/// A text and the rule that it keeps.
#[derive(Debug, Clone, Default)]
pub struct Text {
    /// What it is called in a sentence: `an IPv4 address`; empty where anything goes.
    pub about: &'static str,
    /// An ECMA 262 regular expression that it matches; never narrower than what is read.
    pub pattern: Option<String>,
    /// Whether no reader of YAML takes it for a number or a boolean.
    pub is_string: bool,
}

impl Text {
    /// Text with a name and a pattern.
    pub fn new(about: &'static str, pattern: impl Into<String>) -> Self {
        Self { about, pattern: Some(pattern.into()), is_string: false }
    }

    /// The same, of a form that no reader of YAML takes for a number or a boolean.
    pub fn string(about: &'static str, pattern: impl Into<String>) -> Self {
        Self { is_string: true, ..Self::new(about, pattern) }
    }
}

/// A list and how many of what it takes.
#[derive(Debug)]
pub struct List {
    /// What each item is.
    pub item: Box<Shape>,
    /// Whether no item may be there twice.
    pub unique: bool,
    /// Whether an empty list means nothing.
    pub nonempty: bool,
}

/// A map of known keys.
#[derive(Debug)]
pub struct Keys {
    /// What the struct that reads it is called.
    pub name: &'static str,
    /// What it is.
    pub about: &'static str,
    /// In the order of the reference.
    pub fields: Vec<Field>,
}

/// A known key.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// What it is for.
    pub about: &'static str,
    /// Whether it must be given.
    pub required: bool,
    /// What it takes.
    pub shape: fn() -> Shape,
}
