//! `lbgen render`: writes the bundle.

use std::path::PathBuf;

use serde_json::json;

use anyhow::{Context, bail};

use super::session::{LockFile, Session};
use super::{Exit, Format, Input, output};
use crate::bundle::{self, Change, Disk};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// Where the bundle's folder goes
    #[arg(short, long, value_name = "DIR", default_value = "out")]
    output: PathBuf,
    /// Write nothing; exit 1 when the directory is not what a render would give
    #[arg(long)]
    check: bool,
    /// Refuse (exit 2) when the lock would have to change
    #[arg(long)]
    locked: bool,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    let loaded = session.load(&args.input.inventory)?;
    let Some(rendered) = session.render(&loaded)? else { return Ok(Exit::Failed) };
    let stale = rendered.lock.as_ref().filter(|lock| !lock.current);
    if let Some(lock) = stale.filter(|_| args.locked) {
        bail!(
            "{} would have to change: run `lbgen render` without --locked and commit it",
            lock.path.display()
        );
    }
    let disk = Disk::open(&args.output, rendered.datacenter.as_str())?;
    let changes = bundle::changes(&disk, &rendered.files)?;
    if args.check {
        return differences(&changes, stale, rendered.datacenter.as_str(), session);
    }
    if let Some(lock) = stale {
        // Before the bundle: what it says holds from now on, also where this render is interrupted.
        bundle::replace_file(&lock.path, &lock.text)
            .with_context(|| format!("cannot write the lock {}", lock.path.display()))?;
        session.note(&format!("{}: written; commit it", lock.path.display()));
    }
    // From here on it ends as it should: Ctrl-C would leave some files old and some new.
    ctrlc::set_handler(|| {}).context("cannot hold Ctrl-C back")?;
    let summary = bundle::write(&disk, &changes)?;
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
    if session.global.verbose {
        for change in &changes {
            session.note(&format!(
                "{:<8} {}",
                change.kind.word(),
                disk.path(change.path).display()
            ));
        }
    }
    session.note(&format!(
        "{}: {} written, {} removed, {unchanged} unchanged",
        disk.root().display(),
        summary.written,
        summary.removed,
    ));
    Ok(Exit::Done)
}

/// The answer of `--check`.
fn differences(
    changes: &[Change<'_>],
    stale: Option<&LockFile>,
    datacenter: &str,
    session: &Session,
) -> anyhow::Result<Exit> {
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
            json!({ "path": change.path, "kind": change.kind.word(), "from": from })
        })
        .collect()
}
