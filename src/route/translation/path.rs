//! Paths as Gateway API compares them.

use crate::language::word::PathType;
use crate::model::Path;
use crate::route::matcher::is_below;
use crate::route::regex;

/// A path and the way in which it is compared (HTTPPathMatch).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole path elements from the start.
    Prefix(String),
    /// A regular expression for all of the path; not every implementation has them.
    Regex(String),
}

/// Ends of regular expressions that stand for all that lies below a prefix, with the number of the group that has it, and
/// whether that group begins with the slash.
const REST: &[(&str, u8, bool)] = &[
    ("(/|$)(.*)", 2, false),
    ("(/|$)(.*)$", 2, false),
    ("/?(.*)", 1, false),
    ("/(.*)", 1, false),
    ("(/.*)?", 1, true),
    ("(/.*)", 1, true),
];

/// A literal prefix with a group for the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rest<'a> {
    pub prefix: &'a str,
    /// Its number.
    pub group: u8,
    /// True if it begins with a slash.
    pub has_slash: bool,
}

impl<'a> Rest<'a> {
    pub fn of(text: &'a str) -> Option<Self> {
        let found = REST.iter().find_map(|(end, group, has_slash)| {
            let prefix = text.strip_suffix(end)?;
            is_plain(prefix).then_some(Self { prefix, group: *group, has_slash: *has_slash })
        });
        found.filter(|found| found.prefix.is_empty() || found.prefix.starts_with('/'))
    }
}

impl PathMatch {
    /// The counterpart of a path of an Ingress; `is_regex` where ingress-nginx takes it for a regular expression.
    pub fn of(path: &Path, is_regex: bool) -> Self {
        let text = path.path.value.as_str();
        if is_regex {
            if let Some(rest) = Rest::of(text) {
                return Self::prefix(rest.prefix);
            }
            if let Some(folder) = text.strip_suffix(".*").filter(|text| text.ends_with('/'))
                && is_plain(folder)
            {
                return Self::prefix(folder);
            }
            if !is_plain(text) {
                // It has to match all of the path.
                let end = if text.ends_with('$') || text.ends_with(".*") { "" } else { ".*" };
                return Self::Regex(format!("(?i)^{text}{end}"));
            }
        }
        match path.kind {
            PathType::Exact => Self::Exact(text.to_owned()),
            PathType::Prefix | PathType::ImplementationSpecific => Self::prefix(text),
        }
    }

    /// A prefix; a slash at its end says nothing.
    fn prefix(text: &str) -> Self {
        let text = text.trim_end_matches('/');
        Self::Prefix(if text.is_empty() { "/".to_owned() } else { text.to_owned() })
    }

    /// Matches a request's path. An implementation refuses an expression that is none.
    pub fn matches(&self, path: &str) -> bool {
        match self {
            Self::Exact(value) => value == path,
            Self::Prefix(value) => is_below(path, value),
            Self::Regex(value) => regex::is_match(value, path) == Some(true),
        }
    }

    /// Returns the text to compare with.
    pub fn value(&self) -> &str {
        match self {
            Self::Exact(value) | Self::Prefix(value) | Self::Regex(value) => value,
        }
    }

    /// The first character that the API server refuses (pattern of HTTPPathMatch.value), if there is one.
    pub fn refused(&self) -> Option<char> {
        let value = match self {
            Self::Exact(value) | Self::Prefix(value) => value,
            Self::Regex(_) => return None,
        };
        let mut rest = value.chars();
        while let Some(found) = rest.next() {
            let is_escape = found == '%' && rest.as_str().len() >= 2 && {
                let digits = rest.as_str().as_bytes();
                digits[..2].iter().all(u8::is_ascii_hexdigit)
            };
            let is_allowed = found.is_ascii_alphanumeric() || "-/._~!$&'()*+,;=:@".contains(found);
            if !is_escape && !is_allowed {
                return Some(found);
            }
        }
        None
    }
}

/// Returns true if a text has no character of a regular expression but the dot, which everybody writes and means
/// literally.
fn is_plain(text: &str) -> bool {
    !text.contains(|c: char| "\\^$*+?()[]{}|".contains(c))
}

#[cfg(test)]
mod tests {
    use super::{Path, PathMatch, PathType};
    use crate::language::name::{Name, UrlPath};
    use crate::source::{Loc, Sources, Span};

    fn of(text: &str, kind: PathType, is_regex: bool) -> PathMatch {
        let span = Span::of_file(Sources::default().add("i.yaml".to_owned(), String::new()));
        let value = UrlPath::parse(text).expect("a path");
        PathMatch::of(&Path::new(Loc { value, span }, kind), is_regex)
    }

    #[test]
    fn a_path_keeps_its_meaning() {
        use PathType::{Exact, ImplementationSpecific, Prefix};
        let prefix = |text: &str| PathMatch::Prefix(text.to_owned());
        assert_eq!(of("/cart/", Prefix, false), prefix("/cart"));
        assert_eq!(of("/", Prefix, false), prefix("/"));
        assert_eq!(of("/ws", Exact, false), PathMatch::Exact("/ws".to_owned()));
        assert_eq!(of("/a(/|$)(.*)", ImplementationSpecific, true), prefix("/a"));
        assert_eq!(of("/(/|$)(.*)", ImplementationSpecific, true), prefix("/"));
        assert_eq!(of("/a/(.*)", ImplementationSpecific, true), prefix("/a"));
        assert_eq!(of("/a/.*", ImplementationSpecific, true), prefix("/a"));
        let all = PathMatch::Regex("(?i)^/a[0-9]/.*".to_owned());
        assert_eq!(of("/a[0-9]/.*", ImplementationSpecific, true), all);
        let regex = PathMatch::Regex("(?i)^/v[0-9]+/x.*".to_owned());
        assert_eq!(of("/v[0-9]+/x", ImplementationSpecific, true), regex);
    }

    #[test]
    fn characters_of_an_api_server() {
        assert_eq!(of("/a%20b", PathType::Prefix, false).refused(), None);
        assert_eq!(of("/a%2", PathType::Prefix, false).refused(), Some('%'));
        assert_eq!(of("/a[b", PathType::Prefix, false).refused(), Some('['));
        assert_eq!(of("/ä", PathType::Exact, false).refused(), Some('ä'));
    }
}
