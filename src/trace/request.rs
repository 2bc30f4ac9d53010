//! A request as somebody asks for it.

use anyhow::{anyhow, bail};

use crate::language::name::{Host, Name};
use crate::language::word::{HttpMethod, Word};

/// `http` or `https`
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Scheme {
    /// Plain, also `ws`.
    Http,
    /// With TLS, also `wss`.
    Https,
}

impl Scheme {
    /// As a URL begins.
    pub fn word(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

/// A request.
#[derive(Debug, Clone)]
pub struct Request {
    /// As it was written.
    pub url: String,
    /// The scheme, which says if it comes with TLS.
    pub scheme: Scheme,
    /// In lower case, without the port.
    pub host: Host,
    /// 80 or 443, where the URL says no other.
    pub port: u16,
    /// With the query; `/` where there is none.
    pub path: String,
    /// The method.
    pub method: HttpMethod,
    /// Names and values.
    pub headers: Vec<(String, String)>,
}

impl Request {
    /// Reads a URL; without a scheme it is `https`.
    pub fn parse(url: &str) -> anyhow::Result<Self> {
        let (scheme, rest) = match url.split_once("://") {
            Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
            None => ("https".to_owned(), url),
        };
        let scheme = match scheme.as_str() {
            "http" | "ws" => Scheme::Http,
            "https" | "wss" => Scheme::Https,
            other => bail!("`{url}`: `{other}` is not http, https, ws or wss"),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = match authority.rsplit_once(':') {
            Some((host, port)) if !authority.ends_with(']') => match port.parse() {
                Ok(port) => (host, port),
                Err(_) => bail!("`{url}`: `{port}` is not a port"),
            },
            _ if scheme == Scheme::Http => (authority, 80),
            _ => (authority, 443),
        };
        let host = Host::parse(host.to_ascii_lowercase().trim_end_matches('.'))
            .filter(|host| !host.as_str().starts_with('*'))
            .ok_or_else(|| {
                anyhow!("`{url}` names no host, such as `https://www.example.com/path`")
            })?;
        let path = path.split('#').next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        let method = HttpMethod::Get;
        Ok(Self { url: url.to_owned(), scheme, host, port, path, method, headers: Vec::new() })
    }

    /// The same with another method.
    pub fn with_method(mut self, method: &str) -> anyhow::Result<Self> {
        let Some(known) = HttpMethod::of_word(method) else {
            let all: Vec<&str> = HttpMethod::WORDS.iter().map(|(word, _)| *word).collect();
            bail!("`{method}` is not one of {} (the case counts: RFC 9110, 9.1)", all.join(", "));
        };
        self.method = known;
        Ok(self)
    }

    /// Adds a header, written `Name: value`.
    pub fn with_header(mut self, written: &str) -> anyhow::Result<Self> {
        let Some((name, value)) = written.split_once(':') else {
            bail!("a header is written `Name: value`, not `{written}`");
        };
        if name.trim().is_empty() {
            bail!("a header is written `Name: value`, not `{written}`");
        }
        self.headers.push((name.trim().to_owned(), value.trim().to_owned()));
        Ok(self)
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}
