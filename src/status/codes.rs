//! LB5xx: what a running fleet does otherwise than planned.

use crate::diag::{Code, code};

/// Two nodes hold a VIP.
pub const TWO_HOLDERS: Code = code!(Error "LB501", "a VIP that two nodes hold");
/// No node holds a VIP.
pub const NO_HOLDER: Code = code!(Error "LB502", "a VIP that no node holds");
/// Nothing that the nodes say explains the holder.
pub const UNEXPLAINED: Code = code!(Error "LB503", "a VIP on another node, which nothing explains");
/// A node gives no answer.
pub const UNREACHED: Code = code!(Error "LB511", "a node that is not reached");
/// keepalived does not run.
pub const DAEMON_DOWN: Code = code!(Error "LB512", "a node whose keepalived does not run");
/// keepalived has something else loaded than its file says.
pub const NOT_LOADED: Code = code!(Error "LB513", "another configuration is loaded");
/// Files of a node are not those that were deployed.
pub const FILES: Code = code!(Error "LB514", "files that were edited, are missing, or are foreign");
/// The kernel has other rules than intended.
pub const ROUTING: Code =
    code!(Error "LB515", "rules, routes or marks that are missing or foreign");
/// The cluster has another object.
pub const OBJECT: Code = code!(Error "LB516", "an object of the cluster that differs");
/// A domain's certificate is not there.
pub const SECRET: Code = code!(Error "LB517", "a TLS Secret that is missing");
/// The election explains the holder.
pub const ELSEWHERE: Code =
    code!(Warning "LB521", "a VIP on another node, which the election explains");
/// A node takes no VIP.
pub const DRAINED: Code = code!(Warning "LB522", "a node that is drained");
/// A check does not pass.
pub const UNHEALTHY: Code = code!(Warning "LB523", "a check that fails");
/// A rollout is under way, or was left.
pub const CLAIM: Code = code!(Warning "LB524", "a node that a rollout has claimed");

/// Every code of this folder.
pub const ALL: &[&Code] = &[
    &TWO_HOLDERS,
    &NO_HOLDER,
    &UNEXPLAINED,
    &UNREACHED,
    &DAEMON_DOWN,
    &NOT_LOADED,
    &FILES,
    &ROUTING,
    &OBJECT,
    &SECRET,
    &ELSEWHERE,
    &DRAINED,
    &UNHEALTHY,
    &CLAIM,
];
