//! `vips:` as written.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Garp, Notify};
use crate::diag::Report;
use crate::inventory::keys::{Fields, Need, keys};
use crate::inventory::read::Read;
use crate::inventory::short::Either;
use crate::inventory::written::{Map, Nonempty, Set, Text};
use crate::language::form::{MessageCode, Preemption};
use crate::language::name::{AddressLabel, Interface, Label, Subdomain};
use crate::language::number::{Mark, Priority, RulePriority, Table, Vrid};
use crate::language::word::GatewayChoice;
use crate::source::{Loc, Span};

keys! {
    /// An item of `vips:`.
    Vip {
        /// The advertised address.
        Required address: Loc<Text<IpAddr>>,
        /// Default: the only entrypoint, where there is one.
        Optional entrypoint: Loc<Text<Label>>,
        /// `none`: it is in a network of the nodes' own addresses, for neighbours only; it stands on the nodes' `interface`.
        /// Default: the gateway whose network contains it.
        Optional gateway: Loc<Text<GatewayChoice>>,
        /// Beside `gateway: none`: the interface that it stands on, where that is not the nodes' `interface`.
        Optional interface: Loc<Text<Interface>>,
        /// `web` is the label `eth0:web` on eth0 (IPv4 only); default: no label.
        Optional label: Loc<Text<AddressLabel>>,
        /// Routes that come with it beside the default route of its gateway: in its table, or in `main` without a gateway.
        Optional routes: Vec<Route>,
        /// Addresses that share its fate: they move with it, and are not listed in its adverts (`virtual_ipaddress_excluded`).
        Optional extra_addresses: Vec<ExtraAddress>,
        /// Nodes that come first, in this order.
        Optional prefer: Set<Loc<Text<Subdomain>>>,
        /// The only nodes that may hold it; default: every node that has the gateway.
        Optional nodes: Loc<Nonempty<Set<Loc<Text<Subdomain>>>>>,
        /// Pin: the virtual router id; default: a free one, kept in the lock.
        Optional vrid: Loc<Vrid>,
        /// Pin: the routing table; default: a free one.
        Optional table: Loc<Table>,
        /// Pin: the priority of its `ip rule`; default: a free one.
        Optional rule_priority: Loc<RulePriority>,
        /// Pin: the packet mark of its connections, inside `mark_mask`; default: a free one.
        Optional mark: Loc<Mark>,
        /// Pin: the priority of the `ip rule` for its mark; default: a free one.
        Optional mark_rule_priority: Loc<RulePriority>,
        /// Exact VRRP priorities, for adopting a running fleet.
        Optional priorities: Map<Subdomain, Loc<Priority>>,
        /// Overrides `keepalived.preempt`.
        Optional preempt: Loc<Text<Preemption>>,
        /// Overrides `keepalived.notify`; `{}` is none.
        Optional notify: Notify,
        /// Overrides `keepalived.garp`, key by key.
        Optional garp: Garp,
        /// Interfaces without which a node does not hold it, beside its own.
        Optional track_interfaces: Set<Loc<Text<Interface>>>,
        /// Waived warnings, by code.
        Optional allow: Vec<Loc<Text<MessageCode>>>,
    }
}

/// An item of `extra_addresses:`: `- 2001:db8::10`, placed as its VIP is, or `- { address: 10.0.0.1, gateway: none }`.
pub type ExtraAddress = Either<Loc<Text<IpAddr>>, LongExtraAddress>;

keys! {
    /// An item of `extra_addresses:`, long form.
    LongExtraAddress {
        /// The address.
        Required address: Loc<Text<IpAddr>>,
        /// `none`: for neighbours only. Default: as for its VIP: `none`, or the gateway whose network contains it.
        Optional gateway: Loc<Text<GatewayChoice>>,
        /// Beside `gateway: none`: the interface that it stands on, where that is not the nodes' `interface`.
        Optional interface: Loc<Text<Interface>>,
        /// `web` is the label `eth0:web` on eth0 (IPv4 only); default: no label.
        Optional label: Loc<Text<AddressLabel>>,
        /// Routes that come with it beside the default route of its gateway: in its table, or in `main` without a gateway.
        Optional routes: Vec<Route>,
        /// Pin: the routing table, where its gateway is another one than its VIP's; default: a free one.
        Optional table: Loc<Table>,
        /// Pin: the priority of its `ip rule`, there too; default: a free one.
        Optional rule_priority: Loc<RulePriority>,
        /// Pin: the packet mark of its connections, there too; default: a free one.
        Optional mark: Loc<Mark>,
        /// Pin: the priority of the `ip rule` for its mark, there too; default: a free one.
        Optional mark_rule_priority: Loc<RulePriority>,
    }
}

keys! {
    /// An item of `routes:`.
    Route {
        /// The network that it leads to, such as `10.20.0.0/16`.
        Required to: Loc<Text<IpNet>>,
        /// The next hop.
        Required via: Loc<Text<IpAddr>>,
    }
}
