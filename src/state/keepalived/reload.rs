//! Changes that a reload cannot make: the daemon has to stop and start (facts D12, D42, D43, R25, R32).

use super::{Configuration, Statement};
use crate::language::version::KeepalivedVersion;

/// Words that are read at the start only.
const AT_START: &[&str] = &["instance", "net_namespace"];

/// The first release that ignores every reload where `reload_check_config` is set, and says that it has reloaded.
const IGNORES_RELOADS: KeepalivedVersion = KeepalivedVersion(2, 3, 4);

impl Configuration {
    /// Returns why a daemon that runs this has to restart to run `to`, or `None` if a reload does it.
    pub fn restarts(&self, to: &Self, version: KeepalivedVersion) -> Option<&'static str> {
        let at_start = |found: &Self| -> Vec<Vec<String>> {
            let all = found.global.iter().chain(&found.others);
            let read = all.filter(|statement| AT_START.contains(&statement.key()));
            read.map(|statement| statement.words.clone()).collect()
        };
        if self.is_refused {
            return Some("keepalived exited with the old files");
        }
        if self.ignores_reloads(version) {
            return Some("`reload_check_config` makes this release ignore every reload");
        }
        if at_start(self) != at_start(to) {
            return Some("what changes is read at the start only");
        }
        if !self.groups.is_empty() && self.groups != to.groups {
            return Some("a reload that removes sync groups can end keepalived");
        }
        let loses_vmac = self.instances.iter().any(|instance| {
            let same = to.instances.iter().find(|other| {
                (other.vrid, other.advert.ipv6) == (instance.vrid, instance.advert.ipv6)
            });
            instance.vmac.is_some() && same.is_some_and(|other| other.vmac != instance.vmac)
        });
        loses_vmac.then_some("a reload that takes `use_vmac` away loses the addresses")
    }

    /// Returns true if the daemon keeps its configuration whatever the file says.
    pub fn ignores_reloads(&self, version: KeepalivedVersion) -> bool {
        version >= IGNORES_RELOADS && self.has_reload_check()
    }

    /// Returns true if `reload_check_config` is set.
    pub fn has_reload_check(&self) -> bool {
        self.global.iter().any(|statement: &Statement| statement.key() == "reload_check_config")
    }
}
