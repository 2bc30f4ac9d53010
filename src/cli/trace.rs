//! `lbgen trace`: who answers a request, and why.

mod compare;

use std::path::{Path, PathBuf};

use anyhow::bail;
use clap_complete::ArgValueCompleter;

use super::about::{self, About};
use super::answer::{Answer, Body, each};
use super::complete;
use super::input::Input;
use super::session::{Loaded, Session};
use super::table::table;
use super::trouble::Trouble;
use super::{Exit, Format};
use crate::diag::count;
use crate::inventory::routes;
use crate::language::word::PathType;
use crate::model::{Certificate, Entrypoint, Host};
use crate::pipeline::Planned;
use crate::route::Considered;
use crate::trace::{Expected, Outcome, Request, Test, Trace, Tracer};
use crate::view::json::{self, Claim, Failed, Rule, Rules, Traces, at};

use compare::Sides;

pub const ABOUT: About = About {
    name: "trace",
    formats: about::DATA,
    has_templates: false,
    exits: &[
        (
            Exit::Done,
            "done; with --tests: every answer is as expected; with --compare: no difference",
        ),
        (Exit::Found, "with --tests: an answer differs; with --compare: some differ"),
        (Exit::Failed, "the inventory has errors, or a URL or a file cannot be read"),
    ],
    examples: &[
        ("lbgen trace https://www.example.com/cart/7", "who answers, through which VIP and rule"),
        ("lbgen trace --fail lb-1 https://www.example.com/", "the same while lb-1 is gone"),
        ("lbgen trace --all", "the whole routing table"),
        ("lbgen trace --compare ingress,gateway", "what Gateway API would answer differently"),
        ("lbgen trace --tests routes.yaml", "in CI: fail if a route has moved"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    /// What to ask for, such as `https://www.example.com/path`
    #[arg(value_name = "URL", required_unless_present_any = ["all", "tests", "compare"])]
    urls: Vec<String>,
    /// The inventory file, or a directory of them; `-` is standard input
    #[arg(short, long, value_name = "INVENTORY", default_value = "inventory.yaml")]
    inventory: PathBuf,
    /// Only these datacenters of a fleet, by names or patterns such as `eu*`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    datacenter: Vec<String>,
    /// A header of the request, such as `X-Canary: always`
    #[arg(long, value_name = "HEADER", conflicts_with = "tests")]
    header: Vec<String>,
    /// The method of the request
    #[arg(long, value_name = "METHOD", default_value = "GET", conflicts_with = "tests")]
    method: String,
    /// Print the whole routing table
    #[arg(long, conflicts_with_all = ["urls", "tests"])]
    all: bool,
    /// Check a YAML list of `{ url, expect }`; `expect` is `component NAME`, `fallback`, `redirect URL`, `undecided` or `none`
    #[arg(long, value_name = "FILE", conflicts_with = "urls")]
    tests: Option<PathBuf>,
    /// Ask both APIs for every URL that could tell two rules apart, and print what differs: `ingress,gateway`
    #[arg(long, value_name = "APIS", value_parser = Sides::parse, add = Sides::completer(), conflicts_with_all = ["urls", "all", "tests"])]
    compare: Option<Sides>,
    /// Failed nodes, separated by commas
    #[arg(long, value_name = "NODES", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    fail: Vec<String>,
    /// Drained nodes, separated by commas
    #[arg(long, value_name = "NODES", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    drain: Vec<String>,
    /// Treat these entrypoints as having no ready pod on these nodes
    #[arg(long, value_name = "ENTRYPOINT@NODE", value_delimiter = ',', add = ArgValueCompleter::new(complete::entrypoints_at_nodes))]
    unhealthy: Vec<String>,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let asked: anyhow::Result<Vec<Request>> =
        args.urls.iter().map(|url| args.request(url)).collect();
    let asked = asked?;
    let tests = match &args.tests {
        None => None,
        Some(path) => {
            let Session { sources, report, .. } = session;
            let raw = routes::load(path, sources, report)?;
            let tests: Vec<Test> = raw.iter().filter_map(|raw| Test::build(raw, report)).collect();
            if session.refuses()? {
                return Ok(Exit::Failed);
            }
            Some(tests)
        }
    };
    let input = Input::of(args.inventory.clone(), args.datacenter.clone());
    each(&input, session, |session, loaded| match &tests {
        Some(tests) => args.check(tests, loaded, session),
        None => args.answer(&asked, loaded, session),
    })
}

impl Args {
    fn request(&self, url: &str) -> anyhow::Result<Request> {
        if Path::new(url).is_file() {
            bail!("`{url}` is a file: the inventory to ask is `-i {url}`");
        }
        let request = Request::parse(url)?.with_method(&self.method)?;
        self.header.iter().try_fold(request, |request, header| request.with_header(header))
    }

    fn answer(
        &self,
        asked: &[Request],
        loaded: &Loaded,
        session: &mut Session,
    ) -> anyhow::Result<Answer> {
        let Some(planned) = session.valid_plan(loaded) else { return Answer::failed(session) };
        if let Some(sides) = self.compare {
            // Of this one only the method and the headers count.
            return sides.answer(&planned, &self.request("http://any.invalid/")?, session);
        }
        if self.all {
            return whole_table(&planned, session);
        }
        let scenario = self.trouble(session).scenario(&planned.plan)?;
        let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario);
        let traces: Vec<Trace<'_>> = asked.iter().map(|request| tracer.trace(request)).collect();
        let body = match session.global.format {
            Format::Json => Body::json(&Traces {
                traces: traces
                    .iter()
                    .map(|trace| json::Trace::of(trace, &session.sources))
                    .collect(),
            })?,
            _ => Body::Text(
                traces.iter().map(|trace| text(trace, session)).collect::<Vec<_>>().join("\n"),
            ),
        };
        Ok(Answer::new(Exit::Done, body))
    }

    /// `--tests`
    fn check(
        &self,
        tests: &[Test],
        loaded: &Loaded,
        session: &mut Session,
    ) -> anyhow::Result<Answer> {
        let Some(planned) = session.valid_plan(loaded) else { return Answer::failed(session) };
        let scenario = self.trouble(session).scenario(&planned.plan)?;
        let tracer = Tracer::of(&planned.datacenter, &planned.routes, &planned.plan, &scenario);
        let traced: Vec<(&Test, Trace<'_>)> =
            tests.iter().map(|test| (test, tracer.trace(&test.request))).collect();
        let differ: Vec<&(&Test, Trace<'_>)> =
            traced.iter().filter(|(test, trace)| !test.expected.is_met_by(&trace.answer)).collect();
        let exit = if differ.is_empty() { Exit::Done } else { Exit::Found };
        if session.global.format == Format::Json {
            let traces = differ.iter().map(|(test, trace)| Failed {
                trace: json::Trace::of(trace, &session.sources),
                expected: test.expected.to_string(),
                at: at(test.at, &session.sources),
            });
            let tests = json::Tests { tests: tests.len(), traces: traces.collect() };
            return Ok(Answer::new(exit, Body::json(&tests)?));
        }
        let mut out = String::new();
        for (test, trace) in &differ {
            out += &text(trace, session);
            let known = &planned.datacenter.components;
            let unknown = match &test.expected {
                Expected::Component(name) if !known.keys().any(|known| known.as_str() == name) => {
                    "; there is no such component"
                }
                _ => "",
            };
            out += &format!(
                "  expected  {} ({}){unknown}\n\n",
                test.expected,
                at(test.at, &session.sources)
            );
        }
        out +=
            &format!("{}, {} as expected\n", count(tests.len(), "URL"), tests.len() - differ.len());
        Ok(Answer::new(exit, Body::Text(out)))
    }

    fn trouble<'a>(&'a self, session: &'a Session) -> Trouble<'a> {
        Trouble {
            fail: &self.fail,
            zone: &[],
            drain: &self.drain,
            unhealthy: &self.unhealthy,
            elsewhere: &session.of_fleet,
        }
    }
}

fn text(trace: &Trace<'_>, session: &Session) -> String {
    let mut rows: Vec<(&str, String)> = Vec::new();
    let vips: Vec<String> = trace
        .vips
        .iter()
        .map(|(vip, node)| match node {
            Some(node) => format!("{vip} on {node}"),
            None => format!("{vip} on no node"),
        })
        .collect();
    match (vips.is_empty(), &trace.edge) {
        (false, _) => rows.push(("VIP", vips.join(", "))),
        (true, Some(_)) => rows.push(("VIP", "none".to_owned())),
        (true, None) => {}
    }
    if let Some(edge) = &trace.edge {
        let tls = match &edge.domain.tls_secret {
            Some(Certificate::Secret(name)) => format!("Secret {name}"),
            Some(Certificate::Default) => "the controller's own certificate".to_owned(),
            None => "no TLS".to_owned(),
        };
        rows.push((
            "edge",
            format!(
                "{}, class {}, {tls} ({})",
                edge.host,
                edge.tiers.edge.class.value,
                at(edge.domain.span, &session.sources)
            ),
        ));
    }
    let mut considered = trace.considered.iter();
    if let Some(first) = considered.next() {
        rows.push((
            "rule",
            format!("{} ({})", described(first), at(first.place(), &session.sources)),
        ));
    }
    rows.push(("answer", outcome(&trace.answer)));
    rows.extend(considered.map(|rule| {
        ("also", format!("{} ({})", described(rule), at(rule.place(), &session.sources)))
    }));
    rows.extend(trace.notes.iter().map(|note| ("note", note.clone())));
    let lines = rows.iter().map(|(name, text)| format!("  {name:<8}{text}\n"));
    format!("{}\n{}", trace.request.url, lines.collect::<String>())
}

fn described(rule: &Considered<'_>) -> String {
    let host = rule.host.map_or("any host".to_owned(), ToString::to_string);
    let path = &rule.rule.path;
    format!(
        "{} ({}){} on {host}, {}",
        path.path.value,
        path.kind,
        path.condition.with(),
        rule.rule.answer
    )
}

fn outcome(found: &Outcome<'_>) -> String {
    match found {
        Outcome::Component { name, namespace, service, port } => {
            format!("component {name}: Service {namespace}/{service}, port {port}")
        }
        Outcome::Fallback { name, namespace, port, is_outside } => {
            let of = if *is_outside { " of its addresses" } else { "" };
            format!("fallback {name}: Service {namespace}/{name}, port {port}{of}")
        }
        Outcome::Redirect { status, location, why } => {
            format!("redirect {status} to {location}: {why}")
        }
        Outcome::Undecided { candidates } => {
            let all: Vec<String> = candidates.iter().map(outcome).collect();
            format!("undecided: {}", all.join(", or "))
        }
        Outcome::Nothing { status: 0, why } => format!("none: {why}"),
        Outcome::Nothing { status, why } => format!("none, {status}: {why}"),
    }
}

/// `--all`: every rule of every entrypoint, and what hides there.
fn whole_table(planned: &Planned, session: &Session) -> anyhow::Result<Answer> {
    let mut rows = Vec::new();
    let mut documents = Vec::new();
    for (entrypoint, tier) in planned.routes.tiers() {
        let tiers = planned.datacenter.entrypoints.get(entrypoint);
        let controller = tiers.and_then(Entrypoint::ingress_controller);
        for (host, rules) in tier.hosts() {
            let hidden = host.zip(controller).map(|(host, found)| tier.hidden_on(host, found));
            let hides: Vec<&str> = hidden.into_iter().flatten().map(|name| name.as_str()).collect();
            for (index, rule) in rules.iter().enumerate() {
                let who = rule
                    .component()
                    .map_or("fallback".to_owned(), |name| format!("component {name}"));
                let kind: PathType = rule.path.kind;
                documents.push(Rule {
                    entrypoint,
                    host,
                    claim: Claim::of(
                        &rule.path,
                        &rule.answer,
                        rule.path.path.span,
                        &session.sources,
                    ),
                    hides: hides.clone(),
                });
                rows.push(vec![
                    entrypoint.to_string(),
                    host.map_or("*".to_owned(), Host::to_string),
                    format!("{}{}", rule.path.path.value, rule.path.condition.with()),
                    kind.word().to_owned(),
                    who,
                    if index == 0 { hides.join(" ") } else { String::new() },
                ]);
            }
        }
    }
    let body = match session.global.format {
        Format::Json => Body::json(&Rules { rules: documents })?,
        _ => Body::Long(table(&["ENTRYPOINT", "HOST", "PATH", "TYPE", "WHO", "HIDES"], rows)),
    };
    Ok(Answer::new(Exit::Done, body))
}
