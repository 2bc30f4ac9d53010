//! `keepalived.conf` (keepalived.conf(5)).

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use minijinja::Value;
use serde::Serialize;

use super::peers::PeerLists;
use super::{Emitter, Files, check, home, node_file, notify};
use crate::bundle::{Home, NodeFile};
use crate::model::{Entry, Garp, Interface, Preempt, Subdomain, VrrpVersion};
use crate::plan::{
    Check, Drain, Instance, IpRule, NodePlan, Route, Selector, Unhealthy, VirtualAddress,
};

/// The context of the template: text and lists.
#[derive(Serialize)]
struct Conf<'a> {
    node: &'a Subdomain,
    vrrp_version: u8,
    drain_file: &'a str,
    garp: Vec<(&'static str, u64)>,
    rt_priority: u8,
    checks: Vec<CheckBlock>,
    instances: Vec<InstanceBlock<'a>>,
}

#[derive(Serialize)]
struct CheckBlock {
    name: String,
    /// True if it asks for ready pods alone.
    is_health: bool,
    script: String,
    interval: u16,
    timeout: u16,
    fall: u8,
    rise: u8,
}

#[derive(Serialize)]
struct InstanceBlock<'a> {
    name: String,
    interface: &'a Interface,
    vrid: u8,
    priority: u8,
    advert_int: String,
    preempt: String,
    source: String,
    peers: Value,
    alone: bool,
    address: String,
    excluded: Vec<String>,
    routes: Vec<String>,
    rules: Vec<String>,
    track: String,
    track_interfaces: &'a BTreeSet<Interface>,
    garp: Vec<(&'static str, u64)>,
    restores: Vec<String>,
    notify: Vec<String>,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let conf = Conf {
        node: &node.node,
        vrrp_version: match node.vrrp_version {
            VrrpVersion::V2 => 2,
            VrrpVersion::V3 => 3,
        },
        drain_file: Drain::FILE,
        garp: garp(&node.garp),
        rt_priority: node.rt_priority,
        checks: node.checks.iter().map(|found| check_block(found, home(node))).collect(),
        instances: instances(&node.instances),
    };
    let body = emitter.render("keepalived.conf", conf)?;
    let mut file = node_file(node, NodeFile::Configuration, 0o644, body);
    file.from.extend(node.instances.iter().map(|instance| Entry::Vip(instance.vip)));
    file.from.extend(node.checks.iter().map(|check| Entry::Entrypoint(check.entrypoint.clone())));
    Ok(vec![file])
}

fn check_block(check: &Check, home: Home) -> CheckBlock {
    CheckBlock {
        name: Check::name_of(&check.entrypoint),
        is_health: check.commands.is_empty(),
        script: check::line(check, home),
        interval: check.timing.interval,
        timeout: check.timing.timeout,
        fall: check.timing.fall,
        rise: check.timing.rise,
    }
}

fn instances(instances: &[Instance]) -> Vec<InstanceBlock<'_>> {
    let mut lists = PeerLists::default();
    instances.iter().map(|found| instance(found, lists.of(&found.peers))).collect()
}

fn instance(instance: &Instance, peers: Value) -> InstanceBlock<'_> {
    InstanceBlock {
        name: instance.name(),
        interface: &instance.interface,
        vrid: instance.vrid,
        priority: instance.priority,
        advert_int: seconds(instance.advert_interval),
        preempt: match instance.preempt {
            Preempt::AtOnce => String::new(),
            Preempt::After(delay) => format!("preempt_delay {}", seconds(delay)),
            Preempt::Never => "nopreempt".to_owned(),
        },
        source: instance.source.to_string(),
        peers,
        alone: instance.is_alone(),
        address: address(&instance.address),
        excluded: instance.excluded.iter().map(address).collect(),
        routes: instance.routes.iter().map(route).collect(),
        rules: instance.rules.iter().map(rule).collect(),
        track: track(instance),
        track_interfaces: &instance.track_interfaces,
        garp: garp(&instance.garp),
        restores: notify::restores(instance),
        notify: notify::lines(instance),
    }
}

/// The settings of gratuitous ARP that are not keepalived's own.
fn garp(garp: &Garp) -> Vec<(&'static str, u64)> {
    let all = [
        ("delay", garp.delay),
        ("repeat", garp.repeat.map(u64::from)),
        ("refresh", garp.refresh),
        ("refresh_repeat", garp.refresh_repeat.map(u64::from)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}

/// Seconds with as many decimals as needed.
fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:03}", duration.as_secs(), duration.subsec_millis());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn address(address: &VirtualAddress) -> String {
    let VirtualAddress { address, interface, label } = address;
    let label = label.as_ref().map_or(String::new(), |label| format!(" label {label}"));
    format!("{address} dev {interface}{label}")
}

fn route(route: &Route) -> String {
    let Route { to, gateway, interface, table, source } = route;
    let to = to.map_or("default".to_owned(), |network| network.to_string());
    let table = table.map_or(String::new(), |table| format!(" table {table}"));
    let source = source.map_or(String::new(), |source| format!(" src {source}"));
    // keepalived 2.3 finds an IPv6 route again only by its metric: without one it is never removed.
    let metric = match gateway {
        IpAddr::V4(_) => String::new(),
        IpAddr::V6(_) => format!(" metric {}", Route::METRIC6),
    };
    format!("{to} via {gateway} dev {interface}{table}{source}{metric}")
}

/// The priority is spelt out: without it `keepalived -t` fails.
fn rule(rule: &IpRule) -> String {
    let IpRule { selector, ipv6, table, priority } = rule;
    match selector {
        Selector::From(address) => format!("from {address} lookup {table} priority {priority}"),
        Selector::ToPods(address, network) => {
            format!("from {address} to {network} lookup {table} priority {priority}")
        }
        Selector::Mark { value, mask } => {
            // A rule without an address is IPv4, and the word `inet6` swallows the next one (keepalived 2.2.7).
            let family = if *ipv6 { "from ::/0 " } else { "" };
            format!("{family}fwmark {value:#x}/{mask:#x} lookup {table} priority {priority}")
        }
    }
}

fn track(instance: &Instance) -> String {
    let check = Check::name_of(&instance.entrypoint);
    match instance.track {
        None => String::new(),
        Some(Unhealthy::Fault) => check,
        Some(Unhealthy::Lose(lost)) => format!("{check} weight -{lost}"),
    }
}
