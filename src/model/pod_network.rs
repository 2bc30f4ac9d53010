//! The networks of the cluster's pods: what a node sends there from a VIP that it holds stays on the node's own routes.

use ipnet::IpNet;

use super::{Names, NextHop, PolicyRouting, Vip, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::{Nonempty, Set, Text};
use crate::language::name::Label;
use crate::source::Loc;

pub(super) fn build(
    raw: &Loc<Nonempty<Set<Loc<Text<IpNet>>>>>,
    report: &mut Report,
) -> Vec<Loc<IpNet>> {
    value::refuse_empty(raw, "pod_networks", "list the networks, or remove the key", report);
    value::refuse_repeats(&raw.value, "pod_networks", report);
    raw.value.iter().filter_map(|raw| value::network(raw, "a pod network", report)).collect()
}

/// Reports rules that would come too late, and networks that are not only pods'.
pub(super) fn refuse_unreachable(
    networks: &[Loc<IpNet>],
    routing: &PolicyRouting,
    gateways: &Names<Label, NextHop>,
    vips: &[Vip],
    report: &mut Report,
) {
    let Some(first) = networks.first() else { return };
    for network in networks {
        let holds = |gateway: &NextHop| {
            let other = gateway.network.value;
            network.value.contains(&other) || other.contains(&network.value)
        };
        for (name, gateway) in gateways.iter().filter(|(_, gateway)| holds(gateway)) {
            report.push(
                Diagnostic::new(
                    &codes::OVERLAP,
                    network.span,
                    format!("the pod network {} overlaps the network of the gateway `{name}`", network.value),
                    "this network",
                )
                .also(gateway.network.span, "overlaps this one")
                .note("what a VIP sends to a pod network leaves by the node's own routes, so clients there would not get their replies by the gateway"),
            );
        }
    }
    let priority = routing.pod_rule_priority;
    let place = routing.pod_rule_priority_span.unwrap_or(first.span);
    let late = |other: u32| {
        Diagnostic::new(
            &codes::RANGE,
            place,
            format!("the rules to the pods come too late: their priority {priority} is not below {other}"),
            "a rule of a VIP is asked first",
        )
        .help("set `policy_routing.pod_rule_priority` to a number below every rule priority of a VIP")
    };
    if priority >= *routing.rule_priorities.start() {
        report.push(late(*routing.rule_priorities.start()));
    }
    for pin in vips
        .iter()
        .flat_map(Vip::addresses)
        .filter_map(|(_, placement)| placement.pins.rule_priority)
    {
        if priority >= pin.value {
            report.push(late(pin.value).also(pin.span, "this one"));
        }
    }
}
