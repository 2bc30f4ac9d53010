//! A YAML document as it was written: a tree whose every node knows its place.

use indexmap::IndexMap;

use crate::source::Span;

/// A node of the tree.
#[derive(Debug, Clone)]
pub struct Node {
    /// From its first to its last character.
    pub span: Span,
    /// The part that a message underlines: no more than is on its first line.
    pub head: Span,
    /// The kind of node, with its contents.
    pub kind: Kind,
}

/// The kinds of YAML nodes.
#[derive(Debug, Clone)]
pub enum Kind {
    /// Text, number, boolean or nothing: YAML decides late, and here the reader of the value does.
    Scalar(Scalar),
    /// `- item`
    List(Vec<Node>),
    /// `key: value`, in the order of the file, keys unique.
    Map(Entries),
    /// Something that was refused already: whoever reads it has nothing to add.
    Refused,
}

/// The entries of a map: where the key stands, and the value.
pub type Entries = IndexMap<String, (Span, Node)>;

/// A scalar, not yet taken for anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, escapes resolved.
    pub text: String,
    /// True if the text was written without quotes, so that YAML would take `no` and `~` for more than text.
    pub plain: bool,
}

impl Scalar {
    /// Returns true if YAML takes the text for "no value".
    pub fn is_null(&self) -> bool {
        self.plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// Returns true if the node is a scalar that YAML takes for "no value".
    pub fn is_null(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(scalar) if scalar.is_null())
    }

    /// The entries of a map, or of what may become one: nothing.
    pub fn entries_to_be(&mut self) -> Option<&mut Entries> {
        if self.is_null() {
            self.kind = Kind::Map(Entries::new());
        }
        match &mut self.kind {
            Kind::Map(entries) => Some(entries),
            _ => None,
        }
    }

    /// Describes the node in the words of a message.
    pub fn describe(&self) -> String {
        match &self.kind {
            Kind::Scalar(scalar) if scalar.is_null() => "nothing".to_owned(),
            Kind::Scalar(scalar) if scalar.text.len() <= 40 => {
                format!("`{}`", scalar.text)
            }
            Kind::Scalar(_) => "text".to_owned(),
            Kind::List(_) => "a list".to_owned(),
            Kind::Map(_) => "a map of keys".to_owned(),
            Kind::Refused => "something that cannot be read".to_owned(),
        }
    }
}
