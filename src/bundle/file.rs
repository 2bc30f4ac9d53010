//! Single files: whole or not there.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::{Builder, NamedTempFile};

/// The prefix of a file's name until the file is whole.
pub const UNFINISHED_PREFIX: &str = ".lbgen-";

/// Writes new files with the permission bits that they should have.
#[derive(Debug, Default)]
pub struct Creator {
    /// Folders and modes of which a file came out as it should: neither an unusual umask nor the folder's ACL takes
    /// anything away.
    kept: BTreeSet<(PathBuf, u32)>,
}

impl Creator {
    /// Writes a new file.
    pub fn create(&mut self, path: &Path, mode: u32, body: &str) -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.write_all(body.as_bytes())?;
        let place = (path.parent().unwrap_or(path).to_owned(), mode);
        if self.kept.contains(&place) {
            return Ok(());
        }
        if file.metadata()?.permissions().mode() & 0o777 == mode {
            self.kept.insert(place);
        } else {
            file.set_permissions(Permissions::from_mode(mode))?;
        }
        Ok(())
    }
}

/// Writes a file beside its place and moves it there: it is the old one or the new one, never half.
pub fn replace_file(path: &Path, body: &str) -> anyhow::Result<()> {
    let (file, path) = beside(path, body)?;
    file.persist(path)?;
    Ok(())
}

/// A file beside its place, and the place: where a link leads there, that of the file that it leads to.
pub fn beside(path: &Path, body: &str) -> anyhow::Result<(NamedTempFile, PathBuf)> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    // A bare file name has the empty path for its folder.
    let parent =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let parent = fs::canonicalize(parent)
        .with_context(|| format!("the directory {} does not exist", parent.display()))?;
    let mut file = Builder::new()
        .prefix(UNFINISHED_PREFIX)
        .permissions(Permissions::from_mode(0o644))
        .tempfile_in(&parent)?;
    file.write_all(body.as_bytes())?;
    if file.as_file().metadata()?.permissions().mode() & 0o777 != 0o644 {
        file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    }
    let place = path.file_name().map(|name| parent.join(name)).unwrap_or(path);
    Ok((file, place))
}
