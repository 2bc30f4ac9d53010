//! The keys of an entrypoint, as written.

use std::net::IpAddr;
use std::time::Duration;

use super::super::keys::{Fields, Need, keys};
use super::super::read::Read;
use super::super::short::Either;
use super::super::written::{Map, Nonempty, Set, Text};
use crate::diag::Report;
use crate::language::form::{AnnotationKey, Free, MessageCode, ServicePort};
use crate::language::name::{
    CheckLine, Label, LabelValue, PortName, QualifiedName, ServiceName, Subdomain, User,
};
use crate::language::number::{Hosts, NodePort, Number, Port};
use crate::language::version::ControllerVersion;
use crate::language::word::{
    Api, ControllerName, Exposed, ImplementationName, OnUnhealthy, Protocol, Switch,
    TraefikProvider,
};
use crate::source::{Loc, Span};

keys! {
    /// An entry of `entrypoints:`.
    Entrypoint {
        /// First tier: TLS termination. Without `routing` it is the only one. An entrypoint has either `edge` or `host`.
        Optional edge: Edge,
        /// Second tier: requests to components.
        Optional routing: Routing,
        /// Instead of `edge`: a service on the nodes themselves, such as a mail relay.
        Optional host: NodeCheck,
        /// A check of the node, beside `health_check_node_port` or that of `host`.
        Optional node_check: NodeCheck,
        /// What serves everything that no component claims.
        Optional fallback: Fallback,
        /// Copied to every Ingress of all tiers; those of a tier add to them and win.
        Optional annotations: Map<AnnotationKey, Loc<Text<Free>>>,
        /// While no ready pod is on a node, it ranks below every healthy one (`yield`, the default), gives its VIPs up
        /// (`fault`) or does nothing (`ignore`).
        Optional on_unhealthy: Loc<Text<OnUnhealthy>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

keys! {
    /// `edge:` of an entrypoint.
    Edge {
        /// Ingress class.
        Required class: Loc<Text<Subdomain>>,
        /// Default: the class.
        Optional service: Loc<Text<ServiceName>>,
        /// The namespace of the Service, which has to be that of the pods. Default: `kubernetes.namespace`; `envoy-gateway-system`
        /// where it selects the pods of Envoy Gateway without a `selector` of yours.
        Optional service_namespace: Loc<Text<Label>>,
        /// Labels of the controller's pods. Envoy Gateway's need none: they are labelled with the name of the Gateway.
        Optional selector: Map<QualifiedName, Loc<Text<LabelValue>>>,
        /// Name to port, or to `{ port: 53, protocol: UDP, target: 5353 }`; without `target` the name is the target port. Default: `{ http: 80, https: 443 }`, of
        /// Traefik `{ web: 80, websecure: 443 }`.
        Optional ports: Map<PortName, EdgePort>,
        /// Where kube-proxy says whether a ready pod is on the node; default: none.
        Optional health_check_node_port: Loc<NodePort>,
        /// Which ingress controller it is: `ingress-nginx` (default), `traefik`, or `other`.
        Optional controller: Loc<Text<ControllerName>>,
        /// Its release, where releases differ: Traefik compares wildcard hosts otherwise before 3.7. Default: the newest known.
        Optional controller_version: Loc<Text<ControllerVersion>>,
        /// Which of Traefik's providers reads the Ingresses: `ingress` (default) or `nginx`.
        Optional traefik_provider: Loc<Text<TraefikProvider>>,
        /// Whether Traefik's `strictPrefixMatching` is on; default `false`.
        Optional strict_prefix: Loc<Text<Switch>>,
        /// Copied to every Ingress of its class.
        Optional annotations: Map<AnnotationKey, Loc<Text<Free>>>,
        /// In one tier: the most hosts that a component's Ingress names without a warning; default 50.
        Optional max_hosts: Loc<Hosts>,
        /// `ingress` (default): Ingresses, in two tiers with `routing` and in one without; `gateway`: Gateway API; `both` for a
        /// migration.
        Optional api: Loc<Text<Api>>,
        /// With `api: both`, whose pods the VIPs lead to: `ingress` (default) or `gateway`.
        Optional expose: Loc<Text<Exposed>>,
        /// With `api: gateway`, who reads the Gateway and its routes: `envoy-gateway` (default), `nginx-gateway-fabric`, `kgateway`,
        /// `cilium`, `traefik`, `istio` or `other`. It is never derived from the class.
        Optional implementation: Loc<Text<ImplementationName>>,
        /// Its release, where releases differ, such as `"1.9"`. Default: the newest known.
        Optional implementation_version: Loc<Text<ControllerVersion>>,
        /// The side of Gateway API, with `api: gateway` or `both`.
        Optional gateway: EdgeGateway,
    }
}

keys! {
    /// `gateway:` of an edge.
    EdgeGateway {
        /// Who reads the Gateway and its routes, as `implementation` of the edge says with `api: gateway`.
        Optional implementation: Loc<Text<ImplementationName>>,
        /// Its release, where releases differ. Default: the newest known.
        Optional implementation_version: Loc<Text<ControllerVersion>>,
        /// GatewayClass; default: the edge's class, required with `api: both`.
        Optional class: Loc<Text<Subdomain>>,
        /// Labels of its pods; default: those of the edge, required with `api: both`.
        Optional selector: Map<QualifiedName, Loc<Text<LabelValue>>>,
        /// Where listeners must have other ports than the Service: those of the container, such as Traefik's.
        Optional ports: GatewayPorts,
    }
}

keys! {
    /// `ports:` of a Gateway: the ports of the container.
    GatewayPorts {
        /// Of the listener for plain HTTP.
        Required http: Loc<Port>,
        /// Of the listeners with TLS.
        Required https: Loc<Port>,
    }
}

keys! {
    /// `routing:` of an entrypoint.
    Routing {
        /// Ingress class.
        Required class: Loc<Text<Subdomain>>,
        /// Default: the class.
        Optional service: Loc<Text<ServiceName>>,
        /// Default 80.
        Optional port: Loc<Port>,
        /// Which ingress controller it is: `ingress-nginx` (default), `traefik`, or `other`.
        Optional controller: Loc<Text<ControllerName>>,
        /// Its release, where releases differ: Traefik compares wildcard hosts otherwise before 3.7. Default: the newest known.
        Optional controller_version: Loc<Text<ControllerVersion>>,
        /// Which of Traefik's providers reads the Ingresses: `ingress` (default) or `nginx`.
        Optional traefik_provider: Loc<Text<TraefikProvider>>,
        /// Whether Traefik's `strictPrefixMatching` is on; default `false`.
        Optional strict_prefix: Loc<Text<Switch>>,
        /// Copied to every routing Ingress.
        Optional annotations: Map<AnnotationKey, Loc<Text<Free>>>,
    }
}

keys! {
    /// `fallback:` of an entrypoint.
    Fallback {
        /// Of the catch-all Ingress, and of the Service of machines outside of the cluster; required beside `addresses`. Default beside
        /// `service`: that.
        Optional name: Loc<Text<ServiceName>>,
        /// The machines, of one or both families.
        Optional addresses: Loc<Nonempty<Set<Loc<Text<IpAddr>>>>>,
        /// Instead of machines: a Service that is there.
        Optional service: Loc<Text<ServiceName>>,
        /// Of that Service and of the catch-all Ingress; default: `kubernetes.namespace`.
        Optional namespace: Loc<Text<Label>>,
        /// The port that the machines listen on, or that of the Service, by name or number.
        Required port: Loc<Text<ServicePort>>,
    }
}

keys! {
    /// `host:` of an entrypoint, or `node_check:`
    NodeCheck {
        /// A command as keepalived runs it, or a line of shell, which `/bin/sh -c` runs; exit 0 is healthy.
        Optional check: Loc<Text<CheckLine>>,
        /// Who runs it; default `nobody`.
        Optional user: Loc<Text<User>>,
        /// How often; default `2s`. One script runs all checks of an entrypoint: with the shortest `interval`, and the
        /// largest `timeout`, `fall` and `rise`.
        Optional interval: Loc<Text<Duration>>,
        /// After which time it has failed; default `2s`.
        Optional timeout: Loc<Text<Duration>>,
        /// Failures in a row that count; default 2.
        Optional fall: Loc<Number<1, 100>>,
        /// Successes in a row that count; default 2.
        Optional rise: Loc<Number<1, 100>>,
    }
}

/// A port of `ports:`: `http: 80`, TCP, or `dns: { port: 53, protocol: UDP }`.
pub type EdgePort = Either<Loc<Port>, LongPort>;

keys! {
    /// A port of `ports:`, long form.
    LongPort {
        /// Its number.
        Required port: Loc<Port>,
        /// `TCP` (default) or `UDP`.
        Optional protocol: Loc<Text<Protocol>>,
        /// The port of the container, where it is not called like this one.
        Optional target: Loc<Port>,
    }
}
