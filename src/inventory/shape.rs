//! What the language takes, as data: the same declarations that read an inventory describe it.

use super::node::{Kind, Node};

/// What can be written in a place.
#[derive(Debug)]
pub enum Shape {
    /// A single value, taken as it was written.
    Text,
    /// A whole number, quoted or not.
    Number,
    /// A list.
    List(Box<Shape>),
    /// A map whose keys the user chooses.
    Map(Box<Shape>),
    /// A map of known keys.
    Keys(Keys),
    /// One or the other.
    Either(Box<Shape>, Box<Shape>),
}

impl Shape {
    /// Whether a node is of this kind, whatever is in it.
    pub(super) fn fits(&self, node: &Node) -> bool {
        match self {
            Shape::Text | Shape::Number => matches!(node.kind, Kind::Scalar(_)),
            Shape::List(_) => matches!(node.kind, Kind::List(_)),
            Shape::Map(_) | Shape::Keys(_) => matches!(node.kind, Kind::Map(_)),
            Shape::Either(one, other) => one.fits(node) || other.fits(node),
        }
    }
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
