//! The origin of the running state: the bundle on disk, another folder, a revision of git, or nothing.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::Input;
use super::session::{Rendered, Session};
use crate::bundle::{self, Change, Disk};
use crate::impact::{self, Comparison, Impact, changed_files};
use crate::state::{Live, Remark, State, Tree};

/// Where the state that runs is read from.
#[derive(clap::Args, Clone, Default)]
pub struct From {
    /// What runs: a bundle, a folder of bundles, or a folder per node with its etc/keepalived/keepalived.conf; `none` if
    /// nothing runs yet
    #[arg(long, value_name = "DIR", conflicts_with = "from_rev")]
    pub from: Option<PathBuf>,
    /// What runs: the bundle as git has it at a revision; `{datacenter}` is replaced by its name
    #[arg(long, value_name = "REV")]
    pub from_rev: Option<String>,
    /// What the cluster has, as `kubectl get ... -o json` prints it, instead of the manifests of the last rollout; `-`
    /// is standard input
    #[arg(long, value_name = "FILE")]
    objects: Option<PathBuf>,
}

/// The files of the running state, open for comparison.
pub enum Origin {
    /// The bundle that a render would change.
    Disk(Disk),
    /// Anything else.
    Tree(Tree),
}

/// Two states, read.
pub struct Read {
    pub from: State,
    pub to: State,
}

impl From {
    /// Opens it; the bundle in `output`, where nothing else is asked for.
    pub fn open(&self, output: &Path, rendered: &Rendered) -> anyhow::Result<Origin> {
        let datacenter = rendered.datacenter.as_str();
        let tree = match (self.tree(output, datacenter)?, &self.objects) {
            (Some(tree), _) => tree,
            (None, None) => return Ok(Origin::Disk(Disk::open(output, datacenter)?)),
            (None, Some(_)) => Tree::of_disk(&Disk::open(output, datacenter)?, &[], |_| true)?,
        };
        let tree = self.with_objects(tree, rendered)?;
        Ok(Origin::Tree(tree.with_unsaid(&rendered.files, self.has_objects())))
    }

    /// Returns true if it is said what the cluster has.
    pub fn has_objects(&self) -> bool {
        self.objects.is_some()
    }

    /// The tree with what the cluster has, where that is given.
    pub fn with_objects(&self, tree: Tree, rendered: &Rendered) -> anyhow::Result<Tree> {
        let Some(path) = &self.objects else { return Ok(tree) };
        let shown = path.display();
        let text = match path.to_str() {
            Some("-") => std::io::read_to_string(std::io::stdin()),
            _ => std::fs::read_to_string(path),
        };
        let text = text.with_context(|| format!("cannot read --objects {shown}"))?;
        let live = Live::read(&text, rendered.datacenter.as_str())
            .with_context(|| format!("--objects {shown}"))?;
        Ok(tree.with_objects(&live, &rendered.files))
    }

    /// Refuses `--objects` without `--from` or `--from-rev`, which say what the nodes run.
    pub fn refuse_objects_alone(&self) -> anyhow::Result<()> {
        if self.objects.is_some() && self.from.is_none() && self.from_rev.is_none() {
            bail!("--objects needs --from or --from-rev beside it, for what the nodes run");
        }
        Ok(())
    }

    /// Standard input has one text.
    pub fn refuse_two_readers(&self, input: &Input) -> anyhow::Result<()> {
        let stdin = |path: &Path| path.as_os_str() == "-";
        if input.is_stdin() && self.objects.as_deref().is_some_and(stdin) {
            bail!("both the inventory and --objects are `-`: standard input can be one of them");
        }
        Ok(())
    }

    /// The folder that is asked for; `none` is no folder.
    pub fn folder(&self) -> Option<&Path> {
        self.from.as_deref().filter(|folder| folder.as_os_str() != "none")
    }

    /// Returns the tree that is asked for, or `None` if none is.
    pub fn tree(&self, output: &Path, datacenter: &str) -> anyhow::Result<Option<Tree>> {
        match (&self.from_rev, self.folder()) {
            (Some(revision), _) => revision_tree(revision, output, datacenter).map(Some),
            (None, Some(folder)) => Tree::of_folder(folder, Some(datacenter)).map(Some),
            (None, None) => Ok(self.from.as_ref().map(|_| Tree::default())),
        }
    }
}

/// The bundle as git has it; `{datacenter}` stands for the name.
pub fn revision_tree(revision: &str, output: &Path, datacenter: &str) -> anyhow::Result<Tree> {
    let revision = revision.replace("{datacenter}", datacenter);
    Tree::of_revision(&revision, &output.join(datacenter))
}

impl Origin {
    /// Returns the differences from a render.
    pub fn changes<'a>(&'a self, rendered: &'a Rendered) -> anyhow::Result<Vec<Change<'a>>> {
        match self {
            Self::Disk(disk) => bundle::changes(disk, &rendered.files),
            Self::Tree(tree) => Ok(tree.changes(&rendered.files)),
        }
    }

    /// Both states, as far as the changes touch them.
    pub fn read(
        &self,
        rendered: &Rendered,
        changes: &[Change<'_>],
        session: &mut Session,
    ) -> anyhow::Result<Read> {
        let wanted = impact::wanted(changes, &rendered.files);
        let from = match self {
            Self::Disk(disk) => Tree::of_disk(disk, changes, &wanted)?,
            Self::Tree(tree) => tree.only(&wanted),
        };
        Ok(read(&from, rendered, wanted, session))
    }
}

/// Both states, whole.
pub fn read_all(from: &Tree, rendered: &Rendered, session: &mut Session) -> Read {
    read(from, rendered, |_| true, session)
}

fn read(
    from: &Tree,
    rendered: &Rendered,
    wanted: impl Fn(&str) -> bool,
    session: &mut Session,
) -> Read {
    let to = Tree::of_files("", rendered.files.iter().filter(|file| wanted(&file.path)));
    let (before, remarks) = State::read(from, &mut session.sources);
    say(session, &remarks);
    let (after, _) = State::read(&to, &mut session.sources);
    Read { from: before, to: after }
}

impl Read {
    /// Returns the impact of the changes.
    pub fn impact(&self, rendered: &Rendered, changes: &[Change<'_>]) -> Impact {
        let changed = changed_files(changes);
        Impact::of(Comparison {
            from: &self.from,
            to: &self.to,
            changed: &changed,
            version: rendered.version,
            controllers: &rendered.controllers,
        })
    }
}

/// Prints what was not understood, with its lines.
pub fn say(session: &Session, remarks: &[Remark]) {
    for remark in remarks {
        let source = session.sources.get(remark.at.file);
        let (line, _) = session.sources.line_column(remark.at);
        session.note(&format!("{}:{line}: {}", source.path, remark.text));
    }
}
