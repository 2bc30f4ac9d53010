//! What an inventory says, key by key, nothing resolved. The doc comments are the reference of the language.

use super::node::{Kind, Scalar};
use super::read::{Fields, Map, Need, Read, keys};
use super::shape::Shape;
use crate::diag::Report;
use crate::source::{Loc, Span};

keys! {
    /// One datacenter.
    Inventory {
        /// RFC 1123 label; the bundle's folder.
        Required datacenter: Loc<String>,
        /// The cluster that the manifests are for.
        Optional kubernetes: Kubernetes,
        /// What the nodes' keepalived is and does.
        Optional keepalived: Keepalived,
        /// How replies find their gateway.
        Optional policy_routing: PolicyRouting,
        /// Where replies must leave: one per public network and family.
        Optional gateways: Map<Gateway>,
        /// The machines that hold VIPs.
        Optional nodes: Map<Node>,
        /// One per kind of traffic.
        Optional entrypoints: Map<Entrypoint>,
        /// The addresses that clients know.
        Optional vips: Vec<Vip>,
        /// Branded hosts.
        Optional domains: Map<Domain>,
        /// What requests are routed to.
        Optional components: Map<Component>,
        /// Files that add to this one.
        Optional include: Loc<Vec<Loc<String>>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// `kubernetes:`
    Kubernetes {
        /// 1.22 to 1.37; default 1.32.
        Optional version: Loc<String>,
        /// Home of Services, edge Ingresses and fallbacks; default `ingress`.
        Optional namespace: Loc<String>,
        /// `ipvs`, `iptables` (default) or `nftables`.
        Optional kube_proxy: Loc<String>,
        /// `field` (default) or `annotation`.
        Optional ingress_class: Loc<String>,
        /// `auto` (default), `endpoints`, `endpointslice` or `both`.
        Optional endpoints: Loc<String>,
    }
}

keys! {
    /// `keepalived:`
    Keepalived {
        /// What the nodes run; default 2.2.7.
        Optional version: Loc<String>,
        /// 2 (default) or 3.
        Optional vrrp_version: Loc<u64>,
        /// Time between adverts: whole seconds in VRRPv2, down to `10ms` in VRRPv3; default `1s`.
        Optional advert_interval: Loc<String>,
        /// Whether a better node that is back takes its VIPs: `true` (default), `false`, or after a delay.
        Optional preempt: Loc<Scalar>,
        /// Pool for allocated VRIDs; default `1-255`.
        Optional vrids: Loc<String>,
        /// Called by keepalived on every transition.
        Optional notify: Loc<String>,
    }
}

keys! {
    /// `policy_routing:`
    PolicyRouting {
        /// `virtual` (default): rules and routes follow each VIP in keepalived; `static`: a script holds them.
        Optional mode: Loc<String>,
        /// Pool for the VIPs' routing tables; default `1000-1999`.
        Optional tables: Loc<String>,
        /// Pool for `ip rule` priorities; default `1000-1999`.
        Optional rule_priorities: Loc<String>,
        /// Bits of the packet mark that are ours; default `0xff`.
        Optional mark_mask: Loc<u64>,
    }
}

keys! {
    /// An entry of `gateways:`.
    Gateway {
        /// The next hop of replies.
        Required address: Loc<String>,
        /// VIPs belong to the gateway whose network contains them.
        Required network: Loc<String>,
        /// The nodes' interface in that network.
        Required interface: Loc<String>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// An entry of `nodes:`.
    Node {
        /// IPv4 source of its VRRP adverts.
        Optional address: Loc<String>,
        /// IPv6 source of its VRRP adverts.
        Optional address6: Loc<String>,
        /// The interface that holds them.
        Required interface: Loc<String>,
        /// Failure domain.
        Optional zone: Loc<String>,
        /// Share of VIPs, 1 to 100; default 1.
        Optional weight: Loc<u64>,
        /// `active` (default), `draining` (last in every failover order) or `maintenance` (in none).
        Optional state: Loc<String>,
        /// Those that it has; default: all.
        Optional gateways: Loc<Vec<Loc<String>>>,
        /// Its interface in a gateway's network, where it is another one.
        Optional interfaces: Map<Loc<String>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// An entry of `entrypoints:`.
    Entrypoint {
        /// First tier: TLS termination.
        Required edge: Edge,
        /// Second tier: requests to components.
        Required routing: Routing,
        /// What serves everything that no component claims.
        Optional fallback: Fallback,
        /// While no ready pod is on a node, it ranks below every healthy one (`yield`, the default), gives its VIPs up
        /// (`fault`) or does nothing (`ignore`).
        Optional on_unhealthy: Loc<String>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// `edge:` of an entrypoint.
    Edge {
        /// Ingress class.
        Required class: Loc<String>,
        /// Default: the class.
        Optional service: Loc<String>,
        /// Labels of the controller's pods.
        Optional selector: Map<Loc<String>>,
        /// Name to port; default `{ http: 80, https: 443 }`.
        Optional ports: Map<Loc<u64>>,
        /// Where kube-proxy says whether a ready pod is on the node, 30000 to 32767; default: none.
        Optional health_check_node_port: Loc<u64>,
        /// Copied to every edge Ingress.
        Optional annotations: Map<Loc<String>>,
    }
}

keys! {
    /// `routing:` of an entrypoint.
    Routing {
        /// Ingress class.
        Required class: Loc<String>,
        /// Default: the class.
        Optional service: Loc<String>,
        /// Default 80.
        Optional port: Loc<u64>,
        /// Copied to every routing Ingress.
        Optional annotations: Map<Loc<String>>,
    }
}

keys! {
    /// `fallback:` of an entrypoint.
    Fallback {
        /// Of the Service, its endpoints and the catch-all Ingress.
        Required name: Loc<String>,
        /// Of one or both families.
        Required addresses: Loc<Vec<Loc<String>>>,
        /// Where they listen.
        Required port: Loc<u64>,
    }
}

keys! {
    /// An item of `vips:`.
    Vip {
        /// The advertised address.
        Required address: Loc<String>,
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<String>,
        /// Addresses that share its fate: they move with it, and are not advertised.
        Optional extra_addresses: Vec<Loc<String>>,
        /// Nodes that come first, in this order.
        Optional prefer: Vec<Loc<String>>,
        /// The only nodes that may hold it; default: every node that has the gateway.
        Optional nodes: Loc<Vec<Loc<String>>>,
        /// Pin, 1 to 255; default: a free one, kept in the lock.
        Optional vrid: Loc<u64>,
        /// Pin: the routing table; default: a free one.
        Optional table: Loc<u64>,
        /// Pin: the priority of its `ip rule`; default: a free one.
        Optional rule_priority: Loc<u64>,
        /// Pin: the packet mark of its connections, inside `mark_mask`; default: a free one.
        Optional mark: Loc<u64>,
        /// Exact VRRP priorities, for adopting a running fleet.
        Optional priorities: Map<Loc<u64>>,
        /// Overrides `keepalived.preempt`.
        Optional preempt: Loc<Scalar>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// An entry of `domains:`.
    Domain {
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<String>,
        /// The Secret of its certificate; default: named as the host; `false` is plain HTTP.
        Optional tls_secret: Loc<Scalar>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// An entry of `components:`.
    Component {
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<String>,
        /// `migrated` (default), or `legacy`: the fallback serves it, and its paths stay on record.
        Optional state: Loc<String>,
        /// Default: `kubernetes.namespace`.
        Optional namespace: Loc<String>,
        /// What serves it; required unless the component is `legacy`.
        Optional backend: Backend,
        /// Where it is found.
        Required paths: Loc<Vec<Path>>,
        /// Default: any host.
        Optional hosts: Vec<Loc<String>>,
        /// Of its Ingress.
        Optional annotations: Map<Loc<String>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<String>>,
    }
}

keys! {
    /// `backend:` of a component.
    Backend {
        /// Default: the component's name.
        Optional service: Loc<String>,
        /// Name or number.
        Required port: Loc<String>,
    }
}

/// An item of `paths:`.
#[derive(Debug)]
pub enum Path {
    /// `- /api/`: a Prefix.
    Short(Loc<String>),
    /// `- { path: /ws, type: Exact }`
    Long(LongPath),
}

impl Read for Path {
    fn shape() -> Shape {
        Shape::Either(Box::new(Loc::<String>::shape()), Box::new(LongPath::shape()))
    }

    fn read(node: &super::node::Node, key: &Loc<&str>, report: &mut Report) -> Option<Self> {
        match &node.kind {
            Kind::Map(_) => LongPath::read(node, key, report).map(Path::Long),
            _ => Loc::read(node, key, report).map(Path::Short),
        }
    }
}

keys! {
    /// An item of `paths:`, long form.
    LongPath {
        /// What the request's path starts with, or is.
        Required path: Loc<String>,
        /// `Prefix` (default), `Exact` or `ImplementationSpecific`.
        Optional r#type: Loc<String>,
    }
}

/// An `allow` of the inventory or of one of its entries.
#[derive(Debug)]
pub struct Waiver<'a> {
    /// The waived code.
    pub code: &'a Loc<String>,
    /// The entry that it is for; `None` is everywhere.
    pub within: Option<Span>,
}

impl Inventory {
    /// Every `allow`.
    pub fn waivers(&self) -> Vec<Waiver<'_>> {
        fn of(
            allow: &Option<Vec<Loc<String>>>,
            within: Option<Span>,
        ) -> impl Iterator<Item = Waiver<'_>> {
            allow.iter().flatten().map(move |code| Waiver { code, within })
        }
        let mut waivers: Vec<Waiver<'_>> = of(&self.allow, None).collect();
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
