//! What a reader has to say of a line.

use crate::source::Span;

/// What keepalived, or lbgen, does with a line.
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
    /// Where it stands.
    pub at: Span,
    /// In words.
    pub text: String,
    /// What is done with it.
    pub kind: Kind,
}
