//! Remarks that a reader makes on lines.

use crate::source::Span;

/// The treatment of a line by keepalived, or by lbgen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// keepalived skips it, or takes another value; so does lbgen.
    Skipped,
    /// keepalived exits because of it.
    Refused,
    /// lbgen cannot follow it.
    Unread,
}

/// Something that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The position of the text in question.
    pub at: Span,
    /// In words.
    pub text: String,
    /// The treatment of the line.
    pub kind: Kind,
}
