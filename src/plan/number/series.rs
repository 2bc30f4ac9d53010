//! The numbers of a pool in rising order, each by its place.

use std::ops::RangeInclusive;

/// Numbers in rising order, found by their place: a pool may hold as many as there are of 32 bits.
pub(super) struct Series {
    /// The number of numbers.
    pub size: u64,
    at: Box<dyn Fn(u64) -> u32>,
}

impl Series {
    /// The number at a place below `size`.
    pub fn at(&self, place: u64) -> u32 {
        (self.at)(place)
    }

    /// A range.
    pub fn range(range: RangeInclusive<u32>) -> Self {
        let first = *range.start();
        Self {
            size: u64::from(range.end() - first) + 1,
            at: Box::new(move |place| add(first, place)),
        }
    }

    /// A range, without the numbers of another one.
    pub fn without(range: &RangeInclusive<u32>, taken: &RangeInclusive<u32>) -> Self {
        let (first, last) = (*range.start(), *range.end());
        let after = first.max(taken.end().saturating_add(1));
        let below = u64::from(last.saturating_add(1).min(*taken.start()).saturating_sub(first));
        let above = (u64::from(last) + 1).saturating_sub(after.into());
        let at =
            move |place| if place < below { add(first, place) } else { add(after, place - below) };
        Self { size: below + above, at: Box::new(at) }
    }

    /// The values of a mask other than 0: bit after bit of the place goes to the next bit of the mask.
    pub fn submasks(mask: u32) -> Self {
        let at = move |place: u64| {
            let bits = (0..u32::BITS).filter(|bit| mask & (1 << bit) != 0).enumerate();
            bits.filter(|(digit, _)| (place + 1) & (1 << digit) != 0).map(|(_, bit)| 1 << bit).sum()
        };
        Self { size: (1 << mask.count_ones()) - 1, at: Box::new(at) }
    }
}

/// The number that many places after the first.
fn add(first: u32, places: u64) -> u32 {
    first.saturating_add(u32::try_from(places).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(series: &Series) -> Vec<u32> {
        (0..series.size).map(|place| series.at(place)).collect()
    }

    #[test]
    fn a_range_lacks_what_is_taken() {
        for (range, expected) in [
            (250..=257, vec![250, 251, 252, 256, 257]),
            (254..=256, vec![256]),
            (252..=254, vec![252]),
            (253..=255, vec![]),
            (3..=5, vec![3, 4, 5]),
            (300..=301, vec![300, 301]),
        ] {
            assert_eq!(all(&Series::without(&range, &(253..=255))), expected, "{range:?}");
        }
        let whole = Series::without(&(1..=u32::MAX), &(253..=255));
        assert_eq!((whole.size, whole.at(whole.size - 1)), (u64::from(u32::MAX) - 3, u32::MAX));
        assert_eq!(all(&Series::range(7..=9)), [7, 8, 9]);
    }

    #[test]
    fn a_mask_has_all_its_values_but_zero() {
        assert_eq!(Series::submasks(0xff).size, 255);
        assert_eq!(all(&Series::submasks(0x30)), [0x10, 0x20, 0x30]);
        assert_eq!(all(&Series::submasks(0x8000_0001)), [1, 0x8000_0000, 0x8000_0001]);
        let whole = Series::submasks(u32::MAX);
        assert_eq!(whole.at(whole.size - 1), u32::MAX);
    }
}
