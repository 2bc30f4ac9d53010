//! The keepalived that hosts run: this machine's, or the one of another Debian, whose folder `LBGEN_KEEPALIVED_ROOT`
//! names.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use lbgen::language::version::KeepalivedVersion;

use super::host::Host;

/// The other Debian, as debootstrap(8) makes it.
fn root() -> Option<PathBuf> {
    std::env::var_os("LBGEN_KEEPALIVED_ROOT").map(PathBuf::from)
}

/// The release that hosts run.
pub fn version() -> KeepalivedVersion {
    static VERSION: OnceLock<KeepalivedVersion> = OnceLock::new();
    *VERSION.get_or_init(|| {
        let mut command = match root() {
            Some(root) => {
                let mut chroot = Command::new("chroot");
                chroot.arg(root).arg("keepalived");
                chroot
            }
            None => Command::new("keepalived"),
        };
        let done = command.arg("--version").output().expect("keepalived runs");
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        KeepalivedVersion::of_text(&said).unwrap_or_else(|| panic!("no release: {said}"))
    })
}

/// /etc, /usr and /var of this machine with a layer of the host's own on top; those of the other Debian come before.
pub fn layers(host: &Host) {
    let other = root().map(|root| root.display().to_string()).unwrap_or_default();
    host.run(&format!(
        r#"
        set -e
        mkdir /run/layers
        mount -t tmpfs tmpfs /run/layers
        for folder in etc usr var; do
            lower=/$folder
            if [ -n "{other}" ]; then lower={other}/$folder:$lower; fi
            mkdir -p /run/layers/$folder/upper /run/layers/$folder/work
            mount -t overlay overlay -o lowerdir=$lower,upperdir=/run/layers/$folder/upper,workdir=/run/layers/$folder/work /$folder
        done
        "#
    ));
}
