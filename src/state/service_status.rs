//! The script that writes VIPs into the status of Services: what it writes, for a program that does the same.

use serde_json::Value;

/// A Service and its status.
#[derive(Debug, Clone, PartialEq)]
pub struct ServiceStatus {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The merge patch (RFC 7396) of its status.
    pub patch: Value,
}

impl ServiceStatus {
    /// Those of a script: `service NAMESPACE NAME`, and the patch in the line after it.
    pub fn read(script: &str) -> Vec<Self> {
        let mut found = Vec::new();
        let mut lines = script.lines();
        while let Some(line) = lines.next() {
            let words: Vec<&str> = line.trim_end_matches('\\').split_whitespace().collect();
            let ["service", namespace, name] = words.as_slice() else { continue };
            let patch = lines.next().unwrap_or_default().trim().trim_end_matches('\\').trim();
            if let Ok(patch) = serde_json::from_str(patch.trim_matches('\'')) {
                found.push(Self {
                    namespace: (*namespace).to_owned(),
                    name: (*name).to_owned(),
                    patch,
                });
            }
        }
        found
    }
}
