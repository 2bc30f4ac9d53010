//! &[`Datacenter`] and &[`RoutingTable`] -> LB2xx and LB31x to LB33x: what works, but is probably not meant, or will stop
//! working. One file per rule family.

mod annotation;
mod answer;
mod certificate;
mod claim;
mod coverage;
mod foreign;
mod gateway;
mod host;
mod idle;
mod ingress;
mod limit;
mod monitoring;
mod node;
mod one_tier;
mod pod;
mod port;
mod preempt;
mod tie;
mod timing;
mod unused;
mod version;
mod waiver;
mod zone;

pub use waiver::{waive, why_not_waivable};

use crate::diag::{Code, Report};
use crate::model::Datacenter;
use crate::route::RoutingTable;

/// A family of rules.
struct Family {
    codes: &'static [&'static Code],
    check: fn(&Datacenter, &RoutingTable, &mut Report),
}

/// Every family.
const FAMILIES: &[Family] = &[
    Family { codes: annotation::CODES, check: annotation::check },
    Family { codes: certificate::CODES, check: certificate::check },
    Family { codes: claim::CODES, check: claim::check },
    Family { codes: coverage::CODES, check: coverage::check },
    Family { codes: foreign::CODES, check: foreign::check },
    Family { codes: gateway::CODES, check: gateway::check },
    Family { codes: host::CODES, check: host::check },
    Family { codes: idle::CODES, check: idle::check },
    Family { codes: ingress::CODES, check: ingress::check },
    Family { codes: limit::CODES, check: limit::check },
    Family { codes: monitoring::CODES, check: monitoring::check },
    Family { codes: node::CODES, check: node::check },
    Family { codes: one_tier::CODES, check: one_tier::check },
    Family { codes: pod::CODES, check: pod::check },
    Family { codes: port::CODES, check: port::check },
    Family { codes: preempt::CODES, check: preempt::check },
    Family { codes: answer::CODES, check: answer::check },
    Family { codes: tie::CODES, check: tie::check },
    Family { codes: timing::CODES, check: timing::check },
    Family { codes: unused::CODES, check: unused::check },
    Family { codes: version::CODES, check: version::check },
    Family { codes: zone::CODES, check: zone::check },
];

/// Reports everything that the rules find.
pub fn check(datacenter: &Datacenter, routes: &RoutingTable, report: &mut Report) {
    for family in FAMILIES {
        (family.check)(datacenter, routes, report);
    }
}

/// Every code that lbgen has, by id.
pub fn all_codes() -> Vec<&'static Code> {
    let mut codes: Vec<&'static Code> =
        FAMILIES.iter().flat_map(|family| family.codes).copied().collect();
    for other in [
        crate::inventory::codes::ALL,
        crate::model::codes::ALL,
        crate::route::codes::ALL,
        crate::plan::codes::ALL,
        crate::import::codes::ALL,
        crate::status::codes::ALL,
        waiver::CODES,
    ] {
        codes.extend(other);
    }
    codes.sort_by_key(|code| code.id);
    codes
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_code_has_two_meanings() {
        let codes = super::all_codes();
        for pair in codes.windows(2) {
            assert_ne!(pair[0].id, pair[1].id, "{} and {}", pair[0].summary, pair[1].summary);
        }
    }
}
