//! Values that are one of a few words.

use super::Term;
use super::shape::Shape;

/// A value that is one of a few words.
pub trait Word: Copy + 'static {
    /// Every word, and what it means.
    const WORDS: &'static [(&'static str, Self)];

    /// The value of a word.
    fn of_word(text: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(word, _)| *word == text).map(|(_, value)| *value)
    }
}

impl<T: Word> Term for T {
    fn shape() -> Shape {
        Shape::Words(T::WORDS.iter().map(|(word, _)| *word).collect())
    }
}

/// An enum and the word of each variant. The first is the default, where there is one.
macro_rules! words {
    ($($(#[$meta:meta])* $name:ident { $($(#[$about:meta])* $word:literal $variant:ident,)* })*) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl Word for $name {
            const WORDS: &'static [(&'static str, Self)] = &[$(($word, Self::$variant)),*];
        }

        impl $name {
            /// As an inventory writes it.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.word())
            }
        }
    )*};
}

words! {
    /// The mode of kube-proxy: how it carries packets, and so whether replies need marks.
    KubeProxy {
        /// Replies are routed before they get the VIP back.
        "iptables" Iptables,
        /// Routes again after the translation: no marks.
        "ipvs" Ipvs,
        /// As `iptables`.
        "nftables" Nftables,
    }

    /// The method of a request (RFC 9110, 9; HTTPMethod of Gateway API).
    HttpMethod {
        /// Reads.
        "GET" Get,
        /// Reads the headers only.
        "HEAD" Head,
        /// Hands in.
        "POST" Post,
        /// Replaces.
        "PUT" Put,
        /// Removes.
        "DELETE" Delete,
        /// Opens a tunnel.
        "CONNECT" Connect,
        /// Asks for what is possible.
        "OPTIONS" Options,
        /// Asks for the request itself.
        "TRACE" Trace,
        /// Changes a part.
        "PATCH" Patch,
    }

    /// The protocol that a port carries.
    Protocol {
        /// TCP
        "TCP" Tcp,
        /// UDP
        "UDP" Udp,
    }

    /// The choice of no gateway for a VIP.
    GatewayChoice {
        /// Its replies go where the node's own go.
        "none" None,
    }

    /// The way an Ingress names its class; never both.
    ClassForm {
        /// `spec.ingressClassName`
        "field" Field,
        /// The annotation `kubernetes.io/ingress.class`.
        "annotation" Annotation,
    }

    /// The way the cluster learns the VIPs.
    VipsForm {
        /// `spec.externalIPs`, deprecated in 1.36.
        "external_ips" ExternalIps,
        /// `status.loadBalancer.ingress`, put there by a script.
        "status" Status,
    }

    /// The way a fallback's addresses are to be written.
    EndpointsChoice {
        /// As the Kubernetes version likes it.
        "auto" Auto,
        /// v1 Endpoints, deprecated from 1.33.
        "endpoints" Endpoints,
        /// discovery.k8s.io/v1 EndpointSlice, one per family.
        "endpointslice" Slices,
        /// Both, the Endpoints not mirrored.
        "both" Both,
    }

    /// The API by which requests are routed.
    Api {
        /// Two tiers of Ingresses.
        "ingress" Ingress,
        /// One tier: a Gateway and HTTPRoutes (Gateway API).
        "gateway" Gateway,
        /// Both side by side, for a migration.
        "both" Both,
    }

    /// The API whose pods the VIPs lead to, where both APIs are written.
    Exposed {
        /// Those of the Ingress class.
        "ingress" Ingress,
        /// Those of the GatewayClass.
        "gateway" Gateway,
    }

    /// The ingress controller that serves a tier: warnings and traces follow it.
    ControllerName {
        /// kubernetes/ingress-nginx
        "ingress-nginx" IngressNginx,
        /// Traefik 3
        "traefik" Traefik,
        /// Any other: taken to do what the API reference says of Ingresses.
        "other" Other,
    }

    /// The implementation of Gateway API that reads Gateways and routes: what it cannot do is not written for it.
    ImplementationName {
        /// Envoy Gateway
        "envoy-gateway" EnvoyGateway,
        /// NGINX Gateway Fabric
        "nginx-gateway-fabric" NginxGatewayFabric,
        /// kgateway
        "kgateway" Kgateway,
        /// Cilium
        "cilium" Cilium,
        /// Traefik 3, provider kubernetesGateway
        "traefik" Traefik,
        /// Istio
        "istio" Istio,
        /// Any other: taken to do what the specification says.
        "other" Other,
    }

    /// The provider of Traefik that reads the Ingresses.
    TraefikProvider {
        /// kubernetesIngress
        "ingress" Ingress,
        /// kubernetesIngressNGINX
        "nginx" Nginx,
    }

    /// Yes or no.
    Switch {
        /// Yes.
        "true" On,
        /// No.
        "false" Off,
    }

    /// The source of the metrics of nodes.
    MetricsForm {
        /// A script of ours writes them for the node exporter's textfile collector.
        "textfile" Textfile,
        /// mehdy's keepalived_exporter.
        "keepalived_exporter" KeepalivedExporter,
        /// Nothing.
        "none" None,
    }

    /// The form of the rules for Prometheus.
    RulesForm {
        /// A file that Prometheus reads.
        "file" File,
        /// An object that prometheus-operator reads.
        "prometheus_rule" PrometheusRule,
        /// Nothing.
        "none" None,
    }

    /// The place of the rules and routes of VIPs.
    RoutingMode {
        /// In keepalived's `virtual_rules` and `virtual_routes`, and so where the VIP is.
        "virtual" Virtual,
        /// On every node that may hold the VIP, put there by the script.
        "static" Static,
    }

    /// The way keepalived is started on nodes.
    DaemonForm {
        /// By the service manager of the host.
        "host" Host,
        /// By the kubelet, from a file of the node.
        "static_pod" StaticPod,
        /// By the kubelet, for a DaemonSet of the node's own.
        "daemonset" DaemonSet,
    }

    /// The state of a node: how far it takes VIPs.
    NodeState {
        /// As its weight says.
        "active" Active,
        /// Last in every failover order.
        "draining" Draining,
        /// In no order; keeps its numbers.
        "maintenance" Maintenance,
    }

    /// The handling of a VIP by a node on which the entrypoint is unhealthy.
    OnUnhealthy {
        /// Ranks below every healthy node, so that some node still answers when none is.
        "yield" Yield,
        /// Gives the VIP up.
        "fault" Fault,
        /// Nothing.
        "ignore" Ignore,
    }

    /// The state of a component, which says who serves it.
    ComponentState {
        /// Its backend.
        "migrated" Migrated,
        /// The fallback.
        "legacy" Legacy,
    }

    /// The way a path is compared with a request's.
    PathType {
        /// Whole path elements from the start.
        "Prefix" Prefix,
        /// The whole path.
        "Exact" Exact,
        /// As the controller says.
        "ImplementationSpecific" ImplementationSpecific,
    }
}

impl KubeProxy {
    /// Returns true if replies of DNATed connections have to be marked to find their gateway.
    pub fn needs_marks(self) -> bool {
        self != KubeProxy::Ipvs
    }
}
