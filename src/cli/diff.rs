//! `lbgen diff`: what a render would change, and what that does to traffic.

use std::path::PathBuf;

use super::about::About;
use super::answer::{Answer, Body, each};
use super::origin::{From, Origin};
use super::session::{Loaded, LockFile, Rendered};
use super::table::table_with_text;
use super::{Exit, Format, Input, render, session::Session};
use crate::bundle::{self, Change, WriteLock};
use crate::emit::is_generated;
use crate::impact::Impact;
use crate::view::json::{self, ChangedNode, Diff, Effect, LockState, Stranger};
use crate::view::{Row, impact_markdown, rows, seconds};

pub const ABOUT: About = About {
    name: "diff",
    formats: &[Format::Human, Format::Json, Format::Markdown],
    has_templates: true,
    exits: &[
        (Exit::Done, "no changes"),
        (Exit::Found, "a render would change something"),
        (Exit::Failed, "the inventory has errors, or what runs cannot be read"),
    ],
    examples: &[
        ("lbgen diff", "compare out/<datacenter> with what a render would write"),
        ("lbgen diff --impact-only", "only what happens to traffic"),
        (
            "lbgen diff --from-rev 'deployed/{datacenter}' --format markdown",
            "everything since the last rollout, for a pull request",
        ),
        ("lbgen diff --from collected --impact-only", "against the files of a fleet that runs"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The directory that holds the bundle
    #[arg(short, long, value_name = "DIR", default_value = "out")]
    output: PathBuf,
    #[command(flatten)]
    from: From,
    /// One line per file instead of the text
    #[arg(long)]
    stat: bool,
    /// Only what happens to traffic
    #[arg(long, conflicts_with = "stat")]
    impact_only: bool,
    /// A row for each VIP, node and component, also where many have one cause
    #[arg(long, conflicts_with = "stat")]
    all: bool,
    /// Show the text diff even if lbgen did not write what runs
    #[arg(long, conflicts_with_all = ["stat", "impact_only"])]
    text: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    args.from.refuse_two_readers(&args.input)?;
    session.here.with_output(&args.output);
    let _lock = WriteLock::shared(&args.output);
    each(&args.input, session, |session, loaded| answer(args, loaded, session))
}

fn answer(args: &Args, loaded: &mut Loaded, session: &mut Session) -> anyhow::Result<Answer> {
    let Some(rendered) = session.render(loaded, &args.output)? else {
        return Answer::failed(session);
    };
    let origin = args.from.open(&args.output, &rendered)?;
    let changes = origin.changes(&rendered)?;
    if let Origin::Disk(disk) = &origin
        && !disk.is_rendered()
    {
        let shown = disk.root().display();
        session.remark(&format!(
            "there is no bundle in {shown}: everything counts as new (-o says where another one is)"
        ));
    }
    let only_nodes = match &origin {
        Origin::Tree(tree) => tree.is_rolled_out() && !args.from.has_objects(),
        Origin::Disk(_) => false,
    };
    if only_nodes {
        session.remark(ONLY_NODES);
    }
    session.detail(|| format!("compared {} files", rendered.files.len()));
    // What git or another folder has says nothing of the lock.
    let lock = rendered.stale_lock().filter(|_| !args.from.is_given());
    if changes.is_empty() && lock.is_none() {
        session.remark("no changes");
    }
    let impact = match changes.is_empty() {
        true => Impact::default(),
        false => origin.read(&rendered, &changes, session)?.impact(&rendered, &changes),
    };
    let strangers = match &origin {
        Origin::Disk(disk) => render::strangers(disk, &rendered, session)?,
        Origin::Tree(_) => Vec::new(),
    };
    let shown = Shown {
        args,
        rendered: &rendered,
        changes: &changes,
        lock,
        impact: &impact,
        strangers: &strangers,
        only_nodes,
    };
    let same = changes.is_empty() && lock.is_none() && strangers.is_empty();
    let exit = if same { Exit::Done } else { Exit::Found };
    let body = match session.global.format {
        Format::Json => Body::json(&shown.document())?,
        Format::Markdown => Body::Text(shown.markdown()),
        _ => Body::Long(shown.text()),
    };
    Ok(Answer::new(exit, body))
}

impl From {
    fn is_given(&self) -> bool {
        self.from.is_some() || self.from_rev.is_some()
    }
}

/// The contents of a diff.
struct Shown<'a> {
    args: &'a Args,
    rendered: &'a Rendered,
    changes: &'a [Change<'a>],
    lock: Option<&'a LockFile>,
    impact: &'a Impact,
    /// Paths in the bundle's folders that are not of lbgen.
    strangers: &'a [String],
    /// True if nothing says what the cluster has.
    only_nodes: bool,
}

/// The reach of a comparison with gathered nodes.
const ONLY_NODES: &str =
    "the nodes do not say what the cluster has: only they are compared (--objects has the rest)";

impl Shown<'_> {
    fn text(&self) -> String {
        let is_foreign = is_foreign(self.changes);
        let files = match (self.args.impact_only, self.args.stat) {
            (true, _) => String::new(),
            (_, true) => self.stat(),
            _ if is_foreign && !self.args.text => String::new(),
            _ => self.unified(),
        };
        let impact = match self.impact.findings.is_empty() {
            true => String::new(),
            false => impact_table(self.impact, self.args.all) + &self.impact.verdict() + "\n",
        };
        // Of files that have nothing in common, what they do says more than how they read.
        let parts = if is_foreign { [impact, files] } else { [files, impact] };
        let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        parts.join("\n")
    }

    fn stat(&self) -> String {
        let lock = self.lock.map(|lock| format!("changed  {}\n", lock.path.display()));
        lock.unwrap_or_default() + &bundle::stat(self.rendered.datacenter.as_str(), self.changes)
    }

    fn unified(&self) -> String {
        let changes = bundle::with_renames(self.changes.to_vec());
        let mut text = bundle::unified(self.rendered.datacenter.as_str(), &changes);
        if let Some(lock) = self.lock {
            if !text.is_empty() {
                text.push('\n');
            }
            text += &bundle::changed_lines(&lock.path.display().to_string(), &lock.old, &lock.text);
        }
        text
    }

    fn document(&self) -> Diff<'_> {
        Diff {
            datacenter: &self.rendered.datacenter,
            diagnostics: Stranger::all(self.strangers),
            changes: json::Change::all(&bundle::with_renames(self.changes.to_vec())),
            lock: LockState::of(self.lock.is_some()),
            impact: Effect::all(self.impact),
            nodes: ChangedNode::all(self.impact),
            verdict: match self.only_nodes {
                true => format!("{}; {ONLY_NODES}", self.impact.verdict()),
                false => self.impact.verdict(),
            },
        }
    }

    fn markdown(&self) -> String {
        let diff = anstream::adapter::strip_str(&self.unified()).to_string();
        let name = self.rendered.datacenter.as_str();
        let text = impact_markdown(name, self.impact, self.args.all, &diff);
        match self.only_nodes {
            true => format!("{text}\n{}{}.\n", ONLY_NODES[..1].to_uppercase(), &ONLY_NODES[1..]),
            false => text,
        }
    }
}

/// Returns true if somebody else wrote the files that a render would replace.
fn is_foreign(changes: &[Change<'_>]) -> bool {
    let mut replaced = changes.iter().filter_map(|change| change.old.as_ref()).peekable();
    replaced.peek().is_some() && replaced.all(|old| !is_generated(&old.body))
}

/// The impact as a table.
fn impact_table(impact: &Impact, is_all: bool) -> String {
    let rows = rows(impact, is_all).into_iter().map(|row| {
        vec![
            row.class.word().to_owned(),
            row.on.clone(),
            arrow(&row),
            row.silent.map_or(String::new(), |silent| format!("{:.2} s", seconds(silent))),
            row.why,
        ]
    });
    table_with_text(&["IMPACT", "ON", "FROM -> TO", "SILENT", "WHY"], rows)
}

/// `lb-1 -> lb-2`
fn arrow(row: &Row) -> String {
    match (&row.from, &row.to) {
        (Some(from), Some(to)) if from == to => from.clone(),
        (Some(from), Some(to)) => format!("{from} -> {to}"),
        (Some(from), None) => format!("{from} -> -"),
        (None, Some(to)) => format!("- -> {to}"),
        (None, None) => String::new(),
    }
}
