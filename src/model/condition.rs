//! Conditions of a request beside its host and path: the method and headers (HTTPRouteMatch).

use std::cmp::Ordering;
use std::fmt;

use regex::Regex;

use crate::diag::{Diagnostic, Report};
use crate::inventory::raw;
use crate::language::name::{HeaderName, HeaderValue};
use crate::language::word::HttpMethod;

use super::{codes, value};

/// The conditions that a request meets beside its path; none is every request.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Condition {
    /// The method.
    pub method: Option<HttpMethod>,
    /// By name, each name once.
    pub headers: Vec<HeaderMatch>,
}

/// Headers of a match (HTTPRouteMatch, `maxItems`).
const MOST_HEADERS: usize = 16;

/// A header and its value.
#[derive(Debug, Clone)]
pub struct HeaderMatch {
    /// The name of the header, as written; its case does not matter (RFC 9110, 5.1).
    pub name: String,
    /// Its value.
    pub value: String,
    /// True if the value is a regular expression.
    pub is_regex: bool,
}

impl Condition {
    /// Returns true if every request meets it.
    pub fn is_none(&self) -> bool {
        self.method.is_none() && self.headers.is_empty()
    }

    /// The number of its parts: of two routes for one path the one with more of them answers (HTTPRouteRule, "matches").
    pub fn count(&self) -> usize {
        usize::from(self.method.is_some()) + self.headers.len()
    }

    /// Returns the words behind a path: ` with method POST`, or nothing.
    pub fn with(&self) -> String {
        match self.is_none() {
            true => String::new(),
            false => format!(" with {self}"),
        }
    }

    /// Returns true if a request with this method and these headers meets it.
    pub fn is_met_by(&self, method: HttpMethod, headers: &[(String, String)]) -> bool {
        let has = |wanted: &HeaderMatch| {
            let mut own =
                headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(&wanted.name));
            own.any(|(_, value)| wanted.is_met_by(value))
        };
        self.method.is_none_or(|own| own == method) && self.headers.iter().all(has)
    }

    /// A method and headers that meet it, or `None` if a header's value is a regular expression.
    pub fn example(&self) -> Option<(HttpMethod, Vec<(String, String)>)> {
        let header = |header: &HeaderMatch| {
            (!header.is_regex).then(|| (header.name.clone(), header.value.clone()))
        };
        let headers = self.headers.iter().map(header).collect::<Option<Vec<_>>>()?;
        Some((self.method.unwrap_or(HttpMethod::Get), headers))
    }

    /// Returns true if each request that meets this one meets the other too.
    pub fn implies(&self, other: &Self) -> bool {
        other.method.is_none_or(|method| self.method == Some(method))
            && other.headers.iter().all(|header| self.headers.contains(header))
    }

    /// Returns true if no request meets both: they want different methods, or different values of one header.
    pub fn excludes(&self, other: &Self) -> bool {
        let differ = |(one, other): (HttpMethod, HttpMethod)| one != other;
        let denies = |one: &HeaderMatch| {
            let same =
                other.headers.iter().find(|other| other.name.eq_ignore_ascii_case(&one.name));
            same.is_some_and(|other| !one.is_regex && !other.is_regex && one.value != other.value)
        };
        self.method.zip(other.method).is_some_and(differ) || self.headers.iter().any(denies)
    }

    /// Returns true if requests of both have one answer on every implementation: no request meets both, or one of the two
    /// wants all that the other does, and more.
    pub fn is_apart_from(&self, other: &Self) -> bool {
        self.excludes(other) || self.implies(other) || other.implies(self)
    }

    pub(super) fn build(raw: &raw::Match, report: &mut Report) -> Option<Self> {
        let method = raw.method.as_ref().map(|raw| value::word(raw, "method", report));
        let headers = raw.headers.iter().flatten().map(|(name, entry)| {
            let name: Option<HeaderName> = value::name(name, entry.key, "a header's name", report);
            let written = entry.value.as_ref()?;
            let value: Option<HeaderValue> = value::name_of(written, "a header's value", report);
            let name = name?.as_str().to_owned();
            Some(HeaderMatch { name, value: value?.to_string(), is_regex: false })
        });
        let mut headers = headers.collect::<Option<Vec<HeaderMatch>>>()?;
        headers.sort();
        if let Some((_, entry)) = raw.headers.iter().flatten().nth(MOST_HEADERS) {
            report.push(
                Diagnostic::new(
                    &codes::LIST,
                    entry.key,
                    format!("a `match` with {} headers", headers.len()),
                    "one too many",
                )
                .note("HTTPRouteMatch takes at most 16 headers (maxItems)"),
            );
        }
        let mut names = raw.headers.iter().flatten();
        let twice =
            headers.windows(2).find(|pair| pair[0].name.eq_ignore_ascii_case(&pair[1].name));
        if let Some([first, second]) = twice
            && let Some((_, entry)) = names.find(|(name, _)| **name == second.name)
        {
            let title = format!("`{}` and `{}` are one header", first.name, second.name);
            report.push(
                Diagnostic::new(&codes::LIST, entry.key, title, "second time")
                    .note("the name of a header has no case (RFC 9110, 5.1)")
                    .help("remove one of them"),
            );
        }
        Some(Self { method: method.map_or(Some(None), |found| Some(Some(found?)))?, headers })
    }
}

/// `method POST and header x-tenant: blue`
impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = self.method.map(|method| format!("method {method}"));
        let headers = self.headers.iter().map(ToString::to_string);
        f.write_str(&method.into_iter().chain(headers).collect::<Vec<_>>().join(" and "))
    }
}

/// `header x-tenant: blue`
impl fmt::Display for HeaderMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = if self.is_regex { " like " } else { ": " };
        write!(f, "header {}{between}{}", self.name, self.value)
    }
}

/// Names are compared without case.
impl Ord for HeaderMatch {
    fn cmp(&self, other: &Self) -> Ordering {
        let letters =
            |name: &str| name.bytes().map(|b| b.to_ascii_lowercase()).collect::<Vec<u8>>();
        let names = letters(&self.name).cmp(&letters(&other.name));
        names.then_with(|| (&self.value, self.is_regex).cmp(&(&other.value, other.is_regex)))
    }
}

impl PartialOrd for HeaderMatch {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for HeaderMatch {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for HeaderMatch {}

impl HeaderMatch {
    /// Returns true if a request with this value of the header has what is wanted.
    pub fn is_met_by(&self, value: &str) -> bool {
        match self.is_regex {
            true => Regex::new(&self.value).is_ok_and(|pattern| pattern.is_match(value)),
            false => self.value == value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Condition, HeaderMatch};
    use crate::language::word::HttpMethod::{self, Get, Post};

    fn condition(method: Option<HttpMethod>, headers: &[(&str, &str)]) -> Condition {
        let header = |(name, value): &(&str, &str)| HeaderMatch {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
            is_regex: false,
        };
        Condition { method, headers: headers.iter().map(header).collect() }
    }

    #[test]
    fn conditions_that_one_request_meets() {
        let post = condition(Some(Post), &[]);
        let blue = condition(None, &[("x-tenant", "blue")]);
        let both = condition(Some(Post), &[("x-tenant", "blue")]);
        assert!(both.implies(&post) && both.implies(&blue) && !post.implies(&both));
        assert!(post.excludes(&condition(Some(Get), &[])) && !post.excludes(&blue));
        assert!(blue.excludes(&condition(None, &[("x-tenant", "green")])));
        let headers = [("X-Tenant".to_owned(), "blue".to_owned())];
        assert!(both.is_met_by(Post, &headers) && !both.is_met_by(Get, &headers));
        assert!(!both.is_met_by(Post, &[]) && Condition::default().is_met_by(Get, &[]));
    }
}
