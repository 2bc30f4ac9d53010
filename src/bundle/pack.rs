//! Files as bytes that an object of Kubernetes can hold: tar (POSIX.1-1988, with GNU's long names), compressed by gzip (RFC 1952).

use std::io::{Read, Write};

use anyhow::{Context, bail};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

/// A file that was packed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// Its path in the pack.
    pub path: String,
    /// As chmod(2) takes it.
    pub mode: u32,
    /// The contents.
    pub body: Vec<u8>,
}

/// Nothing of ours is larger: what pretends to be is refused before it fills the memory.
const LIMIT: u64 = 512 << 20;

/// The same bytes for the same files.
pub fn pack<'a>(
    files: impl IntoIterator<Item = (&'a str, u32, &'a [u8])>,
) -> anyhow::Result<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    for (path, mode, body) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(body.len() as u64);
        header.set_mode(mode);
        tar.append_data(&mut header, path, body).with_context(|| format!("cannot pack {path}"))?;
    }
    packed(&tar.into_inner()?)
}

/// The files of a pack.
pub fn unpack(bytes: &[u8]) -> anyhow::Result<Vec<Packed>> {
    let tar = unpacked(bytes)?;
    let mut archive = tar::Archive::new(tar.as_slice());
    let mut files = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        if !entry.header().entry_type().is_file() {
            bail!("{path} is no file");
        }
        let mode = entry.header().mode()?;
        let mut body = Vec::new();
        entry.read_to_end(&mut body)?;
        files.push(Packed { path, mode, body });
    }
    Ok(files)
}

/// Compresses bytes.
pub fn packed(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// The bytes that were compressed.
pub fn unpacked(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut all = Vec::new();
    GzDecoder::new(bytes).take(LIMIT).read_to_end(&mut all).context("not compressed by gzip")?;
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_come_back_as_they_were() {
        let long = format!("nodes/lb-1/{}", "x".repeat(200));
        let files = [("bundle.json", 0o644, b"{}".as_slice()), (&long, 0o755, b"#!/bin/sh\n")];
        let bytes = pack(files).unwrap();
        assert_eq!(bytes, pack(files).unwrap());
        let back = unpack(&bytes).unwrap();
        let back: Vec<_> =
            back.iter().map(|file| (file.path.as_str(), file.mode, file.body.as_slice())).collect();
        assert_eq!(back, files);
        assert!(unpack(b"no gzip").is_err());
    }
}
