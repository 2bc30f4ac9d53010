//! The document of `plan --rebalance`.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::Subdomain;
use crate::view::Orders;

/// `plan --rebalance`: orders rewritten to be more even.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Rebalanced<'a> {
    /// The VIPs that get another MASTER.
    pub moves: Vec<Move<'a>>,
    /// The unevenness now, and with the rewritten orders.
    pub measures: Vec<Measure>,
    /// The plan with the rewritten orders.
    pub plan: Orders<'a>,
}

/// A VIP that a rewritten order gives to another MASTER.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Move<'a> {
    /// The VIP.
    pub vip: String,
    /// The MASTER now, or null if there is none.
    pub from: Option<&'a Subdomain>,
    /// The MASTER by the rewritten order.
    pub to: Option<&'a Subdomain>,
}

/// A figure that tells how uneven orders are.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Measure {
    /// The figure.
    pub name: &'static str,
    /// Its value now.
    pub now: usize,
    /// Its value with the rewritten orders.
    pub rebalanced: usize,
}
