//! What a single value of an inventory may be: its words, its range, its form. Stated once, for the code that reads it,
//! for editors (the JSON Schema) and for the reference.

pub mod form;
pub mod name;
pub mod number;
pub mod shape;
pub mod version;
pub mod word;

use shape::Shape;

/// Something that a single value is read as.
pub trait Term {
    /// What can be written.
    fn shape() -> Shape;
}
