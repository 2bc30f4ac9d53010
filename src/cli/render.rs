//! `lbgen render`: writes the bundle.

use std::path::PathBuf;

use anyhow::bail;
use rayon::prelude::*;

use super::about::About;
use super::answer::{Answer, Body, each, print};
use super::input::{Member, Members};
use super::progress::Progress;
use super::session::{Loaded, Rendered, Session, free};
use super::{Exit, Format, Input};
use crate::bundle::{self, Change, Disk, Update, WriteLock};
use crate::diag::count;
use crate::model::{Label, Subdomain};
use crate::view::json::{self, LockState, NotWritten, Stranger, WouldWrite, Written};
use crate::view::kubernetes;

pub const ABOUT: About = About {
    name: "render",
    formats: &[Format::Human, Format::Json, Format::Kubernetes],
    has_templates: true,
    exits: &[
        (Exit::Done, "done; with --check: the directory and the lock are up to date"),
        (Exit::Found, "with --check: the directory or the lock is out of date"),
        (
            Exit::Failed,
            "nothing was written (with --keep-going: not every datacenter): an inventory has errors, --locked refused, or a file cannot be written",
        ),
    ],
    examples: &[
        ("lbgen render", "render inventory.yaml into out/<datacenter>"),
        (
            "lbgen render --format kubernetes | kubectl apply -f -",
            "hand the bundle to the operator, as objects",
        ),
        ("lbgen render --check", "in CI: fail if somebody forgot to render"),
        (
            "lbgen render fleet/ --datacenter 'eu*'",
            "some datacenters of a directory of inventories",
        ),
        (
            "lbgen render eu1.yaml -o bundles --locked",
            "another inventory and directory; fail rather than change the lock",
        ),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The directory to write the bundle into
    #[arg(short, long, value_name = "DIR", default_value = "out")]
    output: PathBuf,
    /// Write nothing; exit 1 if the directory or the lock is out of date
    #[arg(long)]
    check: bool,
    /// Exit 2 if the lock would have to change
    #[arg(long)]
    locked: bool,
    /// Write the datacenters of a fleet that have no errors, even if others have
    #[arg(long)]
    keep_going: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    session.here.with_output(&args.output);
    if args.check {
        if session.global.format == Format::Kubernetes {
            bail!("--check writes nothing that could be applied: leave --format kubernetes out");
        }
        let _lock = WriteLock::shared(&args.output);
        return each(&args.input, session, |session, loaded| check(args, loaded, session));
    }
    let Some(mut prepared) = Prepared::of(args, session)? else { return Ok(Exit::Failed) };
    if !prepared.may_be_written(args) {
        return prepared.refuse(session);
    }
    let _lock = WriteLock::take(&args.output)?;
    prepared.recover(args)?;
    if prepared.is_stale() {
        // Another render of these inventories was first.
        *session = session.anew();
        prepared = match Prepared::of(args, session)? {
            Some(prepared) if prepared.may_be_written(args) => prepared,
            Some(prepared) => return prepared.refuse(session),
            None => return Ok(Exit::Failed),
        };
    }
    prepared.write(args, session)
}

/// Every datacenter that is asked for, rendered in memory; `None` where its inventory has errors.
struct Prepared {
    list: Vec<(Member, anyhow::Result<Option<Rendered>>)>,
    is_fleet: bool,
}

impl Prepared {
    /// Reads and renders; `None` where the fleet itself has errors, which were said.
    fn of(args: &Args, session: &mut Session) -> anyhow::Result<Option<Self>> {
        let Some(Members { list, is_fleet }) = args.input.read(session)? else { return Ok(None) };
        let progress = Progress::through(list.len(), "rendering", &session.global);
        let rendered = list.into_par_iter().map(|mut member| {
            let rendered = args.render(&mut member.loaded, &mut member.session);
            progress.step();
            (member, rendered)
        });
        Ok(Some(Self { list: rendered.collect(), is_fleet }))
    }

    /// A fleet is written whole, or what is right in it by request.
    fn may_be_written(&self, args: &Args) -> bool {
        let right = |(_, rendered): &(Member, _)| matches!(rendered, Ok(Some(_)));
        match args.keep_going {
            true => self.list.iter().any(right),
            false => self.list.iter().all(right),
        }
    }

    /// Says what is wrong, and that the others were not written either.
    fn refuse(self, session: &mut Session) -> anyhow::Result<Exit> {
        let all = self.list.len();
        let answers = self.list.into_iter().map(|(member, rendered)| {
            let answer = rendered.and_then(|rendered| match rendered {
                Some(_) if member.session.global.format == Format::Json => {
                    Ok(Answer::new(Exit::Done, Body::json(&NotWritten { written: false })?))
                }
                Some(_) => Ok(Answer::new(Exit::Done, Body::Nothing)),
                None => Answer::failed(&member.session),
            });
            (member, answer)
        });
        let answers: Vec<_> = answers.collect();
        let wrong = |(_, answer): &&(Member, anyhow::Result<Answer>)| {
            answer.as_ref().map_or(true, |answer| answer.exit == Exit::Failed)
        };
        let failed = answers.iter().filter(wrong).count();
        let exit = print(answers, self.is_fleet, session)?;
        if self.is_fleet {
            session.note(&format!(
                "nothing was written: {failed} of {} cannot be rendered (--keep-going writes the others)",
                count(all, "datacenter")
            ));
        }
        Ok(exit)
    }

    /// Finishes what a killed render began, or undoes it.
    fn recover(&self, args: &Args) -> anyhow::Result<()> {
        for (_, rendered) in &self.list {
            if let Ok(Some(rendered)) = rendered {
                bundle::recover(&args.output, rendered.datacenter.as_str())?;
            }
        }
        Ok(())
    }

    fn is_stale(&self) -> bool {
        self.list.iter().any(|(member, _)| member.loaded.is_stale())
    }

    fn write(self, args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
        let progress = Progress::through(self.list.len(), "writing", &session.global);
        let answers = self.list.into_par_iter().map(|(member, rendered)| {
            let answer = rendered.and_then(|rendered| match rendered {
                Some(rendered) => {
                    let answer = write(args, &rendered, &member.session);
                    free(rendered);
                    answer
                }
                None => Answer::failed(&member.session),
            });
            progress.step();
            (member, answer)
        });
        let answers = answers.collect();
        drop(progress);
        print(answers, self.is_fleet, session)
    }
}

/// Writes one bundle.
fn write(args: &Args, rendered: &Rendered, session: &Session) -> anyhow::Result<Answer> {
    let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
    let (changes, strangers) = rayon::join(
        || bundle::changes(&disk, &rendered.files),
        || bundle::strangers(&disk, &rendered.files),
    );
    let (changes, strangers) = (changes?, strangers?);
    let stale = rendered.stale_lock();
    let lock = stale.map(|lock| (lock.path.as_path(), lock.text.as_str()));
    let summary = Update { disk: &disk, changes: &changes, lock }.write()?;
    let unchanged = rendered.files.len() - summary.written;
    if session.global.format == Format::Json {
        return Ok(Answer::new(
            Exit::Done,
            Body::json(&Written {
                datacenter: &rendered.datacenter,
                diagnostics: Stranger::all(&strangers),
                changes: json::Change::all(&changes),
                unchanged,
            })?,
        ));
    }
    for change in &changes {
        let path = disk.path(change.path);
        session.detail(|| format!("{:<8} {}", change.kind.word(), path.display()));
    }
    if let Some(lock) = stale {
        session.note(&format!("{}: written; commit it", lock.path.display()));
    }
    session.note(&format!(
        "{}: {} written, {} removed, {unchanged} unchanged",
        disk.root().display(),
        summary.written,
        summary.removed,
    ));
    say_strangers(&disk, &strangers, session);
    let body = match session.global.format {
        Format::Kubernetes => Body::Text({
            let zone = |(node, zone): (&Subdomain, &Label)| (node.to_string(), zone.to_string());
            let hostname =
                |(node, host): (&Subdomain, &Subdomain)| (node.to_string(), host.to_string());
            let about = kubernetes::About {
                keepalived: rendered.version.to_string(),
                zones: rendered.zones.iter().map(zone).collect(),
                hostnames: rendered.hostnames.iter().map(hostname).collect(),
            };
            kubernetes::bundle(rendered.datacenter.as_str(), &rendered.files, &about)?
        }),
        _ => Body::Nothing,
    };
    Ok(Answer::new(Exit::Done, body))
}

/// Names what lies in the bundle's folders and is not of lbgen; returns the paths.
pub(super) fn strangers(
    disk: &Disk,
    rendered: &Rendered,
    session: &Session,
) -> anyhow::Result<Vec<String>> {
    let found = bundle::strangers(disk, &rendered.files)?;
    say_strangers(disk, &found, session);
    Ok(found)
}

fn say_strangers(disk: &Disk, paths: &[String], session: &Session) {
    for path in paths {
        session.note(&format!(
            "warning: {} is not of lbgen, and would go where the bundle goes: remove it, or move it out of the bundle",
            disk.path(path).display()
        ));
    }
}

/// `--check`
fn check(args: &Args, loaded: &mut Loaded, session: &mut Session) -> anyhow::Result<Answer> {
    let Some(rendered) = args.render(loaded, session)? else {
        return Answer::failed(session);
    };
    let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
    let changes = bundle::changes(&disk, &rendered.files)?;
    session.detail(|| {
        format!("compared {} files with {}", rendered.files.len(), disk.root().display())
    });
    let strangers = strangers(&disk, &rendered, session)?;
    let mut answer = differences(&changes, &strangers, &rendered, session)?;
    if answer.exit == Exit::Found {
        let command = session.here.command_on_bundle("render", &[]);
        session.remark(&format!("out of date: run `{command}` and commit what it writes"));
    }
    if !strangers.is_empty() {
        answer.exit = answer.exit.max(Exit::Found);
    }
    Ok(answer)
}

impl Args {
    /// The bundle in memory.
    fn render(
        &self,
        loaded: &mut Loaded,
        session: &mut Session,
    ) -> anyhow::Result<Option<Rendered>> {
        let rendered = session.render(loaded, &self.output)?;
        if let Some(rendered) = &rendered {
            self.refuse_lock(rendered, session)?;
            if rendered.lock.is_none() {
                session
                    .note("standard input has no lock: every number and order is allocated again");
            }
        }
        Ok(rendered)
    }

    /// `--locked`: a lock that would have to change is an error.
    fn refuse_lock(&self, rendered: &Rendered, session: &Session) -> anyhow::Result<()> {
        if self.locked && rendered.lock.is_none() {
            bail!("--locked needs a lock, and standard input has none");
        }
        if let Some(lock) = rendered.stale_lock().filter(|_| self.locked) {
            let path = lock.path.display();
            let render = session.here.command_on_bundle("render", &[]);
            if lock.old.is_empty() {
                bail!(
                    "{path} is missing: restore it from git; only if nothing runs yet, run `{render}` and commit it"
                );
            }
            bail!("{path} would have to change: run `{render}` and commit it");
        }
        Ok(())
    }
}

/// The answer of `--check`.
fn differences(
    changes: &[Change<'_>],
    strangers: &[String],
    rendered: &Rendered,
    session: &Session,
) -> anyhow::Result<Answer> {
    let (datacenter, stale) = (rendered.datacenter.as_str(), rendered.stale_lock());
    let body = match session.global.format {
        Format::Json => Body::json(&WouldWrite {
            datacenter,
            diagnostics: Stranger::all(strangers),
            changes: json::Change::all(changes),
            lock: LockState::of(stale.is_some()),
        })?,
        _ => {
            let lock =
                stale.map(|lock| format!("changed  {}\n", lock.path.display())).unwrap_or_default();
            Body::Text(lock + &bundle::stat(datacenter, changes))
        }
    };
    let same = changes.is_empty() && stale.is_none();
    Ok(Answer::new(if same { Exit::Done } else { Exit::Found }, body))
}
