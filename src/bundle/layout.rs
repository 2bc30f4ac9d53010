//! The files of a bundle: where each is, and whose it is. Whoever must know matches [`Place`] without a catch-all.

use std::fmt;

/// A place in a bundle, below its folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place<'a> {
    /// A file that is copied to a node.
    Node {
        /// The node.
        node: &'a str,
        /// The file.
        file: NodeFile<'a>,
    },
    /// The edge Ingress of a domain.
    Domain(&'a str),
    /// The Ingress or the routes of a component.
    Component(&'a str),
    /// The edge Service of an entrypoint.
    Service(&'a str),
    /// The fallback of an entrypoint.
    Fallback(&'a str),
    /// The Gateway of an entrypoint.
    Gateway(&'a str),
    /// A ListenerSet of an entrypoint.
    Listeners {
        /// The entrypoint.
        entrypoint: &'a str,
        /// `00`, `01`, ...
        number: &'a str,
    },
    /// The kustomization, which lists the manifests for `kubectl apply -k`.
    Kustomization,
    /// The script that writes the VIPs into the status of Services.
    StatusScript,
    /// The list of all files.
    List,
    /// A file that lbgen does not write.
    Foreign(&'a str),
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
    PolicyRouting,
    /// The program that compares them with keepalived's own data.
    Loaded,
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
];

/// Programs of the health checks.
const PROGRAMS: &str = "usr/local/libexec/lbgen/";

impl<'a> Place<'a> {
    /// The place with a path.
    pub fn of(path: &'a str) -> Self {
        if let Some((node, file)) =
            path.strip_prefix("nodes/").and_then(|rest| rest.split_once('/'))
        {
            return Self::Node { node, file: NodeFile::of(file) };
        }
        let yaml = |text: &'a str| text.strip_suffix(".yaml").filter(|name| !name.contains('/'));
        let found = match path {
            "bundle.json" => Some(Self::List),
            "kubernetes/kustomization.yaml" => Some(Self::Kustomization),
            "kubernetes/load-balancer-status" => Some(Self::StatusScript),
            _ => path.strip_prefix("kubernetes/").and_then(|rest| match rest.split_once('/')? {
                ("domains", name) => yaml(name).map(Self::Domain),
                ("components", name) => yaml(name).map(Self::Component),
                ("entrypoints", rest) => {
                    let (entrypoint, file) = rest.split_once('/')?;
                    match yaml(file)? {
                        "service" => Some(Self::Service(entrypoint)),
                        "fallback" => Some(Self::Fallback(entrypoint)),
                        "gateway" => Some(Self::Gateway(entrypoint)),
                        other => {
                            let number = other.strip_prefix("listeners-")?;
                            Some(Self::Listeners { entrypoint, number })
                        }
                    }
                }
                _ => None,
            }),
        };
        found.unwrap_or(Self::Foreign(path))
    }

    /// The folder of a node, with the slash at its end.
    pub fn folder_of(node: &str) -> String {
        format!("nodes/{node}/")
    }

    /// A path below the folders of nodes, which begins with a node's name.
    pub fn below_nodes(path: &str) -> Option<&str> {
        path.strip_prefix("nodes/")
    }

    /// The place of an object of ours that no bundle has any more and that says nothing of where it was.
    pub fn leftover(kind: &str, name: &str) -> String {
        format!("kubernetes/{}-{name}.yaml", kind.to_lowercase())
    }

    /// Returns true if a path is in the folders that go to nodes and to the cluster.
    pub fn is_delivered(path: &str) -> bool {
        path.starts_with("nodes/") || path.starts_with("kubernetes/")
    }

    /// A file of the cluster by the name that the kustomization lists.
    pub fn listed(path: &str) -> Option<&str> {
        path.strip_prefix("kubernetes/")
    }

    /// True for manifests of objects that are applied.
    pub fn is_manifest(self) -> bool {
        match self {
            Self::Domain(_)
            | Self::Component(_)
            | Self::Service(_)
            | Self::Fallback(_)
            | Self::Gateway(_)
            | Self::Listeners { .. } => true,
            // Somebody's own objects beside ours are applied where the kustomization lists them.
            Self::Foreign(path) => path.starts_with("kubernetes/") && path.ends_with(".yaml"),
            Self::Node { .. } | Self::Kustomization | Self::StatusScript | Self::List => false,
        }
    }

    /// True for the files of nodes, known or not.
    pub fn is_of_node(self) -> bool {
        match self {
            Self::Node { .. } => true,
            Self::Domain(_)
            | Self::Component(_)
            | Self::Service(_)
            | Self::Fallback(_)
            | Self::Gateway(_)
            | Self::Listeners { .. }
            | Self::Kustomization
            | Self::StatusScript
            | Self::List
            | Self::Foreign(_) => false,
        }
    }

    /// True for the files of the cluster.
    pub fn is_cluster(self) -> bool {
        match self {
            Self::Kustomization | Self::StatusScript => true,
            Self::Foreign(path) => path.starts_with("kubernetes/"),
            Self::Domain(_)
            | Self::Component(_)
            | Self::Service(_)
            | Self::Fallback(_)
            | Self::Gateway(_)
            | Self::Listeners { .. }
            | Self::Node { .. }
            | Self::List => self.is_manifest(),
        }
    }

    /// True for files whose rules say who answers requests.
    pub fn is_routing(self) -> bool {
        match self {
            Self::Component(_) | Self::Fallback(_) => true,
            Self::Node { .. }
            | Self::Domain(_)
            | Self::Service(_)
            | Self::Gateway(_)
            | Self::Listeners { .. }
            | Self::Kustomization
            | Self::StatusScript
            | Self::List
            | Self::Foreign(_) => false,
        }
    }

    /// The component whose file it is.
    pub fn component(self) -> Option<&'a str> {
        match self {
            Self::Component(name) => Some(name),
            Self::Node { .. }
            | Self::Domain(_)
            | Self::Service(_)
            | Self::Fallback(_)
            | Self::Gateway(_)
            | Self::Listeners { .. }
            | Self::Kustomization
            | Self::StatusScript
            | Self::List
            | Self::Foreign(_) => None,
        }
    }

    /// The entrypoint whose file it is.
    pub fn entrypoint(self) -> Option<&'a str> {
        match self {
            Self::Service(name) | Self::Fallback(name) | Self::Gateway(name) => Some(name),
            Self::Listeners { entrypoint, .. } => Some(entrypoint),
            Self::Node { .. }
            | Self::Domain(_)
            | Self::Component(_)
            | Self::Kustomization
            | Self::StatusScript
            | Self::List
            | Self::Foreign(_) => None,
        }
    }
}

impl<'a> NodeFile<'a> {
    /// The file with a path below the node's root.
    pub fn of(path: &'a str) -> Self {
        if let Some(file) = NODE_FILES.iter().find(|known| known.path() == Some(path)) {
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

    /// The path of a file that has one below every node; `None` for those that are called after something.
    fn path(self) -> Option<&'static str> {
        Some(match self {
            Self::Configuration => CONFIGURATION,
            Self::Expected => "etc/lbgen/expected",
            Self::Sysctl => "etc/sysctl.d/90-lbgen.conf",
            Self::Networkd => "etc/systemd/networkd.conf.d/90-lbgen.conf",
            Self::Unit => "etc/systemd/system/lbgen-policy-routing.service",
            Self::Tmpfiles => "etc/tmpfiles.d/lbgen.conf",
            Self::Loaded => "usr/local/libexec/lbgen/loaded",
            Self::PolicyRouting => "usr/local/sbin/lbgen-policy-routing",
            Self::Check(_) | Self::Foreign(_) => return None,
        })
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

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node { node, file } => write!(f, "nodes/{node}/{file}"),
            Self::Domain(name) => write!(f, "kubernetes/domains/{name}.yaml"),
            Self::Component(name) => write!(f, "kubernetes/components/{name}.yaml"),
            Self::Service(name) => write!(f, "kubernetes/entrypoints/{name}/service.yaml"),
            Self::Fallback(name) => write!(f, "kubernetes/entrypoints/{name}/fallback.yaml"),
            Self::Gateway(name) => write!(f, "kubernetes/entrypoints/{name}/gateway.yaml"),
            Self::Listeners { entrypoint, number } => {
                write!(f, "kubernetes/entrypoints/{entrypoint}/listeners-{number}.yaml")
            }
            Self::Kustomization => f.write_str("kubernetes/kustomization.yaml"),
            Self::StatusScript => f.write_str("kubernetes/load-balancer-status"),
            Self::List => f.write_str("bundle.json"),
            Self::Foreign(path) => f.write_str(path),
        }
    }
}

impl fmt::Display for NodeFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Check(name) => write!(f, "{PROGRAMS}{name}"),
            Self::Foreign(path) => f.write_str(path),
            Self::Configuration
            | Self::Expected
            | Self::Sysctl
            | Self::Networkd
            | Self::Unit
            | Self::Tmpfiles
            | Self::PolicyRouting
            | Self::Loaded => f.write_str(self.path().unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{NodeFile, Place};

    #[test]
    fn a_path_is_written_as_it_was_read() {
        for path in [
            "bundle.json",
            "kubernetes/kustomization.yaml",
            "kubernetes/load-balancer-status",
            "kubernetes/domains/www.example.com.yaml",
            "kubernetes/components/shop.yaml",
            "kubernetes/entrypoints/web/service.yaml",
            "kubernetes/entrypoints/web/fallback.yaml",
            "kubernetes/entrypoints/web/gateway.yaml",
            "kubernetes/entrypoints/web/listeners-07.yaml",
            "nodes/lb-1/etc/keepalived/keepalived.conf",
            "nodes/lb-1/etc/lbgen/expected",
            "nodes/lb-1/usr/local/libexec/lbgen/check-entrypoint-web",
        ] {
            assert_eq!(Place::of(path).to_string(), path);
            assert!(!matches!(Place::of(path), Place::Foreign(_)), "{path}");
        }
        for path in ["kubernetes/entrypoints/web/other.yaml", "notes.txt", "kubernetes/x/y/z.yaml"]
        {
            assert_eq!(Place::of(path), Place::Foreign(path));
        }
        let own = NodeFile::of("etc/keepalived/own.conf").on("lb-1");
        assert_eq!(own.to_string(), "nodes/lb-1/etc/keepalived/own.conf");
        assert!(matches!(own, Place::Node { file: NodeFile::Foreign(_), .. }));
    }
}
