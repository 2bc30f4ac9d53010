//! The files of a node, below its root.

use std::fmt;

use super::layout::Place;

/// A file of a node, below its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum NodeFile<'a> {
    /// `keepalived.conf`
    Configuration,
    /// The facts that keepalived should have loaded.
    Expected,
    /// Kernel keys.
    Sysctl,
    /// The rules and routes that networkd must leave alone.
    Networkd,
    /// The unit of the policy routing script.
    Unit,
    /// Folders and files in /run.
    Tmpfiles,
    /// The policy routing script.
    PolicyRouting,
    /// The program that compares them with keepalived's own data.
    Loaded,
    /// The program that writes metrics.
    Metrics,
    /// The unit of that program,
    MetricsService,
    /// and the timer that starts it.
    MetricsTimer,
    /// A health check, by its name: `check-entrypoint`.
    Check(&'a str),
    /// A file that lbgen does not write.
    Foreign(&'a str),
}

/// The path of `keepalived.conf` on a node.
pub const CONFIGURATION: &str = "etc/keepalived/keepalived.conf";

/// Files of nodes that have one path.
const NODE_FILES: &[NodeFile<'static>] = &[
    NodeFile::Configuration,
    NodeFile::Expected,
    NodeFile::Sysctl,
    NodeFile::Networkd,
    NodeFile::Unit,
    NodeFile::Tmpfiles,
    NodeFile::Loaded,
    NodeFile::PolicyRouting,
    NodeFile::Metrics,
    NodeFile::MetricsService,
    NodeFile::MetricsTimer,
];

/// Programs of the health checks.
const PROGRAMS: &str = "usr/local/libexec/lbgen/";

impl<'a> NodeFile<'a> {
    /// The file with a path below the node's root.
    pub fn of(path: &'a str) -> Self {
        if let Some(file) = NODE_FILES.iter().find(|known| known.path() == ("", path)) {
            return *file;
        }
        match path
            .strip_prefix(PROGRAMS)
            .filter(|name| name.starts_with("check-") && !name.contains('/'))
        {
            Some(name) => Self::Check(name),
            None => Self::Foreign(path),
        }
    }

    /// Its path, in two parts: those of files that are called after something have a folder of their own.
    fn path(self) -> (&'static str, &'a str) {
        let path = match self {
            Self::Configuration => CONFIGURATION,
            Self::Expected => "etc/lbgen/expected",
            Self::Sysctl => "etc/sysctl.d/90-lbgen.conf",
            Self::Networkd => "etc/systemd/networkd.conf.d/90-lbgen.conf",
            Self::Unit => "etc/systemd/system/lbgen-policy-routing.service",
            Self::Tmpfiles => "etc/tmpfiles.d/lbgen.conf",
            Self::Loaded => "usr/local/libexec/lbgen/loaded",
            Self::PolicyRouting => "usr/local/sbin/lbgen-policy-routing",
            Self::Metrics => "usr/local/libexec/lbgen/metrics",
            Self::MetricsService => "etc/systemd/system/lbgen-metrics.service",
            Self::MetricsTimer => "etc/systemd/system/lbgen-metrics.timer",
            Self::Check(name) => return (PROGRAMS, name),
            Self::Foreign(path) => path,
        };
        ("", path)
    }

    /// True for the files that keepalived reads.
    pub fn is_of_keepalived(self) -> bool {
        match self {
            Self::Configuration => true,
            Self::Foreign(path) => path.starts_with("etc/keepalived/"),
            Self::Expected
            | Self::Sysctl
            | Self::Networkd
            | Self::Unit
            | Self::Tmpfiles
            | Self::PolicyRouting
            | Self::Loaded
            | Self::Metrics
            | Self::MetricsService
            | Self::MetricsTimer
            | Self::Check(_) => false,
        }
    }

    /// Returns the words that reports use for it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Configuration => "keepalived's configuration",
            Self::Expected => "what keepalived should have loaded",
            Self::Sysctl => "kernel keys",
            Self::Networkd | Self::Unit => "units",
            Self::Tmpfiles => "temporary files",
            Self::PolicyRouting => "the policy routing script",
            Self::Loaded => "the check of reloads",
            Self::Metrics => "metrics",
            Self::MetricsService | Self::MetricsTimer => "the timer of metrics",
            Self::Check(_) => "the health check",
            Self::Foreign(_) => "files of others",
        }
    }

    /// Its absolute path on a node.
    pub fn installed(self) -> String {
        format!("/{self}")
    }

    /// The same on a node.
    pub fn on(self, node: &'a str) -> Place<'a> {
        Place::Node { node, file: self }
    }
}

impl fmt::Display for NodeFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (folder, rest) = self.path();
        write!(f, "{folder}{rest}")
    }
}
