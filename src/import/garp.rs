//! Settings of gratuitous ARP -> `garp` of a VIP or of all.

use super::codes;
use super::finding::Findings;
use super::yaml::Yaml;
use crate::state::Statement;

/// The settings that an inventory has, and whether each is a time.
const KEYS: [(&str, bool); 4] =
    [("delay", true), ("repeat", false), ("refresh", true), ("refresh_repeat", false)];
/// The word before them in an instance; in `global_defs` another one precedes it.
const PREFIX: &str = "garp_master_";

/// The values of the settings, in seconds or packets; `None` where nothing is said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Garp([Option<u64>; 4]);

impl Garp {
    /// Reads the statements of `global_defs` or of an instance.
    pub fn read(statements: &[Statement], findings: &mut Findings) -> Self {
        let mut found = Self::default();
        for statement in statements {
            let key = statement.key();
            let key = key.strip_prefix("vrrp_").unwrap_or(key).strip_prefix(PREFIX);
            let index = KEYS.iter().position(|(name, _)| Some(*name) == key);
            let Some(index) = index else { continue };
            let range = if KEYS[index].1 { 0..=86_400 } else { 1..=255 };
            let value = statement.value().and_then(|value| value.parse().ok());
            found.0[index] = value.filter(|value| range.contains(value));
            if found.0[index].is_none() {
                findings.add(
                    &codes::UNSAYABLE,
                    statement.at,
                    format!("`{}` cannot stand in an inventory", statement.words.join(" ")),
                    "it has whole seconds up to a day, and 1 to 255 packets",
                );
            }
        }
        found
    }

    /// `None` where nothing is said.
    pub fn yaml(&self) -> Option<Yaml> {
        let mut map = Yaml::map();
        for ((key, is_time), value) in KEYS.into_iter().zip(self.0) {
            let value = value.map(|value| match is_time {
                true => Yaml::text(format!("{value}s")),
                false => Yaml::plain(value),
            });
            map.put_some(key, value);
        }
        Some(map).filter(|map| !map.is_empty())
    }
}
