//! The numbers that VIPs run with, as far as an inventory can pin them.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::IpAddr;

use super::codes;
use super::finding::Findings;
use super::fleet::Vip;
use super::next_hop::NextHop;
use super::table::Table;
use super::yaml::Yaml;
use crate::language::number::RESERVED_TABLES;
use crate::model::networks_of;

/// Pins of a VIP, or of a further network of one.
#[derive(Debug, Default)]
pub struct Pins {
    pub vrid: Option<u8>,
    pub table: Option<u32>,
    pub rule_priority: Option<u32>,
    pub mark: Option<u32>,
    pub mark_rule_priority: Option<u32>,
}

impl Pins {
    /// Adds the pins of the reply routing to an entry.
    pub fn put_routing(&self, map: &mut Yaml) {
        map.put_some("table", self.table.map(Yaml::plain));
        map.put_some("rule_priority", self.rule_priority.map(Yaml::plain));
        map.put_some("mark", self.mark.map(|mark| Yaml::plain(format!("{mark:#x}"))));
        map.put_some("mark_rule_priority", self.mark_rule_priority.map(Yaml::plain));
    }
}

/// The pins of every VIP and network, by address, and the mask of the marks.
pub fn pins(
    vips: &[Vip],
    gateways: &BTreeMap<String, NextHop>,
    is_marked: impl Fn(&Vip) -> bool,
    findings: &mut Findings,
) -> (BTreeMap<IpAddr, Pins>, u32) {
    let masks = vips.iter().filter_map(|vip| Some(vip.way(vip.address)?.mark?.1));
    let mask = super::most(masks.filter(|mask| *mask != u32::MAX)).unwrap_or(0xff);
    let mut pins: BTreeMap<IpAddr, Pins> = BTreeMap::new();
    let mut taken = Taken::default();
    for vip in vips {
        let vrid = vip.most(|member| member.instance.vrid).filter(|vrid| *vrid != 0);
        let vrid = taken.free(Kind::vrid(vip), vrid.map(u32::from), vip, findings);
        let vrid = vrid.and_then(|vrid| u8::try_from(vrid).ok());
        let further = first_of_networks(vip, gateways);
        let further = further.into_iter().filter(|address| *address != vip.address);
        for address in std::iter::once(vip.address).chain(further) {
            let way = vip.way(address);
            let mark = way.and_then(|way| way.mark).filter(|_| is_marked(vip));
            let table = taken.table(way.map(|way| &way.table), vip, findings);
            let mut free = |what, number: Option<u32>| taken.free(what, number, vip, findings);
            let own = Pins {
                vrid: vrid.filter(|_| address == vip.address),
                table,
                rule_priority: free(Kind::Rule, way.and_then(|way| way.rule_priority)),
                mark: free(
                    Kind::Mark,
                    mark.map(|(value, ..)| value).filter(|value| value & !mask == 0),
                ),
                mark_rule_priority: free(Kind::Rule, mark.and_then(|(.., priority)| priority)),
            };
            pins.insert(address, own);
        }
    }
    (pins, mask)
}

/// The addresses of a VIP under which an inventory has the numbers of its networks.
fn first_of_networks(vip: &Vip, gateways: &BTreeMap<String, NextHop>) -> Vec<IpAddr> {
    let all = std::iter::once(vip.address).chain(vip.extra.iter().copied());
    let routed: Vec<(IpAddr, &String)> = all
        .filter_map(|address| {
            let mut found = gateways.iter().filter(|(_, found)| found.network.contains(&address));
            Some((address, found.next()?.0))
        })
        .collect();
    let tables = networks_of(routed.iter().map(|(address, name)| (address.is_ipv4(), *name)));
    tables.iter().filter_map(|table| Some(routed[*table.first()?].0)).collect()
}

/// The kind of a number that VIPs on one node cannot share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Vrid4,
    Vrid6,
    Table,
    Rule,
    Mark,
}

impl Kind {
    fn vrid(vip: &Vip) -> Self {
        if vip.address.is_ipv4() { Self::Vrid4 } else { Self::Vrid6 }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Vrid4 | Self::Vrid6 => "VRID",
            Self::Table => "table",
            Self::Rule => "rule priority",
            Self::Mark => "mark",
        }
    }
}

/// The VIPs that have each number.
#[derive(Default)]
struct Taken<'a>(BTreeMap<(Kind, u32), Vec<&'a Vip>>);

impl<'a> Taken<'a> {
    /// The number, where no VIP before has it on a node that both may be on.
    fn free(
        &mut self,
        kind: Kind,
        number: Option<u32>,
        vip: &'a Vip,
        findings: &mut Findings,
    ) -> Option<u32> {
        let number = number?;
        let is_ours = match kind {
            Kind::Table => !RESERVED_TABLES.contains(&number),
            Kind::Rule => (1..=32765).contains(&number),
            _ => true,
        };
        let holders = self.0.entry((kind, number)).or_default();
        let shared = holders.iter().find(|other| {
            other.address != vip.address
                && vip.members.keys().any(|node| other.members.contains_key(node))
        });
        if shared.is_none() && is_ours {
            holders.push(vip);
            return Some(number);
        }
        let word = kind.word();
        let help = match shared {
            Some(_) => format!("each VIP on a node gets a {word} of its own"),
            None if kind == Kind::Table => {
                "a pin is a number, and not one of the kernel's own tables".to_owned()
            }
            None => format!("{word} {number} is the kernel's"),
        };
        changed(kind, number, help, vip, findings);
        None
    }

    /// The number of a table, where it is known and free.
    fn table(
        &mut self,
        table: Option<&Table>,
        vip: &'a Vip,
        findings: &mut Findings,
    ) -> Option<u32> {
        match table? {
            Table::Number(number) => self.free(Kind::Table, Some(*number), vip, findings),
            Table::Name(name) => {
                let help = "a pin is a number, and /etc/iproute2/rt_tables was not collected";
                changed(Kind::Table, format!("`{name}`"), help, vip, findings);
                None
            }
        }
    }
}

/// Says that a VIP does not keep its number.
fn changed(
    kind: Kind,
    number: impl Display,
    help: impl Into<String>,
    vip: &Vip,
    findings: &mut Findings,
) {
    let Some(member) = vip.members.values().next() else { return };
    let title = format!("{} gets another {} than {number}", vip.address, kind.word());
    findings.add(&codes::OTHERWISE, member.at, title, help);
}
