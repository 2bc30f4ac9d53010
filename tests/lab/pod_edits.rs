//! Edits that people make to a datacenter whose keepalived runs in pods, the way there and the way back.

use super::edits::{Edit, SAME, keepalived, ours, pinned, state, vip, without};
use super::{kubelet, release};

/// Those that every run of the tests tries; `tests/lab/run` tries the others too.
pub const POD_EDITS: &[Edit] = &[
    ours("host to DaemonSet", SAME, in_set),
    ours("DaemonSet to host", in_set, SAME),
    ours("host to static pod", SAME, in_static),
    ours("static pod to DaemonSet", in_static, in_set),
    ours("DaemonSet, another VRID", in_set, |base| in_set(&vip(base, "vrid: 77"))),
    ours("DaemonSet, new node", |base| in_set(&without(base, "lb-4:")), in_set),
    ours("DaemonSet, a new image", in_set, |base| in_set(base).replace("@sha256:01", "@sha256:ff")),
];

/// Those that `tests/lab/run` tries beside them.
pub const MORE_POD_EDITS: &[Edit] = &[
    ours("static pod to host", in_static, SAME),
    ours("DaemonSet to static pod", in_set, in_static),
    ours("static pod, a new image", in_static, |base| {
        in_static(base).replace("@sha256:01", "@sha256:ff")
    }),
    ours("static pod, another VRID", in_static, |base| in_static(&vip(base, "vrid: 77"))),
    ours("static pod, VRRP version", in_static, |base| {
        in_static(base).replace("vrrp_version: 2", "vrrp_version: 3")
    }),
    ours("static pod, new VIP", |base| in_static(&without(base, "192.0.2.12")), in_static),
    ours("DaemonSet, removed node", in_set, |base| in_set(&without(base, "lb-3:"))),
    ours("DaemonSet, maintenance", in_set, |base| in_set(&state(base, "lb-2", "maintenance"))),
    ours("DaemonSet, VRRP version", in_set, |base| {
        in_set(base).replace("vrrp_version: 2", "vrrp_version: 3")
    }),
    ours(
        "DaemonSet, priorities swapped",
        |base| in_set(&pinned(base, 200, 150)),
        |base| in_set(&pinned(base, 150, 200)),
    ),
    ours("DaemonSet, virtual to static", in_set, |base| {
        in_set(base).replace("mode: virtual", "mode: static")
    }),
    ours("host to DaemonSet, another VRID", SAME, |base| in_set(&vip(base, "vrid: 77"))),
];

fn in_set(base: &str) -> String {
    in_pods(base, "daemonset")
}

fn in_static(base: &str) -> String {
    in_pods(base, "static_pod")
}

fn in_pods(base: &str, form: &str) -> String {
    let image = "registry.example.com/keepalived@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
    let release = kubelet::version();
    let base =
        base.replace(&format!("version: {},", release::version()), &format!("version: {release},"));
    keepalived(&base, &format!("run: {form}, image: \"{image}\""))
}
