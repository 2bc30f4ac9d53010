//! The effects of a change on each node: on its files, and on its keepalived.

use std::collections::{BTreeMap, BTreeSet};

use super::{Class, Comparison, Finding};
use crate::bundle::{NodeFile, Place};
use crate::language::name::{Name, Subdomain};
use crate::language::version::KeepalivedVersion;
use crate::language::word::DaemonForm;
use crate::model::Entry;
use crate::state::{Configuration, Pod, State, pod};

/// The reaction of a node's keepalived to a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// Nothing.
    Untouched,
    /// Reads its configuration again.
    Reload,
    /// Stops and starts: what changes is read at the start only.
    Restart,
    /// Stops for good.
    Stop,
    /// Starts for the first time.
    Start,
}

// Nothing is missing in the list.
const _: () = assert!(Daemon::Start as usize + 1 == Daemon::ALL.len());

impl Daemon {
    /// Every one, as they are declared.
    pub const ALL: [Self; 5] =
        [Self::Untouched, Self::Reload, Self::Restart, Self::Stop, Self::Start];

    /// As tables and JSON write it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Untouched => "untouched",
            Self::Reload => "reload",
            Self::Restart => "restart",
            Self::Stop => "stop",
            Self::Start => "start",
        }
    }
}

/// A node and what its keepalived does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeChange {
    /// The name of the node.
    pub node: Subdomain,
    /// The reaction of its keepalived.
    pub daemon: Daemon,
}

/// The changed files of each node, each with true where only comments differ.
fn files_by_node<'a>(comparison: Comparison<'a>) -> BTreeMap<&'a str, Vec<(NodeFile<'a>, bool)>> {
    let mut nodes: BTreeMap<&str, Vec<(NodeFile<'_>, bool)>> = BTreeMap::new();
    for changed in comparison.changed {
        if let Place::Node { node, file } = Place::of(changed.path) {
            nodes.entry(node).or_default().push((file, changed.is_text));
        }
    }
    nodes
}

pub(super) fn findings(comparison: Comparison<'_>) -> Vec<Finding> {
    let files = files_by_node(comparison);
    let mut found = Vec::new();
    for (node, files) in files {
        let Some(name) = Subdomain::parse(node) else { continue };
        let (was, is) =
            (comparison.from.nodes.contains_key(&name), comparison.to.nodes.contains_key(&name));
        let paths: Vec<String> = files.iter().map(|(file, _)| file.on(node).to_string()).collect();
        let files: Vec<NodeFile<'_>> =
            files.iter().filter(|(_, is_text)| !is_text).map(|(file, _)| *file).collect();
        let all = paths.iter().map(String::as_str);
        let entry = Entry::Node(name.clone());
        match (was, is) {
            (false, true) => {
                found.push(Finding::new(Class::New, entry, "a new node").in_files(all));
            }
            (true, false) => {
                let reason = "a node that is removed";
                found.push(Finding::new(Class::Removed, entry, reason).in_files(all));
            }
            _ => {
                found.extend(settings(comparison, &name, &files));
                found.extend(pods(comparison, &name));
            }
        }
    }
    found
}

/// Returns the changes on a node beside its VIPs.
fn settings(
    comparison: Comparison<'_>,
    node: &Subdomain,
    files: &[NodeFile<'_>],
) -> Option<Finding> {
    let mut what: Vec<&str> = Vec::new();
    let mut named: Vec<String> = Vec::new();
    for file in files {
        let word = match file {
            NodeFile::Configuration => match (of(comparison.from, node), of(comparison.to, node)) {
                (Some(from), Some(to)) => beside_instances(from, to),
                _ => Some(file.noun()),
            },
            // What it holds for VIPs is told of with them.
            NodeFile::PolicyRouting(_) => {
                let lists = |state: &State| state.nodes.get(node).map(|node| node.routing.clone());
                let (from, to) = (lists(comparison.from), lists(comparison.to));
                let same = from == to || to.is_some_and(|lists| lists.rules.is_empty());
                same.then_some(file.noun())
            }
            // They follow the configuration.
            NodeFile::Expected | NodeFile::Metrics(_)
                if files.contains(&NodeFile::Configuration) =>
            {
                None
            }
            // Told of with the pod.
            NodeFile::StaticPod => None,
            NodeFile::Foreign(_) => None,
            NodeFile::Expected
            | NodeFile::Sysctl
            | NodeFile::Networkd
            | NodeFile::Unit
            | NodeFile::Tmpfiles
            | NodeFile::Loaded
            | NodeFile::Metrics(_)
            | NodeFile::MetricsService
            | NodeFile::MetricsTimer
            | NodeFile::Check(..) => Some(file.noun()),
        };
        if let Some(word) = word {
            what.push(word);
            named.push(file.on(node.as_str()).to_string());
        }
    }
    let mut told = BTreeSet::new();
    what.retain(|word| told.insert(*word));
    (!what.is_empty()).then(|| {
        Finding::new(Class::Settings, Entry::Node(node.clone()), what.join(", "))
            .in_files(named.iter().map(String::as_str))
    })
}

/// Returns what happens to the pod of a node's keepalived, or to its host's process.
fn pods(comparison: Comparison<'_>, node: &Subdomain) -> Option<Finding> {
    let [from, to] = [comparison.from, comparison.to].map(|state| pod_of(state, node));
    if from == to {
        return None;
    }
    let words = |pod: Option<&Pod>| match pod::form(pod) {
        DaemonForm::Host => "the host",
        DaemonForm::StaticPod => "a static pod",
        DaemonForm::DaemonSet => "a DaemonSet",
    };
    let reason = match (words(from), words(to)) {
        (one, other) if one == other => "the pod of keepalived is replaced".to_owned(),
        (one, other) => format!("keepalived moves from {one} to {other}"),
    };
    let files = [NodeFile::StaticPod.on(node.as_str()), Place::Pod(node.as_str())];
    let files = files.map(|file| file.to_string());
    let changed = comparison.changed.iter().map(|file| file.path);
    let files = changed.filter(|path| files.iter().any(|file| file == path));
    Some(Finding::new(Class::Settings, Entry::Node(node.clone()), reason).in_files(files))
}

fn pod_of<'a>(state: &'a State, node: &Subdomain) -> Option<&'a Pod> {
    state.nodes.get(node)?.pod.as_ref()
}

/// Returns the first difference of a keepalived.conf outside its instances, in words.
fn beside_instances(from: &Configuration, to: &Configuration) -> Option<&'static str> {
    if from.has_reload_check() && !to.has_reload_check() {
        Some(
            "`reload_check_config` goes, which from keepalived 2.3.4 on makes every reload do nothing",
        )
    } else if from.global != to.global {
        Some("keepalived's global settings")
    } else if from.scripts != to.scripts || from.files != to.files {
        Some("keepalived's checks")
    } else if from.groups != to.groups {
        Some("sync groups")
    } else if from.others != to.others {
        Some("what keepalived does beside VRRP")
    } else {
        None
    }
}

fn of<'a>(state: &'a State, node: &Subdomain) -> Option<&'a Configuration> {
    state.nodes.get(node)?.keepalived.as_ref()
}

pub(super) fn changes(comparison: Comparison<'_>) -> Vec<NodeChange> {
    let mut nodes: Vec<&Subdomain> = comparison.from.nodes.keys().collect();
    nodes.extend(comparison.to.nodes.keys());
    nodes.sort();
    nodes.dedup();
    let files = files_by_node(comparison);
    nodes
        .into_iter()
        .map(|node| {
            let touched = files
                .get(node.as_str())
                .is_some_and(|files| files.iter().any(|(file, _)| file.is_of_keepalived()));
            let daemon = match (of(comparison.from, node), of(comparison.to, node)) {
                (None, Some(_)) => Daemon::Start,
                (Some(_), None) => Daemon::Stop,
                (Some(_), Some(_))
                    if pod_of(comparison.from, node) != pod_of(comparison.to, node) =>
                {
                    Daemon::Restart
                }
                (Some(from), Some(to))
                    if touched && from.restarts(to, version_of(comparison, node)).is_some() =>
                {
                    Daemon::Restart
                }
                (Some(_), Some(_)) if touched => Daemon::Reload,
                _ => Daemon::Untouched,
            };
            NodeChange { node: node.clone(), daemon }
        })
        .collect()
}

/// The release of keepalived on a node: as it said, or as the inventory says.
fn version_of(comparison: Comparison<'_>, node: &Subdomain) -> KeepalivedVersion {
    let said = comparison.from.nodes.get(node).and_then(|found| found.version);
    said.unwrap_or(comparison.version)
}
