//! The documents of `simulate`. That of an inventory is written piece by piece, because all of it may not fit into
//! memory; tests/json.rs holds it to this form.

use std::net::IpAddr;

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::{Label, Subdomain};
use crate::view::PlacementRow;

/// `simulate`: the holders of every VIP in every set of failures that was asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Simulation<'a> {
    /// The name of the datacenter.
    pub datacenter: &'a Label,
    /// By election: lbgen's, and those of the systems that it is compared with.
    pub systems: Vec<SimulatedSystem<'a>>,
}

/// The placements of one election.
#[derive(Debug, Serialize, JsonSchema)]
pub struct SimulatedSystem<'a> {
    /// `lbgen`, or the name of another system.
    pub election: &'static str,
    /// One placement for each set of failures.
    pub sets: Vec<PlacementRow<'a>>,
    /// The worst of them for each number of failures, beginning with none.
    pub worst: Vec<PlacementRow<'a>>,
}

/// `simulate --from`: the election over files, whoever wrote them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ForeignPlacement<'a> {
    /// By address.
    pub vips: Vec<VipHolders<'a>>,
}

/// The holders of an address.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VipHolders<'a> {
    /// The VIP.
    pub address: IpAddr,
    /// The nodes that hold it: more than one is a split, none is an address that nobody holds.
    pub holders: &'a [&'a Subdomain],
    /// The holders before anything failed.
    pub before: &'a [&'a Subdomain],
    /// Other outcomes that the files allow.
    pub others: Vec<OtherOutcome<'a>>,
}

/// Another outcome that the files allow.
#[derive(Debug, Serialize, JsonSchema)]
pub struct OtherOutcome<'a> {
    /// The nodes that hold the address then.
    pub holders: Vec<&'a Subdomain>,
    /// The reason that it cannot be ruled out.
    pub why: String,
}
