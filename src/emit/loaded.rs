//! The facts that keepalived must have loaded, and the program that asks it (facts D44).

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use minijinja::Value;
use serde::Serialize;

use super::peers::PeerLists;
use super::{Emitter, Files, check, home, node_file};
use crate::bundle::NodeFile;
use crate::model::{Preempt, VrrpVersion};
use crate::plan::{Check, Instance, IpRule, NodePlan, Route, Selector, Unhealthy, VirtualAddress};

#[derive(Serialize)]
struct Expected {
    instances: Vec<Loaded>,
    checks: Vec<LoadedCheck>,
}

#[derive(Serialize)]
struct Loaded {
    name: String,
    version: u8,
    interface: String,
    source: IpAddr,
    vrid: u8,
    priority: u8,
    interval: String,
    preempt: &'static str,
    delay: Option<u64>,
    address: String,
    excluded: Vec<String>,
    peers: Value,
    routes: Vec<String>,
    rules: Vec<String>,
    tracks: Vec<String>,
}

#[derive(Serialize)]
struct LoadedCheck {
    name: String,
    command: String,
    interval: u16,
    timeout: u16,
    rise: u8,
    fall: u8,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let mut lists = PeerLists::default();
    let instances = node.instances.iter();
    let expected = Expected {
        instances: instances.map(|found| loaded(node, found, lists.of(&found.peers))).collect(),
        checks: node
            .checks
            .iter()
            .map(|found| LoadedCheck {
                name: Check::name_of(&found.entrypoint),
                command: check::line(found, home(node)),
                interval: found.timing.interval,
                timeout: found.timing.timeout,
                rise: found.timing.rise,
                fall: found.timing.fall,
            })
            .collect(),
    };
    let expected = emitter.render("expected", expected)?;
    let mut files = vec![node_file(node, NodeFile::Expected, 0o644, expected)];
    if node.pod.is_none() {
        let program = emitter.render("loaded", minijinja::context! {})?;
        files.push(node_file(node, NodeFile::Loaded, 0o755, program));
    }
    Ok(files)
}

fn loaded(node: &NodePlan, found: &Instance, peers: Value) -> Loaded {
    // IPv6 is VRRPv3, whatever is said for IPv4.
    let version = match (node.vrrp_version, found.vip) {
        (VrrpVersion::V2, IpAddr::V4(_)) => 2,
        _ => 3,
    };
    Loaded {
        name: found.name(),
        version,
        interface: found.interface.to_string(),
        source: found.source,
        vrid: found.vrid,
        priority: found.priority,
        interval: match version {
            2 => format!("{} sec", found.advert_interval.as_secs()),
            _ => format!("{} milli-sec", found.advert_interval.as_millis()),
        },
        preempt: if found.preempt == Preempt::Never { "disabled" } else { "enabled" },
        delay: match found.preempt {
            Preempt::After(delay) => Some(delay).map(|delay: Duration| delay.as_secs()),
            Preempt::AtOnce | Preempt::Never => None,
        },
        address: address(&found.address),
        excluded: found.excluded.iter().map(address).collect(),
        peers,
        routes: found.routes.iter().map(route).collect(),
        rules: found.rules.iter().map(rule).collect(),
        tracks: tracks(found),
    }
}

/// In keepalived's order: interfaces, scripts, files.
fn tracks(found: &Instance) -> Vec<String> {
    let interfaces = found.track_interfaces.iter().map(|interface| (interface.to_string(), 0));
    let script = found.track.map(|track| {
        let lost = match track {
            Unhealthy::Fault => 0,
            Unhealthy::Lose(lost) => -i32::from(lost),
        };
        (Check::name_of(&found.entrypoint), lost)
    });
    let drain = ("drain".to_owned(), 0);
    let all = interfaces.chain(script).chain([drain]);
    all.map(|(name, weight)| format!("{name} weight {weight}")).collect()
}

/// A host's own length is not printed.
fn address(found: &VirtualAddress) -> String {
    let VirtualAddress { address, interface, label } = found;
    let label = label.as_ref().map_or(String::new(), |label| format!(" label {label}"));
    format!("{} dev {interface}{label}", network(*address))
}

fn network(net: IpNet) -> String {
    match net.prefix_len() == net.max_prefix_len() {
        true => net.addr().to_string(),
        false => net.to_string(),
    }
}

fn route(route: &Route) -> String {
    let Route { to, gateway, interface, table, source } = route;
    let (default, metric) = match gateway {
        IpAddr::V4(_) => ("0.0.0.0/0", String::new()),
        IpAddr::V6(_) => ("::/0", format!(" metric {}", Route::METRIC6)),
    };
    let to = to.map_or(default.to_owned(), network);
    let source = source.map_or(String::new(), |source| format!(" src {source}"));
    let table = table.map_or(String::new(), |table| format!(" table {table}"));
    format!("{to}{source} via {gateway} dev {interface}{table}{metric}")
}

fn rule(rule: &IpRule) -> String {
    let IpRule { selector, ipv6, table, priority } = rule;
    let all = if *ipv6 { "::/0" } else { "all" };
    match selector {
        Selector::From(address) => format!("from {address} priority {priority} lookup {table}"),
        Selector::ToPods(address, pods) => {
            format!("from {address} to {} priority {priority} lookup {table}", network(*pods))
        }
        Selector::Mark { value, mask } => {
            format!("from {all} priority {priority} fwmark {value:#x}/{mask:#x} lookup {table}")
        }
    }
}
