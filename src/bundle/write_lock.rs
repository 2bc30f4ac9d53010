//! Renders take turns: one at a time changes what lies in an output folder (flock(2)).

use std::fs::{self, File};
use std::path::Path;

use anyhow::Context;

/// The right to change an output folder, or to read it while nobody changes it; over when it is dropped.
#[derive(Debug)]
pub struct WriteLock {
    _folder: File,
}

impl WriteLock {
    /// Makes the folder where it is not there, and waits until no other render uses it.
    pub fn take(output: &Path) -> anyhow::Result<Self> {
        let shown = output.display();
        if fs::metadata(output).is_ok_and(|about| !about.is_dir()) {
            anyhow::bail!("{shown} is a file; lbgen needs a directory there");
        }
        fs::create_dir_all(output).with_context(|| format!("cannot make {shown}"))?;
        let folder = File::open(output).with_context(|| format!("cannot open {shown}"))?;
        folder.lock().with_context(|| format!("cannot lock {shown}"))?;
        Ok(Self { _folder: folder })
    }

    /// Waits until no render changes the folder; `None` where there is none.
    pub fn shared(output: &Path) -> Option<Self> {
        let folder = File::open(output).ok()?;
        // A file system without locks has no turns to wait for.
        let _ = folder.lock_shared();
        Some(Self { _folder: folder })
    }
}
