//! `lbgen status`: who holds what right now, and whether that is right.

mod cluster;

use std::collections::BTreeMap;
use std::io::{IsTerminal, stdout};
use std::path::PathBuf;
use std::time::Duration;

use super::about::About;
use super::answer::{Answer, Body, each};
use super::origin::{revision_tree, say};
use super::session::{Loaded, Session};
use super::table::{table, table_with_text};
use super::{Exit, Format, Input};
use crate::diag::{Severity, count};
use crate::emit::Templates;
use crate::execute::{Ssh, ask_all};
use crate::language::shell::quoted;
use crate::model::Subdomain;
use crate::pipeline::Planned;
use crate::state::{State, Tree};
use crate::status::report::Loaded as Configuration;
use crate::status::{Answers, NodeStatus, Report, Side, Status, VipStatus, Wanted};
use crate::view::json::FleetStatus;
use crate::view::natural;

pub const ABOUT: About = About {
    name: "status",
    formats: &[Format::Human, Format::Json, Format::Markdown],
    has_templates: true,
    exits: &[
        (Exit::Done, "as planned, or otherwise because a node is drained"),
        (Exit::Found, "something else than planned runs"),
        (Exit::Failed, "no node could be asked, or the inventory has errors"),
    ],
    examples: &[
        (
            "lbgen status",
            "who holds each VIP, and whether that is right; from the tag deployed/<datacenter>",
        ),
        ("lbgen status --watch", "the same every two seconds"),
        (
            "lbgen status --kubectl --format json",
            "with the objects of the cluster, for a scheduled job",
        ),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The directory that holds the bundle
    #[arg(short, long, value_name = "DIR", default_value = "out")]
    output: PathBuf,
    /// Compare with the bundle as git has it at a revision; default: the tag deployed/<datacenter> if it exists, else the
    /// directory
    #[arg(long, value_name = "REV")]
    from_rev: Option<String>,
    /// Compare with the bundle in the directory, whatever the tag says.
    #[arg(skip)]
    of_directory: bool,
    /// Ask again every two seconds, until Ctrl-C
    #[arg(long)]
    watch: bool,
    /// Compare the objects and Secrets of the cluster too, by `kubectl` (or LBGEN_KUBECTL)
    #[arg(long)]
    kubectl: bool,
}

/// The time between two rounds of `--watch`.
const ROUND: Duration = Duration::from_secs(2);

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    session.here.with_output(&args.output);
    loop {
        if args.watch && stdout().is_terminal() {
            // Home, and nothing below.
            super::output::data("\x1b[H\x1b[2J")?;
        }
        let exit = each(&args.input, session, |session, loaded| answer(args, loaded, session))?;
        if !args.watch || exit == Exit::Failed {
            return Ok(exit);
        }
        std::thread::sleep(ROUND);
        *session = session.anew();
    }
}

fn answer(args: &Args, loaded: &Loaded, session: &mut Session) -> anyhow::Result<Answer> {
    let Some(Planned { datacenter: known, .. }) = session.valid_plan(loaded) else {
        return Answer::failed(session);
    };
    let datacenter = known.name.as_str();
    let (tree, next) = args.wanted(datacenter)?;
    let (state, remarks) = State::read(&tree, &mut session.sources);
    say(session, &remarks);
    // Remarks on what is rolled out are those of `diff` and `rollout`.
    let next = next.map(|tree| (State::read(&tree, &mut session.sources).0, tree.digests()));
    let digests = tree.digests();
    let wanted = Wanted {
        deployed: Side { state: &state, digests: &digests },
        next: next.as_ref().map(|(state, digests)| Side { state, digests }),
        version: known.keepalived.version,
    };
    let templates = Templates::load(session.global.templates.as_deref())?;
    let hosts =
        known.nodes.iter().filter_map(|(name, node)| Some((name.clone(), node.host.clone()?)));
    let answers = ask(&wanted, hosts.collect(), &templates)?;
    let mut status = Status::of(wanted, &answers);
    if args.kubectl {
        status.add(cluster::findings(&tree, &state, datacenter)?);
    }
    let exit = match () {
        () if status.is_unknown() => Exit::Failed,
        () if status.is_as_planned() => Exit::Done,
        () => Exit::Found,
    };
    let body = match session.global.format {
        Format::Json => Body::json(&FleetStatus::of(datacenter, &status))?,
        Format::Markdown => Body::Text(markdown(datacenter, &status)),
        _ => Body::Text(text(&status)),
    };
    Ok(Answer::new(exit, body))
}

impl Args {
    /// For a look after a rollout of the bundle in a directory, or, if nothing was rolled out, at what ran before.
    pub fn after(input: Input, output: PathBuf, of_directory: bool) -> Self {
        Self { input, output, from_rev: None, of_directory, watch: false, kubectl: false }
    }

    /// The bundle that should run, and the one that a rollout may be bringing.
    fn wanted(&self, datacenter: &str) -> anyhow::Result<(Tree, Option<Tree>)> {
        if let Some(revision) = &self.from_rev {
            return Ok((revision_tree(revision, &self.output, datacenter)?, None));
        }
        let of_directory = || Tree::of_folder(&self.output, Some(datacenter));
        if self.of_directory {
            return Ok((of_directory()?, None));
        }
        Ok(match revision_tree("deployed/{datacenter}", &self.output, datacenter) {
            Ok(deployed) => (deployed, of_directory().ok()),
            Err(_) => (of_directory()?, None),
        })
    }
}

/// Asks every node that should run something.
fn ask(
    wanted: &Wanted<'_>,
    hosts: BTreeMap<Subdomain, String>,
    templates: &Templates,
) -> anyhow::Result<Answers> {
    let program = templates.node_program()?;
    let question = |node: &Subdomain| {
        let files = wanted.files(node).into_iter().map(quoted).collect::<Vec<_>>().join(" ");
        (node.clone(), format!("me={}\n{program}\nstate {files}", quoted(node.as_str())))
    };
    let questions: Vec<(Subdomain, String)> = wanted.nodes().into_iter().map(question).collect();
    let nodes = wanted.nodes().into_iter();
    let by_pod = nodes.filter(|node| wanted.is_only_reached_by_pod(node)).cloned().collect();
    let answers = ask_all(&Ssh::new(hosts, by_pod), &questions);
    let read = |answer: Result<String, crate::execute::Failure>| match answer {
        Ok(text) => Report::read(&text),
        Err(failure) => Err(failure.to_string()),
    };
    Ok(questions.into_iter().zip(answers).map(|((node, _), answer)| (node, read(answer))).collect())
}

/// `3 d`, `4 min`
fn age(seconds: u64) -> String {
    match seconds {
        0..=99 => format!("{seconds} s"),
        100..=5_999 => format!("{} min", seconds / 60),
        6_000..=172_799 => format!("{} h", seconds / 3_600),
        _ => format!("{} d", seconds / 86_400),
    }
}

fn vip_rows(status: &Status) -> Vec<Vec<String>> {
    let row = |vip: &VipStatus| {
        let held: Vec<&str> = vip.held_by.iter().map(AsRef::as_ref).collect();
        let held = match held.is_empty() {
            true if vip.may_be_unseen => "not seen".to_owned(),
            true => "nobody".to_owned(),
            false => held.join(", "),
        };
        vec![
            vip.vip.to_string(),
            vip.planned.as_ref().map_or("-".to_owned(), ToString::to_string),
            held,
            vip.since.map_or(String::new(), age),
            vip.why.clone(),
        ]
    };
    status.vips.iter().map(row).collect()
}

fn node_rows(status: &Status) -> Vec<Vec<String>> {
    let mut nodes: Vec<&NodeStatus> = status.nodes.iter().collect();
    nodes.sort_by(|a, b| natural(a.node.as_str(), b.node.as_str()));
    let row = |node: &NodeStatus| {
        let name = node.node.to_string();
        let report = match &node.answer {
            Ok(report) => report,
            Err(why) => return vec![name, format!("not reached: {why}")],
        };
        let mut state = match report.keepalived.running {
            true => format!("up, keepalived {}", report.keepalived.version),
            false if node.has_instances => "up, keepalived does not run".to_owned(),
            false => "up".to_owned(),
        };
        if report.drained {
            state += ", drained";
        }
        let loaded = match report.loaded {
            Configuration::Same => "same",
            Configuration::Differs => "another",
            Configuration::Unknown => "unknown",
        };
        let routing = match (report.routing.missing, report.routing.foreign) {
            (0, 0) => "as intended".to_owned(),
            (missing, 0) => format!("{missing} missing"),
            (0, foreign) => format!("{foreign} foreign"),
            (missing, foreign) => format!("{missing} missing, {foreign} foreign"),
        };
        vec![name, state, node.files.words(), loaded.to_owned(), routing]
    };
    nodes.into_iter().map(row).collect()
}

const VIPS: [&str; 5] = ["VIP", "PLANNED", "HELD BY", "SINCE", "WHY"];
const NODES: [&str; 5] = ["NODE", "STATE", "FILES", "LOADED", "ROUTING"];

fn text(status: &Status) -> String {
    // A node that says nothing has one long cell.
    let (silent, said): (Vec<_>, Vec<_>) =
        node_rows(status).into_iter().partition(|row| row.len() == 2);
    let mut text = table_with_text(&VIPS, vip_rows(status)) + "\n";
    if !said.is_empty() {
        text += &table(&NODES, said);
    }
    for row in silent {
        text += &format!("{}  {}\n", row[0], row[1]);
    }
    if !status.findings.is_empty() {
        text.push('\n');
    }
    for found in &status.findings {
        let severity = found.code.severity.word();
        text += &format!("{severity}[{}]: {}: {}\n", found.code.id, found.subject, found.text);
    }
    text + &verdict(status) + "\n"
}

fn verdict(status: &Status) -> String {
    let (errors, warnings) = (status.count(Severity::Error), status.count(Severity::Warning));
    match (errors, warnings) {
        (0, 0) => "as planned".to_owned(),
        (0, warnings) => count(warnings, "warning"),
        (errors, 0) => count(errors, "error"),
        (errors, warnings) => format!("{}, {}", count(errors, "error"), count(warnings, "warning")),
    }
}

fn markdown(datacenter: &str, status: &Status) -> String {
    let cells = |row: Vec<String>| {
        row.iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>().join(" | ")
    };
    let rows = |headers: [&str; 5], rows: Vec<Vec<String>>| {
        let mut text = format!("| {} |\n| --- | --- | --- | --- | --- |\n", headers.join(" | "));
        for mut row in rows {
            row.resize(5, String::new());
            text += &format!("| {} |\n", cells(row));
        }
        text
    };
    let mut text = format!("### {datacenter}: {}\n\n", verdict(status));
    for found in &status.findings {
        text += &format!("- **{}** {}: {}\n", found.code.id, found.subject, found.text);
    }
    if !status.findings.is_empty() {
        text.push('\n');
    }
    text + &rows(VIPS, vip_rows(status)) + "\n" + &rows(NODES, node_rows(status))
}
