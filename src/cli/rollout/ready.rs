//! The conditions for planning a rollout: the bundle is what the inventory gives, and git has both.

use std::path::Path;

use anyhow::bail;

use crate::bundle::{self, Disk};
use crate::cli::session::{Rendered, Session};
use crate::state::WorkTree;

/// Files that a message names.
const SHOWN: usize = 5;

/// The bundle on disk must be what the inventory gives: it is what the nodes will get.
pub fn refuse_stale(output: &Path, rendered: &Rendered, session: &Session) -> anyhow::Result<()> {
    let disk = Disk::open(output, rendered.datacenter.as_str())?;
    if !disk.is_rendered() {
        bail!(
            "there is no bundle in {}: run `{}`, or say with -o where it is",
            disk.root().display(),
            session.here.command_on_bundle("render", &[])
        );
    }
    if !bundle::changes(&disk, &rendered.files)?.is_empty() || rendered.stale_lock().is_some() {
        bail!(
            "the bundle is out of date: run `{}`, review and commit it first",
            session.here.command_on_bundle("render", &[])
        );
    }
    let strangers = bundle::strangers(&disk, &rendered.files)?;
    if !strangers.is_empty() {
        bail!(
            "the bundle has what lbgen did not write; remove it, or move it out of {}: {}",
            disk.root().display(),
            strangers.join(", ")
        );
    }
    Ok(())
}

/// The commit that is rolled out: the one that is checked out, with everything that is read as it has it. `None`
/// outside of git, or where that was waived.
pub fn revision(
    output: &Path,
    may_be_dirty: bool,
    rendered: &Rendered,
    session: &Session,
) -> anyhow::Result<Option<String>> {
    let bundle = output.join(rendered.datacenter.as_str());
    let Some(tree) = WorkTree::of(&bundle) else { return Ok(None) };
    let mut paths: Vec<&Path> = session.sources.paths().map(Path::new).collect();
    paths.push(&bundle);
    let differ = tree.uncommitted(&paths)?;
    if differ.is_empty() {
        return tree.commit("HEAD").map(Some);
    }
    if may_be_dirty {
        return Ok(None);
    }
    let shown = differ.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = match differ.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    bail!("not committed: {shown}{more}: commit what is rolled out, or go on with --dirty");
}
