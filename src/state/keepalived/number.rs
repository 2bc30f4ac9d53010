//! Numbers as keepalived reads them: of some words it takes what a text begins with, of others the whole text or nothing.

use std::ops::RangeInclusive;
use std::time::Duration;

/// The part of a text that has to be a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    Whole,
    /// Its beginning: keepalived warns of the rest.
    Beginning,
}

/// A whole number in a range.
pub fn whole(text: &str, range: RangeInclusive<i64>, reading: Reading) -> Option<i64> {
    let text = text.trim_start_matches([' ', '\t']);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    if reading == Reading::Whole && (end == 0 || end < digits.len()) {
        return None;
    }
    let number =
        text[..text.len() - digits.len() + end].trim_start_matches('+').parse().unwrap_or(0);
    range.contains(&number).then_some(number)
}

/// Seconds with decimals, in a range of microseconds.
pub fn seconds(text: &str, range: RangeInclusive<u64>) -> Option<Duration> {
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    if text.starts_with('-') {
        return None;
    }
    let digits = format!("{whole}{decimals:0<6.6}");
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    let rounded = u64::from(decimals.as_bytes().get(6).is_some_and(|digit| *digit >= b'5'));
    let micros = digits[..end].parse::<u64>().ok()? + rounded;
    range.contains(&micros).then(|| Duration::from_micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_whole_or_begin_the_text() {
        assert_eq!(whole("150", 1..=255, Reading::Whole), Some(150));
        assert_eq!(whole("150%", 1..=255, Reading::Whole), None);
        assert_eq!(whole("150%", 1..=255, Reading::Beginning), Some(150));
        assert_eq!(whole("-20", -253..=253, Reading::Whole), Some(-20));
        assert_eq!(whole("256", 1..=255, Reading::Whole), None);
        assert_eq!(whole("", 1..=255, Reading::Whole), None);
    }

    #[test]
    fn seconds_have_six_decimals() {
        assert_eq!(seconds("1.5", 0..=u64::MAX), Some(Duration::from_millis(1500)));
        assert_eq!(seconds("0.0000005", 0..=u64::MAX), Some(Duration::from_micros(1)));
        assert_eq!(seconds("1", 0..=u64::MAX), Some(Duration::from_secs(1)));
        assert_eq!(seconds("300", 0..=255_000_000), None);
        assert_eq!(seconds("soon", 0..=u64::MAX), None);
    }
}
