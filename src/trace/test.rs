//! The tests that teams write for their routes: a list of URLs and who should answer each.

use super::{Outcome, Request};
use crate::diag::{Diagnostic, Report};
use crate::inventory::routes::RawTest;
use crate::inventory::{Text, codes};
use crate::language::form::Free;
use crate::source::{Loc, Span};

/// One line of a file of tests.
#[derive(Debug)]
pub struct Test {
    /// The place of the test.
    pub at: Span,
    /// The request to follow.
    pub request: Request,
    /// The expected answer.
    pub expected: Expected,
}

/// The answer that a test expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `component NAME`
    Component(String),
    /// `fallback`
    Fallback,
    /// `redirect URL`
    Redirect(String),
    /// `undecided`
    Undecided,
    /// `none`
    Nothing,
}

impl Test {
    /// The test that was written; `None` where something is missing, or where the report says what is wrong.
    pub fn build(raw: &RawTest, report: &mut Report) -> Option<Self> {
        let mut refuse = |span, title, label| {
            report.push(
                Diagnostic::new(&codes::WRONG_TYPE, span, title, label)
                    .help("a test is `{ url: https://www.example.com/path, expect: WHO }`; WHO is `component NAME`, `fallback`, `redirect URL`, `undecided` or `none`"),
            );
        };
        let request = raw.url.as_ref().and_then(|url| match Request::parse(&url.value.text) {
            Ok(request) => Some(request),
            Err(error) => {
                refuse(url.span, error.to_string(), "expected a URL");
                None
            }
        });
        let expected = raw.expect.as_ref().and_then(|expect| {
            let text = &expect.value.text;
            let expected = Expected::parse(text);
            if expected.is_none() {
                let title = format!("`{text}` does not say who answers");
                refuse(expect.span, title, "expected who answers");
            }
            expected
        });
        let (mut request, expected) = (request?, expected?);
        if let Some(method) = &raw.method {
            request = match request.with_method(&method.value.text) {
                Ok(request) => request,
                Err(error) => {
                    let wrong = Diagnostic::new(
                        &codes::WRONG_TYPE,
                        method.span,
                        error.to_string(),
                        "expected a method",
                    );
                    report.push(wrong);
                    return None;
                }
            };
        }
        let headers = raw.header.iter().flatten();
        let text = |value: &Option<Loc<Text<Free>>>| Some(value.as_ref()?.value.text.clone());
        request
            .headers
            .extend(headers.filter_map(|(name, entry)| Some((name.clone(), text(&entry.value)?))));
        Some(Self { at: raw.span, request, expected })
    }
}

impl Expected {
    fn parse(text: &str) -> Option<Self> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["component", name] => Some(Self::Component((*name).to_owned())),
            ["fallback"] => Some(Self::Fallback),
            ["redirect", url] => Some(Self::Redirect((*url).to_owned())),
            ["undecided"] => Some(Self::Undecided),
            ["none"] => Some(Self::Nothing),
            _ => None,
        }
    }

    /// Returns true if that is who answers.
    pub fn is_met_by(&self, outcome: &Outcome<'_>) -> bool {
        match (self, outcome) {
            (Self::Component(wanted), Outcome::Component { name, .. }) => wanted == name.as_str(),
            (Self::Fallback, Outcome::Fallback { .. }) => true,
            (Self::Redirect(wanted), Outcome::Redirect { location, .. }) => wanted == location,
            (Self::Undecided, Outcome::Undecided { .. }) => true,
            (Self::Nothing, Outcome::Nothing { .. }) => true,
            _ => false,
        }
    }
}

impl std::fmt::Display for Expected {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Component(name) => write!(f, "component {name}"),
            Self::Fallback => f.write_str("fallback"),
            Self::Redirect(url) => write!(f, "redirect {url}"),
            Self::Undecided => f.write_str("undecided"),
            Self::Nothing => f.write_str("none"),
        }
    }
}
