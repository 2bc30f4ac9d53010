//! What a node has of a VIP.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;

use super::check::{self, Health};
use super::codes;
use super::finding::Findings;
use super::fleet::Node;
use super::routing::{self, Way};
use crate::language::name::{Command, Name as _};
use crate::plan::{Check, Drain};
use crate::source::Span;
use crate::state::{Configuration, Instance, Statement};

/// What a node has of a VIP.
#[derive(Debug)]
pub struct Member {
    /// Where its instance stands.
    pub at: Span,
    /// Its VRRP instance.
    pub instance: Instance,
    /// Its priority while all is well.
    pub priority: i32,
    /// Prefix length and interface of its addresses.
    pub places: BTreeMap<IpAddr, (IpNet, String)>,
    /// How replies of each address leave.
    pub ways: BTreeMap<IpAddr, Way>,
    /// What it tracks, and the weight of each; `None` is FAULT.
    pub health: Vec<(String, Health, Option<i32>)>,
    /// Interfaces that it tracks beside its own.
    pub track_interfaces: BTreeSet<String>,
    /// What it calls on transitions.
    pub notify: Option<String>,
}

impl Member {
    /// Reads an instance, and tells what does not come along.
    pub fn of(
        node: &Node,
        configuration: &Configuration,
        instance: &Instance,
        findings: &mut Findings,
    ) -> Self {
        let mut health = Vec::new();
        let mut priority = i32::from(instance.priority);
        for track in &instance.scripts {
            if track.is_reversed {
                check::refuse_reversed(&track.name, instance.at, findings);
                continue;
            }
            let weight = configuration.script_weight(track);
            // A script that succeeds adds a positive weight.
            priority += weight.unwrap_or(0).max(0);
            match node.checks.get(&track.name) {
                Some(check) if check.is_empty() => {}
                Some(check) => health.push((track.name.clone(), check.clone(), weight)),
                None => findings.add(
                    &codes::UNREADABLE,
                    instance.at,
                    format!("there is no `vrrp_script {}`", track.name),
                    "",
                ),
            }
            let is_weighted = track.weight.is_some_and(|own| own != 0);
            if is_weighted && !track.name.starts_with(Check::PREFIX) {
                findings.add(
                    &codes::OTHERWISE,
                    instance.at,
                    format!("the weight of `{}` is lbgen's to choose", track.name),
                    "an unhealthy node ranks below every healthy one (`on_unhealthy: yield`)",
                );
            }
        }
        leave_behind(node, instance, findings);
        let mut track_interfaces = BTreeSet::new();
        let mut notify = None;
        for statement in &instance.others {
            match statement.key() {
                "track_interface" => {
                    for inner in statement.inner() {
                        if inner.words.len() > 1 && inner.words[1..] != ["weight", "0"] {
                            findings.add(
                                &codes::OTHERWISE,
                                inner.at,
                                format!("`{}` is tracked without a weight", inner.words.join(" ")),
                                "a node without a tracked interface gives its VIPs up (FAULT)",
                            );
                        }
                        track_interfaces.insert(inner.key().to_owned());
                    }
                }
                "track_process" => {
                    for inner in statement.inner() {
                        if inner.words.iter().any(|word| word == "reverse") {
                            check::refuse_reversed(inner.key(), inner.at, findings);
                            continue;
                        }
                        let weight = inner.words.iter().position(|word| word == "weight");
                        let weight = weight.and_then(|at| inner.words.get(at + 1)?.parse().ok());
                        let weight = weight.or_else(|| process_weight(configuration, inner.key()));
                        // The default of keepalived.conf(5).
                        let weight = weight.unwrap_or(1);
                        priority += weight.max(0);
                        if let Some(check) =
                            node.checks.get(inner.key()).filter(|check| !check.is_empty())
                        {
                            let weight = Some(weight).filter(|weight| *weight != 0);
                            health.push((inner.key().to_owned(), check.clone(), weight));
                        }
                    }
                }
                "notify" => notify = notified(statement, findings),
                _ => {}
            }
        }
        track_interfaces.remove(&instance.interface);
        for track in &instance.files {
            if configuration.drain_file(instance).is_none_or(|file| file != Drain::FILE) {
                findings.add(
                    &codes::OTHERWISE,
                    instance.at,
                    format!("the file `{}` is no longer tracked", track.name),
                    format!("to drain a node of lbgen's, write 1 to {}", Drain::FILE),
                );
            }
        }
        let places = instance.addresses.iter().chain(&instance.excluded).map(|found| {
            let interface = found.interface.clone().unwrap_or_else(|| instance.interface.clone());
            (found.address.addr(), (found.address, interface))
        });
        Member {
            at: instance.at,
            priority,
            places: places.collect(),
            ways: instance
                .holds()
                .filter_map(|address| Some((address, node.routing.way(address)?)))
                .collect(),
            health,
            track_interfaces,
            notify,
            instance: instance.clone(),
        }
    }
}

/// What a tracked process adds to a priority, by its own block.
fn process_weight(configuration: &Configuration, name: &str) -> Option<i32> {
    let block = configuration.others.iter().find(|found| found.value() == Some(name))?;
    block.inner().iter().find(|inner| inner.key() == "weight")?.value()?.parse().ok()
}

/// Tells of words of addresses, routes and rules that an inventory has no place for.
fn leave_behind(node: &Node, instance: &Instance, findings: &mut Findings) {
    for address in instance.addresses.iter().chain(&instance.excluded) {
        if !address.words.is_empty() {
            let title = format!("`{}` of {} is left behind", address.words, address.address.addr());
            findings.add(&codes::LOST, instance.at, title, "an inventory has no word for it");
        }
    }
    let ways: Vec<Way> = instance.holds().filter_map(|vip| node.routing.way(vip)).collect();
    let own: BTreeSet<IpAddr> = instance.holds().collect();
    let names = &node.routing.names;
    for words in &instance.routes {
        let is_way = routing::route(words, names).is_some_and(|route| {
            ways.iter().any(|way| way.table == route.table && way.gateway == route.gateway)
        });
        if !is_way {
            let title = format!("the route `{words}` is left behind");
            findings.add(
                &codes::LOST,
                instance.at,
                title,
                "a VIP has the default route of its gateway, in a table of its own",
            );
        }
    }
    for words in &instance.rules {
        let is_way = routing::rule(words, names).is_some_and(|rule| {
            let of_table = ways.iter().any(|way| way.table == rule.table);
            match (rule.from, rule.mark) {
                (Some(from), None) => {
                    own.iter().any(|address| from.contains(address))
                        && (of_table || rule.to.is_some())
                }
                (None, Some(_)) => of_table,
                _ => false,
            }
        });
        if !is_way {
            let title = format!("the rule `{words}` is left behind");
            findings.add(
                &codes::LOST,
                instance.at,
                title,
                "a VIP has a rule from its address, and one for its mark",
            );
        }
    }
}

fn notified(statement: &Statement, findings: &mut Findings) -> Option<String> {
    let (command, is_unprivileged) = check::notify(statement);
    if Command::parse(&command).is_none() {
        findings.add(
            &codes::UNSAYABLE,
            statement.at,
            format!("the command `{command}` cannot stand in an inventory"),
            "put it into a script on the nodes, and write its path as `notify`",
        );
        return None;
    }
    if !is_unprivileged {
        findings.add(
            &codes::OTHERWISE,
            statement.at,
            format!("`{command}` is run as nobody"),
            "lbgen's keepalived calls `notify` without root's rights",
        );
    }
    Some(command)
}
