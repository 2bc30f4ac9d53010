//! Keys with a short form, a scalar, and a long one, a map.

use super::node::{Kind, Node};
use super::read::Read;
use crate::diag::Report;
use crate::language::shape::Shape;
use crate::source::Loc;

/// A value in its short or its long form.
#[derive(Debug)]
pub enum Either<S, L> {
    /// A scalar.
    Short(S),
    /// A map.
    Long(Box<L>),
}

impl<S: Read, L: Read> Read for Either<S, L> {
    fn shape() -> Shape {
        Shape::Either(Box::new(S::shape()), Box::new(L::shape()))
    }

    fn read(node: &Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => L::read(node, key, report).map(|long| Self::Long(Box::new(long))),
            _ => S::read(node, key, report).map(Self::Short),
        }
    }
}
