//! Canaries of ingress-nginx: what they take of another component's requests.

use regex::Regex;

use super::{Fate, Remark, instead};
use crate::language::name::{HeaderName, Name};
use crate::model::{Annotations, HeaderMatch, NGINX, nginx_annotation};

/// The requests that a canary takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canary {
    /// Its part of the requests, of `total`; at most a million (HTTPBackendRef).
    pub weight: u32,
    /// All of the requests.
    pub total: u32,
    /// Requests that are all for it.
    pub header: Option<HeaderMatch>,
    /// Requests that are never for it, where it takes a part of the others.
    pub never: Option<HeaderMatch>,
    /// The annotations that lose or change their meaning.
    pub remarks: Vec<Remark>,
}

/// The annotations that a canary has of its own, beside those that make it one; ingress-nginx takes everything else
/// from the main Ingress (its documentation, "Canary").
const OWN: &[&str] =
    &["affinity", "session-cookie-", "load-balance", "upstream-hash-by", "canary-by-cookie"];

/// Annotations by which a canary takes requests with a header.
const BY_HEADER: &str = "canary-by-header";

impl Canary {
    /// Reads the annotations of a canary.
    pub fn of(annotations: &Annotations) -> Self {
        let says = |name: &str| nginx_annotation(annotations, name);
        let number = |name: &str| says(name).and_then(|text| text.parse::<u32>().ok());
        let total = number("canary-weight-total").filter(|total| *total > 0).unwrap_or(100);
        let weight = number("canary-weight").unwrap_or(0).min(total);
        let scale = total.div_ceil(1_000_000);
        let name = says(BY_HEADER);
        let value = says("canary-by-header-value");
        let pattern = says("canary-by-header-pattern").filter(|_| value.is_none());
        let header = |value: &str, is_regex| {
            let (name, value) = (name?.to_owned(), value.to_owned());
            Some(HeaderMatch { name, value, is_regex }).filter(is_taken)
        };
        let own = header(value.or(pattern).unwrap_or("always"), pattern.is_some());
        let has_words = value.is_none() && pattern.is_none() && weight > 0;
        let never = header("never", false).filter(|_| own.is_some() && has_words);
        let mut remarks = Vec::new();
        for (key, written) in annotations {
            let Some(annotation) = key.as_str().strip_prefix(NGINX) else { continue };
            let fate = match OWN.iter().any(|own| annotation.starts_with(own)) {
                true => Fate::Lost(instead(annotation)),
                false if annotation == BY_HEADER && own.is_none() => Fate::Lost(
                    "a header name of letters, digits and dashes, with a value that is not empty or a valid regular expression",
                ),
                false => continue,
            };
            remarks.push(Remark { key: key.as_str().to_owned(), span: written.span, fate });
        }
        Self { weight: weight / scale, total: total / scale, header: own, never, remarks }
    }
}

/// Returns true if the API server takes the match, and it means something (HTTPHeaderMatch).
fn is_taken(header: &HeaderMatch) -> bool {
    HeaderName::parse(&header.name).is_some()
        && (1..=4096).contains(&header.value.len())
        && (!header.is_regex || Regex::new(&header.value).is_ok())
}
