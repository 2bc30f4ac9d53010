//! The files of a node, below its root.

use std::fmt;

use super::layout::Place;

/// The home of the programs that are a node's own: that of the host, or the folder that pods have from it. What is the same on
/// every node is in the image of pods.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Home {
    /// `/usr/local`
    Host,
    /// `/etc/lbgen`
    Pod,
}

impl Home {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Host, Self::Pod];
}

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
    PolicyRouting(Home),
    /// The pod that the kubelet starts from a file.
    StaticPod,
    /// The program that compares them with keepalived's own data.
    Loaded,
    /// The program that writes metrics.
    Metrics(Home),
    /// The unit of that program,
    MetricsService,
    /// and the timer that starts it.
    MetricsTimer,
    /// A health check, by its name: `check-entrypoint`.
    Check(Home, &'a str),
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
    NodeFile::PolicyRouting(Home::Host),
    NodeFile::PolicyRouting(Home::Pod),
    NodeFile::StaticPod,
    NodeFile::Metrics(Home::Host),
    NodeFile::Metrics(Home::Pod),
    NodeFile::MetricsService,
    NodeFile::MetricsTimer,
];

/// The folder of the health checks.
const fn programs(home: Home) -> &'static str {
    match home {
        Home::Host => "usr/local/libexec/lbgen/",
        Home::Pod => "etc/lbgen/",
    }
}

impl<'a> NodeFile<'a> {
    /// The file with a path below the node's root.
    pub fn of(path: &'a str) -> Self {
        if let Some(file) = NODE_FILES.iter().find(|known| known.path() == ("", path)) {
            return *file;
        }
        let check = |home| {
            let name = path.strip_prefix(programs(home))?;
            let is_check = name.starts_with("check-") && !name.contains('/');
            is_check.then_some(Self::Check(home, name))
        };
        Home::ALL.into_iter().find_map(check).unwrap_or(Self::Foreign(path))
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
            Self::PolicyRouting(Home::Host) => "usr/local/sbin/lbgen-policy-routing",
            Self::PolicyRouting(Home::Pod) => "etc/lbgen/policy-routing",
            Self::StaticPod => "etc/kubernetes/manifests/lbgen-keepalived.yaml",
            Self::Metrics(Home::Host) => "usr/local/libexec/lbgen/metrics",
            Self::Metrics(Home::Pod) => "etc/lbgen/metrics",
            Self::MetricsService => "etc/systemd/system/lbgen-metrics.service",
            Self::MetricsTimer => "etc/systemd/system/lbgen-metrics.timer",
            Self::Check(home, name) => return (programs(home), name),
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
            | Self::PolicyRouting(_)
            | Self::StaticPod
            | Self::Loaded
            | Self::Metrics(_)
            | Self::MetricsService
            | Self::MetricsTimer
            | Self::Check(..) => false,
        }
    }

    /// True for the files that a pod of keepalived reads, and that so are in its ConfigMap.
    pub fn is_in_pod(self) -> bool {
        match self {
            Self::Configuration | Self::Expected => true,
            Self::PolicyRouting(home) | Self::Metrics(home) | Self::Check(home, _) => {
                home == Home::Pod
            }
            Self::Foreign(_)
            | Self::Sysctl
            | Self::Networkd
            | Self::Unit
            | Self::Tmpfiles
            | Self::StaticPod
            | Self::Loaded
            | Self::MetricsService
            | Self::MetricsTimer => false,
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
            Self::PolicyRouting(_) => "the policy routing script",
            Self::StaticPod => "the pod of keepalived",
            Self::Loaded => "the check of reloads",
            Self::Metrics(_) => "metrics",
            Self::MetricsService | Self::MetricsTimer => "the timer of metrics",
            Self::Check(..) => "the health check",
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
