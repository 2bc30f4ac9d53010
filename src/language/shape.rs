//! The language as data: the declarations that read an inventory also describe it.

/// The values that can be written in a place.
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
        /// The rule that a key keeps.
        key: Text,
        /// The shape of an entry.
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
    /// The name of such a text in a sentence: `an IPv4 address`; empty if anything goes.
    pub about: &'static str,
    /// An ECMA 262 regular expression that it matches; never narrower than what is read.
    pub pattern: Option<String>,
    /// True if no reader of YAML takes such a text for a number or a boolean.
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
    /// The shape of each item.
    pub item: Box<Shape>,
    /// True if no item may occur twice.
    pub unique: bool,
    /// True if an empty list is refused, because it means nothing.
    pub nonempty: bool,
}

/// A map of known keys.
#[derive(Debug)]
pub struct Keys {
    /// The name of the struct that reads the map.
    pub name: &'static str,
    /// The description of the map.
    pub about: &'static str,
    /// In the order of the reference.
    pub fields: Vec<Field>,
}

/// A known key.
#[derive(Debug)]
pub struct Field {
    /// The key.
    pub name: &'static str,
    /// The description of the key.
    pub about: &'static str,
    /// True if the key must be given.
    pub required: bool,
    /// The shape of the value.
    pub shape: fn() -> Shape,
}
