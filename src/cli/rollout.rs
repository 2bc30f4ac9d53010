//! `lbgen rollout`: the ordered steps from what runs to the new bundle.

mod act;
mod apply;
mod folder;
mod ready;
mod shown;
mod steps;
mod stop;
mod watch;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{anyhow, bail};
use clap::builder::NonEmptyStringValueParser;
use clap_complete::ArgValueCompleter;

use super::about::About;
use super::answer::{Answer, Body, each};
use super::complete;
use super::origin::{From, read_all, revision_tree};
use super::session::{Loaded, Rendered, Session};
use super::trouble::known;
use super::{Exit, Format, Input};
use crate::bundle::{Place, WriteLock, sha256};
use crate::emit::Templates;
use crate::execute::PlanFile;
use crate::impact::{Comparison, changed_files};
use crate::language::name::{Label, Subdomain};
use crate::rollout::{Request, Rollout, Script, Visit};
use crate::state::{State, Tree};
use crate::view::json::{Planned as Document, plan_file};
use crate::view::kubernetes;
use apply::Apply;
use shown::as_text;

pub const ABOUT: About = About {
    name: "rollout",
    formats: &[Format::Human, Format::Json, Format::Sh, Format::Kubernetes],
    has_templates: true,
    exits: &[
        (Exit::Done, "the steps were found, or there is nothing to do"),
        (
            Exit::Found,
            "with --apply and the like: a step failed; every node is in a state that was planned",
        ),
        (Exit::Failed, "no rollout can be planned or begun: the message says why and what to run"),
    ],
    examples: &[
        ("lbgen rollout", "the steps from the tag deployed/<datacenter> to the bundle on disk"),
        (
            "lbgen rollout --from-rev HEAD~1 --format sh >rollout.sh",
            "the steps from the previous commit, as a script",
        ),
        (
            "lbgen rollout --from collected --careful",
            "take over a fleet whose files were collected",
        ),
        ("lbgen rollout --visit reboot --format sh", "reboot every node in turn, drained"),
        ("lbgen rollout --save plan.json", "the plan as a file, for a review"),
        (
            "lbgen rollout --format kubernetes | kubectl apply -f -",
            "hand it to the operator, which carries it out",
        ),
        (
            "lbgen rollout --apply --plan plan.json",
            "carry it out; --resume goes on after an interruption",
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
    #[command(flatten)]
    from: From,
    /// Steps that are done, by their ids, separated by commas
    #[arg(long, value_name = "STEPS", value_delimiter = ',')]
    done: Vec<String>,
    /// Dead nodes, separated by commas: plan without them, and do not touch them
    #[arg(long, value_name = "NODES", value_delimiter = ',', add = ArgValueCompleter::new(complete::nodes))]
    down: Vec<String>,
    /// Never rely on several nodes reloading at the same moment: one may be slow
    #[arg(long)]
    careful: bool,
    /// How long the script goes on checking after each step, for example `60s`
    #[arg(long, value_name = "TIME", default_value = "0s")]
    soak: String,
    /// Change nothing: drain each node in turn, run COMMAND there, and let its VIPs come back
    #[arg(long, value_name = "COMMAND", value_parser = NonEmptyStringValueParser::new())]
    visit: Option<String>,
    /// Every object of a step, also where there are many
    #[arg(long)]
    all: bool,
    /// Go on although the inventory, the lock or the bundle is not committed
    #[arg(long)]
    dirty: bool,
    /// Visit these nodes only, separated by commas
    #[arg(long, value_name = "NODES", value_delimiter = ',', requires = "visit", add = ArgValueCompleter::new(complete::nodes))]
    only: Vec<String>,
    /// Visit the nodes of this zone only
    #[arg(long, value_name = "ZONE", requires = "visit", add = ArgValueCompleter::new(complete::zones))]
    zone: Vec<String>,
    #[command(flatten)]
    apply: Apply,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let Some(soak) = duration(&args.soak) else {
        bail!("--soak takes a number and its unit (s, m), such as `60s`, not `{}`", args.soak);
    };
    args.from.refuse_two_readers(&args.input)?;
    session.here.with_inventory(&args.input.inventory);
    session.here.with_output(&args.output);
    if args.apply.acts() || args.apply.save.is_some() {
        if session.global.format == Format::Kubernetes {
            bail!(
                "--format kubernetes prints the plan for the operator, which carries it out: leave --apply, --save and the like out"
            );
        }
        return act::run(args, soak, session);
    }
    let _lock = WriteLock::shared(&args.output);
    each(&args.input, session, |session, loaded| answer(args, soak, loaded, session))
}

/// A rollout, and what it was planned from.
struct Plan {
    rendered: Rendered,
    revision: Option<String>,
    rollout: Rollout,
    /// SHA-256 of the `bundle.json` that runs.
    from: Option<String>,
}

impl Plan {
    /// The plan as a file.
    fn file(
        &self,
        args: &Args,
        soak: Duration,
        loaded: &Loaded,
        session: &Session,
    ) -> anyhow::Result<PlanFile> {
        let (rollout, rendered) = (&self.rollout, &self.rendered);
        let bundle = args.output.join(rendered.datacenter.as_str());
        let bundle = bundle.canonicalize().unwrap_or(bundle);
        let to = rendered.list().filter(|_| args.visit.is_none());
        PlanFile {
            datacenter: rendered.datacenter.to_string(),
            inventory: loaded.name().to_owned(),
            revision: self.revision.clone(),
            bundle: bundle.display().to_string(),
            script: self.script(args, soak, loaded, session)?,
            soak: soak.as_secs(),
            from: self.from.clone(),
            to: to.map(sha256),
            ..plan_file(rollout, rendered.list())?
        }
        .sealed()
    }

    fn script(
        &self,
        args: &Args,
        soak: Duration,
        loaded: &Loaded,
        session: &Session,
    ) -> anyhow::Result<String> {
        let datacenter = self.rendered.datacenter.as_str();
        let about = Script {
            source: loaded.name(),
            datacenter,
            revision: self.revision.as_deref(),
            bundle: &args.output.join(datacenter).display().to_string(),
            soak,
            list: self.rendered.list(),
            hosts: &self.rendered.hosts,
            visit: args.visit.as_deref().unwrap_or("true"),
        };
        let templates = Templates::load(session.global.templates.as_deref())?;
        self.rollout.script(&about, &templates)
    }
}

fn answer(
    args: &Args,
    soak: Duration,
    loaded: &mut Loaded,
    session: &mut Session,
) -> anyhow::Result<Answer> {
    let Some(planned) = plan(args, loaded, session)? else {
        return Answer::failed(session);
    };
    let datacenter = planned.rendered.datacenter.as_str();
    let (rollout, revision) = (&planned.rollout, planned.revision.as_deref());
    let body = match session.global.format {
        Format::Json => Body::json(&Document::of(datacenter, rollout, revision))?,
        Format::Sh => Body::Text(planned.script(args, soak, loaded, session)?),
        Format::Kubernetes if args.visit.is_some() => {
            bail!("a visit runs a command of yours on the nodes, which agents do not: use --apply")
        }
        Format::Kubernetes => {
            if !planned.rollout.by_pod.is_empty() {
                bail!("agents do not enter the pods of DaemonSets: use --apply");
            }
            let file = planned.file(args, soak, loaded, session)?;
            Body::Text(kubernetes::rollout(&file)?)
        }
        _ => Body::Long(as_text(rollout, revision, args.all)),
    };
    Ok(Answer::new(Exit::Done, body))
}

/// Plans the rollout; `None` where the inventory has errors, which were said.
fn plan(args: &Args, loaded: &mut Loaded, session: &mut Session) -> anyhow::Result<Option<Plan>> {
    let Some(rendered) = session.render(loaded, &args.output)? else { return Ok(None) };
    let datacenter = rendered.datacenter.as_str();
    // A visit changes nothing: the nodes run what they run, whatever is rendered meanwhile.
    let revision = match args.visit {
        Some(_) => None,
        None => {
            ready::refuse_stale(&args.output, &rendered, session)?;
            ready::revision(&args.output, args.dirty, &rendered, session)?
        }
    };
    let tree = args.from.with_objects(args.running(datacenter)?, &rendered)?;
    let changes = match args.visit {
        Some(_) => Vec::new(),
        None => tree.changes(&rendered.files),
    };
    let mut read = read_all(&tree, &rendered, session);
    if args.visit.is_some() {
        read.to = read.from.clone();
    }
    let nodes: BTreeSet<&Subdomain> = read.from.nodes.keys().chain(read.to.nodes.keys()).collect();
    let nodes: Vec<&Subdomain> = nodes.into_iter().collect();
    let down = args.down.iter().map(|name| known("node", name, &nodes));
    let down: BTreeSet<Subdomain> = down.collect::<anyhow::Result<_>>()?;
    let changed = changed_files(&changes);
    let only = args.only(&read.to, &rendered, &down)?;
    let visit = args.visit.as_deref().map(|command| Visit { command, only: &only });
    let rollout = Rollout::plan(Request {
        change: Comparison {
            from: &read.from,
            to: &read.to,
            changed: &changed,
            version: rendered.version,
            controllers: &rendered.controllers,
        },
        zones: &rendered.zones,
        down: &down,
        digests: &tree.digests(),
        careful: args.careful,
        visit,
    })?
    .after(&args.done)?;
    for (path, nodes) in left(&tree, &rendered) {
        session.note(&format!("{path} stays on {}: lbgen did not write it", nodes.join(", ")));
    }
    if rollout.steps.is_empty() {
        session.remark("nothing to do");
    }
    let from = tree.get(&Place::List.to_string()).map(sha256);
    Ok(Some(Plan { rendered, revision, rollout, from }))
}

/// Files of the nodes that somebody else wrote and that the rollout leaves where they are.
fn left(tree: &Tree, rendered: &Rendered) -> BTreeMap<String, Vec<String>> {
    let ours: BTreeSet<&str> = rendered.files.iter().map(|file| file.path.as_str()).collect();
    let mut left: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, body) in tree.iter().filter(|(path, _)| !ours.contains(path)) {
        let Place::Node { node, file } = Place::of(path) else { continue };
        let inside = file.to_string();
        // What was collected beside the files of the node is not on it.
        if inside.contains('/') && !crate::emit::is_generated(body) {
            left.entry(format!("/{inside}")).or_default().push(node.to_owned());
        }
    }
    left
}

impl Args {
    /// The nodes that a visit is limited to.
    fn only(
        &self,
        to: &State,
        rendered: &Rendered,
        down: &BTreeSet<Subdomain>,
    ) -> anyhow::Result<BTreeSet<Subdomain>> {
        let nodes: Vec<&Subdomain> = to.nodes.keys().collect();
        let zones: BTreeSet<&Label> = rendered.zones.values().collect();
        let zones: Vec<&Label> = zones.into_iter().collect();
        let mut only = BTreeSet::new();
        for name in &self.only {
            only.insert(known("node", name, &nodes)?);
        }
        let mut chosen: Vec<Label> = Vec::new();
        for zone in &self.zone {
            chosen.push(known("zone", zone, &zones)?);
        }
        // Both: the nodes that are named and in one of the zones.
        if !chosen.is_empty() {
            let is_inside = |node: &Subdomain| {
                rendered.zones.get(node).is_some_and(|zone| chosen.contains(zone))
            };
            let named = std::mem::take(&mut only);
            let all = nodes.into_iter().filter(|node| named.is_empty() || named.contains(*node));
            only.extend(all.filter(|node| is_inside(node)).cloned());
            if only.is_empty() {
                bail!("no node of --only is in the zone of --zone");
            }
        }
        if let Some(dead) = only.iter().find(|node| down.contains(*node)) {
            bail!("{dead} is to be visited and is down: leave it out of --only or of --down");
        }
        Ok(only)
    }

    /// Returns the files that run: those asked for, else those that the tag of the last rollout has.
    fn running(&self, datacenter: &str) -> anyhow::Result<Tree> {
        if let Some(tree) = self.from.tree(&self.output, datacenter)? {
            if let Some(folder) = self.from.folder()
                && tree.iter().next().is_none()
            {
                bail!(
                    "{} has no bundle of {datacenter}; if nothing of it runs yet, use `--from none`",
                    folder.display()
                );
            }
            return Ok(tree);
        }
        let tagged = revision_tree("deployed/{datacenter}", &self.output, datacenter);
        if self.visit.is_some() && tagged.is_err() {
            return Tree::of_folder(&self.output, Some(datacenter));
        }
        tagged.map_err(|error| {
            anyhow!(
                "what runs is not known ({error:#}): tag the commit that runs as deployed/{datacenter}, \
                 or use --from-rev REV, --from DIR, or --from none if nothing runs yet"
            )
        })
    }
}

/// `60s`, `2m`
fn duration(text: &str) -> Option<Duration> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let number: u64 = text[..unit].parse().ok()?;
    match &text[unit..] {
        "s" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_secs(number.checked_mul(60)?)),
        _ => None,
    }
}
