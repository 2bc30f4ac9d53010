//! Settings that other programs may not take as they are meant: marks of a CNI plugin, a keepalived that is not known.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{Datacenter, KeepalivedVersion};
use crate::route::RoutingTable;

/// Mark bits that a CNI plugin uses by default.
const CNI_MARKS: Code = code!(Warning "LB215", "mark bits that a CNI plugin uses by default");
/// Nobody has tried it.
const UNKNOWN_KEEPALIVED: Code =
    code!(Warning "LB216", "a keepalived version whose behaviour is not known");

/// The codes of this family.
pub const CODES: &[&Code] = &[&CNI_MARKS, &UNKNOWN_KEEPALIVED];

/// CNI plugins and the mark bits that they use by default.
const CNI: &[(&str, u32)] = &[("Calico", 0xffff_0000), ("Cilium", 0xffff_0f00)];

/// Reports a mask that a CNI plugin may share, and a version that is too new to be known.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let routing = &datacenter.policy_routing;
    let sharing: Vec<&str> = CNI
        .iter()
        .filter(|(_, bits)| routing.mark_mask & bits != 0)
        .map(|(name, _)| *name)
        .collect();
    if let (Some(span), false, true) =
        (routing.mark_mask_span, sharing.is_empty(), datacenter.kubernetes.kube_proxy.needs_marks())
    {
        report.push(
            Diagnostic::new(
                &CNI_MARKS,
                span,
                format!(
                    "{} may use bits of `mark_mask` {:#x}",
                    sharing.join(" and "),
                    routing.mark_mask
                ),
                "each would overwrite the other's marks",
            )
            .note("by default Calico marks packets with 0xffff0000, Cilium with 0xffff0f00")
            .help(
                "the low byte is free in both; if the cluster runs neither, write `allow: [LB215]`",
            ),
        );
    }
    let keepalived = &datacenter.keepalived;
    if let Some(span) = keepalived.version_span
        && keepalived.version > KeepalivedVersion::NEWEST
    {
        report.push(
            Diagnostic::new(
                &UNKNOWN_KEEPALIVED,
                span,
                format!("lbgen does not know keepalived {}", keepalived.version),
                format!("written as for {}", KeepalivedVersion::NEWEST),
            )
            .help("run `keepalived -t` on a node before the rollout"),
        );
    }
}
