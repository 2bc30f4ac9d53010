//! An inventory as written, key by key, with nothing resolved. The doc comments are the reference of the language.

mod entrypoint;
mod notify;
mod vip;

pub use entrypoint::{Edge, EdgeGateway, EdgePort, Entrypoint, Fallback, NodeCheck, Routing};
pub use notify::Notify;
pub use vip::{ExtraAddress, LongExtraAddress, Route, Vip};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use ipnet::IpNet;

use super::keys::{Fields, Need, keys};
use super::read::Read;
pub use super::short::Either;
use super::written::{Map, Nonempty, Set, Text};
use crate::diag::Report;
use crate::language::form::{AnnotationKey, Free, MessageCode, Preemption, ServicePort, TlsSecret};
use crate::language::name::{
    AlertLabel, AlertLabelValue, Directory, HeaderName, HeaderValue, Host, Image, Interface, Label,
    ServiceName, Subdomain, UrlPath,
};
use crate::language::number::{Mark, Number, Pool, RulePriority, Table, Vrid};
use crate::language::version::{KeepalivedVersion, KubernetesVersion};
use crate::language::word::{
    ClassForm, ComponentState, DaemonForm, EndpointsChoice, HttpMethod, KubeProxy, MetricsForm,
    NodeState, PathType, RoutingMode, RulesForm, Switch, VipsForm,
};
use crate::source::{Loc, Span};

keys! {
    /// One datacenter.
    Inventory {
        /// Its name, and the bundle's folder.
        Required datacenter: Loc<Text<Label>>,
        /// The cluster that the manifests are for.
        Optional kubernetes: Kubernetes,
        /// What the nodes' keepalived is and does.
        Optional keepalived: Keepalived,
        /// How replies find their gateway.
        Optional policy_routing: PolicyRouting,
        /// Where replies must leave: one per public network and family.
        Optional gateways: Map<Label, Gateway>,
        /// The machines that hold VIPs.
        Optional nodes: Map<Subdomain, Node>,
        /// Metrics, alerts and what shows them, from the same plan; default: none of them.
        Optional monitoring: Monitoring,
        /// A check of every node, such as of its uplink: a part of the check of every entrypoint.
        Optional node_check: NodeCheck,
        /// One per kind of traffic.
        Optional entrypoints: Map<Label, Entrypoint>,
        /// The addresses that clients know.
        Optional vips: Vec<Vip>,
        /// Branded hosts.
        Optional domains: Map<Host, Domain>,
        /// What requests are routed to.
        Optional components: Map<Label, Component>,
        /// Files that add to this one.
        Optional include: Loc<Vec<Loc<Text<Free>>>>,
        /// How `lbgen align` compares it with the other datacenters of its fleet.
        Optional align: Align,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// `align:`
    Align {
        /// Where this datacenter is meant to differ.
        Optional allow: Vec<AlignWaiver>,
    }
}

keys! {
    /// An item of `allow:` of `align:`.
    AlignWaiver {
        /// A path as `lbgen align` shows it; `*` stands for any part of it.
        Required path: Loc<Text<Free>>,
        /// Why it differs.
        Required reason: Loc<Text<Free>>,
    }
}

keys! {
    /// `kubernetes:`
    Kubernetes {
        /// What the manifests are written for; default 1.32.
        Optional version: Loc<Text<KubernetesVersion>>,
        /// Home of Services, edge Ingresses and fallbacks; default `ingress`.
        Optional namespace: Loc<Text<Label>>,
        /// kube-proxy's mode; default `iptables`.
        Optional kube_proxy: Loc<Text<KubeProxy>>,
        /// How an Ingress names its class: `spec.ingressClassName` (`field`, the default) or `kubernetes.io/ingress.class`.
        Optional ingress_class: Loc<Text<ClassForm>>,
        /// How the cluster learns the VIPs: `external_ips` (default), or `status`, which `load-balancer-status` sets.
        Optional vips: Loc<Text<VipsForm>>,
        /// The cluster's pod networks (CIDRs), so that pods on a node reach the VIPs that it holds; default: none.
        Optional pod_networks: Loc<Nonempty<Set<Loc<Text<IpNet>>>>>,
        /// How the fallback's addresses are written; `auto`, the default, is `endpoints` before 1.33, `endpointslice` from there on.
        Optional endpoints: Loc<Text<EndpointsChoice>>,
    }
}

keys! {
    /// `keepalived:`
    Keepalived {
        /// The release that the nodes run; default 2.2.7, in pods 2.3.3.
        Optional version: Loc<Text<KeepalivedVersion>>,
        /// Who starts it: `host` (default), its service manager; `static_pod`, the kubelet, from a file of the node; `daemonset`, the
        /// kubelet, for a DaemonSet of the node's own.
        Optional run: Loc<Text<DaemonForm>>,
        /// The image of the pods, built from `packaging/keepalived`, with its digest.
        Optional image: Loc<Text<Image>>,
        /// VRRP version; default 2. IPv6 VIPs always use 3.
        Optional vrrp_version: Loc<Number<2, 3>>,
        /// Time between adverts: whole seconds in VRRPv2, down to `10ms` in VRRPv3; default `1s`.
        Optional advert_interval: Loc<Text<Duration>>,
        /// Whether a better node that is back takes its VIPs: `true` (default), `false`, or after a delay.
        Optional preempt: Loc<Text<Preemption>>,
        /// Pool for allocated VRIDs; default `1-255`.
        Optional vrids: Loc<Text<Pool<Vrid>>>,
        /// Called by keepalived on transitions: one command on every transition, run as nobody, or the keys below.
        Optional notify: Notify,
        /// Gratuitous ARP of a new MASTER; default: as keepalived has it.
        Optional garp: Garp,
        /// Real-time priority of its VRRP process, which then stays in memory too; default 0: none.
        Optional rt_priority: Loc<Number<0, 99>>,
    }
}

keys! {
    /// `monitoring:`, for Prometheus; `{}` has everything by default.
    Monitoring {
        /// The source of a node's metrics; default `textfile`, which a timer of ours writes for the node exporter.
        Optional metrics: Loc<Text<MetricsForm>>,
        /// The directory of the node exporter's textfile collector; default as Debian has it, `/var/lib/prometheus/node-exporter`.
        Optional directory: Loc<Text<Directory>>,
        /// The form of recording and alerting rules: `file` (default), `prometheus_rule`, an object of prometheus-operator, or `none`.
        Optional rules: Loc<Text<RulesForm>>,
        /// On every alert.
        Optional labels: Map<AlertLabel, Loc<Text<AlertLabelValue>>>,
        /// A dashboard for Grafana; default `true`.
        Optional dashboard: Loc<Text<Switch>>,
    }
}

keys! {
    /// `garp:` of `keepalived:` or of a VIP, as keepalived.conf(5) names them with `garp_master_`.
    Garp {
        /// Until the second round after becoming MASTER; keepalived's default is `5s`.
        Optional delay: Loc<Text<Duration>>,
        /// Packets of a round; keepalived's default is 5.
        Optional repeat: Loc<Number<1, 255>>,
        /// Between rounds while it is MASTER; keepalived's default is `0s`: none.
        Optional refresh: Loc<Text<Duration>>,
        /// Packets of such a round; keepalived's default is 1.
        Optional refresh_repeat: Loc<Number<1, 255>>,
    }
}

keys! {
    /// `policy_routing:`
    PolicyRouting {
        /// `virtual` (default): rules and routes follow each VIP in keepalived; `static`: a script holds them.
        Optional mode: Loc<Text<RoutingMode>>,
        /// Pool for the VIPs' routing tables; default `1000-1999`.
        Optional tables: Loc<Text<Pool<Table>>>,
        /// Pool for `ip rule` priorities; default `1000-1999`.
        Optional rule_priorities: Loc<Text<Pool<RulePriority>>>,
        /// Priority of the rules to `kubernetes.pod_networks`, below those of the VIPs; default 999.
        Optional pod_rule_priority: Loc<RulePriority>,
        /// Bits of the packet mark that are ours; default `0xff`.
        Optional mark_mask: Loc<Mark>,
    }
}

keys! {
    /// An entry of `gateways:`.
    Gateway {
        /// The next hop of replies.
        Required address: Loc<Text<IpAddr>>,
        /// VIPs belong to the gateway whose network contains them.
        Required network: Loc<Text<IpNet>>,
        /// The nodes' interface in that network.
        Required interface: Loc<Text<Interface>>,
        /// Routes beside the default route, in the table of every VIP whose replies leave by this gateway.
        Optional routes: Vec<Route>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// An entry of `nodes:`.
    Node {
        /// IPv4 source of its VRRP adverts.
        Optional address: Loc<Text<Ipv4Addr>>,
        /// IPv6 source of its VRRP adverts.
        Optional address6: Loc<Text<Ipv6Addr>>,
        /// The interface with these addresses; adverts leave here.
        Required interface: Loc<Text<Interface>>,
        /// Its name in the cluster, that of the label `kubernetes.io/hostname`; default: the name here.
        Optional hostname: Loc<Text<Subdomain>>,
        /// What a rollout connects to, such as `root@10.0.0.1`; default: the node's name.
        Optional host: Loc<Text<Free>>,
        /// Failure domain.
        Optional zone: Loc<Text<Label>>,
        /// Share of VIPs; default 1.
        Optional weight: Loc<Number<1, 100>>,
        /// `active` (default), `draining` (last in every failover order) or `maintenance` (in none).
        Optional state: Loc<Text<NodeState>>,
        /// The gateways that it has; default: all.
        Optional gateways: Loc<Set<Loc<Text<Label>>>>,
        /// Its interface in a gateway's network, where it differs from the gateway's.
        Optional interfaces: Map<Label, Loc<Text<Interface>>>,
        /// Interfaces without which it holds no VIP, beside those of its VIPs.
        Optional track_interfaces: Set<Loc<Text<Interface>>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// An entry of `domains:`.
    Domain {
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<Text<Label>>,
        /// The Secret of its certificate; without the key: named after the host; `default` is the controller's own certificate, `false` is
        /// plain HTTP.
        Optional tls_secret: Loc<Text<TlsSecret>>,
        /// The namespace of its Secret and its Ingress, where one tier of Ingresses routes requests; default: `kubernetes.namespace`.
        Optional namespace: Loc<Text<Label>>,
        /// Of its Ingress, such as an issuer of cert-manager; they add to those of the edge and win.
        Optional annotations: Map<AnnotationKey, Loc<Text<Free>>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// An entry of `components:`.
    Component {
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<Text<Label>>,
        /// `migrated` (default), or `legacy`: the fallback serves it, and its paths stay on record.
        Optional state: Loc<Text<ComponentState>>,
        /// Default: `kubernetes.namespace`.
        Optional namespace: Loc<Text<Label>>,
        /// What serves it; required unless the component is `legacy`.
        Optional backend: Backend,
        /// Where it is found.
        Required paths: Loc<Nonempty<Vec<Path>>>,
        /// Default: any host.
        Optional hosts: Set<Loc<Text<Host>>>,
        /// Of its Ingress.
        Optional annotations: Map<AnnotationKey, Loc<Text<Free>>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// `backend:` of a component.
    Backend {
        /// Default: the component's name.
        Optional service: Loc<Text<ServiceName>>,
        /// Name or number.
        Required port: Loc<Text<ServicePort>>,
        /// Machines outside of the cluster that listen on the port: their Service is written too. Default: the Service is there.
        Optional addresses: Loc<Nonempty<Set<Loc<Text<IpAddr>>>>>,
    }
}

/// An item of `paths:`: `- /api/`, a Prefix, or `- { path: /ws, type: Exact }`.
pub type Path = Either<Loc<Text<UrlPath>>, LongPath>;

keys! {
    /// An item of `paths:`, long form.
    LongPath {
        /// What the request's path starts with, or is.
        Required path: Loc<Text<UrlPath>>,
        /// `Prefix` (default), `Exact` or `ImplementationSpecific`.
        Optional r#type: Loc<Text<PathType>>,
        /// Only requests with this method and these headers (Gateway API only).
        Optional r#match: Match,
    }
}

keys! {
    /// `match:` of a path.
    Match {
        /// The method, such as `POST`. Default: any.
        Optional method: Loc<Text<HttpMethod>>,
        /// Headers and the values that they must have, all of them.
        Optional headers: Map<HeaderName, Loc<Text<HeaderValue>>>,
    }
}

/// An `allow` of the inventory or of one of its entries.
#[derive(Debug)]
pub struct Waiver<'a> {
    /// The waived code.
    pub code: &'a Loc<Text<MessageCode>>,
    /// The entry that it is for; `None` is everywhere.
    pub within: Option<Span>,
}

impl Waiver<'_> {
    /// Returns true if the waiver covers a code at a place.
    pub fn covers(&self, id: &str, span: Span) -> bool {
        self.code.value.text == id && self.within.is_none_or(|within| within.contains(span))
    }
}

impl Inventory {
    /// Every `allow`.
    pub fn waivers(&self) -> Vec<Waiver<'_>> {
        fn of(
            allow: &Option<Vec<Loc<Text<MessageCode>>>>,
            within: Option<Span>,
        ) -> impl Iterator<Item = Waiver<'_>> {
            allow.iter().flatten().map(move |code| Waiver { code, within })
        }
        // A file that another includes waives its own warnings and nobody else's.
        let mut waivers: Vec<Waiver<'_>> = of(&self.allow, None).collect();
        for waiver in &mut waivers {
            let file = waiver.code.span.file;
            waiver.within = (file != self.span.file).then(|| Span::of_file(file));
        }
        macro_rules! entries {
            ($($map:ident)*) => {$(
                for entry in self.$map.iter().flat_map(|map| map.values()).filter_map(|entry| entry.value.as_ref()) {
                    waivers.extend(of(&entry.allow, Some(entry.extent)));
                }
            )*};
        }
        entries!(gateways nodes entrypoints domains components);
        for vip in self.vips.iter().flatten() {
            waivers.extend(of(&vip.allow, Some(vip.extent)));
        }
        waivers
    }
}
