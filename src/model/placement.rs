//! The place of an address on its holder: its interface and label, and the way of its replies.

use std::net::IpAddr;

use super::holder::Known;
use super::next_hop::NextHop;
use super::route::{self, Route};
use super::{Names, Node, codes, value};
use crate::diag::{Diagnostic, Report};
use crate::inventory::Text;
use crate::inventory::raw::{self, Either};
use crate::language::name::{AddressLabel, Interface, Label};
use crate::language::number::{Mark, RESERVED_TABLES, RulePriority, Table};
use crate::language::word::GatewayChoice;
use crate::source::{Loc, Span};

/// The place of an address on its holder.
#[derive(Debug)]
pub struct Placement {
    /// The gateway whose network contains the address; `None` where it is for neighbours only.
    pub gateway: Option<Label>,
    /// The interface of an address without a gateway; `None` is the nodes' own.
    pub interface: Option<Interface>,
    /// The label behind the interface's name; IPv4 only.
    pub label: Option<Loc<AddressLabel>>,
    /// Routes that come with it, by network.
    pub routes: Vec<Loc<Route>>,
    /// Numbers of its reply routing that the inventory fixes.
    pub pins: RoutingPins,
}

impl Placement {
    /// The interface that the address stands on; `None` on a node that lacks its gateway.
    pub fn interface_on<'a>(&'a self, node: &'a Node) -> Option<&'a Interface> {
        match &self.gateway {
            Some(gateway) => node.gateways.get(gateway),
            None => Some(self.interface.as_ref().unwrap_or(&node.interface)),
        }
    }

    /// The label of the address, with the interface in front.
    pub fn label_on(&self, node: &Node) -> Option<String> {
        let label = self.label.as_ref()?;
        Some(format!("{}:{}", self.interface_on(node)?, label.value))
    }
}

/// Numbers of the reply routing that the inventory fixes; in range, not yet compared with others.
#[derive(Debug, Default)]
pub struct RoutingPins {
    /// Routing table.
    pub table: Option<Loc<u32>>,
    /// Priority of the `from` rules.
    pub rule_priority: Option<Loc<u32>>,
    /// Packet mark.
    pub mark: Option<Loc<u32>>,
    /// Priority of the `fwmark` rules.
    pub mark_rule_priority: Option<Loc<u32>>,
}

/// The keys of a VIP or of an extra address that place it.
#[derive(Clone, Copy)]
pub(super) struct Written<'a> {
    pub address: Option<&'a Loc<Text<IpAddr>>>,
    gateway: Option<&'a Loc<Text<GatewayChoice>>>,
    interface: Option<&'a Loc<Text<Interface>>>,
    label: Option<&'a Loc<Text<AddressLabel>>>,
    routes: Option<&'a [raw::Route]>,
    table: Option<&'a Loc<Table>>,
    rule_priority: Option<&'a Loc<RulePriority>>,
    mark: Option<&'a Loc<Mark>>,
    mark_rule_priority: Option<&'a Loc<RulePriority>>,
    /// The VIP from which an extra address has its `gateway`.
    heir_of: Option<IpAddr>,
}

macro_rules! written {
    ($raw:expr) => {
        Written {
            address: $raw.address.as_ref(),
            gateway: $raw.gateway.as_ref(),
            interface: $raw.interface.as_ref(),
            label: $raw.label.as_ref(),
            routes: $raw.routes.as_deref(),
            table: $raw.table.as_ref(),
            rule_priority: $raw.rule_priority.as_ref(),
            mark: $raw.mark.as_ref(),
            mark_rule_priority: $raw.mark_rule_priority.as_ref(),
            heir_of: None,
        }
    };
}

impl<'a> Written<'a> {
    pub fn of_vip(raw: &'a raw::Vip) -> Self {
        written!(raw)
    }

    /// An extra address stands without a gateway where its VIP does.
    pub fn of_extra(raw: &'a raw::ExtraAddress, vip: &'a raw::Vip) -> Self {
        let own = match raw {
            Either::Long(raw) => written!(raw),
            Either::Short(address) => Written {
                address: Some(address),
                gateway: None,
                interface: None,
                label: None,
                routes: None,
                table: None,
                rule_priority: None,
                mark: None,
                mark_rule_priority: None,
                heir_of: None,
            },
        };
        let inherits = own.gateway.is_none() && vip.gateway.is_some();
        let address = vip.address.as_ref().and_then(value::usable_address);
        Written {
            heir_of: address.filter(|_| inherits),
            gateway: own.gateway.or(vip.gateway.as_ref()),
            interface: own.interface.or(vip.interface.as_ref().filter(|_| inherits)),
            ..own
        }
    }

    /// The address and its place, where all of it can be.
    pub fn build(
        self,
        what: &str,
        known: &Known<'_>,
        report: &mut Report,
    ) -> Option<(Loc<IpAddr>, Placement)> {
        let address = self.address.and_then(|raw| value::address(raw, what, report));
        let none = self.gateway.map(|raw| value::word(raw, "gateway", report));
        let found = address.as_ref().and_then(|address| match none {
            Some(none) => {
                self.refuse_inherited(address, known, report)?;
                none.map(|GatewayChoice::None| None)
            }
            None => gateway_of(address, known.gateways, report).map(Some),
        });
        self.refuse_idle(report);
        let interface =
            self.interface.map(|raw| value::name_of::<Interface>(raw, "an interface", report));
        let label = self
            .label
            .map(|raw| value::name_of(raw, "a label", report).map(|label| raw.with(label)));
        let next_hop = found
            .as_ref()
            .and_then(|found| known.gateways.find(found.as_ref()?.as_str()))
            .map(|(_, next_hop)| &next_hop.network);
        let routes = route::build(self.routes, next_hop, report);
        let pins = self.pins(known.routing.map_or(u32::MAX, |routing| routing.mark_mask), report);
        let address = address?;
        let label = label.map_or(Some(None), |label| label.map(Some))?;
        let of_family = refuse_label_of_ipv6(&address, label.as_ref(), report);
        let routes = routes?;
        refuse_other_family(&address, &routes, report)?;
        of_family.then_some((
            address,
            Placement {
                gateway: found?,
                interface: interface.map_or(Some(None), |interface| interface.map(Some))?,
                label,
                routes,
                pins,
            },
        ))
    }

    /// An extra address in a gateway's network has no gateway because its VIP in another one has none: that may be a slip.
    fn refuse_inherited(
        &self,
        address: &Loc<IpAddr>,
        known: &Known<'_>,
        report: &mut Report,
    ) -> Option<()> {
        let (vip, gateway) = match (self.heir_of, self.gateway) {
            (Some(vip), Some(gateway)) => (vip, gateway),
            _ => return Some(()),
        };
        let within = |address: IpAddr| {
            let mut all = known.gateways.iter();
            all.find(|(_, found)| found.network.value.contains(&address))
        };
        let Some((name, found)) = within(address.value).filter(|_| within(vip).is_none()) else {
            return Some(());
        };
        report.push(
            Diagnostic::new(
                &codes::NO_GATEWAY,
                address.span,
                format!(
                    "{} is in the network of `{name}`, but its VIP has no gateway",
                    address.value
                ),
                "has none either",
            )
            .also(gateway.span, "because of this")
            .also(found.network.span, "the network")
            .help(format!(
                "make {} the VIP's `address`, and {vip} an extra address with `gateway: none`",
                address.value
            ))
            .help("where it is for neighbours only too, say so: `{ address: ..., gateway: none }`"),
        );
        None
    }

    /// The pins that are written, by key.
    pub fn pinned(&self) -> impl Iterator<Item = (&'static str, Span)> {
        let pins = [
            ("table", self.table.map(|pin| pin.span)),
            ("rule_priority", self.rule_priority.map(|pin| pin.span)),
            ("mark", self.mark.map(|pin| pin.span)),
            ("mark_rule_priority", self.mark_rule_priority.map(|pin| pin.span)),
        ];
        pins.into_iter().filter_map(|(key, span)| Some((key, span?)))
    }

    /// Reports keys that do nothing with this choice of a gateway.
    fn refuse_idle(&self, report: &mut Report) {
        let Some(gateway) = self.gateway else {
            if let Some(interface) = self.interface {
                report.push(
                    Diagnostic::new(
                        &codes::WORD,
                        interface.span,
                        "`interface` does nothing without `gateway: none`",
                        "it stands on the interface of its gateway",
                    )
                    .help("remove `interface`, or add `gateway: none`"),
                );
            }
            return;
        };
        for (key, span) in self.pinned() {
            report.push(
                Diagnostic::new(
                    &codes::WORD,
                    span,
                    format!("`{key}` does nothing beside `gateway: none`"),
                    "such a VIP has no table, rule or mark",
                )
                .also(gateway.span, "said here")
                .help(format!("remove `{key}`")),
            );
        }
    }

    fn pins(&self, mark_mask: u32, report: &mut Report) -> RoutingPins {
        let table = self.table.and_then(|raw| {
            let table = value::number::<u32, _, _>(raw, "table", report)?;
            if RESERVED_TABLES.contains(&table.value) {
                report.push(
                    Diagnostic::new(
                        &codes::RANGE,
                        raw.span,
                        format!("table {} is the kernel's own", table.value),
                        "reserved",
                    )
                    .note("253, 254 and 255 are the tables default, main and local (ip-route(8))"),
                );
                return None;
            }
            Some(table)
        });
        let mark = self.mark.and_then(|raw| {
            let mark = value::number::<u32, _, _>(raw, "mark", report)?;
            if mark.value & !mark_mask != 0 {
                report.push(
                    Diagnostic::new(
                        &codes::RANGE,
                        raw.span,
                        format!("the mark {:#x} has bits outside `mark_mask`", mark.value),
                        format!("the mask is {mark_mask:#x}"),
                    )
                    .note(
                        "bits outside the mask belong to others: kube-proxy has 0x4000 and 0x8000",
                    ),
                );
                return None;
            }
            Some(mark)
        });
        RoutingPins {
            table,
            rule_priority: self
                .rule_priority
                .and_then(|raw| value::number(raw, "rule_priority", report)),
            mark,
            mark_rule_priority: self
                .mark_rule_priority
                .and_then(|raw| value::number(raw, "mark_rule_priority", report)),
        }
    }
}

/// The gateway whose network contains the address, and can have a host of that address.
fn gateway_of(
    address: &Loc<IpAddr>,
    gateways: &Names<Label, NextHop>,
    report: &mut Report,
) -> Option<Label> {
    let found = gateways.iter().find(|(_, gateway)| gateway.network.value.contains(&address.value));
    let Some((name, gateway)) = found else {
        if gateways.complete {
            let networks: Vec<String> = gateways
                .iter()
                .map(|(name, gateway)| format!("`{name}` {}", gateway.network.value))
                .collect();
            report.push(
                Diagnostic::new(
                    &codes::NO_GATEWAY,
                    address.span,
                    format!("{} is not in any gateway's network", address.value),
                    "no gateway for this address",
                )
                .note("replies of a VIP leave through the gateway of its network")
                .help(match networks.is_empty() {
                    true => "add a gateway with the VIP's network".to_owned(),
                    false => format!("the networks are {}", networks.join(", ")),
                })
                .help("for neighbours only, write `gateway: none`"),
            );
        }
        return None;
    };
    let network = gateway.network.value;
    let edge = value::edge_of(network, address.value);
    if let Some(edge) = edge {
        report.push(
            Diagnostic::new(
                &codes::UNUSABLE_ADDRESS,
                address.span,
                format!("{} is the {edge} of {network}", address.value),
                "no host can have it",
            )
            .also(gateway.network.span, "of this network"),
        );
        return None;
    }
    Some(name.clone())
}

/// Returns true if the address may have the label: the kernel keeps labels of IPv4 addresses only.
fn refuse_label_of_ipv6(
    address: &Loc<IpAddr>,
    label: Option<&Loc<AddressLabel>>,
    report: &mut Report,
) -> bool {
    let Some(label) = label.filter(|_| address.value.is_ipv6()) else { return true };
    report.push(
        Diagnostic::new(
            &codes::WORD,
            label.span,
            format!("{} cannot have a label", address.value),
            "only IPv4 addresses have labels (ip-address(8))",
        )
        .also(address.span, "an IPv6 address")
        .help("remove `label`"),
    );
    false
}

/// A table of an address's family has no use for routes of the other one.
fn refuse_other_family(
    address: &Loc<IpAddr>,
    routes: &[Loc<Route>],
    report: &mut Report,
) -> Option<()> {
    let mut others =
        routes.iter().filter(|route| route.value.via.is_ipv4() != address.value.is_ipv4());
    let other = others.next();
    if let Some(route) = other {
        report.push(
            Diagnostic::new(
                &codes::GATEWAY_NETWORK,
                route.span,
                format!("replies of {} never take a route to {}", address.value, route.value.to),
                "of the other family",
            )
            .also(address.span, "this address")
            .help("write the route at an address of its family, in `extra_addresses`"),
        );
    }
    other.is_none().then_some(())
}
