//! Copies of requests (HTTPRequestMirrorFilter), from `mirror-target` of ingress-nginx.

use crate::language::name::{Label, Name, ServiceName};

/// A Service that gets a copy of each request, and whose answers nobody sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mirror {
    /// The Service.
    pub service: ServiceName,
    /// Its namespace.
    pub namespace: Label,
    /// Its port.
    pub port: u16,
}

impl Mirror {
    /// Reads a URL that names a Service, such as `http://shadow.shop.svc.cluster.local:8080$request_uri`; `None` is any other
    /// address, or one that changes the path.
    pub fn parse(url: &str) -> Option<Self> {
        let rest = url.strip_prefix("http://")?;
        let authority = rest.strip_suffix("$request_uri").unwrap_or(rest);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, port.parse().ok()?),
            None => (authority, 80),
        };
        let (service, rest) = host.split_once('.')?;
        let (namespace, cluster) = rest.split_once('.').unwrap_or((rest, "svc"));
        if cluster != "svc" && !cluster.starts_with("svc.") {
            return None;
        }
        let (service, namespace) = (ServiceName::parse(service)?, Label::parse(namespace)?);
        Some(Self { service, namespace, port })
    }
}

#[cfg(test)]
mod tests {
    use super::Mirror;

    #[test]
    fn targets_are_services() {
        let found = Mirror::parse("http://shadow.shop.svc.cluster.local:8080$request_uri");
        let found = found.expect("a Service");
        assert_eq!((found.service.as_str(), found.port), ("shadow", 8080));
        assert_eq!(Mirror::parse("http://shadow.shop").map(|found| found.port), Some(80));
        for other in
            ["https://shadow.shop.svc", "http://shadow.example.com", "http://shadow.shop.svc/x"]
        {
            assert_eq!(Mirror::parse(other), None, "{other}");
        }
    }
}
