//! The gateway of a VIP's replies on a node: rules and routes of keepalived, of a script, or as `ip -j` prints them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

use super::codes;
use super::finding::Findings;
use super::table::{Names, Table};
use crate::bundle::{NodeFile, Place};
use crate::source::{Sources, Span};
use crate::state::{Interfaces, NodeState, ScriptRoute, Tree};

/// Help for what a boot script says and nothing here carries.
const ELSEWHERE: &str = "lbgen writes rules and routes of VIPs; whatever else boots with the node stays as it is, and the next rollout does not look at it";

/// A rule of policy routing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpRule {
    pub from: Option<IpNet>,
    pub to: Option<IpNet>,
    /// Value and mask.
    pub mark: Option<(u32, u32)>,
    pub table: Table,
    pub priority: Option<u32>,
}

/// A default route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    pub gateway: IpAddr,
    pub table: Table,
}

/// The routing that is known of a node.
#[derive(Debug, Default)]
pub struct ReplyRouting {
    pub rules: Vec<IpRule>,
    /// Default routes, by table.
    pub routes: Vec<Route>,
    /// The addresses of its interfaces, where it was asked.
    pub interfaces: Interfaces,
    /// The names of its tables.
    pub names: Names,
    /// Routes of our script beside the default routes.
    pub further: Vec<ScriptRoute>,
    /// True if our script was read: an address of which it says nothing needs nothing.
    pub is_ours: bool,
    /// Rules of scripts, and where they stand.
    scripted: Vec<(IpRule, Span)>,
}

/// The way that the replies of a VIP leave by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Way {
    pub gateway: IpAddr,
    pub table: Table,
    pub rule_priority: Option<u32>,
    /// Value, mask and the priority of its rule.
    pub mark: Option<(u32, u32, Option<u32>)>,
}

impl ReplyRouting {
    /// Everything that is known of a node.
    pub fn read(
        tree: &Tree,
        node: &str,
        state: &NodeState,
        sources: &mut Sources,
        findings: &mut Findings,
    ) -> Self {
        let mut found = Self { interfaces: state.interfaces.clone(), ..Self::default() };
        let prefix = Place::folder_of(node);
        let beside = || {
            tree.iter().filter_map(|(path, body)| Some((path, path.strip_prefix(&prefix)?, body)))
        };
        for (_, _, body) in beside().filter(|(_, name, _)| Names::are_in(name)) {
            found.names.read(body);
        }
        let names = &found.names;
        for instance in state.keepalived.iter().flat_map(|found| &found.instances) {
            found.rules.extend(instance.rules.iter().filter_map(|line| rule(&line.words, names)));
            found
                .routes
                .extend(instance.routes.iter().filter_map(|line| route(&line.words, names)));
        }
        let script = &state.routing;
        found.rules.extend(script.rules.iter().filter_map(|written| {
            Some(IpRule { priority: Some(written.priority), ..rule(&written.words, names)? })
        }));
        found.further.extend(script.routes.iter().filter(|written| written.to.is_some()).cloned());
        found.is_ours =
            beside().any(|(_, name, _)| matches!(NodeFile::of(name), NodeFile::PolicyRouting(_)));
        let defaults = script.routes.iter().filter(|written| written.to.is_none());
        found.routes.extend(defaults.map(|written| Route {
            gateway: written.gateway,
            table: Table::Number(written.table),
        }));
        for (path, name, body) in beside() {
            if name.ends_with(".json") && !name.contains('/') {
                found.json(
                    name,
                    body,
                    || Span::of_file(sources.add(tree.shown(path), body.to_owned())).at(0),
                    findings,
                );
            } else if is_script(name, body) {
                found.shell(body, || sources.add(tree.shown(path), body.to_owned()), findings);
            }
        }
        found
    }

    /// Returns the way that the replies of an address leave by, or `None` if nothing says it.
    pub fn way(&self, address: IpAddr) -> Option<Way> {
        self.way_of(address.into())
    }

    /// The same for an address with its network: a rule for many addresses is not its own where the gateway lies in another
    /// network.
    pub fn way_of(&self, net: IpNet) -> Option<Way> {
        let address = net.addr();
        let covers = |rule: &&IpRule| {
            rule.from.is_some_and(|from| from.contains(&address)) && rule.to.is_none()
        };
        let own = self.rules.iter().filter(covers).min_by_key(|rule| rule.priority)?;
        let route = self.routes.iter().find(|route| {
            route.table == own.table && route.gateway.is_ipv4() == address.is_ipv4()
        })?;
        let is_wide = own.from.is_some_and(|from| from.prefix_len() < from.max_prefix_len());
        let is_shared = net.prefix_len() < net.max_prefix_len();
        if is_wide && is_shared && !net.contains(&route.gateway) {
            return None;
        }
        let marked = self.rules.iter().find_map(|rule| {
            let (value, mask) = rule.mark.filter(|_| rule.table == own.table)?;
            Some((value, mask, rule.priority))
        });
        Some(Way {
            gateway: route.gateway,
            table: own.table.clone(),
            rule_priority: own.priority,
            mark: marked,
        })
    }

    fn json(&mut self, name: &str, body: &str, at: impl FnOnce() -> Span, findings: &mut Findings) {
        let known =
            ["ip-addr", "ip-rule", "ip-route"].into_iter().find(|kind| name.starts_with(kind));
        let Some(kind) = known else { return };
        // `ip -4` and `ip -6` one after the other are two documents.
        let documents: Result<Vec<Value>, _> =
            serde_json::Deserializer::from_str(body).into_iter().collect();
        let Ok(documents) = documents else {
            findings.add(
                &codes::UNREADABLE,
                at(),
                format!("`{name}` is not the JSON of iproute2"),
                "`ip -j` writes it; `lbgen import --collect` prints a script that gathers all of it",
            );
            return;
        };
        for entry in documents.iter().filter_map(Value::as_array).flatten() {
            match kind {
                // The state has them already.
                "ip-addr" => {}
                "ip-rule" => self.rules.extend(rule_entry(entry, &self.names)),
                _ => self.routes.extend(route_entry(entry, &self.names)),
            }
        }
    }

    /// The `ip rule add` and `ip route add` lines of a script.
    fn shell(
        &mut self,
        body: &str,
        file: impl FnOnce() -> crate::source::FileId,
        findings: &mut Findings,
    ) {
        let file = file();
        let mut offset = 0;
        for line in body.split_inclusive('\n') {
            let start = offset;
            offset += line.len();
            let words = line.split('#').next().unwrap_or_default().trim();
            let number = |byte: usize| u32::try_from(byte).unwrap_or(u32::MAX);
            let at =
                Span { file, start: number(start), end: number(start + line.trim_end().len()) };
            let Some((what, rest)) = ip_command(words) else {
                if let Some(program) = packet_program(words) {
                    let title = format!("`{program}` is not followed: {words}");
                    findings.add(&codes::LOST, at, title, ELSEWHERE);
                }
                continue;
            };
            if rest.contains(['$', '`']) {
                findings.add(
                    &codes::LOST,
                    at,
                    "a line with variables is not followed",
                    "collect what the node has instead: `lbgen import --collect` prints a script that does",
                );
                continue;
            }
            match what {
                "rule" => match rule(rest, &self.names) {
                    Some(found) => {
                        self.rules.push(found.clone());
                        self.scripted.push((found, at));
                    }
                    None => {
                        let title = format!("the rule `{rest}` is left behind");
                        findings.add(&codes::LOST, at, title, ELSEWHERE);
                    }
                },
                _ => match route(rest, &self.names) {
                    Some(found) => self.routes.push(found),
                    None => {
                        let title = format!("the route `{rest}` is left behind");
                        findings.add(&codes::LOST, at, title, ELSEWHERE);
                    }
                },
            }
        }
    }

    /// Rules of scripts by which no reply of these addresses leaves.
    pub fn tell_unused(&self, vips: &[IpAddr], findings: &mut Findings) {
        let ways: Vec<Way> = vips.iter().filter_map(|vip| self.way(*vip)).collect();
        for (rule, at) in &self.scripted {
            let of_way = ways.iter().any(|way| way.table == rule.table);
            let covers = |from: IpNet| vips.iter().any(|vip| from.contains(vip));
            let is_used = of_way && (rule.mark.is_some() || rule.from.is_some_and(covers));
            if !is_used {
                let title = format!("the rule {} is left behind", rule.said());
                findings.add(&codes::LOST, *at, title, ELSEWHERE);
            }
        }
    }
}

impl IpRule {
    /// As ip-rule(8) shows it.
    fn said(&self) -> String {
        let from = self.from.map(|from| format!("from {from} "));
        let to = self.to.map(|to| format!("to {to} "));
        let mark = self.mark.map(|(value, mask)| format!("fwmark {value:#x}/{mask:#x} "));
        let words: String = [from, to, mark].into_iter().flatten().collect();
        format!("`{words}lookup {}`", self.table)
    }
}

/// A program that changes what happens to packets.
fn packet_program(line: &str) -> Option<&str> {
    const PROGRAMS: &[&str] = &[
        "iptables",
        "ip6tables",
        "iptables-restore",
        "nft",
        "ipvsadm",
        "tc",
        "ebtables",
        "arptables",
    ];
    let first = line.split_whitespace().next()?;
    let name = first.rsplit('/').next()?;
    PROGRAMS.contains(&name).then_some(name)
}

/// Returns true if a file beside the configuration is a script that sets rules or routes, and neither ours nor read as a part
/// of the configuration.
fn is_script(name: &str, body: &str) -> bool {
    let file = NodeFile::of(name);
    let is_known = file.is_of_keepalived() || !matches!(file, NodeFile::Foreign(_));
    let acts = |line: &str| ip_command(line).is_some() || packet_program(line).is_some();
    !is_known && body.lines().any(|line| acts(line.trim()))
}

/// `ip [-4|-6] rule|route add|replace|append ...`
fn ip_command(line: &str) -> Option<(&str, &str)> {
    let rest =
        line.strip_prefix("ip ").or_else(|| line.split_once("/ip ").map(|(_, rest)| rest))?;
    let rest = rest.trim_start_matches("-4 ").trim_start_matches("-6 ").trim_start();
    let (what, rest) = rest.split_once(' ')?;
    let (verb, rest) = rest.trim_start().split_once(' ')?;
    let adds = matches!(verb, "add" | "a" | "replace" | "append" | "prepend");
    (matches!(what, "rule" | "route") && adds).then_some((what, rest))
}

/// A rule in the words of ip-rule(8).
pub fn rule(words: &str, names: &Names) -> Option<IpRule> {
    let (mut from, mut to, mut marked, mut table, mut priority) = (None, None, None, None, None);
    let mut words = words.split_whitespace();
    while let Some(word) = words.next() {
        match word {
            // `::/0` only says that a rule is of IPv6.
            "from" => from = network(words.next()?).filter(|net| net.prefix_len() > 0),
            "to" => to = network(words.next()?),
            "fwmark" => marked = mark(words.next()?),
            "lookup" | "table" => table = names.table(words.next()?),
            "priority" | "preference" | "pref" | "prio" | "order" => {
                priority = words.next()?.parse().ok();
            }
            _ => {}
        }
    }
    Some(IpRule { from, to, mark: marked, table: table?, priority })
}

/// A default route of a table of its own, in the words of ip-route(8).
pub fn route(words: &str, names: &Names) -> Option<Route> {
    let words: Vec<&str> = words.split_whitespace().collect();
    let after = |key: &[&str]| {
        let at = words.iter().position(|word| key.contains(word))?;
        words.get(at + 1).copied()
    };
    let is_default = words.iter().any(|word| matches!(*word, "default" | "0.0.0.0/0" | "::/0"));
    let table = names.table(after(&["table"])?)?;
    is_default.then_some(())?;
    Some(Route { gateway: after(&["via"])?.parse().ok()?, table })
}

fn rule_entry(entry: &Value, names: &Names) -> Option<IpRule> {
    let text = |key: &str| entry[key].as_str();
    let mask = text("fwmask").and_then(mark).map_or(u32::MAX, |(mask, _)| mask);
    let mark = text("fwmark").and_then(mark).map(|(value, _)| (value, mask));
    Some(IpRule {
        from: text("src").and_then(|text| with_length(text, &entry["srclen"])),
        to: text("dst").and_then(|text| with_length(text, &entry["dstlen"])),
        mark,
        table: names.table(text("table")?)?,
        priority: entry["priority"].as_u64().and_then(|value| u32::try_from(value).ok()),
    })
}

fn route_entry(entry: &Value, names: &Names) -> Option<Route> {
    (entry["dst"].as_str()? == "default").then_some(())?;
    Some(Route {
        gateway: entry["gateway"].as_str()?.parse().ok()?,
        // The main table is the one that is not named.
        table: names.table(entry["table"].as_str().unwrap_or("main"))?,
    })
}

/// An address and its length beside it, as `ip -j rule` prints a network.
fn with_length(text: &str, length: &Value) -> Option<IpNet> {
    let length = length.as_u64().and_then(|length| u8::try_from(length).ok());
    match (text.parse::<IpAddr>(), length) {
        (Ok(address), Some(length)) => IpNet::new(address, length).ok(),
        _ => network(text),
    }
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

/// `0x1/0xff`
fn mark(text: &str) -> Option<(u32, u32)> {
    let number = |text: &str| match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match text.split_once('/') {
        Some((value, mask)) => Some((number(value)?, number(mask)?)),
        None => Some((number(text)?, u32::MAX)),
    }
}
