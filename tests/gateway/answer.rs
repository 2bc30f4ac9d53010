//! The answers to requests, by the objects alone.

use lbgen::model::{Exposed, Host, Name};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use serde_json::{Value, json};

use crate::inventory::{objects, of_kind, random};

/// The objects that decide an answer, read apart from the program's own matcher.
struct Cluster<'a> {
    sets: Vec<&'a Value>,
    routes: Vec<&'a Value>,
}

impl<'a> Cluster<'a> {
    fn of(objects: &'a [Value]) -> Self {
        Self { sets: of_kind(objects, "ListenerSet"), routes: of_kind(objects, "HTTPRoute") }
    }

    /// The Services behind the best match, joined; `redirect` or `none` where there is none.
    fn answer(&self, https: bool, host: &str, path: &str) -> String {
        let covers = |own: &str| {
            own == host || own.strip_prefix('*').is_some_and(|rest| host.ends_with(rest))
        };
        let wanted = if https { "HTTPS" } else { "HTTP" };
        let listeners = self.sets.iter().flat_map(|set| {
            set["spec"]["listeners"].as_array().unwrap().iter().map(move |one| (*set, one))
        });
        let listener = listeners
            .filter(|(_, one)| {
                one["protocol"] == wanted && covers(one["hostname"].as_str().unwrap())
            })
            .max_by_key(|(_, one)| {
                let own = one["hostname"].as_str().unwrap();
                (!own.starts_with('*'), own.len())
            });
        let (parent, at) = match (listener, https) {
            (Some((set, one)), _) => {
                (set["metadata"]["name"].as_str().unwrap(), one["hostname"].as_str().unwrap())
            }
            (None, true) => return "none".to_owned(),
            (None, false) => ("web", "*"),
        };
        let mut best: Option<(_, String)> = None;
        for route in &self.routes {
            let parents = route["spec"]["parentRefs"].as_array().unwrap();
            if !parents.iter().any(|one| one["name"] == parent) {
                continue;
            }
            let any = json!(["*"]);
            for own in route["spec"].get("hostnames").unwrap_or(&any).as_array().unwrap() {
                let own = own.as_str().unwrap();
                let within = |a: &str, b: &str| {
                    b == "*" || a == b || b.strip_prefix('*').is_some_and(|rest| a.ends_with(rest))
                };
                let common = if within(own, at) {
                    own
                } else if within(at, own) {
                    at
                } else {
                    continue;
                };
                if common != "*" && !covers(common) {
                    continue;
                }
                for rule in route["spec"]["rules"].as_array().unwrap() {
                    for one in rule["matches"].as_array().unwrap() {
                        if one.get("headers").is_some() {
                            continue;
                        }
                        let value = one["path"]["value"].as_str().unwrap();
                        let (fits, rank) = match one["path"]["type"].as_str().unwrap() {
                            "Exact" => (value == path, 2),
                            "PathPrefix" => (
                                value == "/"
                                    || path == value
                                    || path
                                        .strip_prefix(value)
                                        .is_some_and(|rest| rest.starts_with('/')),
                                1,
                            ),
                            _ => continue,
                        };
                        if !fits {
                            continue;
                        }
                        let place = |host: &str| {
                            (
                                host != "*" && !host.starts_with('*'),
                                if host == "*" { 0 } else { host.len() },
                            )
                        };
                        let key = (place(common), rank, value.len(), place(own));
                        let backends: Vec<String> = rule
                            .get("backendRefs")
                            .into_iter()
                            .flat_map(|list| list.as_array().unwrap())
                            .map(|one| one["name"].as_str().unwrap().to_owned())
                            .collect();
                        let answer = if backends.is_empty() {
                            "redirect".to_owned()
                        } else {
                            backends[0].clone()
                        };
                        if best.as_ref().is_none_or(|(known, _)| key > *known) {
                            best = Some((key, answer));
                        }
                    }
                }
            }
        }
        best.map_or("none".to_owned(), |(_, answer)| answer)
    }
}

/// The objects say what `trace` says: read apart from it, by the API reference.
#[test]
fn the_objects_answer_as_the_trace_does() {
    use lbgen::diag::Report;
    use lbgen::pipeline::{self, Options};
    use lbgen::plan::Keep;
    use lbgen::plan::simulate::Scenario;
    use lbgen::trace::{Outcome, Request, Tracer};
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::default());
    let (mut asked, mut inventories) = (0, 0);
    while inventories < 60 {
        let text = random().new_tree(&mut runner).unwrap().current();
        let (mut sources, mut report) = (lbgen::source::Sources::default(), Report::default());
        let raw = lbgen::inventory::parse(
            "i.yaml".into(),
            text.clone().into(),
            &mut sources,
            &mut report,
        );
        let options = Options { source: "i.yaml", keep: Keep::Locked, allow: &[] };
        let Some(planned) = pipeline::run(raw.as_ref(), None, options, &mut report) else {
            continue;
        };
        if planned.datacenter.domains.len() > 300
            || text.contains("redirect: \"https")
            || text.contains("use-regex")
        {
            continue;
        }
        inventories += 1;
        let all = objects(&text);
        let cluster = Cluster::of(&all);
        let scenario = Scenario::default();
        let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario)
            .by(Exposed::Gateway);
        let entrypoint = planned.datacenter.entrypoints.keys().next().unwrap();
        let mut hosts: Vec<String> = planned
            .datacenter
            .domains
            .keys()
            .take(30)
            .map(|host| host.as_str().replace('*', "any"))
            .collect();
        hosts.extend([
            "a.b.wild.example.com".to_owned(),
            "nobody.invalid".to_owned(),
            "x.example.com".to_owned(),
        ]);
        for host in hosts.iter().filter(|host| Host::parse(host).is_some()) {
            for path in [
                "/", "/a", "/a/", "/ax", "/a/b", "/a/b/c", "/x", "/x/y", "/i/j", "/r", "/r/s",
                "/more/61",
            ] {
                for scheme in ["https", "http"] {
                    let request = Request::parse(&format!("{scheme}://{host}{path}")).unwrap();
                    let traced = match tracer.trace_in(entrypoint, &request).answer {
                        Outcome::Component { service, .. } => service.to_string(),
                        Outcome::Fallback { name, .. } => name.to_string(),
                        Outcome::Redirect { .. } => "redirect".to_owned(),
                        Outcome::Undecided { .. } => "undecided".to_owned(),
                        Outcome::Nothing { .. } => "none".to_owned(),
                    };
                    assert_eq!(
                        cluster.answer(scheme == "https", host, path),
                        traced,
                        "{scheme}://{host}{path}\n{text}"
                    );
                    asked += 1;
                }
            }
        }
    }
    println!("{asked} URLs");
}
