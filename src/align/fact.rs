//! The facts of a datacenter's structure, path by path: those at one path can be compared between datacenters.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

use crate::language::form::in_words;
use crate::model::{
    Annotations, Component, Datacenter, EndpointsForm, Entrypoint, Preempt, VrrpVersion,
};
use crate::plan::Plan;

/// A place of an inventory, as `components.shop.namespace`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The entry of a naming map that it belongs to; empty for settings.
    pub entry: String,
    /// The key in it; empty for the entry itself.
    pub key: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let dot = if self.entry.is_empty() || self.key.is_empty() { "" } else { "." };
        write!(f, "{}{dot}{}", self.entry, self.key)
    }
}

/// The fact at each place, with the defaults filled in.
#[derive(Debug, Default)]
pub struct Facts(pub BTreeMap<Place, String>);

/// The fact of an entry that has nothing to say of itself.
const THERE: &str = "yes";

impl Facts {
    /// Returns the facts of a datacenter; its addresses, numbers and names of nodes are not among them.
    pub fn of(datacenter: &Datacenter, plan: &Plan) -> Self {
        let mut facts = Self::default();
        facts.settings(datacenter);
        for (name, gateway) in &datacenter.gateways {
            let mut entry = facts.entry("gateways", name, THERE);
            entry.say("network", format!("/{}", gateway.network.value.prefix_len()));
            entry.say("interface", &gateway.interface);
        }
        for (name, entrypoint) in &datacenter.entrypoints {
            let mut entry = facts.entry("entrypoints", name, THERE);
            entry.entrypoint(entrypoint);
            let vips = plan.vips.iter().filter(|vip| vip.entrypoint == *name);
            if let Some(depth) = vips.map(|vip| vip.order.len()).min() {
                entry.say("failover_depth", depth);
            }
        }
        for (host, domain) in &datacenter.domains {
            let mut entry = facts.entry("domains", host, THERE);
            entry.say("entrypoint", &domain.entrypoint);
            let secret = domain.tls_secret.as_ref().map_or("false".to_owned(), ToString::to_string);
            entry.say("tls_secret", secret);
        }
        for (name, component) in &datacenter.components {
            let state = if component.backend.is_some() { "migrated" } else { "legacy" };
            facts.entry("components", name, state).component(component);
        }
        facts
    }

    fn settings(&mut self, datacenter: &Datacenter) {
        let mut say = |key: &str, value: String| {
            self.0.insert(Place { entry: String::new(), key: key.to_owned() }, value);
        };
        let kubernetes = &datacenter.kubernetes;
        say("kubernetes.version", kubernetes.version.to_string());
        say("kubernetes.namespace", kubernetes.namespace.to_string());
        say("kubernetes.kube_proxy", kubernetes.kube_proxy.to_string());
        say("kubernetes.ingress_class", kubernetes.ingress_class.to_string());
        say("kubernetes.vips", kubernetes.vips.to_string());
        let form = match kubernetes.endpoints {
            EndpointsForm::Endpoints => "endpoints",
            EndpointsForm::Slices => "endpointslice",
            EndpointsForm::Both => "both",
        };
        say("kubernetes.endpoints", form.to_owned());
        let keepalived = &datacenter.keepalived;
        say("keepalived.version", keepalived.version.to_string());
        let version = match keepalived.vrrp_version {
            VrrpVersion::V2 => "2",
            VrrpVersion::V3 => "3",
        };
        say("keepalived.vrrp_version", version.to_owned());
        say("keepalived.advert_interval", in_words(keepalived.advert_interval));
        let preempt = match keepalived.preempt {
            Preempt::AtOnce => "true".to_owned(),
            Preempt::Never => "false".to_owned(),
            Preempt::After(delay) => in_words(delay),
        };
        say("keepalived.preempt", preempt);
        say("keepalived.vrids", range(&keepalived.vrids));
        if let Some(notify) = &keepalived.notify {
            say("keepalived.notify", notify.to_string());
        }
        let garp = &keepalived.garp;
        let counts = [("repeat", garp.repeat), ("refresh_repeat", garp.refresh_repeat)];
        let times = [("delay", garp.delay), ("refresh", garp.refresh)];
        let counts = counts.into_iter().filter_map(|(key, value)| Some((key, value?.to_string())));
        let times =
            times.into_iter().filter_map(|(key, value)| Some((key, format!("{}s", value?))));
        for (key, value) in counts.chain(times) {
            say(&format!("keepalived.garp.{key}"), value);
        }
        say("keepalived.rt_priority", keepalived.rt_priority.to_string());
        let routing = &datacenter.policy_routing;
        say("policy_routing.mode", routing.mode.to_string());
        say("policy_routing.tables", range(&routing.tables));
        say("policy_routing.rule_priorities", range(&routing.rule_priorities));
        if !kubernetes.pod_networks.is_empty() {
            say("policy_routing.pod_rule_priority", routing.pod_rule_priority.to_string());
        }
        say("policy_routing.mark_mask", format!("{:#x}", routing.mark_mask));
    }

    /// Says that an entry is there.
    fn entry(&mut self, map: &str, name: &impl fmt::Display, value: &str) -> Entry<'_> {
        let mut entry = Entry { facts: self, path: format!("{map}.{name}") };
        entry.say("", value);
        entry
    }
}

/// An entry whose facts are being told.
struct Entry<'a> {
    facts: &'a mut Facts,
    path: String,
}

impl Entry<'_> {
    fn say(&mut self, key: &str, value: impl ToString) {
        let place = Place { entry: self.path.clone(), key: key.to_owned() };
        self.facts.0.insert(place, value.to_string());
    }

    fn entrypoint(&mut self, entrypoint: &Entrypoint) {
        self.say("on_unhealthy", entrypoint.on_unhealthy);
        for check in entrypoint.checks() {
            self.say("check", &check.command);
            self.say("check.user", &check.user);
        }
        let Some(tiers) = entrypoint.tiers() else { return };
        let edge = &tiers.edge;
        self.say("edge.class", &edge.class.value);
        self.say("edge.service", &edge.service.value);
        for (label, value) in &edge.selector {
            self.say(&format!("edge.selector.{label}"), value);
        }
        for (name, port) in &edge.ports {
            self.say(&format!("edge.ports.{name}"), port);
        }
        if let Some(port) = &edge.health_check_node_port {
            self.say("edge.health_check_node_port", port.value);
        }
        self.annotations("edge.", &edge.annotations);
        if let Some(gateway) = &tiers.gateway {
            self.say("edge.api", tiers.api());
            self.say("edge.expose", tiers.exposed);
            self.say("edge.gateway.class", &gateway.class.value);
            self.say("edge.gateway.ports", format!("{}, {}", gateway.http, gateway.https));
        }
        let second = tiers.routing.iter().filter_map(|tier| Some((tier, tier.behind.as_ref()?)));
        for (routing, behind) in second {
            self.say("routing.class", &routing.class.value);
            self.say("routing.service", &behind.name.value);
            self.say("routing.port", behind.port);
            self.annotations("routing.", &routing.annotations);
        }
        if let Some(fallback) = &tiers.fallback {
            self.say("fallback", &fallback.name.value);
            self.say("fallback.port", fallback.answering_port());
        }
    }

    fn component(&mut self, component: &Component) {
        self.say("entrypoint", &component.entrypoint);
        self.say("namespace", &component.namespace);
        if let Some(backend) = &component.backend {
            self.say("backend", format!("{}:{}", backend.service, backend.port));
        }
        for path in &component.paths {
            self.say(&format!("paths.{}", path.path.value), path.kind);
        }
        for host in &component.hosts {
            self.say(&format!("hosts.{}", host.value), THERE);
        }
        self.annotations("", &component.annotations);
    }

    fn annotations(&mut self, tier: &str, annotations: &Annotations) {
        for (key, value) in annotations {
            self.say(&format!("{tier}annotations.{key}"), &value.value);
        }
    }
}

fn range<T: fmt::Display>(range: &RangeInclusive<T>) -> String {
    format!("{}-{}", range.start(), range.end())
}
