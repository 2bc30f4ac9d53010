//! Single values of an inventory: the words, ranges and forms that they may have. Stated once, for the code that reads
//! them, for editors (the JSON Schema) and for the reference.

pub mod form;
mod image;
pub mod name;
pub mod number;
pub mod shape;
pub mod shell;
pub mod version;
pub mod word;

use shape::Shape;

/// Something that a single value is read as.
pub trait Term {
    /// Returns the shape of the values that can be written.
    fn shape() -> Shape;
}
