//! Addresses of nodes that the kernel would look for elsewhere.

use std::net::IpAddr;

use crate::diag::{Code, Diagnostic, Report, code};
use crate::model::Datacenter;
use crate::route::RoutingTable;

/// The interface of adverts, and that of the network in which their addresses are.
const TWO_INTERFACES: Code =
    code!(Warning "LB231", "a node's address in a network of another interface");

/// The codes of this family.
pub const CODES: &[&Code] = &[&TWO_INTERFACES];

/// Reports sources of adverts that are in a gateway's network, where the node has another interface in that network.
pub fn check(datacenter: &Datacenter, _: &RoutingTable, report: &mut Report) {
    for node in datacenter.nodes.values() {
        let sources = [
            node.address.map(|address| (IpAddr::from(address.value), address.span)),
            node.address6.map(|address| (IpAddr::from(address.value), address.span)),
        ];
        for (address, span) in sources.into_iter().flatten() {
            let networks = node.gateways.iter().filter_map(|(name, interface)| {
                Some((name, datacenter.gateways.get(name)?.network, interface))
            });
            let mut elsewhere = networks.filter(|(_, network, interface)| {
                network.value.contains(&address) && **interface != node.interface
            });
            if let Some((name, network, interface)) = elsewhere.next() {
                report.push(
                    Diagnostic::new(
                        &TWO_INTERFACES,
                        span,
                        format!("{address} is in the network of `{name}`, which is on `{interface}`"),
                        format!("but `interface` is `{}`", node.interface),
                    )
                    .also(network.span, "its network")
                    .note("adverts may leave by the wrong interface: other nodes do not hear them, and two nodes hold one VIP")
                    .help(format!("write the address that the node has on `{}`, or set `interface` to the one that has this address", node.interface)),
                );
            }
        }
    }
}
