//! What teams expect of their routes: a list of URLs and who should answer each.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde::Deserialize;

use super::{Outcome, Request};

/// One line of a file of tests.
#[derive(Debug)]
pub struct Test {
    /// What is asked.
    pub request: Request,
    /// Who should answer.
    pub expected: Expected,
}

/// Who should answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// `component NAME`
    Component(String),
    /// `fallback`
    Fallback,
    /// `redirect URL`
    Redirect(String),
    /// `none`
    Nothing,
}

/// As the file has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    url: String,
    expect: String,
    #[serde(default)]
    header: BTreeMap<String, String>,
    /// No rule of an Ingress looks at it.
    #[serde(default, rename = "method")]
    _method: Option<String>,
}

impl Test {
    /// Reads a YAML list of `{ url, expect }`, with `header` and `method` where rules use them.
    pub fn read(text: &str) -> anyhow::Result<Vec<Self>> {
        let written: Vec<Written> = serde_saphyr::from_str(text)?;
        let tests = written.into_iter().enumerate().map(|(index, written)| {
            Self::of(written).with_context(|| format!("test {}", index + 1))
        });
        tests.collect()
    }

    fn of(written: Written) -> anyhow::Result<Self> {
        let mut request = Request::parse(&written.url)?;
        request.headers.extend(written.header);
        Ok(Self { request, expected: Expected::parse(&written.expect)? })
    }
}

impl Expected {
    fn parse(text: &str) -> anyhow::Result<Self> {
        match text.split_whitespace().collect::<Vec<_>>().as_slice() {
            ["component", name] => Ok(Self::Component((*name).to_owned())),
            ["fallback"] => Ok(Self::Fallback),
            ["redirect", url] => Ok(Self::Redirect((*url).to_owned())),
            ["none"] => Ok(Self::Nothing),
            _ => bail!(
                "`expect` is `component NAME`, `fallback`, `redirect URL` or `none`, not `{text}`"
            ),
        }
    }

    /// Whether that is who answers.
    pub fn is_met_by(&self, outcome: &Outcome<'_>) -> bool {
        match (self, outcome) {
            (Self::Component(wanted), Outcome::Component { name, .. }) => wanted == name.as_str(),
            (Self::Fallback, Outcome::Fallback { .. }) => true,
            (Self::Redirect(wanted), Outcome::Redirect { location, .. }) => wanted == location,
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
            Self::Nothing => f.write_str("none"),
        }
    }
}
