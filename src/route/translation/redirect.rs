//! Redirects of annotations (HTTPRequestRedirectFilter).

use std::fmt;

use crate::language::name::{Host, Name};

/// Another address for a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// `http` or `https`; `None` is the request's.
    pub scheme: Option<&'static str>,
    /// `None` is the request's.
    pub host: Option<Host>,
    /// `None` is that of the scheme.
    pub port: Option<u16>,
    /// `None` is the request's.
    pub path: Option<String>,
}

/// `a redirect 302 to https://new.example.com/cart`: the parts that differ from the request's.
impl fmt::Display for Redirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = self.scheme.map_or(String::new(), |scheme| format!("{scheme}://"));
        let host = self.host.as_ref().map_or("", Host::as_str);
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        let path = self.path.as_deref().unwrap_or_default();
        write!(f, "a redirect {} to {scheme}{host}{port}{path}", self.status)
    }
}

/// The statuses that the filter takes.
const STATUSES: [u16; 5] = [301, 302, 303, 307, 308];

impl Redirect {
    /// From plain HTTP to the same address with TLS.
    pub fn to_https() -> Self {
        Self { status: 308, scheme: Some("https"), host: None, port: None, path: None }
    }

    /// Returns the address for a request: `https://www.example.com/cart`.
    pub fn location(&self, scheme: &str, host: &Host, path: &str) -> String {
        let port = self.port.map_or(String::new(), |port| format!(":{port}"));
        format!(
            "{}://{}{port}{}",
            self.scheme.unwrap_or(scheme),
            self.host.as_ref().unwrap_or(host),
            self.path.as_deref().unwrap_or(path)
        )
    }

    /// A URL as annotations have it; `$request_uri` at its end keeps the path. `None` where the filter cannot say it.
    pub fn parse(url: &str, status: u16) -> Option<Self> {
        let (url, keeps_path) = match url.strip_suffix("$request_uri") {
            Some(rest) => (rest, true),
            None => (url, false),
        };
        if url.contains(['$', '?', '#']) || !STATUSES.contains(&status) {
            return None;
        }
        let (scheme, rest) = match url.split_once("://") {
            Some(("http", rest)) => (Some("http"), rest),
            Some(("https", rest)) => (Some("https"), rest),
            Some(_) => return None,
            None if url.starts_with('/') => (None, url),
            None => return None,
        };
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (authority, None),
        };
        let host = match host {
            "" => None,
            host => Some(Host::parse(host).filter(|host| !host.as_str().starts_with('*'))?),
        };
        let path = match (keeps_path, path) {
            (true, "") => None,
            (true, _) => return None,
            (false, "") => Some("/".to_owned()),
            (false, path) => Some(path.to_owned()),
        };
        Some(Self { status, scheme, host, port, path })
    }
}

#[cfg(test)]
mod tests {
    use super::Redirect;

    #[test]
    fn urls_that_a_filter_can_say() {
        let found = Redirect::parse("https://new.example.com:8443/a", 301).expect("a redirect");
        assert_eq!((found.scheme, found.port), (Some("https"), Some(8443)));
        assert_eq!(found.path.as_deref(), Some("/a"));
        let kept = Redirect::parse("https://new.example.com$request_uri", 308).expect("a redirect");
        assert_eq!(kept.path, None);
        for wrong in ["https://x.example.com/?a=b", "https://$host/", "ftp://x/", "x.example.com"] {
            assert_eq!(Redirect::parse(wrong, 301), None, "{wrong}");
        }
        assert_eq!(Redirect::parse("/a", 300), None);
    }
}
