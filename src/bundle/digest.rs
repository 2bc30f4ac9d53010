//! SHA-256 (FIPS 180-4) as text, and the short form in which people read a digest or a commit.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The digest in 64 lowercase hexadecimal digits.
pub fn sha256(bytes: impl AsRef<[u8]>) -> String {
    let mut text = String::with_capacity(64);
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// The first 12 digits of a digest or a commit.
pub fn short(digest: &str) -> &str {
    digest.get(..12).unwrap_or(digest)
}
