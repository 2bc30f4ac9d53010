//! Files by path, as a bundle lays them out, wherever they come from: a folder, a revision of git, memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};

use rayon::prelude::*;

use super::git::git;
use super::object::{self, Object};
use crate::bundle::{CONFIGURATION, Change, ChangeKind, Disk, OldFile, Place, sha256};
use crate::emit::{BundleFile, is_generated};
use crate::language::name::{Name, Subdomain};

/// Files below `nodes/` and `kubernetes/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    /// The prefix that messages put before a path.
    root: String,
    /// True if the tree's own paths lie below the root as `NAME/etc/...`, unlike those of a bundle.
    pub(super) bare: bool,
    files: BTreeMap<String, Arc<str>>,
    /// Names that messages use for files that came from elsewhere.
    elsewhere: BTreeMap<String, String>,
}

impl Tree {
    /// One file, the whole configuration of the node that it is called after.
    pub fn of_file(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display().to_string();
        let name = path.file_name().and_then(|name| name.to_str()).and_then(node_of_file);
        let Some(name) = name else {
            bail!(
                "{shown} is neither a directory nor NODE.conf: a file has the name of its node, such as lb-1.conf"
            )
        };
        let body = fs::read(path).with_context(|| format!("cannot read {shown}"))?;
        let inside = Place::folder_of(&node_name(name)) + CONFIGURATION;
        Ok(Self {
            files: BTreeMap::from([(inside.clone(), text_of(body).into())]),
            elsewhere: BTreeMap::from([(inside, shown)]),
            ..Self::default()
        })
    }

    /// Some files of a render.
    pub fn of_files<'a>(root: &str, files: impl IntoIterator<Item = &'a BundleFile>) -> Self {
        let files = files.into_iter().map(|file| (file.path.clone(), file.body.clone())).collect();
        Self { root: root.to_owned(), bare: false, files, ..Self::default() }
    }

    /// Some files of a bundle on disk; what its `changes` read already is shared.
    pub fn of_disk(
        disk: &Disk,
        changes: &[Change<'_>],
        wanted: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Self> {
        let read: BTreeMap<&str, &OldFile> = changes
            .iter()
            .filter_map(|change| {
                Some((change.renamed_from.unwrap_or(change.path), change.old.as_ref()?))
            })
            .collect();
        let mut files = BTreeMap::new();
        for path in disk.files().filter(|path| wanted(path)) {
            if let Some(old) = read.get(path) {
                files.insert(path.to_owned(), old.body.clone());
            } else if let Some(found) = disk.read(path)? {
                files.insert(path.to_owned(), OldFile::from(found).body);
            }
        }
        Ok(Self { root: disk.root().display().to_string(), bare: false, files, ..Self::default() })
    }

    /// A folder: a bundle, a folder of bundles that has one of this datacenter, or a folder per node with its
    /// `etc/keepalived/keepalived.conf`.
    pub fn of_folder(folder: &Path, datacenter: Option<&str>) -> anyhow::Result<Self> {
        if !folder.is_dir() {
            bail!("{} is not a directory", folder.display());
        }
        let nested = datacenter.map(|name| folder.join(name));
        let folder = match nested {
            Some(nested) if !folder.join("nodes").is_dir() && nested.join("nodes").is_dir() => {
                nested
            }
            _ => folder.to_owned(),
        };
        let mut files = BTreeMap::new();
        scan(&folder, "", &mut files)?;
        refuse_uncollected(&folder, &files)?;
        Self::adopt(folder.display().to_string(), datacenter, files)
    }

    /// The bundle as git has it at a revision, in the repository that `folder` lies in. A folder that is not there at
    /// that revision is an error.
    pub fn of_revision(revision: &str, folder: &Path) -> anyhow::Result<Self> {
        let above =
            folder.ancestors().find(|above| above.is_dir() && !above.as_os_str().is_empty());
        let work = above.unwrap_or(Path::new("."));
        let below = folder.strip_prefix(work).unwrap_or(Path::new(""));
        let prefix = git(work, &["rev-parse", "--show-prefix"])
            .context("the bundle is in no git repository")?;
        let prefix = format!("{}{}", String::from_utf8(prefix)?.trim_end(), below.display());
        let prefix = prefix.trim_end_matches('/');
        let commit = format!("{revision}^{{commit}}");
        if git(work, &["rev-parse", "--verify", "--quiet", "--end-of-options", &commit]).is_err() {
            bail!("git has no revision `{revision}`");
        }
        // In a folder below, git archives that folder alone.
        let top = String::from_utf8(git(work, &["rev-parse", "--show-toplevel"])?)?;
        let top = Path::new(top.trim_end());
        let tar = git(top, &["archive", "--format=tar", &format!("{revision}:{prefix}")])
            .with_context(|| format!("there is no {prefix} at {revision}"))?;
        let files = untar(&tar)?;
        Self::adopt(format!("{revision}:{prefix}"), None, files)
    }

    /// Gives files the places of a bundle.
    fn adopt(
        root: String,
        datacenter: Option<&str>,
        files: BTreeMap<String, Arc<str>>,
    ) -> anyhow::Result<Self> {
        if files.keys().any(|path| Place::is_delivered(path)) {
            return Ok(Self { root, bare: false, files, ..Self::default() });
        }
        let nodes: BTreeSet<&str> =
            files.keys().filter_map(|path| path.strip_suffix(CONFIGURATION)).collect();
        let nodes: BTreeSet<String> =
            nodes.into_iter().filter_map(|node| Some(node.strip_suffix('/')?.to_owned())).collect();
        let (nested, nodes): (BTreeSet<String>, BTreeSet<String>) =
            nodes.into_iter().partition(|node| node.contains('/'));
        let configures = |body: &str| {
            let words =
                ["vrrp_", "global_defs", "include", "virtual_server", "static_", "track_file"];
            words.iter().any(|word| body.contains(word))
        };
        let alone: BTreeSet<String> = files
            .iter()
            .filter(|(_, body)| configures(body))
            .filter_map(|(path, _)| Some(node_of_file(path)?.to_owned()))
            .collect();
        if nodes.is_empty() && alone.is_empty() {
            if let Some((bundle, _)) = nested.first().and_then(|path| path.split_once("/nodes/")) {
                if datacenter.is_none() {
                    bail!("{root} is not a bundle, but {root}/{bundle} is one");
                }
                // Bundles of others: nothing of this one is there.
                return Ok(Self { root, ..Self::default() });
            }
            if files.contains_key(CONFIGURATION) {
                bail!("{root} is the folder of one node: give the folder that it is in");
            }
            bail!("{root} has neither `nodes/`, nor NODE/{CONFIGURATION}, nor NODE.conf");
        }
        // A folder per node, or a file per node with what else is known of the node beside it.
        let mut elsewhere = BTreeMap::new();
        let mut moved = |inside: String, path: &str, body| {
            elsewhere.insert(inside.clone(), format!("{root}/{path}"));
            Some((inside, body))
        };
        let files: BTreeMap<String, Arc<str>> = files
            .into_iter()
            .filter_map(|(path, body)| {
                let (folder, below) = path.split_once('/').unwrap_or((&path, ""));
                if nodes.contains(folder) {
                    return moved(Place::folder_of(&node_name(folder)) + below, &path, body);
                }
                if let Some(node) = node_of_file(&path).filter(|node| alone.contains(*node)) {
                    return moved(Place::folder_of(&node_name(node)) + CONFIGURATION, &path, body);
                }
                let beside = |node: &String| path.strip_prefix(node.as_str())?.strip_prefix('.');
                let (node, name) = alone.iter().find_map(|node| Some((node, beside(node)?)))?;
                moved(Place::folder_of(&node_name(node)) + name, &path, body)
            })
            .collect();
        Ok(Self { root, bare: true, files, elsewhere })
    }

    /// Returns what differs from a render; files that lbgen did not write stay.
    pub fn changes<'a>(&'a self, files: &'a [BundleFile]) -> Vec<Change<'a>> {
        let wanted: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
        let mut changes: Vec<Change<'a>> = Vec::new();
        for file in files {
            let old = self.files.get(&file.path);
            let kind = match old {
                None => ChangeKind::Added,
                Some(old) if **old != *file.body => ChangeKind::Changed,
                Some(_) => continue,
            };
            let old = old.map(|body| OldFile { body: body.clone(), mode: file.mode });
            changes.push(Change {
                path: &file.path,
                kind,
                old,
                new: Some(file),
                renamed_from: None,
            });
        }
        for (path, body) in &self.files {
            if !wanted.contains(path.as_str()) && is_generated(body) {
                let old = Some(OldFile { body: body.clone(), mode: 0o644 });
                changes.push(Change {
                    path,
                    kind: ChangeKind::Removed,
                    old,
                    new: None,
                    renamed_from: None,
                });
            }
        }
        changes.sort_by_key(|change| change.path);
        changes
    }

    /// Every file, by path.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().map(|(path, body)| (path.as_str(), &**body))
    }

    /// The objects of its manifests.
    pub fn objects(&self) -> Vec<Object> {
        self.manifests().0
    }

    /// The objects of its manifests, and the manifests that are no YAML.
    pub(super) fn manifests(&self) -> (Vec<Object>, BTreeSet<String>) {
        let manifests: Vec<(&str, &str)> =
            self.iter().filter(|(path, _)| object::is_manifest(path)).collect();
        let read: Vec<(&str, Option<Vec<Object>>)> =
            manifests.par_iter().map(|(path, body)| (*path, object::read(path, body))).collect();
        let broken = read.iter().filter(|(_, objects)| objects.is_none());
        let broken = broken.map(|(path, _)| (*path).to_owned()).collect();
        (read.into_iter().filter_map(|(_, objects)| objects).flatten().collect(), broken)
    }

    /// Adds the files of another one, which win.
    pub fn merge(&mut self, other: Self) {
        let shown = other.files.keys().map(|path| (path.clone(), other.shown(path)));
        self.elsewhere.extend(shown);
        self.files.extend(other.files);
    }

    /// The files of a folder, which ends in a slash, by their paths below it.
    pub fn below<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self.files.range(folder.to_owned()..);
        all.map_while(move |(path, body)| Some((path.strip_prefix(folder)?, &**body)))
    }

    /// The same with the files that are wanted.
    pub fn only(&self, wanted: impl Fn(&str) -> bool) -> Self {
        let mut tree = self.clone();
        tree.retain(wanted);
        tree
    }

    /// Keeps some of the files.
    pub(super) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        self.files.retain(|path, _| keep(path));
    }

    /// Puts a file there.
    pub(super) fn insert(&mut self, path: String, body: impl Into<Arc<str>>) {
        self.files.insert(path, body.into());
    }

    /// The text of a file, to be kept.
    pub fn share(&self, path: &str) -> Option<Arc<str>> {
        self.files.get(path).cloned()
    }

    /// A file.
    pub fn get(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(|body| &**body)
    }

    /// SHA-256 of the files that each node must have: those that keepalived and lbgen read.
    pub fn digests(&self) -> BTreeMap<Subdomain, Vec<(String, String)>> {
        let mut found: BTreeMap<Subdomain, Vec<(String, String)>> = BTreeMap::new();
        for (path, body) in self.iter() {
            let Place::Node { node, file } = Place::of(path) else { continue };
            let ours = is_generated(body) || file.is_of_keepalived();
            if let Some(node) = Subdomain::parse(node).filter(|_| ours) {
                found.entry(node).or_default().push((file.to_string(), sha256(body)));
            }
        }
        found
    }

    /// The names of the folders below `nodes/`.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        let names: BTreeSet<&str> = self
            .files
            .keys()
            .filter_map(|path| Place::below_nodes(path)?.split_once('/'))
            .map(|(name, _)| name)
            .collect();
        names.into_iter()
    }

    /// A path as a message shows it.
    pub fn shown(&self, path: &str) -> String {
        if let Some(shown) = self.elsewhere.get(path) {
            return shown.clone();
        }
        let path = if self.bare { Place::below_nodes(path).unwrap_or(path) } else { path };
        if self.root.is_empty() { path.to_owned() } else { format!("{}/{path}", self.root) }
    }
}

/// Returns the inventory's name for a node whose folder or file somebody else named: `LB_1` is `lb-1`.
fn node_name(folder: &str) -> String {
    folder.to_ascii_lowercase().replace('_', "-")
}

/// The node whose whole configuration a file is: `lb-1.conf`, `lb-1.keepalived.conf`.
fn node_of_file(path: &str) -> Option<&str> {
    let name = path.strip_suffix(".conf").filter(|name| !name.contains('/'))?;
    Some(name.strip_suffix(".keepalived").unwrap_or(name)).filter(|name| *name != "keepalived")
}

/// The text files below a folder. Links are not followed, what is not UTF-8 is not configuration.
fn scan(folder: &Path, below: &str, files: &mut BTreeMap<String, Arc<str>>) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(cannot)? {
        let entry = entry.with_context(cannot)?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let path = if below.is_empty() { name } else { format!("{below}/{name}") };
        let kind = entry.file_type().with_context(cannot)?;
        if kind.is_dir() {
            scan(&entry.path(), &path, files)?;
        } else if kind.is_file() {
            let body = fs::read(entry.path()).with_context(cannot)?;
            // What keepalived would read is read, whatever it is.
            if path.ends_with(".conf") || std::str::from_utf8(&body).is_ok() {
                files.insert(path, text_of(body).into());
            }
        }
    }
    Ok(())
}

/// Beside folders of nodes, one without its configuration was not collected as a whole: the node would count as one on
/// which nothing runs.
fn refuse_uncollected(folder: &Path, files: &BTreeMap<String, Arc<str>>) -> anyhow::Result<()> {
    let has = |path: &str| files.keys().any(|file| file.starts_with(path));
    let is_node = |name: &str| files.contains_key(&format!("{name}/{CONFIGURATION}"));
    let mut uncollected = Vec::new();
    let mut are_nodes = false;
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(name) = entry.file_name().into_string() else { continue };
        if is_node(&name) {
            are_nodes = true;
        } else if entry.path().is_dir()
            && !name.starts_with('.')
            && (has(&format!("{name}/etc/")) || !has(&format!("{name}/")))
        {
            uncollected.push(entry.path().display().to_string());
        }
    }
    uncollected.sort();
    if are_nodes && !uncollected.is_empty() {
        bail!(
            "there is no {CONFIGURATION} in {}: collect the node again, or remove its folder",
            uncollected.join(", ")
        );
    }
    Ok(())
}

/// The text of a file; what is no UTF-8 in it becomes U+FFFD.
fn text_of(body: Vec<u8>) -> String {
    String::from_utf8(body)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// The regular text files of a tar archive.
fn untar(tar: &[u8]) -> anyhow::Result<BTreeMap<String, Arc<str>>> {
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(tar).entries()? {
        let mut entry = entry?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let Some(path) = entry.path()?.to_str().map(str::to_owned) else { continue };
        let mut body = Vec::new();
        entry.read_to_end(&mut body)?;
        if let Ok(body) = String::from_utf8(body) {
            files.insert(path, body.into());
        }
    }
    Ok(files)
}
