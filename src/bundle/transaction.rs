//! Writing: all of it or nothing. New files are staged, then a journal says what becomes of them, then everything is moved
//! into place. What fails before the journal leaves the old bundle; what is killed after it, the next render finishes.

use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::file::{Creator, beside};
use super::{BundleFile, Change, ChangeKind, Disk};

/// The result of a render.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files written or given their permissions.
    pub written: usize,
    /// Files of ours removed.
    pub removed: usize,
}

/// The folder where new files wait until all of them are written.
const STAGE: &str = ".lbgen-stage";

/// Its list: it is there when the stage is complete.
const JOURNAL: &str = "journal.json";

/// The moves and removals that are left to do. Doing them twice is the same as doing them once.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Journal {
    /// Name in the stage, path in the bundle.
    moves: Vec<(String, String)>,
    /// Paths in the bundle.
    removes: Vec<String>,
    /// The inventory's lock: the file beside it, and its place. Last, because it says what the bundle has.
    lock: Option<(PathBuf, PathBuf)>,
}

/// A change of everything that a render writes.
#[derive(Debug)]
pub struct Update<'a> {
    /// The bundle's folder as it is.
    pub disk: &'a Disk,
    /// The changes to make in it.
    pub changes: &'a [Change<'a>],
    /// The lock's place and its text, where that changes.
    pub lock: Option<(&'a Path, &'a str)>,
}

impl Update<'_> {
    /// Makes the bundle and the lock what they should be. Needs the folder's turn.
    pub fn write(&self) -> anyhow::Result<Summary> {
        let (removed, written): (Vec<&Change<'_>>, Vec<&Change<'_>>) =
            self.changes.iter().partition(|change| change.kind == ChangeKind::Removed);
        let summary = Summary { written: written.len(), removed: removed.len() };
        if self.changes.is_empty() && self.lock.is_none() {
            return Ok(summary);
        }
        let root = self.disk.root();
        let in_place = self.disk.exists();
        let (stage, home) = match in_place {
            true => (root.join(STAGE), root.to_owned()),
            false => {
                let tree = new_tree(root);
                (tree.join(STAGE), tree)
            }
        };
        let staged = self.stage(&stage, &home, &written, &removed, in_place);
        let mut journal = match staged {
            Ok(journal) => journal,
            Err(error) => {
                let _ = fs::remove_dir_all(if in_place { &stage } else { &home });
                return Err(error);
            }
        };
        // From here on it ends as it should: a signal would leave the rest to the next render.
        hold_signals()?;
        if !in_place && let Err(error) = fs::rename(&home, root) {
            let _ = fs::remove_dir_all(&home);
            if let Some((staged, _)) = &journal.lock {
                let _ = fs::remove_file(staged);
            }
            return Err(error).with_context(|| format!("cannot write {}", root.display()));
        }
        journal.finish(root).with_context(|| {
            format!("{} is half written; the next render finishes it", root.display())
        })?;
        Ok(summary)
    }

    /// Writes every new file where it is not in the way yet, and the journal.
    fn stage(
        &self,
        stage: &Path,
        home: &Path,
        written: &[&Change<'_>],
        removed: &[&Change<'_>],
        in_place: bool,
    ) -> anyhow::Result<Journal> {
        fs::create_dir_all(stage).with_context(|| format!("cannot write {}", home.display()))?;
        let mut journal = Journal::default();
        let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
        let mut targets: Vec<(&Change<'_>, &BundleFile, PathBuf)> = Vec::new();
        for (index, change) in written.iter().enumerate() {
            let Some(file) = change.new else { continue };
            let path = home.join(change.path);
            let folder = path.parent().unwrap_or(home);
            let target = if in_place {
                // A folder that cannot be written is found before anything has moved.
                if folders.insert(folder.to_owned()) {
                    probe(folder)?;
                }
                let name = index.to_string();
                let target = stage.join(&name);
                journal.moves.push((name, change.path.to_owned()));
                target
            } else {
                if folders.insert(folder.to_owned()) {
                    fs::create_dir_all(folder)
                        .with_context(|| format!("cannot make {}", folder.display()))?;
                }
                path
            };
            targets.push((change, file, target));
        }
        let create = |targets: &[(&Change<'_>, &BundleFile, PathBuf)]| {
            let mut creator = Creator::default();
            targets.iter().try_for_each(|(change, file, target)| {
                creator.create(target, file.mode, &file.body).with_context(|| {
                    format!("cannot write {}", self.disk.path(change.path).display())
                })
            })
        };
        // By many threads; what fails first is what is said, on every run.
        let created: Vec<anyhow::Result<()>> = targets.par_chunks(64).map(create).collect();
        created.into_iter().collect::<anyhow::Result<()>>()?;
        for change in removed {
            let path = home.join(change.path);
            let folder = path.parent().unwrap_or(home);
            if folders.insert(folder.to_owned()) {
                probe(folder)?;
            }
            journal.removes.push(change.path.to_owned());
        }
        if let Some((path, text)) = self.lock {
            let cannot = || format!("cannot write the lock {}", path.display());
            let (file, place) = beside(path, text).with_context(cannot)?;
            let (_, staged) = file.keep().with_context(cannot)?;
            journal.lock = Some((staged, place));
        }
        let written = journal.write(stage);
        if let (Err(_), Some((staged, _))) = (&written, &journal.lock) {
            let _ = fs::remove_file(staged);
        }
        written?;
        Ok(journal)
    }
}

impl Journal {
    fn write(&self, stage: &Path) -> anyhow::Result<()> {
        let cannot = || format!("cannot write {}", stage.display());
        let unfinished = stage.join("unfinished");
        Creator::default()
            .create(&unfinished, 0o644, &serde_json::to_string(self)?)
            .with_context(cannot)?;
        fs::rename(&unfinished, stage.join(JOURNAL)).with_context(cannot)
    }

    /// Makes the moves and removals.
    fn finish(&mut self, root: &Path) -> anyhow::Result<()> {
        let stage = root.join(STAGE);
        let mut made: BTreeSet<PathBuf> = BTreeSet::new();
        for (name, path) in &self.moves {
            let (from, to) = (stage.join(name), root.join(path));
            let folder = to.parent().unwrap_or(root);
            if made.insert(folder.to_owned()) {
                fs::create_dir_all(folder)
                    .with_context(|| format!("cannot make {}", folder.display()))?;
            }
            missing_is_done(fs::rename(&from, &to))
                .with_context(|| format!("cannot write {}", to.display()))?;
        }
        for path in &self.removes {
            let path = root.join(path);
            missing_is_done(fs::remove_file(&path))
                .with_context(|| format!("cannot remove {}", path.display()))?;
            remove_empty(path.parent().unwrap_or(root), root);
        }
        if let Some((from, to)) = &self.lock {
            missing_is_done(fs::rename(from, to))
                .with_context(|| format!("cannot write the lock {}", to.display()))?;
        }
        // First the journal, so that what is left of the stage is nothing to finish.
        missing_is_done(fs::remove_file(stage.join(JOURNAL)))?;
        fs::remove_dir_all(&stage).with_context(|| format!("cannot remove {}", stage.display()))
    }
}

/// Finishes a render of `datacenter` that was killed after its journal was complete, and clears away what others left.
/// Needs the folder's turn.
pub fn recover(output: &Path, datacenter: &str) -> anyhow::Result<()> {
    let root = output.join(datacenter);
    let tree = new_tree(&root);
    if tree.exists() {
        fs::remove_dir_all(&tree).with_context(|| format!("cannot remove {}", tree.display()))?;
    }
    let stage = root.join(STAGE);
    let journal = stage.join(JOURNAL);
    let text = match fs::read_to_string(&journal) {
        Ok(text) => text,
        // What is in the way of the directory is said where it is opened.
        Err(error) if error.kind() == ErrorKind::NotADirectory => return Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return match stage.exists() {
                true => fs::remove_dir_all(&stage)
                    .with_context(|| format!("cannot remove {}", stage.display())),
                false => Ok(()),
            };
        }
        Err(error) => {
            return Err(error).with_context(|| format!("cannot read {}", journal.display()));
        }
    };
    let mut journal: Journal = serde_json::from_str(&text)
        .with_context(|| format!("{} is damaged; remove it and render", journal.display()))?;
    journal
        .finish(&root)
        .with_context(|| format!("{} was half written, and cannot be finished", root.display()))
}

/// Returns the path where the tree of a bundle that is not there yet is built: beside its place.
fn new_tree(root: &Path) -> PathBuf {
    let name = root.file_name().unwrap_or_default().to_string_lossy();
    root.with_file_name(format!(".lbgen-{name}"))
}

/// Ctrl-C and its kin wait until the files are in place.
fn hold_signals() -> anyhow::Result<()> {
    match ctrlc::set_handler(|| {}) {
        // Several datacenters are written by one run.
        Ok(()) | Err(ctrlc::Error::MultipleHandlers) => Ok(()),
        Err(error) => Err(error).context("cannot install the Ctrl-C handler"),
    }
}

/// Tries to write in a folder, or in what there is of it.
fn probe(folder: &Path) -> anyhow::Result<()> {
    let there = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(folder);
    // A file without a name: whoever is killed here leaves nothing.
    tempfile::tempfile_in(there)
        .map(drop)
        .with_context(|| format!("cannot write in {}; nothing was written", there.display()))
}

fn missing_is_done(done: std::io::Result<()>) -> std::io::Result<()> {
    match done {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Removes folders that are empty now, up to the bundle's own.
fn remove_empty(folder: &Path, root: &Path) {
    let mut folder = folder;
    // Removing a folder that is not empty fails, and that ends it.
    while folder != root && fs::remove_dir(folder).is_ok() {
        match folder.parent() {
            Some(parent) => folder = parent,
            None => return,
        }
    }
}
