//! What lies in a bundle's folder, looked at without following links.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::RwLock;

use anyhow::{Context, bail};

use super::manifest;

/// A bundle's folder, which need not exist yet.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    owned: Vec<String>,
    unfinished: Vec<String>,
    interrupted: bool,
    folders: RwLock<BTreeSet<PathBuf>>,
}

/// A file as it lies there.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// All of it.
    pub body: Vec<u8>,
    /// Whether its owner may run it: the one permission that git keeps.
    pub executable: bool,
}

impl Disk {
    /// The folder of `datacenter` in `output`, and what its `bundle.json` says is ours.
    pub fn open(output: &Path, datacenter: &str) -> anyhow::Result<Self> {
        let mut disk = Self {
            root: output.join(datacenter),
            owned: Vec::new(),
            unfinished: Vec::new(),
            interrupted: false,
            folders: RwLock::default(),
        };
        if fs::metadata(output).is_ok_and(|about| !about.is_dir()) {
            bail!("{} is not a folder", output.display());
        }
        disk.owned = disk.listed(manifest::PATH)?;
        disk.unfinished = disk.listed(manifest::UNFINISHED)?;
        disk.owned.extend(disk.unfinished.iter().cloned());
        disk.owned.sort();
        disk.owned.dedup();
        // A render begins by writing the list of what it adds, and ends by removing it.
        disk.interrupted = fs::read_dir(&disk.root).into_iter().flatten().flatten().any(|entry| {
            entry.file_name().to_string_lossy().starts_with(manifest::UNFINISHED_PREFIX)
        });
        Ok(disk)
    }

    /// The paths that a list of ours names.
    fn listed(&self, list: &str) -> anyhow::Result<Vec<String>> {
        let Some(found) = self.read(list)? else { return Ok(Vec::new()) };
        let path = self.path(list);
        let text = String::from_utf8(found.body)
            .with_context(|| format!("{} is not UTF-8", path.display()))?;
        manifest::owned_paths(&text).with_context(|| {
            format!("{} cannot be used; remove it by hand if it is not needed", path.display())
        })
    }

    /// Where the bundle lies.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where a file of the bundle lies.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// The files that an earlier render wrote.
    pub fn owned(&self) -> &[String] {
        &self.owned
    }

    /// The files that a render which did not end may have added.
    pub fn unfinished(&self) -> &[String] {
        &self.unfinished
    }

    /// Whether a render did not end here.
    pub fn interrupted(&self) -> bool {
        self.interrupted
    }

    /// The file, where there is one. A link, or a folder where a file must be, is an error.
    pub fn read(&self, path: &str) -> anyhow::Result<Option<Found>> {
        let full = self.path(path);
        if !self.folder_exists(full.parent().unwrap_or(&self.root))? {
            return Ok(None);
        }
        let Some(about) = look(&full)? else { return Ok(None) };
        if !about.is_file() {
            bail!(
                "{} is {}, where a file must be; nothing was written",
                full.display(),
                what(&about)
            );
        }
        let body = fs::read(&full).with_context(|| format!("cannot read {}", full.display()))?;
        Ok(Some(Found { body, executable: about.mode() & 0o100 != 0 }))
    }

    /// Whether a folder of the bundle exists. A link, or a file where a folder must be, is an error.
    fn folder_exists(&self, folder: &Path) -> anyhow::Result<bool> {
        if self.folders.read().is_ok_and(|folders| folders.contains(folder)) {
            return Ok(true);
        }
        if folder != self.root
            && let Some(parent) = folder.parent()
            && !self.folder_exists(parent)?
        {
            return Ok(false);
        }
        let Some(about) = look(folder)? else { return Ok(false) };
        if !about.is_dir() {
            bail!(
                "{} is {}, where a folder must be; nothing was written",
                folder.display(),
                what(&about)
            );
        }
        if let Ok(mut folders) = self.folders.write() {
            folders.insert(folder.to_owned());
        }
        Ok(true)
    }
}

fn look(path: &Path) -> anyhow::Result<Option<Metadata>> {
    match fs::symlink_metadata(path) {
        Ok(about) => Ok(Some(about)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).with_context(|| format!("cannot look at {}", path.display())),
    }
}

fn what(about: &Metadata) -> &'static str {
    if about.is_symlink() {
        "a symbolic link"
    } else if about.is_dir() {
        "a folder"
    } else if about.is_file() {
        "a file"
    } else {
        "neither file nor folder"
    }
}
