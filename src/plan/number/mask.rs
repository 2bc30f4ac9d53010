//! Packet marks that a mask has too few of.

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
    fn a_wider_mask_is_wide_enough() {
        assert!(wider_mask(0xf, 16).contains("0x1f"));
        assert!(wider_mask(0xf0, 300).contains("0x1ff0"));
    }
}
