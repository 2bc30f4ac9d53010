//! `bundle.json`: what lbgen owns in a bundle's folder.

use std::fmt::Write as _;

use anyhow::{Context, bail};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::BundleFile;

/// Its path in the bundle.
pub const PATH: &str = "bundle.json";

/// One line of it.
#[derive(Serialize, Deserialize)]
pub struct Owned {
    /// Below the bundle's folder.
    pub path: String,
    /// Octal digits.
    pub mode: String,
    /// Hexadecimal digits.
    pub sha256: String,
}

#[derive(Deserialize)]
struct Manifest {
    version: u32,
    files: Vec<Owned>,
}

/// `bundle.json` of these files: one file per line, so that git merges it.
pub fn of(files: &[BundleFile]) -> anyhow::Result<BundleFile> {
    let mut body =
        format!("{{\n\"version\": 1,\n\"lbgen\": {:?},\n\"files\": [\n", env!("CARGO_PKG_VERSION"));
    for (index, file) in files.iter().enumerate() {
        let mut sha256 = String::with_capacity(64);
        for byte in Sha256::digest(&file.body) {
            write!(sha256, "{byte:02x}")?;
        }
        let owned = Owned { path: file.path.clone(), mode: format!("{:04o}", file.mode), sha256 };
        body.push_str(&serde_json::to_string(&owned)?);
        body.push_str(if index + 1 < files.len() { ",\n" } else { "\n" });
    }
    body.push_str("]\n}\n");
    Ok(BundleFile { path: PATH.to_owned(), mode: 0o644, body, from: vec!["datacenter".to_owned()] })
}

/// The paths that a `bundle.json` names. One that reaches outside the bundle is an error.
pub fn owned_paths(text: &str) -> anyhow::Result<Vec<String>> {
    let manifest: Manifest =
        serde_json::from_str(text).context("it is not a bundle.json of lbgen")?;
    if manifest.version != 1 {
        bail!("it has version {}, which this lbgen does not know", manifest.version);
    }
    for owned in &manifest.files {
        let inside = owned.path.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !owned.path.contains('\0');
        if !inside {
            bail!("it names {:?}, which is not inside the bundle", owned.path);
        }
    }
    Ok(manifest.files.into_iter().map(|owned| owned.path).collect())
}
