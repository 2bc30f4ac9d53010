//! The contents of the policy routing script: the lists in its here documents.

use std::net::IpAddr;

use serde_json::Value;

/// The lists of a script.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScriptRouting {
    /// True if the script holds rules and routes; else keepalived does, and the script only knows them.
    pub is_static: bool,
    /// By VIP.
    pub rules: Vec<ScriptRule>,
    /// By VIP.
    pub routes: Vec<ScriptRoute>,
    /// By VIP.
    pub marks: Vec<ScriptMark>,
}

/// A rule of a VIP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptRule {
    /// The VIP.
    pub vip: IpAddr,
    /// True if it is an IPv6 rule.
    pub ipv6: bool,
    /// `ip rule` priority.
    pub priority: u32,
    /// As iproute2 prints it.
    pub words: String,
}

/// A route of a VIP's table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptRoute {
    /// The VIP.
    pub vip: IpAddr,
    /// In which table.
    pub table: u32,
    /// Next hop.
    pub gateway: IpAddr,
    /// Out of which interface.
    pub interface: String,
    /// The network that it leads to; `None` is the default route.
    pub to: Option<String>,
}

/// The mark of connections to an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptMark {
    /// The VIP.
    pub vip: IpAddr,
    /// The interface that the connections enter by.
    pub interface: String,
    /// The address that they are made to.
    pub address: IpAddr,
    /// Value of the packet mark.
    pub value: u32,
    /// Bits that are ours.
    pub mask: u32,
}

/// A rule from an address, as `ip rule` has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StandingRule {
    /// Packets from here
    pub from: IpAddr,
    /// are looked up there.
    pub table: String,
    /// `ip rule` priority.
    pub priority: u64,
}

impl StandingRule {
    /// As keepalived and iproute2 write it.
    pub fn words(&self) -> String {
        let Self { from, table, priority } = self;
        format!("from {from} lookup {table} priority {priority}")
    }
}

/// The rules from single addresses in what `ip -j rule` prints, once for each family.
pub(super) fn standing(json: &str) -> Vec<StandingRule> {
    let documents = serde_json::Deserializer::from_str(json).into_iter::<Value>();
    let lists = documents.map_while(Result::ok);
    let entries = lists.flat_map(|list| list.as_array().cloned().unwrap_or_default());
    entries
        .filter(|entry| entry.get("dst").is_none() && entry.get("fwmark").is_none())
        .filter_map(|entry| {
            Some(StandingRule {
                from: entry["src"].as_str()?.parse().ok()?,
                table: entry["table"].as_str()?.to_owned(),
                priority: entry["priority"].as_u64()?,
            })
        })
        .collect()
}

/// Reads a script of ours. Lines that are not as we write them are not ours, and say nothing.
pub(super) fn read(script: &str) -> ScriptRouting {
    ScriptRouting {
        is_static: script.lines().any(|line| line == "mode=static"),
        rules: list(script, "rules", rule),
        routes: list(script, "routes", route),
        marks: list(script, "marks", mark),
    }
}

/// The lines of `NAME() { cat <<'END' ... END`.
fn list<T>(script: &str, name: &str, item: fn(&[&str]) -> Option<T>) -> Vec<T> {
    let opening = format!("{name}() {{");
    let lines = script.lines().skip_while(|line| *line != opening).skip(2);
    lines
        .take_while(|line| *line != "END")
        .filter_map(|line| item(&line.split_whitespace().collect::<Vec<_>>()))
        .collect()
}

fn rule(words: &[&str]) -> Option<ScriptRule> {
    let [vip, family, priority, rest @ ..] = words else { return None };
    Some(ScriptRule {
        vip: vip.parse().ok()?,
        ipv6: *family == "-6",
        priority: priority.parse().ok()?,
        words: rest.join(" "),
    })
}

fn route(words: &[&str]) -> Option<ScriptRoute> {
    let [vip, _, table, gateway, interface, to @ ..] = words else { return None };
    Some(ScriptRoute {
        vip: vip.parse().ok()?,
        table: table.parse().ok()?,
        gateway: gateway.parse().ok()?,
        interface: (*interface).to_owned(),
        to: to.first().map(|to| (*to).to_owned()),
    })
}

fn mark(words: &[&str]) -> Option<ScriptMark> {
    let [vip, _, interface, address, value, others] = words else { return None };
    let number = |text: &str| u32::from_str_radix(text.strip_prefix("0x")?, 16).ok();
    Some(ScriptMark {
        vip: vip.parse().ok()?,
        interface: (*interface).to_owned(),
        address: address.parse().ok()?,
        value: number(value)?,
        mask: !number(others)?,
    })
}
