//! The impact in one line.

use std::collections::BTreeSet;

use super::{Class, Daemon, Impact, Subject};
use crate::diag::count;
use crate::model::Entry;

impl Impact {
    /// `2 VIPs move, 1 component leaves the fallback, 14 nodes reload`: everything that users notice, and the worst of
    /// every other subject; worst first.
    pub fn verdict(&self) -> String {
        let mut seen: BTreeSet<&Subject> = BTreeSet::new();
        let mut told: BTreeSet<(&Subject, Class)> = BTreeSet::new();
        let mut counted: Vec<((Class, &'static str), usize)> = Vec::new();
        for finding in &self.findings {
            let first = seen.insert(&finding.subject);
            if !first && finding.class > Class::FromFallback || finding.class == Class::Text {
                continue;
            }
            let once = (&finding.subject, finding.class);
            if !told.insert(once) {
                continue;
            }
            let key = (finding.class, finding.subject.noun());
            match counted.iter_mut().find(|(found, _)| *found == key) {
                Some((_, count)) => *count += 1,
                None => counted.push((key, 1)),
            }
        }
        let mut parts: Vec<String> = counted
            .into_iter()
            .map(|((class, noun), all)| format!("{} {}", count(all, noun), verb(class, all)))
            .collect();
        for daemon in [Daemon::Restart, Daemon::Stop, Daemon::Start, Daemon::Reload] {
            let nodes = self.nodes.iter().filter(|node| node.daemon == daemon).count();
            if nodes > 0 {
                let verb = format!("{}{}", daemon.word(), if nodes == 1 { "s" } else { "" });
                parts.push(format!("{} {}", count(nodes, "node"), verb));
            }
        }
        match parts.is_empty() {
            true if self.findings.is_empty() => "nothing changes".to_owned(),
            true => "only text changes".to_owned(),
            false => parts.join(", "),
        }
    }
}

impl Subject {
    /// Returns the noun for it: `VIP`, `node`, ...
    pub fn noun(&self) -> &'static str {
        match self {
            Self::Entry(Entry::Vip(_)) => "VIP",
            Self::Entry(Entry::Node(_)) => "node",
            Self::Entry(Entry::Domain(_)) => "domain",
            Self::Entry(Entry::Component(_)) => "component",
            Self::Entry(Entry::Entrypoint(_)) => "entrypoint",
            Self::Entry(Entry::Datacenter) => "datacenter",
            Self::File(_) => "file",
        }
    }
}

fn verb(class: Class, count: usize) -> &'static str {
    let one = count == 1;
    match class {
        Class::Unknown if one => "changes, lbgen cannot say how",
        Class::Unknown => "change, lbgen cannot say how",
        Class::Unreachable if one => "becomes unreachable",
        Class::Unreachable => "become unreachable",
        Class::Recreate => "must be recreated",
        Class::Split => "can split",
        Class::Gap if one => "has a gap",
        Class::Gap => "have a gap",
        Class::Moves if one => "moves",
        Class::Moves => "move",
        Class::Switches if one => "switches",
        Class::Switches => "switch",
        Class::ToFallback if one => "goes to the fallback",
        Class::ToFallback => "go to the fallback",
        Class::FromFallback if one => "leaves the fallback",
        Class::FromFallback => "leave the fallback",
        Class::Reroutes if one => "reroutes",
        Class::Reroutes => "reroute",
        Class::Tls if one => "changes TLS",
        Class::Tls => "change TLS",
        Class::Order if one => "changes its order",
        Class::Order => "change their order",
        Class::Settings if one => "changes settings",
        Class::Settings => "change settings",
        Class::Removed if one => "is removed",
        Class::Removed => "are removed",
        Class::Tuned if one => "is tuned",
        Class::Tuned => "are tuned",
        Class::New if one => "is new",
        Class::New => "are new",
        Class::Text => "changes text",
    }
}
