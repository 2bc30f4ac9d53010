//! Drafts -> instances: what keepalived decides once the whole file is read (vrrp_complete_init of 2.2.7 to 2.4.3;
//! facts D13 to D19 and D31 to D37).

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;
use std::time::Duration;

use super::draft::{Draft, PRIORITY};
use super::group::SyncGroup;
use super::instance::{Address, Advert, Authentication, Instance, Preemption};
use super::track::{Track, Tracked};
use super::{Configuration, Transport};
use crate::source::Span;
use crate::state::Interfaces;
use crate::state::remark::{Kind, Remark};

/// The owner of an address: its weights do not count.
const OWNER: u8 = 255;

/// Addresses that fit into an advert at an MTU of 1500; the rest is not advertised (facts D8).
const ADVERTISED: [usize; 2] = [255, 89];

/// The multicast group for adverts, unless another one is set.
const GROUP4: IpAddr = IpAddr::V4(Ipv4Addr::new(224, 0, 0, 18));
const GROUP6: IpAddr = IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12));

/// Adds the instances and their groups to a configuration.
pub fn complete(
    found: &mut Configuration,
    drafts: Vec<Draft>,
    groups: Vec<SyncGroup>,
    interfaces: &Interfaces,
    remarks: &mut Vec<Remark>,
) {
    found.groups = members(groups, &drafts);
    let defaults = Defaults::of(found);
    let mut peers: BTreeSet<Arc<BTreeSet<IpAddr>>> = BTreeSet::new();
    for draft in drafts {
        let group = found.groups.iter().find(|group| group.members.contains(&draft.name));
        let is_grouped = group.is_some_and(|group| !group.has_weights);
        let mut completing = Completing { defaults: &defaults, interfaces, remarks };
        let mut instance = completing.instance(draft, is_grouped);
        if !peers.insert(instance.advert.peers.clone())
            && let Some(same) = peers.get(&instance.advert.peers)
        {
            instance.advert.peers = same.clone();
        }
        found.instances.push(instance);
    }
    track_groups(found, remarks);
    if let Some((text, at)) = conflict(&found.instances) {
        remarks.push(Remark { at, text: format!("{text}: keepalived exits"), kind: Kind::Refused });
    }
}

/// The defaults that `global_defs` sets for every instance.
struct Defaults {
    version: u8,
    is_strict: bool,
    checks_sender: bool,
    groups: [Option<IpAddr>; 2],
}

impl Defaults {
    fn of(found: &Configuration) -> Self {
        let address = |key| found.global_value(key).and_then(|text| text.parse::<IpAddr>().ok());
        Self {
            version: if found.global_value("vrrp_version") == Some("3") { 3 } else { 2 },
            is_strict: found.has_global("vrrp_strict"),
            checks_sender: found.has_global("vrrp_check_unicast_src"),
            groups: [address("vrrp_mcast_group4"), address("vrrp_mcast_group6")],
        }
    }
}

/// Groups with the members that exist; an instance is in the first that names it.
fn members(groups: Vec<SyncGroup>, drafts: &[Draft]) -> Vec<SyncGroup> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    let exists = |name: &String| drafts.iter().any(|draft| draft.name == *name);
    groups
        .into_iter()
        .map(|mut group| {
            group.members.retain(|name| exists(name) && taken.insert(name.clone()));
            group
        })
        .filter(|group| !group.members.is_empty())
        .collect()
}

struct Completing<'a> {
    defaults: &'a Defaults,
    interfaces: &'a Interfaces,
    remarks: &'a mut Vec<Remark>,
}

impl Completing<'_> {
    fn instance(&mut self, draft: Draft, is_grouped: bool) -> Instance {
        let at = draft.at.unwrap_or_else(|| Span::of_file(Default::default()));
        let is_ipv6 = draft.is_ipv6.unwrap_or(false);
        let is_strict = draft.is_strict.unwrap_or(self.defaults.is_strict);
        let version = match draft.version {
            Some(2) if is_ipv6 && is_strict => 3,
            Some(version) => version,
            None if is_ipv6 => 3,
            None => self.defaults.version,
        };
        let name = &draft.name;
        if draft.vrid.is_none() {
            self.refuse(at, format!("the instance `{name}` has no virtual_router_id"));
        }
        if draft.interface.is_none() {
            self.refuse(at, format!("the instance `{name}` has no interface"));
        }
        let needs_address = version == 3 || is_strict;
        if draft.addresses.is_empty() && needs_address && !draft.allows_no_address {
            self.refuse(at, format!("the instance `{name}` has no virtual_ipaddress"));
        }
        // What is not written follows from the state, and the state from the priority.
        let asks_master = draft.is_master == Some(true);
        let priority = draft.priority.unwrap_or(if asks_master { OWNER } else { PRIORITY });
        let mut starts_as_master = draft.is_master.unwrap_or(priority == OWNER);
        if is_strict && draft.is_master.is_some() {
            starts_as_master = priority == OWNER;
        }
        let authentication = draft
            .authentication
            .filter(|kind| !(is_ipv6 && kind == "AH"))
            .filter(|_| !is_strict && version == 2 && !draft.password.is_empty())
            .map(|kind| Authentication { kind, pass: draft.password.clone() });
        // It has to hear an advert first, for its sequence number.
        let is_ah = authentication.as_ref().is_some_and(|found| found.kind == "AH");
        starts_as_master &= !is_ah || priority == OWNER;
        let never = draft.never_preempts && priority != OWNER && !starts_as_master;
        let delay = draft.delay.filter(|_| !never && !starts_as_master && !is_strict);
        let interface = draft.interface.unwrap_or_default();
        let peers: BTreeSet<IpAddr> = draft.peers.into_iter().collect();
        let source = draft.source.or_else(|| self.interfaces.address_of(&interface, is_ipv6));
        let (usual, default) = match is_ipv6 {
            true => (GROUP6, self.defaults.groups[1]),
            false => (GROUP4, self.defaults.groups[0]),
        };
        let group = draft.group.or(default).filter(|group| peers.is_empty() && *group != usual);
        let placed = |found: Vec<(Address, Option<String>)>| -> Vec<Address> {
            let place = |(address, written): (Address, Option<String>)| Address {
                interface: written.unwrap_or_else(|| interface.clone()),
                ..address
            };
            found.into_iter().map(place).collect()
        };
        let mut addresses = placed(draft.addresses);
        let mut excluded = placed(draft.excluded);
        let most = ADVERTISED[usize::from(is_ipv6)].min(addresses.len());
        excluded.extend(addresses.drain(most..));
        let mut found = Instance {
            at,
            starts_as_master,
            vrid: draft.vrid.unwrap_or(0),
            priority,
            preempt: match (never, delay) {
                (true, _) => Preemption::Never,
                (false, Some(delay)) => Preemption::After(delay),
                (false, None) => Preemption::AtOnce,
            },
            vmac: draft.vmac,
            is_faulty: draft.faults_without_peer && peers.is_empty(),
            tracks: self.tracks(draft.tracks, &interface, priority, is_grouped),
            advert: Advert {
                version,
                ipv6: is_ipv6,
                interval: interval(draft.interval.unwrap_or(Duration::from_secs(1)), version),
                source,
                checks_sender: !peers.is_empty()
                    && (draft.checks_sender || self.defaults.checks_sender),
                peers: Arc::new(peers),
                group,
                authentication,
            },
            addresses,
            excluded,
            routes: draft.routes,
            rules: draft.rules,
            others: draft.others,
            interface,
            name: draft.name,
        };
        // A large fleet has tens of thousands of them.
        found.addresses.shrink_to_fit();
        found.excluded.shrink_to_fit();
        found.routes.shrink_to_fit();
        found.rules.shrink_to_fit();
        found.others.shrink_to_fit();
        found
    }

    /// In a sync group, and with an owner's priority, weights do not count.
    fn tracks(
        &mut self,
        tracks: Vec<Track>,
        interface: &str,
        priority: u8,
        is_grouped: bool,
    ) -> Vec<Track> {
        let own = |track: &Track| track.kind == Tracked::Interface && track.name == interface;
        let mut kept = Vec::new();
        for mut track in tracks {
            let is_weighted = track.weight.value != 0;
            if own(&track) || !is_weighted || !(is_grouped || priority == OWNER) {
                kept.extend((!own(&track)).then_some(track));
                continue;
            }
            let why = if is_grouped { "in a sync group" } else { "with priority 255" };
            let name = &track.name;
            let is_unweighted = match track.kind {
                // keepalived means to drop that of an interface too, but it has counted it before.
                Tracked::Process | Tracked::Interface => {
                    kept.push(track);
                    continue;
                }
                Tracked::File => track.weight.value == 1,
                Tracked::Script | Tracked::Bfd => false,
            };
            let text = match is_unweighted {
                true => {
                    format!("the weight of `{name}` does not count {why}: without it, it is FAULT")
                }
                false => format!("`{name}` has a weight, and is not tracked {why}"),
            };
            self.remarks.push(Remark { at: track.at, text, kind: Kind::Skipped });
            if is_unweighted {
                track.weight.value = 0;
                kept.push(track);
            }
        }
        kept
    }

    fn refuse(&mut self, at: Span, text: String) {
        let remark = Remark { at, text: format!("{text}: keepalived exits"), kind: Kind::Refused };
        self.remarks.push(remark);
    }
}

/// VRRPv2 knows whole seconds up to 255, VRRPv3 hundredths up to 40.95 (facts D14, D31).
fn interval(written: Duration, version: u8) -> Duration {
    let micros = written.as_micros();
    let (unit, most) = if version == 2 { (1_000_000, 255) } else { (10_000, 4095) };
    let units = ((micros + unit / 2) / unit).clamp(1, most);
    Duration::from_micros(u64::try_from(units * unit).unwrap_or(u64::MAX))
}

/// Makes the members of a group track what the group tracks; if one of them may not start as MASTER, none does.
fn track_groups(found: &mut Configuration, remarks: &mut Vec<Remark>) {
    for group in &mut found.groups {
        let mut all: Vec<&mut Instance> = found
            .instances
            .iter_mut()
            .filter(|instance| group.members.contains(&instance.name))
            .collect();
        if all.iter().any(|instance| instance.priority == OWNER) {
            group.tracks.iter_mut().for_each(|track| track.weight.value = 0);
        }
        let is_backup = all.iter().any(|found| !found.starts_as_master || found.priority != OWNER);
        for instance in &mut all {
            instance.starts_as_master &= !is_backup;
            for track in &group.tracks {
                let same = |own: &&mut Track| own.kind == track.kind && own.name == track.name;
                match instance.tracks.iter_mut().find(same) {
                    Some(own) if own.weight.value != 0 => own.weight = track.weight,
                    Some(own) if track.kind == Tracked::Script && track.weight.value == 0 => {
                        instance.is_faulty = true;
                        let text = format!(
                            "`{}` is tracked here and by the sync group: keepalived waits for its first result twice, and for ever",
                            track.name
                        );
                        remarks.push(Remark { at: own.at, text, kind: Kind::Skipped });
                    }
                    Some(_) => {}
                    None => instance.tracks.push(track.clone()),
                }
            }
        }
    }
}

/// Two instances that share a VRID where one may (facts D7, D34).
fn conflict(instances: &[Instance]) -> Option<(String, Span)> {
    for (index, one) in instances.iter().enumerate() {
        for other in instances[index + 1..].iter().filter(|other| other.vrid == one.vrid) {
            let (mine, theirs) = (one.identity(), other.identity());
            let is_same = match (mine.transport, theirs.transport) {
                (Transport::Unicast(a), Transport::Unicast(b)) => {
                    a == b && !one.advert.peers.is_disjoint(&other.advert.peers)
                }
                (Transport::Multicast(a), Transport::Multicast(b)) => a == b,
                _ => false,
            };
            let same_router = (mine.vrid, mine.ipv6, mine.interface)
                == (theirs.vrid, theirs.ipv6, theirs.interface);
            if is_same && same_router && mine.vrid != 0 {
                let text = format!(
                    "`{}` and `{}` both have VRID {} on {}",
                    one.name, other.name, mine.vrid, mine.interface
                );
                return Some((text, other.at));
            }
        }
    }
    None
}
