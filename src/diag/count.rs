//! Numbers of things, in words.

/// `1 VIP`, `2 VIPs`.
pub fn count(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
