//! `lbgen render`: writes the bundle.

use std::path::PathBuf;

use anyhow::bail;
use serde_json::json;

use super::about::About;
use super::session::{LockFile, Rendered, Session};
use super::{Exit, Format, Input, output};
use crate::bundle::{self, Change, Disk, Turn, Update};

pub const ABOUT: About = About {
    name: "render",
    exits: &[
        (Exit::Done, "done; with --check: the directory and the lock are up to date"),
        (Exit::Found, "with --check: the directory or the lock is out of date"),
        (
            Exit::Failed,
            "nothing was written: the inventory has errors, --locked refused, or a file cannot be written",
        ),
    ],
    examples: &[
        ("lbgen render", "render inventory.yaml into out/<datacenter>"),
        ("lbgen render --check", "in CI: fail if somebody forgot to render"),
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
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let loaded = session.load(&args.input.inventory)?;
    let Some(mut rendered) = session.render(&loaded, &args.output)? else {
        return Ok(Exit::Failed);
    };
    args.refuse_lock(&rendered)?;
    if rendered.lock.is_none() {
        session.note("standard input has no lock: every number and order is allocated again");
    }
    if args.check {
        let _turn = Turn::to_read(&args.output);
        let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
        let changes = bundle::changes(&disk, &rendered.files)?;
        session.detail(|| {
            format!("compared {} files with {}", rendered.files.len(), disk.root().display())
        });
        return differences(&changes, rendered.stale_lock(), &rendered, session);
    }
    let _turn = Turn::to_write(&args.output)?;
    bundle::recover(&args.output, rendered.datacenter.as_str())?;
    if loaded.is_stale() {
        // Another render of this inventory was first.
        *session = Session::new(session.global.clone());
        let loaded = session.load(&args.input.inventory)?;
        rendered = match session.render(&loaded, &args.output)? {
            Some(rendered) => rendered,
            None => return Ok(Exit::Failed),
        };
        args.refuse_lock(&rendered)?;
    }
    let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
    let changes = bundle::changes(&disk, &rendered.files)?;
    let stale = rendered.stale_lock();
    let lock = stale.map(|lock| (lock.path.as_path(), lock.text.as_str()));
    let summary = Update { disk: &disk, changes: &changes, lock }.write()?;
    let unchanged = rendered.files.len() - summary.written;
    if session.global.format == Format::Json {
        output::json(&json!({
            "version": 1,
            "datacenter": rendered.datacenter,
            "changes": listing(&changes),
            "unchanged": unchanged,
        }))?;
        return Ok(Exit::Done);
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
    Ok(Exit::Done)
}

impl Args {
    /// `--locked`: a lock that would have to change is an error.
    fn refuse_lock(&self, rendered: &Rendered) -> anyhow::Result<()> {
        if self.locked && rendered.lock.is_none() {
            bail!("--locked needs a lock, and standard input has none");
        }
        if let Some(lock) = rendered.stale_lock().filter(|_| self.locked) {
            bail!(
                "{} would have to change: run `lbgen render` without --locked and commit it",
                lock.path.display()
            );
        }
        Ok(())
    }
}

/// The answer of `--check`.
fn differences(
    changes: &[Change<'_>],
    stale: Option<&LockFile>,
    rendered: &Rendered,
    session: &Session,
) -> anyhow::Result<Exit> {
    let datacenter = rendered.datacenter.as_str();
    match session.global.format {
        Format::Json => output::json(&json!({
            "version": 1,
            "datacenter": datacenter,
            "changes": listing(changes),
            "lock": if stale.is_some() { "changed" } else { "unchanged" },
        }))?,
        _ => {
            let lock =
                stale.map(|lock| format!("changed  {}\n", lock.path.display())).unwrap_or_default();
            output::data(&(lock + &bundle::stat(datacenter, changes)))?;
        }
    }
    Ok(if changes.is_empty() && stale.is_none() { Exit::Done } else { Exit::Found })
}

/// The changes for programs.
pub fn listing(changes: &[Change<'_>]) -> Vec<serde_json::Value> {
    changes
        .iter()
        .map(|change| {
            let from = change.new.iter().flat_map(|file| &file.from).map(ToString::to_string);
            let from: Vec<String> = from.collect();
            let mut line = json!({ "path": change.path, "kind": change.kind.word(), "from": from });
            if let Some(old) = change.renamed_from {
                line["renamed_from"] = json!(old);
            }
            line
        })
        .collect()
}
