//! The nodes of a lab as a rollout finds machines: reached by commands instead of ssh, with something that obeys like systemd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::Lab;

/// A stand-in for systemd and its journal on a node.
pub const SYSTEMD: &str = r#"
    set -e
    mkdir -p /run/systemd/system /usr/local/sbin
    cat >/usr/local/sbin/systemctl <<'END'
#!/bin/sh
case "$*" in
*"reload keepalived") kill -HUP "$(cat /run/keepalived.pid)" ;;
*"enable "*"--now keepalived")
    TMPDIR=/run/lab keepalived --dont-fork --log-console --log-detail >>/run/lab/keepalived.log 2>&1 &
    while [ ! -s /run/keepalived.pid ]; do sleep 0.05; done ;;
*"disable "*"--now keepalived")
    [ -e /run/keepalived.pid ] || exit 0
    kill "$(cat /run/keepalived.pid)"
    while [ -e /run/keepalived.pid ]; do sleep 0.05; done ;;
"stop "*" lbgen-metrics.service") pkill -xf "/bin/sh /usr/local/libexec/lbgen/metrics" || true ;;
esac
END
    printf '#!/bin/sh\ncat /run/lab/keepalived.log\n' >/usr/local/sbin/journalctl
    chmod 755 /usr/local/sbin/systemctl /usr/local/sbin/journalctl
"#;

/// Nothing of lbgen is on the node.
pub const WIPE: &str = "lbgen-policy-routing down; rm -rf /usr/local/libexec/lbgen /usr/local/sbin/lbgen-policy-routing /run/lbgen /etc/sysctl.d/90-lbgen.conf /etc/systemd/system/lbgen-policy-routing.service /etc/systemd/system/lbgen-metrics.* /etc/tmpfiles.d/lbgen.conf";

/// `LBGEN_ON` and `LBGEN_COPY`, which lead into the namespaces.
pub fn hooks(folder: &Path, lab: &Lab) {
    let mut cases = String::new();
    for (name, node) in &lab.nodes {
        cases += &format!("{name}) pid={} ;;\n", node.host.pid());
    }
    // As with ssh, a command on a node outlives the script that began it; and SLOW says how long a connection takes.
    let enter =
        "sleep ${SLOW:-0}; exec setsid -w nsenter --target \"$pid\" --net --mount --pid -- sh -c";
    let on = format!("#!/bin/sh\ncase $1 in\n{cases}esac\nshift\n{enter} \"$*\"\n");
    let copy = format!(
        "#!/bin/sh\ncase $2 in\n{cases}esac\ncase $1 in /*) folder=$1 ;; *) folder=$PWD/$1 ;; esac\n{enter} \"mkdir -p /var/lib/lbgen/next; rsync -rlt --delete $folder/ /var/lib/lbgen/next/\"\n"
    );
    for (name, text) in [("on", on), ("copy", copy)] {
        let path = folder.join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    }
}

impl Lab {
    /// Every machine stands idle, without a file of lbgen's.
    pub fn idle(&self) {
        for node in self.nodes.values() {
            node.stop();
            node.host
                .run(&format!("{WIPE} /etc/keepalived /var/lib/lbgen /run/lab/keepalived.log"));
            node.host.run(SYSTEMD);
        }
    }
}
