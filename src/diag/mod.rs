//! Problems of the user's input: found anywhere, collected here, drawn once at the end.

mod code;
mod count;
mod diagnostic;
mod explain;
mod github;
mod human;
mod printable;
mod report;
mod sarif;
mod suggest;

pub(crate) use code::code;
pub use code::{Code, Severity};
pub use count::count;
pub use diagnostic::{Diagnostic, Label, Patch};
pub use explain::{Example, Explanation};
pub use github::render as render_github;
pub use human::render as render_human;
pub use printable::{is_unprintable, printable};
pub use report::Report;
pub use sarif::render as render_sarif;
pub use suggest::nearest;
