//! `keepalived.conf` (keepalived.conf(5)).

use std::time::Duration;

use serde::Serialize;

use super::{Emitter, Files, node_file, policy_routing};
use crate::model::Preempt;
use crate::plan::{Drain, Instance, NodePlan, Route, Rule, Selector, Track, VirtualAddress};

/// Starts a command as nobody (setpriv(1)).
const UNPRIVILEGED: &str =
    "/usr/bin/setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs";

/// What the template sees: text and lists.
#[derive(Serialize)]
struct Context<'a> {
    header: &'a str,
    node: &'a str,
    vrrp_version: u8,
    drain_file: &'a str,
    script: &'a str,
    notify: &'a Option<String>,
    unprivileged: &'a str,
    checks: Vec<CheckContext<'a>>,
    instances: Vec<InstanceContext<'a>>,
}

#[derive(Serialize)]
struct CheckContext<'a> {
    name: &'a str,
    address: String,
    port: u16,
}

#[derive(Serialize)]
struct InstanceContext<'a> {
    name: &'a str,
    vip: String,
    interface: &'a str,
    vrid: u8,
    priority: u8,
    advert_int: String,
    preempt: String,
    source: String,
    peers: Vec<String>,
    alone: bool,
    address: String,
    excluded: Vec<String>,
    routes: Vec<String>,
    rules: Vec<String>,
    track: String,
    restore_routing: bool,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let context = Context {
        header: &emitter.header,
        node: &node.node,
        vrrp_version: node.vrrp_version,
        drain_file: Drain::FILE,
        script: policy_routing::INSTALLED,
        notify: &node.notify,
        unprivileged: UNPRIVILEGED,
        checks: node
            .checks
            .iter()
            .map(|check| CheckContext {
                name: &check.name,
                address: check.address.to_string(),
                port: check.port,
            })
            .collect(),
        instances: node.instances.iter().map(instance).collect(),
    };
    let body = emitter.templates.render("keepalived.conf", context)?;
    let mut file = node_file(node, "etc/keepalived/keepalived.conf", 0o644, body);
    file.from.extend(node.instances.iter().flat_map(|instance| instance.from.iter().cloned()));
    file.from.extend(node.checks.iter().flat_map(|check| check.from.iter().cloned()));
    Ok(vec![file])
}

fn instance(instance: &Instance) -> InstanceContext<'_> {
    InstanceContext {
        name: &instance.name,
        vip: instance.vip.to_string(),
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
        peers: instance.peers.iter().map(ToString::to_string).collect(),
        alone: instance.alone,
        address: address(&instance.address),
        excluded: instance.excluded.iter().map(address).collect(),
        routes: instance.routes.iter().map(route).collect(),
        rules: instance.rules.iter().map(rule).collect(),
        track: instance.track.as_ref().map(track).unwrap_or_default(),
        restore_routing: instance.restore_routing,
    }
}

/// Seconds with as many decimals as needed.
fn seconds(duration: Duration) -> String {
    let text = format!("{}.{:03}", duration.as_secs(), duration.subsec_millis());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn address(address: &VirtualAddress) -> String {
    format!("{} dev {}", address.address, address.interface)
}

fn route(route: &Route) -> String {
    let Route { gateway, interface, table, source } = route;
    format!("default via {gateway} dev {interface} table {table} src {source}")
}

/// The priority is spelt out: without it `keepalived -t` fails.
fn rule(rule: &Rule) -> String {
    let Rule { selector, ipv6, table, priority } = rule;
    match selector {
        Selector::From(address) => format!("from {address} lookup {table} priority {priority}"),
        Selector::Mark { value, mask } => {
            // A rule without an address is IPv4, and the word `inet6` swallows the next one (keepalived 2.2.7).
            let family = if *ipv6 { "from ::/0 " } else { "" };
            format!("{family}fwmark {value:#x}/{mask:#x} lookup {table} priority {priority}")
        }
    }
}

fn track(track: &Track) -> String {
    match track.weight {
        0 => track.check.clone(),
        weight => format!("{} weight {weight}", track.check),
    }
}
