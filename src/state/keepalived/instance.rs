//! `vrrp_instance`: who advertises what, to whom.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::{Configuration, Statement, known};
use crate::source::Span;
use crate::state::Remark;

/// A `vrrp_instance`.
#[derive(Debug, Clone)]
pub struct Instance {
    /// What it is called; says nothing to other nodes.
    pub name: String,
    /// Where it stands.
    pub at: Span,
    /// `state MASTER`: it starts as MASTER.
    pub starts_as_master: bool,
    /// Where adverts travel.
    pub interface: String,
    /// Virtual router id; 0 where there is none.
    pub vrid: u8,
    /// 1 to 255.
    pub priority: u8,
    /// How adverts are sent and which ones count.
    pub advert: Advert,
    /// What it does when a lower one is MASTER.
    pub preempt: Preemption,
    /// Scripts that change its priority.
    pub scripts: Vec<Track>,
    /// Files that change its priority.
    pub files: Vec<Track>,
    /// `virtual_ipaddress`
    pub addresses: Vec<Address>,
    /// `virtual_ipaddress_excluded`
    pub excluded: Vec<Address>,
    /// `virtual_routes`, the words of each.
    pub routes: Vec<String>,
    /// `virtual_rules`, the words of each.
    pub rules: Vec<String>,
    /// Everything else, as it stands.
    pub others: Vec<Statement>,
}

/// Two instances that say the same are equal, wherever they stand.
impl PartialEq for Instance {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
            && self.starts_as_master == other.starts_as_master
            && self.interface == other.interface
            && self.vrid == other.vrid
            && self.priority == other.priority
            && self.advert == other.advert
            && self.preempt == other.preempt
            && self.scripts == other.scripts
            && self.files == other.files
            && self.addresses == other.addresses
            && self.excluded == other.excluded
            && self.routes == other.routes
            && self.rules == other.rules
            && self.others == other.others
    }
}

/// What makes an advert reach a node and count there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advert {
    /// 2 or 3; IPv6 is always 3.
    pub version: u8,
    /// Whether its addresses are IPv6.
    pub ipv6: bool,
    /// Time between two of them.
    pub interval: Duration,
    /// `unicast_src_ip` or `mcast_src_ip`; else the interface's first address.
    pub source: Option<IpAddr>,
    /// Empty is multicast.
    pub peers: BTreeSet<IpAddr>,
    /// VRRPv2's password.
    pub authentication: Option<Authentication>,
    /// Whether the sender has to be a peer.
    pub checks_sender: bool,
}

/// `authentication`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authentication {
    /// `PASS` or `AH`.
    pub kind: String,
    /// Its first 8 characters count.
    pub pass: String,
}

/// What an instance does when a lower one is MASTER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Preemption {
    /// Takes the VIP.
    AtOnce,
    /// Takes it after this time.
    After(Duration),
    /// Leaves it there.
    Never,
}

/// An entry of `track_script` or `track_file`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Track {
    /// Of which script or file.
    pub name: String,
    /// Instead of its own.
    pub weight: Option<i32>,
    /// Whether it counts while it fails (`reverse`).
    pub is_reversed: bool,
}

/// A virtual address.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// With its prefix length.
    pub address: IpNet,
    /// Where it stands; else on the instance's interface.
    pub interface: Option<String>,
    /// What else its line says: `label`, `scope`, `no_track`, ...
    pub words: String,
}

/// What `global_defs` says for every instance.
pub struct Defaults {
    version: u8,
    checks_sender: bool,
    interface: Option<String>,
}

impl Defaults {
    pub fn of(found: &Configuration) -> Self {
        Self {
            version: found.global_number("vrrp_version").unwrap_or(2),
            checks_sender: found.checks_senders(),
            interface: found
                .global
                .iter()
                .find(|statement| statement.key() == "default_interface")
                .and_then(|statement| statement.value())
                .map(str::to_owned),
        }
    }
}

impl Instance {
    /// The address that it is known by: the first that it advertises.
    pub fn vip(&self) -> Option<IpAddr> {
        self.addresses.first().or(self.excluded.first()).map(|address| address.address.addr())
    }

    /// Every address that comes with it.
    pub fn holds(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().chain(&self.excluded).map(|address| address.address.addr())
    }

    /// The addresses that it advertises, in no order.
    pub fn advertised(&self) -> BTreeSet<IpAddr> {
        self.addresses.iter().map(|address| address.address.addr()).collect()
    }

    /// What keepalived knows it by across a reload; another one is made anew (facts-keepalived 10).
    pub fn identity(&self) -> (u8, bool, &str, bool, Option<IpAddr>) {
        let Advert { ipv6, source, peers, .. } = &self.advert;
        let unicast = !peers.is_empty();
        (self.vrid, *ipv6, &self.interface, unicast, source.filter(|_| unicast))
    }

    /// How long it waits, beyond 3 adverts, before it takes over from a silent MASTER, and how long after one that
    /// says goodbye: (256 - priority)/256 s; in VRRPv3 of the advert interval (RFC 9568, 6.1).
    pub fn skew(&self) -> Duration {
        let whole = match self.advert.version {
            3 => self.advert.interval,
            _ => Duration::from_secs(1),
        };
        whole * (256 - u32::from(self.priority)) / 256
    }

    pub(super) fn of(statement: Statement, defaults: &Defaults, remarks: &mut Vec<Remark>) -> Self {
        let at = statement.at;
        let mut reader = Reader { defaults, remarks, version: None };
        let mut found = Self {
            name: statement.value().unwrap_or_default().to_owned(),
            at,
            starts_as_master: false,
            interface: defaults.interface.clone().unwrap_or_default(),
            vrid: 0,
            priority: 100,
            advert: Advert {
                version: 2,
                ipv6: false,
                interval: Duration::from_secs(1),
                source: None,
                peers: BTreeSet::new(),
                authentication: None,
                checks_sender: defaults.checks_sender,
            },
            preempt: Preemption::AtOnce,
            scripts: Vec::new(),
            files: Vec::new(),
            addresses: Vec::new(),
            excluded: Vec::new(),
            routes: Vec::new(),
            rules: Vec::new(),
            others: Vec::new(),
        };
        for inner in statement.block.unwrap_or_default() {
            reader.statement(&mut found, inner);
        }
        let first = found.addresses.first().map(|address| address.address.addr());
        let any = first.or_else(|| found.advert.peers.first().copied()).or(found.advert.source);
        found.advert.ipv6 = any.is_some_and(|address| address.is_ipv6());
        found.advert.version = match found.advert.ipv6 {
            true => 3,
            false => reader.version.unwrap_or(defaults.version),
        };
        // The word is cleared for the owner of the address, and where the instance starts as MASTER.
        let never = found.preempt == Preemption::Never;
        if found.priority == 255 || never && found.starts_as_master {
            found.preempt = Preemption::AtOnce;
        }
        if found.vrid == 0 {
            let text = format!("the instance `{}` has no virtual_router_id", found.name);
            remarks.push(Remark { at, text });
        }
        found
    }
}

struct Reader<'a> {
    defaults: &'a Defaults,
    remarks: &'a mut Vec<Remark>,
    version: Option<u8>,
}

impl Reader<'_> {
    fn statement(&mut self, found: &mut Instance, inner: Statement) {
        let at = inner.at;
        match inner.key() {
            "state" => found.starts_as_master = inner.value() == Some("MASTER"),
            "interface" => found.interface = inner.value().unwrap_or_default().to_owned(),
            "virtual_router_id" => self.set(&mut found.vrid, &inner),
            "priority" => self.set(&mut found.priority, &inner),
            "version" => {
                let mut version = self.defaults.version;
                self.set(&mut version, &inner);
                self.version = Some(version);
            }
            "advert_int" => self.seconds(&inner, |interval| found.advert.interval = interval),
            "unicast_src_ip" | "mcast_src_ip" => {
                found.advert.source = self.parsed::<IpAddr>(&inner);
            }
            "unicast_peer" => {
                for peer in inner.inner() {
                    match peer.key().parse() {
                        Ok(address) => drop(found.advert.peers.insert(address)),
                        Err(_) => self.remark(at, format!("`{}` is not an IP address", peer.key())),
                    }
                }
            }
            "check_unicast_src" => found.advert.checks_sender = true,
            "authentication" => found.advert.authentication = authentication(&inner),
            "nopreempt" => found.preempt = Preemption::Never,
            "preempt" => found.preempt = Preemption::AtOnce,
            // Beside `nopreempt`, keepalived drops the delay.
            "preempt_delay" if found.preempt != Preemption::Never => {
                self.seconds(&inner, |delay| found.preempt = Preemption::After(delay));
            }
            "preempt_delay" => {}
            "track_script" => found.scripts.extend(inner.inner().iter().map(Track::of)),
            "track_file" => found.files.extend(inner.inner().iter().map(Track::of)),
            "virtual_ipaddress" => self.addresses(&mut found.addresses, &inner),
            "virtual_ipaddress_excluded" => self.addresses(&mut found.excluded, &inner),
            "virtual_routes" => {
                found.routes.extend(inner.inner().iter().map(|route| route.words.join(" ")));
            }
            "virtual_rules" => {
                found.rules.extend(inner.inner().iter().map(|rule| rule.words.join(" ")));
            }
            key => {
                if !known::INSTANCE.contains(&key) {
                    self.remark(at, format!("`{key}` is not a word that lbgen knows here"));
                }
                found.others.push(inner);
            }
        }
    }

    fn parsed<T: std::str::FromStr>(&mut self, statement: &Statement) -> Option<T> {
        let value = statement.value().unwrap_or_default();
        let parsed = value.parse().ok();
        if parsed.is_none() {
            let text = format!("`{}` cannot be `{value}`", statement.key());
            self.remark(statement.at, text);
        }
        parsed
    }

    fn set<T: std::str::FromStr>(&mut self, place: &mut T, statement: &Statement) {
        if let Some(value) = self.parsed(statement) {
            *place = value;
        }
    }

    /// Seconds with decimals.
    fn seconds(&mut self, statement: &Statement, set: impl FnOnce(Duration)) {
        let seconds = self.parsed::<f64>(statement);
        let duration = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        if let Some(duration) = duration {
            // In the steps that keepalived keeps.
            set(Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)));
        }
    }

    fn addresses(&mut self, list: &mut Vec<Address>, statement: &Statement) {
        for inner in statement.inner() {
            match Address::of(inner) {
                Some(address) => list.push(address),
                None => self.remark(inner.at, format!("`{}` is not an address", inner.key())),
            }
        }
    }

    fn remark(&mut self, at: Span, text: String) {
        self.remarks.push(Remark { at, text });
    }
}

impl Address {
    fn of(statement: &Statement) -> Option<Self> {
        let mut words = statement.words.iter().map(String::as_str).peekable();
        let first = words.next()?;
        let address =
            first.parse::<IpNet>().ok().or_else(|| Some(first.parse::<IpAddr>().ok()?.into()))?;
        let (mut interface, mut rest) = (None, Vec::new());
        while let Some(word) = words.next() {
            match word {
                "dev" => interface = words.next().map(str::to_owned),
                word => rest.push(word),
            }
        }
        Some(Self { address, interface, words: rest.join(" ") })
    }
}

impl Track {
    fn of(statement: &Statement) -> Self {
        let weight = statement.words.iter().position(|word| word == "weight");
        let weight = weight.and_then(|at| statement.words.get(at + 1)?.parse().ok());
        let is_reversed = statement.words.iter().any(|word| word == "reverse");
        Self { name: statement.key().to_owned(), weight, is_reversed }
    }
}

fn authentication(statement: &Statement) -> Option<Authentication> {
    let value = |key: &str| {
        let found = statement.inner().iter().find(|inner| inner.key() == key)?;
        found.value().map(str::to_owned)
    };
    let pass = value("auth_pass").unwrap_or_default().chars().take(8).collect();
    Some(Authentication { kind: value("auth_type")?, pass })
}
