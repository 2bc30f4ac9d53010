//! Things that an instance tracks, and their effects on it (facts D19, D36, D37).

use super::number::{Reading, whole};
use super::statement::Statement;
use crate::source::Span;

/// The kind of a tracked thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tracked {
    /// `track_script`: well while it exits with 0.
    Script,
    /// `track_file`: a number.
    File,
    /// `track_process`: well while enough of them run.
    Process,
    /// `track_interface`: well while it is up.
    Interface,
    /// `track_bfd`: well while the session is up.
    Bfd,
}

impl Tracked {
    /// Every kind.
    pub const ALL: [Self; 5] =
        [Self::Script, Self::File, Self::Process, Self::Interface, Self::Bfd];

    /// The block that lists what is tracked.
    pub fn word(self) -> &'static str {
        match self {
            Self::Script => "track_script",
            Self::File => "track_file",
            Self::Process => "track_process",
            Self::Interface => "track_interface",
            Self::Bfd => "track_bfd",
        }
    }

    /// Of which block.
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// One thing that an instance tracks.
#[derive(Debug, Clone)]
pub struct Track {
    /// Of which kind.
    pub kind: Tracked,
    /// Of which name.
    pub name: String,
    /// The weight that counts.
    pub weight: Weight,
    /// The position of the line that lists it.
    pub at: Span,
}

impl PartialEq for Track {
    fn eq(&self, other: &Self) -> bool {
        let Self { kind, name, weight, at: _ } = self;
        *kind == other.kind && *name == other.name && *weight == other.weight
    }
}

/// The effect of a tracked thing on priority: a positive weight is added while it is well, a negative one while it is
/// not; without a weight the instance is in FAULT while it is not well.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weight {
    /// 0 is FAULT.
    pub value: i32,
    /// `reverse` turns the sign round, and with 0 the instance is in FAULT while the thing is well.
    pub is_reversed: bool,
}

/// The effect of a tracked thing on an instance now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The instance takes no part.
    Fault,
    /// Its priority changes by so much.
    Change(i32),
}

impl Weight {
    /// A weight that is added, or FAULT.
    pub fn of(value: i32) -> Self {
        Self { value, is_reversed: false }
    }

    fn signed(self) -> i32 {
        if self.is_reversed { -self.value } else { self.value }
    }
}

impl Track {
    /// Returns the effect while the thing is well, or is not. A file is well while its number is 0.
    pub fn effect(&self, is_well: bool) -> Effect {
        let Weight { value, is_reversed } = self.weight;
        match (self.kind, value) {
            (_, 0) if is_well == is_reversed => Effect::Fault,
            (_, 0) => Effect::Change(0),
            // The number times the weight; who knows the number writes 1.
            (Tracked::File, _) if is_well => Effect::Change(0),
            (Tracked::File, _) if self.weight.signed() <= -254 => Effect::Fault,
            (Tracked::File, _) => Effect::Change(self.weight.signed().min(253)),
            (_, 1..) if is_well => Effect::Change(self.weight.signed()),
            (_, ..=-1) if !is_well => Effect::Change(self.weight.signed()),
            _ => Effect::Change(0),
        }
    }

    /// A line of a block that lists what is tracked: `NAME [weight N [reverse]]`. An error says why keepalived skips it, or
    /// what it takes instead.
    pub fn of(
        kind: Tracked,
        line: &Statement,
        own: Weight,
    ) -> Result<(Self, Option<String>), String> {
        let mut track = Self { kind, name: line.key().to_owned(), weight: own, at: line.at };
        let words: Vec<&str> = line.words[1..].iter().map(String::as_str).collect();
        let (value, rest) = match words.as_slice() {
            [] => return Ok((track, None)),
            ["weight", value, rest @ ..] => (*value, rest),
            ["weight"] => return Err("`weight` has no number".to_owned()),
            [other, ..] => return Err(format!("`{other}` is no option")),
        };
        let mut corrected = None;
        match whole(value, -254..=254, Reading::Beginning) {
            Some(weight) => {
                track.weight.value = i32::try_from(weight.clamp(-253, 253)).unwrap_or(0)
            }
            None => corrected = Some(format!("a weight cannot be `{value}`")),
        }
        match rest {
            [] => {}
            ["reverse"] => track.weight.is_reversed = true,
            ["noreverse"] => track.weight.is_reversed = false,
            [other, ..] => corrected = Some(format!("`{other}` is no option")),
        }
        Ok((track, corrected))
    }

    /// A weight in the block of what is tracked: `weight N [reverse]`.
    pub fn own_weight(block: &[Statement], default: i32) -> Weight {
        let Some(statement) = block.iter().find(|inner| inner.key() == "weight") else {
            return Weight::of(default);
        };
        let value = statement.value().and_then(|text| whole(text, -254..=254, Reading::Beginning));
        Weight {
            value: value.and_then(|value| i32::try_from(value).ok()).unwrap_or(default),
            is_reversed: statement.words.get(2).is_some_and(|word| word == "reverse"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn effect(kind: Tracked, value: i32, is_reversed: bool, is_well: bool) -> Effect {
        let at = Span::of_file(Default::default());
        let weight = Weight { value, is_reversed };
        Track { kind, name: String::new(), weight, at }.effect(is_well)
    }

    #[test]
    fn weights_count_as_keepalived_counts_them() {
        use Effect::{Change, Fault};
        use Tracked::{File, Interface, Script};
        assert_eq!(effect(Script, 0, false, false), Fault);
        assert_eq!(effect(Script, 0, true, true), Fault);
        assert_eq!(effect(Script, 0, true, false), Change(0));
        assert_eq!(effect(Interface, 20, false, true), Change(20));
        assert_eq!(effect(Interface, -20, false, false), Change(-20));
        assert_eq!(effect(Interface, -20, false, true), Change(0));
        assert_eq!(effect(Script, 20, true, true), Change(-20));
        assert_eq!(effect(Script, -20, true, false), Change(20));
        assert_eq!(effect(File, 0, true, true), Fault);
        assert_eq!(effect(File, 5, false, false), Change(5));
        assert_eq!(effect(File, 5, false, true), Change(0));
    }
}
