//! The host and the path of a rule, as the routing table knows them.

use crate::language::name::{Host, Name, UrlPath};
use crate::language::word::PathType;
use crate::model::Path;
use crate::source::{Loc, Span};
use crate::state::PathRule;

/// `Some(None)` is any host.
pub(super) fn host(text: Option<&str>) -> Option<Option<Host>> {
    match text {
        None | Some("") => Some(None),
        Some(text) => Host::parse(text).map(Some),
    }
}

/// One that an inventory cannot have counts as `/`.
pub(super) fn path(rule: &PathRule<'_>) -> Option<Path> {
    let text = rule.path.strip_prefix("(?i)^").unwrap_or(rule.path);
    let value = UrlPath::parse(text).or_else(|| UrlPath::parse("/"))?;
    let kind = match rule.kind {
        Some("Exact") => PathType::Exact,
        Some("ImplementationSpecific" | "RegularExpression") | None => {
            PathType::ImplementationSpecific
        }
        _ => PathType::Prefix,
    };
    let path = Loc { value, span: Span::NOWHERE };
    Some(Path { condition: rule.condition.clone(), ..Path::new(path, kind) })
}
