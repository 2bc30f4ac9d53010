//! Packet marks: the values of a mask.

/// The values of a mask other than 0, rising.
pub(super) fn submasks(mask: u32) -> impl Iterator<Item = u32> + Clone {
    std::iter::successors(Some(0u32), move |value| {
        let next = value.wrapping_sub(mask) & mask;
        (next != 0).then_some(next)
    })
    .skip(1)
}

/// The help for a mask that has too few values.
pub(super) fn wider_mask(mask: u32, vips: usize) -> String {
    let needed = usize::BITS - vips.leading_zeros();
    let low = mask.trailing_zeros();
    let wider = (((1u64 << needed) - 1) << low) | u64::from(mask);
    match u32::try_from(wider) {
        Ok(wider) => format!(
            "write `mark_mask: {wider:#x}`, after making sure that nothing else uses those bits"
        ),
        Err(_) => "give VIPs disjoint `nodes`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_has_all_its_values_but_zero() {
        assert_eq!(submasks(0xff).count(), 255);
        assert_eq!(submasks(0x30).collect::<Vec<_>>(), [0x10, 0x20, 0x30]);
        assert_eq!(submasks(0x8000_0001).collect::<Vec<_>>(), [1, 0x8000_0000, 0x8000_0001]);
    }

    #[test]
    fn a_wider_mask_is_wide_enough() {
        assert!(wider_mask(0xf, 16).contains("0x1f"));
        assert!(wider_mask(0xf0, 300).contains("0x1ff0"));
    }
}
