//! Services and classes of the tiers.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::Value;

use super::gateway::GatewaySide;
use crate::bundle::{Controllers, Place};
use crate::language::version::ControllerVersion;
use crate::model::Controller;
use crate::state::Object;

/// The tiers of an entrypoint.
#[derive(Debug, Default)]
pub struct Edge {
    pub class: String,
    pub service: String,
    pub selector: BTreeMap<String, String>,
    /// Number and protocol, by name.
    pub ports: BTreeMap<String, (u64, String)>,
    pub health_port: Option<u64>,
    pub vips: BTreeSet<IpAddr>,
    pub annotations: BTreeMap<String, String>,
    pub routing: Option<SecondTier>,
    /// The controller, where something names it.
    pub controller: Option<Controller>,
    /// True if its own Ingresses lead to components.
    pub is_one_tier: bool,
    pub fallback: Option<Fallback>,
    /// The Gateway; without a `class` it stands alone.
    pub gateway: Option<GatewaySide>,
    /// The namespace of the Service, where it is not that of the Ingresses or the Gateway.
    pub service_namespace: Option<String>,
}

/// The second tier.
#[derive(Debug, Default, Clone)]
pub struct SecondTier {
    pub class: String,
    pub controller: Option<Controller>,
    pub service: String,
    pub port: u64,
    pub annotations: BTreeMap<String, String>,
}

/// The backend for everything that no component takes.
#[derive(Debug)]
pub struct Fallback {
    /// Of its Service.
    pub name: String,
    /// Of the catch-all Ingress, where that is called otherwise.
    pub ingress: Option<String>,
    /// Of machines outside of the cluster; empty where it is a Service.
    pub addresses: Vec<IpAddr>,
    /// Of a Service.
    pub namespace: String,
    pub port: String,
}

/// A Service that VIPs are for: it names them, or it is a load balancer's whose health keepalived could ask.
pub fn is_edge(service: &Object, vips: &BTreeSet<IpAddr>) -> bool {
    let kind = service.field("/spec/type").and_then(Value::as_str);
    let health = service.field("/spec/healthCheckNodePort").is_some();
    addresses(service).iter().any(|address| vips.contains(address))
        || Place::of(&service.file).entrypoint().is_some() && kind == Some("LoadBalancer")
        || health && kind == Some("LoadBalancer")
}

/// The addresses by which clients reach a Service.
pub fn addresses(service: &Object) -> BTreeSet<IpAddr> {
    let list = |path: &str| service.field(path).and_then(Value::as_array).into_iter().flatten();
    let external = list("/spec/externalIPs").filter_map(Value::as_str);
    let status = list("/status/loadBalancer/ingress").filter_map(|entry| entry["ip"].as_str());
    external.chain(status).filter_map(|text| text.parse().ok()).collect()
}

impl Edge {
    /// The ports of an edge that nobody described.
    pub fn usual_ports() -> BTreeMap<String, (u64, String)> {
        [("http", 80), ("https", 443)]
            .map(|(name, port)| (name.to_owned(), (port, "TCP".to_owned())))
            .into()
    }

    /// Returns true if a Gateway serves it, and no Ingress does.
    pub fn is_gateway_alone(&self) -> bool {
        self.gateway.is_some() && self.class.is_empty()
    }

    /// Finds its controllers: those that a bundle lists, or Traefik by the labels of its pods.
    pub fn find_controllers(&mut self, listed: Option<&Controllers>) {
        let of = |class: &str| listed.and_then(|listed| listed.listed(class));
        let is_traefik = self.selector.values().any(|value| value == "traefik");
        let traefik =
            Controller::Traefik { strict_prefix: false, version: ControllerVersion::NEWEST };
        self.controller = of(&self.class).or_else(|| is_traefik.then_some(traefik));
        if let Some(routing) = &mut self.routing {
            routing.controller = of(&routing.class);
        }
    }

    /// The values of the selector, the name of the release first.
    pub fn selected(&self) -> impl Iterator<Item = &str> {
        let instance = self.selector.get("app.kubernetes.io/instance");
        instance.into_iter().chain(self.selector.values()).map(String::as_str)
    }

    /// The Service of an edge, and the class of its Ingresses.
    pub fn of(service: &Object, class: Option<String>) -> Self {
        let ports = service.field("/spec/ports").and_then(Value::as_array).into_iter().flatten();
        let ports = ports.filter_map(|port| {
            let number = port["port"].as_u64()?;
            let name =
                port["name"].as_str().map_or_else(|| format!("port-{number}"), str::to_owned);
            Some((name, (number, port["protocol"].as_str().unwrap_or("TCP").to_owned())))
        });
        Edge {
            class: class.unwrap_or_default(),
            service: service.key.name.clone(),
            selector: strings(service.field("/spec/selector")),
            ports: ports.collect(),
            health_port: service.field("/spec/healthCheckNodePort").and_then(Value::as_u64),
            vips: addresses(service),
            ..Edge::default()
        }
    }
}

pub fn strings(map: Option<&Value>) -> BTreeMap<String, String> {
    let entries = map.and_then(Value::as_object).into_iter().flatten();
    entries.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}
