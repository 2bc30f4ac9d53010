//! Git, as far as it knows what runs and what was reviewed.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

/// Runs a git command in a folder and returns its output.
pub(super) fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .output()
        .context("cannot run git")?;
    if !done.status.success() {
        bail!("{}", String::from_utf8_lossy(&done.stderr).trim());
    }
    Ok(done.stdout)
}

/// The work tree that files are in.
#[derive(Debug)]
pub struct WorkTree {
    folder: PathBuf,
}

impl WorkTree {
    /// The work tree of a folder, or `None` where git has none there, or is not installed.
    pub fn of(folder: &Path) -> Option<Self> {
        // Also the empty path of a file beside the reader.
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        let inside = git(folder, &["rev-parse", "--is-inside-work-tree"]).ok()?;
        (inside.trim_ascii() == b"true").then(|| Self { folder: folder.to_owned() })
    }

    /// The full name of a commit.
    pub fn commit(&self, revision: &str) -> anyhow::Result<String> {
        let commit = format!("{revision}^{{commit}}");
        let found = git(&self.folder, &["rev-parse", "--verify", "--quiet", &commit])
            .with_context(|| format!("git knows no commit `{revision}`"))?;
        Ok(String::from_utf8_lossy(&found).trim().to_owned())
    }

    /// Moves a tag to a commit.
    pub fn tag(&self, name: &str, revision: &str) -> anyhow::Result<()> {
        git(&self.folder, &["tag", "-f", name, revision])
            .with_context(|| format!("cannot move the tag {name}"))?;
        Ok(())
    }

    /// Those of some files and folders that are not as the last commit has them, from the reader's folder where they
    /// are below it. What git ignores is not committed either.
    pub fn uncommitted(&self, paths: &[&Path]) -> anyhow::Result<Vec<String>> {
        let whole: Vec<PathBuf> =
            paths.iter().filter_map(|path| path.canonicalize().ok()).collect();
        let mut arguments = vec![
            "status",
            "--porcelain=v1",
            "-z",
            "--untracked-files=all",
            "--ignored=matching",
            "--no-renames",
            "--",
        ];
        arguments.extend(whole.iter().filter_map(|path| path.to_str()));
        let said = git(&self.folder, &arguments)?;
        let top = git(&self.folder, &["rev-parse", "--show-toplevel"])?;
        let top = PathBuf::from(String::from_utf8_lossy(top.trim_ascii_end()).as_ref());
        let here = std::env::current_dir().ok();
        let shown = |path: &str| {
            let whole = top.join(path);
            let near = here.as_deref().and_then(|here| whole.strip_prefix(here).ok());
            near.unwrap_or(&whole).display().to_string()
        };
        Ok(String::from_utf8_lossy(&said)
            .split('\0')
            .filter_map(|entry| entry.get(3..))
            .map(shown)
            .collect())
    }
}
