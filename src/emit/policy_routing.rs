//! The `lbgen-policy-routing` script and the unit that runs it at boot.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::Serialize;

use super::{Emitter, Files, home, node_file};
use crate::bundle::{Home, NodeFile};
use crate::model::{Entry, Interface};
use crate::plan::{IpRule, Mark, NodePlan, ReplyRouting, Route, Selector};

/// The protocol number of the script's rules and routes (rtnetlink(7); rt_protos has keepalived's as 18).
const PROTO: u8 = 176;

#[derive(Serialize)]
struct Script<'a> {
    mode: &'a str,
    proto: u8,
    kube_proxy: &'a str,
    marked: bool,
    mask: String,
    vips: Vec<VipLine<'a>>,
    rules: Vec<RuleLine>,
    routes: Vec<RouteLine<'a>>,
    marks: Vec<MarkLine<'a>>,
}

#[derive(Serialize)]
struct VipLine<'a> {
    vip: String,
    interface: &'a Interface,
}

#[derive(Serialize)]
struct RuleLine {
    vip: String,
    family: &'static str,
    priority: u32,
    words: String,
}

#[derive(Serialize)]
struct RouteLine<'a> {
    vip: String,
    family: &'static str,
    table: u32,
    gateway: String,
    interface: &'a Interface,
    /// As iproute2 prints it; `None` is the default route.
    to: Option<String>,
}

#[derive(Serialize)]
struct MarkLine<'a> {
    vip: String,
    map: &'static str,
    interface: &'a Interface,
    address: String,
    value: String,
    others: String,
}

pub(super) fn emit(emitter: &Emitter<'_>, node: &NodePlan) -> Files {
    let routing = &node.routing;
    let mask = routing.iter().flat_map(|vip| &vip.marks).map(|mark| mark.mask).next();
    let script = Script {
        mode: emitter.mode.word(),
        proto: PROTO,
        kube_proxy: node.kube_proxy.word(),
        marked: node.kube_proxy.needs_marks(),
        mask: format!("{:#010x}", mask.unwrap_or(0)),
        vips: routing
            .iter()
            .map(|vip| VipLine { vip: vip.vip.to_string(), interface: &vip.interface })
            .collect(),
        rules: lines(routing, |vip| &vip.rules, rule),
        routes: routing
            .iter()
            .flat_map(|vip| vip.routes.iter().filter_map(|found| route(vip.vip, found)))
            .collect(),
        marks: lines(routing, |vip| &vip.marks, mark),
    };
    let mut script = node_file(
        node,
        NodeFile::PolicyRouting(home(node)),
        0o755,
        emitter.render("policy-routing", script)?,
    );
    script.from.extend(node.instances.iter().map(|instance| Entry::Vip(instance.vip)));
    // A pod runs it before keepalived.
    if node.pod.is_some() {
        return Ok(vec![script]);
    }
    let unit = minijinja::context! { script => NodeFile::PolicyRouting(Home::Host).installed() };
    let unit = emitter.render("policy-routing.service", unit)?;
    let unit = node_file(node, NodeFile::Unit, 0o644, unit);
    Ok(vec![script, unit])
}

fn lines<'a, T: 'a, L>(
    routing: &'a [ReplyRouting],
    of: impl Fn(&'a ReplyRouting) -> &'a Vec<T>,
    line: impl Fn(String, &'a T) -> L,
) -> Vec<L> {
    routing
        .iter()
        .flat_map(|vip| {
            of(vip).iter().map(|item| line(vip.vip.to_string(), item)).collect::<Vec<_>>()
        })
        .collect()
}

fn rule(vip: String, rule: &IpRule) -> RuleLine {
    // As iproute2 prints it, so that `status` can compare.
    let words = match rule.selector {
        Selector::From(address) => format!("from {address} lookup {}", rule.table),
        Selector::ToPods(address, network) => {
            format!("from {address} to {} lookup {}", printed(network), rule.table)
        }
        Selector::Mark { value, mask: u32::MAX } => {
            format!("from all fwmark {value:#x} lookup {}", rule.table)
        }
        Selector::Mark { value, mask } => {
            format!("from all fwmark {value:#x}/{mask:#x} lookup {}", rule.table)
        }
    };
    RuleLine { vip, family: family(rule.ipv6), priority: rule.priority, words }
}

/// A network of one address stands without its length.
fn printed(network: IpNet) -> String {
    if network.prefix_len() == network.max_prefix_len() {
        network.addr().to_string()
    } else {
        network.to_string()
    }
}

/// The script knows the tables of VIPs alone.
fn route(vip: IpAddr, route: &Route) -> Option<RouteLine<'_>> {
    Some(RouteLine {
        vip: vip.to_string(),
        family: family(route.gateway.is_ipv6()),
        table: route.table?,
        gateway: route.gateway.to_string(),
        interface: &route.interface,
        to: route.to.map(printed),
    })
}

fn mark(vip: String, mark: &Mark) -> MarkLine<'_> {
    MarkLine {
        vip,
        map: match mark.address {
            IpAddr::V4(_) => "vip4",
            IpAddr::V6(_) => "vip6",
        },
        interface: &mark.interface,
        address: mark.address.to_string(),
        value: format!("{:#x}", mark.value),
        others: format!("{:#010x}", !mark.mask),
    }
}

fn family(ipv6: bool) -> &'static str {
    if ipv6 { "-6" } else { "-4" }
}
