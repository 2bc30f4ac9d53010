//! Kernel settings, networkd and tmpfiles (sysctl.d(5), networkd.conf(5), tmpfiles.d(5)).

use minijinja::context;
use serde::Serialize;

use super::{Emitter, Files, node_file};
use crate::bundle::NodeFile;
use crate::plan::{Drain, Kernel, KernelSetting, NodePlan};

#[derive(Serialize)]
struct Sysctl {
    settings: Vec<Setting>,
}

/// Settings with one reason.
#[derive(Serialize)]
struct Setting {
    why: &'static str,
    keys: Vec<String>,
    value: u8,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let settings: Vec<Setting> = node.kernel.iter().map(setting).collect();
    let sysctl = emitter.render("sysctl.conf", Sysctl { settings })?;
    let networkd = emitter.render("networkd.conf", context! {})?;
    let mut files = vec![
        node_file(node, NodeFile::Sysctl, 0o644, sysctl),
        node_file(node, NodeFile::Networkd, 0o644, networkd),
    ];
    // The kubelet makes the folders of pods.
    if node.pod.is_none() {
        let folder = context! { directory => Drain::DIRECTORY };
        let tmpfiles = emitter.render("tmpfiles.conf", folder)?;
        files.push(node_file(node, NodeFile::Tmpfiles, 0o644, tmpfiles));
    }
    Ok(files)
}

fn setting(found: &KernelSetting) -> Setting {
    let (family, name) = found.setting.key();
    // A dot in an interface's name is written as a slash (sysctl.d(5)).
    let interfaces = found.interfaces.iter().map(|interface| interface.as_str().replace('.', "/"));
    Setting {
        why: why(found.setting),
        keys: interfaces.map(|interface| format!("net.{family}.conf.{interface}.{name}")).collect(),
        value: found.setting.value(),
    }
}

/// Returns why a setting is as it is and who else writes it, in lines of a comment.
fn why(setting: Kernel) -> &'static str {
    match setting {
        Kernel::ArpIgnore => "Answer ARP only on the interface that has the address.
# kube-proxy with strictARP writes the same into net.ipv4.conf.all.arp_ignore.",
        Kernel::ArpAnnounce => "Ask with an address of the asked subnet.
# kube-proxy with strictARP writes the same into net.ipv4.conf.all.arp_announce.",
        Kernel::PromoteSecondaries => "A VIP that leaves must not take the other VIPs of its subnet with it.
# systemd sets this on most hosts, not on all.",
        Kernel::AcceptRa => "Router advertisements must not bring a second default route on a public interface.",
        Kernel::RpFilter => "Requests come in where the main table would not send their replies: strict (1) drops them.
# The kernel uses the larger of this and net.ipv4.conf.all.rp_filter, and distributions set that one.",
    }
}
