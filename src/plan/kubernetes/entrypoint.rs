//! The objects of an entrypoint: the Service of its edge controller, and its fallback.

use std::net::IpAddr;

use super::{
    Exposure, Families, IngressPlan, IngressRule, Manifest, ManifestFile, Object, ObjectMeta,
    Planner, ServicePlan, ServicePort, endpoints::Outside, gateway, ingress::to_fallback, written,
};
use crate::model::{
    EXPOSES, Entry, Entrypoint, Exposed, Fallback, FallbackTarget, Host, Label, Name as _,
    QualifiedName, RoutingTier, Tiers, UrlPath, Vip,
};
use crate::route::Answer;

/// A legacy component that a fallback serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Legacy {
    /// The name of the component.
    pub component: Label,
    /// The paths where it is found.
    pub paths: Vec<UrlPath>,
}

impl Planner<'_> {
    /// The files of an entrypoint.
    pub(super) fn entrypoint(&self, name: &Label, entrypoint: &Entrypoint) -> Vec<Manifest> {
        let Some(tiers) = entrypoint.tiers() else { return Vec::new() };
        let mut manifests = vec![self.edge_service(name, tiers)];
        manifests.extend(self.gateway(name, tiers));
        let fallback = tiers.fallback.as_ref();
        manifests.extend(fallback.map(|fallback| self.fallback(name, tiers, fallback)));
        manifests
    }

    fn edge_service(&self, name: &Label, tiers: &Tiers) -> Manifest {
        let edge = &tiers.edge;
        let vips: Vec<&Vip> =
            self.datacenter.vips.iter().filter(|vip| vip.entrypoint == *name).collect();
        let mut external_ips: Vec<IpAddr> =
            vips.iter().flat_map(|vip| vip.addresses().map(|(address, _)| address)).collect();
        external_ips.sort();
        let mut from = vec![Entry::Entrypoint(name.clone())];
        from.extend(vips.iter().map(|vip| Entry::Vip(vip.address.value)));
        let ports = edge.ports.iter();
        let gateway = gateway::exposed(tiers);
        let mut meta = self.meta((&edge.service.value).into());
        meta.namespace = self.service_namespace(tiers);
        if let (Some(_), Some(key)) = (gateway, QualifiedName::parse(EXPOSES)) {
            meta.annotations.insert(key, Exposed::Gateway.word().to_owned());
        }
        let service = ServicePlan {
            meta,
            selector: match gateway {
                Some(gateway) if gateway.is_managed => self.managed_pods(name),
                Some(gateway) => gateway.selector.clone(),
                None => edge.selector.clone(),
            },
            ports: ports
                .map(|(name, port)| ServicePort {
                    name: name.clone(),
                    port: port.number,
                    protocol: port.protocol,
                    target: port.target.or_else(|| gateway?.container_port(name, port.number)),
                })
                .collect(),
            families: Families::of(&external_ips),
            exposure: Some(Exposure {
                vips: external_ips,
                form: self.datacenter.kubernetes.vips,
                has_ip_mode: self.datacenter.kubernetes.version.at_least(30),
                health_check_node_port: edge.health_check_node_port.map(|port| port.value),
            }),
        };
        Manifest {
            file: ManifestFile::Service(name.clone()),
            legacy: Vec::new(),
            objects: vec![Object::Service(service)],
            from,
        }
    }

    /// The Ingress that sends the fallback what no component claims; for machines also their Service and addresses.
    fn fallback(&self, name: &Label, tiers: &Tiers, fallback: &Fallback) -> Manifest {
        let mut objects = match &fallback.target {
            FallbackTarget::Machines(addresses, port) => self.outside(&Outside {
                service: &fallback.name.value,
                namespace: &self.datacenter.kubernetes.namespace,
                port: Fallback::PORT,
                addresses: addresses.iter().map(|found| found.value).collect(),
                target: *port,
            }),
            FallbackTarget::Service { .. } => Vec::new(),
        };
        let mut from = vec![Entry::Entrypoint(name.clone())];
        if let Some(routing) = &tiers.routing {
            let catch_all = self.catch_all(name, routing, fallback);
            // In one tier a domain without a certificate has no Ingress of its own.
            let hosts = catch_all.rules.iter().filter_map(|rule| rule.host.as_ref());
            let hosts = hosts.filter(|_| routing.behind.is_none());
            let named = hosts.filter(|host| self.datacenter.domains.contains_key(*host));
            from.extend(named.map(|host| Entry::Domain(host.clone())));
            objects.push(Object::Ingress(catch_all));
        }
        objects.extend(self.catch_all_routes(name, fallback).into_iter().map(Object::HttpRoute));
        let legacy = self.legacy(name);
        from.extend(legacy.iter().map(|legacy| Entry::Component(legacy.component.clone())));
        Manifest { file: ManifestFile::Fallback(name.clone()), legacy, objects, from }
    }

    /// Of what leads to the fallback: it stands beside its Service.
    pub(super) fn fallback_meta(&self, fallback: &Fallback) -> ObjectMeta {
        let home = &self.datacenter.kubernetes.namespace;
        let namespace = fallback.namespace(home).clone();
        ObjectMeta { namespace, ..self.meta((&fallback.name.value).into()) }
    }

    /// The Ingress of every rule of the routing table that the fallback answers, but for those that a domain's has.
    fn catch_all(&self, name: &Label, routing: &RoutingTier, fallback: &Fallback) -> IngressPlan {
        let mut meta = self.fallback_meta(fallback);
        meta.annotations = written(&routing.annotations);
        let is_elsewhere = |host: &Host| {
            let domain = self.datacenter.domains.get(host);
            routing.behind.is_none() && domain.is_some_and(|own| self.has_fallback(host, own))
        };
        let tier = self.routes.tier(name);
        let hosts = tier
            .into_iter()
            .flat_map(|tier| tier.hosts())
            .filter(|(_, rules)| rules.iter().any(|rule| rule.answer == Answer::Fallback))
            .filter(|(host, _)| !host.is_some_and(is_elsewhere));
        IngressPlan {
            meta,
            class: routing.class.value.clone(),
            rules: hosts
                .map(|(host, _)| IngressRule {
                    host: host.cloned(),
                    paths: vec![to_fallback(fallback)],
                })
                .collect(),
            tls: None,
        }
    }

    /// The components of an entrypoint that only the fallback serves.
    fn legacy(&self, entrypoint: &Label) -> Vec<Legacy> {
        let components = self.datacenter.components.iter();
        components
            .filter(|(_, found)| found.backend.is_none() && found.entrypoint == *entrypoint)
            .map(|(name, found)| Legacy {
                component: name.clone(),
                paths: found.paths.iter().map(|path| path.path.value.clone()).collect(),
            })
            .collect()
    }
}
