//! The files of a bundle: where each is, and whose it is. Whoever must know matches [`Place`] without a catch-all.

use std::fmt;

use super::monitoring_file::{MONITORING, MonitoringFile};
use super::node_file::NodeFile;

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
    /// The namespace of keepalived's pods.
    PodNamespace,
    /// The DaemonSet of a node's keepalived, and its ConfigMap.
    Pod(&'a str),
    /// The alerts as an object of prometheus-operator.
    PrometheusRule,
    /// A file for Prometheus, Grafana or the blackbox exporter.
    Monitoring(MonitoringFile),
    /// The list of all files.
    List,
    /// A file that lbgen does not write.
    Foreign(&'a str),
}

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
            "kubernetes/keepalived/namespace.yaml" => Some(Self::PodNamespace),
            "kubernetes/prometheus-rule.yaml" => Some(Self::PrometheusRule),
            _ if path.starts_with("monitoring/") => {
                let name = path.strip_prefix("monitoring/");
                let mut all = MONITORING.into_iter();
                all.find(|file| name == Some(&file.to_string())).map(Self::Monitoring)
            }
            _ => path.strip_prefix("kubernetes/").and_then(|rest| match rest.split_once('/')? {
                ("domains", name) => yaml(name).map(Self::Domain),
                ("keepalived", name) => yaml(name.strip_prefix("nodes/")?).map(Self::Pod),
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

    /// The path of a file that the kustomization lists by a name.
    pub fn with_listed_name(name: &str) -> String {
        format!("kubernetes/{name}")
    }

    /// True for manifests of objects that are applied.
    pub fn is_manifest(self) -> bool {
        match self {
            Self::Domain(_)
            | Self::Component(_)
            | Self::Service(_)
            | Self::Fallback(_)
            | Self::Gateway(_)
            | Self::Listeners { .. }
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule => true,
            // Somebody's own objects beside ours are applied where the kustomization lists them.
            Self::Foreign(path) => path.starts_with("kubernetes/") && path.ends_with(".yaml"),
            Self::Node { .. }
            | Self::Kustomization
            | Self::StatusScript
            | Self::Monitoring(_)
            | Self::List => false,
        }
    }

    /// True for the objects of keepalived's pods: what becomes of them the steps of the nodes decide.
    pub fn is_of_pods(self) -> bool {
        matches!(self, Self::PodNamespace | Self::Pod(_))
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
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule
            | Self::Monitoring(_)
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
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule
            | Self::Monitoring(_)
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
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule
            | Self::Monitoring(_)
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
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule
            | Self::Monitoring(_)
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
            | Self::PodNamespace
            | Self::Pod(_)
            | Self::PrometheusRule
            | Self::Monitoring(_)
            | Self::List
            | Self::Foreign(_) => None,
        }
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
            Self::PodNamespace => f.write_str("kubernetes/keepalived/namespace.yaml"),
            Self::Pod(node) => write!(f, "kubernetes/keepalived/nodes/{node}.yaml"),
            Self::PrometheusRule => f.write_str("kubernetes/prometheus-rule.yaml"),
            Self::Monitoring(file) => write!(f, "monitoring/{file}"),
            Self::List => f.write_str("bundle.json"),
            Self::Foreign(path) => f.write_str(path),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::NodeFile;
    use super::Place;

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
            "kubernetes/prometheus-rule.yaml",
            "kubernetes/keepalived/namespace.yaml",
            "kubernetes/keepalived/nodes/namespace.yaml",
            "monitoring/rules.yaml",
            "monitoring/dashboard.json",
            "nodes/lb-1/etc/systemd/system/lbgen-metrics.timer",
            "nodes/lb-1/etc/keepalived/keepalived.conf",
            "nodes/lb-1/etc/lbgen/expected",
            "nodes/lb-1/usr/local/libexec/lbgen/check-entrypoint-web",
            "nodes/lb-1/etc/lbgen/check-entrypoint-web",
            "nodes/lb-1/etc/lbgen/policy-routing",
            "nodes/lb-1/etc/kubernetes/manifests/lbgen-keepalived.yaml",
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
