//! A `vrrp_instance` as it is written, line by line in the order of the file: what keepalived refuses there is not taken.

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::instance::{Address, Line, Vmac};
use super::number::{Reading, seconds, whole};
use super::statement::Statement;
use super::track::{Track, Tracked, Weight};
use crate::source::Span;
use crate::state::remark::{Kind, Remark};

/// keepalived's own default, used if no `priority` can be read.
pub const PRIORITY: u8 = 100;

/// A longer name of an interface or a label is none (IFNAMSIZ).
const LONGEST_NAME: usize = 15;

/// An instance before the rest of the file is known. `None` is not written.
#[derive(Debug, Default)]
pub struct Draft {
    pub name: String,
    pub at: Option<Span>,
    pub is_master: Option<bool>,
    pub interface: Option<String>,
    pub vrid: Option<u8>,
    pub priority: Option<u8>,
    pub version: Option<u8>,
    pub is_ipv6: Option<bool>,
    pub interval: Option<Duration>,
    pub source: Option<IpAddr>,
    pub peers: Vec<IpAddr>,
    pub group: Option<IpAddr>,
    pub authentication: Option<String>,
    pub password: String,
    pub checks_sender: bool,
    pub faults_without_peer: bool,
    pub is_strict: Option<bool>,
    pub never_preempts: bool,
    pub delay: Option<Duration>,
    pub vmac: Option<Vmac>,
    pub tracks: Vec<Track>,
    /// The interface where one is written.
    pub addresses: Vec<(Address, Option<String>)>,
    pub excluded: Vec<(Address, Option<String>)>,
    pub allows_no_address: bool,
    pub routes: Vec<Line>,
    pub rules: Vec<Line>,
    pub others: Vec<Statement>,
}

/// A reader of `vrrp_instance` blocks.
pub struct Reader<'a, W> {
    /// The weight of what was defined before: a name that comes later is not known yet.
    pub weight_of: W,
    pub remarks: &'a mut Vec<Remark>,
}

impl<W: Fn(Tracked, &str) -> Option<Weight>> Reader<'_, W> {
    /// Reads the block of an instance.
    pub fn draft(&mut self, statement: Statement) -> Draft {
        let mut draft = Draft {
            name: statement.value().unwrap_or_default().to_owned(),
            at: Some(statement.at),
            ..Draft::default()
        };
        for inner in statement.block.unwrap_or_default() {
            self.statement(&mut draft, inner);
        }
        draft
    }

    fn statement(&mut self, draft: &mut Draft, inner: Statement) {
        let at = inner.at;
        let value = inner.value().unwrap_or_default();
        match inner.key() {
            "state" => match value {
                "MASTER" => draft.is_master = Some(true),
                "BACKUP" if draft.is_master == Some(true) => {
                    self.skipped(at, "`state` stays MASTER, as it was before");
                }
                "BACKUP" => draft.is_master = Some(false),
                other => {
                    self.skipped(
                        at,
                        format!("`state` cannot be `{other}`: keepalived takes BACKUP"),
                    );
                    draft.is_master = Some(false);
                }
            },
            "interface" if value.len() > LONGEST_NAME => {
                self.skipped(at, format!("`{value}` is too long for an interface"));
            }
            "interface" => draft.interface = Some(value.to_owned()),
            "virtual_router_id" => match self.whole(&inner, 1, 255, Reading::Whole) {
                Some(vrid) => draft.vrid = Some(vrid),
                None => self.skipped(at, format!("a VRID cannot be `{value}`")),
            },
            "priority" => {
                let priority = self.whole(&inner, 1, 255, Reading::Whole);
                if priority.is_none() {
                    let text =
                        format!("a priority cannot be `{value}`: keepalived takes {PRIORITY}");
                    self.skipped(at, text);
                }
                draft.priority = priority.or(Some(PRIORITY));
            }
            "version" => match self.whole(&inner, 2, 3, Reading::Beginning) {
                Some(version)
                    if draft.version.is_none_or(|known| known == version)
                        && !(version == 2 && draft.is_ipv6 == Some(true)) =>
                {
                    draft.version = Some(version);
                }
                _ => self.skipped(at, format!("the VRRP version cannot be `{value}` here")),
            },
            "native_ipv6" => match draft.is_ipv6 {
                Some(false) => {
                    self.skipped(at, "`native_ipv6` of an instance that has IPv4 addresses")
                }
                _ => (draft.is_ipv6, draft.version) = (Some(true), Some(3)),
            },
            "advert_int" => match seconds(value, 10_000..=255_000_000) {
                Some(interval) => draft.interval = Some(interval),
                None => self.skipped(at, format!("an advert interval cannot be `{value}`")),
            },
            "unicast_src_ip" | "mcast_src_ip" => {
                if let Some(address) = self.address_of_family(draft, value, at) {
                    draft.source = Some(address);
                }
            }
            "mcast_dst_ip" => match self.address_of_family(draft, value, at) {
                Some(address) if address.is_multicast() => draft.group = Some(address),
                Some(_) => self.skipped(at, format!("{value} is no multicast address")),
                None => {}
            },
            "unicast_peer" => {
                for peer in inner.inner() {
                    let address = self.address_of_family(draft, peer.key(), peer.at);
                    draft.peers.extend(address);
                    // A bound for the TTL is asked of senders that are known.
                    draft.checks_sender |= peer.words.len() > 2;
                }
            }
            "check_unicast_src" => draft.checks_sender = true,
            "unicast_fault_no_peer" => draft.faults_without_peer = true,
            "authentication" => self.authentication(draft, &inner),
            "strict_mode" => match truth(&inner) {
                Some(is) => draft.is_strict = Some(is),
                None => self.skipped(at, format!("`strict_mode` cannot be `{value}`")),
            },
            "nopreempt" => draft.never_preempts = true,
            "preempt" => draft.never_preempts = false,
            "preempt_delay" => match seconds(value, 0..=1_000_000_000) {
                Some(delay) => draft.delay = Some(delay).filter(|delay| !delay.is_zero()),
                None => {
                    self.skipped(at, format!("a delay cannot be `{value}`: keepalived takes none"));
                    draft.delay = None;
                }
            },
            "use_vmac" | "use_ipvlan" => {
                draft.vmac = Some(Vmac(inner.text()));
                draft.others.push(inner);
            }
            "virtual_ipaddress" => {
                for line in inner.inner() {
                    let Some(found) = self.address(line) else { continue };
                    if self.is_of_family(draft, found.0.address.addr(), line.at) {
                        draft.addresses.push(found);
                    }
                }
            }
            "virtual_ipaddress_excluded" => {
                draft.excluded.extend(inner.inner().iter().filter_map(|line| self.address(line)));
            }
            "no_virtual_ipaddress" => {
                draft.allows_no_address = true;
                draft.others.push(inner);
            }
            "virtual_routes" => draft.routes.extend(inner.inner().iter().map(line)),
            "virtual_rules" => draft.rules.extend(inner.inner().iter().map(line)),
            key => match Tracked::of(key) {
                Some(kind) => {
                    let tracks = self.tracks(kind, inner.inner());
                    draft.tracks.extend(tracks);
                }
                None => draft.others.push(inner),
            },
        }
    }

    /// The lines of a block that lists what is tracked.
    pub fn tracks(&mut self, kind: Tracked, lines: &[Statement]) -> Vec<Track> {
        let mut tracks: Vec<Track> = Vec::new();
        for line in lines {
            let name = line.key();
            if tracks.iter().any(|other| other.name == name) {
                self.skipped(line.at, format!("`{name}` is tracked already"));
                continue;
            }
            let Some(own) = (self.weight_of)(kind, name) else {
                let text = format!(
                    "`{}` of `{name}`, which is not defined before: keepalived does not track it",
                    kind.word()
                );
                self.skipped(line.at, text);
                continue;
            };
            match Track::of(kind, line, own) {
                Ok((track, corrected)) => {
                    tracks.push(track);
                    if let Some(text) = corrected {
                        self.skipped(line.at, text);
                    }
                }
                Err(text) => {
                    self.skipped(line.at, format!("{text}: keepalived does not track `{name}`"));
                }
            }
        }
        tracks
    }

    fn authentication(&mut self, draft: &mut Draft, statement: &Statement) {
        for inner in statement.inner() {
            let value = inner.value().unwrap_or_default();
            match (inner.key(), value) {
                ("auth_type", "PASS" | "AH") => draft.authentication = Some(value.to_owned()),
                ("auth_type", other) => {
                    let text = format!("`auth_type` cannot be `{other}`: it is no authentication");
                    self.skipped(inner.at, text);
                }
                ("auth_pass", pass) => {
                    let end = pass.char_indices().map(|(at, c)| at + c.len_utf8());
                    let end = end.take_while(|end| *end <= 8).last().unwrap_or(0);
                    pass[..end].clone_into(&mut draft.password);
                }
                _ => {}
            }
        }
    }

    /// An address of the instance's family, which the first one of it decides.
    fn address_of_family(&mut self, draft: &mut Draft, text: &str, at: Span) -> Option<IpAddr> {
        // keepalived cuts a prefix length off, and a range (facts D33).
        let bare = text.split(['/', '-']).next().unwrap_or(text);
        let Ok(address) = bare.parse::<IpAddr>() else {
            self.skipped(at, format!("`{text}` is not an IP address"));
            return None;
        };
        self.is_of_family(draft, address, at).then_some(address)
    }

    fn is_of_family(&mut self, draft: &mut Draft, address: IpAddr, at: Span) -> bool {
        let family = *draft.is_ipv6.get_or_insert(address.is_ipv6());
        if family != address.is_ipv6() {
            let family = if family { "IPv6" } else { "IPv4" };
            let text = format!("{address} in an instance of {family}: keepalived skips it");
            self.skipped(at, text);
        }
        family == address.is_ipv6()
    }

    fn address(&mut self, statement: &Statement) -> Option<(Address, Option<String>)> {
        let at = statement.at;
        let mut words = statement.words.iter().map(String::as_str);
        let first = words.next()?;
        let (text, length) = first.split_once('/').map_or((first, None), |(a, b)| (a, Some(b)));
        let Ok(address) = text.parse::<IpAddr>() else {
            self.skipped(at, format!("`{first}` is not an address"));
            return None;
        };
        let most = IpNet::from(address).max_prefix_len();
        let length = match length.map(|text| whole(text, 0..=i64::from(most), Reading::Beginning)) {
            None => most,
            Some(Some(length)) => u8::try_from(length).unwrap_or(most),
            Some(None) => {
                let text =
                    format!("a prefix length in `{first}` cannot be that: keepalived takes {most}");
                self.skipped(at, text);
                most
            }
        };
        let address = IpNet::new(address, length).unwrap_or_else(|_| IpNet::from(address));
        let (mut interface, mut rest) = (None, Vec::new());
        while let Some(word) = words.next() {
            let takes_one = matches!(
                word,
                "dev" | "scope" | "broadcast" | "brd" | "label" | "peer" | "preferred_lft"
            );
            let Some(value) = takes_one.then(|| words.next()) else {
                rest.push(word);
                continue;
            };
            let Some(value) = value else {
                self.skipped(at, format!("`{word}` without a value: keepalived skips {first}"));
                return None;
            };
            match word {
                "dev" if interface.is_some() => {
                    self.skipped(at, format!("two interfaces: keepalived skips {first}"));
                    return None;
                }
                "dev" => interface = Some(value.to_owned()),
                "label" if value.len() > LONGEST_NAME => {
                    let text = format!(
                        "the label `{value}` is longer than {LONGEST_NAME} characters: keepalived skips {first}"
                    );
                    self.skipped(at, text);
                    return None;
                }
                _ => rest.extend([word, value]),
            }
        }
        let words = rest.join(" ");
        Some((Address { address, interface: String::new(), words, at }, interface))
    }

    fn whole(&self, statement: &Statement, least: i64, most: i64, reading: Reading) -> Option<u8> {
        let number = whole(statement.value().unwrap_or_default(), least..=most, reading)?;
        u8::try_from(number).ok()
    }

    fn skipped(&mut self, at: Span, text: impl Into<String>) {
        self.remarks.push(Remark { at, text: text.into(), kind: Kind::Skipped });
    }
}

fn line(statement: &Statement) -> Line {
    Line { words: statement.text(), at: statement.at }
}

/// `on`, `true`, `yes` or nothing; or their opposites.
pub fn truth(statement: &Statement) -> Option<bool> {
    match statement.value() {
        None | Some("on" | "true" | "yes") => Some(true),
        Some("off" | "false" | "no") => Some(false),
        Some(_) => None,
    }
}
