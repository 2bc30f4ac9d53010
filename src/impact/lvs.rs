//! Services that keepalived stops balancing by LVS: lbgen writes no `virtual_server`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::{Class, Comparison, Finding};
use crate::bundle::NodeFile;
use crate::language::name::Subdomain;
use crate::model::Entry;
use crate::state::{State, Statement};

/// Services that any node balances: the words of its `virtual_server`, and the real servers behind it.
struct Balanced<'a> {
    node: &'a Subdomain,
    words: &'a [String],
    servers: Vec<String>,
}

pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let findings = lost(comparison).into_iter().map(|found| {
        let subject = found.address().map_or_else(|| Entry::Node(found.node.clone()), Entry::Vip);
        let file = NodeFile::Configuration.on(found.node.as_str()).to_string();
        Finding::new(Class::Unreachable, subject, found.reason()).in_files([file.as_str()])
    });
    findings.collect()
}

/// Addresses that LVS balances and will not any more, and how.
pub fn unbalanced(comparison: Comparison<'_>) -> BTreeSet<(IpAddr, String)> {
    let lost = lost(comparison);
    lost.iter().filter_map(|found| Some((found.address()?, found.reason()))).collect()
}

fn lost(comparison: Comparison<'_>) -> Vec<Balanced<'_>> {
    let stays: BTreeSet<&[String]> = balanced(comparison.to).map(|found| found.words).collect();
    balanced(comparison.from).filter(|found| !stays.contains(found.words)).collect()
}

fn balanced(state: &State) -> impl Iterator<Item = Balanced<'_>> {
    state.nodes.iter().flat_map(|(node, found)| {
        let statements = found.keepalived.iter().flat_map(|found| &found.others);
        let servers = statements.filter(|statement| statement.key() == "virtual_server");
        servers.map(move |statement| Balanced {
            node,
            words: &statement.words[1..],
            servers: statement.inner().iter().filter_map(real_server).collect(),
        })
    })
}

fn real_server(statement: &Statement) -> Option<String> {
    (statement.key() == "real_server").then(|| statement.value().unwrap_or_default().to_owned())
}

impl Balanced<'_> {
    fn address(&self) -> Option<IpAddr> {
        self.words.first()?.parse().ok()
    }

    fn reason(&self) -> String {
        let servers = match self.servers.as_slice() {
            [] => "no server".to_owned(),
            servers => servers.join(", "),
        };
        format!("LVS balanced {} to {servers}, and does not any more", self.shown())
    }

    /// `192.0.2.10:443`, `fwmark 1`, `group web`
    fn shown(&self) -> String {
        match self.words {
            [address, port] if address.parse::<IpAddr>().is_ok_and(|ip| ip.is_ipv4()) => {
                format!("{address}:{port}")
            }
            words => words.join(" "),
        }
    }
}
