//! The contents of a bundle's folder, read without following links.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, FileType};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use rayon::prelude::*;

use super::file::UNFINISHED_PREFIX;
use super::list;

/// A bundle's folder, which need not exist yet.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    exists: bool,
    /// The files in the folder, by path; folders too, but for those of a render that did not end.
    entries: BTreeMap<String, FileType>,
    owned: BTreeSet<String>,
    /// Paths that are not UTF-8, as they can be shown.
    unnamed: Vec<String>,
}

/// A file as it lies there.
#[derive(Debug, PartialEq, Eq)]
pub struct Found {
    /// All of it.
    pub body: Vec<u8>,
    /// True if its owner may run it: the one permission that git keeps.
    pub executable: bool,
}

impl Disk {
    /// The folder of `datacenter` in `output`, and what its `bundle.json` says is ours.
    pub fn open(output: &Path, datacenter: &str) -> anyhow::Result<Self> {
        let root = output.join(datacenter);
        if fs::metadata(output).is_ok_and(|about| !about.is_dir()) {
            bail!("{} is a file; lbgen needs a directory there", output.display());
        }
        let mut disk = Self {
            root,
            exists: false,
            entries: BTreeMap::new(),
            owned: BTreeSet::new(),
            unnamed: Vec::new(),
        };
        match fs::symlink_metadata(&disk.root) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(disk),
            Err(error) => {
                return Err(error)
                    .with_context(|| format!("cannot look at {}", disk.root.display()));
            }
            Ok(about) if !about.is_dir() => {
                let what = what(about.file_type());
                bail!("{} is {what}; lbgen needs a directory there", disk.root.display())
            }
            Ok(_) => disk.exists = true,
        }
        let scanned = Scanned::of(&disk.root, "")?;
        disk.entries = scanned.entries.into_iter().collect();
        disk.unnamed = scanned.unnamed;
        if let Some(found) = disk.read(list::PATH)? {
            let path = disk.path(list::PATH);
            let text = String::from_utf8(found.body)
                .with_context(|| format!("{} is not UTF-8", path.display()))?;
            let (_, owned) =
                list::read(&text).with_context(|| format!("{} cannot be used", path.display()))?;
            disk.owned = owned.into_iter().collect();
        }
        Ok(disk)
    }

    /// Returns the path of the folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns true if the folder exists.
    pub fn exists(&self) -> bool {
        self.exists
    }

    /// Returns true if the folder was rendered before.
    pub fn is_rendered(&self) -> bool {
        self.entries.contains_key(list::PATH)
    }

    /// Returns the path on disk of a file of the bundle.
    pub fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Returns true if an earlier render wrote a file.
    pub fn owns(&self, path: &str) -> bool {
        path == list::PATH || self.owned.contains(path)
    }

    /// Everything that lies there, by path; folders too.
    pub fn entries(&self) -> impl Iterator<Item = (&str, FileType)> {
        self.entries.iter().map(|(path, kind)| (path.as_str(), *kind))
    }

    /// Paths that are not UTF-8, as they can be shown.
    pub fn unnamed(&self) -> impl Iterator<Item = &str> {
        self.unnamed.iter().map(String::as_str)
    }

    /// Returns true if nothing lies in a folder.
    pub fn is_empty(&self, folder: &str) -> bool {
        let inside = format!("{folder}/");
        let next = self.entries.range(inside.clone()..).next();
        !next.is_some_and(|(path, _)| path.starts_with(&inside))
    }

    /// Every file that lies there, by path.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|(_, kind)| kind.is_file()).map(|(path, _)| path.as_str())
    }

    /// The file, where there is one. A link, or a folder where a file must be, is an error; so is anything but a folder
    /// where one must be.
    pub fn read(&self, path: &str) -> anyhow::Result<Option<Found>> {
        let refuse = |path: &str, kind: FileType, wanted: &str| {
            let full = self.path(path);
            let what = what(kind);
            bail!("{} is {what}; lbgen needs {wanted} there", full.display())
        };
        match self.entries.get(path) {
            Some(kind) if kind.is_file() => {}
            Some(kind) => return refuse(path, *kind, "a file"),
            None => {
                let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
                for folder in folders {
                    if let Some(kind) = self.entries.get(folder).filter(|kind| !kind.is_dir()) {
                        return refuse(folder, *kind, "a directory");
                    }
                }
                return Ok(None);
            }
        }
        let full = self.path(path);
        let cannot = || format!("cannot read {}", full.display());
        let mut file = fs::File::open(&full).with_context(cannot)?;
        let about = file.metadata().with_context(cannot)?;
        let mut body = vec![0; usize::try_from(about.len()).unwrap_or(0)];
        std::io::Read::read_exact(&mut file, &mut body).with_context(cannot)?;
        Ok(Some(Found { body, executable: about.mode() & 0o100 != 0 }))
    }
}

/// The contents of a folder, read by many threads.
#[derive(Default)]
struct Scanned {
    entries: Vec<(String, FileType)>,
    unnamed: Vec<String>,
}

impl Scanned {
    /// `below` is the path of the folder in the bundle.
    fn of(folder: &Path, below: &str) -> anyhow::Result<Self> {
        let cannot = || format!("cannot list {}", folder.display());
        let mut found = Self::default();
        let mut folders = Vec::new();
        for entry in fs::read_dir(folder).with_context(cannot)? {
            let entry = entry.with_context(cannot)?;
            let kind = entry.file_type().with_context(cannot)?;
            // A name that is not UTF-8 is not one of ours.
            let name = match entry.file_name().into_string() {
                Ok(name) => name,
                Err(name) => {
                    found.unnamed.push(format!("{below}/{}", name.to_string_lossy()));
                    continue;
                }
            };
            if name.starts_with(UNFINISHED_PREFIX) {
                continue;
            }
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if kind.is_dir() {
                folders.push((entry.path(), path.clone()));
            }
            found.entries.push((path, kind));
        }
        let inside = folders.par_iter().map(|(folder, below)| Self::of(folder, below));
        for more in inside.collect::<Vec<anyhow::Result<Self>>>() {
            let more = more?;
            found.entries.extend(more.entries);
            found.unnamed.extend(more.unnamed);
        }
        Ok(found)
    }
}

fn what(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_dir() {
        "a directory"
    } else if kind.is_file() {
        "a file"
    } else {
        "neither file nor folder"
    }
}
