//! Inventories whose answers only a real implementation can confirm.

/// Components with hosts and without, wildcards, hosts without a domain, and paths that two of them have.
pub const MIXED: &str = r#"
datacenter: mixed
# Nothing mirrors Endpoints here.
kubernetes: { version: "1.35" }
gateways: { public: { address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 } }
nodes: { lb-1: { address: 10.0.0.11, interface: eth0 } }
vips: [ { address: 192.0.2.10 } ]
entrypoints:
  web:
    edge: { api: gateway, class: envoy, health_check_node_port: 32100 }
    fallback: { name: old, addresses: [10.20.9.10], port: 30000 }
domains:
  www.example.com: {}
  a.example.com: {}
  b.example.com: {}
  "*.example.org": {}
  "*.wild.example.net": {}
  plain.example.com: { tls_secret: false }
components:
  shop: { namespace: shop, backend: { port: 80 }, paths: [/shop, { path: /exact, type: Exact }] }
  all: { namespace: shop, backend: { port: 80 }, paths: [/all, /all/deep] }
  news: { namespace: news, backend: { port: 80 }, paths: [/news, /shop], hosts: [a.example.com] }
  brand: { namespace: news, backend: { port: 80 }, paths: [/], hosts: [www.example.com, b.example.com] }
  blog: { namespace: news, backend: { port: 80 }, paths: [/blog], hosts: [one.example.org] }
  org: { namespace: shop, backend: { port: 80 }, paths: [/blog, /org], hosts: ["*.example.org"] }
  deep: { namespace: shop, backend: { port: 80 }, paths: [/deep], hosts: ["*.wild.example.net", x.wild.example.net] }
  writes: { namespace: shop, backend: { port: 80 }, paths: [{ path: /shop, match: { method: POST } }] }
  beta:
    namespace: shop
    backend: { port: 80 }
    paths:
      - { path: /shop, match: { method: POST, headers: { X-Beta: "1" } } }
      - { path: /all, match: { headers: { X-Beta: "1" } } }
  copied:
    namespace: shop
    backend: { port: 80 }
    paths: [/copied]
    annotations: { nginx.ingress.kubernetes.io/mirror-target: "http://shop.shop.svc.cluster.local$request_uri" }
  moved:
    namespace: shop
    backend: { port: 80 }
    paths: [/moved]
    annotations: { nginx.ingress.kubernetes.io/permanent-redirect: "https://www.example.com/shop" }
"#;

/// The same behind a redirect to HTTPS, with regular expressions.
pub fn redirecting() -> String {
    let redirect =
        "    annotations: { nginx.ingress.kubernetes.io/ssl-redirect: \"true\" }\n    edge:";
    let text = MIXED.replacen("    edge:", redirect, 1);
    text + "  numbers:
    namespace: shop
    backend: { port: 80 }
    paths: [{ path: '/n/[0-9]+', type: ImplementationSpecific }]
    annotations: { nginx.ingress.kubernetes.io/use-regex: \"true\" }
    hosts: [a.example.com]
"
}
