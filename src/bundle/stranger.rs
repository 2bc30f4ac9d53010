//! Entries of a bundle's folders that no render wrote: what lies below a node would be copied to it, and installed as root.

use std::collections::BTreeSet;

use super::{BundleFile, Disk, Place};
use crate::emit::is_generated;

/// The paths below `nodes/` and `kubernetes/` that neither `bundle.json` nor a render names: files, links, and folders with
/// nothing in them. What stands beside those folders is nobody's business.
pub fn strangers(disk: &Disk, files: &[BundleFile]) -> anyhow::Result<Vec<String>> {
    let wanted: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let mut found = Vec::new();
    for (path, kind) in disk.entries().filter(|(path, _)| Place::is_delivered(path)) {
        if wanted.contains(path) || disk.owns(path) {
            continue;
        }
        let is_stranger = if kind.is_dir() {
            // One that files of the render go into only lost them.
            let inside = format!("{path}/");
            disk.is_empty(path) && !wanted.iter().any(|file| file.starts_with(&inside))
        } else if kind.is_file() {
            // One that says so was written by a render, and the next one removes it.
            let body = disk.read(path)?.map(|found| found.body).unwrap_or_default();
            !is_generated(&String::from_utf8_lossy(&body))
        } else {
            true
        };
        if is_stranger {
            found.push(path.to_owned());
        }
    }
    found.extend(disk.unnamed().map(str::to_owned));
    Ok(found)
}
