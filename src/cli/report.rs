//! `lbgen report`: a page that shows it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use super::about::{self, About};
use super::input::{Input, Member, Members};
use super::origin::{From, read_all};
use super::session::Session;
use super::{Exit, output};
use crate::align::{Alignment, Facts, Side};
use crate::diag::count;
use crate::emit::{self, Templates};
use crate::impact::{Comparison, Impact, changed_files};
use crate::report::{Change, Index, IndexRow, Page};
use crate::rollout::{Request, Rollout};
use crate::state::WorkTree;

pub const ABOUT: About = About {
    name: "report",
    formats: about::TEXT,
    has_templates: true,
    exits: &[
        (Exit::Done, "the page was written"),
        (Exit::Failed, "an inventory has errors, or the page cannot be written"),
    ],
    examples: &[
        ("lbgen report", "report.html: who holds what, what if, who answers"),
        (
            "lbgen report --from-rev 'deployed/{datacenter}'",
            "with what has changed since the last rollout",
        ),
        ("lbgen report fleet/ -o fleet.html", "an index, and a page for each datacenter beside it"),
    ],
};

#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    input: Input,
    /// The page to write; for a fleet the index, with a page per datacenter beside it
    ///
    /// Default: report.html, or for a fleet the name of its folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Name a commit at the end of the page, as that which it was made from; alone, the one that is checked out
    #[arg(long, value_name = "REV", num_args = 0..=1, default_missing_value = "HEAD")]
    commit: Option<String>,
    /// The directory that holds the bundle, for --from-rev
    #[arg(long, value_name = "DIR", default_value = "out")]
    bundles: PathBuf,
    #[command(flatten)]
    from: From,
}

pub fn run(args: &Args, session: &mut Session) -> anyhow::Result<Exit> {
    args.from.refuse_two_readers(&args.input)?;
    args.from.refuse_objects_alone()?;
    let Some(Members { list, is_fleet }) = args.input.read(session)? else {
        return Ok(Exit::Failed);
    };
    let made: Vec<(Member, anyhow::Result<Option<Made>>)> = list
        .into_par_iter()
        .map(|mut member| {
            let page = args.page(&mut member);
            (member, page)
        })
        .collect();
    let output = args.output.clone().unwrap_or_else(|| match is_fleet {
        true => PathBuf::from(folder_name(&args.input.inventory) + ".html"),
        false => PathBuf::from("report.html"),
    });
    let is_stdout = output.as_os_str() == "-";
    if is_stdout && is_fleet {
        bail!("a fleet has several pages: name a file with --output");
    }
    let all = made.len();
    let mut pages = Vec::new();
    for (member, page) in made {
        session.absorb(&member.session);
        pages.extend(page?);
    }
    if pages.len() < all {
        return Ok(Exit::Failed);
    }
    if !is_fleet {
        let (page, _) = &pages[0];
        if is_stdout {
            output::data(&page.html()?)?;
            return Ok(Exit::Done);
        }
        write(&output, &page.html()?)?;
        session.note(&format!("wrote {}", output.display()));
        return Ok(Exit::Done);
    }
    let (pages, sides): (Vec<Page>, Vec<Side>) = pages.into_iter().unzip();
    let stem = output.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut rows = Vec::new();
    for page in &pages {
        let file = format!("{stem}-{}.html", page.datacenter);
        write(&output.with_file_name(&file), &page.html()?)?;
        rows.push(IndexRow { name: page.datacenter.clone(), file, counts: page.counts() });
    }
    let alignment = Alignment::of(&sides, None);
    let index = Index {
        title: folder_name(&args.input.inventory),
        pages: rows,
        rows: alignment
            .differences
            .iter()
            .map(|found| {
                let values = found.values.iter().map(ToString::to_string);
                let entry = match found.place.entry.as_str() {
                    "" => "datacenter".to_owned(),
                    entry => entry.to_owned(),
                };
                (entry, found.place.key.clone(), values.collect())
            })
            .collect(),
    };
    write(&output, &index.html()?)?;
    let count = count(pages.len(), "page");
    session.note(&format!("wrote {} and {count} beside it", output.display()));
    Ok(Exit::Done)
}

/// Returns the name of a fleet: the last part of its folder's path.
fn folder_name(folder: &Path) -> String {
    let whole = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    whole.file_name().map_or("fleet".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// Describes the commit that a page is made from: `eu1.yaml at 1a2b3c4d5e6f, with uncommitted changes`.
fn commit(revision: &str, input: &Input, session: &Session) -> anyhow::Result<String> {
    let folder = if input.is_stdin() {
        Path::new("")
    } else {
        input.inventory.parent().unwrap_or(Path::new(""))
    };
    let tree = WorkTree::of(folder).with_context(|| "--commit needs a work tree of git")?;
    let name = tree.commit(revision)?;
    let read: Vec<&Path> = session.sources.paths().map(Path::new).collect();
    let dirty = if tree.uncommitted(&read)?.is_empty() { "" } else { ", with uncommitted changes" };
    Ok(format!("commit {}{dirty}", &name[..12]))
}

/// Writes a page; what is there and is none stays.
fn write(path: &Path, html: &str) -> anyhow::Result<()> {
    let old = std::fs::read_to_string(path).unwrap_or_default();
    if !old.is_empty() && !old.starts_with(Page::BEGINS) {
        bail!("{} is not a page: choose another --output, or remove it", path.display());
    }
    std::fs::write(path, html).with_context(|| format!("cannot write {}", path.display()))
}

/// A page, and what its datacenter says for the comparison of a fleet.
type Made = (Page, Side);

impl Args {
    /// The page of a datacenter; `None` where its inventory has errors.
    fn page(&self, member: &mut Member) -> anyhow::Result<Option<Made>> {
        let session = &mut member.session;
        let Some(planned) = session.valid_plan(&member.loaded) else { return Ok(None) };
        let templates = Templates::load(session.global.templates.as_deref())?;
        let files = emit::emit(&planned.plan, &templates)?;
        let mut page = Page::of(&planned, &files, &session.report, &session.sources);
        if let Some(revision) = &self.commit {
            page.commit = commit(revision, &self.input, session)?;
        }
        page.change = self.change(member)?;
        let side = Side {
            name: page.datacenter.clone(),
            facts: Facts::of(&planned.datacenter, &planned.plan),
            waived: planned.datacenter.align,
        };
        Ok(Some((page, side)))
    }

    /// Returns the effects of a change from what runs, or `None` if that is not given or the inventory has errors.
    fn change(&self, member: &mut Member) -> anyhow::Result<Option<Change>> {
        let name = member.loaded.datacenter().to_owned();
        let Some(tree) = self.from.tree(&self.bundles, &name)? else { return Ok(None) };
        let session = &mut member.session;
        let Some(rendered) = session.render(&mut member.loaded, &self.bundles)? else {
            return Ok(None);
        };
        let tree = self.from.with_objects(tree, &rendered)?;
        let changes = tree.changes(&rendered.files);
        let read = read_all(&tree, &rendered, session);
        let changed = changed_files(&changes);
        let comparison = Comparison {
            from: &read.from,
            to: &read.to,
            changed: &changed,
            version: rendered.version,
            controllers: &rendered.controllers,
        };
        let impact = Impact::of(comparison);
        let rollout = Rollout::plan(Request {
            change: comparison,
            zones: &rendered.zones,
            down: &BTreeSet::new(),
            digests: &BTreeMap::new(),
            careful: false,
            visit: None,
        })?;
        Ok(Some(Change::of(&impact, &rollout)))
    }
}
