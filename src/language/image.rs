//! References of container images (distribution/reference).

use super::name::Image;

impl Image {
    /// Returns true if it names one image for ever, and not what a tag leads to today.
    pub fn has_digest(&self) -> bool {
        self.as_str().contains('@')
    }
}

/// Returns true if a text is a reference: `[REGISTRY/]PATH[:TAG][@sha256:DIGEST]`.
pub(super) fn is_image(text: &str) -> bool {
    let (named, digest) = text.split_once('@').unzip();
    let named = named.unwrap_or(text);
    let is_digest = |digest: &str| {
        digest.strip_prefix("sha256:").is_some_and(|digits| {
            digits.len() == 64 && digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    // A colon before the last slash is that of a registry's port.
    let path_at = named.rfind('/').map_or(0, |slash| slash + 1);
    let (path, tag) = match named[path_at..].split_once(':') {
        Some((last, tag)) => (&named[..path_at + last.len()], Some(tag)),
        None => (named, None),
    };
    let is_tag = |tag: &str| {
        tag.len() <= 128
            && tag.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
            && tag.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b))
    };
    let is_part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphanumeric())
            && part.ends_with(|c: char| c.is_ascii_alphanumeric())
            && part.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' | b'-'))
    };
    let is_registry = |part: &str| {
        let (host, port) = part.split_once(':').unwrap_or((part, "0"));
        is_part(&host.to_ascii_lowercase())
            && !port.is_empty()
            && port.bytes().all(|b| b.is_ascii_digit())
    };
    let is_path = match path.split_once('/') {
        Some((first, rest)) => is_registry(first) && rest.split('/').all(is_part),
        None => is_part(path),
    };
    text.len() <= 512 && is_path && tag.is_none_or(is_tag) && digest.is_none_or(is_digest)
}
