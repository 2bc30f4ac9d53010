//! Writing: only what differs, each file whole or not at all, `bundle.json` last.

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::Builder;

use super::{BundleFile, Change, ChangeKind, Disk, manifest};

/// What a write did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files written or given their permissions.
    pub written: usize,
    /// Files of ours removed.
    pub removed: usize,
}

/// Makes the bundle on disk what `changes` says.
pub fn write(disk: &Disk, changes: &[Change<'_>]) -> anyhow::Result<Summary> {
    if changes.is_empty() && !disk.interrupted() {
        return Ok(Summary::default());
    }
    let root = disk.root();
    fs::create_dir_all(root).with_context(|| format!("cannot make {}", root.display()))?;
    // Two renders at once take turns.
    let folder = File::open(root).with_context(|| format!("cannot open {}", root.display()))?;
    folder.lock().with_context(|| format!("cannot lock {}", root.display()))?;
    let added = changes
        .iter()
        .filter(|change| change.kind == ChangeKind::Added)
        .map(|change| change.path.to_owned());
    let list = manifest::unfinished(added.chain(disk.unfinished().iter().cloned()))?;
    let unfinished = disk.path(manifest::UNFINISHED);
    replace(&unfinished, root, &list)
        .with_context(|| format!("cannot write {}", unfinished.display()))?;
    if disk.interrupted() {
        sweep(disk)?;
    }
    let (removed, written): (Vec<&Change<'_>>, Vec<&Change<'_>>) =
        changes.iter().partition(|change| change.kind == ChangeKind::Removed);
    for change in &removed {
        let path = disk.path(change.path);
        fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
        remove_empty(path.parent().unwrap_or(root), root);
    }
    let (last, files): (Vec<&Change<'_>>, Vec<&Change<'_>>) =
        written.iter().partition(|change| change.path == manifest::PATH);
    let folders: BTreeSet<PathBuf> = files
        .iter()
        .filter_map(|change| disk.path(change.path).parent().map(Path::to_owned))
        .collect();
    for folder in &folders {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    files.iter().try_for_each(|change| put(disk, change))?;
    last.iter().try_for_each(|change| put(disk, change))?;
    fs::remove_file(&unfinished)
        .with_context(|| format!("cannot remove {}", unfinished.display()))?;
    Ok(Summary { written: written.len(), removed: removed.len() })
}

/// Makes one file what it should be.
fn put(disk: &Disk, change: &Change<'_>) -> anyhow::Result<()> {
    let path = disk.path(change.path);
    let Some(file) = change.new else { return Ok(()) };
    if change.kind == ChangeKind::Mode {
        let mode = Permissions::from_mode(file.mode);
        return fs::set_permissions(&path, mode)
            .with_context(|| format!("cannot change {}", path.display()));
    }
    let parent = path.parent().unwrap_or(disk.root());
    replace(&path, parent, file).with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file of its own beside its place and moves it there: it is the old one or the new one, never half.
pub fn replace_file(path: &Path, body: &str) -> anyhow::Result<()> {
    // Where a link leads there, the file that it leads to.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A bare file name has the empty path for its folder.
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let file =
        BundleFile { path: String::new(), mode: 0o644, body: body.to_owned(), from: Vec::new() };
    replace(path, parent, &file)
}

/// Writes a file beside its place and moves it there.
fn replace(path: &Path, parent: &Path, file: &BundleFile) -> anyhow::Result<()> {
    let mode = Permissions::from_mode(file.mode);
    let mut unfinished = Builder::new()
        .prefix(manifest::UNFINISHED_PREFIX)
        .permissions(mode.clone())
        .tempfile_in(parent)?;
    unfinished.write_all(file.body.as_bytes())?;
    // Only an unusual umask took something away.
    if unfinished.as_file().metadata()?.permissions().mode() & 0o777 != file.mode {
        unfinished.as_file().set_permissions(mode)?;
    }
    unfinished.persist(path)?;
    Ok(())
}

/// Removes what a render that was killed left behind.
fn sweep(disk: &Disk) -> anyhow::Result<()> {
    let files: Vec<PathBuf> = disk.owned().iter().map(|path| disk.path(path)).collect();
    let folders: BTreeSet<&Path> =
        files.iter().filter_map(|path| path.parent()).chain([disk.root()]).collect();
    for folder in folders.into_iter().filter(|folder| folder.is_dir()) {
        for entry in
            fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?
        {
            let entry = entry?;
            let name = entry.file_name();
            if name.to_string_lossy().starts_with(manifest::UNFINISHED_PREFIX)
                && name != manifest::UNFINISHED
            {
                let _ = fs::remove_file(entry.path());
            }
        }
        remove_empty(folder, disk.root());
    }
    Ok(())
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
