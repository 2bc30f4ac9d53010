//! LB1xx: what cannot be meant, or cannot work.

use crate::diag::{Code, code};

/// A VRID for two VIPs that one node could hear.
pub const VRID_TWICE: Code = code!(Error "LB101", "a VRID is used by two VIPs on one link");
/// A table, mark or route of `main` for two VIPs that one node may hold.
pub const NUMBER_TWICE: Code = code!(Error "LB102", "a table, mark or route is used by two VIPs");
/// A rule priority for two VIPs that one node may hold.
pub const PRIORITY_SHARED: Code = code!(Warning "LB214", "a rule priority is used by two VIPs");
/// A number outside its range, or a reserved one.
pub const RANGE: Code = code!(Error "LB103", "a number is out of range or reserved");
/// A word that is none of those allowed.
pub const WORD: Code = code!(Error "LB104", "a value is none of those allowed");
/// A name that breaks its rule.
pub const NAME: Code = code!(Error "LB105", "a name that is not allowed");
/// Text that is no address, network, duration or version.
pub const FORM: Code = code!(Error "LB106", "a value that cannot be read");
/// A name that nothing has.
pub const UNKNOWN_NAME: Code = code!(Error "LB107", "a reference to something that does not exist");
/// A list that names one thing twice, or nothing.
pub const LIST: Code =
    code!(Error "LB108", "a list that is empty, too long, or names something twice");
/// An address that no host may have.
pub const UNUSABLE_ADDRESS: Code = code!(Error "LB110", "an address that cannot be used here");
/// One address for two things.
pub const ADDRESS_TWICE: Code = code!(Error "LB111", "an address is used twice");
/// Two gateways' networks overlap.
pub const OVERLAP: Code = code!(Error "LB112", "two networks overlap");
/// A gateway outside its network, or a network with host bits.
pub const GATEWAY_NETWORK: Code = code!(Error "LB113", "a gateway and its network do not fit");
/// A VIP in no gateway's network.
pub const NO_GATEWAY: Code = code!(Error "LB114", "a VIP that is not in any gateway's network");
/// A VIP that no node can hold.
pub const NO_NODE: Code = code!(Error "LB115", "a VIP that no node can hold");
/// A node without an address of the VIP's family.
pub const NO_SOURCE: Code =
    code!(Error "LB116", "a node has no address to send a VIP's adverts from");
/// An entrypoint must be named.
pub const WHICH_ENTRYPOINT: Code = code!(Error "LB117", "an entrypoint must be named");
/// VRRP priorities that do not order the nodes.
pub const PRIORITIES: Code = code!(Error "LB118", "VRRP priorities that do not order the nodes");
/// Two objects of one kind with one name.
pub const OBJECT_TWICE: Code = code!(Error "LB120", "two Kubernetes objects would have one name");
/// One class for two controllers.
pub const CLASS_TWICE: Code = code!(Error "LB121", "an Ingress class is used twice");
/// A health check port for two Services.
pub const NODE_PORT_TWICE: Code = code!(Error "LB122", "a health check node port is used twice");
/// Nothing serves a legacy component.
pub const NO_FALLBACK: Code = code!(Error "LB124", "a legacy component without a fallback");
/// A domain or component of an entrypoint that is not in the cluster.
pub const NOT_IN_CLUSTER: Code =
    code!(Error "LB125", "a domain or component of a service on the nodes");
/// A check that a pod cannot run.
pub const CHECK_OF_HOST: Code = code!(Error "LB126", "a check of the host's processes in a pod");
/// Held by what it starts.
pub const API_SERVER: Code = code!(Error "LB127", "a VIP of the API server on a DaemonSet");
/// The stated version cannot do it.
pub const VERSION: Code = code!(Error "LB301", "the stated version cannot do this");

/// Every code of this folder.
pub const ALL: &[&Code] = &[
    &VRID_TWICE,
    &NUMBER_TWICE,
    &PRIORITY_SHARED,
    &RANGE,
    &WORD,
    &NAME,
    &FORM,
    &UNKNOWN_NAME,
    &LIST,
    &UNUSABLE_ADDRESS,
    &ADDRESS_TWICE,
    &OVERLAP,
    &GATEWAY_NETWORK,
    &NO_GATEWAY,
    &NO_NODE,
    &NO_SOURCE,
    &WHICH_ENTRYPOINT,
    &PRIORITIES,
    &OBJECT_TWICE,
    &CLASS_TWICE,
    &NODE_PORT_TWICE,
    &NO_FALLBACK,
    &NOT_IN_CLUSTER,
    &CHECK_OF_HOST,
    &API_SERVER,
    &VERSION,
];
