//! Annotations that no controller reads, because their names are misspelt.

use std::collections::BTreeMap;

use crate::diag::{Code, Diagnostic, Report, code, nearest};
use crate::model::{Annotations, Controller, Datacenter, NGINX, Tiers};
use crate::route::RoutingTable;
use crate::source::Span;

/// The controller ignores it without a word.
const UNKNOWN: Code = code!(Warning "LB230", "an annotation that ingress-nginx does not know");

/// The codes of this family.
pub const CODES: &[&Code] = &[&UNKNOWN];

/// Reports names that are nearly those of annotations that there are, or lack their prefix. Others may be of a later
/// controller.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let mut written: BTreeMap<Span, &str> = BTreeMap::new();
    let mut add = |controller, annotations| {
        if controller == Controller::IngressNginx {
            written.extend(own(annotations));
        }
    };
    for (name, entrypoint) in &datacenter.entrypoints {
        let Some(Tiers { edge, routing, .. }) = entrypoint.tiers() else { continue };
        add(edge.controller, &edge.annotations);
        let Some(routing) = routing else { continue };
        add(routing.controller, &routing.annotations);
        let components = datacenter.components.values();
        for component in components.filter(|component| component.entrypoint == *name) {
            add(routing.controller, &component.annotations);
        }
    }
    for (span, key) in written {
        let meant = match key.strip_prefix(NGINX) {
            Some(name) => nearest(name, KNOWN).filter(|meant| *meant != name),
            None => KNOWN.iter().find(|name| **name == key).copied(),
        };
        let Some(meant) = meant.map(|name| format!("{NGINX}{name}")) else { continue };
        let name = key.strip_prefix(NGINX).unwrap_or(key);
        report.push(
            Diagnostic::new(
                &UNKNOWN,
                span,
                format!("ingress-nginx does not know the annotation `{name}`"),
                "not known",
            )
            .note("the controller ignores it without a word")
            .help(format!("did you mean `{meant}`?"))
            .replace(span, meant),
        );
    }
}

fn own(annotations: &Annotations) -> impl Iterator<Item = (Span, &str)> {
    annotations.iter().map(|(key, value)| (value.span, key.as_str()))
}

/// The annotations of ingress-nginx, of old versions too (its pages "Annotations" and "Annotations Scope and Risk").
#[rustfmt::skip]
const KNOWN: &[&str] = &[
    "affinity",
    "affinity-canary-behavior",
    "affinity-mode",
    "allowlist-source-range",
    "app-root",
    "auth-always-set-cookie",
    "auth-cache-duration",
    "auth-cache-key",
    "auth-keepalive",
    "auth-keepalive-requests",
    "auth-keepalive-share-vars",
    "auth-keepalive-timeout",
    "auth-method",
    "auth-proxy-set-headers",
    "auth-realm",
    "auth-request-redirect",
    "auth-response-headers",
    "auth-secret",
    "auth-secret-type",
    "auth-signin",
    "auth-signin-redirect-param",
    "auth-snippet",
    "auth-tls-error-page",
    "auth-tls-match-cn",
    "auth-tls-pass-certificate-to-upstream",
    "auth-tls-secret",
    "auth-tls-verify-client",
    "auth-tls-verify-depth",
    "auth-type",
    "auth-url",
    "backend-protocol",
    "canary",
    "canary-by-cookie",
    "canary-by-header",
    "canary-by-header-pattern",
    "canary-by-header-value",
    "canary-weight",
    "canary-weight-total",
    "client-body-buffer-size",
    "configuration-snippet",
    "connection-proxy-header",
    "cors-allow-credentials",
    "cors-allow-headers",
    "cors-allow-methods",
    "cors-allow-origin",
    "cors-expose-headers",
    "cors-max-age",
    "custom-headers",
    "custom-http-errors",
    "default-backend",
    "denylist-source-range",
    "disable-proxy-intercept-errors",
    "enable-access-log",
    "enable-cors",
    "enable-global-auth",
    "enable-influxdb",
    "enable-modsecurity",
    "enable-opentelemetry",
    "enable-opentracing",
    "enable-owasp-core-rules",
    "enable-rewrite-log",
    "fastcgi-index",
    "fastcgi-params-configmap",
    "force-ssl-redirect",
    "from-to-www-redirect",
    "global-rate-limit",
    "global-rate-limit-ignored-cidrs",
    "global-rate-limit-key",
    "global-rate-limit-window",
    "grpc-backend",
    "http2-push-preload",
    "influxdb-host",
    "influxdb-measurement",
    "influxdb-port",
    "influxdb-server-name",
    "limit-allowlist",
    "limit-burst-multiplier",
    "limit-connections",
    "limit-rate",
    "limit-rate-after",
    "limit-rpm",
    "limit-rps",
    "limit-whitelist",
    "load-balance",
    "mirror-host",
    "mirror-request-body",
    "mirror-target",
    "modsecurity-snippet",
    "modsecurity-transaction-id",
    "opentelemetry-operation-name",
    "opentelemetry-trust-incoming-span",
    "opentracing-operation-name",
    "opentracing-trust-incoming-span",
    "permanent-redirect",
    "permanent-redirect-code",
    "preserve-trailing-slash",
    "proxy-body-size",
    "proxy-buffer-size",
    "proxy-buffering",
    "proxy-buffers-number",
    "proxy-busy-buffers-size",
    "proxy-connect-timeout",
    "proxy-cookie-domain",
    "proxy-cookie-path",
    "proxy-http-version",
    "proxy-max-temp-file-size",
    "proxy-next-upstream",
    "proxy-next-upstream-timeout",
    "proxy-next-upstream-tries",
    "proxy-read-timeout",
    "proxy-redirect-from",
    "proxy-redirect-to",
    "proxy-request-buffering",
    "proxy-send-timeout",
    "proxy-ssl-ciphers",
    "proxy-ssl-name",
    "proxy-ssl-protocols",
    "proxy-ssl-secret",
    "proxy-ssl-server-name",
    "proxy-ssl-verify",
    "proxy-ssl-verify-depth",
    "relative-redirects",
    "rewrite-target",
    "satisfy",
    "secure-backends",
    "server-alias",
    "server-snippet",
    "service-upstream",
    "session-cookie-change-on-failure",
    "session-cookie-conditional-samesite-none",
    "session-cookie-domain",
    "session-cookie-expires",
    "session-cookie-max-age",
    "session-cookie-name",
    "session-cookie-partitioned",
    "session-cookie-path",
    "session-cookie-samesite",
    "session-cookie-secure",
    "ssl-ciphers",
    "ssl-passthrough",
    "ssl-prefer-server-ciphers",
    "ssl-redirect",
    "stream-snippet",
    "temporal-redirect",
    "temporal-redirect-code",
    "upstream-hash-by",
    "upstream-hash-by-subset",
    "upstream-hash-by-subset-size",
    "upstream-vhost",
    "use-port-in-redirects",
    "use-regex",
    "whitelist-source-range",
    "x-forwarded-prefix",
];
