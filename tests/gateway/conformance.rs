//! Cases of the conformance suite of Gateway API 1.6 (conformance/tests) that an inventory can say, answered alike by every
//! implementation.

use lbgen::diag::Report;
use lbgen::inventory;
use lbgen::model::Exposed;
use lbgen::pipeline::{self, Options};
use lbgen::plan::Keep;
use lbgen::plan::simulate::Scenario;
use lbgen::source::Sources;
use lbgen::trace::{Outcome, Request, Tracer};

const IMPLEMENTATIONS: [&str; 7] =
    ["envoy-gateway", "nginx-gateway-fabric", "kgateway", "cilium", "traefik", "istio", "other"];

/// Requests, and the component that answers each; `-` is a 404 or no listener. Before the URL a request may have its method,
/// and behind it headers: `POST http://a.example/ version: one`.
type Expected = [(&'static str, &'static str)];

fn request(text: &str) -> Request {
    let (method, rest) =
        text.split_once(' ').filter(|(word, _)| !word.contains(':')).unwrap_or(("GET", text));
    let (url, headers) = rest.split_once(' ').unwrap_or((rest, ""));
    let headers = headers.split(", ").filter(|header| !header.is_empty());
    let request = Request::parse(url).unwrap().with_method(method).unwrap();
    headers.fold(request, |request, header| request.with_header(header).unwrap())
}

fn holds(name: &str, domains: &str, components: &str, expected: &Expected) {
    for implementation in IMPLEMENTATIONS {
        let text = format!(
            "datacenter: x\ngateways:\n  public: {{ address: 192.0.2.1, network: 192.0.2.0/24, interface: eth1 }}\n\
             nodes:\n  lb-1: {{ address: 10.0.0.11, interface: eth0 }}\nvips:\n  - address: 192.0.2.10\n\
             entrypoints:\n  web:\n    edge: {{ api: gateway, implementation: {implementation}, class: c, selector: {{ app: x }} }}\n\
             domains:\n{domains}components:\n{components}"
        );
        let (mut sources, mut report) = (Sources::default(), Report::default());
        let raw = inventory::parse("i.yaml".into(), text.clone().into(), &mut sources, &mut report);
        let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
        let planned = pipeline::run(raw.as_ref(), None, options, &mut report);
        let planned = planned.unwrap_or_else(|| panic!("{name}\n{text}"));
        let scenario = Scenario::default();
        let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario)
            .by(Exposed::Gateway);
        let entrypoint = planned.datacenter.entrypoints.keys().next().unwrap();
        for (url, wanted) in expected {
            let request = request(url);
            let answer = match tracer.trace_in(entrypoint, &request).answer {
                Outcome::Component { name, .. } => name.to_string(),
                Outcome::Nothing { .. } => "-".to_owned(),
                other => format!("{other:?}"),
            };
            assert_eq!(answer, *wanted, "{name}, {implementation}: {url}");
        }
    }
}

#[test]
fn exact_path_matching() {
    holds(
        "httproute-exact-path-matching",
        "  a.example: { tls_secret: false }\n",
        "  v1: { backend: { port: 80 }, paths: [{ path: /one, type: Exact }] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [{ path: /two, type: Exact }] }\n",
        &[
            ("http://a.example/one", "v1"),
            ("http://a.example/two", "v2"),
            ("http://a.example/", "-"),
            ("http://a.example/one/example", "-"),
            ("http://a.example/two/", "-"),
            ("http://a.example/Two", "-"),
        ],
    );
}

#[test]
fn path_match_order() {
    holds(
        "httproute-path-match-order",
        "  a.example: { tls_secret: false }\n",
        "  v1: { backend: { port: 80 }, paths: [{ path: /match, type: Exact }, /match/prefix/] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [{ path: /match/exact, type: Exact }, /match/prefix/one] }\n\
         \x20 v3: { backend: { port: 80 }, paths: [{ path: /match/exact/one, type: Exact }, /match/] }\n",
        &[
            ("http://a.example/match/exact/one", "v3"),
            ("http://a.example/match/exact", "v2"),
            ("http://a.example/match", "v1"),
            ("http://a.example/match/prefix/one/any", "v2"),
            ("http://a.example/match/prefix/any", "v1"),
            ("http://a.example/match/any", "v3"),
        ],
    );
}

#[test]
fn matching_across_routes() {
    holds(
        "httproute-matching-across-routes",
        "  example.com: { tls_secret: false }\n  example.net: { tls_secret: false }\n",
        "  v1: { backend: { port: 80 }, paths: [/], hosts: [example.com, example.net] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [/v2], hosts: [example.com] }\n",
        &[
            ("http://example.com/", "v1"),
            ("http://example.com/example", "v1"),
            ("http://example.net/example", "v1"),
            ("http://example.com/v2", "v2"),
            ("http://example.com/v2/example", "v2"),
            // v2 is for example.com only.
            ("http://example.net/v2", "v1"),
            ("http://example.com/v2example", "v1"),
            ("http://example.com/foo/v2/example", "v1"),
        ],
    );
}

/// Of `no.matching.host` the suite wants a 404; there is no listener with TLS.
#[test]
fn hostname_intersection() {
    holds(
        "httproute-hostname-intersection",
        "  very.specific.com:\n  \"*.wildcard.io\":\n  \"*.anotherwildcard.io\":\n",
        "  s1: { backend: { port: 80 }, paths: [/s1], hosts: [non.matching.com, \"*.nonmatchingwildcard.io\", very.specific.com] }\n\
         \x20 s2: { backend: { port: 80 }, paths: [/s2], hosts: [non.matching.com, wildcard.io, foo.wildcard.io, bar.wildcard.io, foo.bar.wildcard.io] }\n\
         \x20 s3: { backend: { port: 80 }, paths: [/s3], hosts: [non.matching.com, \"*.specific.com\"] }\n\
         \x20 s4: { backend: { port: 80 }, paths: [/s4], hosts: [\"*.anotherwildcard.io\"] }\n\
         \x20 s5: { backend: { port: 80 }, paths: [/s5], hosts: [specific.but.wrong.com, wildcard.io] }\n",
        &[
            ("https://very.specific.com/s1", "s1"),
            ("https://non.matching.com/s1", "-"),
            ("https://foo.nonmatchingwildcard.io/s1", "-"),
            ("https://foo.wildcard.io/s1", "-"),
            ("https://very.specific.com/non-matching-prefix", "-"),
            ("https://foo.wildcard.io/s2", "s2"),
            ("https://bar.wildcard.io/s2", "s2"),
            ("https://foo.bar.wildcard.io/s2", "s2"),
            ("https://non.matching.com/s2", "-"),
            ("https://wildcard.io/s2", "-"),
            ("https://very.specific.com/s2", "-"),
            ("https://foo.wildcard.io/non-matching-prefix", "-"),
            ("https://very.specific.com/s3", "s3"),
            ("https://non.matching.com/s3", "-"),
            ("https://foo.specific.com/s3", "-"),
            ("https://foo.wildcard.io/s3", "-"),
            ("https://foo.anotherwildcard.io/s4", "s4"),
            ("https://bar.anotherwildcard.io/s4", "s4"),
            ("https://foo.bar.anotherwildcard.io/s4", "s4"),
            ("https://anotherwildcard.io/s4", "-"),
            ("https://foo.wildcard.io/s4", "-"),
            ("https://very.specific.com/s4", "-"),
            ("https://specific.but.wrong.com/s5", "-"),
            ("https://wildcard.io/s5", "-"),
        ],
    );
}

/// Each listener has its own routes in the suite; here hosts of components choose.
#[test]
fn listener_hostname_matching() {
    holds(
        "httproute-listener-hostname-matching",
        "  bar.com:\n  foo.bar.com:\n  \"*.bar.com\":\n  \"*.foo.com\":\n",
        "  v1: { backend: { port: 80 }, paths: [/], hosts: [bar.com] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [/], hosts: [foo.bar.com] }\n\
         \x20 v3: { backend: { port: 80 }, paths: [/], hosts: [\"*.bar.com\", \"*.foo.com\"] }\n",
        &[
            ("https://bar.com/", "v1"),
            ("https://foo.bar.com/", "v2"),
            ("https://baz.bar.com/", "v3"),
            ("https://boo.bar.com/", "v3"),
            ("https://multiple.prefixes.bar.com/", "v3"),
            ("https://multiple.prefixes.foo.com/", "v3"),
            ("https://foo.com/", "-"),
            ("https://no.matching.host/", "-"),
        ],
    );
}

/// Of the suite's routes those whose headers one request cannot have together: of others the age decides.
#[test]
fn header_matching() {
    holds(
        "httproute-header-matching",
        "  a.example: { tls_secret: false }\n",
        "  v1: { backend: { port: 80 }, paths: [{ path: /, match: { headers: { version: one } } }, { path: /, match: { headers: { version: two, color: orange } } }] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [{ path: /, match: { headers: { version: two } } }] }\n",
        &[
            ("http://a.example/ version: one", "v1"),
            ("http://a.example/ version: two", "v2"),
            ("http://a.example/ version: two, color: orange", "v1"),
            ("http://a.example/ Version: one", "v1"),
            ("http://a.example/ version: three", "-"),
            ("http://a.example/ some-other-header: one", "-"),
            ("http://a.example/", "-"),
        ],
    );
}

#[test]
fn method_matching() {
    holds(
        "httproute-method-matching",
        "  a.example: { tls_secret: false }\n",
        "  v1: { backend: { port: 80 }, paths: [{ path: /, match: { method: POST } }, { path: /path1, match: { method: GET } }] }\n\
         \x20 v2: { backend: { port: 80 }, paths: [{ path: /, match: { method: GET } }, { path: /, match: { method: PUT, headers: { version: one } } }] }\n\
         \x20 v3: { backend: { port: 80 }, paths: [{ path: /path2, match: { method: POST, headers: { version: two } } }] }\n",
        &[
            ("POST http://a.example/", "v1"),
            ("http://a.example/", "v2"),
            ("HEAD http://a.example/", "-"),
            ("http://a.example/path1", "v1"),
            ("POST http://a.example/path1", "v1"),
            ("PUT http://a.example/", "-"),
            ("PUT http://a.example/ version: one", "v2"),
            ("POST http://a.example/path2 version: two", "v3"),
            ("POST http://a.example/path2", "v1"),
            ("PUT http://a.example/path2 version: two", "-"),
        ],
    );
}
