//! Replacements for annotations of ingress-nginx that HTTPRoutes have no counterpart for.

/// The possible replacements of annotations, by the beginnings of their names; the first that fits counts.
const INSTEAD: &[(&str, &str)] = &[
    (
        "auth-",
        "Envoy Gateway's SecurityPolicy or Traefik's Middleware `forwardAuth` and `basicAuth`; until then everybody gets in",
    ),
    ("enable-global-auth", "Envoy Gateway's SecurityPolicy or Traefik's Middleware `forwardAuth`"),
    (
        "whitelist-source-range",
        "Envoy Gateway's SecurityPolicy or Traefik's Middleware `ipAllowList`; until then every address gets in",
    ),
    (
        "allowlist-source-range",
        "Envoy Gateway's SecurityPolicy or Traefik's Middleware `ipAllowList`; until then every address gets in",
    ),
    ("denylist-source-range", "Envoy Gateway's SecurityPolicy; until then every address gets in"),
    (
        "limit-",
        "Envoy Gateway's BackendTrafficPolicy or Traefik's Middleware `rateLimit` and `inFlightReq`",
    ),
    (
        "proxy-body-size",
        "Envoy Gateway's BackendTrafficPolicy or Traefik's Middleware `buffering`; without one the size is not limited",
    ),
    ("client-body-buffer-size", "the implementation's own settings"),
    ("proxy-buffer", "the implementation's own settings"),
    ("proxy-request-buffering", "Traefik's Middleware `buffering`; most implementations stream"),
    (
        "proxy-next-upstream",
        "`retry` of the implementation: Envoy Gateway's BackendTrafficPolicy, Traefik's Middleware `retry`",
    ),
    (
        "affinity",
        "sticky sessions of the implementation: Envoy Gateway's BackendTrafficPolicy, Traefik's `sticky`",
    ),
    (
        "session-cookie-",
        "sticky sessions of the implementation: Envoy Gateway's BackendTrafficPolicy, Traefik's `sticky`",
    ),
    ("upstream-hash-by", "Envoy Gateway's BackendTrafficPolicy (consistent hash)"),
    ("load-balance", "Envoy Gateway's BackendTrafficPolicy"),
    (
        "backend-protocol",
        "`appProtocol` of the backend's Service port: `kubernetes.io/h2c` for gRPC (a GRPCRoute is refused where an HTTPRoute has the host); for HTTPS a BackendTLSPolicy, which names the authority and the host of the certificate: Gateway API connects to nobody whom it cannot check",
    ),
    (
        "app-root",
        "a component with `paths: [{ path: /, type: Exact }]` and the annotation `temporal-redirect: /THE-PATH`",
    ),
    (
        "from-to-www-redirect",
        "a domain for the other host, and a component on it with `paths: [/]` and the annotation `permanent-redirect: https://THE-HOST$request_uri`",
    ),
    ("proxy-ssl-", "a BackendTLSPolicy"),
    ("ssl-passthrough", "a TLSRoute"),
    ("mirror-", "a RequestMirror filter in a route of your own"),
    (
        "custom-headers",
        "a ResponseHeaderModifier filter in a route of your own; lbgen does not read the ConfigMap",
    ),
    ("custom-http-errors", "Envoy Gateway's BackendTrafficPolicy or Traefik's Middleware `errors`"),
    ("default-backend", "Envoy Gateway's BackendTrafficPolicy or Traefik's Middleware `errors`"),
    ("canary-by-cookie", "a header that the caller sets: `canary-by-header`"),
];

/// The replacement where nothing better is known.
pub(super) const OWN_POLICIES: &str =
    "policies of the implementation that serves the GatewayClass, if it has one for this";

/// Returns a possible replacement of an annotation, by its name without the prefix.
pub(super) fn instead(name: &str) -> &'static str {
    let known = INSTEAD.iter().find(|(begin, _)| name.starts_with(begin));
    known.map_or(OWN_POLICIES, |(_, instead)| instead)
}
