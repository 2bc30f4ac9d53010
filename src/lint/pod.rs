//! Keepalived in pods: what a pod does worse than the host.

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::{DaemonForm, Datacenter, Entrypoint, Notify};
use crate::route::RoutingTable;

/// A tag leads to another image tomorrow.
const NO_DIGEST: Code = code!(Warning "LB246", "an image without a digest");
/// KEP-753: on by default from 1.29.
const NO_SIDECARS: Code = code!(Warning "LB247", "pods of keepalived before Kubernetes 1.29");
/// Nobody starts the pods of a DaemonSet while the API server is away.
const NEEDS_API_SERVER: Code =
    code!(Warning "LB248", "VIPs that come back after a reboot only with the API server");
/// Commands are run where keepalived runs.
const NOT_IN_IMAGE: Code = code!(Warning "LB249", "a command that the image must have");

/// Programs of the image that a check may begin with: curl(1), iproute2, nftables and the essential ones of Debian.
const IN_IMAGE: &[&str] = &[
    "awk", "bash", "cat", "curl", "false", "grep", "ip", "nft", "sed", "setpriv", "sh", "ss",
    "test", "timeout", "true",
];

fn program(command: &str) -> &str {
    command.split(' ').next().unwrap_or(command)
}

/// Returns true if a program lies where Debian's packages put theirs.
fn is_of_debian(program: &str) -> bool {
    let folder = program.rsplit_once('/').map_or("", |(folder, _)| folder);
    ["/bin", "/sbin", "/usr/bin", "/usr/sbin"].contains(&folder)
}

/// The codes of this family.
pub const CODES: &[&Code] = &[&NO_DIGEST, &NO_SIDECARS, &NEEDS_API_SERVER, &NOT_IN_IMAGE];

/// Reports images that can change, and what pods depend on.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    let Some(pod) = &datacenter.keepalived.pod else { return };
    let image = &pod.image;
    if !image.value.has_digest() {
        report.push(
            Diagnostic::new(
                &NO_DIGEST,
                image.span,
                format!("the image `{}` has no digest", image.value),
                "nodes that pull it on different days may run different images",
            )
            .help("write `IMAGE@sha256:DIGEST`, which a push prints"),
        );
    }
    let version = datacenter.kubernetes.version;
    if !version.at_least(29) {
        let title = format!("Kubernetes {version} has no sidecars that outlive a container");
        report.push(
            Diagnostic::new(
                &NO_SIDECARS,
                pod.span,
                title,
                "the guard is an ordinary container of the pod",
            )
            .note("when a pod ends, its guard may end before keepalived: one that is killed then leaves its VIPs on the node")
            .help("keep `run: host` until the cluster runs 1.29"),
        );
    }
    if pod.form == DaemonForm::DaemonSet {
        report.push(
            Diagnostic::new(
                &NEEDS_API_SERVER,
                pod.span,
                "a node that reboots while the API server is away holds no VIP",
                "the kubelet starts the pods of a DaemonSet for the API server",
            )
            .note("pods that run go on running without it")
            .help("write `run: static_pod`; or `allow: [LB248]`, where nothing needs these VIPs while the API server is away"),
        );
    }
    let of_all = datacenter.keepalived.notify.iter().map(|notify| (notify, pod.span));
    let of_vips = datacenter.vips.iter().filter_map(|vip| {
        let notify = vip.notify.as_ref()?;
        (datacenter.keepalived.notify.as_ref() != Some(notify))
            .then_some((notify, vip.address.span))
    });
    let notified = of_all.chain(of_vips).filter_map(|(Notify { commands, .. }, span)| {
        Some((commands.values().next()?.as_str(), span, "`notify`"))
    });
    let checks = datacenter.entrypoints.values().flat_map(Entrypoint::checks);
    let checked = checks.chain(&datacenter.node_check).filter(|check| {
        let program = program(check.command.as_str());
        let name = program.rsplit('/').next().unwrap_or(program);
        let is_in_image = IN_IMAGE.contains(&name) && is_of_debian(program);
        !(check.command.is_shell() || is_in_image)
    });
    let checked = checked.map(|check| (check.command.as_str(), check.span, "the check"));
    for (command, span, what) in notified.chain(checked) {
        report.push(
            Diagnostic::new(
                &NOT_IN_IMAGE,
                span,
                format!("the image must have `{}`", program(command)),
                format!("{what} runs in the pod"),
            )
            .note("a program of the host is not there")
            .help("build an image on top of `packaging/keepalived/Containerfile` that has it, and waive this"),
        );
    }
}
