//! A node on this machine, from its root overlay.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Runs a shell script in a network and mount namespace of its own, `$1` being `node`: the root overlay of a node lies
/// over the file system as if it had been copied, and every interface that its configuration names is there.
pub fn on_node(node: &Path, script: &str) -> Output {
    const PREPARE: &str = r#"
        set -eu
        conf=$1/etc/keepalived/keepalived.conf
        ip link set lo up
        interfaces=$(awk '/track_interface \{/ { on = 1; next } /}/ { on = 0 } on { print $1 }
            { for (i = 1; i < NF; i++) if ($i == "dev" || $i == "interface") print $(i + 1) }' "$conf" | sort -u)
        for interface in $interfaces; do
            index=$((${index:-0} + 1))
            ip link add "$interface" type veth peer name "peer-$index"
            ip link set "$interface" up
            ip link set "peer-$index" up
        done
        if [ -d "$1/usr" ]; then
            mount -t overlay overlay -o "lowerdir=$1/usr:/usr" /usr
        else
            # In a pod: what is the same on every node is in the image.
            mount -t overlay overlay -o "lowerdir=$1/etc:/etc" /etc
            mount -t tmpfs tmpfs /usr/local
            mkdir -p /usr/local/bin /usr/local/sbin /usr/local/libexec/lbgen
            cp "$2"/templates/loaded "$2"/templates/check-entrypoint /usr/local/libexec/lbgen/
            cp "$2"/packaging/keepalived/lbgen-policy-routing /usr/local/sbin/
            chmod -R 755 /usr/local
        fi
        mount -t tmpfs tmpfs /usr/local/bin
        mount -t tmpfs tmpfs /run
        for command in on-vrrp on-web announce withdraw; do
            printf '#!/bin/sh\n' >/usr/local/bin/$command
            chmod 755 /usr/local/bin/$command
        done
        mkdir /run/lbgen
    "#;
    // With its processes: whatever a script starts is gone when it ends.
    let unshare =
        ["120", "unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"];
    Command::new("timeout")
        .args(unshare)
        .args(["sh", "-c", &format!("{PREPARE}\n{script}"), "node"])
        .arg(node)
        .arg(super::root())
        .output()
        .unwrap()
}

/// The nodes of a bundle.
pub fn nodes(bundle: &Path) -> Vec<PathBuf> {
    let mut nodes: Vec<_> =
        fs::read_dir(bundle.join("nodes")).unwrap().map(|entry| entry.unwrap().path()).collect();
    nodes.sort();
    nodes
}
